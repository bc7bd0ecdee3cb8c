"""Ids: what they find, and how little they tell."""

from base64 import b64decode, b64encode
from typing import Any

import pytest
from graphql import GraphQLObjectType
from hypothesis import given, settings
from hypothesis import strategies as st

from genji_graphql.access.viewer import Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.schema import schema
from tests.lasting import Lasting

ADMINISTRATOR = Viewer(user_id=1, is_administrator=True)
NODES = sorted(
    name
    for name, type_ in schema._schema.type_map.items()
    if isinstance(type_, GraphQLObjectType) and any(interface.name == "Node" for interface in type_.interfaces)
)
LOOKUPS = {
    "collection": "DocumentCollection",
    "document": "Document",
    "element": "DocumentElement",
    "annotation": "Annotation",
    "user": "User",
    "group": "Group",
    "importJob": "ImportJob",
}
NOTHING: dict[str, Any] = dict.fromkeys(LOOKUPS)
EVERY_LOOKUP = "query Ask($id: ID!) { " + " ".join(f"{name}(id: $id) {{ id }}" for name in LOOKUPS) + " }"


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize("type_name", NODES)
async def test_whatever_has_an_id_is_found_by_it(crowd: Lasting, type_name: str) -> None:
    id_ = global_id(type_name, 7)
    query = "query Ask($id: ID!) { node(id: $id) { __typename id databaseId } }"
    found = await crowd.service.ask(query, {"id": id_}, viewer=ADMINISTRATOR)
    assert found == {"node": {"__typename": type_name, "id": id_, "databaseId": 7}}


@pytest.mark.parametrize(("lookup", "type_name"), LOOKUPS.items())
async def test_a_lookup_takes_the_global_id_and_the_number(crowd: Lasting, lookup: str, type_name: str) -> None:
    query = f"query Ask($id: ID!) {{ {lookup}(id: $id) {{ databaseId }} }}"
    for id_ in (global_id(type_name, 7), "7", 7):
        assert await crowd.service.ask(query, {"id": id_}, viewer=ADMINISTRATOR) == {lookup: {"databaseId": 7}}


@pytest.mark.parametrize(("lookup", "type_name"), LOOKUPS.items())
async def test_a_lookup_knows_no_other_types_ids(crowd: Lasting, lookup: str, type_name: str) -> None:
    query = f"query Ask($id: ID!) {{ {lookup}(id: $id) {{ id }} }}"
    for other in {*NODES, "SiteSettings", "UserPassword", "Query"} - {type_name}:
        assert await crowd.service.ask(query, {"id": global_id(other, 7)}, viewer=ADMINISTRATOR) == {lookup: None}
        assert crowd.service.statements == []


@pytest.mark.parametrize("name", ["SiteSettings", "UserPassword", "Query", "PageInfo", "annotation", "Base"])
async def test_what_is_no_node_has_no_id(crowd: Lasting, name: str) -> None:
    query = "query Ask($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"
    asked = {"id": global_id(name, 1)}
    assert await crowd.service.ask(query, asked, viewer=ADMINISTRATOR) == {"node": None, "nodes": [None]}


async def test_a_number_alone_is_no_ones_id(crowd: Lasting) -> None:
    assert await crowd.service.ask("{ node(id: 7) { id } nodes(ids: [7]) { id } }") == {"node": None, "nodes": [None]}


MALFORMED = [
    "", " ", "0", "-1", "+1", "1.0", "1e3", "0x1", "2147483648", "9999999999", "99999999999999999999999", "1 ", "１",
    "\0", "1\0", "null", "=", "====", "RG9jdW1lbnQ6", "RG9jdW1lbnQ6MQ", "RG9jdW1lbnQ6MQ=", "RG9jdW1lbnQ6MQ==\n",
    "Document:1", encoded("Document"), encoded("Document:"), encoded(":1"), encoded("Document:0"),
    encoded("Document:-1"), encoded("Document:1:1"), encoded("Document:１"), encoded("Document:2147483648"),
    encoded("Document: 1"), encoded("Document:1\0"), encoded("__class__:1"), encoded("文書:1"), "源氏", "A" * 100_000,
    "'; DROP TABLE app.users; --",
]  # fmt: skip


@pytest.mark.parametrize("id_", MALFORMED, ids=lambda id_: repr(id_)[:30])
async def test_a_malformed_id_finds_nothing_and_asks_nothing(crowd: Lasting, id_: str) -> None:
    assert await crowd.service.ask(EVERY_LOOKUP, {"id": id_}, viewer=ADMINISTRATOR) == NOTHING
    query = "query Ask($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"
    assert await crowd.service.ask(query, {"id": id_}, viewer=ADMINISTRATOR) == {"node": None, "nodes": [None]}
    assert crowd.service.statements == []


@given(id_=st.text() | st.text().map(encoded) | st.tuples(st.sampled_from(NODES), st.text()).map(":".join).map(encoded))
@settings(max_examples=50, deadline=None)
async def test_any_text_may_be_asked_for(crowd: Lasting, id_: str) -> None:
    for query in (EVERY_LOOKUP, "query Ask($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"):
        answer = await crowd.service.answer(query, {"id": id_}, viewer=ADMINISTRATOR)
        assert "errors" not in answer


async def test_things_come_in_the_order_of_their_ids(crowd: Lasting) -> None:
    wanted = [global_id("User", 2), "x", global_id("Document", 9), global_id("User", 1), global_id("User", 2)]
    query = "query Ask($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = (await crowd.service.ask(query, {"ids": wanted}))["nodes"]
    assert [node and node["id"] for node in found] == [wanted[0], None, *wanted[2:]]
    assert len(crowd.service.statements) == 2
    assert await crowd.service.ask(query, {"ids": []}) == {"nodes": []}


async def test_a_hundred_things_can_be_asked_for_at_a_time(crowd: Lasting) -> None:
    query = "query Ask($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [global_id("Document", n) for n in range(1, 101)]
    assert [node["id"] for node in (await crowd.service.ask(query, {"ids": ids}))["nodes"]] == ids

    (error,) = (await crowd.service.answer(query, {"ids": [*ids, ids[0]]}))["errors"]
    assert error["message"] == "`nodes` takes at most 100 ids, not 101."
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


def test_an_id_is_opaque_but_always_the_same() -> None:
    assert b64decode(global_id("Document", 7)) == b"Document:7"
    assert len({global_id(name, number) for name in NODES for number in range(1, 50)}) == len(NODES) * 49
