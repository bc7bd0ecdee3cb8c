"""HTTP as uvicorn speaks it, but for one thing: what an answer begins with goes out together with its body.

uvicorn writes the head of a response when it has that, and then the body: two system calls, two packets, and a client
that wakes up twice. Of a short answer this is a tenth of what it costs.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    # uvicorn says `Transport` where asyncio says `BaseTransport`, and so must who follows it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        whole: Any = _Whole(transport, self.loop)
        self.transport = whole


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
