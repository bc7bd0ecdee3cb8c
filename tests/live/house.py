"""A stand-in schema behind the real transports and a real server; and a client that sends what it is told to."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
import strawberry
import uvicorn
from graphql import GraphQLError, OperationDefinitionNode
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionContext
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.errors import Invalid
from genji_graphql.http.credentials import Credential, Credentials
from genji_graphql.http.documents import Document
from genji_graphql.http.frames import LARGEST, SocketProtocol
from genji_graphql.http.graphql import GraphQLEndpoint
from genji_graphql.http.protocol import Protocol
from genji_graphql.http.request import Asked
from genji_graphql.http.seats import Audience, Seats
from genji_graphql.http.websocket import PROTOCOL, WebSockets
from genji_graphql.live.people import People, Person
from genji_graphql.live.sink import Message, Sink
from genji_graphql.settings import Settings

TICKS = "subscription { ticks }"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    async def sleep(self, seconds: float) -> bool:
        House.asleep += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            House.woken += 1
            raise
        finally:
            House.asleep -= 1
        return True

    @strawberry.field
    async def sleep_until_morning(self) -> bool:
        House.asleep += 1
        try:
            await House.morning.wait()
        finally:
            House.asleep -= 1
        return True

    @strawberry.field
    def refused(self) -> str | None:
        raise Invalid("Not like this.")

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("hunter2")

    @strawberry.field
    def long(self, size: int) -> str:
        return "x" * size


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, seconds: float = 0) -> int:
        await asyncio.sleep(seconds)
        House.changes += 1
        return House.changes


@strawberry.type
class Moment:
    cursor: str


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, limit: int | None = None) -> AsyncIterator[int]:
        yield limit or 0

    @strawberry.subscription
    async def moments(self, after: str | None = None) -> AsyncIterator[Moment]:
        yield Moment(cursor=after or "")


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Whoever answers logs what is worth it."""


PEOPLE = {f"token-of-{number}": Viewer(user_id=number, session_id=number) for number in range(1, 9)}


@dataclass(eq=False)
class Listener:
    hub: "Hub"
    sink: Sink
    person: Person
    last_event_id: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    cursor: str = ""

    def stop(self) -> None:
        self.hub.listeners.discard(self)


@dataclass
class Hub:
    """In the place of the log: tells everybody what a test says."""

    listeners: set[Listener] = field(default_factory=set)
    begun: list[Listener] = field(default_factory=list)
    cursor: str = ""
    """Where a connection and a subscription begin."""
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    """May a subscription begin? Others wait for it."""

    def __post_init__(self) -> None:
        self.is_open.set()

    async def begin(
        self,
        document: Document,  # noqa: ARG002
        operation: OperationDefinitionNode,  # noqa: ARG002
        asked: Asked,
        context: Any,  # noqa: ARG002
        person: Person,
        sink: Sink,
        last_event_id: str | None = None,
    ) -> Listener | list[GraphQLError]:
        await self.is_open.wait()
        variables = asked.variables or {}
        if variables.get("limit") == 0:
            return [GraphQLError("Nothing is nothing to wait for.")]
        listener = Listener(self, sink, person, last_event_id, variables, self.cursor)
        self.listeners.add(listener)
        self.begun.append(listener)
        if variables.get("limit") == 1:
            sink.push(message(1))
            sink.complete()
        return listener


def message(number: int, text: str = "") -> Message:
    return Message(str(number), orjson.dumps({"data": {"ticks": number, **({"text": text} if text else {})}}))


