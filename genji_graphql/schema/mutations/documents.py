"""Making documents, changing them, and bringing them elsewhere."""

from datetime import datetime
from typing import Any

import strawberry

from genji_graphql import models
from genji_graphql.context import Context
from genji_graphql.reads import graph
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.document import Document
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.placing import after, before, beside, given_id
from genji_graphql.schema.mutations.requests import EXPECTED, KEY, edge_of, taken
from genji_graphql.writes import documents

_TITLE = f"Its title: one line of at most {documents.MAX_TITLE} characters."
_DESCRIPTION = f"What it is, in at most {documents.MAX_DESCRIPTION:,} characters."


@strawberry.input(description="A new document. It belongs to whoever creates it.")
class CreateDocumentInput:
    collection_id: strawberry.ID = strawberry.field(description="The collection that it is to belong to.")
    title: str = strawberry.field(description=_TITLE)
    description: str | None = option(_DESCRIPTION)
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="What is to be changed of a document; what is left out stays.")
class UpdateDocumentInput:
    id: strawberry.ID = strawberry.field(description="Its global id, or its number.")
    title: str | None = option(_TITLE)
    description: str | None = option(f"{_DESCRIPTION} Null for none.")
    collection_id: strawberry.ID | None = option(
        "Another collection to bring it to, for those who manage the document and edit that collection. It is put last "
        "unless a place is given. Its owner and its shares stay with it; its shares sleep where the collection is "
        "private."
    )
    before_id: strawberry.ID | None = before("document of its collection")
    after_id: strawberry.ID | None = after("document of its collection")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.type(description="The document as it is now.")
class DocumentPayload(Payload):
    document: Document | None = strawberry.field(
        default=None, description="The document; null for whoever doesn't see it any more."
    )


@strawberry.type(description="The new document.")
class CreateDocumentPayload(Payload):
    document: Document | None = strawberry.field(default=None, description="The document.")
    document_edge: Edge[Document] | None = strawberry.field(
        default=None, description="The document with its place among those of its collection, by their order."
    )


@mutation("Creates a document, the last of its collection, for those who edit the collection.")
async def create_document(info: Info, input: CreateDocumentInput) -> CreateDocumentPayload:
    given, key = taken(input, "idempotency_key")
    collection_id = row_id(given.pop("collection_id"), models.DocumentCollection)
    changes: Any = given
    async with info.context.transaction() as session:
        made = await documents.create(session, info.context.viewer, collection_id, changes, key)
    row = await _row(info.context, made)
    return CreateDocumentPayload(document=row, document_edge=edge_of(row, graph.collection_documents))


@mutation(
    "Changes a document, or its place in its collection, for those who edit it; brings it to another collection, for "
    "those who manage it."
)
async def update_document(info: Info, input: UpdateDocumentInput) -> DocumentPayload:
    given, expected = taken(input, "expected_modified")
    changes: Any = {name: given[name] for name in ("title", "description") if name in given}
    async with info.context.transaction() as session:
        changed = await documents.update(
            session,
            info.context.viewer,
            row_id(input.id, models.Document),
            changes,
            collection_id=given_id(input.collection_id, models.DocumentCollection),
            beside=beside(input, models.Document),
            expected=expected,
        )
    return DocumentPayload(document=await _row(info.context, changed))


async def _row(context: Context, document_id: int) -> Any:
    return await context.loaders.row(models.Document, document_id)


@strawberry.type
class DocumentMutations:
    create_document: CreateDocumentPayload = create_document
    update_document: DocumentPayload = update_document
