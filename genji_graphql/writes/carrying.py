"""When texts change, the notes on them stay with what they were written on.

In the same transaction each passage is carried over to where it is now, or becomes an orphan, which keeps its quote.
How it was carried stands in its target, under `genji:anchoring`: the method, from 0 to 1 how sure it is, the revision
of the text that it came from, and the `source` where that was another element. Where it stood before stays in the
note's versions.

What is written on an element as a whole goes with it. Where an element is no more, whatever isn't found elsewhere hangs
on what is told as its home, such as its document.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Boolean, Integer, Text, cast, func, literal, select, text, union, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.anchoring.anchor import Anchor, Misplaced, anchor_at
from genji_graphql.anchoring.carrying import ORPHAN, Carried, Method
from genji_graphql.database import Json
from genji_graphql.models import SCHEMA, Annotation, DocumentElement
from genji_graphql.reads.web_annotation import Place
from genji_graphql.vocabulary import AnnotationStatus
from genji_graphql.writes.targets import (
    each,
    is_of_text,
    names_of,
    place_in,
    put_in,
    replaced,
    selection_of,
    selectors_of,
    source_of,
)

ANCHORING = "genji:anchoring"


class Said(NamedTuple):
    """What an element said, and the number of that revision."""

    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the texts of some elements."""

    before: Mapping[int, Said]
    """The elements that change or go, by their numbers."""
    carry: Callable[[Sequence[tuple[int, Anchor]]], Sequence[Carried]]
    """Where passages of these elements are now; a key is the number of an element."""
    homes: Mapping[int, Place] = field(default_factory=dict)
    """Of elements that go: what takes in whatever isn't found elsewhere. The others keep what is on them."""
    seeks_wholes: bool = False
    """Is what is written on a whole element sought by the text of that, since it may have another number now?"""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many notes stand where they belong after a change of their texts, and how many lost their place by it."""

    carried: int = 0
    orphaned: int = 0


@dataclass(slots=True)
class _Aim:
    """A target in one of the elements, and what becomes of it."""

    target: Any
    element_id: int
    anchor: Anchor | None = None
    """The passage; None where it is about all of the element, or was lost before."""
    carried: Carried | None = None
    """Where the passage is now; None where there is none."""
    new: Any = None
    """The target as it is to be; None where it stays as it is."""
    place: Place | None = None
    is_lost: bool = False
    """Was its place lost by this change?"""


@dataclass(slots=True)
class _Note:
    id: int
    parent_id: int | None
    element_id: int | None
    is_deleted: bool
    targets: Any
    aims: Mapping[int, _Aim]
    """By their place among the targets."""
    stands: int | None
    """The element that it stands on from now on."""
    is_changed: bool = False


async def notes_on(session: AsyncSession, element_ids: Collection[int]) -> Sequence[Any]:
    """What stands on these elements, and what has a target in one from elsewhere, locked; what is deleted as well."""
    if len(element_ids) > 1:
        await session.execute(_TIDY, {"index": f"{SCHEMA}.idx_annotations_target"})
    standing = select(Annotation.id).where(
        Annotation.document_element_id == func.any(literal(sorted(element_ids), ARRAY(Integer)))
    )
    paths = select(func.unnest(literal(list(_paths(element_ids)), ARRAY(Text))).label("path")).subquery()
    names_one = Annotation.target.path_exists(cast(paths.c.path, JSONPATH))
    naming = select(Annotation.id).join_from(paths, Annotation, names_one)
    found = await session.execute(
        select(
            Annotation.id, Annotation.parent_id, Annotation.document_element_id, Annotation.status, Annotation.target
        )
        .where(Annotation.id.in_(union(standing, naming)))
        .order_by(Annotation.id)
        .with_for_update()
    )
    return found.all()


async def carry_notes(session: AsyncSession, rows: Sequence[Any], change: Change) -> Tally:
    """Carry the notes that `notes_on` found to where their passages are after the change; answers go with their notes.

    It costs two statements at most, however many they are.
    """
    notes = {row.id: _read(row, change) for row in rows}
    homes = _carry(notes.values(), change)
    for note in notes.values():
        for aim in note.aims.values():
            _settle(aim, homes[aim.element_id], change.before[aim.element_id].revision)
        if any(aim.new is not None for aim in note.aims.values()):
            left = enumerate(each(note.targets))
            new = [note.aims[at].new or one if at in note.aims else one for at, one in left]
            note.targets, note.is_changed = replaced(note.targets, iter(new)), True
    for note in notes.values():
        place = _stands(_first(note, notes), homes) or _stands(note, homes)
        if place is not None and note.element_id is not None:
            note.stands = place.row_id if place.model is DocumentElement else None
    changed = [note for note in notes.values() if note.is_changed or note.stands != note.element_id]
    moved = {note.id: note.stands for note in changed if note.stands != note.element_id}
    await write_targets(session, {note.id: note.targets for note in changed if note.id not in moved})
    await write_targets(session, {note.id: note.targets for note in changed if note.id in moved}, moved)
    return _tally(notes.values())


def is_orphaned(targets: Any) -> bool:
    """Has any of these targets lost its passage?"""
    return any(_is_lost(one) for one in each(targets))


_TIDY = text(
    "SELECT gin_clean_pending_list(oid) FROM pg_class "
    "WHERE oid = to_regclass(:index) AND pg_has_role(relowner, 'USAGE')"
)
"""New entries lie in the index of targets unsorted until a vacuum, and each question reads all of them: asked for the
thousands of elements of a book it would take minutes. Only its owner may tidy it."""
_ELEMENTS_A_PATH = 20


def _paths(element_ids: Collection[int]) -> Iterator[str]:
    """Does a target name one of these elements, as clients write it? As JSON paths, which the index of targets answers.

    A target may stand alone, in a list, or in a list of lists.
    """
    numbers = sorted(element_ids)
    for start in range(0, len(numbers), _ELEMENTS_A_PATH):
        names = (name for number in numbers[start : start + _ELEMENTS_A_PATH] for name in _names(number))
        yield "$[*].source ? (" + " || ".join(f'@ == "{name}"' for name in names) + ")"


def _names(element_id: int) -> Iterator[str]:
    return (f"{name}{element_id}" for name in names_of(DocumentElement))


# -- what the targets of a note are in


def _read(row: Any, change: Change) -> _Note:
    targets = None if row.target is None else row.target.decoded()
    aims = {}
    for number, target in enumerate(each(targets)):
        place = place_in(target)
        if place is not None and place.model is DocumentElement and place.row_id in change.before:
            aims[number] = _aim(target, place.row_id, change.before[place.row_id].text)
    is_deleted = row.status is AnnotationStatus.DELETED
    element_id = row.document_element_id
    return _Note(row.id, row.parent_id, element_id, is_deleted, targets, aims, stands=element_id)


def _aim(target: Any, element_id: int, text: str) -> _Aim:
    if not isinstance(target, dict) or _is_lost(target):
        return _Aim(target, element_id)
    given = target.get("selector")
    selection = selection_of(given if isinstance(given, list) else [given])
    if selection is None:
        return _Aim(target, element_id)
    try:
        return _Aim(target, element_id, selection.found_in(text, "target"))
    except Misplaced:
        # It was never in this text: whatever wrote it didn't look.
        return _Aim(target, element_id, carried=ORPHAN)


def _is_lost(target: Any) -> bool:
    known = target.get(ANCHORING) if isinstance(target, dict) else None
    return isinstance(known, dict) and known.get("method") == Method.ORPHAN


# -- where they are now


class _Home(NamedTuple):
    """Where what is written on all of an element goes, and how that is known."""

    place: Place
    carried: Carried


_ALONG = Carried(Method.MAPPED, 1.0)
"""It goes where all goes that is on its element."""


def _carry(notes: Collection[_Note], change: Change) -> Mapping[int, _Home]:
    """Carry all passages at once, and with them the elements as a whole that anything is written on."""
    passages = [(aim, aim.anchor) for note in notes for aim in note.aims.values() if aim.anchor is not None]
    on = {aim.element_id for note in notes for aim in note.aims.values()}
    on |= {note.element_id for note in notes if note.element_id is not None and note.element_id in change.before}
    wholes = [(number, text) for number in sorted(on) if (text := change.before[number].text) and change.seeks_wholes]
    asked = [(aim.element_id, anchor) for aim, anchor in passages]
    asked += [(number, anchor_at(text, 0, len(text))) for number, text in wholes]
    found = change.carry(asked) if asked else ()
    for (aim, _), carried in zip(passages, found, strict=False):
        aim.carried = carried
    moved = {number: carried for (number, _), carried in zip(wholes, found[len(passages) :], strict=True)}
    return {number: _home(number, moved.get(number, ORPHAN), change) for number in on}


def _home(element_id: int, whole: Carried, change: Change) -> _Home:
    if whole.anchor is not None:
        return _Home(_place(whole), replace(whole, anchor=None))
    place = change.homes.get(element_id, Place(DocumentElement, element_id))
    return _Home(place, _ALONG if place.model is DocumentElement else ORPHAN)


def _place(carried: Carried) -> Place:
    assert isinstance(carried.key, int)  # noqa: S101 - the numbers of elements are the keys
    return Place(DocumentElement, carried.key)


def _settle(aim: _Aim, home: _Home, revision: int) -> None:
    """Give the target its new place. An orphan keeps its selectors: they say what it was written on."""
    here = Place(DocumentElement, aim.element_id)
    aim.place, carried = home if aim.carried is None else (home.place, aim.carried)
    if carried.anchor is not None:
        aim.place = _place(carried)
    is_orphan = carried.method is Method.ORPHAN
    if aim.place == here and carried.anchor == aim.anchor and not is_orphan:
        return
    was_lost = _is_lost(aim.target)
    aim.is_lost = is_orphan and not was_lost
    aim.new = put_in(aim.target, aim.place)
    if carried.anchor is not None:
        _select(aim.new, carried.anchor)
    told = {"method": carried.method, "score": round(carried.score, 3), "revision": revision}
    # What was lost before goes on telling when that was.
    if not was_lost and isinstance(aim.new, dict):
        aim.new[ANCHORING] = told if aim.place == here else told | {"source": source_of(here)}


def _stands(note: _Note, homes: Mapping[int, _Home]) -> Place | None:
    """Where the note itself is now: where the first target is that names where it stood; None where it stays."""
    if note.element_id is None or note.element_id not in homes:
        return None
    own = (aim.place for aim in note.aims.values() if aim.element_id == note.element_id)
    return next(own, homes[note.element_id].place)


def _first(note: _Note, notes: Mapping[int, _Note]) -> _Note:
    """What a thread began with, as far as it stands on what changed: all of it goes there."""
    passed = {note.id}
    while (parent := notes.get(note.parent_id or 0)) is not None and parent.id not in passed:
        note = parent
        passed.add(note.id)
    return note


# -- writing


async def write_targets(
    session: AsyncSession, targets: Mapping[int, Any], stands: Mapping[int, int | None] | None = None
) -> None:
    """Give annotations other targets, by their numbers, all in one statement; and other elements to stand on.

    It changes nothing that its owner wrote, so it isn't a change of theirs. Only what moves is told where it stands: a
    trigger locks that place, and where a note stays that is perhaps another document, whose writer waits for the note.
    """
    if not targets:
        return
    written = [None if one is None else Json.of(one) for one in targets.values()]
    seats = [(stands or {}).get(number) for number in targets]
    moved = (
        select(
            func.unnest(literal(list(targets), ARRAY(Integer))).label("id"),
            func.unnest(literal(written, ARRAY(Text))).label("target"),
            func.unnest(literal(list(map(is_orphaned, targets.values())), ARRAY(Boolean))).label("is_orphan"),
            func.unnest(literal(seats, ARRAY(Integer))).label("element_id"),
        )
    ).subquery()
    values: dict[str, Any] = {"target": cast(moved.c.target, JSONB), "is_orphan": moved.c.is_orphan}
    if stands is not None:
        values["document_element_id"] = moved.c.element_id
    await session.execute(
        update(Annotation)
        .where(Annotation.id == moved.c.id)
        .values(**values, modified=Annotation.modified)
        .execution_options(synchronize_session=False)
    )


def _tally(notes: Iterable[_Note]) -> Tally:
    """Answers go with their notes, and what is deleted is missed by nobody."""
    told = [note for note in notes if note.parent_id is None and not note.is_deleted]
    orphaned = sum(any(aim.is_lost for aim in note.aims.values()) for note in told)
    return Tally(len(told) - orphaned, orphaned)


# -- orphans that a person puts back


def lost_target(targets: Any, target_id: int | None) -> Any:
    """The lost target of this number; without a number, the first that is lost. None where there is none."""
    return next((one for one in each(targets) if _is_lost(one) and target_id in (None, one.get("id"))), None)


def put_back(targets: Any, lost: Any, place: Place, anchor: Anchor | None) -> Any:
    """The targets with the lost one where a person put it: at a passage of an element, or at the whole of it."""
    found = put_in(lost, place)
    if anchor is not None:
        _select(found, anchor)
    else:
        found.pop("selector", None)
    found[ANCHORING] = {"method": "reattached", "score": 1.0}
    return replaced(targets, iter([found if one is lost else one for one in each(targets)]))


def _select(target: dict[str, Any], anchor: Anchor) -> None:
    given = target.get("selector", [])
    given = given if isinstance(given, list) else [given]
    target["selector"] = [*selectors_of(anchor), *(one for one in given if not is_of_text(one))]
