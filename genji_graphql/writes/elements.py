"""Elements: writing, changing and moving the paragraphs of a document."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, TypedDict
from uuid import uuid4

from sqlalchemy import ARRAY, BigInteger, Integer, Text, cast, func, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.anchoring.anchor import Anchor
from genji_graphql.anchoring.carrying import Carried, carry_across
from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.models import Document, DocumentElement
from genji_graphql.writes.carrying import Change, Said, carry_notes, notes_on
from genji_graphql.writes.contents import checked, checked_text, content_of, with_text
from genji_graphql.writes.finding import check_unchanged, conflict, find
from genji_graphql.writes.idempotency import attempt
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.places import Beside, places, put
from genji_graphql.writes.values import json_object

MAX_ELEMENTS = 1_000
MAX_HIERARCHY = 10_000
MOVED = "Somebody moved this in the meantime; look where it is now, and try again."


class ElementChanges(TypedDict, total=False):
    """What is to be changed; what is left out stays. Of `text` and `content` one, or neither."""

    text: str | None
    content: Any
    hierarchy: Any


async def create(
    session: AsyncSession,
    viewer: Viewer,
    document_id: int | None,
    given: Sequence[Mapping[str, Any]],
    *,
    beside: Beside | None = None,
    key: str | None = None,
) -> Sequence[int]:
    """New elements in the order given, beside one of the document's or last; gives their numbers."""
    asked = {"document": document_id, "beside": beside, "elements": given}
    request = await attempt(session, viewer, key, "createElements", asked)
    if request.made is not None:
        return request.made
    written = _written(given)
    document = await find(session, viewer, Document, document_id, Action.EDIT, "document_id", key_share=True)
    positions = await places(session, DocumentElement, _siblings(document.id), beside, number=len(written))
    ids = await insert_elements(session, viewer, document.id, positions, written)
    await request.has_made(ids)
    return ids


async def update(
    session: AsyncSession,
    viewer: Viewer,
    element_id: int | None,
    changes: ElementChanges,
    expected: datetime | None = None,
) -> int:
    """Change what is given. What it said before is kept by a trigger, as a revision."""
    # The document stays where it is: to move it would be to move its notes, which are to be carried.
    locked = await lock_documents(session, element_id, share=True)
    # Locked as a whole, so that no note is written meanwhile on a text that is going to be another.
    element = await find(session, viewer, DocumentElement, element_id, Action.EDIT)
    if element.document_id not in locked:
        raise conflict(element, MOVED)
    check_unchanged(element, expected)
    before, revision = element.text, element.revision
    text = _change_content(element, changes)
    if "hierarchy" in changes:
        element.hierarchy = _hierarchy(changes["hierarchy"], "hierarchy")
    if text is not None:
        # Whose text it is: who changed something else is not to be taken for its author.
        element.modified_by_id = viewer.user_id
    await session.flush()
    if text is not None:
        await _carry(session, element.id, Said(before or "", revision), text)
    return element.id


async def _carry(session: AsyncSession, element_id: int, before: Said, after: str) -> None:
    def carry(anchors: Sequence[tuple[int, Anchor]]) -> Sequence[Carried]:
        return carry_across([(element_id, before.text)], [(element_id, after)], anchors)

    if before.text != after:
        change = Change({element_id: before}, carry)
        await carry_notes(session, await notes_on(session, [element_id]), change)


async def move(
    session: AsyncSession,
    viewer: Viewer,
    element_id: int | None,
    *,
    document_id: int | None = None,
    beside: Beside | None = None,
) -> int:
    """Put an element beside another, in its document or in one that the viewer edits too; its notes come with it."""
    if document_id is None and beside is None:
        raise Invalid("Say where to: beside which element, or to which document.", field="document_id", code="REQUIRED")
    locked = await lock_documents(session, element_id, to=document_id)
    element = await find(session, viewer, DocumentElement, element_id, Action.EDIT)
    if element.document_id not in locked:
        raise conflict(element, MOVED)
    if document_id not in (None, element.document_id):
        target = await find(session, viewer, Document, document_id, Action.EDIT, "document_id", key_share=True)
        (position,) = await places(session, DocumentElement, _siblings(target.id), beside, moving=element.id)
        element.document_id = target.id
        # The source of the other document doesn't know it: importing that again would take it away.
        element.source_id = None
        await session.flush()
    else:
        siblings = _siblings(element.document_id)
        (position,) = await places(session, DocumentElement, siblings, beside, moving=element.id)
    await put(session, DocumentElement, {element.id: position})
    return element.id


