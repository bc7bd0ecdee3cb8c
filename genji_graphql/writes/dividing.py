"""Elements divided and joined, with the notes on them.

Both say to the character where each part of a text goes, so no note is sought: it goes with its passage. One that
reaches across a cut stays with the part that has most of it, if that is like enough to what it was written on; else it
is an orphan, which is shown at the first part.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from sqlalchemy import BigInteger, Integer, func, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.anchoring.anchor import Anchor, Unit, anchor_at
from genji_graphql.anchoring.carrying import LIKE, ORPHAN, Carried, Method
from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT, DocumentElement
from genji_graphql.reads.web_annotation import Place
from genji_graphql.writes.carrying import Change, Said, carry_notes, notes_on
from genji_graphql.writes.contents import MAX_CONTENT
from genji_graphql.writes.elements import MAX_ELEMENTS, MOVED, insert_elements, lock_documents
from genji_graphql.writes.finding import check_unchanged, conflict, find, find_all
from genji_graphql.writes.idempotency import attempt
from genji_graphql.writes.parts import joined, part_of
from genji_graphql.writes.places import Beside, places
from genji_graphql.writes.values import json_object, prose

MAX_SEPARATOR = 100
LINE_BREAK = "\n"
"""Between texts that were apart: it glues no words together, and puts no blank into a script that has none."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters of an element that stand in a row somewhere else now."""

    element_id: int
    start: int
    end: int
    now_in: int
    begins: int
    """Where its first character is there."""


async def split(
    session: AsyncSession,
    viewer: Viewer,
    element_id: int | None,
    at: Sequence[int],
    unit: Unit = Unit.CODE_POINT,
    *,
    expected: datetime | None = None,
    key: str | None = None,
) -> Sequence[int]:
    """Cut an element before the characters at these places; gives the numbers of its parts in their order.

    The element keeps the first part, and all that is written on it as a whole. The others are of its source as well:
    when that is imported again, it says what there is.
    """
    request = await attempt(session, viewer, key, "splitElement", {"element": element_id, "at": at, "unit": unit})
    if request.made is not None:
        return request.made
    element = await _found(session, viewer, element_id)
    check_unchanged(element, expected)
    before = Said(element.text or "", element.revision)
    texts = _cut(before.text, at, unit)
    ends = list(accumulate(map(len, texts), initial=0))
    content = _content(element)
    first, *others = [Json.of(part_of(content, start, end)) for start, end in pairwise(ends)]
    parts = [element.id, *await _insert_after(session, viewer, element, others)]
    element.content = first
    element.modified_by_id = viewer.user_id
    await session.flush()
    pieces = [_Piece(element.id, start, end, part, 0) for part, (start, end) in zip(parts, pairwise(ends), strict=True)]
    await _carry(session, {element.id: before}, dict(zip(parts, texts, strict=True)), pieces)
    await request.has_made(parts)
    return parts


async def merge(
    session: AsyncSession,
    viewer: Viewer,
    element_ids: Sequence[int | None],
    separator: str = LINE_BREAK,
    expected: Sequence[datetime] | None = None,
) -> int:
    """Join neighbours, given in their order, into the first; gives its number.

    All that is written on the others comes with their texts. They themselves are deleted, with their revisions.
    """
    ids = _checked_ids(element_ids)
    separator = prose(separator, MAX_SEPARATOR, "separator", "separator")
    elements = await _neighbours(session, viewer, ids, expected)
    first, *others = elements
    before = {element.id: Said(element.text or "", element.revision) for element in elements}
    # An element without text, as older clients write them, adds nothing.
    filled = [element for element in elements if element.text]
    texts = [before[element.id].text for element in filled]
    text = separator.join(texts)
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"The text may have at most {LONGEST_TEXT:,} characters.", field="ids", code="TOO_LONG")
    if filled:
        first.content = json_object(joined([_content(one) for one in filled], separator), MAX_CONTENT, "ids", "content")
    first.modified_by_id = viewer.user_id
    await session.flush()
    gone = DocumentElement.id.in_([element.id for element in others])
    deleting = update(DocumentElement).where(gone).values(deleted_at=func.now())
    await session.execute(deleting, execution_options={"synchronize_session": False})
    starts = accumulate((len(one) + len(separator) for one in texts), initial=0)
    placed = zip(filled, texts, starts, strict=False)
    pieces = [_Piece(element.id, 0, len(one), first.id, start) for element, one, start in placed]
    homes = {element.id: Place(DocumentElement, first.id) for element in others}
    await _carry(session, before, {first.id: text}, pieces, homes)
    return first.id


async def _found(session: AsyncSession, viewer: Viewer, element_id: int | None) -> DocumentElement:
    locked = await lock_documents(session, element_id)
    element = await find(session, viewer, DocumentElement, element_id, Action.EDIT)
    if element.document_id not in locked:
        raise conflict(element, MOVED)
    return element


async def _insert_after(
    session: AsyncSession, viewer: Viewer, element: DocumentElement, contents: Sequence[Json]
) -> Sequence[int]:
    """Elements right after this one, that stand in the source where it does."""
    siblings = DocumentElement.document_id == element.document_id
    beside = Beside(element.id, is_before=False)
    positions = await places(session, DocumentElement, siblings, beside, number=len(contents))
    written = [(content, element.hierarchy) for content in contents]
    return await insert_elements(
        session, viewer, element.document_id, positions, written, part_of_source=element.source_id
    )


