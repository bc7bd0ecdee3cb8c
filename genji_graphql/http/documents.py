"""Documents as clients send them: parsed and validated once, and remembered by their text."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graphql import (
    BREAK,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    VisitorAction,
    parse,
    validate,
    visit,
)

from genji_graphql.http.limits import Limits, Prices, complaint
from genji_graphql.http.variables import Variables

_ERRORS = 10
"""How many mistakes are told of one document. To find the line of each, its text is read from the beginning."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that could be parsed, and what is wrong with it otherwise."""

    text: str
    ast: DocumentNode
    errors: Sequence[GraphQLError]
    introspects: bool
    """Does it ask for the schema?"""
    prices: Prices
    variables: dict[str | None, Variables] = field(default_factory=dict)
    """Of the operations that were asked so far."""


class Documents:
    """The documents of late, as many as their texts have room for. Of one that can't be parsed nothing is kept."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        largest_page: int,
        *,
        room: int = 1_000_000,
        hide_suggestions: bool = False,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._largest_page = largest_page
        self._room = room
        self._hide_suggestions = hide_suggestions
        self._taken = 0
        self._known: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """The document of this text. Raises GraphQLError where it can't be parsed or asks for too much."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        ast = parse(text, max_lexical_tokens=self._limits.tokens, max_comments=self._limits.tokens)
        # Before the rules of the specification, which take their time over a document that is made to be slow.
        if (error := complaint(ast, self._limits)) is not None:
            raise error
        errors = validate(self._schema, ast, max_errors=_ERRORS, hide_suggestions=self._hide_suggestions)
        document = Document(text, ast, errors, _introspects(ast), Prices(self._schema, ast, self._largest_page))
        self._keep(document)
        return document

    def variables(self, document: Document, operation: OperationDefinitionNode) -> Variables:
        """What one of its operations declares."""
        known, name = document.variables, operation.name.value if operation.name else None
        if name not in known:
            known[name] = Variables(self._schema, operation, hide_suggestions=self._hide_suggestions)
        return known[name]

    def _keep(self, document: Document) -> None:
        self._known[document.text] = document
        self._taken += len(document.text)
        while self._taken > self._room:
            oldest, _ = self._known.popitem(last=False)
            self._taken -= len(oldest)


class _Introspection(Visitor):
    found = False

    def enter_field(self, field: FieldNode, *_: object) -> VisitorAction:
        self.found = field.name.value in {"__schema", "__type"}
        return BREAK if self.found else None


def _introspects(document: DocumentNode) -> bool:
    looking = _Introspection()
    visit(document, looking)
    return looking.found


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[str]:
    """The fields at the root of an operation of a valid document, its fragments spread out."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    below: list[SelectionSetNode] = [operation.selection_set]
    while below:
        for selection in below.pop().selections:
            match selection:
                case FieldNode():
                    yield selection.name.value
                case InlineFragmentNode():
                    below.append(selection.selection_set)
                case FragmentSpreadNode():
                    below.append(fragments[selection.name.value].selection_set)
