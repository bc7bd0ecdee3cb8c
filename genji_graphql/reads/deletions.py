"""What was deleted and can still be brought back, for those who may."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Select, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import RESTORABLE, Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Base, Document, DocumentCollection, DocumentElement
from genji_graphql.reads.ids import global_id

MAX_DELETIONS = 100
_LONGEST_TITLE = 100


class DeletedKind(StrEnum):
    """What can be deleted and is then out of everybody's sight."""

    COLLECTION = "collection"
    DOCUMENT = "document"
    ELEMENT = "element"


MODELS: Mapping[DeletedKind, type[Base]] = {
    DeletedKind.COLLECTION: DocumentCollection,
    DeletedKind.DOCUMENT: Document,
    DeletedKind.ELEMENT: DocumentElement,
}


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing that was deleted."""

    kind: DeletedKind
    database_id: int
    title: str | None
    deleted_at: datetime
    purged_after: datetime

    @property
    def id(self) -> str:
        return global_id(MODELS[self.kind].__name__, self.database_id)


async def deletions(session: AsyncSession, viewer: Viewer) -> Sequence[Deletion]:
    """Those that the viewer may restore now, the last first. What is in something deleted waits for that."""
    collections = _deleted(DeletedKind.COLLECTION, DocumentCollection.title, viewer)
    documents = _deleted(DeletedKind.DOCUMENT, Document.title, viewer).join(
        DocumentCollection, DocumentCollection.id == Document.document_collection_id
    )
    elements = (
        _deleted(DeletedKind.ELEMENT, func.left(DocumentElement.text, _LONGEST_TITLE), viewer)
        .join(Document, Document.id == DocumentElement.document_id)
        .join(DocumentCollection, DocumentCollection.id == Document.document_collection_id)
    )
    found = union_all(
        collections,
        documents.where(DocumentCollection.deleted_at.is_(None)),
        elements.where(Document.deleted_at.is_(None), DocumentCollection.deleted_at.is_(None)),
    ).subquery()
    listed = select(found).order_by(found.c.deleted_at.desc(), found.c.kind, found.c.id).limit(MAX_DELETIONS)
    return [Deletion(DeletedKind(kind), *told) for kind, *told in await session.execute(listed)]


def _deleted(kind: DeletedKind, title: Any, viewer: Viewer) -> Select[Any]:
    model: Any = MODELS[kind]
    return select(
        literal(kind.value).label("kind"),
        model.id,
        title.label("title"),
        model.deleted_at,
        (model.deleted_at + RESTORABLE).cast(DateTime(timezone=True)).label("purged_after"),
    ).where(model.deleted_at > func.now() - RESTORABLE, allowed(model, Action.RESTORE, viewer))
