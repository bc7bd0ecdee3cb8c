"""GraphQL over WebSocket: the protocol graphql-transport-ws, as npm's graphql-ws speaks it.

What a client does wrong is answered with the protocol's codes (`Code`). A mistake in an operation is told to that
operation alone; a message that isn't one of the protocol's ends the connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import IntEnum
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import TimedOut, Unavailable
from genji_graphql.http.credentials import Credential, Credentials
from genji_graphql.http.documents import Document
from genji_graphql.http.errors import CODES, describe, is_unreachable
from genji_graphql.http.frames import EXTENSION, Outlet, Queued
from genji_graphql.http.operations import (
    Operations,
    Outcome,
    Subscription,
    Transport,
    payload_of,
    plain,
    refused,
    rendered,
)
from genji_graphql.http.request import Asked, checked
from genji_graphql.http.seats import Audience, Seat, too_many_subscriptions
from genji_graphql.live.people import Person
from genji_graphql.live.sink import Message
from genji_graphql.plans.planner import Planned

PROTOCOL = "graphql-transport-ws"

Whose = Callable[[HTTPConnection, Credential | None], Callable[[], Awaitable[Viewer]]]
"""Given how somebody came, the way to find out who they are: asked anew for each operation."""
MakeContext = Callable[[Viewer, str | None, str | None], Any]
"""An operation's context, of who asks, the token that proves it and the address it came from."""
Found = TypeVar("Found")
Acknowledged = Callable[[], Awaitable[dict[str, Any]]]


class Code(IntEnum):
    """Why a connection is closed. Clients come back after some of these, and give up after others."""

    TRY_AGAIN_LATER = 1013
    """Too many connections of one account, or no database: it may be otherwise in a moment."""
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    """An operation came before `connection_init`."""
    FORBIDDEN = 4403
    """What proved who is there isn't good, or not any more."""
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INIT_TIMEOUT = 4408
    SUBSCRIBER_ALREADY_EXISTS = 4409
    TOO_MANY_INITS = 4429
    FAULT = 4500
    """Something went wrong on our side."""


_AT_ONCE = 10
"""Operations that one connection has answered at a time. After so many, nothing is read beyond the next of them."""

_LONGEST_ID = 128
_IN_A_ROW = 16
"""Messages that are taken of one connection before others have their turn."""
_FAREWELL = 5.0
"""Seconds that a client has to make room for a farewell."""

_NO_MORE = "What proved who you are isn't good any more. Sign in again."
_WAITS = (0.2, 0.5, 1.0, *[2.0] * 14)
"""Seconds between attempts to begin a subscription while the database is away."""

_PONG = b'{"type":"pong"}'


