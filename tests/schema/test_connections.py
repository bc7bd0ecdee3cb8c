"""Lists in pages: every row once and in order, whatever the order, the direction, or what happens meanwhile."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, DateTime, Integer, String, Table, UniqueConstraint, delete, insert
from sqlalchemy.engine import URL
from sqlalchemy.orm import InstrumentedAttribute

from genji_graphql import models
from genji_graphql.access.viewer import Viewer
from genji_graphql.database import writing_sessions
from genji_graphql.reads import graph
from genji_graphql.reads.ids import global_id
from genji_graphql.reads.pages import Listing
from genji_graphql.schema import schema
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject
from tests.lasting import NO_ROLES, Lasting, lasting
from tests.schema.conftest import MANY
from tests.service import Service
from tests.world import DAWN, World

ADMINISTRATOR = Viewer(user_id=1, is_administrator=True)
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
PAGE = f"nodes {{ databaseId }} edges {{ cursor node {{ databaseId }} }} {INFO}"
ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "$first: Int, $after: String, $last: Int, $before: String"


# Walking


@dataclass(frozen=True)
class List:
    """A list that is walked: its place in a query, and whose."""

    service: Service
    at: str
    arguments: str = ""
    variables: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    async def page(self, **arguments: Any) -> Any:
        query = f"query Page({VARIABLES}{self.variables}) {{ {self.at} }}".replace(
            "LIST", f"({ARGUMENTS}{self.arguments}) {{ {PAGE} }}"
        )
        data = await self.service.ask(query, {**self.values, **arguments}, viewer=ADMINISTRATOR)
        while "nodes" not in data:
            (data,) = data.values()
        return data

    async def walk(self, size: int, *, backwards: bool = False) -> list[list[int]]:
        """All pages, in the order that they came; each is checked to know where it stands."""
        pages: list[list[int]] = []
        cursor = None
        while True:
            size_and_cursor = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
            page = await self.page(**size_and_cursor)
            rows = ids(page)
            info = page["pageInfo"]
            more, came_from = ("hasPreviousPage", "hasNextPage") if backwards else ("hasNextPage", "hasPreviousPage")
            assert info[came_from] is (cursor is not None)
            assert [edge["node"]["databaseId"] for edge in page["edges"]] == rows
            cursors = [edge["cursor"] for edge in page["edges"]]
            assert (info["startCursor"], info["endCursor"]) == ((cursors[0], cursors[-1]) if cursors else (None, None))
            pages.append(rows)
            if not info[more]:
                return pages
            assert len(rows) == size
            cursor = info["startCursor"] if backwards else info["endCursor"]


def ids(page: Any) -> list[int]:
    return [node["databaseId"] for node in page["nodes"]]


def joined(pages: Sequence[list[int]]) -> list[int]:
    return [row for page in pages for row in page]


def connections() -> Iterator[tuple[str, str]]:
    """Every type's every list."""
    for name, type_ in schema._schema.type_map.items():
        if isinstance(type_, GraphQLObjectType):
            for field_name, field_ in type_.fields.items():
                if get_named_type(field_.type).name.endswith("Connection"):
                    yield name, field_name


@pytest.mark.parametrize(("type_name", "field_name"), list(connections()))
async def test_every_list_can_be_walked_both_ways(crowd: Lasting, type_name: str, field_name: str) -> None:
    if type_name == "Query":
        walked, size = List(crowd.service, f"{field_name}LIST"), 70
    else:
        at = f"node(id: $id) {{ ... on {type_name} {{ {field_name}LIST }} }}"
        walked, size = List(crowd.service, at, "", ", $id: ID!", {"id": global_id(type_name, 5)}), 1
    whole = ids(await walked.page(first=MANY))
    assert len(set(whole)) == len(whole) >= 1

    assert joined(await walked.walk(size))[: len(whole)] == whole
    assert len(whole) == MANY or joined((await walked.walk(size, backwards=True))[::-1]) == whole


# Orders: any, of anything, against a sort in Python


