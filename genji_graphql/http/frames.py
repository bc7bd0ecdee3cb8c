"""WebSockets as uvicorn speaks them, but for what a crowd of subscribers asks of them.

An application finds its connection in the scope, as the extension `genji.frames`, and may write to it at once: a text
that goes to a thousand subscribers is neither decoded nor encoded nor waited for a thousand times. Whoever doesn't read
what they are sent is sent no more; whoever sends a flood is read more slowly; whoever is gone is let go.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from genji_graphql.live.sink import Message

EXTENSION = "genji.frames"

LARGEST = 64 * 1024
"""Bytes of a message from a client."""

PING_INTERVAL, PING_TIMEOUT = 20.0, 20.0
"""Seconds after which a client is asked whether it is there, and after which it isn't."""

_FULL, _DRAINED = 256 * 1024, 64 * 1024
"""Bytes that wait to be read by a client: from the one on it gets no more, below the other it does again."""

_SLICE = 4096
"""Bytes that are read of one connection before others have their turn."""

_FRAGMENTS = 1_000
"""Pieces that a message may come in. An empty one costs its sender next to nothing, and us the place in a list."""

_SHARED = 8
"""Frames kept of one message, for others who call their operation alike. Many call each by a name of its own."""

_LAST_WORDS = 2.0
"""Seconds in which a client that is left reads what is on its way."""


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

    @property
    def gone(self) -> bool:
        """Is nothing more to be sent?"""
        ...


class SocketProtocol(WebSocketsSansIOProtocol):
    """An outlet too."""

    on_leaving: Callable[[], None] | None = None
    _unread: memoryview = memoryview(b"")
    """What came and is still to be looked at."""

    # What goes out

    def say(self, text: bytes, *, anyway: bool = False) -> bool:
        return self._write(_framed(text), anyway=anyway)

    def tell(self, head: bytes, message: Message) -> bool:
        frame = message.framed.get(head)
        if frame is None:
            frame = _framed(b"%b%b}" % (head, message.body))
            if len(message.framed) < _SHARED:
                message.framed[head] = frame
        return self._write(frame)

    async def room(self) -> None:
        await self.writable.wait()

    @property
    def gone(self) -> bool:
        return self.close_sent or self.transport.is_closing()

    def _write(self, frame: bytes, *, anyway: bool = False) -> bool:
        if self.gone or not (anyway or self.writable.is_set()):
            return False
        self.transport.write(frame)
        return True

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
        if len(self.frames) >= _FRAGMENTS:
            self.conn.fail(1009, f"A message may come in {_FRAGMENTS} pieces.")
            self.handle_parser_exception()
        else:
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
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn forgets that it has answered, and complains of it.
            self.handshake_complete = True

    def keepalive_timeout(self) -> None:
        if self.read_paused and self.writable.is_set() and self.ping_timeout is not None:
            # The pong may have come, and we aren't reading because we are busy with what else did.
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        # Nobody is there to read a farewell. Where one only slept, its client comes back after a torn connection, and
        # would give up at the code that uvicorn sends, 1011.
        self.pong_timer = None
        self.transport.abort()

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self.transport.abort()
            return
        super().shutdown()
        self.loop.call_later(_LAST_WORDS, self.transport.abort)
        self._tell_of_leaving()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        super().on_task_complete(task)
        self.on_leaving = None
        if not self.disconnected:
            # Who doesn't read would keep the connection, and what waits in it, for as long as they like.
            self.loop.call_later(self.close_timeout + _LAST_WORDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
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

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                text = self._waiting.popleft()
                await self._send({"type": "websocket.send", "text": text.decode()})
                self._size -= len(text)
                if self._size < _DRAINED:
                    self._drained.set()
        except OSError:
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


def _is_utf8(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True
