"""What the API is asked about a world, and the answers that the statement expects, each as one JSON document.

The edges are read off the schema, so that none is forgotten.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from genji_graphql import models
from genji_graphql.reads.edges import ToMany, ToOne
from genji_graphql.reads.ids import global_id, parse
from genji_graphql.schema import schema
from genji_graphql.schema.query import NODE_TYPES
from genji_graphql.vocabulary import AnnotationStatus, Motivation
from tests.matrix.statement import ACTIONS, Note, Sight, Thing, is_proper, responses
from tests.matrix.worlds import NOBODY

TYPES = [type_.__name__ for type_ in NODE_TYPES]

EVERYTHING = {
    "or": [{"motivation": {"in": [str(one) for one in Motivation]}}, {"motivation": {"eq": None}}],
    "status": {"in": [status.name for status in AnnotationStatus]},
}
"""Names every motivation and status, so that nothing is left out for not being a note proper."""


@dataclass(frozen=True)
class Question:
    query: str
    variables: dict[str, Any]
    expected: dict[str, Any]

    def differences(self, answer: Any) -> list[str]:
        """Where an answer isn't what was expected."""
        return list(_differences(self.expected, _settled(answer), ""))


def _settled(answer: Any) -> Any:
    """Groups of equal size come in an order that says nothing."""
    stats = answer.get("annotationStats")
    return answer if stats is None else answer | {"annotationStats": sorted(stats, key=repr)}


