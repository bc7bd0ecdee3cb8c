"""Making documents, changing them, and bringing them elsewhere."""

from asyncio import gather
from datetime import datetime
from typing import Any

import strawberry

from genji_graphql import models
from genji_graphql.access.rules import RESTORABLE
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
from genji_graphql.schema.mutations.requests import EXPECTED, KEY, deleted_id, edge_of, taken
from genji_graphql.writes import deleting, documents

_TITLE = f"Its title: one line of at most {documents.MAX_TITLE} characters."
_SEVERAL = f"From 1 to {deleting.MAX_DOCUMENTS:,} documents, by their global ids or their numbers, each once"
_BLAME = "An error names its document by its place in this list: `ids.3`."
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


@strawberry.input(description="Documents that are to go.")
class DeleteDocumentsInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"{_SEVERAL}: all of them are deleted, or none. {_BLAME}")


@strawberry.input(description="Documents that were deleted.")
class RestoreDocumentsInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"{_SEVERAL}: all of them are restored, or none. {_BLAME}")


@strawberry.type(description="The document as it is now.")
class DocumentPayload(Payload):
    document: Document | None = strawberry.field(
        default=None, description="The document; null for whoever doesn't see it any more."
    )


@strawberry.type(description="What was deleted.")
class DeleteDocumentsPayload(Payload):
    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the documents, in the order of the input."
    )


@strawberry.type(description="The documents that are back.")
class RestoreDocumentsPayload(Payload):
    documents: list[Document] = strawberry.field(
        default_factory=list,
        description="The documents, in the order of the input.",
        metadata={"at_most": deleting.MAX_DOCUMENTS},
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


@mutation(
    "Deletes documents, for those who manage each: they are out of sight at once, for everybody, with their elements "
    f"and all that is written on them. They can be restored for {RESTORABLE.days} days."
)
async def delete_documents(info: Info, input: DeleteDocumentsInput) -> DeleteDocumentsPayload:
    ids = [row_id(one, models.Document) for one in input.ids]
    async with info.context.transaction() as session:
        gone = await deleting.delete_documents(session, info.context.viewer, ids)
    return DeleteDocumentsPayload(deleted_ids=[deleted_id(models.Document, number) for number in gone])


@mutation("Restores documents that were deleted, with all that was in them then, for those who manage each.")
async def restore_documents(info: Info, input: RestoreDocumentsInput) -> RestoreDocumentsPayload:
    ids = [row_id(one, models.Document) for one in input.ids]
    async with info.context.transaction() as session:
        back = await deleting.restore_documents(session, info.context.viewer, ids)
    rows = await gather(*(_row(info.context, number) for number in back))
    return RestoreDocumentsPayload(documents=[row for row in rows if row is not None])


async def _row(context: Context, document_id: int) -> Any:
    return await context.loaders.row(models.Document, document_id)


@strawberry.type
class DocumentMutations:
    create_document: CreateDocumentPayload = create_document
    update_document: DocumentPayload = update_document
    delete_documents: DeleteDocumentsPayload = delete_documents
    restore_documents: RestoreDocumentsPayload = restore_documents
