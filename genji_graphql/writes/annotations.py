"""Writing notes: one or a thousand, in one transaction and a handful of statements.

A batch is checked whole before anything is written, and told all at once what is wrong with it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, TypedDict
from urllib.parse import urlsplit

from sqlalchemy import ARRAY, Integer, and_, func, insert, literal, or_, select, update
from sqlalchemy import Sequence as DatabaseSequence
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.joining import today
from genji_graphql.access.rules import RESTORABLE, Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.anchoring.anchor import Anchor
from genji_graphql.database import Json
from genji_graphql.errors import GenjiError, Invalid, NotAllowed, NotFound
from genji_graphql.lines import line
from genji_graphql.models import (
    Annotation,
    AnnotationVersion,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    annotation_body_ids,
    annotation_target_ids,
)
from genji_graphql.reads.web_annotation import Place
from genji_graphql.vocabulary import RESPONSES, AnnotationStatus, Motivation, PermissionName
from genji_graphql.web_annotation.check import Problem, body_problems, target_problems
from genji_graphql.web_annotation.html import sanitised
from genji_graphql.writes.carrying import is_orphaned, lost_target, put_back
from genji_graphql.writes.earlier import put_into
from genji_graphql.writes.finding import check_unchanged, find, hold_place, judge, missing
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.targets import (
    Selection,
    anchored,
    elements_of,
    numbered,
    place_in,
    places_in,
    target_on,
    unnumbered,
)
from genji_graphql.writes.uniqueness import unique

MAX_BATCH = 1000
MAX_TARGETS = 100

_LONGEST_MOTIVATION = 100
_LONGEST_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, or a part of it, that a note is about."""

    place: Place
    selection: Selection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A note that is to be written."""

    motivation: str
    body: Any = None
    passages: Sequence[Passage] = ()
    """What it is about; of several, the first is where it stands."""
    target: Any = None
    """What it is about in JSON, in place of passages."""
    nested: bool = False
    """Is each passage a list of its own, as in a link?"""
    classroom_id: int | None = None
    private: bool = False
    generator: str | None = None
    generated: datetime | None = None
    other: Any = None
    field: str = ""
    """What stands before its fields where an error names one, such as `annotations.3.`."""

    @property
    def places(self) -> list[Place]:
        return [passage.place for passage in self.passages] or places_in(self.target)


class Changes(TypedDict, total=False):
    """What is to be changed of a note; what is left out stays."""

    motivation: str
    body: Any
    target: Any
    selection: Selection
    private: bool
    other: Any


async def create(session: AsyncSession, viewer: Viewer, drafts: Sequence[Draft]) -> list[Annotation]:
    """New notes, in their order. Raises Several where any of them can't be written; then none is."""
    batch = _Batch(session, viewer, drafts)
    return await batch.written()


