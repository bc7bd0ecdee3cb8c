"""When a text changes, the notes on it stay with what they were written on.

In the same transaction each passage is carried over to the new text, or becomes an orphan, which keeps its quote. How
it was carried stands in its target, under `genji:anchoring`: the method, from 0 to 1 how sure it is, and the revision
of the text that it came from. Where it stood before stays in the note's versions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Boolean, Integer, Text, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.anchoring.anchor import Anchor, Misplaced
from genji_graphql.anchoring.carrying import Carried, Method, carry
from genji_graphql.database import Json
from genji_graphql.models import Annotation, DocumentElement
from genji_graphql.reads.web_annotation import Place
from genji_graphql.writes.targets import is_of_text, names_of, place_in, selection_of, selectors_of

ANCHORING = "genji:anchoring"


@dataclass(slots=True)
class _Passage:
    """A target that selects a passage of the text."""

    target: dict[str, Any]
    anchor: Anchor


@dataclass(slots=True)
class _Note:
    id: int
    targets: Any
    passages: list[_Passage]
    changed: bool = False


async def carry_notes(session: AsyncSession, element_id: int, before: str, after: str, revision: int) -> None:
    """Carry all notes of an element from one revision of its text to the next. `revision` is the number of the old."""
    if before == after:
        return
    notes = await _notes(session, element_id, before)
    passages = [(note, passage) for note in notes for passage in note.passages]
    places = carry(before, after, [passage.anchor for _, passage in passages])
    for (note, passage), carried in zip(passages, places, strict=True):
        if carried.anchor != passage.anchor:
            _rewrite(passage.target, carried, revision)
            note.changed = True
    await write_targets(session, {note.id: note.targets for note in notes if note.changed})


def is_orphaned(targets: Any) -> bool:
    """Has any of these targets lost its passage?"""
    return any(one.get(ANCHORING, {}).get("method") == Method.ORPHAN for one in _leaves(targets))


async def _notes(session: AsyncSession, element_id: int, text: str) -> list[_Note]:
    """Those that stand on the element, and those elsewhere that have a target in it; the deleted ones too."""
    found = await session.execute(
        select(Annotation.id, Annotation.target)
        .where(or_(Annotation.document_element_id == element_id, _names(element_id)), Annotation.target.is_not(None))
        .order_by(Annotation.id)
        .with_for_update()
    )
    return [_read(number, target, element_id, text) for number, target in found]


def _names(element_id: int) -> Any:
    """Does a target name this element, as clients write it?"""
    sources = [f"{name}{element_id}" for name in names_of(DocumentElement)]
    shapes = [shape for source in sources for shape in _shapes({"source": source})]
    return or_(*(Annotation.target.contains(cast(literal(Json.of(shape), Text), JSONB)) for shape in shapes))


def _shapes(target: Any) -> Iterator[Any]:
    yield target
    yield [target]
    yield [[target]]


def _read(number: int, stored: Any, element_id: int, text: str) -> _Note:
    targets = stored.decoded()
    note = _Note(number, targets, [])
    for target in _leaves(targets):
        if place_in(target) != Place(DocumentElement, element_id) or _is_lost(target):
            continue
        given = target.get("selector")
        selection = selection_of(given if isinstance(given, list) else [given])
        if selection is None:
            continue
        try:
            note.passages.append(_Passage(target, selection.found_in(text, "target")))
        except Misplaced:
            # It was never in this text: whatever wrote it didn't look.
            target[ANCHORING] = {"method": Method.ORPHAN, "score": 0.0}
            note.changed = True
    return note


def _leaves(targets: Any) -> Iterator[dict[str, Any]]:
    if isinstance(targets, list):
        for one in targets:
            yield from _leaves(one)
    elif isinstance(targets, dict):
        yield targets


def _is_lost(target: dict[str, Any]) -> bool:
    known = target.get(ANCHORING)
    return isinstance(known, dict) and known.get("method") == Method.ORPHAN


def _rewrite(target: dict[str, Any], carried: Carried, revision: int) -> None:
    """An orphan keeps its selectors: they say what it was written on."""
    if carried.anchor is not None:
        _select(target, carried.anchor)
    target[ANCHORING] = {"method": carried.method, "score": round(carried.score, 3), "revision": revision}


async def write_targets(session: AsyncSession, targets: Mapping[int, Any]) -> None:
    """Give annotations other targets, by their numbers, all in one statement.

    It changes nothing that its owner wrote, so it isn't a change of theirs.
    """
    if not targets:
        return
    moved = (
        select(
            func.unnest(literal(list(targets), ARRAY(Integer))).label("id"),
            func.unnest(literal(list(map(Json.of, targets.values())), ARRAY(Text))).label("target"),
            func.unnest(literal(list(map(is_orphaned, targets.values())), ARRAY(Boolean))).label("is_orphan"),
        )
    ).subquery()
    await session.execute(
        update(Annotation)
        .where(Annotation.id == moved.c.id)
        .values(target=cast(moved.c.target, JSONB), is_orphan=moved.c.is_orphan, modified=Annotation.modified)
        .execution_options(synchronize_session=False)
    )


def place_of_lost(targets: Any, target_id: int | None) -> Place | None:
    """What the lost target of this number is in; without a number, the first that is lost."""
    target = _lost(targets, target_id)
    place = None if target is None else place_in(target)
    return place if place is not None and place.model is DocumentElement else None


def put_back(targets: Any, target_id: int | None, anchor: Anchor) -> None:
    """Put that target at a passage that a person chose."""
    target = _lost(targets, target_id)
    if target is not None:
        _select(target, anchor)
        target[ANCHORING] = {"method": "reattached", "score": 1.0}


def _lost(targets: Any, target_id: int | None) -> dict[str, Any] | None:
    lost = (one for one in _leaves(targets) if _is_lost(one) and target_id in (None, one.get("id")))
    return next(lost, None)


def _select(target: dict[str, Any], anchor: Anchor) -> None:
    given = target["selector"] if isinstance(target["selector"], list) else [target["selector"]]
    target["selector"] = [*selectors_of(anchor), *(one for one in given if not is_of_text(one))]