class WebSockets:
    """One address for operations of all kinds, over connections that last."""

    def __init__(
        self,
        operations: Operations,
        credentials: Credentials,
        whose: Whose,
        make_context: MakeContext,
        audience: Audience,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        self.operations = operations
        self.credentials = credentials
        self.whose = whose
        self.make_context = make_context
        self.audience = audience
        self.acknowledged = acknowledged
        """What a client is told when it is let in."""
        self.init_timeout = operations.settings.init_timeout
        self.transport = Transport(
            _Operation.make_context,
            _Operation.allow,
            _Operation.left,
            _Operation.begin if audience.subscriptions else None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        connection = HTTPConnection(scope)
        try:
            credential = self.credential(connection)
            client = connection.client
            seat = self.audience.seats.come(client.host if client else None)
        except HTTPException as refusal:
            await refuse(scope, send, refusal)
            return
        try:
            await self.let_in(connection, credential, seat, receive, send)
        finally:
            seat.leave()

    def credential(self, connection: HTTPConnection) -> Credential | None:
        """What somebody comes with. Who comes from a page of another site isn't let in, whatever they come with."""
        if "origin" in connection.headers and not self.credentials.is_from_our_pages(connection):
            raise HTTPException(
                403, "Pages of this origin aren't let in: GENJI_BASE_URL and GENJI_CORS_ORIGINS say which are."
            )
        return self.credentials.of(connection)

    async def let_in(
        self, connection: HTTPConnection, credential: Credential | None, seat: Seat, receive: Receive, send: Send
    ) -> None:
        scope = connection.scope
        spoken = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
        try:
            await send({"type": "websocket.accept", "subprotocol": spoken})
            if spoken is None:
                # Once it is open: what a browser is told before that, its page never learns.
                await _close(send, Code.SUBPROTOCOL_NOT_ACCEPTABLE, f"The subprotocol must be {PROTOCOL}.")
                return
        except OSError:
            return  # the client has left already
        direct = scope.get("extensions", {}).get(EXTENSION)
        await _Socket(self, connection, credential, seat, receive, send, direct or Queued(send)).serve()


async def refuse(scope: Scope, send: Send, refusal: HTTPException) -> None:
    """Don't let a WebSocket be opened."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = {"content-type": "text/plain; charset=utf-8", **(refusal.headers or {})}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "websocket.http.response.start", "status": refusal.status_code, "headers": raw})
    await send({"type": "websocket.http.response.body", "body": refusal.detail.encode()})


class _Closing(Exception):
    """The connection ends here."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class _Socket:
    """One connection."""

    __slots__ = (
        "_connection",
        "_credential",
        "_ending",
        "_freed",
        "_is_initialised",
        "_left",
        "_receive",
        "_send",
        "_task",
        "_timer",
        "ask",
        "beginning",
        "door",
        "out",
        "person",
        "running",
        "seat",
        "under_way",
    )

    def __init__(
        self,
        door: WebSockets,
        connection: HTTPConnection,
        credential: Credential | None,
        seat: Seat,
        receive: Receive,
        send: Send,
        out: Outlet,
    ) -> None:
        self.door = door
        self.seat = seat
        self.out = out
        self.ask: Callable[[], Awaitable[Viewer]] | None = None
        """Finds out who is there."""
        self.person: Person | None = None
        self.running: dict[str, _Operation] = {}
        self.under_way: set[asyncio.Task[None]] = set()
        """What is being answered, or begun."""
        self.beginning: set[asyncio.Task[None]] = set()
        """Of that, the subscriptions."""
        self._connection: HTTPConnection | None = connection
        self._credential = credential
        self._receive = receive
        self._send = send
        self._is_initialised = False
        self._freed: asyncio.Future[None] | None = None
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._ending: _Closing | None = None
        self._left = False
        """Is nobody there any more, or about to leave?"""

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        waited = f"There was no connection_init within {self.door.init_timeout:g} seconds."
        self._timer = loop.call_later(self.door.init_timeout, self.end, Code.INIT_TIMEOUT, waited)
        self.out.on_leaving = self.leave
        closing: _Closing | None = None
        try:
            await self._read()
        except _Closing as reason:
            closing = reason
        except asyncio.CancelledError:
            if not self._left or self._task is None or self._task.uncancel() > 0:
                raise
            closing = self._ending
        finally:
            self._clear_away()
        if closing is not None and not self.out.gone:
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(_FAREWELL):
                    await _close(self._send, closing.code, closing.reason)
        if isinstance(self.out, Queued):
            self.out.close()
        if self.under_way:
            # Changes, which are made though nobody waits for them.
            await asyncio.wait(self.under_way)

    def end(self, code: Code, reason: str) -> None:
        """Close the connection, whatever it is doing."""
        if not self._left and self._task is not None:
            self._ending = _Closing(code, reason)
            self.leave()

    def leave(self) -> None:
        """Nobody is there any more."""
        if not self._left and self._task is not None:
            self._left = True
            self._task.cancel()

    def _clear_away(self) -> None:
        self._left = True
        self.out.on_leaving = None
        if self._timer is not None:
            self._timer.cancel()
        for operation in list(self.running.values()):
            operation.drop()
        self.running.clear()
        if self.person is not None:
            self.person.leave()

    async def _read(self) -> None:
        taken = 0
        while True:
            await self.out.room()
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return
            await self._take(message.get("text"))
            taken += 1
            if taken % _IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def _one_done(self) -> None:
        self._freed = asyncio.get_running_loop().create_future()
        await self._freed
        self._freed = None

    async def _take(self, text: str | None) -> None:
        if text is None:
            raise _Closing(Code.BAD_REQUEST, "Messages must be text in UTF-8.")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _Closing(Code.BAD_REQUEST, f"The message isn't valid JSON: {error}.") from None
        if not isinstance(message, dict):
            raise _Closing(Code.BAD_REQUEST, "A message must be a JSON object.")
        match message.get("type"):
            case "connection_init":
                await self._initialise(message.get("payload"))
            case "ping":
                await self.say(_PONG)
            case "pong":
                pass
            case "subscribe":
                if not self._is_initialised:
                    raise _Closing(Code.UNAUTHORIZED, "A connection_init must come first.")
                while len(self.under_way) >= _AT_ONCE:
                    await self._one_done()
                self._subscribe(_id(message), message.get("payload"))
            case "complete":
                if (operation := self.running.pop(_id(message), None)) is not None:
                    operation.drop()
            case _:
                raise _Closing(Code.BAD_REQUEST, "The message has no `type` of the protocol graphql-transport-ws.")

    async def _initialise(self, payload: Any) -> None:
        if self._is_initialised:
            raise _Closing(Code.TOO_MANY_INITS, "The connection_init came a second time.")
        self._is_initialised = True
        credential = _brought(payload) or self._credential
        assert self._connection is not None  # noqa: S101 - it is let go below, and this happens once
        self.ask = self.door.whose(self._connection, credential)
        viewer = await self._found(self.ask())
        if not self.seat.sit(viewer.user_id):
            raise _Closing(Code.TRY_AGAIN_LATER, "Too many connections are open in your name.")
        token = None if credential is None else credential.token
        self.person = self.door.audience.people.arrive(token, viewer, self._dismiss)
        told = {} if self.door.acknowledged is None else await self._found(self.door.acknowledged())
        await self.say(orjson.dumps({"type": "connection_ack", "payload": told}))
        self._connection = self._credential = None
        self.out.settle()
        self._expire_at(viewer.expires_at)

    async def _found(self, finding: Awaitable[Found]) -> Found:
        """What has to be found out before anybody is let in."""
        try:
            return await finding
        except HTTPException as refusal:
            raise _Closing(Code.FORBIDDEN, refusal.detail) from None
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is told and logged as it is over HTTP
            told = describe(fault)
            extensions = told.get("extensions", {})
            if extensions.get("code") in (CODES[Unavailable], CODES[TimedOut]):
                raise _Closing(Code.TRY_AGAIN_LATER, told["message"]) from None
            error_id = extensions.get("errorId", "")
            raise _Closing(Code.FAULT, f"Something went wrong on our side. Its error id is {error_id}.") from None

    def _expire_at(self, moment: datetime | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            seconds = max(0, (moment - datetime.now(UTC)).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._dismiss)

    def _dismiss(self) -> None:
        self.end(Code.FORBIDDEN, _NO_MORE)

    def _subscribe(self, name: str, payload: Any) -> None:
        if name in self.running:
            raise _Closing(Code.SUBSCRIBER_ALREADY_EXISTS, f"An operation of the id {name} is running.")
        if not isinstance(payload, dict):
            raise _Closing(Code.BAD_REQUEST, "The `payload` of a subscribe must be an object.")
        operation = _Operation(self, name)
        self.running[name] = operation
        operation.task = task = asyncio.create_task(operation.perform(payload))
        self.under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self.under_way.discard(task)
        self.beginning.discard(task)
        if self._freed is not None and not self._freed.done():
            self._freed.set_result(None)

    async def say(self, text: bytes) -> None:
        while not self.out.say(text) and not self.out.gone:
            await self.out.room()

    async def context(self) -> Any:
        """That of one operation: who is there is asked anew for each."""
        assert self.ask is not None  # noqa: S101 - operations come after connection_init
        assert self.person is not None  # noqa: S101 - and so here
        viewer = await self.ask()
        if viewer.is_anonymous and self.seat.user_id is not None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, _NO_MORE)
        return self.door.make_context(viewer, self.person.token, self.seat.address)


class _Operation:
    """One that was sent over a connection: the sink of its events, if it is a subscription."""

    __slots__ = ("_head", "_is_change", "_is_over", "_is_subscription", "_subscription", "name", "socket", "task")

    def __init__(self, socket: _Socket, name: str) -> None:
        self.socket = socket
        self.name = name
        self.task: asyncio.Task[None] | None = None
        self._head = b'{"id":%b,"type":"next","payload":' % orjson.dumps(name)
        self._subscription: Subscription | None = None
        self._is_change = False
        self._is_subscription = False
        self._is_over = False

    async def perform(self, payload: dict[str, Any]) -> None:
        door = self.socket.door
        try:
            asked = checked(payload)
            outcome = await door.operations.execute(door.transport, self, asked)
            for wait in _WAITS:
                if not (self._is_subscription and _is_unavailable(outcome)):
                    break
                # A client that comes back while the database does is not to be sent away for good.
                await asyncio.sleep(wait)
                outcome = await door.operations.execute(door.transport, self, asked)
            if self._subscription is None:
                await self._answer(outcome)
        except HTTPException as refusal:
            if refusal.status_code == HTTPStatus.UNAUTHORIZED:
                self.socket.end(Code.FORBIDDEN, refusal.detail)
            await self._fail([{"message": refusal.detail}])
        except Exception as fault:  # noqa: BLE001 - nobody above says it to the client
            await self._fail([describe(fault)])
        self.task = None

    async def _answer(self, outcome: Outcome) -> None:
        if isinstance(outcome.answer, Planned):
            body = rendered(outcome.answer, outcome.cost)
        else:
            payload = payload_of(outcome.answer, outcome.cost)
            if "data" not in payload:
                await self._fail(payload.get("errors", []))
                return
            try:
                body = orjson.dumps(payload, default=plain)
            except orjson.JSONEncodeError as fault:
                await self._fail([describe(fault)])
                return
        await self._say(b"%b%b}" % (self._head, body))
        await self._say(self._completion())
        self._finish()

    async def _fail(self, errors: list[Any]) -> None:
        await self._say(self._error(errors))
        self._finish()

    async def _say(self, text: bytes) -> None:
        out = self.socket.out
        while not self._is_over and not out.say(text) and not out.gone:
            await out.room()

    def _finish(self) -> None:
        """Its id is free again, unless it is another's already."""
        if not self._is_over:
            self._is_over = True
            self.socket.running.pop(self.name, None)

    def _completion(self) -> bytes:
        return b'{"id":%b,"type":"complete"}' % orjson.dumps(self.name)

    def _error(self, errors: list[Any]) -> bytes:
        return b'{"id":%b,"type":"error","payload":%b}' % (orjson.dumps(self.name), orjson.dumps(errors, default=plain))

    def drop(self) -> None:
        """Whoever asked wants no more of it. What they wanted changed is changed."""
        self._is_over = True
        if self._subscription is not None:
            self._stop()
        elif self.task is not None and not self._is_change:
            self.task.cancel()

    def _stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.stop()
            self.socket.seat.unsubscribe()

    # As the transport of its execution

    async def make_context(self) -> Any:
        if not self._is_subscription and (before := self.socket.beginning):
            # What isn't in this answer is told by the subscriptions that were sent before it.
            _, late = await asyncio.wait(before, timeout=self.socket.door.operations.settings.deadline)
            if late:
                raise TimedOut("A subscription that was sent before this took too long to begin, so it wasn't done.")
        return await self.socket.context()

    def allow(self, operation: OperationDefinitionNode) -> None:
        self._is_change = operation.operation is OperationType.MUTATION
        self._is_subscription = operation.operation is OperationType.SUBSCRIPTION
        if self._is_subscription and self.task is not None:
            self.socket.beginning.add(self.task)

    async def left(self) -> None:
        """Never returns: who leaves has the task cancelled."""
        await asyncio.Event().wait()

    async def begin(
        self, document: Document, operation: OperationDefinitionNode, asked: Asked, outcome: Outcome
    ) -> None:
        socket, subscriptions = self.socket, self.socket.door.audience.subscriptions
        assert subscriptions is not None  # noqa: S101 - see the constructors
        assert socket.person is not None  # noqa: S101 - operations come after connection_init
        if not socket.seat.subscribe():
            outcome.answer = refused(too_many_subscriptions())
            return
        begun: Subscription | list[GraphQLError] | None = None
        try:
            begun = await subscriptions.begin(document, operation, asked, outcome.context, socket.person, self)
        finally:
            if begun is None or isinstance(begun, list):
                socket.seat.unsubscribe()
        if isinstance(begun, list):
            outcome.answer = refused(*begun)
            return
        self._subscription = begun
        if self._is_over:
            self._stop()

    # As the sink of its events

    def push(self, message: Message) -> bool:
        return not self._is_over and self.socket.out.tell(self._head, message)

    async def room(self) -> None:
        if not self._is_over:
            await self.socket.out.room()

    def complete(self, errors: list[dict[str, Any]] | None = None) -> None:
        if self._is_over:
            return
        self._finish()
        self.socket.out.say(self._error(errors) if errors else self._completion(), anyway=True)
        self._stop()


def _is_unavailable(outcome: Outcome) -> bool:
    """Was nothing done because the database is away?"""
    faults = [] if isinstance(outcome.answer, Planned) else [one.original_error for one in outcome.answer.errors or ()]
    return any(fault is not None and is_unreachable(fault) for fault in faults)


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not name:
        raise _Closing(Code.BAD_REQUEST, "The `id` of an operation must be a string.")
    if len(name) > _LONGEST_ID:
        raise _Closing(Code.BAD_REQUEST, f"The `id` of an operation may have {_LONGEST_ID} characters.")
    return name


def _brought(payload: Any) -> Credential | None:
    """The token in the payload of a connection_init."""
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise _Closing(Code.BAD_REQUEST, "The `payload` of a connection_init must be an object.")
    for name in ("authorization", "Authorization", "token"):
        value = payload.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise _Closing(Code.BAD_REQUEST, f"`{name}` must be a string.")
        # What says nothing after `Bearer` comes from a page where nobody is signed in.
        words = value.split()
        if words and words[0].lower() == "bearer":
            words = words[1:]
        if len(words) > 1:
            raise _Closing(Code.FORBIDDEN, f"`{name}` must be Bearer and a token.")
        return Credential(words[0], is_cookie=False) if words else None
    return None


async def _close(send: Send, code: Code, reason: str) -> None:
    # A close frame has room for 123 bytes of it.
    short = reason.encode()[:123].decode(errors="ignore")
    await send({"type": "websocket.close", "code": int(code), "reason": short})