@dataclass
class _Batch:
    session: AsyncSession
    viewer: Viewer
    drafts: Sequence[Draft]
    mistakes: Mistakes = field(default_factory=Mistakes)

    async def written(self) -> list[Annotation]:
        for draft in self.drafts:
            self.mistakes.add(_mistakes(draft, self.viewer), draft.field)
        self.mistakes.check()
        found = await _found(self.session, self.viewer, [place for draft in self.drafts for place in draft.places])
        await self._check_classrooms()
        rows = []
        for draft in self.drafts:
            with self.mistakes.noted(draft.field):
                rows.append(self._row(draft, found))
        self.mistakes.check()
        await _number(self.session, rows)
        written = await self.session.scalars(
            insert(Annotation).returning(Annotation, sort_by_parameter_order=True), rows
        )
        return list(written)

    def _row(self, draft: Draft, found: "Found") -> dict[str, Any]:
        """The columns of the note. Raises where something is wrong with what it is about."""
        target, where = _placed(draft, found)
        return {
            "motivation": draft.motivation,
            "body": sanitised(draft.body),
            "target": target,
            "other": draft.other,
            "status": AnnotationStatus.PRIVATE if draft.private else AnnotationStatus.ACTIVE,
            "classroom_id": draft.classroom_id,
            "generator": draft.generator,
            "generated": draft.generated,
            "creator_id": self.viewer.user_id,
            "owner_id": self.viewer.user_id,
            **where,
        }

    async def _check_classrooms(self) -> None:
        wanted = {draft.classroom_id for draft in self.drafts if draft.classroom_id is not None}
        if not wanted:
            return
        # Held, so that it can't be deleted or closed before the notes are in it.
        theirs = select(Group.id, Group.end_date).where(
            Group.id == func.any(literal(sorted(wanted & self.viewer.group_ids), ARRAY(Integer)))
        )
        rows = await self.session.execute(theirs.with_for_update(read=True))
        ends = {number: end for number, end in rows}  # noqa: C416 - dict() would take a result for a mapping
        for draft in self.drafts:
            if draft.classroom_id is None:
                continue
            if draft.classroom_id not in ends:
                self.mistakes.add([missing(Group, "classroom_id")], draft.field)
            elif (end := ends[draft.classroom_id]) is not None and end < today():
                over = Invalid("This classroom is over.", field="classroom_id", code="CLOSED")
                self.mistakes.add([over], draft.field)


def _mistakes(draft: Draft, viewer: Viewer) -> Iterator[GenjiError]:
    """What is wrong with a note by itself."""
    motivation = draft.motivation
    if motivation in RESPONSES:
        yield Invalid(
            "What answers another annotation has a mutation of its own: `replyToAnnotation`, `tagAnnotation` …",
            field="motivation",
            code="RESPONSE",
        )
    try:
        if not line(motivation, _LONGEST_MOTIVATION, "motivation", "motivation"):
            yield Invalid("A note needs a motivation.", field="motivation", code="REQUIRED")
    except Invalid as error:
        yield error
    if motivation == Motivation.SCHOLARLY and not viewer.may(PermissionName.CREATE_SCHOLARLY_ANNOTATION):
        yield NotAllowed("You may not write scholarly notes.", field="motivation")
    yield from _told_of("body", [] if draft.body is None else body_problems(draft.body))
    if not draft.passages:
        yield from _told_of("target", target_problems(draft.target))
    if len(draft.places) > MAX_TARGETS:
        yield Invalid(f"A note has at most {MAX_TARGETS} targets.", field="target", code="TOO_MANY")
    elif not draft.places:
        yield Invalid("Say what the note is about.", field="target", code="REQUIRED")


def _told_of(name: str, problems: Sequence[Problem]) -> Iterator[GenjiError]:
    for problem in problems[:10]:
        yield Invalid(f"{problem.message} (at {problem.pointer or '/'})", field=name, code="INVALID_ANNOTATION")


# -- what a note is about

Found = Mapping[type[Base], Mapping[int, tuple[Any, bool]]]
"""The rows that the viewer sees, and whether they may write on each."""


async def _found(session: AsyncSession, viewer: Viewer, places: Sequence[Place]) -> Found:
    wanted: dict[type[Base], set[int]] = defaultdict(set)
    for place in places:
        wanted[place.model].add(place.row_id)
    return {
        model: await judge(
            session, viewer, model, wanted[model], Action.REPLY if model is Annotation else Action.ANNOTATE
        )
        for model in _FROM_THE_TOP
        if model in wanted
    }


_FROM_THE_TOP = (DocumentCollection, Document, DocumentElement, Annotation)


def _placed(draft: Draft, found: Found) -> tuple[Any, dict[str, int]]:
    """The stored target, and the columns that say where the note stands."""
    name = "target" if not draft.passages else "element_id"
    for place in draft.places:
        if place.row_id not in found[place.model]:
            raise missing(place.model, name)
        if not found[place.model][place.row_id][1]:
            raise NotAllowed("You may not write on this.", field=name)
    target = draft.target
    if draft.passages:
        targets = [_target(passage, found) for passage in draft.passages]
        target = [[one] for one in targets] if draft.nested else targets
    else:
        elements = found.get(DocumentElement, {})
        target = anchored(target, {number: row.text or "" for number, (row, _) in elements.items()}, "target")
    return target, _columns(draft.places[0], found)


