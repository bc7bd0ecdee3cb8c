"""Deleting collections, documents and elements, and bringing them back.

What is deleted is out of sight at once, with all that hangs on it, and stays what it is until it is purged. Each row
says for itself when that was: what was deleted before the text that it is in stays so when that comes back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Integer, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import RESTORABLE, Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import Invalid
from genji_graphql.identity.viewer import standing_now
from genji_graphql.models import Annotation, Document, DocumentCollection, DocumentElement
from genji_graphql.reads import graph
from genji_graphql.reads.edges import count_statement
from genji_graphql.vocabulary import Motivation
from genji_graphql.writes.elements import MOVED, lock_documents
from genji_graphql.writes.finding import check_list, check_unchanged, conflict, find, find_all, missing, not_allowed
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.targets import places_in

MAX_DOCUMENTS = 1_000

Text = DocumentCollection | Document | DocumentElement
_LEAVING_THE_REST = {"synchronize_session": False}


async def delete_collection(
    session: AsyncSession, viewer: Viewer, collection_id: int | None, expected: datetime | None = None
) -> int:
    collection = await find(session, viewer, DocumentCollection, collection_id, Action.DELETE)
    check_unchanged(collection, expected)
    await _mark(session, DocumentCollection, [collection.id], func.now())
    return collection.id


async def delete_documents(session: AsyncSession, viewer: Viewer, ids: Sequence[int | None]) -> Sequence[int]:
    """All of them, or none. All that is wrong is told at once, by the place in the list."""
    numbers = check_list(Document, ids, "ids", MAX_DOCUMENTS)
    await find_all(session, viewer, Document, numbers, Action.DELETE)
    await _mark(session, Document, numbers, func.now())
    return numbers


async def delete_element(
    session: AsyncSession, viewer: Viewer, element_id: int | None, expected: datetime | None = None, *, force: bool
) -> int:
    """Take an element out of its text, with the notes on it where `force` says so.

    Links that lead elsewhere in the document too stand there from now on.
    """
    # Links find a place on other elements of the document, and whoever changes one of those holds it before its links.
    locked = await lock_documents(session, element_id)
    # Locked as a whole: whoever is writing a note on it has written it by now.
    element = await find(session, viewer, DocumentElement, element_id, Action.DELETE)
    if element.document_id not in locked:
        raise conflict(element, MOVED)
    check_unchanged(element, expected)
    if not force:
        await _refuse_to_hide_notes(session, viewer, element)
    await _mark(session, DocumentElement, [element.id], func.now())
    await _seat_links(session, element, Annotation.document_element_id == element.id)
    return element.id


async def restore_collection(session: AsyncSession, viewer: Viewer, collection_id: int | None) -> int:
    await _restore(session, viewer, DocumentCollection, {"id": collection_id})
    return collection_id or 0


async def restore_documents(session: AsyncSession, viewer: Viewer, ids: Sequence[int | None]) -> Sequence[int]:
    """All of them, or none. All that is wrong is told at once, by the place in the list."""
    numbers = check_list(Document, ids, "ids", MAX_DOCUMENTS)
    await _restore(session, viewer, Document, {f"ids.{place}": number for place, number in enumerate(ids)})
    return numbers


async def restore_element(session: AsyncSession, viewer: Viewer, element_id: int | None) -> int:
    locked = await lock_documents(session, element_id)
    for number in await _restore(session, viewer, DocumentElement, {"id": element_id}):
        element = await session.get_one(DocumentElement, number)
        if element.document_id not in locked:
            raise conflict(element, MOVED)
        await _seat_links(session, element, Annotation.document_id == element.document_id)
    return element_id or 0


async def _mark(session: AsyncSession, model: type[Text], numbers: Sequence[int], deleted_at: Any) -> None:
    """To be deleted is no change of the thing itself: `modified` stays."""
    these = update(model).where(model.id == func.any(literal(list(numbers), ARRAY(Integer))))
    written = these.values(deleted_at=deleted_at, modified=model.modified)
    await session.execute(written, execution_options=_LEAVING_THE_REST)


async def _refuse_to_hide_notes(session: AsyncSession, viewer: Viewer, element: DocumentElement) -> None:
    # Those that the viewer is shown: of others they are to learn nothing, not even how many there are.
    counted = (await session.execute(count_statement(graph.element_annotations, viewer, None, [element.id]))).first()
    if counted is None:
        return
    notes = "1 annotation" if counted[1] == 1 else f"{counted[1]:,} annotations"
    raise Invalid(f"It carries {notes}; with `force` it is deleted with them.", field="force", code="ANNOTATED")


# -- restoring

_ABOVE: Mapping[type[Text], Sequence[type[DocumentCollection | Document]]] = {
    DocumentCollection: (),
    Document: (DocumentCollection,),
    DocumentElement: (DocumentCollection, Document),
}
"""What a text is in, from the top down."""

_CALLED = {DocumentCollection: "collection", Document: "document"}


async def _restore(
    session: AsyncSession, viewer: Viewer, model: type[Text], named: Mapping[str, int | None]
) -> Sequence[int]:
    """Bring back what those fields of the input name; gives those that were deleted. Others stay as they are."""
    numbers = [number or 0 for number in named.values()]
    these = model.id == func.any(literal(numbers, ARRAY(Integer)))
    theirs = these, allowed(model, Action.RESTORE, viewer)
    await session.execute(select(model.id).where(*theirs).order_by(model.id).with_for_update(of=model))
    viewer = await standing_now(session, viewer)
    found = {row.id: row for row in await session.execute(_facts(model, viewer).where(these))}
    mistakes = Mistakes()
    for field, number in named.items():
        with mistakes.noted():
            _check_restorable(model, found.get(number or 0), field)
    mistakes.check()
    deleted = [number for number in numbers if found[number].is_deleted]
    await _mark(session, model, deleted, None)
    return deleted


def _facts(model: type[Text], viewer: Viewer) -> Any:
    """Of each row: whether the viewer sees it and may restore it, whether it can be, and the same of what it is in."""
    facts = select(
        model.id,
        visible(model, viewer).label("is_seen"),
        allowed(model, Action.RESTORE, viewer).label("may_restore"),
        model.deleted_at.is_not(None).label("is_deleted"),
        (model.deleted_at > func.now() - RESTORABLE).label("is_recent"),
    )
    if model is DocumentElement:
        facts = facts.join(Document, Document.id == DocumentElement.document_id)
    if model is not DocumentCollection:
        facts = facts.join(DocumentCollection, DocumentCollection.id == Document.document_collection_id)
    for above in _ABOVE[model]:
        facts = facts.add_columns(
            above.deleted_at.is_not(None).label(f"{_CALLED[above]}_is_deleted"),
            allowed(above, Action.RESTORE, viewer).label(f"may_restore_{_CALLED[above]}"),
        )
    return facts


def _check_restorable(model: type[Text], row: Any, field: str) -> None:
    """Raises for what can't be restored. Who may not is told no more of what is deleted than of what is missing."""
    if row is None or not (row.is_seen or row.may_restore):
        raise missing(model, field)
    if not row.may_restore:
        raise not_allowed(model, Action.RESTORE, field)
    for above in _ABOVE[model]:
        called = _CALLED[above]
        if getattr(row, f"{called}_is_deleted"):
            if not getattr(row, f"may_restore_{called}"):
                raise missing(model, field)
            raise Invalid(f"Its {called} is deleted; restore that first.", field=field, code="PARENT_DELETED")
    if row.is_deleted and not row.is_recent:
        raise Invalid(f"It was deleted more than {RESTORABLE.days} days ago.", field=field, code="TOO_LATE")


