"""Walks the whole graph as a viewer: every field of everything that can be reached, until nothing new turns up."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type, is_leaf_type, is_required_argument

from genji_graphql.access.viewer import Viewer
from genji_graphql.schema import schema
from genji_graphql.vocabulary import AnnotationStatus, Motivation
from tests.service import Service

TYPES: dict[str, Any] = schema._schema.type_map
NODE = "{ __typename ... on Node { id } }"
PAGE = f"{{ totalCount pageInfo {{ hasNextPage hasPreviousPage }} nodes {NODE} edges {{ node {NODE} }} }}"
EVERYTHING = {
    "motivation": {"in": [str(motivation) for motivation in Motivation]},
    "status": {"in": [status.name for status in AnnotationStatus]},
}
"""Names every motivation and status, so that nothing is left out for not being a note proper."""


_OUT_OF_SIGHT = frozenset({"deletions"})
"""What tells on purpose of things that nobody sees, to whoever may restore them."""


@dataclass
class Seen:
    """All that a viewer came across."""

    ids: set[str] = field(default_factory=set)
    text: str = ""

    def take(self, answer: Any) -> None:
        self.ids |= {thing["id"] for thing in dictionaries(answer) if "id" in thing and "__typename" in thing}
        self.text += json.dumps(answer, ensure_ascii=False)
        for page in dictionaries(answer):
            if "totalCount" in page:
                assert page["totalCount"] == len(page["nodes"]) == len(page["edges"]), "a count tells of hidden rows"
                assert page["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False}


async def crawl(service: Service, viewer: Viewer) -> Seen:
    seen = Seen()
    seen.take(await _ask(service, viewer, _roots()))
    asked: set[str] = set()
    while new := sorted(seen.ids - asked):
        asked |= set(new)
        for start in range(0, len(new), 100):
            nodes = await _ask(
                service, viewer, f"nodes(ids: $ids) {{ __typename {_nodes()} }}", new[start : start + 100]
            )
            assert None not in nodes["nodes"], "an edge leads to what its id doesn't find"
            seen.take(nodes)
    return seen


async def _ask(service: Service, viewer: Viewer, selection: str, ids: list[str] | None = None) -> Any:
    head = "$everything: AnnotationWhere" + (", $ids: [ID!]!" if ids is not None else "")
    variables = {"everything": EVERYTHING, "ids": ids}
    return await service.ask(f"query Crawl({head}) {{ {selection} }}", variables, viewer=viewer)


@cache
def _roots() -> str:
    stats = " ".join(
        f"by{value}: annotationStats(by: [{value}]) {{ {_fields(TYPES['AnnotationStat'])} }}"
        for value in TYPES["AnnotationDimension"].values
    )
    return f"{_fields(TYPES['Query'], but=_OUT_OF_SIGHT)} {stats}"


@cache
def _nodes() -> str:
    """All fields of all that has an id; under an alias for each type, for fields of one name may differ in type."""
    return " ".join(
        f"... on {name} {{ {_fields(type_, f'{name}_')} }}"
        for name, type_ in TYPES.items()
        if _is_node(type_) and isinstance(type_, GraphQLObjectType)
    )


@cache
def _fields(type_: GraphQLObjectType, prefix: str = "", depth: int = 2, but: frozenset[str] = frozenset()) -> str:
    """All fields that need no argument; what has an id is only named, to be asked for in its turn."""
    selections = ["id" if "id" in type_.fields else "__typename"]
    for name, field_ in type_.fields.items():
        if name in but or any(is_required_argument(argument) for argument in field_.args.values()):
            continue
        selections += [f"{prefix}{alias}: {selection}" for alias, selection in _field(name, field_, depth)]
    return " ".join(selections)


def _field(name: str, field_: Any, depth: int) -> Iterator[tuple[str, str]]:
    named = get_named_type(field_.type)
    if is_leaf_type(named):
        yield name, name
    elif named.name.endswith("Connection"):
        where = ", where: $everything" if named.name == "AnnotationConnection" else ""
        yield name, f"{name}(first: 100{where}) {PAGE}"
    elif _is_node(named):
        yield name, f"{name} {NODE}"
    elif depth and named.name != "Selector":  # selectors lead nowhere, and are many
        yield name, f"{name} {{ {_inside(named, depth - 1)} }}"


def _inside(type_: Any, depth: int) -> str:
    if isinstance(type_, GraphQLUnionType):
        members = (f"... on {member.name} {{ {_fields(member, f'{member.name}_', depth)} }}" for member in type_.types)
        return f"__typename {' '.join(members)}"
    return _fields(type_, depth=depth)


def _is_node(type_: Any) -> bool:
    if isinstance(type_, GraphQLUnionType):
        return all(_is_node(member) for member in type_.types)
    return type_.name == "Node" or any(interface.name == "Node" for interface in getattr(type_, "interfaces", ()))


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from dictionaries(item)
