"""People."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from genji_graphql.access.visibility import may_see_details
from genji_graphql.reads import graph
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.fields import Info, computed, to_many
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.scalars import JSON

if TYPE_CHECKING:
    from genji_graphql.schema.annotation import Annotation
    from genji_graphql.schema.collection import DocumentCollection
    from genji_graphql.schema.document import Document
    from genji_graphql.schema.group import Group
    from genji_graphql.schema.role import Role
    from genji_graphql.schema.share import ObjectShare

_COLLECTION = strawberry.lazy("genji_graphql.schema.collection")
_DOCUMENT = strawberry.lazy("genji_graphql.schema.document")
_ANNOTATION = strawberry.lazy("genji_graphql.schema.annotation")
_GROUP = strawberry.lazy("genji_graphql.schema.group")
_ROLE = strawberry.lazy("genji_graphql.schema.role")
_SHARE = strawberry.lazy("genji_graphql.schema.share")


@strawberry.type(description="A person.")
class User(Node):
    viewer_can: Abilities = viewer_can()
    username: str = strawberry.field(description="The name that they sign in with.")
    display_name: str = strawberry.field(description="The name that others see.")
    first_name: str | None = strawberry.field(description="The first name.")
    last_name: str | None = strawberry.field(description="The last name.")
    is_active: bool = strawberry.field(description="Is the account in use? What somebody wrote stays when it isn't.")

    email: str | None = computed(
        graph.user_email, "The e-mail address. Told to themselves, to administrators, and to those who teach them."
    )

    @strawberry.field(
        description="What else is known of them. Told to themselves and to administrators.",
        metadata={"column": "user_metadata", "told": may_see_details},
    )
    def user_metadata(row: Row, info: Info) -> JSON | None:
        return row.user_metadata if info.context.viewer.sees_details_of(row.id) else None

    roles: Connection[Annotated["Role", _ROLE]] = to_many(
        graph.user_roles_held, "What they are on this site.", where.NameWhere, where.RoleOrder
    )
    groups: Connection[Annotated["Group", _GROUP]] = to_many(
        graph.user_groups, "The groups that they belong to.", where.GroupWhere, where.GroupOrder
    )
    created_groups: Connection[Annotated["Group", _GROUP]] = to_many(
        graph.user_created_groups, "The groups that they created.", where.GroupWhere, where.GroupOrder
    )
    collections: Connection[Annotated["DocumentCollection", _COLLECTION]] = to_many(
        graph.user_collections,
        "The collections that are theirs.",
        where.DocumentCollectionWhere,
        where.DocumentCollectionOrder,
    )
    created_collections: Connection[Annotated["DocumentCollection", _COLLECTION]] = to_many(
        graph.user_created_collections,
        "The collections that they created.",
        where.DocumentCollectionWhere,
        where.DocumentCollectionOrder,
    )
    modified_collections: Connection[Annotated["DocumentCollection", _COLLECTION]] = to_many(
        graph.user_modified_collections,
        "The collections that they were the last to change.",
        where.DocumentCollectionWhere,
        where.DocumentCollectionOrder,
    )
    documents: Connection[Annotated["Document", _DOCUMENT]] = to_many(
        graph.user_documents, "The documents that are theirs.", where.DocumentWhere, where.DocumentOrder
    )
    annotations: Connection[Annotated["Annotation", _ANNOTATION]] = to_many(
        graph.user_annotations, "What they wrote.", where.AnnotationWhere, where.AnnotationOrder
    )
    owned_annotations: Connection[Annotated["Annotation", _ANNOTATION]] = to_many(
        graph.user_owned_annotations, "The annotations that are theirs.", where.AnnotationWhere, where.AnnotationOrder
    )
    shares: Connection[Annotated["ObjectShare", _SHARE]] = to_many(
        graph.user_shares, "What is shared with them.", where.ObjectShareWhere, where.ObjectShareOrder
    )
