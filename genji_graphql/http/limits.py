"""What one request may ask for, settled before anything runs.

The shape of a document is counted with its fragments spread out: how deep it goes, how many fields it has at its root,
how many aliases and directives. Each fragment is counted once however often it is spread, so that a chain in which
each spreads the next one twice costs no more than its length.

The price of an operation is the number of rows that it may load at most: a page's size times what is asked of each of
its rows, all the way down. A value that the database computes for a row, such as a count, costs as much as a row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
    visit,
)

from genji_graphql.access.viewer import Viewer
from genji_graphql.reads.edges import ToMany
from genji_graphql.reads.pages import DEFAULT_SIZE
from genji_graphql.settings import Settings

TOO_COMPLEX = "QUERY_TOO_COMPLEX"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a document may be, with its fragments spread out, and what its operation may cost."""

    tokens: int
    depth: int
    root_fields: int
    width: int
    aliases: int
    directives: int
    cost_of_visitors: int
    cost_of_people: int
    cost_of_administrators: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.max_tokens,
            settings.max_depth,
            settings.max_root_fields,
            settings.max_width,
            settings.max_aliases,
            settings.max_directives,
            settings.max_cost_of_visitors,
            settings.max_cost_of_people,
            settings.max_cost_of_administrators,
        )

    def cost(self, viewer: Viewer) -> int:
        """What an operation of this viewer may cost."""
        if viewer.is_anonymous:
            return self.cost_of_visitors
        return self.cost_of_administrators if viewer.is_administrator else self.cost_of_people


