"""WebSockets as uvicorn speaks them, but for what a crowd of subscribers asks of them.

An application finds its connection in the scope, as the extension `genji.frames`, and may write to it at once: a text
that goes to a thousand subscribers is neither decoded nor encoded nor waited for a thousand times. Whoever doesn't read
what they are sent is sent no more; whoever sends a flood is read more slowly; whoever is gone is let go.
"""

import asyncio
import math
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from starlette.types import Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from genji_graphql.http.protocol import LAST_WORDS, PATIENCE
from genji_graphql.live.sink import Message

EXTENSION = "genji.frames"

LARGEST = 64 * 1024
"""Bytes of a message from a client."""

PING_INTERVAL, PING_TIMEOUT = 20.0, 20.0
"""Seconds after which a client is asked whether it is there, and after which it isn't."""

_PING = b"\x89\x04ping"

_FULL, _DRAINED = 256 * 1024, 64 * 1024
"""Bytes that wait to be read by a client: from the one on it gets no more, below the other it does again."""

_SLICE = 4096
"""Bytes that are read of one connection before others have their turn."""

_FRAGMENTS = 1_000
"""Pieces that a message may come in. An empty one costs its sender next to nothing, and us the place in a list."""

_SHARED = 8
"""Frames kept of one message, for others who call their operation alike. Many call each by a name of its own."""


class Outlet(Protocol):
    """The way to a client."""

    on_leaving: Callable[[], None] | None
    """Told once when the client is gone, or the server goes, even while nobody waits for messages."""

    def say(self, text: bytes, *, anyway: bool = False) -> bool:
        """Send a text without waiting. False where it was not sent: there is no room for it, unless it goes anyway."""
        ...

    def tell(self, head: bytes, message: Message) -> bool:
        """Send what a message holds, between this head and a closing brace."""
        ...

    async def room(self) -> None:
        """Returns when there is room again, or the client is gone."""
        ...

    def settle(self) -> None:
        """Forget what the connection was opened with."""
        ...

    @property
    def gone(self) -> bool:
        """Is nothing more to be sent?"""
        ...


