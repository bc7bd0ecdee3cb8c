"""Random valid operations over the whole schema: what one can select, with every way to say so."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
)

from genji_graphql.reads.ids import global_id
from genji_graphql.schema import schema

TYPES = schema._schema.type_map
DEEPEST = 5
CURSOR = "cursor"
"""The variable that is asked again with a cursor out of the first answer."""

_OTHERS = ("accessTokens", "invitation", "siteSettings", "ssoConfiguration", "annotationStats", "deletions")
"""Fields of the query that no plan answers."""
_LISTS = ("collections", "documents", "annotations", "users", "groups", "viewer", "nodes")
_ROOTS = [*[name for name in TYPES["Query"].fields if name not in _OTHERS] * 2, *_LISTS * 3]  # type: ignore[attr-defined]
_NOUNS = ["Annotation", "Document", "DocumentCollection", "DocumentElement", "Group", "ObjectShare", "Role", "User"]
_NUMBERS = (1, 1, 1, 2, 2, 2, 3, 4, 5, 9)
_WORDS = ("commenting", "replying", "tagging", "scholarly", "moon", 'with "quotes"', "person1", "")
_MOMENTS = ("2026-01-01T00:02:00Z", "2026-01-01T00:04:00.000001+01:00", "2027-01-01T00:00:00Z")
_JSON = ({"value": "moon"}, {"text": "Line 1."}, {"a": [None, {"b": None}]}, "moon", None, [1])
_SIZES = (None, None, None, ("first", 1), ("first", 2), ("first", 5), ("last", 1), ("last", 3))
_LIKELY: Mapping[str, int] = {
    "node": 20,
    "nodes": 20,
    "edges": 12,
    "pageInfo": 12,
    "hasNextPage": 8,
    "creator": 8,
    "elements": 8,
    "annotations": 10,
    "bodies": 16,
    "targets": 16,
    "place": 12,
    "selectors": 12,
    "refinedBy": 12,
}
"""How likely a field is to be selected, 4 being usual."""
_UNPLANNED = {"object", "sharedWith"}


@dataclass(frozen=True)
class Operation:
    text: str
    variables: Mapping[str, Any]
    name: str | None

    @property
    def takes_cursor(self) -> bool:
        return CURSOR in self.variables

    def after(self, cursor: str) -> "Operation":
        return Operation(self.text, {**self.variables, CURSOR: cursor}, self.name)


NOTES = ("annotations", "annotation")


def random_operation(random: Random, roots: Sequence[str] | None = None) -> Operation:
    """One with these fields of the query, or with any."""
    return _Writer(random, roots=roots).operation()


@dataclass
class _Writer:
    random: Random
    declared: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    roots: Sequence[str] | None = None
    strange: bool = False
    """May it ask for what no plan answers, and for what nobody can have?"""

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def operation(self) -> Operation:
        self.strange = self.chance(6)
        roots = self.roots or ([*_ROOTS, *_OTHERS] if self.strange else _ROOTS)
        names = self.random.choices(roots, k=self.random.randint(1, 3))
        query = TYPES["Query"]
        assert isinstance(query, GraphQLObjectType)
        body = "{ " + " ".join(self.field(query.fields[name], name, number, 0) for number, name in enumerate(names))
        body += " __typename }" if self.chance(8) else " }"
        head = f"({' '.join(f'${name}: {type_}' for name, type_ in self.declared.items())})" if self.declared else ""
        name = "Asked" if head or self.chance(2) else None
        text = "\n".join([f"query {name or ''}{head} {body}" if name else body, *self.fragments])
        return Operation(text, self.variables, name)

    # -- selections

    def selection(self, type_: GraphQLNamedType, depth: int) -> str:
        if isinstance(type_, GraphQLUnionType):
            return f"{{ {' '.join(self.on(one, depth) for one in self.some(type_.types))} __typename }}"
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        parts = [self.part(type_, number, depth) for number in range(self.random.randint(1, 4))]
        if isinstance(type_, GraphQLInterfaceType) and self.chance(2):
            parts += [self.on(one, depth) for one in self.some(schema._schema.get_possible_types(type_))]
        return f"{{ {' '.join(parts)} }}"

    def some(self, types: Any) -> list[Any]:
        return self.random.sample(list(types), self.random.randint(1, 2))

    def on(self, type_: GraphQLObjectType, depth: int) -> str:
        return f"... on {type_.name}{self.directive()} {self.selection(type_, depth + 1)}"

    def part(self, type_: GraphQLObjectType | GraphQLInterfaceType, number: int, depth: int) -> str:
        """A field, or several in a fragment; what is asked twice in different ways gets aliases of its own."""
        if self.chance(12):
            return "__typename"
        if depth < DEEPEST and self.chance(8):
            return f"... {f'on {type_.name} ' if self.chance(2) else ''}{self.directive()} {self.inner(type_, depth)}"
        if depth < DEEPEST and self.chance(8):
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            self.fragments[int(name[1:])] = f"fragment {name} on {type_.name} {self.inner(type_, depth)}"
            return f"...{name}{self.directive()}"
        names = [
            name for name, one in type_.fields.items() if depth < DEEPEST or is_leaf_type(get_named_type(one.type))
        ]
        names = [name for name in names if self.strange or name not in _UNPLANNED]
        if not names:
            return "__typename"
        (name,) = self.random.choices(names, [_LIKELY.get(name, 4) for name in names])
        return self.field(type_.fields[name], name, number, depth)

    def inner(self, type_: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        return self.selection(type_, depth + 1)

    def field(self, one: GraphQLField, name: str, number: int, depth: int) -> str:
        named = get_named_type(one.type)
        arguments, cursors = self.arguments(one)
        plain = not one.args and is_leaf_type(named)
        # Under its own name a field may be selected again, and must be the same then.
        alias = "" if plain and not self.chance(5) else f"a{len(self.declared)}_{depth}_{number}_{self.fresh()}: "
        text = f"{alias}{name}{arguments}{self.directive()}"
        if not is_composite_type(named):
            return text
        inner = self.selection(named, depth + 1)
        if cursors:
            inner = inner.replace("{", "{ found: pageInfo { startCursor endCursor hasNextPage } ", 1)
        return f"{text} {inner}"

    _made = 0

    def fresh(self) -> int:
        self._made += 1
        return self._made

    def directive(self) -> str:
        if not self.chance(9):
            return ""
        which = self.random.choice(["include", "skip"])
        if self.chance(3):
            return f" @{which}(if: {self.random.choice(['true', 'false'])})"
        name = f"s{len(self.declared)}"
        self.declared[name] = "Boolean! = true" if self.chance(2) else "Boolean!"
        if not self.declared[name].endswith("true") or self.chance(2):
            self.variables[name] = self.random.random() < 0.5
        return f" @{which}(if: ${name})"

    # -- arguments

    def arguments(self, one: GraphQLField) -> tuple[str, bool]:
        """And whether a cursor is to be found for them."""
        given: dict[str, str] = {}
        cursors = False
        names = [
            name for name in one.args if name not in {"first", "last", "after", "before", "id", "ids", "by", "token"}
        ]
        for name in names:
            if self.chance(3):
                given[name] = self.argument(one.args[name].type)
        if "id" in one.args:
            given["id"] = self.value(
                one.args["id"].type, self.node_id() if "node" in str(one.type).lower() else self.id()
            )
        if "ids" in one.args:
            given["ids"] = self.value(one.args["ids"].type, [self.node_id() for _ in range(self.random.randint(0, 4))])
        if "by" in one.args:
            given["by"] = self.random.choice(["[MOTIVATION]", "[CREATOR, DAY]"])
        if "token" in one.args:
            given["token"] = '"The token of group 1"'
        if "first" in one.args:
            size = ("last", 0) if self.strange and self.chance(8) else self.random.choice(_SIZES)
            if size:
                given[size[0]] = self.value(one.args[size[0]].type, size[1])
            if CURSOR not in self.variables and self.chance(3):
                cursors = True
                self.declared[CURSOR], self.variables[CURSOR] = "String", None
                given[self.random.choice(["after", "before"])] = f"${CURSOR}"
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else "", cursors

    def node_id(self) -> str:
        return self.random.choice(["", "xx", "7"]) if self.chance(8) else self.global_id()

    def global_id(self) -> str:
        return global_id(self.random.choice([*_NOUNS, *_NOUNS, "Permission", "Stranger"]), self.random.choice(_NUMBERS))

    def id(self) -> Any:
        return self.global_id() if self.chance(4) else str(self.random.choice(_NUMBERS))

    def argument(self, type_: GraphQLInputType) -> str:
        if self.chance(12) and not isinstance(type_, GraphQLNonNull):
            return "null"
        return self.value(type_, self.drawn(type_, 0))

    def value(self, type_: GraphQLInputType, value: Any) -> str:
        """A value where it is used, or as a variable."""
        if not self.chance(3):
            return literal(value, type_)
        name = f"v{len(self.declared)}"
        self.declared[name] = str(type_)
        if not isinstance(type_, GraphQLNonNull) and self.chance(3):
            self.declared[name] += f" = {literal(value, type_)}"
        else:
            self.variables[name] = value
        return f"${name}"

    def drawn(self, given: GraphQLInputType, depth: int) -> Any:
        type_: Any = get_nullable_type(given)
        if isinstance(type_, GraphQLList):
            several = 2 if self.strange or "Order" not in str(type_) else 1
            return [self.drawn(type_.of_type, depth + 1) for _ in range(self.random.randint(1, several))]
        if isinstance(type_, GraphQLInputObjectType):
            return self.object(type_, depth)
        if isinstance(type_, GraphQLEnumType):
            return self.random.choice(list(type_.values))
        return self.id() if type_.name == "ID" else self.random.choice(_SCALARS[type_.name])

    def object(self, type_: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        required = [name for name, one in type_.fields.items() if isinstance(one.type, GraphQLNonNull)]
        optional = [
            name
            for name, one in type_.fields.items()
            if name not in required and (depth < 2 or not isinstance(get_named_type(one.type), GraphQLInputObjectType))
        ]
        most = 1 if type_.is_one_of else 2
        chosen = self.random.sample(optional, min(len(optional), self.random.randint(1, most)))
        return {name: self.drawn(type_.fields[name].type, depth + 1) for name in [*required, *chosen]}


_SCALARS: Mapping[str, Sequence[Any]] = {
    "String": _WORDS,
    "Int": (1, 2, 3),
    "Boolean": (True, False),
    "DateTime": _MOMENTS,
    "Date": ("2026-01-01", "2026-12-01"),
    "JSON": _JSON,
}


def literal(value: Any, given: GraphQLInputType) -> str:
    """A value as GraphQL writes it."""
    type_: Any = get_nullable_type(given)
    if value is None:
        return "null"
    if isinstance(type_, GraphQLList):
        return f"[{', '.join(literal(item, type_.of_type) for item in value)}]"
    if isinstance(type_, GraphQLInputObjectType):
        return _braces({name: literal(item, type_.fields[name].type) for name, item in value.items()})
    if isinstance(type_, GraphQLEnumType):
        return str(value)
    if isinstance(value, dict):
        return _braces({name: literal(item, type_) for name, item in value.items()})
    if isinstance(value, list):
        return f"[{', '.join(literal(item, type_) for item in value)}]"
    return json.dumps(value)


def _braces(parts: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {text}' for name, text in parts.items())}}}"


def cursors_in(answer: Any) -> Iterator[str]:
    """The cursors that were found for the next question."""
    found: Callable[[Any], Iterator[str]] = cursors_in
    if isinstance(answer, list):
        for item in answer:
            yield from found(item)
    elif isinstance(answer, dict):
        if isinstance(page := answer.get("found"), dict):
            yield from (page[name] for name in ("startCursor", "endCursor") if page.get(name))
        for item in answer.values():
            yield from found(item)
