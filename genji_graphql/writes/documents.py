"""Documents: making and changing them, their order in a collection, and bringing them to another."""

from collections.abc import Set
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.models import Document, DocumentCollection
from genji_graphql.writes.finding import check_unchanged, conflict, find, may
from genji_graphql.writes.idempotency import attempt
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.places import Beside, places, put
from genji_graphql.writes.uniqueness import write_unique
from genji_graphql.writes.values import prose, required_line

MAX_TITLE, MAX_DESCRIPTION = 255, 20_000


class DocumentChanges(TypedDict, total=False):
    """What is to be changed; what is left out stays."""

    title: str | None
    description: str | None


async def create(
    session: AsyncSession,
    viewer: Viewer,
    collection_id: int | None,
    given: DocumentChanges,
    key: str | None = None,
) -> int:
    """A new document, the last of its collection; gives its number.

    It belongs to whoever makes it: they may delete what they made, also where they merely edit the collection, and
    those who manage the collection may as well. No other column tells who made a document.
    """
    request = await attempt(session, viewer, key, "createDocument", {"collection": collection_id, **given})
    if request.made is not None:
        return request.made[0]
    collection = await find(
        session, viewer, DocumentCollection, collection_id, Action.EDIT, "collection_id", key_share=True
    )
    document = Document(
        **_columns({"title": None} | given), document_collection_id=collection.id, owner_id=viewer.user_id
    )
    (document.position,) = await places(session, Document, _siblings(collection.id), None)
    session.add(document)
    await session.flush()
    await request.has_made([document.id])
    return document.id


async def update(
    session: AsyncSession,
    viewer: Viewer,
    document_id: int | None,
    changes: DocumentChanges,
    *,
    collection_id: int | None = None,
    beside: Beside | None = None,
    expected: datetime | None = None,
) -> int:
    """Change what is given. With a collection the document goes there, last unless a place is given."""
    goes = collection_id is not None or beside is not None
    locked = await _lock_collections(session, document_id, collection_id) if goes else set()
    document = await find(session, viewer, Document, document_id, Action.EDIT, key_share=collection_id is None)
    check_unchanged(document, expected)
    columns = _columns(changes)
    leaves = collection_id not in (None, document.document_collection_id)
    if goes and document.document_collection_id not in locked:
        raise conflict(document, "Somebody moved this in the meantime; look where it is now, and try again.")
    if leaves:
        columns["document_collection_id"] = await _destination(session, viewer, document, collection_id)
    target = columns.get("document_collection_id", document.document_collection_id)
    position = await _position(session, document, target, beside) if leaves or beside else None
    for name, value in columns.items():
        setattr(document, name, value)
    await write_unique(session, _taken())
    if position is not None:
        await put(session, Document, {document.id: position})
    return document.id


async def _lock_collections(session: AsyncSession, document_id: int | None, target_id: int | None) -> Set[int]:
    """Where the document is and where it is to go: before the document itself, from the top down."""
    here = select(Document.document_collection_id).where(Document.id == (document_id or 0)).scalar_subquery()
    both = select(DocumentCollection.id).where(
        or_(DocumentCollection.id == here, DocumentCollection.id == (target_id or 0))
    )
    return set(await session.scalars(both.order_by(DocumentCollection.id).with_for_update(key_share=True)))


async def _destination(session: AsyncSession, viewer: Viewer, document: Document, collection_id: int | None) -> int:
    """The collection that the document may be brought to.

    It takes level `manage` on the document, besides `edit` there: it leaves the sight of some and enters that of
    others, and to bring it to a collection of one's own is to manage it from then on. Its shares and its owner stay
    with it, and its shares sleep where the collection is private.
    """
    if not await may(session, viewer, document, Action.SHARE):
        raise NotAllowed(
            "Only those who manage a document bring it to another collection.",
            field="collection_id",
        )
    collection = await find(
        session, viewer, DocumentCollection, collection_id, Action.EDIT, "collection_id", key_share=True
    )
    return collection.id


async def _position(session: AsyncSession, document: Document, collection_id: int, beside: Beside | None) -> int:
    (position,) = await places(session, Document, _siblings(collection_id), beside, moving=document.id)
    return position


def _siblings(collection_id: int) -> Any:
    return Document.document_collection_id == collection_id


def _columns(given: DocumentChanges | dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    mistakes = Mistakes()
    if "title" in given:
        with mistakes.noted():
            columns["title"] = required_line(given["title"], MAX_TITLE, "title", "title")
    if "description" in given:
        with mistakes.noted():
            description = prose(given["description"] or "", MAX_DESCRIPTION, "description", "description")
            columns["description"] = description.strip() or None
    mistakes.check()
    return columns


def _taken() -> dict[str, Invalid]:
    told = Invalid("The collection has a document of the same source already.", field="collection_id", code="TAKEN")
    return {"uq_documents_document_collection_id_source_id": told}
