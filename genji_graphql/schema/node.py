"""What has an id.

GraphQL Global Object Identification Specification (Relay).
"""

from typing import Any

import strawberry
from graphql import GraphQLAbstractType

from genji_graphql.reads.ids import global_id

Row = strawberry.Parent[Any]


@strawberry.interface(description="Anything that can be asked for again by its id.")
class Node:
    """A type of the graph stands for a table: its fields are read from a row of the model of the same name."""

    @strawberry.field(description="An opaque id, unique among all things.", metadata={"global_id": "id"})
    def id(row: Row) -> strawberry.ID:
        return strawberry.ID(global_id(type(row).__name__, row.id))

    @strawberry.field(description="The number of the row, unique among things of this type.", metadata={"column": "id"})
    def database_id(row: Row) -> int:
        number: int = row.id
        return number

    @classmethod
    def resolve_type(cls, row: Any, _info: Any, _type: GraphQLAbstractType) -> str:
        return type(row).__name__

    @classmethod
    def is_type_of(cls, row: Any, _info: Any) -> bool:
        return type(row).__name__ == cls.__name__