async def _neighbours(
    session: AsyncSession, viewer: Viewer, ids: Sequence[int], expected: Sequence[datetime] | None
) -> Sequence[DocumentElement]:
    """The elements, in the order given, which must be that in which they are read, with nothing between them."""
    if expected is not None and len(expected) != len(ids):
        raise Invalid("Tell of each element when it was changed.", field="expected_modified", code="WRONG_LENGTH")
    locked = await lock_documents(session, *ids)
    elements = await find_all(session, viewer, DocumentElement, ids, Action.EDIT)
    for place, element in enumerate(elements):
        if element.document_id not in locked:
            raise conflict(element, MOVED)
        check_unchanged(element, expected[place] if expected is not None else None)
    await _check_neighbours(session, elements)
    return elements


# -- what is asked for


def _cut(text: str, at: Sequence[int], unit: Unit) -> list[str]:
    """The parts of the text. None of them may be empty or blank: it would be an element that nobody sees."""
    if not 1 <= len(at) < MAX_ELEMENTS:
        raise Invalid(
            f"A text is cut in 1 to {MAX_ELEMENTS - 1} places, not {len(at)}.",
            field="at",
            code="TOO_MANY" if at else "REQUIRED",
        )
    units = text.encode("utf-16-le") if unit is Unit.UTF16 else text
    width = 2 if unit is Unit.UTF16 else 1
    ends = [0, *(width * place for place in at), len(units)]
    for place, (start, end) in enumerate(pairwise(ends)):
        if not start < end:
            raise Invalid(
                "The places are within the text, and each is after the one before.",
                field=f"at.{min(place, len(at) - 1)}",
                code="OUT_OF_RANGE",
            )
    parts: list[str] = []
    for place, (start, end) in enumerate(pairwise(ends)):
        part = units[start:end]
        try:
            parts.append(part if isinstance(part, str) else part.decode("utf-16-le"))
        except UnicodeDecodeError:
            raise Invalid("This place lies within a character.", field=f"at.{place}", code="OUT_OF_RANGE") from None
        if not parts[-1].strip():
            raise Invalid("Each part must have text.", field=f"at.{min(place, len(at) - 1)}", code="BLANK")
    return parts


def _checked_ids(ids: Sequence[int | None]) -> list[int]:
    if not 2 <= len(ids) <= MAX_ELEMENTS:
        raise Invalid(
            f"2 to {MAX_ELEMENTS:,} elements are joined at a time, not {len(ids):,}.",
            field="ids",
            code="TOO_MANY" if len(ids) > 1 else "REQUIRED",
        )
    numbers = [number or 0 for number in ids]
    known = [number for number in numbers if number]
    if len(set(known)) < len(known):
        raise Invalid("An element is named twice.", field="ids", code="TWICE")
    return numbers


async def _check_neighbours(session: AsyncSession, elements: Sequence[DocumentElement]) -> None:
    first, last = elements[0], elements[-1]
    places_held = [(element.position, element.id) for element in elements]
    between = select(func.count()).where(
        DocumentElement.document_id == first.document_id,
        DocumentElement.deleted_at.is_(None),
        tuple_(DocumentElement.position, DocumentElement.id).between(*(_place(one) for one in (first, last))),
    )
    same = all(element.document_id == first.document_id for element in elements)
    if not same or places_held != sorted(places_held) or await session.scalar(between) != len(elements):
        raise Invalid(
            "Only neighbours in one document can be joined; name them in the order in which they are read.",
            field="ids",
            code="NOT_NEIGHBOURS",
        )


def _place(element: DocumentElement) -> Any:
    return tuple_(literal(element.position, BigInteger), literal(element.id, Integer))


def _content(element: DocumentElement) -> dict[str, Any]:
    content = None if element.content is None else element.content.decoded()
    return content if isinstance(content, dict) else {"text": ""}


# -- the notes


async def _carry(
    session: AsyncSession,
    before: Mapping[int, Said],
    after: Mapping[int, str],
    pieces: Sequence[_Piece],
    homes: Mapping[int, Place] | None = None,
) -> None:
    def carry(anchors: Sequence[tuple[int, Anchor]]) -> list[Carried]:
        return [_carried(anchor, of_one.get(element_id, []), after) for element_id, anchor in anchors]

    of_one: dict[int, list[_Piece]] = {}
    for piece in pieces:
        of_one.setdefault(piece.element_id, []).append(piece)
    await carry_notes(session, await notes_on(session, before), Change(before, carry, homes or {}))


def _carried(anchor: Anchor, pieces: Sequence[_Piece], after: Mapping[int, str]) -> Carried:
    """Where the most of a passage is, of the pieces that its element became, in their order."""
    touched = pieces[
        max(0, bisect_right(pieces, anchor.start, key=lambda piece: piece.start) - 1) : bisect_left(
            pieces, anchor.end, key=lambda piece: piece.start
        )
    ]
    shared = [(min(piece.end, anchor.end) - max(piece.start, anchor.start), piece) for piece in touched]
    kept, piece = max(shared, key=lambda one: one[0], default=(0, None))
    length = anchor.end - anchor.start
    score = 2 * kept / (length + kept)
    if piece is None or score < LIKE:
        return ORPHAN
    start = piece.begins + max(piece.start, anchor.start) - piece.start
    return Carried(Method.MAPPED, score, piece.now_in, anchor_at(after[piece.now_in], start, start + kept))