async def lock_documents(
    session: AsyncSession, *element_ids: int | None, to: int | None = None, share: bool = False
) -> Set[int]:
    """Where elements are, and where one is to go: before the elements themselves, from the top down.

    With `share` others may do so as well who leave the order of the document alone.
    """
    these = DocumentElement.id == func.any(literal([number or 0 for number in element_ids], ARRAY(Integer)))
    here = select(DocumentElement.document_id).where(these)
    both = select(Document.id).where(or_(Document.id.in_(here), Document.id == (to or 0)))
    return set(await session.scalars(both.order_by(Document.id).with_for_update(read=share, key_share=not share)))


def _siblings(document_id: int) -> Any:
    return DocumentElement.document_id == document_id


def _written(given: Sequence[Mapping[str, Any]]) -> Sequence[tuple[Json, Json | None]]:
    """Content and hierarchy of each. All that is wrong is told at once, by the place in the list."""
    if not 1 <= len(given) <= MAX_ELEMENTS:
        raise Invalid(
            f"1 to {MAX_ELEMENTS:,} elements are written at a time, not {len(given):,}.",
            field="elements",
            code="TOO_MANY" if given else "REQUIRED",
        )
    written: list[tuple[Json, Json | None]] = []
    mistakes = Mistakes()
    for place, one in enumerate(given):
        path = f"elements.{place}."
        with mistakes.noted():
            written.append((Json.of(content_of(one, path)), _hierarchy(one.get("hierarchy"), f"{path}hierarchy")))
    mistakes.check()
    return written


async def insert_elements(
    session: AsyncSession,
    viewer: Viewer,
    document_id: int,
    positions: Sequence[int],
    written: Sequence[tuple[Json, Json | None]],
    *,
    part_of_source: str | None = None,
) -> Sequence[int]:
    """All of them in one statement, which is the same for two and for two hundred.

    Where they are parts of what a source has as one, that is told: importing it again takes them away.
    """
    contents = [content for content, _ in written]
    hierarchies = [hierarchy for _, hierarchy in written]
    rows = select(
        literal(document_id, Integer),
        literal(viewer.user_id, Integer),
        func.unnest(literal(list(positions), ARRAY(BigInteger))),
        cast(func.unnest(literal(contents, ARRAY(Text))), JSONB),
        cast(func.unnest(literal(hierarchies, ARRAY(Text))), JSONB),
        func.unnest(literal([_part_of(part_of_source) for _ in written], ARRAY(Text))),
    )
    columns = ["document_id", "modified_by_id", "position", "content", "hierarchy", "source_id"]
    added = insert(DocumentElement).from_select(columns, rows)
    made = await session.execute(added.returning(DocumentElement.position, DocumentElement.id))
    return [row_id for _, row_id in sorted((position, row_id) for position, row_id in made)]


def _part_of(source_id: str | None) -> str | None:
    """A name that no source gives to an element of its own."""
    return None if source_id is None else f"{source_id}#part-{uuid4().hex}"


def _change_content(element: DocumentElement, changes: ElementChanges) -> str | None:
    """Give the element its new content, and tell its new text; None where nothing of it changes."""
    if "text" in changes and "content" in changes:
        raise Invalid("Give either `text` or `content`.", field="text", code="NOT_ONE")
    if "text" in changes:
        text = checked_text(changes["text"] or "", "text")
        if text == element.text:
            return None
        new: Any = with_text(element.content, text)
    elif "content" in changes:
        content = checked(changes["content"] or {}, "content")
        if element.content is not None and element.content.decoded() == content:
            return None
        text, new = content["text"], Json.of(content)
    else:
        return None
    element.content = new
    return text


def _hierarchy(given: Any, field: str) -> Json | None:
    return json_object(given, MAX_HIERARCHY, field, "hierarchy")
