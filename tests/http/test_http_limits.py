"""What one request may ask for, and how long it may take."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
import uvicorn
from graphql import OperationDefinitionNode, get_introspection_query, parse
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.app import create_app
from genji_graphql.http.documents import Documents
from genji_graphql.http.errors import describe
from genji_graphql.http.limits import Limits, Price
from genji_graphql.schema import schema
from genji_graphql.settings import Settings
from tests.conftest import connect
from tests.lasting import Lasting
from tests.schema.conftest import crowd as crowd
from tests.schema.test_reading import READING
from tests.service import Service

GRAPHQL = schema._schema
PERSON = Viewer(user_id=1)
ADMINISTRATOR = Viewer(user_id=1, is_administrator=True)


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[Service]:
    async with Service(settings, limited=True) as service:
        yield service


async def refusal(service: Service, query: str, **variables: Any) -> dict[str, Any]:
    """The one error of a document that was refused before anything ran."""
    answer = await service.answer(query, variables)
    assert set(answer) == {"errors"}
    assert service.statements == []
    (error,) = answer["errors"]
    told: dict[str, Any] = error
    return told


# The shape of a document


@pytest.mark.parametrize(
    ("query", "said", "requested", "limit"),
    [
        (f"{{ {'viewer { roles { nodes { users { nodes { ' * 6} id {'} } } } }' * 6} }}", "31 levels deep", 31, 25),
        ("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(51)) + " }", "51 root fields", 51, 50),
        ("{ viewer { " + " ".join(f"a{n}: id" for n in range(101)) + " } }", "101 aliases", 101, 100),
        ("{ viewer { " + "id " * 201 + " } }", "selects 201 fields of one thing", 201, 200),
        ("{ viewer { " + "id @include(if: true) " * 51 + " } }", "51 directives", 51, 50),
    ],
)
async def test_a_document_that_is_too_large_is_refused_with_both_numbers(
    limited: Service, query: str, said: str, requested: int, limit: int
) -> None:
    error = await refusal(limited, query)
    assert said in error["message"]
    assert f"{limit} is the limit" in error["message"]
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "requested": requested, "limit": limit}


async def test_what_a_fragment_holds_counts_wherever_it_is_spread(limited: Service) -> None:
    aliased = "fragment Names on User { a: username b: displayName c: firstName }"
    query = f"{{ {' '.join(f'u{n}: user(id: {n}) {{ ...Names }}' for n in range(1, 31))} }} {aliased}"
    assert (await refusal(limited, query))["extensions"]["requested"] == 30 + 30 * 3


FAN_OUT = (
    "{ viewer { ...F0 } } "
    + " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    + " fragment F60 on User { a: id }"
)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (FAN_OUT, f"selects {2**60} fields of one thing"),
        ("#\n" * 40_000 + "{ viewer { id } }", "comments"),
        ("{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }", "Cannot spread fragment"),
        ("{ viewer { ...Nothing } }", "Unknown fragment"),
        ("{" * 20_000, "Expected Name, found"),
        ("{ viewer { " + " ".join(f"a{n}: id" for n in range(3_000)) + " } }", "more than 1500 tokens"),
        ("{ viewer { id " + "@a " * 10_000 + " } }", "more than 1500 tokens"),
        ("{ viewer { id(a: " + "[" * 1_400, "nested"),
    ],
    ids=["fan-out", "comments", "a circle", "no such fragment", "braces", "aliases", "directives", "lists"],
)
async def test_a_document_that_is_made_to_be_slow_is_refused(limited: Service, query: str, said: str) -> None:
    answer = await limited.answer(query)
    assert set(answer) == {"errors"}
    assert limited.statements == []
    assert said in answer["errors"][0]["message"]


async def test_a_number_that_json_has_no_place_for_is_told_as_the_largest_that_it_has(limited: Service) -> None:
    chain = " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(120))
    error = await refusal(limited, f"{{ viewer {{ ...F0 }} }} {chain} fragment F120 on User {{ id }}")
    assert error["message"] == f"The operation selects {2**120} fields of one thing, and 200 is the limit."
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "requested": 2**53 - 1, "limit": 200}


async def test_the_schema_can_be_asked_for_within_the_limits(limited: Service) -> None:
    answer = await limited.ask(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert answer["__schema"]["queryType"]["name"] == "Query"


# The price of an operation


def price(query: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Price(GRAPHQL, document, operation, variables, 100).requested


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ viewer { username email } }", {}, 1 + 1),
        ("{ document(id: 1) { title } }", {}, 1),
        ("{ documents { nodes { title } } }", {}, 1 + 20 - 1),
        ("{ documents(first: 5) { nodes { owner { username } } } }", {}, 5 + 5),
        ("{ documents(last: 5) { edges { cursor node { owner { username } } } } }", {}, 5 + 5),
        ("{ documents(first: 5) { totalCount pageInfo { hasNextPage } } }", {}, 5 + 1),
        ("{ documents(first: 5) { nodes { elements(first: 7) { nodes { text } } } } }", {}, 5 + 5 * 7),
        ("{ documents(first: 1000) { nodes { title } } }", {}, 100),
        ("query($n: Int) { documents(first: $n) { nodes { title } } }", {"n": 3}, 3),
        ("query($n: Int = 7) { documents(first: $n) { nodes { title } } }", {}, 7),
        ("query($n: Int) { documents(first: $n) { nodes { title } } }", {}, 20),
        ("query($n: Int) { documents(first: $n) { nodes { title } } }", {"n": "many"}, 100),
        ("query($n: Int) { documents(first: $n) { nodes { title } } }", {"n": 10**9}, 100),
        ("query($n: Int) { documents(first: $n) { nodes { title } } }", {"n": -5}, 0),
        ("query($b: Boolean!) { documents @include(if: $b) { nodes { title } } }", {"b": False}, 0),
        ("query($b: Boolean!) { documents @skip(if: $b) { nodes { title } } }", {"b": False}, 20),
        ("{ documents { nodes { ...D } } } fragment D on Document { owner { id } collection { id } }", {}, 20 + 20 * 2),
        ("{ documents { ...C } } fragment C on DocumentConnection { nodes { owner { id } } totalCount }", {}, 20 + 40),
        ('{ nodes(ids: ["a", "b"]) { id ... on Document { owner { id } } } }', {}, 2 + 2),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b", "c"]}, 3),
        ("{ annotations(first: 3) { nodes { viewerCan { edit delete } upvoteCount tags } } }", {}, 3 + 3 * 3),
        ("{ __typename __schema { types { name } } }", {}, 0),
        ("{ annotationStats(by: [CREATOR]) { count creator { id } } }", {}, 1 + 1000),
        ("{ roles { users(first: 2) { nodes { id } } } }", {}, 1 + 20 * 2),
        ("{ element(id: 1) { annotationCounts { count } } }", {}, 1 + 1),
        ("{ annotation(id: 1) { targets { ... on SpecificResource { place { __typename } } } } }", {}, 1 + 20),
        ("{ collection(id: 1) { stats { documents comments } } }", {}, 1 + 2),
        ('mutation { deleteGroup(input: {id: "1"}) { deletedId errors { message } } }', {}, 1),
    ],
)
def test_a_price_is_the_number_of_rows_that_may_be_loaded(query: str, variables: dict[str, Any], expected: int) -> None:
    assert price(query, variables) == expected


def test_a_chain_of_fragments_is_priced_as_quickly_as_it_is_long() -> None:
    chain = "{ documents(first: 1) { nodes { ...F0 } } } " + " ".join(
        f"fragment F{n} on Document {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60)
    )
    assert price(f"{chain} fragment F60 on Document {{ owner {{ id }} }}") == 1 + 2**60


@pytest.mark.parametrize(
    "viewer", [ANONYMOUS, PERSON, ADMINISTRATOR], ids=["a visitor", "a person", "an administrator"]
)
async def test_three_reading_views_side_by_side_are_for_everybody(limited: Service, viewer: Viewer) -> None:
    start, end = READING.index("document("), READING.rindex("}")
    view = READING[start:end]
    await limited.ask(f"{READING[:start]} a: {view} b: {view} c: {view} }}", {"id": "1"}, viewer=viewer)
    assert limited.cost is not None
    assert 300_000 < limited.cost["requested"] <= limited.cost["limit"]


DEEP = (
    "{ documents(first: 100) { nodes { elements(first: 100) { nodes { annotations(first: %d) { nodes { id } } } } } } }"
)


@pytest.mark.parametrize(("viewer", "limit"), [(ANONYMOUS, 500_000), (PERSON, 1_000_000), (ADMINISTRATOR, 2_000_000)])
async def test_each_kind_of_viewer_has_a_budget_and_none_is_spent_beyond_it(
    limited: Service, viewer: Viewer, limit: int
) -> None:
    largest = (limit - 10_100) // 10_000
    assert "errors" not in await limited.answer(DEEP % min(largest, 100), viewer=viewer)
    if largest >= 100:
        return
    answer = await limited.answer(DEEP % (largest + 2), viewer=viewer)

    assert limited.statements == []
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["extensions"]["limit"] == limit < error["extensions"]["requested"]
    assert str(limit) in error["message"]


@pytest.mark.parametrize(
    "query",
    [
        READING.replace("$id: ID!", '$id: ID! = "1"'),
        "{ documents(first: 30) { totalCount nodes { owner { email viewerCan { edit } } elements { totalCount } } } }",
        "{ annotations { edges { cursor node { creator { id } tags upvoteCount replies { nodes { id } } } } } }",
        "{ collections { nodes { stats { documents elements } shares { nodes { sharedWith { __typename } } } } } }",
        "{ users { nodes { roles { nodes { permissions { nodes { name } } } } groups { nodes { joinToken } } } } }",
    ],
)
async def test_nothing_costs_more_than_its_price(crowd: Lasting, query: str) -> None:
    for viewer in (ANONYMOUS, ADMINISTRATOR):
        await crowd.service.ask(query, viewer=viewer)
        cost = crowd.service.cost or {}
        assert cost["actual"] <= cost["requested"]
    assert cost["actual"] > 0


# Documents that were read already


def documents(room: int = 1_000) -> Documents:
    return Documents(GRAPHQL, Limits.of(Settings()), largest_page=100, room=room)


def test_a_document_is_read_once() -> None:
    known = documents()
    assert known.read("{ viewer { id } }") is known.read("{ viewer { id } }")
    assert known.read("{ viewer { id }  }") is not known.read("{ viewer { id } }")


def test_the_documents_of_late_are_remembered_as_far_as_there_is_room() -> None:
    known = documents(room=40)
    first, second = known.read("{ viewer { id } } # 1"), known.read("{ viewer { id } }")
    known.read("{ viewer { username } }")
    assert known.read("{ viewer { id } }") is second
    assert known.read("{ viewer { id } } # 1") is not first


def test_what_is_wrong_with_a_document_is_remembered_with_it() -> None:
    known = documents()
    (error,) = known.read("{ nothing }").errors
    assert known.read("{ nothing }").errors == [error]


# Time

LOCK = "LOCK TABLE app.documents IN ACCESS EXCLUSIVE MODE"
# Copies of one template have their tables under the same numbers.
WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'app.documents'::regclass
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def until(connection: asyncpg.Connection, is_so: Callable[[int], bool]) -> None:
    """Wait for the number of those who wait for the lock to be so."""
    async with asyncio.timeout(20):
        while not is_so(await connection.fetchval(WAITING)):
            await connection.execute("SELECT pg_sleep(0.01)")


@asynccontextmanager
async def locked(url: URL) -> AsyncIterator[asyncpg.Connection]:
    """While nobody can read the documents."""
    holder, watcher = await connect(url), await connect(url)
    async with holder.transaction():
        await holder.execute(LOCK)
        yield watcher
    await holder.close()
    await watcher.close()


async def test_what_takes_too_long_is_given_up_with_its_statements(settings: Settings, database: URL) -> None:
    async with Service(settings.model_copy(update={"deadline": 0.3})) as service, locked(database) as watcher:
        answer = await service.answer("{ documents { nodes { id } } }")
        (error,) = answer["errors"]
        assert error["message"] == "This took longer than the 0.3 seconds that it may take."
        assert error["extensions"] == {"code": "TIMEOUT"}
        await until(watcher, lambda waiting: waiting == 0)


async def test_the_database_gives_a_statement_up_by_itself(settings: Settings, database: URL) -> None:
    async with Service(settings.model_copy(update={"deadline": 0.3})) as service, locked(database) as watcher:
        # As though the process that asks had died before it could end its statement.
        async with service.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="statement timeout") as given_up:
                await connection.execute(text("SELECT count(*) FROM app.documents"))
        await until(watcher, lambda waiting: waiting == 0)
    assert describe(given_up.value)["extensions"] == {"code": "TIMEOUT"}


async def test_where_all_connections_are_taken_clients_are_told_when_to_come_back(
    settings: Settings, database: URL
) -> None:
    settings = settings.model_copy(update={"db_pool_size": 1, "db_max_overflow": 0, "db_pool_timeout": 0.1})
    async with (
        served(settings) as (host, port),
        httpx2.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        async with locked(database) as watcher:
            slow = asyncio.create_task(client.post("/graphql", json={"query": "{ documents { nodes { id } } }"}))
            await until(watcher, lambda waiting: waiting == 1)

            busy = await client.post("/graphql", json={"query": "{ groups { nodes { id } } }"})

            assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
            (error,) = busy.json()["errors"]
            assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 1}
        assert (await slow).json()["data"] == {"documents": {"nodes": []}}
        again = await client.post("/graphql", json={"query": "{ groups { nodes { id } } }"})
        assert (again.status_code, again.json()["data"]) == (200, {"groups": {"nodes": []}})


async def test_a_client_that_goes_away_ends_its_query(settings: Settings, database: URL) -> None:
    async with served(settings) as address, locked(database) as watcher:
        reader, writer = await asyncio.open_connection(*address)
        body = json.dumps({"query": "{ documents { nodes { id } } }"}).encode()
        head = ["POST /graphql HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await until(watcher, lambda waiting: waiting == 1)

        writer.close()

        await until(watcher, lambda waiting: waiting == 0)
        assert await reader.read() == b""


async def test_a_server_goes_on_after_clients_have_gone_away(settings: Settings, database: URL) -> None:
    settings = settings.model_copy(update={"db_pool_size": 1, "db_max_overflow": 0})
    async with (
        served(settings) as (host, port),
        httpx2.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        async with locked(database) as watcher:
            for _ in range(3):
                with pytest.raises(httpx2.ReadTimeout):
                    await client.post(
                        "/graphql",
                        json={"query": "{ documents { nodes { id } } }"},
                        timeout=httpx2.Timeout(20, read=0.3),
                    )
                await until(watcher, lambda waiting: waiting == 0)
        answer = await client.post("/graphql", json={"query": "{ documents { nodes { id } } }"})
        assert answer.json()["data"] == {"documents": {"nodes": []}}


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[str, int]]:
    """The address of a real server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), ws="none", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[:2]
        server.should_exit = True
        await serving
