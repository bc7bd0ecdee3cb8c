"""The GraphQL schema: types that mirror the texts and what is written on them."""

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from genji_graphql.schema import enums as enums  # gives the vocabularies their descriptions before a type uses them
from genji_graphql.schema.errors import ERROR_TYPES
from genji_graphql.schema.mutations import Mutation
from genji_graphql.schema.query import NODE_TYPES, Query
from genji_graphql.schema.scalars import SCALARS
from genji_graphql.schema.subscription import EVENT_TYPES, Subscription


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: a client's mistake is no error of the server, and what is one is logged where it is told."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[*NODE_TYPES, *ERROR_TYPES, *EVENT_TYPES],
    config=StrawberryConfig(scalar_map=SCALARS),
)
