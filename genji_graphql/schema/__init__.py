"""The GraphQL schema: types that mirror the texts and what is written on them."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from genji_graphql.schema import enums as enums  # gives the vocabularies their descriptions before a type uses them
from genji_graphql.schema.query import NODE_TYPES, Query
from genji_graphql.schema.scalars import SCALARS

schema = strawberry.Schema(query=Query, types=NODE_TYPES, config=StrawberryConfig(scalar_map=SCALARS))
