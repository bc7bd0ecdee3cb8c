"""What people are, and what that lets them do."""

import strawberry

from genji_graphql.reads import graph
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.fields import to_many
from genji_graphql.schema.node import Node
from genji_graphql.schema.user import User


@strawberry.type(description="A standing that people hold, such as instructor or student.")
class Role(Node):
    viewer_can: Abilities = viewer_can()
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(description="What it means.")
    permissions: "Connection[Permission]" = to_many(
        graph.role_permissions_given, "What it lets people do.", where.NameWhere, where.RoleOrder
    )
    users: Connection[User] = to_many(graph.role_users, "Who holds it.", where.UserWhere, where.UserOrder)


@strawberry.type(description="One thing that a role lets people do.")
class Permission(Node):
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(description="What it allows.")
    roles: Connection[Role] = to_many(
        graph.permission_roles, "The roles that give it.", where.NameWhere, where.RoleOrder
    )
