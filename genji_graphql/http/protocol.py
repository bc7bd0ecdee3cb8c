"""HTTP as uvicorn speaks it, but for two things.

What an answer begins with goes out together with its body. uvicorn writes the head of a response when it has that, and
then the body: two system calls, two packets, and a client that wakes up twice. Of a short answer this is a tenth of
what it costs.

And answers without an end, which say so in their scope (`genji.stream`), are torn when the server goes or nobody reads
them. uvicorn would wait for them for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STREAM = "genji.stream"

PATIENCE = 30.0
"""Seconds in which a client that is sent one thing after another reads what waits for it, or at least some of it."""
LAST_WORDS = 2.0
"""Seconds for that when the server goes."""


class Protocol(HttpToolsProtocol):
    _pauses = 0
    """How often its client has been slow to read."""

    # uvicorn says `Transport` where asyncio says `BaseTransport`, and so must who follows it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        whole: Any = _Whole(transport, self.loop)
        self.transport = whole

    def shutdown(self) -> None:
        super().shutdown()
        if self._streams():
            # To the application its client has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.flow.resume_writing()
            self.transport.close()
            self.loop.call_later(LAST_WORDS, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._pauses += 1
        if self._streams():
            self._wait_for_reader(self._pauses)

    def _wait_for_reader(self, pause: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        self.loop.call_later(PATIENCE, self._give_up, pause, waiting)

    def _give_up(self, pause: int, waiting: int) -> None:
        """Where nothing was read since."""
        if not self.flow.write_paused or pause != self._pauses:
            return
        if self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        else:
            self._wait_for_reader(pause)

    def _streams(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and STREAM in self.cycle.scope


class _Whole:
    """A transport that holds back the head of a response until something follows, or the loop comes round again."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            together = (self._held, data)
            self._held = b""
            self._transport.writelines(together)
        elif data.startswith(b"HTTP/1.1 "):
            self._held = data
            self._loop.call_soon(self._let_go)
        else:
            self._transport.write(data)

    @property
    def bare(self) -> asyncio.Transport:
        """What it stands for, once nothing more is held back."""
        self._let_go()
        return self._transport

    def close(self) -> None:
        self._let_go()
        self._transport.close()

    def _let_go(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
