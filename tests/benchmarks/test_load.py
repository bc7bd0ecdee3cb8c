"""The load generator counts right, and takes nothing for an answer that isn't the one expected."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from benchmarks.serving.load import Failure, drive

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def in_one(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % 5 + b"12345")


async def in_pieces(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % 300_000)
    for _ in range(3):
        await writer.drain()
        await asyncio.sleep(0.001)
        writer.write(b"x" * 100_000)


async def too_long(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % 5 + b"123456")


async def without_a_length(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n")


async def refusing(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


async def hanging_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[tuple[tuple[str, int], list[bytes]]]:
    """The address of a server that answers like this, and the requests that it got."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                asked.append(await reader.readexactly(len(REQUEST)))
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname(), asked


async def driven(address: tuple[str, int], *, length: int | None, clients: int = 3) -> dict[str, Any]:
    return await asyncio.to_thread(drive, address, REQUEST, clients=clients, seconds=0.05, length=length)


@pytest.mark.parametrize(("answer", "length"), [(in_one, 5), (in_pieces, 300_000)])
async def test_every_request_is_sent_whole_and_counted_once(answer: Answer, length: int) -> None:
    async with served(answer) as (address, asked):
        told = await driven(address, length=length)
    assert told["requests"] == len(asked) >= 3
    assert set(asked) == {REQUEST}
    assert 0 < told["p50"] <= told["p99"]
    assert told["rate"] == pytest.approx(told["requests"] / told["elapsed"])


@pytest.mark.parametrize(
    ("answer", "length", "complaint"),
    [
        (in_one, 6, "5 bytes instead of 6"),
        (too_long, 5, "longer than it says"),
        (without_a_length, 5, "doesn't say how long"),
        (refusing, 5, "503"),
        (hanging_up, 5, "closed a connection"),
    ],
)
async def test_what_is_not_the_expected_answer_voids_the_run(answer: Answer, length: int, complaint: str) -> None:
    async with served(answer) as (address, _):
        with pytest.raises(Failure, match=complaint):
            await driven(address, length=length)