# -- links


async def _seat_links(session: AsyncSession, element: DocumentElement, *which: Any) -> None:
    """Where links lead to this element, each stands on the first of its passages that is in the document.

    Elsewhere those may see it who didn't before: out of the document it doesn't go.
    """
    links = select(Annotation.id, Annotation.document_element_id, Annotation.target).where(
        Annotation.motivation == Motivation.LINKING, Annotation.parent_id.is_(None), *which
    )
    passages = {(link.id, link.document_element_id): _elements_in(link.target) for link in await session.execute(links)}
    passages = {link: elements for link, elements in passages.items() if element.id in elements}
    if not passages:
        return
    there = await _in_document(session, element.document_id, {one for some in passages.values() for one in some})
    seats = {
        link: seat
        for (link, now), elements in passages.items()
        if (seat := next((one for one in elements if one in there), now)) != now
    }
    if not seats:
        return
    ids = func.unnest(literal(list(seats), ARRAY(Integer))).label("id")
    seated = select(ids, func.unnest(literal(list(seats.values()), ARRAY(Integer))).label("seat")).subquery()
    moved = update(Annotation).where(Annotation.id == seated.c.id)
    written = moved.values(document_element_id=seated.c.seat, modified=Annotation.modified)
    await session.execute(written, execution_options=_LEAVING_THE_REST)


def _elements_in(target: Any) -> Sequence[int]:
    places = [] if target is None else places_in(target.decoded())
    return [place.row_id for place in places if place.model is DocumentElement]


async def _in_document(session: AsyncSession, document_id: int, elements: Iterable[int]) -> set[int]:
    """Those of these elements that are in the document, and not deleted."""
    there = select(DocumentElement.id).where(
        DocumentElement.id == func.any(literal(sorted(elements), ARRAY(Integer))),
        DocumentElement.document_id == document_id,
        DocumentElement.deleted_at.is_(None),
    )
    return set(await session.scalars(there))