class House:
    """What is served, and a way into the server's thread."""

    asleep = 0
    woken = 0
    changes = 0
    morning: asyncio.Event
    """A test that waits for it brings its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.hub = Hub()
        self.people = People()
        self.seats = Seats(settings)
        self.loop: asyncio.AbstractEventLoop
        self.viewers = dict(PEOPLE)
        self.credentials = Credentials(settings)
        audience = Audience(self.people, self.seats, self.hub)
        schema = Schema(Query, Mutation, Subscription)
        self.endpoint = GraphQLEndpoint(schema, self.make_context, settings, audience=audience)
        self.websockets = WebSockets(
            self.endpoint.operations,
            self.credentials,
            self.whose,
            lambda viewer, token, address: SimpleNamespace(viewer=viewer, token=token, address=address),
            audience,
            self.acknowledged,
        )
        self.url = self.http_url = ""
        self.stop: Callable[[], None]
        """Tells the server to go."""
        self.ended: Callable[[], None]
        """Waits until it has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        if scope["type"] == "http":
            await self.endpoint(scope, receive, send)
        else:
            await self.websockets(scope, receive, send)

    async def make_context(self, request: Request) -> Any:
        credential = self.credentials.of(request)
        token = None if credential is None else credential.token
        return SimpleNamespace(viewer=await self.whose(request, credential)(), token=token)

    def whose(self, _connection: HTTPConnection, credential: Credential | None) -> Callable[[], Awaitable[Viewer]]:
        async def ask() -> Viewer:
            if credential is None:
                return ANONYMOUS
            if credential.token == "broken":
                raise RuntimeError("hunter2")
            if credential.token == "away":
                raise ConnectionRefusedError(111, "Connect call failed ('10.0.0.5', 5432)")
            viewer = self.viewers.get(credential.token, ANONYMOUS)
            if viewer.is_anonymous and not credential.is_cookie:
                raise HTTPException(401, "The token isn't valid.")
            return viewer

        return ask

    async def acknowledged(self) -> dict[str, Any]:
        return {"cursor": self.hub.cursor} if self.hub.cursor else {}

    async def within(self, act: Callable[[], Any]) -> Any:
        """Does this in the server's thread."""

        async def go() -> Any:
            done = act()
            return await done if asyncio.iscoroutine(done) else done

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go(), self.loop))

    async def tell(self, *messages: Message) -> list[bool]:
        """Push these to everybody."""
        return list(
            await self.within(lambda: [one.sink.push(each) for each in messages for one in list(self.hub.listeners)])
        )

    async def listened(self, count: int) -> None:
        """Returns once so many listen."""
        await until(lambda: len(self.hub.listeners) == count)


async def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - it happens in another thread
            await asyncio.sleep(0.01)


@contextmanager
def serving(house: House, **config: Any) -> Iterator[House]:
    options: dict[str, Any] = {
        "http": Protocol,
        "ws": SocketProtocol,
        "ws_max_size": LARGEST,
        "ws_per_message_deflate": False,
        "log_config": None,
        "lifespan": "off",
    }
    server = uvicorn.Server(uvicorn.Config(house, **(options | config)))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        house.stop, house.ended = lambda: setattr(server, "should_exit", True), thread.join
        house.http_url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        house.url = f"ws://127.0.0.1:{listener.getsockname()[1]}/graphql"
        try:
            yield house
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server didn't end"


class Client:
    """One that speaks graphql-transport-ws, or whatever it is told to."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def receive(self) -> Any:
        async with asyncio.timeout(20):
            return orjson.loads(await self.socket.recv())

    async def init(self, payload: Any = None) -> Any:
        await self.send(type="connection_init", **({} if payload is None else {"payload": payload}))
        acknowledged = await self.receive()
        assert acknowledged["type"] == "connection_ack"
        return acknowledged

    async def subscribe(self, query: str, name: str = "1", **payload: Any) -> None:
        await self.send(type="subscribe", id=name, payload={"query": query, **payload})

    async def ask(self, query: str, name: str = "1", **payload: Any) -> Any:
        """The answer to an operation that has one."""
        await self.subscribe(query, name, **payload)
        answer = await self.receive()
        assert answer["id"] == name
        if answer["type"] == "next":
            assert await self.receive() == {"id": name, "type": "complete"}
        return answer

    async def closed(self) -> tuple[int, str]:
        """Why the server closed, whatever else came before."""
        try:
            async with asyncio.timeout(20):
                while True:
                    await self.socket.recv()
        except ConnectionClosed as end:
            return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")


@asynccontextmanager
async def opened(
    house: House, *, init: Any = None, protocol: str | None = PROTOCOL, **more: Any
) -> AsyncIterator[Client]:
    """A client; with `init` it has been let in with this payload."""
    protocols = None if protocol is None else [Subprotocol(protocol)]
    async with connect(house.url, subprotocols=protocols, proxy=None, max_size=None, **more) as socket:
        client = Client(socket)
        if init is not None:
            await client.init(init)
        yield client


# A client that needs no library, and reads when it wants to

EMPTY_PING = b"\x89\x80\0\0\0\0"
UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def raw(house: House) -> socket.socket:
    """A connection that has been opened, and isn't read any further."""
    address = urlsplit(house.url)
    wire = socket.create_connection((address.hostname or "", address.port or 0), timeout=20)
    wire.sendall(UPGRADE.format(host=address.netloc).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += wire.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return wire


def text_frame(content: Any) -> bytes:
    body = orjson.dumps(content)
    assert len(body) < 126
    return bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body


def send_without_reading(wire: socket.socket, data: bytes) -> None:
    """As much of this as the other side takes."""
    wire.settimeout(1)
    with suppress(TimeoutError):
        wire.sendall(data)


def read_through(wire: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(wire.recv(65_536))
