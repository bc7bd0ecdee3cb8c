"""GraphQL over server-sent events: each operation has a connection of its own (the protocol's "distinct connections").

A stream that ends without the event `complete` was torn: by the server's going, or because who listened has to prove
anew who they are. Clients then ask again, and say in `Last-Event-ID` which event they had last.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import OperationDefinitionNode
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from genji_graphql.http import media
from genji_graphql.http.documents import Document
from genji_graphql.http.operations import Operations, Outcome, Subscription, Transport, plain, refused
from genji_graphql.http.protocol import STREAM
from genji_graphql.http.request import Asked
from genji_graphql.http.seats import Audience, Seat, too_many_subscriptions
from genji_graphql.live.people import Person
from genji_graphql.live.sink import Message

HEADERS = [
    (b"content-type", f"{media.EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Origin"),
    (b"x-content-type-options", b"nosniff"),
    # Nginx would collect events before it hands them on.
    (b"x-accel-buffering", b"no"),
]

_FULL = 256 * 1024
"""Bytes that wait for a client to read them; more aren't taken."""
_HEARTBEAT = 12.0
"""Seconds after which something is sent, so that nobody between takes the connection for dead."""

_COMPLETE = b"event: complete\ndata:\n\n"
_COMMENT = b":\n\n"


class Streams:
    """Where streams begin."""

    def __init__(
        self,
        operations: Operations,
        make_context: Callable[[Request], Awaitable[Any]],
        allow: Callable[[Request, OperationDefinitionNode], None],
        left: Callable[[Request], Awaitable[None]],
        audience: Audience,
    ) -> None:
        self.operations = operations
        self.audience = audience
        self.transport: Transport[_Asking] = Transport(
            lambda asking: make_context(asking.request),
            lambda asking, operation: allow(asking.request, operation),
            lambda asking: left(asking.request),
            self._begin if audience.subscriptions else None,
        )

    async def execute(self, request: Request, asked: Asked) -> "tuple[Outcome, Stream | None]":
        """How an operation was answered; where it is a subscription that has begun, its stream."""
        asking = _Asking(request)
        outcome = await self.operations.execute(self.transport, asking, asked)
        return outcome, asking.stream

    async def _begin(
        self, asking: "_Asking", document: Document, operation: OperationDefinitionNode, asked: Asked, outcome: Outcome
    ) -> None:
        audience, request, context = self.audience, asking.request, outcome.context
        assert audience.subscriptions is not None  # noqa: S101 - see the constructor
        seat = audience.seats.come(request.client.host if request.client else None)
        stream = Stream(seat)
        try:
            if not seat.sit(context.viewer.user_id):
                raise HTTPException(429, "Too many connections are open in your name.", {"Retry-After": "30"})
            if not seat.subscribe():
                outcome.answer = refused(too_many_subscriptions())
                return
            person = stream.person = audience.people.arrive(context.token, context.viewer, stream.end)
            last = request.headers.get("last-event-id")
            begun = await audience.subscriptions.begin(document, operation, asked, context, person, stream, last)
            if isinstance(begun, list):
                outcome.answer = refused(*begun)
                return
            stream.begun(begun, context.viewer.expires_at)
            asking.stream = stream
        finally:
            if asking.stream is None:
                stream.close()


class _Asking:
    """A request that may become a stream."""

    __slots__ = ("request", "stream")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.stream: Stream | None = None


class Stream(Response):
    """A subscription's answer, and the sink of its events."""

    def __init__(self, seat: Seat) -> None:
        self.status_code = 200
        self.background = None
        self.raw_headers = HEADERS.copy()
        self.person: Person | None = None
        self._seat = seat
        self._subscription: Subscription | None = None
        self._waiting: list[bytes] = [_COMMENT]  # so that the client sees at once that it is let in
        self._size = 0
        self._is_over = False
        self._is_closed = False
        self._wake = asyncio.Event()
        self._wake.set()
        self._room = asyncio.Event()
        self._room.set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def begun(self, subscription: Subscription, expires_at: datetime | None) -> None:
        self._subscription = subscription
        if subscription.cursor:
            # An event that holds nothing isn't told, but it is what a browser goes on after.
            place = subscription.cursor.encode()
            self.raw_headers.append((b"genji-cursor", place))
            self._waiting[0] = b"id: %b\n\n" % place
        if self._is_over:
            self._stop()
        elif expires_at is not None:
            seconds = max(0, (expires_at - datetime.now(UTC)).total_seconds())
            self._timers["expiry"] = asyncio.get_running_loop().call_later(seconds, self.end)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAM] = True
        watching = asyncio.create_task(self._watch(receive))
        self._beat_later()
        try:
            with suppress(OSError):
                await self._send_all(send)
        finally:
            watching.cancel()
            self.close()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while self._waiting or not self._is_over:
            await self._wake.wait()
            self._wake.clear()
            events = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            self._room.set()
            if events:
                await send({"type": "http.response.body", "body": events, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._waiting.clear()
        self.end()

    def _beat_later(self) -> None:
        self._timers["heartbeat"] = asyncio.get_running_loop().call_later(_HEARTBEAT, self._beat)

    def _beat(self) -> None:
        if not self._waiting:
            self._append(_COMMENT)
        self._beat_later()

    def _append(self, event: bytes) -> None:
        self._waiting.append(event)
        self._size += len(event)
        self._wake.set()

    def _stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.stop()

    def end(self) -> None:
        """Nothing more comes, though it isn't complete: the client may ask again."""
        self._is_over = True
        self._stop()
        self._wake.set()
        self._room.set()

    def close(self) -> None:
        """Nobody is there any more."""
        if self._is_closed:
            return
        self._is_closed = True
        self.end()
        for timer in self._timers.values():
            timer.cancel()
        if self.person is not None:
            self.person.leave()
        self._seat.leave()

    # As a sink

    def push(self, message: Message) -> bool:
        if self._is_over or self._size > _FULL:
            return False
        event = message.framed.get(STREAM)
        if event is None:
            event = message.framed[STREAM] = next_event(message.body, message.cursor)
        self._append(event)
        if self._size > _FULL:
            self._room.clear()
        return True

    async def room(self) -> None:
        await self._room.wait()

    def complete(self, errors: list[dict[str, Any]] | None = None) -> None:
        if self._is_over:
            return
        if errors:
            self._append(next_event(orjson.dumps({"errors": errors}, default=plain)))
        self._append(_COMPLETE)
        self.end()


def single(body: bytes) -> Response:
    """The stream of an operation that has one answer."""
    events = next_event(body) + _COMPLETE
    response = Response(events)
    response.raw_headers = [(b"content-length", b"%d" % len(events)), *HEADERS]
    return response


def next_event(body: bytes, cursor: str | None = None) -> bytes:
    # What is kept as JSON text may have line ends between its parts; they would end the event.
    line = body.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: next\n%bdata: %b\n\n" % (b"" if cursor is None else b"id: %b\n" % cursor.encode(), line)
