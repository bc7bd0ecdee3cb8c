"""Classrooms and teams."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from genji_graphql.access import joining
from genji_graphql.access.rules import Action
from genji_graphql.reads import graph
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.fields import Info, to_many, to_one
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.user import User

if TYPE_CHECKING:
    from genji_graphql.schema.annotation import Annotation
    from genji_graphql.schema.share import ObjectShare


@strawberry.type(description="People who read together, such as a class for a semester.")
class Group(Node):
    viewer_can: Abilities = viewer_can()
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(description="What it is about.")
    created_at: datetime = strawberry.field(description="When it was created.")
    start_date: date | None = strawberry.field(description="The day it begins.")
    end_date: date | None = strawberry.field(description="The last day.")
    created_by: User | None = to_one(graph.group_created_by, "Who created it.")

    @strawberry.field(
        description="What the link to join by holds, for `invitation` and `joinGroup`. "
        "Null to all but those who may add members.",
        metadata={"column": "join_token", "entrusted": Action.MANAGE_MEMBERS},
    )
    async def join_token(row: Row, info: Info) -> str | None:
        may = await info.context.loaders.abilities(row)
        return row.join_token if may.get(Action.MANAGE_MEMBERS) else None

    members: Connection[User] = to_many(
        graph.group_members_list, "Who belongs to it.", where.UserWhere, where.UserOrder
    )
    annotations: Connection[Annotated["Annotation", strawberry.lazy("genji_graphql.schema.annotation")]] = to_many(
        graph.group_annotations, "What was written for it.", where.AnnotationWhere, where.AnnotationOrder
    )
    shares: Connection[Annotated["ObjectShare", strawberry.lazy("genji_graphql.schema.share")]] = to_many(
        graph.group_shares, "What is shared with it.", where.ObjectShareWhere, where.ObjectShareOrder
    )


@strawberry.type(description="What a group tells whoever holds its link, before they join.")
class GroupInvitation:
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(description="What it is about.")
    start_date: date | None = strawberry.field(description="The day it begins.")
    end_date: date | None = strawberry.field(description="The last day.")
    instructor_name: str | None = strawberry.field(description="The name of whoever created it.")

    @strawberry.field(description="Can it be joined today (UTC)? One has to be signed in for it.")
    def is_open(row: Row) -> bool:
        return joining.is_open(row.start_date, row.end_date, joining.today())