@dataclass(frozen=True)
class Sorted:
    """A list under one parent that a test fills with rows: all that its listing orders by is drawn at random."""

    listing: Listing
    parent: str
    field_name: str
    rest: Mapping[str, Any]
    link: tuple[Table, str, str] | None = None
    """The table between parent and rows, its columns for both."""

    @property
    def at(self) -> str:
        return f"node(id: $id) {{ ... on {self.parent} {{ {self.field_name}LIST }} }}"

    @property
    def order(self) -> str:
        type_: Any = schema._schema.type_map[self.parent]
        return str(get_named_type(type_.fields[self.field_name].args["orderBy"].type).name)


_SHARE = {
    "object_id": 1,
    "object_type": SharedObject.COLLECTION,
    "shared_with_id": count(1),
    "shared_with_type": Recipient.USER,
    "access_level": AccessLevel.VIEW,
}
SORTED = [
    Sorted(graph.COLLECTIONS, "User", "createdCollections", {"created_by_id": 1}),
    Sorted(graph.DOCUMENTS, "DocumentCollection", "documents", {"document_collection_id": 1}),
    Sorted(graph.ELEMENTS, "Document", "elements", {"document_id": 1}),
    Sorted(graph.REVISIONS, "DocumentElement", "revisions", {"element_id": 1, "modified": DAWN}),
    Sorted(graph.ANNOTATIONS, "DocumentElement", "annotations", {"document_element_id": 1}),
    Sorted(graph.USERS, "Group", "members", {}, (models.group_members, "group_id", "user_id")),
    Sorted(graph.GROUPS, "User", "createdGroups", {"created_by_id": 1}),
    Sorted(graph.SHARES, "DocumentCollection", "shares", _SHARE),
    Sorted(graph.ROLES, "Permission", "roles", {}, (models.role_permissions, "permission_id", "role_id")),
    Sorted(graph.PERMISSIONS, "Role", "permissions", {}, (models.role_permissions, "role_id", "permission_id")),
]


def values(column: InstrumentedAttribute[Any]) -> st.SearchStrategy[Any]:
    """Few values, so that there are ties; letters that every collation sorts alike."""
    match column.type:
        case DateTime():
            seconds = st.sampled_from([-62135596800, -1, 0, 0.000001, 1767225600, 253402300799])
            return seconds.map(lambda second: datetime.fromtimestamp(second, UTC))
        case Integer() if is_unique(column):
            return st.integers(1, 2**31 - 1)
        case BigInteger():
            return st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])
        case String() if is_unique(column):
            return st.text("abc", min_size=1, max_size=4)
        case String():
            return st.sampled_from(["", "a", "aa", "ab", "b"])
    raise NotImplementedError(column)


def is_unique(column: InstrumentedAttribute[Any]) -> bool:
    """By itself, as it is folded, or under one parent."""
    of_table = column.property.columns[0]
    if any(of_table.name in one.columns for one in of_table.table.constraints if isinstance(one, UniqueConstraint)):
        return True
    alone = [index for index in of_table.table.indexes if index.unique and len(index.expressions) == 1]
    return bool(of_table.unique) or any(of_table.name in str(index.expressions[0]) for index in alone)


def rows_of(listing: Listing) -> st.SearchStrategy[list[dict[str, Any]]]:
    unique = [name for name, column in listing.orders.items() if is_unique(column)]
    row = st.fixed_dictionaries({name: values(column) for name, column in listing.orders.items()})
    return st.lists(row, max_size=9, unique_by=(lambda row: row[unique[0]]) if unique else None)


def orders_of(listing: Listing) -> st.SearchStrategy[list[tuple[str, bool]]]:
    """Some of the fields, each with a direction; False for the rising one."""
    return st.lists(st.tuples(st.sampled_from(list(listing.orders)), st.booleans()), unique_by=lambda term: term[0])


def in_order(rows: Mapping[int, dict[str, Any]], order: list[tuple[str, bool]]) -> list[int]:
    """The ids, sorted by the last term first: a sort of Python's keeps the order of equals, whichever way it runs."""
    ordered = sorted(rows, reverse=order[-1][1])
    for name, descending in reversed(order):
        ordered.sort(key=lambda row_id: rows[row_id][name], reverse=descending)
    return ordered


