"""Making collections, changing them, and their order on the site."""

from asyncio import gather
from datetime import datetime
from typing import Any

import strawberry

from genji_graphql import models
from genji_graphql.access.rules import RESTORABLE
from genji_graphql.context import Context
from genji_graphql.reads import graph
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.requests import EXPECTED, KEY, deleted_id, edge_of, taken
from genji_graphql.schema.scalars import JSON
from genji_graphql.vocabulary import TextDirection, Visibility
from genji_graphql.writes import collections, deleting

_WHICH = "Its global id, or its number."
_TITLE = f"Its title: one line of at most {collections.MAX_TITLE} characters."
_VISIBILITY = "Who may see it."
_DIRECTION = "How its lines run."
_LANGUAGE = f"Its language, such as `ja` (BCP 47): at most {collections.MAX_LANGUAGE} characters."
_HIERARCHY = f"How it is divided: an object, of at most {collections.MAX_HIERARCHY:,} characters."
_METADATA = (
    "What is known of it: an object with what the site asks for (`siteSettings.collectionMetadataSchema`), and "
    "whatever else. A `TEXT` is one line, a `TEXTAREA` text, a `LIST` a list of lines; an `IMAGE` is an https "
    "address, or a PNG or JPEG image of up to 2 MB as a `data:` address in base64. An error names its key: "
    "`collectionMetadata.author`."
)


@strawberry.input(description="A new collection. It belongs to whoever creates it.")
class CreateCollectionInput:
    title: str = strawberry.field(description=_TITLE)
    visibility: Visibility | None = option(f"{_VISIBILITY} `PRIVATE` unless told.")
    text_direction: TextDirection | None = option(f"{_DIRECTION} `LTR` unless told.")
    language: str | None = option(_LANGUAGE)
    hierarchy: JSON | None = option(_HIERARCHY)
    collection_metadata: JSON | None = option(_METADATA)
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="What is to be changed of a collection; what is left out stays.")
class UpdateCollectionInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    title: str | None = option(_TITLE)
    visibility: Visibility | None = option(f"{_VISIBILITY} For those who manage it.")
    text_direction: TextDirection | None = option(_DIRECTION)
    language: str | None = option(f"{_LANGUAGE} Null for none.")
    hierarchy: JSON | None = option(f"{_HIERARCHY} Null for none.")
    collection_metadata: JSON | None = option(f"{_METADATA} It takes the place of all that there is.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="Collections in another order.")
class ReorderCollectionsInput:
    ids: list[strawberry.ID] = strawberry.field(
        description=f"Up to {collections.MAX_REORDERED} collections, each once, in the order that they are to have."
    )


@strawberry.input(description="A collection that is to go.")
class DeleteCollectionInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A collection that was deleted.")
class RestoreCollectionInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.type(description="The collection as it is now.")
class CollectionPayload(Payload):
    collection: DocumentCollection | None = strawberry.field(
        default=None, description="The collection; null for whoever doesn't see it any more."
    )


@strawberry.type(description="What was deleted.")
class DeleteCollectionPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The id of the collection.")


@strawberry.type(description="The new collection.")
class CreateCollectionPayload(Payload):
    collection: DocumentCollection | None = strawberry.field(default=None, description="The collection.")
    collection_edge: Edge[DocumentCollection] | None = strawberry.field(
        default=None, description="The collection with its place in `collections` by their order."
    )


@strawberry.type(description="The collections in their new order.")
class ReorderCollectionsPayload(Payload):
    collections: list[DocumentCollection] = strawberry.field(
        default_factory=list,
        description="Those that were named, in their order.",
        metadata={"at_most": collections.MAX_REORDERED},
    )


@mutation("Creates a collection, the last on the site. For those with the permission `create_collection`.")
async def create_collection(info: Info, input: CreateCollectionInput) -> CreateCollectionPayload:
    given: Any
    given, key = taken(input, "idempotency_key")
    async with info.context.transaction() as session:
        made = await collections.create(session, info.context.viewer, given, key)
    row = await _row(info.context, made)
    return CreateCollectionPayload(collection=row, collection_edge=edge_of(row, graph.all_collections))


@mutation("Changes a collection, for those who edit it; who may see it, for those who manage it.")
async def update_collection(info: Info, input: UpdateCollectionInput) -> CollectionPayload:
    given: Any
    given, expected = taken(input, "expected_modified")
    collection_id = row_id(given.pop("id"), models.DocumentCollection)
    async with info.context.transaction() as session:
        changed = await collections.update(session, info.context.viewer, collection_id, given, expected)
    return CollectionPayload(collection=await _row(info.context, changed))


@mutation(
    "Puts collections in another order, for those who edit each. They take, in the order given, the places that they "
    "had among themselves; all others stay where they are."
)
async def reorder_collections(info: Info, input: ReorderCollectionsInput) -> ReorderCollectionsPayload:
    ids = [row_id(one, models.DocumentCollection) for one in input.ids]
    async with info.context.transaction() as session:
        await collections.reorder(session, info.context.viewer, ids)
    rows = await gather(*(_row(info.context, number or 0) for number in ids))
    return ReorderCollectionsPayload(collections=[row for row in rows if row is not None])


@mutation(
    "Deletes a collection, for those who manage it: it is out of sight at once, for everybody, with its documents and "
    f"all that is written on them. It can be restored for {RESTORABLE.days} days."
)
async def delete_collection(info: Info, input: DeleteCollectionInput) -> DeleteCollectionPayload:
    collection_id, expected = row_id(input.id, models.DocumentCollection), input.expected_modified or None
    async with info.context.transaction() as session:
        gone = await deleting.delete_collection(session, info.context.viewer, collection_id, expected)
    return DeleteCollectionPayload(deleted_id=deleted_id(models.DocumentCollection, gone))


@mutation("Restores a collection that was deleted, with all that was in it then, for those who manage it.")
async def restore_collection(info: Info, input: RestoreCollectionInput) -> CollectionPayload:
    collection_id = row_id(input.id, models.DocumentCollection)
    async with info.context.transaction() as session:
        back = await deleting.restore_collection(session, info.context.viewer, collection_id)
    return CollectionPayload(collection=await _row(info.context, back))


async def _row(context: Context, collection_id: int) -> Any:
    return await context.loaders.row(models.DocumentCollection, collection_id)


@strawberry.type
class CollectionMutations:
    create_collection: CreateCollectionPayload = create_collection
    update_collection: CollectionPayload = update_collection
    delete_collection: DeleteCollectionPayload = delete_collection
    restore_collection: CollectionPayload = restore_collection
    reorder_collections: ReorderCollectionsPayload = reorder_collections
