"""What many are told goes out in few calls, in order, and never after a farewell."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from genji_graphql.http.frames import SocketProtocol
from genji_graphql.live.sink import Message

HEAD = b'{"id":"1","payload":'


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_shut = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_shut

    def get_extra_info(self, _name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, **_: int) -> None:
        pass


async def nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    pass


@pytest.fixture
async def connection() -> SocketProtocol:
    made = SocketProtocol(Config(nobody), ServerState(), {})
    made.connection_made(Wire())
    return made


def frame(body: bytes) -> bytes:
    text = HEAD + body + b"}"
    return bytes((0x81, len(text))) + text


def tell(connection: SocketProtocol, *bodies: bytes) -> list[bool]:
    return [connection.tell(HEAD, Message("", body)) for body in bodies]


async def come_round() -> None:
    await asyncio.sleep(0)


async def test_what_is_told_in_one_go_is_written_at_once(connection: SocketProtocol) -> None:
    wire: Any = connection.transport
    assert tell(connection, b"1", b"2", b"3") == [True, True, True]
    assert wire.written == []
    await come_round()
    assert wire.written == [frame(b"1") + frame(b"2") + frame(b"3")]
    tell(connection, b"4")
    await come_round()
    assert wire.written[1:] == [frame(b"4")]


async def test_what_is_said_comes_after_what_was_told(connection: SocketProtocol) -> None:
    wire: Any = connection.transport
    tell(connection, b"1")
    connection.say(b"2")
    tell(connection, b"3")
    await come_round()
    assert wire.written == [frame(b"1"), b"\x81\x012", frame(b"3")]


async def test_much_is_not_kept_until_the_loop_comes_round(connection: SocketProtocol) -> None:
    wire: Any = connection.transport
    connection.tell(HEAD, Message("", b"x" * 100_000))
    assert [len(data) > 100_000 for data in wire.written] == [True]


async def test_nothing_is_told_to_who_has_no_room_or_is_gone(connection: SocketProtocol) -> None:
    wire: Any = connection.transport
    connection.pause_writing()
    assert tell(connection, b"1") == [False]
    connection.resume_writing()
    assert tell(connection, b"2") == [True]
    wire.is_shut = True
    assert tell(connection, b"3") == [False]
    await come_round()
    assert wire.written == []


async def test_one_connection_that_is_gone_keeps_nothing_from_others(connection: SocketProtocol) -> None:
    other = SocketProtocol(Config(nobody), ServerState(), {})
    other.connection_made(Wire())
    gone, wire = connection.transport, other.transport
    tell(connection, b"1")
    tell(other, b"1")
    gone.is_shut = True  # type: ignore[attr-defined]
    await come_round()
    assert wire.written == [frame(b"1")]  # type: ignore[attr-defined]