@pytest.fixture(scope="module")
async def shelf(server: URL, template: str) -> AsyncIterator[Lasting]:
    """One parent of each kind, without anything in its lists."""
    async with lasting(server, template) as shelf:
        world = shelf.world
        await shelf.sql(NO_ROLES)
        await world.person()
        await world.group()
        _, full = await world.collection(), await world.collection()
        _, other = await world.document(full), await world.document(full)
        await world.element(other)
        await world.add(models.Role(name="parent"))
        await world.add(models.Permission(name="parent"))
        yield shelf


@asynccontextmanager
async def filled(shelf: Lasting, list_: Sorted, rows: list[dict[str, Any]]) -> AsyncIterator[dict[int, dict[str, Any]]]:
    """The rows in the list, by their ids, for as long as one example lasts."""
    model: Any = list_.listing.model
    written: dict[int, dict[str, Any]] = {}
    sessions = writing_sessions(shelf.engine)
    async with sessions.begin() as session:
        for row in rows:
            rest = {name: next(value) if isinstance(value, count) else value for name, value in list_.rest.items()}
            child = model(**rest, **row)
            session.add(child)
            await session.flush()
            written[child.id] = row
            if list_.link:
                table, parent, key = list_.link
                await session.execute(insert(table).values({parent: 1, key: child.id}))
    try:
        yield written
    finally:
        async with sessions.begin() as session:
            await session.execute(delete(model).where(model.id.in_(written)))


@pytest.mark.parametrize("list_", SORTED, ids=lambda list_: list_.listing.model.__name__)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
async def test_any_order_is_the_one_that_python_sorts(shelf: Lasting, list_: Sorted, data: st.DataObject) -> None:
    rows = data.draw(rows_of(list_.listing), "rows")
    order = data.draw(orders_of(list_.listing), "order")
    size = data.draw(st.integers(1, 4), "size")
    async with filled(shelf, list_, rows) as written:
        by_default = [(term.field, term.descending) for term in list_.listing.default]
        expected = in_order(written, order or by_default)
        walked = List(
            shelf.service,
            list_.at,
            ", orderBy: $order",
            f", $order: [{list_.order}!], $id: ID!",
            {
                "order": [{"field": name.upper(), "direction": "DESC" if down else "ASC"} for name, down in order],
                "id": global_id(list_.parent, 1),
            },
        )
        assert joined(await walked.walk(size)) == expected
        assert joined((await walked.walk(size, backwards=True))[::-1]) == expected

        if expected:
            cursors = [edge["cursor"] for edge in (await walked.page(first=100))["edges"]]
            start, end = (data.draw(st.integers(0, len(expected) - 1), name) for name in ("start", "end"))
            inside = expected[start + 1 : end]
            forward = await walked.page(first=size, after=cursors[start], before=cursors[end])
            assert ids(forward) == inside[:size]
            assert forward["pageInfo"]["hasNextPage"]
            assert forward["pageInfo"]["hasPreviousPage"]
            backward = await walked.page(last=size, after=cursors[start], before=cursors[end])
            assert ids(backward) == inside[-size:]
            assert backward["pageInfo"]["hasNextPage"]
            assert backward["pageInfo"]["hasPreviousPage"]


# Changes during a walk


@given(data=st.data())
@settings(max_examples=8, deadline=None)
async def test_what_comes_and_goes_during_a_walk_repeats_and_loses_nothing_else(
    shelf: Lasting, data: st.DataObject
) -> None:
    backwards = data.draw(st.booleans(), "backwards")
    elements = SORTED[2]
    places = data.draw(st.lists(st.integers(0, 9), min_size=4, max_size=9), "places")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with filled(
        shelf, elements, [{"position": place, "created": now, "modified": now} for place in places]
    ) as rows:
        walked = List(shelf.service, "document(id: 1) { elementsLIST }")
        stayed, cursor, more = set(rows), None, True
        seen: list[int] = []
        while more:
            page = await walked.page(**({"last": 2, "before": cursor} if backwards else {"first": 2, "after": cursor}))
            more = page["pageInfo"]["hasPreviousPage" if backwards else "hasNextPage"]
            cursor = page["pageInfo"]["startCursor" if backwards else "endCursor"] or cursor
            seen += ids(page)[::-1] if backwards else ids(page)
            if data.draw(st.booleans(), "does one go?") and stayed:
                gone = data.draw(st.sampled_from(sorted(stayed)), "gone")
                stayed.remove(gone)
                await shelf.world.run(delete(models.DocumentElement).where(models.DocumentElement.id == gone))
            if len(rows) < 20 and data.draw(st.booleans(), "does one come?"):
                place = data.draw(st.integers(0, 9), "place")
                new = await shelf.world.add(models.DocumentElement(document_id=1, position=place))
                rows[new.id] = {"position": place}

        assert len(set(seen)) == len(seen)
        assert stayed <= set(seen)
        assert seen == sorted(seen, key=lambda row_id: (rows[row_id]["position"], row_id), reverse=backwards)


