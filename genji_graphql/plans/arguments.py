"""The arguments of a field, with the variables of the moment."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    VariableNode,
    Visitor,
    get_named_type,
    is_scalar_type,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values

from genji_graphql.errors import GenjiError
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Run
from genji_graphql.reads.edges import ToMany
from genji_graphql.reads.loaders import every_row
from genji_graphql.reads.pages import Page
from genji_graphql.schema.arguments import converted
from genji_graphql.schema.fields import page_asked


class Asked(ABC):
    """Which page of a list is asked for."""

    @abstractmethod
    def page(self, run: Run, edge: ToMany) -> Page: ...

    @abstractmethod
    def fixed_page(self, edge: ToMany) -> Page | None:
        """The page where it doesn't depend on variables, whatever its size."""


class Everything(Asked):
    """All of a list that is never long."""

    def page(self, _run: Run, edge: ToMany) -> Page:
        return every_row(edge)

    def fixed_page(self, edge: ToMany) -> Page:
        return every_row(edge)


class Arguments(Asked):
    """What stands in the brackets behind a field."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        self._field = field
        self._node = node
        self._converts = any(not is_scalar_type(get_named_type(argument.type)) for argument in field.args.values())
        self._varies = any(_has_variables(argument.value) for argument in node.arguments or ())
        self._variables = None if self._converts else _only_variables(field, node)
        self._page: Page | None = None

    def given(self, run: Run) -> Mapping[str, Any]:
        return self._given(run.variables)

    def _given(self, variables: VariableValues | None) -> Mapping[str, Any]:
        if self._variables is not None and variables is not None:
            values = {argument: variables.coerced.get(name) for argument, name in self._variables.items()}
            if None not in values.values():
                return values
        try:
            values = get_argument_values(self._field, self._node, variables)
            return converted(self._field, values) if self._converts else values
        except (GraphQLError, ValueError) as error:
            raise GaveUp("an argument can't be taken") from error

    def page(self, run: Run, edge: ToMany) -> Page:
        page = self.fixed_page(edge) or self._page_of(edge, run.variables)
        if page.size > run.largest_page:
            raise GaveUp("an argument can't be taken")
        return page

    def fixed_page(self, edge: ToMany) -> Page | None:
        if not self._varies and self._page is None:
            self._page = self._page_of(edge, None)
        return self._page

    def _page_of(self, edge: ToMany, variables: VariableValues | None) -> Page:
        try:
            return page_asked(edge, sys.maxsize, **self._given(variables))
        except GenjiError as error:
            raise GaveUp("an argument can't be taken") from error


def _only_variables(field: GraphQLField, node: FieldNode) -> Mapping[str, str] | None:
    """The variable of each argument, where each has one, as in `document(id: $id)`.

    Where these have values there is nothing more to look at: validation has seen that they are of the arguments' types.
    """
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    names = {name: value.name.value for name, value in given.items() if isinstance(value, VariableNode)}
    if names.keys() != field.args.keys():
        return None
    return {argument.out_name or name: names[name] for name, argument in field.args.items()}


def _has_variables(value: Any) -> bool:
    found: list[str] = []

    class Search(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            found.append(node.name.value)

    visit(value, Search())
    return bool(found)