def _target(passage: Passage, found: Found) -> Any:
    anchor: Anchor | None = None
    if passage.selection is not None:
        if passage.place.model is not DocumentElement:
            raise Invalid("Only in an element a passage can be selected.", field="selector", code="NO_TEXT")
        text = found[DocumentElement][passage.place.row_id][0].text or ""
        anchor = passage.selection.found_in(text, "selector")
    return target_on(passage.place, anchor)


_COLUMNS: Mapping[type[Base], str] = {
    DocumentElement: "document_element_id",
    Document: "document_id",
    DocumentCollection: "document_collection_id",
}


def _columns(place: Place, found: Found) -> dict[str, int]:
    """Where the note stands. The database fills in what lies above."""
    if place.model in _COLUMNS:
        return {_COLUMNS[place.model]: place.row_id}
    # A note on a note that is no answer to it, such as a link to it, stands beside it.
    note = found[Annotation][place.row_id][0]
    return {name: number for name in _COLUMNS.values() if (number := getattr(note, name)) is not None}


async def _number(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Give bodies and targets their numbers, all in one statement."""
    bodies = sum(unnumbered(row["body"]) for row in rows)
    targets = sum(unnumbered(row["target"]) for row in rows)
    if not bodies + targets:
        return
    taken = select(_next(annotation_body_ids, bodies), _next(annotation_target_ids, targets))
    for_bodies, for_targets = map(iter, (await session.execute(taken)).one())
    for row in rows:
        row["body"] = numbered(row["body"], for_bodies)
        row["target"] = numbered(row["target"], for_targets)


def _next(sequence: DatabaseSequence, number: int) -> Any:
    values = select(sequence.next_value()).select_from(func.generate_series(1, number))
    return func.array(values.scalar_subquery())


def reference(url: str, title: str, description: str | None) -> dict[str, Any]:
    """The body of an external reference, as the platform's clients read it: JSON within a string."""
    address = urlsplit(url.strip())
    if address.scheme not in {"http", "https"} or not address.hostname or len(url) > _LONGEST_ADDRESS:
        raise Invalid("The address must begin with http:// or https://.", field="url", code="INVALID_ADDRESS")
    said = {
        "title": line(title, 255, "title", "title"),
        "description": description or "",
        "url": url.strip(),
    }
    if not said["title"]:
        raise Invalid("The page needs a title.", field="title", code="REQUIRED")
    return {"type": "TextualBody", "value": json.dumps(said, ensure_ascii=False), "format": "application/json"}


# -- changing


async def change(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, changes: Changes, expected: datetime | None
) -> Annotation:
    if "target" in changes or "selection" in changes:
        await hold_place(session, annotation_id, elements_of(changes.get("target")))
    note = await find(session, viewer, Annotation, annotation_id, Action.EDIT)
    check_unchanged(note, expected)
    _check_in_use(note)
    return await _write(session, viewer, note, await _columns_of(session, viewer, note, changes))


async def _columns_of(session: AsyncSession, viewer: Viewer, note: Annotation, changes: Changes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "motivation" in changes:
        if note.parent_id is not None or changes["motivation"] in RESPONSES:
            raise Invalid("An answer stays what it is.", field="motivation", code="RESPONSE")
        values["motivation"] = changes["motivation"]
    if "private" in changes:
        if note.status is AnnotationStatus.HIDDEN:
            raise NotAllowed("It was hidden by those who moderate it, who alone can show it.", field="private")
        values["status"] = AnnotationStatus.PRIVATE if changes["private"] else AnnotationStatus.ACTIVE
    if "other" in changes:
        values["other"] = changes["other"]
    draft = Draft(
        motivation=values.get("motivation", Motivation.COMMENTING),
        body=changes.get("body"),
        target=changes.get("target"),
        passages=_passages(note, changes),
    )
    if "target" in changes or "selection" in changes:
        values |= await _moved(session, viewer, note, draft)
    if "body" in changes:
        values["body"] = _known_as(note.body, sanitised(draft.body))
    checked = replace(draft, passages=draft.passages or [Passage(Place(Annotation, note.id))])
    for error in _mistakes(checked if "target" not in changes else draft, viewer):
        raise error
    numbering = {"body": values.get("body"), "target": values.get("target")}
    await _number(session, [numbering])
    return values | {name: value for name, value in numbering.items() if name in values}


def _known_as(stored: Json | None, given: Any) -> Any:
    """A body or a target by the number that it had before."""
    known = stored.decoded() if stored is not None else None
    if isinstance(known, list) and isinstance(given, list) and len(known) == len(given) == 1:
        return [_known_as(Json.of(known[0]), given[0])]
    if isinstance(known, dict) and isinstance(known.get("id"), int) and isinstance(given, dict) and "id" not in given:
        return {"id": known["id"]} | given
    return given


def _passages(note: Annotation, changes: Changes) -> Sequence[Passage]:
    if "selection" not in changes:
        return ()
    if note.document_element_id is None:
        raise Invalid("Only in an element a passage can be selected.", field="selector", code="NO_TEXT")
    return [Passage(Place(DocumentElement, note.document_element_id), changes["selection"])]


async def _moved(session: AsyncSession, viewer: Viewer, note: Annotation, draft: Draft) -> dict[str, Any]:
    """What a note says of its place, with other targets. It stays with the text that it stands on."""
    if note.parent_id is not None:
        raise Invalid("An answer stays with what it answers.", field="target", code="RESPONSE")
    if not draft.places:
        raise Invalid("Say what the note is about.", field="target", code="REQUIRED")
    target, where = _placed(draft, await _found(session, viewer, draft.places))
    ((column, number),) = list(where.items())[:1]
    if getattr(note, column) != number:
        raise Invalid("A note stays with the text that it was written on.", field="target", code="ELSEWHERE")
    target = _known_as(note.target, target)
    return {"target": target, "is_orphan": is_orphaned(target)}


async def _write(session: AsyncSession, viewer: Viewer, note: Annotation, values: Mapping[str, Any]) -> Annotation:
    written = update(Annotation).where(Annotation.id == note.id).values(**values, modified_by_id=viewer.user_id)
    return (await session.scalars(written.returning(Annotation), execution_options={"populate_existing": True})).one()


def _check_in_use(note: Annotation) -> None:
    if note.status is AnnotationStatus.DELETED:
        raise Invalid("It is deleted; restore it first.", code="DELETED")


async def reattach(
    session: AsyncSession,
    viewer: Viewer,
    annotation_id: int | None,
    target_id: int | None,
    selection: Selection | None,
    expected: datetime | None,
    *,
    element_id: int | None = None,
) -> Annotation:
    """Say where an orphan belongs, for its owner and whoever may edit its text. With several lost targets, which.

    With `element_id` it is brought to another element of its document, there to a passage or to all of it.
    """
    stored = await session.scalar(select(Annotation.target).where(Annotation.id == (annotation_id or 0)))
    named = elements_of(None if stored is None else stored.decoded())
    await hold_place(session, annotation_id, {*named, element_id or 0})
    note = await find(session, viewer, Annotation, annotation_id, Action.REATTACH)
    check_unchanged(note, expected)
    if not note.is_orphan:
        raise Invalid("It has its place.", field="id", code="NO_ORPHAN")
    targets = note.target.decoded() if note.target is not None else []
    lost = lost_target(targets, target_id)
    place = None if lost is None else place_in(lost)
    if place is None:
        raise NotFound("It has no lost target of this number.", field="target_id")
    if selection is None and element_id is None:
        raise Invalid("Select the passage that it belongs to.", field="selector", code="REQUIRED")
    element = await _element_for(session, viewer, place, element_id)
    here = Place(DocumentElement, element.id)
    anchor = None if selection is None else selection.found_in(element.text or "", "selector")
    targets = put_back(targets, lost, here, anchor)
    values: dict[str, Any] = {"target": targets, "is_orphan": is_orphaned(targets)}
    if here != place and _stands_at(note, place):
        await _bring_answers(session, note, element.id)
        values["document_element_id"] = element.id
    return await _write(session, viewer, note, values)


async def _element_for(
    session: AsyncSession, viewer: Viewer, lost_in: Place, element_id: int | None
) -> DocumentElement:
    """The element that an orphan is put in: that which it was lost in, or another of the same document."""
    if element_id is None and lost_in.model is not DocumentElement:
        raise Invalid("Its element is no more; say which one it belongs to.", field="element_id", code="REQUIRED")
    wanted, field = (lost_in.row_id, "target_id") if element_id is None else (element_id, "element_id")
    found = await judge(session, viewer, DocumentElement, [wanted], Action.ANNOTATE)
    if wanted not in found:
        raise missing(DocumentElement, field)
    element: DocumentElement = found[wanted][0]
    if lost_in.model is DocumentElement:
        its_document = select(DocumentElement.document_id).where(DocumentElement.id == lost_in.row_id)
        lost_in = Place(Document, await session.scalar(its_document) or 0)
    if lost_in != Place(Document, element.document_id):
        raise Invalid("A note stays in its document.", field=field, code="ELSEWHERE")
    return element


def _stands_at(note: Annotation, place: Place) -> bool:
    if place.model is DocumentElement:
        return note.document_element_id == place.row_id
    return note.document_element_id is None and note.document_id == place.row_id


async def _bring_answers(session: AsyncSession, note: Annotation, element_id: int) -> None:
    """What answers a note stands where that stands."""
    thread = select(Annotation.id).where(Annotation.parent_id == note.id).cte(recursive=True)
    thread = thread.union(select(Annotation.id).join(thread, Annotation.parent_id == thread.c.id))
    moving = update(Annotation).where(Annotation.id.in_(select(thread.c.id)))
    # It is no change of theirs.
    moved = moving.values(document_element_id=element_id, modified=Annotation.modified)
    await session.execute(moved, execution_options={"synchronize_session": False})


# -- targets of links


async def add_target(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, passage: Passage, expected: datetime | None
) -> tuple[Annotation, int]:
    """The link with one more passage, and the number of its target."""
    await hold_place(session, annotation_id, [passage.place.row_id])
    note = await _link(session, viewer, annotation_id, expected)
    found = await _found(session, viewer, [passage.place])
    targets = _targets(note)
    if len(targets) >= MAX_TARGETS:
        raise Invalid(f"A link has at most {MAX_TARGETS} targets.", code="TOO_MANY")
    target, _ = _placed(Draft(motivation=Motivation.LINKING, passages=[passage]), found)
    row = {"body": None, "target": target}
    await _number(session, [row])
    (added,) = row["target"] or [{}]
    return await _write(session, viewer, note, {"target": [*targets, [added]]}), added["id"]


async def remove_target(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, target_id: int, expected: datetime | None
) -> Annotation:
    """The link without the target of this number."""
    note = await _link(session, viewer, annotation_id, expected)
    left = _without(_targets(note), target_id)
    if left is None:
        raise NotFound("The link has no target of this number.", field="target_id")
    if not places_in(left):
        raise Invalid("A link keeps at least one target; delete it instead.", field="target_id", code="LAST")
    return await _write(session, viewer, note, {"target": left, "is_orphan": is_orphaned(left)})


async def _link(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, expected: datetime | None
) -> Annotation:
    note = await find(session, viewer, Annotation, annotation_id, Action.EDIT)
    check_unchanged(note, expected)
    _check_in_use(note)
    if note.motivation != Motivation.LINKING:
        raise Invalid("Only a link has targets that come and go.", field="id", code="NO_LINK")
    return note


def _targets(note: Annotation) -> list[Any]:
    stored = note.target.decoded() if note.target is not None else []
    return stored if isinstance(stored, list) else [stored]


def _without(targets: list[Any], target_id: int) -> list[Any] | None:
    """The targets without this one, in the shape that they had; None where it isn't among them."""
    left: list[Any] = []
    found = False
    for one in targets:
        if isinstance(one, list):
            inner = _without(one, target_id)
            found = found or inner is not None
            left += [one] if inner is None else [inner] if inner else []
        elif isinstance(one, dict) and one.get("id") == target_id:
            found = True
        else:
            left.append(one)
    return left if found else None


# -- deleting


async def delete(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, expected: datetime | None
) -> Annotation:
    """Take a note out of sight, with all that answers it. To delete it again changes nothing."""
    note = await find(session, viewer, Annotation, annotation_id, Action.DELETE)
    check_unchanged(note, expected)
    if note.status is AnnotationStatus.DELETED:
        return note
    return await _write(session, viewer, note, {"status": AnnotationStatus.DELETED, "deleted_at": func.now()})


async def restore(session: AsyncSession, viewer: Viewer, annotation_id: int | None) -> Annotation:
    """Bring a note back as it was, with all that answers it. One that isn't deleted stays as it is."""
    note = await find(session, viewer, Annotation, annotation_id, Action.RESTORE)
    if note.status is not AnnotationStatus.DELETED:
        return note
    recent = select(
        or_(Annotation.deleted_at.is_(None), Annotation.deleted_at > func.now() - RESTORABLE),
        select(AnnotationVersion.status)
        .where(AnnotationVersion.annotation_id == note.id, AnnotationVersion.status != AnnotationStatus.DELETED)
        .order_by(AnnotationVersion.version.desc())
        .limit(1)
        .scalar_subquery(),
    ).where(Annotation.id == note.id)
    in_time, status = (await session.execute(recent)).one()
    if not in_time:
        raise Invalid(f"It was deleted more than {RESTORABLE.days} days ago.", field="id", code="TOO_LATE")
    voted = Invalid("They have voted for it again since.", field="id", code="TAKEN")
    with unique({"idx_annotations_one_upvote": voted}):
        return await _write(session, viewer, note, {"status": status or AnnotationStatus.ACTIVE, "deleted_at": None})


async def revert(
    session: AsyncSession, viewer: Viewer, annotation_id: int | None, version: int, expected: datetime | None
) -> Annotation:
    """Give a note the words and the place of an earlier version. It is a change like any other, and kept as one."""
    this = and_(AnnotationVersion.annotation_id == (annotation_id or 0), AnnotationVersion.version == version)
    earlier = await session.scalar(select(AnnotationVersion).where(this))
    targets = None if earlier is None or earlier.target is None else earlier.target.decoded()
    await hold_place(session, annotation_id, elements_of(targets))
    note = await find(session, viewer, Annotation, annotation_id, Action.EDIT)
    check_unchanged(note, expected)
    _check_in_use(note)
    if earlier is None:
        _no_version(version, note)
    values = {name: getattr(earlier, name) for name in ("motivation", "body", "other")}
    # The text may have changed since: the passage is where its words are now, or lost.
    targets = put_into(targets, await _texts(session, elements_of(targets)))
    return await _write(session, viewer, note, values | {"target": targets, "is_orphan": is_orphaned(targets)})


async def _texts(session: AsyncSession, element_ids: Collection[int]) -> Mapping[int, str]:
    these = DocumentElement.id == func.any(literal(sorted(element_ids), ARRAY(Integer)))
    rows = await session.execute(select(DocumentElement.id, DocumentElement.text).where(these))
    return {number: text or "" for number, text in rows}


def _no_version(version: int, note: Annotation) -> NoReturn:
    raise NotFound(f"There is no version {version}; the last one is {note.version}.", field="version")