# The shape of a document


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a selection is. The depth is that of its deepest field, 1 for a scalar."""

    depth: int = 0
    fields: int = 0  # of this selection itself, not of those below
    width: int = 0  # the most fields of one selection below
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Shape") -> "Shape":
        return Shape(
            max(self.depth, other.depth),
            self.fields + other.fields,
            max(self.width, other.width),
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


def complaint(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """What is too large about a document, or None. Fragments that are missing or go in circles count for nothing."""
    shapes = _Shapes(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            shape = shapes.of(operation.selection_set).beside(Shape(directives=len(operation.directives or ())))
            for what, number, most in (
                ("is {} levels deep", shape.depth, limits.depth),
                ("has {} root fields", shape.fields, limits.root_fields),
                ("selects {} fields of one thing", shape.width, limits.width),
                ("has {} aliases", shape.aliases, limits.aliases),
                ("has {} directives", shape.directives, limits.directives),
            ):
                if number > most:
                    return _too_complex(
                        f"The operation {what.format(number)}", f"{most} is the limit", operation, number, most
                    )
    return None


class _Shapes:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._known: dict[str, Shape] = {}

    def of(self, selections: SelectionSetNode | None) -> Shape:
        shape = Shape()
        for selection in selections.selections if selections else ():
            shape = shape.beside(self._one(selection)).beside(Shape(directives=len(selection.directives or ())))
        return shape

    def _one(self, selection: Any) -> Shape:
        match selection:
            case FieldNode():
                below = self.of(selection.selection_set)
                aliases = below.aliases + (selection.alias is not None)
                return Shape(below.depth + 1, 1, max(below.width, below.fields), aliases, below.directives)
            case InlineFragmentNode():
                return self.of(selection.selection_set)
            case FragmentSpreadNode():
                return self._fragment(selection.name.value)
        raise TypeError(selection)

    def _fragment(self, name: str) -> Shape:
        if name not in self._known:
            fragment = self._fragments.get(name)
            # While it is counted it counts for nothing, so that a circle comes to an end.
            self._known[name] = Shape()
            if fragment is not None:
                self._known[name] = self.of(fragment.selection_set)
        return self._known[name]


# The price of an operation


class Prices:
    """What the operations of a valid document may cost, remembered by the variables that the price depends on."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, largest_page: int) -> None:
        self._schema = schema
        self._document = document
        self._largest_page = largest_page
        self._deciding = _deciding_variables(document)
        self._known: dict[tuple[Any, ...], int] = {}

    def of(self, operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> int:
        given = variables or {}
        key = (operation.name and operation.name.value, *(_weighed(given, name) for name in self._deciding))
        price = self._known.get(key)
        if price is None:
            price = Price(self._schema, self._document, operation, variables, self._largest_page).requested
            if len(self._known) >= _PRICES:
                self._known.clear()
            self._known[key] = price
        return price


class Price:
    """What an operation may cost at most, with these variables. The document must be valid."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        largest_page: int,
    ) -> None:
        self._schema = schema
        self._fragments = _fragments(document)
        self._operation = operation
        self._variables = _defaults(operation) | dict(variables or {})
        self._largest = largest_page
        self._known: dict[str, int] = {}

    @cached_property
    def requested(self) -> int:
        root = self._schema.get_root_type(self._operation.operation)
        return self._of(self._operation.selection_set, root)

    def _of(self, selections: SelectionSetNode | None, type_: Any, rows: int = 1) -> int:
        """Of a selection below one parent; below a connection, whose page holds so many rows."""
        return sum(
            self._one(selection, type_, rows)
            for selection in (selections.selections if selections else ())
            if self._included(selection.directives or ())
        )

    def _one(self, selection: Any, type_: Any, rows: int) -> int:
        match selection:
            case FieldNode():
                return self._field(selection, type_, rows)
            case InlineFragmentNode():
                return self._of(selection.selection_set, self._condition(selection, type_), rows)
            case FragmentSpreadNode():
                return self._fragment(selection.name.value, rows)
        raise TypeError(selection)

    def _fragment(self, name: str, rows: int) -> int:
        if name not in self._known:
            fragment = self._fragments[name]
            # For one row: a fragment of a connection is multiplied where it is spread.
            self._known[name] = self._of(fragment.selection_set, self._condition(fragment, None))
        return self._known[name] * rows

    def _condition(self, fragment: Any, type_: Any) -> Any:
        named = fragment.type_condition
        return type_ if named is None else self._schema.get_type(named.name.value)

    def _field(self, selection: FieldNode, type_: Any, rows: int) -> int:
        field = type_.fields.get(selection.name.value) if hasattr(type_, "fields") else None
        if field is None:
            return 0  # __typename, and introspection, which has limits of its own
        below, named = selection.selection_set, get_named_type(field.type)
        told = _metadata(field)
        edge = told.get("edge")
        if isinstance(edge, ToMany):
            page = self._page(selection)
            return page + self._of(below, named, page)
        if _is_connection(type_):
            return 1 if selection.name.value == "totalCount" else rows * self._of(below, named)
        own = _own(field)
        if selection.name.value == "nodes" and type_ is self._schema.query_type:
            return self._length(selection) * (own + self._of(below, named))
        # Of a plain list nobody knows how long it is; where it says how long it can be, it is taken to be.
        is_list = is_list_type(get_nullable_type(field.type)) and is_composite_type(named)
        times = told.get("at_most", DEFAULT_SIZE) if is_list else 1
        return rows * (own + times * self._of(below, named))

    def _page(self, selection: FieldNode) -> int:
        sizes = [self._size(argument.value) for argument in selection.arguments or () if argument.name.value in _SIZES]
        given = [size for size in sizes if size is not None]
        return min(max(given, default=DEFAULT_SIZE), self._largest)

    def _size(self, value: ValueNode) -> int | None:
        found = self._value(value)
        if found is None:
            return None
        # What is no number is refused when it is coerced.
        return max(found, 0) if isinstance(found, int) else self._largest

    def _length(self, selection: FieldNode) -> int:
        for argument in selection.arguments or ():
            found = self._value(argument.value)
            return len(found) if isinstance(found, list) else 1
        return 0

    def _included(self, directives: tuple[DirectiveNode, ...]) -> bool:
        for directive in directives:
            if directive.name.value in {"include", "skip"} and directive.arguments:
                said = self._value(directive.arguments[0].value)
                if said is (directive.name.value == "skip"):
                    return False
        return True

    def _value(self, value: ValueNode) -> Any:
        match value:
            case VariableNode():
                return self._variables.get(value.name.value)
            case IntValueNode():
                return int(value.value)
            case BooleanValueNode():
                return value.value
            case ListValueNode():
                return list(value.values)
        return None


def _deciding_variables(document: DocumentNode) -> tuple[str, ...]:
    """The variables that say how long a list is, or whether something is asked for at all."""
    found: dict[str, None] = {}

    class Looking(Visitor):
        def enter_directive(self, directive: DirectiveNode, *_: object) -> None:
            self._note(directive.arguments)

        def enter_field(self, field: FieldNode, *_: object) -> None:
            self._note(argument for argument in field.arguments or () if argument.name.value in _LENGTHS)

        def _note(self, arguments: Iterable[ArgumentNode] | None) -> None:
            found.update({one.value.name.value: None for one in arguments or () if isinstance(one.value, VariableNode)})

    visit(document, Looking())
    return tuple(found)


def _weighed(variables: Mapping[str, Any], name: str) -> Any:
    """What a price depends on of a variable: a list's length, a number or a truth, and of anything else that it is."""
    value = variables.get(name)
    if isinstance(value, list):
        return ("list", len(value))
    return (type(value), value) if isinstance(value, int) else (type(value), name in variables)


_PRICES = 100  # remembered of one document
_LARGEST = 2**53 - 1  # of the integers that everybody who reads JSON can hold (RFC 8259, section 6)
_SIZES = {"first", "last"}
_LENGTHS = {*_SIZES, "ids"}


def overpriced(price: int, limit: int, operation: OperationDefinitionNode) -> GraphQLError:
    return _too_complex(f"The operation may cost {price}", f"{limit} is the limit", operation, price, limit)


def _too_complex(what: str, most: str, operation: OperationDefinitionNode, requested: int, limit: int) -> GraphQLError:
    # Fragments make numbers that JSON has no place for.
    extensions = {"code": TOO_COMPLEX, "requested": min(requested, _LARGEST), "limit": limit}
    return GraphQLError(f"{what}, and {most}.", operation, extensions=extensions)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    fragments = (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))
    return {fragment.name.value: fragment for fragment in fragments}


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    declared = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}
    return {name: value_from_ast_untyped(value) for name, value in declared.items() if value is not None}


def _metadata(field: GraphQLField) -> Mapping[str, Any]:
    """What the field says of itself in our own declarations."""
    declared = field.extensions.get("strawberry-definition")
    return declared.metadata if declared is not None else {}


def _own(field: GraphQLField) -> int:
    """A field that waits for the database costs a row. What the viewer can do to a thing is found out in one go."""
    declared, told = field.extensions.get("strawberry-definition"), _metadata(field)
    if told.keys() & {"abilities", "ability"}:
        return int("abilities" in told)
    return int(declared is not None and declared.is_async)


def _is_connection(type_: Any) -> bool:
    return isinstance(type_, GraphQLObjectType) and type_.name.endswith("Connection")
