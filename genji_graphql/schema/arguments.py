"""Arguments as a resolver gets them, for whoever answers in a resolver's place."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLField
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from genji_graphql.schema import schema


def definition_of(field: GraphQLField) -> StrawberryField:
    """What a field was declared as: its metadata says what it stands for."""
    declared: StrawberryField = field.extensions["strawberry-definition"]
    return declared


def converted(field: GraphQLField, values: dict[str, Any]) -> Mapping[str, Any]:
    """Coerced values of arguments, as inputs and by their names in Python."""
    return convert_arguments(
        values,
        definition_of(field).arguments,
        scalar_registry=schema.schema_converter.scalar_registry,
        config=schema.config,
    )
