"""A stand-in schema that fails in every way there is, behind the real endpoint and a real server."""

import datetime
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import httpx2
import orjson
import pytest
import strawberry
import uvicorn
from aiodataloader import DataLoader
from graphql import GraphQLError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from strawberry.scalars import JSON
from strawberry.types import ExecutionContext

from genji_graphql.errors import Conflict, GenjiError, Invalid, NotAllowed, NotFound, Unavailable
from genji_graphql.http import graphiql
from genji_graphql.http.graphql import GraphQLEndpoint
from genji_graphql.http.health import health_routes
from genji_graphql.http.protocol import Protocol
from genji_graphql.settings import Settings
from tests.schema.conftest import crowd as crowd

SECRET = "SELECT secret FROM app.users WHERE password = 'hunter2'"
ERRORS: dict[str, GenjiError] = {
    kind.__name__: kind(f"{kind.__name__} is told.") for kind in (Invalid, NotFound, NotAllowed, Conflict, Unavailable)
}


async def fail_the_batch(_keys: list[int]) -> list[str]:
    raise RuntimeError(SECRET)


@strawberry.type
class Row:
    loader: strawberry.Private[DataLoader[int, str]]
    number: int

    @strawberry.field
    async def text(self) -> str | None:
        return await self.loader.load(self.number)


@strawberry.input
class Nested:
    inner: "Nested | None" = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def planned(self, kind: str) -> str | None:
        raise ERRORS[kind]

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def all_broken(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def rows(self) -> list[Row]:
        loader: DataLoader[int, str] = DataLoader(fail_the_batch)
        return [Row(loader=loader, number=number) for number in range(20)]

    @strawberry.field
    async def unreachable(self) -> str | None:
        engine = create_async_engine("postgresql+asyncpg://genji:hunter2@127.0.0.1:1/genji")
        async with engine.connect() as connection:
            return str(await connection.scalar(text(SECRET)))

    @strawberry.field
    def misfit(self) -> int | None:
        return 2**40

    @strawberry.field
    def raised(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    def day(self, at: datetime.datetime) -> str:
        return at.date().isoformat()

    @strawberry.field
    def by_id(self, id: strawberry.relay.GlobalID) -> str | None:  # noqa: A002
        return id.node_id

    @strawberry.field
    def nested(self, value: Nested | None = None) -> bool:
        return value is not None

    @strawberry.field
    def stored(self) -> JSON:
        return JSON({"kept": orjson.Fragment('{"π":3.14159265358979323846264338327950288}'), "price": Decimal("1.10")})

    @strawberry.field
    def not_json(self) -> JSON:
        return JSON({"huge": 2**70})

    @strawberry.field
    def again(self) -> "Query":
        return Query()

    @strawberry.field
    def counted(self) -> int:
        return Mutation.counted


@strawberry.type
class Mutation:
    counted = 0

    @strawberry.mutation
    def count(self) -> int:
        Mutation.counted += 1
        return Mutation.counted


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """The endpoint logs what is worth it."""


async def make_context(request: Request) -> object:
    match request.headers.get("x-context"):
        case "broken":
            raise RuntimeError(SECRET)
        case "refused":
            raise NotAllowed("This token has expired.")
        case "away":
            raise ConnectionRefusedError(111, "Connect call failed ('10.0.0.5', 5432)")
        case "unauthorized":
            raise HTTPException(401, "Sign in first.", {"WWW-Authenticate": "Bearer"})
    return None


async def is_ready() -> str | None:
    return None


@pytest.fixture(scope="session")
def endpoint() -> GraphQLEndpoint:
    schema = Schema(Query, Mutation, Subscription)
    return GraphQLEndpoint(schema, make_context, Settings())


@pytest.fixture(scope="session")
def server_url(endpoint: GraphQLEndpoint) -> Iterator[str]:
    app = Starlette(routes=[Route("/graphql", endpoint), graphiql.assets, *health_routes(is_ready)])
    server = uvicorn.Server(uvicorn.Config(app, http=Protocol, ws="none", log_config=None))
    # Listening before the server runs, it keeps early clients waiting rather than refusing them.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(server_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server_url, timeout=10) as client:
        yield client