# What can't be asked


BAD_PAGES = {
    "first and last": "first: 1, last: 1",
    "first of none": "first: 0",
    "last of none": "last: 0",
    "a negative first": "first: -1",
    "a negative last": "last: -2147483648",
    "more than the maximum": f"first: {MANY + 1}",
    "more than the maximum, backwards": f"last: {MANY + 1}",
    "a field twice": "orderBy: [{field: TITLE}, {field: TITLE, direction: DESC}]",
    "an empty cursor": 'after: ""',
    "no cursor": 'after: "next"',
    "U+0000 in a cursor": 'before: "\\u0000"',
    "a character beyond ASCII in a cursor": 'before: "源氏"',
    "half a base64": 'after: "W"',
    "a number for a cursor": 'after: "NQ=="',
    "an object for a cursor": 'after: "e30="',
    "null for a cursor": 'after: "bnVsbA=="',
    "an empty list for a cursor": 'after: "W10="',
}


@pytest.mark.parametrize("arguments", BAD_PAGES.values(), ids=BAD_PAGES)
@pytest.mark.parametrize("at", ["documents%s", "collection(id: 1) { documents%s }"], ids=["root", "nested"])
async def test_a_page_that_cannot_be_is_refused_with_a_reason(crowd: Lasting, at: str, arguments: str) -> None:
    answer = await crowd.service.answer(f"{{ {at % f'({arguments}) {{ nodes {{ id }} }}'} }}")
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].endswith((".", "doesn't."))
    assert not any("app.documents" in statement for statement in crowd.service.statements)


@pytest.mark.parametrize(
    "where_it_is_used",
    [
        "documents(after: $after, orderBy: [{field: TITLE}])",
        "documents(after: $after, orderBy: [{field: POSITION, direction: DESC}])",
        'documents(after: $after, where: {title: {eq: "Document 1"}})',
        "collections(after: $after)",
        "annotations(before: $after)",
    ],
)
async def test_a_cursor_of_another_order_filter_or_list_is_refused(crowd: Lasting, where_it_is_used: str) -> None:
    start = await crowd.service.ask("{ documents(first: 1) { pageInfo { endCursor } } }")
    cursor = start["documents"]["pageInfo"]["endCursor"]

    answer = await crowd.service.answer(
        f"query Page($after: String) {{ {where_it_is_used} {{ nodes {{ id }} }} }}", {"after": cursor}
    )

    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert crowd.service.statements == []


