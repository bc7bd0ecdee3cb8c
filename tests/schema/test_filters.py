"""What filters mean: each is said once more in Python, and compared."""

import json
import operator
import random
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from genji_graphql import models
from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Json, writing_sessions
from genji_graphql.schema import schema
from genji_graphql.vocabulary import (
    RESPONSES,
    AccessLevel,
    AnnotationStatus,
    Recipient,
    SharedObject,
    TextDirection,
    Visibility,
)
from tests.lasting import NO_ROLES, lasting
from tests.service import Service

ADMINISTRATOR = Viewer(user_id=1, is_administrator=True)

# The rows: few different values in each column, so that filters meet them, with NULL among them wherever it may be.

WORDS = ["a", "A", "ab", "", "源氏", "'; --"]
MOMENTS = [
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
]
DAYS = [None, date(2026, 1, 1), date(1, 1, 1), date(9999, 12, 31)]
NUMBERS = [None, 1, 2]
MISSING = object()
"""SQL's NULL, where None is JSON's."""
DOCUMENTS: list[Any] = [
    MISSING, None, True, False, 0, 1, 1.5, -1, 10**30, "", "a", '"', "\\", "\\u0000", "𠮷",
    [], {}, [None], [1, 2, 1], ["a", "b"], [["a"], ["b"]], [{"a": 1}, {"a": 2, "b": None}],
    {"a": None}, {"a": 1}, {"a": 1.0, "b": 1}, {"a": True}, {"a": "1"}, {"a": {"a": {"a": [0, {"b": "源氏"}]}}},
    {"": 0}, {'"': "\\", "\\": '"'}, {"0": "zero", "-1": "last"}, {"a": [1, [2, [3]]], "b": "a"},
    {"type": "TextualBody", "value": 'It\'s "quoted"', "language": ["en", "ja"]}, {"n": 1234567890123456789},
]  # fmt: skip

ROWS: dict[Any, tuple[int, dict[str, Any]]] = {
    models.User: (8, {
        "username": "user{}", "is_active": [True, False], "first_name": [None, *WORDS], "last_name": [None, *WORDS],
        "email": "Sei{}@example.org",
    }),
    models.Group: (12, {
        "name": "a{}", "created_by_id": NUMBERS, "created_at": MOMENTS, "start_date": DAYS, "end_date": DAYS,
    }),
    models.DocumentCollection: (24, {
        "title": WORDS, "visibility": list(Visibility), "text_direction": list(TextDirection),
        "language": [None, None, *WORDS], "owner_id": NUMBERS, "created_by_id": NUMBERS,
        "created": MOMENTS, "modified": MOMENTS, "hierarchy": DOCUMENTS, "collection_metadata": DOCUMENTS,
    }),
    models.Document: (24, {
        "title": WORDS, "document_collection_id": [1, 2, 3], "owner_id": NUMBERS,
        "created": MOMENTS, "modified": MOMENTS,
    }),
    models.DocumentElement: (40, {
        "document_id": [1], "created": MOMENTS, "modified": MOMENTS, "hierarchy": DOCUMENTS, "content": DOCUMENTS,
    }),
    models.ElementRevision: (12, {
        "element_id": [1], "revision": int, "modified": MOMENTS, "content": DOCUMENTS,
    }),
    models.Annotation: (60, {
        "document_collection_id": NUMBERS, "document_id": NUMBERS, "document_element_id": NUMBERS,
        "creator_id": NUMBERS, "owner_id": NUMBERS, "classroom_id": NUMBERS, "created": MOMENTS, "modified": MOMENTS,
        "generated": [None, *MOMENTS], "type": [None, *WORDS], "annotation_type": [None, *WORDS],
        "context": [None, *WORDS], "generator": [None, *WORDS], "body": DOCUMENTS, "target": DOCUMENTS,
        "motivation": [None, "commenting", "scholarly", "replying", "tagging", "flagging"],
        "status": [AnnotationStatus.ACTIVE, AnnotationStatus.HIDDEN, AnnotationStatus.DELETED],
    }),
    models.AnnotationVersion: (12, {
        "annotation_id": [1], "version": int, "status": [AnnotationStatus.ACTIVE], "modified": MOMENTS,
        "modified_by_id": NUMBERS,
    }),
    models.ObjectShare: (12, {
        "object_id": [1], "object_type": [SharedObject.COLLECTION], "shared_with_id": int,
        "shared_with_type": list(Recipient), "access_level": list(AccessLevel), "created_at": MOMENTS,
    }),
    models.Role: (1, {"name": "role"}),
    models.Permission: (6, {"name": "permission{}"}),
}  # fmt: skip
PLACE = ["document_collection_id", "document_id"]
JSON_COLUMNS = {"hierarchy", "collection_metadata", "content", "body", "target"}

