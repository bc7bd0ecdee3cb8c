"""Scalars beyond GraphQL's own."""

from typing import Any, NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from genji_graphql.database import Json

JSON = NewType("JSON", object)


def _serialize(value: Any) -> Any:
    # Stored JSON goes out as PostgreSQL wrote it.
    return orjson.Fragment(value.encode()) if isinstance(value, Json) else value


def _parse(value: Any) -> Any:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, a list, a string, a number, true, false or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_serialize,
        parse_value=_parse,
    )
}