def _differences(expected: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
        path = f"{path} of {readable(expected['id'])}" if "id" in expected and expected["id"] == got["id"] else path
        for key, value in expected.items():
            yield from _differences(value, got[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for place, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif expected != got:
        yield f"{path}: expected {readable(expected)}, got {readable(got)}"


def readable(value: Any) -> str:
    """With global ids spelled out."""
    return _GLOBAL_ID.sub(lambda found: ":".join(map(str, parse(found[0]) or [found[0]])), str(value))


_GLOBAL_ID = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")


def name_of(thing: Thing) -> str:
    return global_id(*thing)


def number_of(name: str) -> int:
    parsed = parse(name)
    assert parsed is not None
    return parsed[1]


def named(things: list[Thing]) -> list[dict[str, str]]:
    return [{"id": name_of(thing)} for thing in things]


# -- every edge, from everything that there is


def fields_of(type_name: str) -> list[StrawberryField]:
    definition = schema.get_type_by_name(type_name)
    assert isinstance(definition, StrawberryObjectDefinition)
    return definition.fields


@cache
def edges_of(type_name: str) -> dict[str, ToOne | ToMany | None]:
    """The edges of a type by the names of their fields. The two ends of a share are edges without a declaration."""
    declared = {to_camel_case(field.python_name): field.metadata.get("edge") for field in fields_of(type_name)}
    ends = {"object": None, "sharedWith": None} if type_name == "ObjectShare" else {}
    return {name: edge for name, edge in declared.items() if edge is not None} | ends


ALL_EDGES = [(type_name, name) for type_name in TYPES for name in edges_of(type_name)]
SLICES = 4
"""A request asks for every fourth edge of each type: all of them at once would take long to answer."""


def about_edges(sight: Sight, slice_: int, *, everything: bool) -> Question:
    """Each thing of the world by its id, and what a part of its edges leads to."""
    edges = ALL_EDGES[slice_::SLICES]
    things = [*sight.world.things, *((type_name, NOBODY) for type_name in TYPES)]
    return Question(
        _edges_query(slice_),
        {"ids": [name_of(thing) for thing in things], "where": EVERYTHING if everything else None},
        {"nodes": [_followed(sight, thing, edges, everything) if sight.sees(thing) else None for thing in things]},
    )


def _followed(sight: Sight, thing: Thing, edges: list[tuple[str, str]], everything: bool) -> dict[str, Any]:
    return {"id": name_of(thing)} | {
        f"{type_name}_{name}": _led_to(sight, thing, name, everything)
        for type_name, name in edges
        if type_name == thing[0]
    }


def _led_to(sight: Sight, thing: Thing, name: str, everything: bool) -> Any:
    edge = edges_of(thing[0])[name]
    found = in_order(sight, sight.follow(thing, name))
    if isinstance(edge, ToMany):
        return listed(found if everything or not edge.proper else proper(sight, found))
    return named(found)[0] if found else None


def in_order(sight: Sight, things: list[Thing]) -> list[Thing]:
    """Roles and permissions are listed by their names; the names of all else run like the numbers."""
    return sorted(things, key=lambda thing: getattr(sight.world.row(thing), "name", ""))


def listed(things: list[Thing]) -> dict[str, Any]:
    return {"totalCount": len(things), "nodes": named(things)}


def proper(sight: Sight, notes: list[Thing]) -> list[Thing]:
    return [note for note in notes if is_proper(sight.world.row(note))]


@cache
def _edges_query(slice_: int) -> str:
    edges = ALL_EDGES[slice_::SLICES]
    return _nodes_query({of: [_selection(of, name) for type_name, name in edges if type_name == of] for of in TYPES})


def _selection(type_name: str, name: str) -> str:
    edge = edges_of(type_name)[name]
    alias = f"{type_name}_{name}: {name}"
    if not isinstance(edge, ToMany):
        return f"{alias} {{ ... on Node {{ id }} }}"
    where = ", where: $where" if edge.target is models.Annotation else ""
    return f"{alias}(first: 100{where}) {{ totalCount nodes {{ id }} }}"


def _nodes_query(selections: dict[str, list[str]]) -> str:
    fragments = (f"... on {of} {{ {' '.join(some)} }}" for of, some in selections.items() if some)
    return f"query ($ids: [ID!]!, $where: AnnotationWhere) {{ nodes(ids: $ids) {{ id {' '.join(fragments)} }} }}"


# -- the lists that reading begins with, and what is told of each thing

ROOTS = {
    "collections": "DocumentCollection",
    "documents": "Document",
    "annotations": "Annotation",
    "users": "User",
    "groups": "Group",
}
LOOKUPS = {
    "collection": "DocumentCollection",
    "document": "Document",
    "element": "DocumentElement",
    "annotation": "Annotation",
    "user": "User",
    "group": "Group",
    "importJob": "ImportJob",
}
RULED = [of for of in TYPES if "viewer_can" in {field.python_name for field in fields_of(of)}]
TOLD = {
    "Annotation": ["tags", "upvoteCount", "viewerHasUpvoted"],
    "DocumentElement": ["annotationCounts { motivation count }"],
    "User": ["email", "userMetadata"],
    "Group": ["joinToken"],
}


def about_everything(sight: Sight, *, everything: bool) -> Question:
    things = [thing for thing in sight.world.things if thing[0] != "Permission"]
    notes = sight.root("Annotation")
    expected: dict[str, Any] = {name: listed(sight.root(of)) for name, of in ROOTS.items()}
    expected["annotations"] = listed(notes if everything else proper(sight, notes))
    expected["roles"] = named(in_order(sight, sight.root("Role")))
    expected["viewer"] = None if sight.me is None else {"id": name_of(("User", sight.me.id))}
    expected["nodes"] = [_told(sight, thing) if sight.sees(thing) else None for thing in things]
    return Question(
        _everything_query(),
        {"ids": [name_of(thing) for thing in things], "where": EVERYTHING if everything else None},
        expected,
    )


@cache
def _everything_query() -> str:
    lists = " ".join(
        f"{name}(first: 100{', where: $where' if name == 'annotations' else ''}) {{ totalCount nodes {{ id }} }}"
        for name in ROOTS
    )
    can = f"viewerCan {{ {' '.join(ACTIONS)} }}"
    told = " ".join(
        f"... on {of} {{ {' '.join([*TOLD.get(of, []), *([can] if of in RULED else [])])} }}"
        for of in sorted({*TOLD, *RULED})
    )
    return (
        "query ($ids: [ID!]!, $where: AnnotationWhere) "
        f"{{ {lists} roles {{ id }} viewer {{ id }} nodes(ids: $ids) {{ id {told} }} }}"
    )


def _told(sight: Sight, thing: Thing) -> dict[str, Any]:
    """All of a thing that isn't an edge and that depends on who asks."""
    told: dict[str, Any] = {"id": name_of(thing)}
    row = sight.world.row(thing)
    match thing[0]:
        case "Annotation":
            upvotes = sight.seen(responses(sight.world, row, "upvoting"))
            told["tags"] = sorted(
                {sight.world.row(tag).says for tag in sight.seen(responses(sight.world, row, "tagging"))}
            )
            told["upvoteCount"] = len(upvotes)
            told["viewerHasUpvoted"] = any(sight.is_me(sight.world.row(upvote).creator) for upvote in upvotes)
        case "DocumentElement":
            told["annotationCounts"] = _counts(sight, thing)
        case "User":
            told["email"] = f"person{row.id}@example.org" if sight.sees_email(row) else None
            told["userMetadata"] = {"number": row.id} if sight.sees_details(row) else None
        case "Group":
            told["joinToken"] = f"The token of group {row.id}" if sight.can("manageMembers", thing) else None
    if thing[0] in RULED:
        told["viewerCan"] = {action: sight.can(action, thing) for action in ACTIONS}
    return told


def _counts(sight: Sight, element: Thing) -> list[dict[str, Any]]:
    notes = [sight.world.row(note) for note in sight.follow(element, "annotations")]
    counted = Counter(note.motivation for note in notes if note.status in ("active", "private"))
    return [
        {"motivation": motivation, "count": count}
        for motivation, count in sorted(counted.items(), key=lambda one: (-one[1], one[0] or ""))
    ]


# -- lookups by plain numbers


def about_lookups(sight: Sight) -> Question:
    return Question(
        _lookups_query(),
        {},
        {
            f"{name}{number}": {"id": name_of((of, number))} if sight.sees((of, number)) else None
            for name, of in LOOKUPS.items()
            for number in range(1, _LARGEST + 1)
        },
    )


_LARGEST = 11  # more than any type has rows


@cache
def _lookups_query() -> str:
    fields = (
        f'{name}{number}: {name}(id: "{number}") {{ id }}' for name in LOOKUPS for number in range(1, _LARGEST + 1)
    )
    return f"{{ {' '.join(fields)} }}"


# -- counts of annotations

DIMENSIONS = {
    "MOTIVATION": "motivation",
    "CREATOR": "creator",
    "CLASSROOM": "classroom",
    "COLLECTION": "collection",
    "DOCUMENT": "document",
    "ELEMENT": "element",
}


def about_counts(sight: Sight, dimension: str) -> Question:
    """Annotations by one dimension, and how much each collection and each document holds."""
    field = DIMENSIONS[dimension]
    notes = [sight.world.row(note) for note in sight.root("Annotation")]
    counted = Counter(_told_of(sight, field, getattr(note, field)) for note in notes)
    groups = [{"count": count, field: _counted_by(sight, field, value)} for value, count in counted.items()]
    return Question(
        _COUNTS_QUERY % (field if field == "motivation" else f"{field} {{ id }}"),
        {"by": [dimension], "where": EVERYTHING},
        {
            "annotationStats": sorted(groups, key=repr),
            "collections": {
                "nodes": [
                    {"id": name_of(one), "stats": _held(sight, one, sight.follow(one, "documents"))}
                    for one in sight.root("DocumentCollection")
                ]
            },
            "documents": {
                "nodes": [{"id": name_of(one), "stats": _held(sight, one, [one])} for one in sight.root("Document")]
            },
        },
    )


def _held(sight: Sight, thing: Thing, documents: list[Thing]) -> dict[str, int]:
    notes = [sight.world.row(note) for note in proper(sight, sight.follow(thing, "annotations"))]
    return {
        "documents": len(documents),
        "elements": sum(len(sight.follow(document, "elements")) for document in documents),
        "annotations": len(notes),
        "comments": sum(note.motivation == "commenting" for note in notes),
        "scholarlyNotes": sum(note.motivation == "scholarly" for note in notes),
    }


def _told_of(sight: Sight, field: str, value: Any) -> Any:
    """What is hidden counts with what is missing; but everybody knows of the classrooms that they wrote for."""
    if field in {"collection", "document", "element"} and not sight.sees((REFERENCES[field][0], value)):
        return None
    return value


def _counted_by(sight: Sight, field: str, value: Any) -> Any:
    if field == "motivation" or value is None:
        return value
    thing = (REFERENCES[field][0], value)
    return {"id": name_of(thing)} if sight.sees(thing) else None


_COUNTS_QUERY = """
query ($by: [AnnotationDimension!]!, $where: AnnotationWhere) {
  annotationStats(by: $by, where: $where) { count %s }
  collections { nodes { id stats { documents elements annotations comments scholarlyNotes } } }
  documents { nodes { id stats { documents elements annotations comments scholarlyNotes } } }
}
"""


# -- filters


@dataclass(frozen=True)
class Filter:
    """A question to the list of all annotations, or of documents: does a row name this thing?"""

    field: str
    names: tuple[int, ...]
    inverted: bool = False

    def __post_init__(self) -> None:
        # Only one classroom goes into `inClassroom`.
        object.__setattr__(self, "names", self.names[:1] if self.field == "inClassroom" else self.names)

    @property
    def of(self) -> str:
        return REFERENCES[self.field][0]

    def matches(self, sight: Sight, note: Note) -> bool:
        """Who names something hidden learns no more than of a missing thing."""
        number = getattr(note, REFERENCES[self.field][1])
        hit = number in self.names and sight.sees((self.of, number))
        return (hit or (self.field == "inClassroom" and number is None)) is not self.inverted

    @property
    def where(self) -> dict[str, Any]:
        names = [name_of((self.of, number)) for number in self.names]
        asked: Any = {"eq": names[0]} if len(names) == 1 else {"in": names}
        said = {self.field: names[0] if self.field == "inClassroom" else asked}
        return {"and": [EVERYTHING, {"not": said} if self.inverted else said]}


REFERENCES = {
    "id": ("Annotation", "id"),
    "creator": ("User", "creator"),
    "owner": ("User", "keeper"),
    "classroom": ("Group", "classroom"),
    "inClassroom": ("Group", "classroom"),
    "collection": ("DocumentCollection", "collection"),
    "document": ("Document", "document"),
    "element": ("DocumentElement", "element"),
    "replyTo": ("Annotation", "parent"),
}
FILTERS_AT_ONCE = 4


def about_filters(sight: Sight, filters: Sequence[Filter], collection: int) -> Question:
    notes = sight.root("Annotation")
    documents = [
        document
        for document in sight.root("Document")
        if sight.world.row(document).collection == collection and sight.sees(("DocumentCollection", collection))
    ]
    return Question(
        _FILTERS_QUERY,
        {f"w{place}": one.where for place, one in enumerate(filters)}
        | {"collection": name_of(("DocumentCollection", collection))},
        {
            f"f{place}": listed([note for note in notes if one.matches(sight, sight.world.row(note))])
            for place, one in enumerate(filters)
        }
        | {"in": listed(documents), "out": listed([one for one in sight.root("Document") if one not in documents])},
    )


_FILTERS_QUERY = (
    f"query ($collection: ID!, {' '.join(f'$w{place}: AnnotationWhere' for place in range(FILTERS_AT_ONCE))}) {{ "
    + " ".join(
        f"f{place}: annotations(first: 100, where: $w{place}) {{ totalCount nodes {{ id }} }}"
        for place in range(FILTERS_AT_ONCE)
    )
    + " in: documents(where: {collection: {eq: $collection}}) { totalCount nodes { id } }"
    + " out: documents(where: {not: {collection: {eq: $collection}}}) { totalCount nodes { id } } }"
)


# -- pages

_PAGE = "nodes { id } pageInfo { hasNextPage hasPreviousPage }"

CURSORS_QUERY = (
    "query ($where: AnnotationWhere) { "
    + " ".join(
        f"{name}(first: 100{', where: $where' if name == 'annotations' else ''}) {{ edges {{ cursor node {{ id }} }} }}"
        for name in ROOTS
    )
    + " }"
)
"""Every row's cursor, for somebody who sees them all."""


def about_pages(sight: Sight, name: str, cursors: Mapping[str, str]) -> Question:
    """Pages of one row, beside each of these cursors. Whoever got hold of a hidden row's cursor is no wiser by it."""
    seen = sight.root(ROOTS[name])
    expected = {"begin": _page(seen[:1], more=len(seen) > 1), "whole": _page(seen)}
    for place, number in enumerate(map(number_of, cursors)):
        after = [one for one in seen if one[1] > number]
        before = [one for one in seen if one[1] < number]
        expected[f"after{place}"] = _page(after[:1], more=len(after) > 1, before=True)
        expected[f"before{place}"] = _page(before[-1:], more=True, before=len(before) > 1)
    variables = {f"c{place}": cursor for place, cursor in enumerate(cursors.values())}
    return Question(
        _pages_query(name, len(cursors)), {"size": max(1, len(seen)), "where": EVERYTHING, **variables}, expected
    )


def _page(rows: list[Thing], *, more: bool = False, before: bool = False) -> dict[str, Any]:
    return {"nodes": named(rows), "pageInfo": {"hasNextPage": more, "hasPreviousPage": before}}


@cache
def _pages_query(name: str, cursors: int) -> str:
    where = ", where: $where" if name == "annotations" else ""
    fields = [f"begin: {name}(first: 1{where})", f"whole: {name}(first: $size{where})"]
    for place in range(cursors):
        fields.append(f"after{place}: {name}(first: 1, after: $c{place}{where})")
        fields.append(f"before{place}: {name}(last: 1, before: $c{place}{where})")
    declared = [
        "$size: Int",
        *(["$where: AnnotationWhere"] if where else []),
        *(f"$c{n}: String" for n in range(cursors)),
    ]
    return f"query ({', '.join(declared)}) {{ {' '.join(f'{field} {{ {_PAGE} }}' for field in fields)} }}"