LISTS = {
    "DocumentCollectionWhere": (models.DocumentCollection, "collectionsLIST"),
    "DocumentWhere": (models.Document, "documentsLIST"),
    "DocumentElementWhere": (models.DocumentElement, "document(id: 1) { elementsLIST }"),
    "ElementRevisionWhere": (models.ElementRevision, "element(id: 1) { revisionsLIST }"),
    "AnnotationWhere": (models.Annotation, "annotationsLIST"),
    "AnnotationVersionWhere": (models.AnnotationVersion, "annotation(id: 1) { historyLIST }"),
    "UserWhere": (models.User, "usersLIST"),
    "GroupWhere": (models.Group, "groupsLIST"),
    "ObjectShareWhere": (models.ObjectShare, "collection(id: 1) { sharesLIST }"),
    "NameWhere": (models.Permission, 'node(id: "Um9sZTox") { ... on Role { permissionsLIST } }'),
}
"""Each kind of filter, and a list that takes it."""

KEEPERS = {("DocumentCollectionWhere", "owner"): "created_by_id", ("AnnotationWhere", "owner"): "creator_id"}
"""Whose it is where no owner is set."""

REFERENCES = {
    "modifiedBy": ("modified_by_id", "User"),
    "creator": ("creator_id", "User"),
    "owner": ("owner_id", "User"),
    "createdBy": ("created_by_id", "User"),
    "classroom": ("classroom_id", "Group"),
    "inClassroom": ("classroom_id", "Group"),
    "collection": ("document_collection_id", "DocumentCollection"),
    "document": ("document_id", "Document"),
    "element": ("document_element_id", "DocumentElement"),
    "replyTo": ("parent_id", "Annotation"),
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Library:
    service: Service
    rows: Mapping[Any, Sequence[Row]]

    async def found(self, where_type: str, where: Any) -> set[int]:
        _, at = LISTS[where_type]
        query = f"query Found($where: {where_type}) {{ {at} }}".replace(
            "LIST", "(first: 1000, where: $where) { nodes { databaseId } totalCount }"
        )
        data = await self.service.ask(query, {"where": where}, viewer=ADMINISTRATOR)
        while "nodes" not in data:
            (data,) = data.values()
        ids = {node["databaseId"] for node in data["nodes"]}
        assert data["totalCount"] == len(data["nodes"]) == len(ids)
        return ids


@pytest.fixture(scope="module")
async def library(server: URL, template: str) -> AsyncIterator[Library]:
    """Some rows of each type, the same ones each time."""
    async with lasting(server, template, max_page_size=1000) as place:
        dice = random.Random(1008)
        await place.sql(NO_ROLES)
        rows: dict[Any, Sequence[Row]] = {}
        for model, (number, columns) in ROWS.items():
            drawn: list[dict[str, Any]] = [
                {name: drawn_from(each, n, dice) for name, each in columns.items()} for n in range(number)
            ]
            if model is models.Annotation:
                for n, row in enumerate(drawn):
                    row["parent_id"] = dice.choice([None, 1]) if n and row["motivation"] in RESPONSES else None
            async with writing_sessions(place.engine).begin() as session:
                for row in drawn:
                    written = model(**{name: stored(name, each) for name, each in row.items() if each is not MISSING})
                    session.add(written)
                    await session.flush()
                    row["id"] = written.id
                    if model is models.Annotation:
                        # The database knows better where it stands.
                        await session.refresh(written, PLACE)
                        row.update({name: getattr(written, name) for name in PLACE})
            rows[model] = drawn
        for permission in rows[models.Permission]:
            await place.world.run(models.role_permissions.insert().values(role_id=1, permission_id=permission["id"]))
        yield Library(place.service, rows)


def drawn_from(values: Any, number: int, dice: random.Random) -> Any:
    """One of the values, or what a pattern or a function makes of the row's number."""
    match values:
        case str():
            return values.format(number)
        case list():
            return dice.choice(values)
        case _:
            return values(number)


def stored(column: str, value: Any) -> Any:
    return Json.of(value) if column in JSON_COLUMNS else value


# The meaning of filters, in Python


def holds(where_type: str, where: Mapping[str, Any], row: Row) -> bool:
    return all(_part_holds(where_type, name, value, row) for name, value in where.items() if value is not None)


def _part_holds(where_type: str, name: str, value: Any, row: Row) -> bool:
    match name:
        case "and":
            return all(holds(where_type, part, row) for part in value)
        case "or":
            saying = [part for part in value if says_something(part)]
            return not saying or any(holds(where_type, part, row) for part in saying)
        case "not":
            return not says_something(value) or not holds(where_type, value, row)
        case "search":
            full = " ".join(part for part in (row["first_name"], row["last_name"]) if part is not None).strip(" ")
            texts = (row["username"], full or row["username"], row["email"])
            return any(value.strip().lower() in text.lower() for text in texts)
        case "inClassroom":
            return row["classroom_id"] in {None, row_number(value, "Group")}
    if name == "id" or name in REFERENCES:
        column, type_name = REFERENCES.get(name, ("id", LISTS[where_type][0].__name__))
        found = row[column]
        if found is None and (where_type, name) in KEEPERS:
            found = row[KEEPERS[where_type, name]]
        return _is(found, value, lambda text: row_number(text, type_name))
    column = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    found = row[column]
    if column in JSON_COLUMNS:
        return json_holds(found, value)
    if isinstance(found, Enum):
        return _is(found.name, value, str)
    return _is(found, value, moment_or_day if isinstance(found, date) else lambda operand: operand)


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "in": lambda found, wanted: found in wanted,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def _is(found: Any, asked: Mapping[str, Any], read: Any) -> bool:
    """A value that isn't there is equal to null, and to nothing else neither equal, less nor more."""
    for asked_how, operand in asked.items():
        if asked_how == "eq" and operand is None:
            if found is not None:
                return False
        elif operand is not None:
            if found is None:
                return False
            wanted = [read(item) for item in operand] if asked_how == "in" else read(operand)
            if not COMPARED[asked_how](found, wanted):
                return False
    return True


def says_something(where: Any) -> bool:
    """An empty filter says nothing, nor does one whose parts say nothing; `eq: null` does."""
    if not isinstance(where, Mapping):
        return where is not None
    for name, value in where.items():
        match name:
            case "and" | "or":
                if any(says_something(part) for part in value or []):
                    return True
            case "eq":
                return True
            case "path":
                if isinstance(value, Mapping) and says_something({**value, "path": None}):
                    return True
            case "search":
                if value and value.strip():
                    return True
            case "in" | "contains":
                if value is not None:
                    return True
            case _:
                if says_something(value):
                    return True
    return False


def row_number(text: str, type_name: str) -> int | None:
    """The row that an id means: a number, or a global id of this type."""
    if text.isascii() and text.isdigit() and len(text) <= 10:
        return int(text)
    try:
        kind, _, number = b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return None
    return int(number) if kind == type_name and number.isdigit() else None


def moment_or_day(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def json_holds(document: Any, asked: Mapping[str, Any]) -> bool:
    ((asked_how, operand),) = asked.items()
    if asked_how == "path":
        return path_holds(document, operand)
    if document is MISSING:
        return False
    match asked_how:
        case "contains":
            return contains(document, operand) or (
                isinstance(document, list) and not isinstance(operand, list | dict) and has(document, operand)
            )
        case "hasKey":
            return operand in keys(document)
        case "hasAnyKeys":
            return any(key in keys(document) for key in operand)
        case "hasAllKeys":
            return all(key in keys(document) for key in operand)
    raise NotImplementedError(asked_how)


def contains(document: Any, part: Any) -> bool:
    """PostgreSQL's @>: an object holds what has fewer keys, a list what has fewer members, a scalar itself."""
    if isinstance(document, dict) and isinstance(part, dict):
        return all(key in document and contains(document[key], value) for key, value in part.items())
    if isinstance(document, list) and isinstance(part, list):
        return all(any(contains(member, wanted) for member in document) for wanted in part)
    return same(document, part)


def has(members: list[Any], wanted: Any) -> bool:
    return any(same(member, wanted) for member in members)


def same(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0, but not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def keys(document: Any) -> list[str]:
    """What PostgreSQL's ? finds: an object's keys, the strings of a list, a string itself."""
    members = document if isinstance(document, list | dict) else [document]
    return [member for member in members if isinstance(member, str)]


def path_holds(document: Any, asked: Mapping[str, Any]) -> bool:
    found = document
    for step in asked["path"]:
        if isinstance(found, dict):
            found = found.get(step, MISSING)
        elif isinstance(found, list) and step.removeprefix("-").isdigit() and -len(found) <= int(step) < len(found):
            found = found[int(step)]
        else:
            found = MISSING
    value = None if found is MISSING else found
    return (
        ("eq" not in asked or same(value, asked["eq"]))
        and (asked.get("in") is None or has(asked["in"], value))
        and (asked.get("exists") is None or asked["exists"] == (found is not MISSING))
    )


# Filters by lot


@cache
def filters(where_type: str, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Filters of a list, as the schema has them: a field that is added there is drawn here."""
    input_ = schema._schema.type_map[where_type]
    assert isinstance(input_, GraphQLInputObjectType)
    fields = {}
    for name, field in input_.fields.items():
        named = get_named_type(field.type)
        if name in {"and", "or", "not"}:
            if depth:
                inner = filters(where_type, depth - 1)
                fields[name] = st.none() | (inner if name == "not" else st.lists(inner, max_size=3))
        else:
            fields[name] = st.none() | questions_to(named, where_type, name)
    some = st.lists(st.sampled_from(list(fields)), max_size=2, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: fields[name] for name in names}))


def questions_to(filter_type: Any, where_type: str, name: str) -> st.SearchStrategy[Any]:
    if filter_type.name == "JSONFilter":
        return JSON_FILTERS
    if filter_type.name == "ID":
        return ids_of("Group")
    if filter_type.name == "String":
        return st.sampled_from([*WORDS, " ", "%", "_", "SEI1", "@", "user", "a a", "\\"])
    operators = {}
    for asked_how, field in filter_type.fields.items():
        operand = operands(get_named_type(field.type), where_type, name)
        operators[asked_how] = st.none() | (st.lists(operand, max_size=3) if asked_how == "in" else operand)
    some = st.lists(st.sampled_from(list(operators)), max_size=2, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: operators[name] for name in names}))


def operands(type_: Any, where_type: str, name: str) -> st.SearchStrategy[Any]:
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from(list(type_.values))
    match type_.name:
        case "Int":
            return st.sampled_from([0, 1, 2, 3, 7, -1, 2**31 - 1])
        case "String":
            return st.sampled_from([*WORDS, "commenting", "replying", "user1", "permission1", "a" * 300])
        case "Boolean":
            return st.booleans()
        case "ID":
            return ids_of(REFERENCES[name][1] if name in REFERENCES else LISTS[where_type][0].__name__)
        case "DateTime":
            zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3, minutes=-30))])
            return st.tuples(st.sampled_from(MOMENTS), zones).map(
                lambda drawn: drawn[0].astimezone(drawn[1]).isoformat()
            )
        case "Date":
            return st.sampled_from([day.isoformat() for day in DAYS if day])
    raise NotImplementedError(type_)


def ids_of(type_name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([
        "1", "2", "3", "0", "01", "-1", "2147483648", "99999999999", "", "x", "１", "1 ", f"{type_name}:1",
        *(b64encode(text.encode()).decode() for text in (
            f"{type_name}:1", f"{type_name}:2", "User:1", "Group:2", f"{type_name.lower()}:1", f"{type_name}:", "1",
        )),
    ])  # fmt: skip


PARTS = st.sampled_from([each for each in DOCUMENTS if each is not MISSING and each is not None])
STEPS = st.sampled_from(["a", "b", "", '"', "\\", "0", "1", "-1", "7", "language", "99999999999999999999", "源氏"])
VALUES = st.none() | st.sampled_from([1, 1.0, True, "1", "a", 0, "zero", [2, [3]], {"b": "源氏"}, "\\"]) | PARTS
JSON_FILTERS = (
    st.fixed_dictionaries({"contains": PARTS})
    | st.fixed_dictionaries({"hasKey": STEPS})
    | st.fixed_dictionaries({"hasAnyKeys": st.lists(STEPS, max_size=3)})
    | st.fixed_dictionaries({"hasAllKeys": st.lists(STEPS, max_size=2)})
    | st.fixed_dictionaries(
        {"path": st.lists(STEPS, max_size=3)},
        optional={
            "eq": VALUES,
            "in": st.none() | st.lists(VALUES.filter(lambda value: value is not None), max_size=3),
            "exists": st.none() | st.booleans(),
        },
    ).map(lambda path: {"path": path})
)


def speaks_of(where: Any, field: str) -> bool:
    if isinstance(where, list):
        return any(speaks_of(part, field) for part in where)
    if not isinstance(where, Mapping):
        return False
    inner = (speaks_of(where[name], field) for name in ("and", "or", "not") if name in where)
    return (field in where and says_something(where[field])) or any(inner)


def motivations(where: Any) -> set[str]:
    """The motivations that a filter names."""
    if isinstance(where, list):
        return {word for part in where for word in motivations(part)}
    if not isinstance(where, Mapping):
        return set()
    asked = where.get("motivation") or {}
    named = {word for word in [asked.get("eq"), *(asked.get("in") or [])] if word is not None}
    return named.union(*(motivations(where.get(name)) for name in ("and", "or", "not")))


@pytest.mark.parametrize("where_type", LISTS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
async def test_a_filter_finds_what_it_says(library: Library, where_type: str, data: st.DataObject) -> None:
    where = data.draw(filters(where_type), "where")
    model, _ = LISTS[where_type]
    rows = [row for row in library.rows[model] if holds(where_type, where, row)]
    if model is models.Annotation:
        named = motivations(where)
        rows = [row for row in rows if row["motivation"] not in RESPONSES - named]
        if not RESPONSES & named:
            rows = [row for row in rows if row["parent_id"] is None]
        if not speaks_of(where, "status"):
            rows = [row for row in rows if row["status"] is AnnotationStatus.ACTIVE]
    assert await library.found(where_type, where) == {row["id"] for row in rows}


@given(asked=JSON_FILTERS)
@settings(max_examples=50, deadline=None)
async def test_a_json_filter_finds_what_it_says(library: Library, asked: dict[str, Any]) -> None:
    rows = library.rows[models.DocumentElement]
    if not says_something(asked):
        assert await library.found("DocumentElementWhere", {"content": asked}) == {row["id"] for row in rows}
        return
    expected = {row["id"] for row in rows if json_holds(row["content"], asked)}
    assert await library.found("DocumentElementWhere", {"content": asked}) == expected
    others = await library.found("DocumentElementWhere", {"not": {"content": asked}})
    assert others == {row["id"] for row in rows} - expected


def test_every_list_is_filtered_in_these_tests() -> None:
    wheres = {name for name in schema._schema.type_map if name.endswith("Where")}
    assert wheres - {"AnnotationEventWhere"} == set(LISTS)  # which lists nothing


# The rules that a client meets first


async def test_what_is_left_out_null_or_unset_filters_nothing(library: Library) -> None:
    everything = len(library.rows[models.DocumentCollection])
    wheres: list[Any] = [
        None,
        {},
        {"title": None},
        {"title": {}},
        {"title": {"in": None}},
        {"and": []},
        {"or": []},
        {"or": [{}, {"title": None}]},
        {"not": {}},
        {"not": {"or": [{"not": {"title": {}}}]}},
        {"hierarchy": {"path": {"path": ["a"]}}},
        {"not": {"hierarchy": {"path": {"path": ["a"], "exists": None}}}},
    ]
    for where in wheres:
        assert len(await library.found("DocumentCollectionWhere", where)) == everything


async def test_a_variable_that_is_not_set_filters_nothing(library: Library) -> None:
    query = """query Found($owner: ID, $title: String, $ids: [ID!]) {
        collections(first: 1000, where: {owner: {eq: $owner, in: $ids}, title: {eq: $title}}) { totalCount } }"""
    everything = len(library.rows[models.DocumentCollection])
    assert (await library.service.ask(query, viewer=ADMINISTRATOR))["collections"]["totalCount"] == everything

    nobodys = await library.service.ask(query, {"owner": None, "ids": None}, viewer=ADMINISTRATOR)
    none = [row for row in library.rows[models.DocumentCollection] if row["owner_id"] is row["created_by_id"] is None]
    assert nobodys["collections"]["totalCount"] == len(none) > 0


async def test_an_empty_list_of_values_matches_nothing(library: Library) -> None:
    assert await library.found("DocumentCollectionWhere", {"title": {"in": []}}) == set()
    assert await library.found("DocumentCollectionWhere", {"id": {"in": []}}) == set()
    assert await library.found("DocumentCollectionWhere", {"hierarchy": {"path": {"path": ["a"], "in": []}}}) == set()
    everything = {row["id"] for row in library.rows[models.DocumentCollection]}
    assert await library.found("DocumentCollectionWhere", {"not": {"title": {"in": []}}}) == everything


async def test_what_is_not_so_of_a_missing_value_is_found(library: Library) -> None:
    found = await library.found("DocumentCollectionWhere", {"not": {"language": {"eq": "a"}}})
    rows = library.rows[models.DocumentCollection]
    assert found == {row["id"] for row in rows if row["language"] != "a"}
    assert found & {row["id"] for row in rows if row["language"] is None}


async def test_a_classroom_is_read_with_what_is_for_everybody(library: Library) -> None:
    found = await library.found(
        "AnnotationWhere", {"inClassroom": "1", "motivation": {"in": ["commenting", "scholarly"]}}
    )
    rows = [row for row in library.rows[models.Annotation] if row["motivation"] in {"commenting", "scholarly"}]
    rows = [row for row in rows if row["status"] is AnnotationStatus.ACTIVE and row["parent_id"] is None]
    assert found == {row["id"] for row in rows if row["classroom_id"] in {None, 1}}
    assert {row["classroom_id"] for row in rows if row["id"] in found} == {None, 1}


def nested(depth: int) -> dict[str, Any]:
    where: dict[str, Any] = {"title": {"eq": "a"}}
    for turn in range(depth - 1):
        where = {"not": where} if turn % 2 else {"and": [where]}
    return where


async def test_a_filter_may_be_nested_five_levels_deep(library: Library) -> None:
    assert await library.found("DocumentWhere", nested(5))
    await refused(library, "DocumentWhere", nested(6))
    await refused(library, "DocumentWhere", nested(60))


def one_of(values: int, at_a_time: int = 1) -> dict[str, Any]:
    return {"or": [{"title": {"in": ["a"] * at_a_time}} for _ in range(values // at_a_time)]}


async def test_a_filter_takes_five_hundred_values(library: Library) -> None:
    assert await library.found("DocumentWhere", {"id": {"in": ["1"] * 500}}) == {1}
    assert await library.found("DocumentWhere", one_of(500))
    for where in (
        {"id": {"in": ["1"] * 10_000}},
        one_of(501),
        {"and": [one_of(300), one_of(300)]},
        {"or": [one_of(40_000, at_a_time=500)]},
    ):
        await refused(library, "DocumentWhere", where)
    await refused(library, "DocumentElementWhere", {"content": {"hasAnyKeys": ["a"] * 501}})
    await refused(library, "DocumentElementWhere", {"content": {"path": {"path": ["a"] * 21, "exists": True}}})
    await refused(library, "DocumentElementWhere", {"content": {"path": {"path": ["a"], "in": [1] * 501}}})


async def refused(library: Library, where_type: str, where: Any) -> None:
    _, at = LISTS[where_type]
    query = f"query Found($where: {where_type}) {{ {at} }}".replace("LIST", "(where: $where) { totalCount }")
    answer = await library.service.answer(query, {"where": where}, viewer=ADMINISTRATOR)
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].endswith(".")
    assert not any("count(" in statement for statement in library.service.statements)


NUL = "\\u0000"
WITH_NUL = {
    "text": f'title: {{eq: "a{NUL}"}}',
    "text in a list": f'title: {{in: ["a", "{NUL}"]}}',
    "text that is negated": f'not: {{title: {{eq: "{NUL}"}}}}',
    "contained JSON": f'hierarchy: {{contains: "{NUL}"}}',
    "a key of JSON": f'hierarchy: {{hasKey: "{NUL}"}}',
    "keys of JSON": f'hierarchy: {{hasAnyKeys: ["a", "{NUL}"]}}',
    "all keys of JSON": f'hierarchy: {{hasAllKeys: ["{NUL}"]}}',
    "a path into JSON": f'hierarchy: {{path: {{path: ["{NUL}"], exists: true}}}}',
    "a value in JSON": f'hierarchy: {{path: {{path: [], eq: "{NUL}"}}}}',
    "values in JSON": f'hierarchy: {{path: {{path: [], in: [{{a: ["{NUL}"]}}]}}}}',
}


@pytest.mark.parametrize("where", WITH_NUL.values(), ids=WITH_NUL)
async def test_the_character_that_postgresql_cannot_hold_is_refused(library: Library, where: str) -> None:
    answer = await library.service.answer(f"{{ collections(where: {{{where}}}) {{ totalCount }} }}")
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert library.service.statements == []


@pytest.mark.parametrize("key", ["a\0", "\0"])
async def test_that_character_is_refused_as_a_key_in_a_variable(library: Library, key: str) -> None:
    await refused(library, "DocumentCollectionWhere", {"hierarchy": {"contains": [{"a": {key: 1}}]}})


async def test_half_a_surrogate_pair_never_gets_in(library: Library) -> None:
    written = '{ collections(where: {title: {eq: "\\ud800"}}) { totalCount } }'
    assert "Syntax Error" in (await library.service.answer(written))["errors"][0]["message"]

    query = "query Found($title: String) { collections(where: {title: {eq: $title}}) { totalCount } }"
    sent = await post(library, query, '{"title": "\\ud800"}')
    assert "isn't valid JSON" in sent["errors"][0]["message"]


async def post(library: Library, query: str, variables: str) -> Any:
    """For variables that Python couldn't write."""
    body = f'{{"query": {json.dumps(query)}, "variables": {variables}}}'
    sent = await library.service.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    return sent.json()


@pytest.mark.parametrize("number", ["2147483648", "9223372036854775808", "1" + "0" * 300, "-1e300", "1.5e-300"])
async def test_a_number_of_any_size_can_be_looked_for_in_json(library: Library, number: str) -> None:
    for asked in (f"contains: {number}", f"path: {{path: [], eq: {number}}}"):
        data = await library.service.ask(f"{{ collections(where: {{hierarchy: {{{asked}}}}}) {{ totalCount }} }}")
        assert data == {"collections": {"totalCount": 0}}


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
async def test_a_number_that_cannot_be_told_exactly_is_refused(library: Library, number: str) -> None:
    answer = await library.service.answer(
        f"{{ collections(where: {{hierarchy: {{contains: {number}}}}}) {{ totalCount }} }}"
    )
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT"}]


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [10, 250, 500, 990, 1100, 100_000])
async def test_deep_json_is_looked_for_or_refused(library: Library, opens: str, closes: str, depth: int) -> None:
    query = "query Found($part: JSON!) { collections(where: {hierarchy: {contains: $part}}) { totalCount } }"
    answer = await post(library, query, f'{{"part": {opens * depth}1{closes * depth}}}')
    if "errors" in answer:
        assert depth > 500
        assert all(error.get("extensions", {}).get("code") != "INTERNAL" for error in answer["errors"])
    else:
        assert answer["data"]["collections"]["totalCount"] == 0


# Moments and days


async def test_a_moment_is_the_same_in_every_zone(library: Library) -> None:
    utc, tokyo = {"created": {"eq": "2026-01-01T00:00:00Z"}}, {"created": {"eq": "2026-01-01T09:00:00+09:00"}}
    found = await library.found("DocumentWhere", utc)
    assert found == await library.found("DocumentWhere", tokyo)
    assert found


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "10000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00+99:00",
        "infinity",
        "\0",
        "",
        0,
        True,
        {"year": 2026},
    ],
)
async def test_a_moment_without_an_offset_or_a_meaning_is_refused(library: Library, moment: Any) -> None:
    query = "query Found($moment: DateTime) { collections(where: {created: {eq: $moment}}) { totalCount } }"
    (error,) = (await library.service.answer(query, {"moment": moment}))["errors"]
    assert "a moment is written like 2026-01-31T09:30:00Z" in error["message"]
    assert library.service.statements == []


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T14:00:00+14:00"])
async def test_the_first_and_the_last_moment_can_be_compared_with(library: Library, moment: str) -> None:
    everything = {row["id"] for row in library.rows[models.Document]}
    before, after = ({"created": {operator_: moment}} for operator_ in ("lte", "gte"))
    assert await library.found("DocumentWhere", {"or": [before, after]}) == everything
    assert await library.found("DocumentWhere", {"and": [before, after]}) == set()


@pytest.mark.parametrize("day", ["2026-02-30", "2026-01-01T00:00:00Z", "10000-01-01", "", "\0", 20260101])
async def test_a_day_that_is_none_is_refused(library: Library, day: Any) -> None:
    query = "query Found($day: Date) { groups(where: {startDate: {eq: $day}}) { totalCount } }"
    (error,) = (await library.service.answer(query, {"day": day}))["errors"]
    assert "a day is written like 2026-01-31" in error["message"]
