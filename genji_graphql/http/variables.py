"""The variables of an operation, coerced as the GraphQL specification says (section 6.1.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

_ERRORS = 10
"""How many mistakes are told of the variables."""

_Leaf = tuple[GraphQLVariableSignature, GraphQLLeafType]


class Variables:
    """What an operation declares, read once; GraphQL's executor reads it anew for each request."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, *, hide_suggestions: bool) -> None:
        self._schema = schema
        self._declared = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._leaves = _leaves(schema, operation)

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """Their values, or what is wrong with those that were given."""
        if self._leaves is not None and (values := _values(self._leaves, given)) is not None:
            return values
        return get_variable_values(
            self._schema, self._declared, dict(given), max_errors=_ERRORS, hide_suggestions=self._hide_suggestions
        )


def _leaves(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Sequence[_Leaf] | None:
    """The variables where each is a scalar or an enum."""
    leaves: list[_Leaf] = []
    for declared in operation.variable_definitions or ():
        signature = get_variable_signature(schema, declared)
        if isinstance(signature, GraphQLError):
            return None
        leaf = get_nullable_type(signature.type)
        if not isinstance(leaf, GraphQLLeafType):
            return None
        leaves.append((signature, leaf))
    return leaves


def _values(leaves: Sequence[_Leaf], given: Mapping[str, Any]) -> VariableValues | None:
    """The values where each was given and is a good one."""
    values = VariableValues({}, {})
    for signature, leaf in leaves:
        value = given.get(signature.name)
        if value is None:
            return None
        try:
            coerced = leaf.coerce_input_value(value)
        except Exception:  # noqa: BLE001 - what a scalar can't take is told by the executor's own function
            return None
        if coerced is Undefined:
            return None
        values.sources[signature.name] = VariableValueSource(signature, value)
        values.coerced[signature.name] = coerced
    return values
