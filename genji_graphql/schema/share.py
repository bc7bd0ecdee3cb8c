"""Who else may see, edit or manage a collection or a document."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from genji_graphql import models
from genji_graphql.reads import graph
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.document import Document
from genji_graphql.schema.fields import Info, column, to_one
from genji_graphql.schema.group import Group
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.user import User
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject

Shareable = Annotated[DocumentCollection | Document, strawberry.union("Shareable", description="What can be shared.")]
ShareRecipient = Annotated[User | Group, strawberry.union("ShareRecipient", description="With whom it is shared.")]

_OBJECTS: dict[SharedObject, type[models.Base]] = {
    SharedObject.COLLECTION: models.DocumentCollection,
    SharedObject.DOCUMENT: models.Document,
}
_RECIPIENTS: dict[Recipient, type[models.Base]] = {Recipient.USER: models.User, Recipient.GROUP: models.Group}


@strawberry.type(description="One collection or document, shared with one person or group.")
class ObjectShare(Node):
    object_type: SharedObject = strawberry.field(description="What is shared.")
    shared_with_type: Recipient = strawberry.field(description="With whom.")
    access_level: AccessLevel = strawberry.field(description="What it gives.")
    created_at: datetime = strawberry.field(description="When it was shared.")
    created_by: User | None = to_one(graph.share_created_by, "Who shared it.")
    shared_with_id: int = column("shared_with_id", "The number of the person or group.")

    @strawberry.field(description="The collection or the document; null where that is hidden or gone.")
    async def object(row: Row, info: Info) -> Shareable | None:
        shared: Any = await info.context.loaders.row(_OBJECTS[row.object_type], row.object_id)
        return shared

    @strawberry.field(description="The person or the group; null where they are hidden or gone.")
    async def shared_with(row: Row, info: Info) -> ShareRecipient | None:
        recipient: Any = await info.context.loaders.row(_RECIPIENTS[row.shared_with_type], row.shared_with_id)
        return recipient