async def test_a_cursor_outlives_the_way_its_filter_was_written(crowd: Lasting) -> None:
    query = """query Page($after: String, $where: DocumentWhere) {
        documents(first: 1, after: $after, where: $where) { nodes { title } pageInfo { endCursor } } }"""
    where = {"created": {"gt": "2026-01-01T00:00:00Z"}}
    page = (await crowd.service.ask(query, {"where": where}))["documents"]
    again = {"title": None, "created": {"lt": None, "gt": "2026-01-01T09:00:00+09:00"}}
    asked = {"where": again, "after": page["pageInfo"]["endCursor"]}
    assert (await crowd.service.ask(query, asked))["documents"]["nodes"] == [{"title": "Document 2"}]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, -(2**31) - 1, 2**63, 10**400, float("nan"), float("inf"), float("-inf"), 1.5])
    | st.sampled_from(["", "\0", "\ud800", "2026-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
    | st.sampled_from(["2026-01-01T00:00:00", "infinity", "2026-01-01T00:00:00Z"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("field_name", ["POSITION", "TITLE", "CREATED"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
async def test_a_forged_cursor_is_refused_and_never_fails(crowd: Lasting, field_name: str, data: st.DataObject) -> None:
    order = f"orderBy: [{{field: {field_name}}}]"
    start = await crowd.service.ask(f"{{ documents(first: 1, {order}) {{ pageInfo {{ endCursor }} }} }}")
    genuine = json.loads(urlsafe_b64decode(start["documents"]["pageInfo"]["endCursor"]))
    forged = data.draw(
        st.binary(max_size=40)
        | JSON_VALUES.map(packed)
        | st.lists(JSON_VALUES, max_size=4).map(lambda values: packed([genuine[0], *values]))
        | st.tuples(JSON_VALUES, JSON_VALUES).map(lambda values: packed([genuine[0], *values]))
        | JSON_VALUES.map(lambda value: packed([*genuine[:2], value])),
        "forged",
    )

    answer = await crowd.service.answer(
        f"query Page($after: String) {{ documents(first: 1, after: $after, {order}) {{ nodes {{ id }} }} }}",
        {"after": urlsafe_b64encode(forged).decode()},
    )

    if "errors" in answer:
        assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT"}]
        assert crowd.service.statements == []
    else:  # it happened to have the right types
        fingerprint, value, row_id = json.loads(forged)
        assert (fingerprint, type(value), type(row_id)) == (genuine[0], type(genuine[1]), int)


def packed(value: Any) -> bytes:
    return json.dumps(value).encode()


# What a list costs


async def test_a_list_is_counted_only_when_asked(crowd: Lasting) -> None:
    page = "nodes { id } pageInfo { hasNextPage }"
    await crowd.service.ask(f"{{ documents(first: 2) {{ {page} }} }}")
    assert len(crowd.service.statements) == 1
    asked = await crowd.service.ask("{ documents(first: 2) { totalCount } }")
    assert len(crowd.service.statements) == 1
    assert asked["documents"]["totalCount"] == MANY


async def test_the_lists_of_many_parents_are_counted_in_one_statement(crowd: Lasting) -> None:
    asked = await crowd.service.ask(
        "{ documents(first: 50) { nodes { databaseId elements(first: 1) { totalCount } } } }"
    )
    assert [node["elements"]["totalCount"] for node in asked["documents"]["nodes"]] == [2] * 50
    assert len(crowd.service.statements) == 2


async def test_a_page_asked_for_twice_is_read_once(crowd: Lasting) -> None:
    await crowd.service.ask(
        """{ documents(first: 3) { nodes {
            a: elements(first: 1) { nodes { id } } b: elements(first: 1) { edges { cursor } pageInfo { endCursor } }
            c: elements(first: 1, orderBy: [{field: POSITION}], where: {}) { nodes { text } } } } }"""
    )
    assert len(crowd.service.statements) == 2


async def test_pages_with_different_arguments_are_read_each_by_itself(crowd: Lasting) -> None:
    asked = await crowd.service.ask(
        """{ documents(first: 3) { nodes {
            a: elements(first: 1) { nodes { text } } b: elements(last: 1) { nodes { text } }
            c: elements(first: 1, orderBy: [{field: POSITION, direction: DESC}]) { nodes { text } }
            d: elements(first: 1, where: {content: {contains: {text: "Line 2"}}}) { nodes { text } } } } }"""
    )
    # The last rows by a statement of their own, the others with the rows of their documents.
    assert len(crowd.service.statements) == 2
    for document in asked["documents"]["nodes"]:
        texts = [document[alias]["nodes"][0]["text"] for alias in "abcd"]
        assert texts == ["Line 1", "Line 2", "Line 2", "Line 2"]


async def test_a_page_has_twenty_rows_unless_told(service: Service, world: World) -> None:
    document = await world.document(await world.collection())
    await world.elements(document, 21)
    asked = await service.ask("{ document(id: 1) { elements { nodes { id } pageInfo { hasNextPage } } } }")
    assert len(asked["document"]["elements"]["nodes"]) == 20
    assert asked["document"]["elements"]["pageInfo"]["hasNextPage"]