class _Gate:
    """As much of an asyncio.Event as is needed, in a tenth of the room: thousands of connections have one."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._is_open = True
        self._waiting: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        return self._is_open

    def clear(self) -> None:
        self._is_open = False

    def set(self) -> None:
        self._is_open = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)

    async def wait(self) -> None:
        while not self._is_open:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiting)


class _Messages:
    """As much of an asyncio.Queue as is needed, for the one who receives."""

    __slots__ = ("_came", "_taker")

    def __init__(self) -> None:
        self._came: list[Any] = []
        self._taker: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._came.append(message)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def empty(self) -> bool:
        return not self._came

    async def get(self) -> Any:
        while not self._came:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        return self._came.pop(0)


class _Outbox:
    """Connections that have something to send when the loop comes round."""

    def __init__(self) -> None:
        self._connections: list[SocketProtocol] = []

    def add(self, connection: "SocketProtocol") -> None:
        if not self._connections:
            connection.loop.call_soon(self._send)
        self._connections.append(connection)

    def _send(self) -> None:
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.send_told()


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Outbox] = WeakKeyDictionary()


class SocketProtocol(WebSocketsSansIOProtocol):
    """An outlet too."""

    on_leaving: Callable[[], None] | None = None
    _unread: memoryview = memoryview(b"")
    """What came and is still to be looked at."""
    _has_room = True
    """Is `writable` set? That costs a call."""
    _size = 0
    """Bytes that were told and go out when the loop comes round."""
    _pauses = 0
    """How often the client has been slow to read."""
    _tearing: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        # What is there for as long as a connection is takes as little room as it can.
        light: Any = _Messages()
        self.queue = light
        gate: Any = _Gate()
        self.writable = gate
        self._told: list[bytes] = []
        self._outbox = _outboxes.setdefault(self.loop, _Outbox())

    # What goes out

    def say(self, text: bytes, *, anyway: bool = False) -> bool:
        if self.gone or not (anyway or self.writable.is_set()):
            return False
        self.send_told()
        self.transport.write(_framed(text))
        return True

    def tell(self, head: bytes, message: Message) -> bool:
        # Of all that is done here this is done for each of a crowd, so it calls nothing that it can do without.
        if not self._has_room or self.close_sent or self.transport.is_closing():
            return False
        frame = message.framed.get(head) or _shared(head, message)
        if not self._told:
            self._outbox.add(self)
        self._told.append(frame)
        self._size += len(frame)
        if self._size > _DRAINED:
            self.send_told()
        return True

    def send_told(self) -> None:
        """What was told since the loop came round goes out in one call of the system: it costs more than the rest."""
        told = self._told
        if told and not self.gone:
            self.transport.write(told[0] if len(told) == 1 else b"".join(told))
        told.clear()
        self._size = 0

    async def room(self) -> None:
        await self.writable.wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._has_room = True

    @property
    def gone(self) -> bool:
        return self.close_sent or self.transport.is_closing()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._has_room = False
        self._pauses += 1
        self._wait_for_reader(self._pauses)

    def _wait_for_reader(self, pause: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        self.loop.call_later(PATIENCE, self._give_up, pause, waiting)

    def _give_up(self, pause: int, waiting: int) -> None:
        """Where nothing was read since; pongs can be sent by one who doesn't read."""
        if self.writable.is_set() or pause != self._pauses or self.disconnected:
            return
        if self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        else:
            self._wait_for_reader(pause)

    # What comes in

    def data_received(self, data: bytes) -> None:
        if self._unread:
            # The application has closed, and what it left is read until the client closes too.
            self._unread = memoryview(bytes(self._unread) + data)
            self._read_on()
        elif len(data) > _SLICE:
            self._unread = memoryview(data)
            self._read_on()
        else:
            super().data_received(data)

    def _read_on(self) -> None:
        """Look at the next of what came at once, and at the rest later."""
        if not self._unread:
            return
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        piece, self._unread = bytes(self._unread[:_SLICE]), self._unread[_SLICE:]
        begun = self.loop.time()
        super().data_received(piece)
        if self.transport.is_closing():
            self._unread = memoryview(b"")
        elif self._unread and (self.close_sent or self.queue.empty()):
            # A quarter of the time is enough for one who sends so much.
            self.loop.call_later(3 * (self.loop.time() - begun), self._read_on)
        elif not self._unread and self.queue.empty():
            self._read_again()

    def _read_again(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            if self._unread:
                self.loop.call_soon(self._read_on)
            else:
                self._read_again()
        return message

    def handle_cont(self, event: Frame) -> None:
        if self.close_sent:
            return
        if len(self.frames) >= _FRAGMENTS:
            self.conn.fail(1009, f"A message may come in {_FRAGMENTS} pieces.")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_utf8(self.frames):
            # uvicorn would log it as a fault of ours. To the application it isn't a text, which says what it is.
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        # Who doesn't read needs no pongs (RFC 6455 wants one for the last ping only), and they would pile up.
        if self.writable.is_set():
            self.transport.write(pong)

    # Coming and going

    # uvicorn says `BaseTransport` here, and takes what a connection has had before.
    def connection_made(self, transport: Any) -> None:
        bare = getattr(transport, "bare", transport)
        super().connection_made(bare)
        bare.set_write_buffer_limits(high=_FULL, low=_DRAINED)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.handshake_complete:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    async def send(self, message: Any) -> None:
        self.send_told()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn forgets that it has answered, and complains of it.
            self.handshake_complete = True

    def settle(self) -> None:
        """The client is let in, and what it knocked with isn't looked at any more."""
        # Emptied, because others hold them for as long as the connection lasts.
        headers: Any = self.scope["headers"]
        headers.clear()
        self.request.headers.clear()
        self.response.headers.clear()

    def schedule_ping(self) -> None:
        # On the quarters of a second, so that of thousands many are woken for at a time.
        due = math.ceil(4 * (self.loop.time() + (self.ping_interval or PING_INTERVAL))) / 4
        self.ping_timer = self.loop.call_at(due, self.send_keepalive_ping)

    def send_keepalive_ping(self) -> None:
        # uvicorn's, but for a payload that is always the same, so that nothing has to be made ready.
        self.ping_timer = None
        if self.gone:
            return
        self.pending_ping_payload = _PING[2:]
        self.ping_sent_at = self.loop.time()
        self.transport.write(_PING)
        self.pong_timer = self.loop.call_later(self.ping_timeout or PING_TIMEOUT, self.keepalive_timeout)

    def keepalive_timeout(self) -> None:
        if self.read_paused and self.writable.is_set():
            # The pong may have come, and we aren't reading because we are busy with what else did.
            self.pong_timer = self.loop.call_later(self.ping_timeout or PING_TIMEOUT, self.keepalive_timeout)
            return
        # Nobody is there to read a farewell. Where one only slept, its client comes back after a torn connection, and
        # would give up at the code that uvicorn sends, 1011.
        self.pong_timer = None
        self.transport.abort()

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self.transport.abort()
            return
        self.send_told()
        super().shutdown()
        self._tear_in(LAST_WORDS)
        self._tell_of_leaving()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        super().on_task_complete(task)
        self.on_leaving = None
        if not self.disconnected:
            # Who doesn't read would keep the connection, and what waits in it, for as long as they like.
            self._tear_in(self.close_timeout + LAST_WORDS)

    def _tear_in(self, seconds: float) -> None:
        if self._tearing is not None:
            self._tearing.cancel()
        self._tearing = self.loop.call_later(seconds, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._tearing is not None:
            self._tearing.cancel()
        self._unread = memoryview(b"")
        self._tell_of_leaving()

    def _tell_of_leaving(self) -> None:
        told, self.on_leaving = self.on_leaving, None
        if told is not None:
            told()


class Queued:
    """An outlet where the server isn't ours: what is said waits until the server has taken it."""

    on_leaving: Callable[[], None] | None = None

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._sending: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self.gone = False

    def say(self, text: bytes, *, anyway: bool = False) -> bool:
        if self.gone or not (anyway or self._drained.is_set()):
            return False
        self._waiting.append(text)
        self._size += len(text)
        if self._size > _FULL:
            self._drained.clear()
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return True

    def tell(self, head: bytes, message: Message) -> bool:
        return self.say(b"%b%b}" % (head, message.body))

    async def room(self) -> None:
        await self._drained.wait()

    def settle(self) -> None:
        """It knows nothing of that."""

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                text = self._waiting.popleft()
                await self._send({"type": "websocket.send", "text": text.decode()})
                self._size -= len(text)
                if self._size < _DRAINED:
                    self._drained.set()
        except (OSError, RuntimeError):
            # The client has left, or has been told to: servers say it in either way.
            self.close()
        finally:
            self._sending = None

    def close(self) -> None:
        """Nothing more is said."""
        self.gone = True
        self._waiting.clear()
        self._drained.set()


def _framed(text: bytes) -> bytes:
    """A text as a server sends it: in one frame, without a mask."""
    size = len(text)
    if size < 126:
        return b"%b%b" % (struct.pack("!BB", 0x81, size), text)
    if size < 65_536:
        return b"%b%b" % (struct.pack("!BBH", 0x81, 126, size), text)
    return b"%b%b" % (struct.pack("!BBQ", 0x81, 127, size), text)


def _shared(head: bytes, message: Message) -> bytes:
    """The frame of a message, which is kept for others."""
    frame = _framed(b"%b%b}" % (head, message.body))
    if len(message.framed) < _SHARED:
        message.framed[head] = frame
    return frame


def _is_utf8(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True
