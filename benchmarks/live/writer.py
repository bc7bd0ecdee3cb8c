"""Whoever writes, so many notes a second: `python -m benchmarks.live.writer`.

Straight into the database, each note in a transaction of its own, or by GraphQL. Each says when it was sent to be
written, so that what is told of a delivery includes the writing of it.

It reads a task a line from its standard input, as JSON, and answers each with a line.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from resource import RUSAGE_SELF, getrusage
from time import monotonic, monotonic_ns
from typing import Any

import asyncpg

from benchmarks.live.classroom import TEACHER, WRITE, creating, place, token, words
from benchmarks.serving.contestants import post

PENS = 8
"""Notes that are being written at a time, at most."""

Write = Callable[[int], Awaitable[None]]


class Failure(Exception):
    """What was to be written was not."""


@asynccontextmanager
async def _by_sql(url: str) -> AsyncIterator[Write]:
    connection = await asyncpg.connect(url)
    statement = await connection.prepare(WRITE)

    async def write(number: int) -> None:
        await statement.fetch(place(number), TEACHER, words(number, monotonic_ns()))

    yield write
    await connection.close()


@asynccontextmanager
async def _by_graphql(port: int) -> AsyncIterator[Write]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token(TEACHER)}"}

    async def write(number: int) -> None:
        writer.write(post("/graphql", creating(number, words(number, monotonic_ns())), headers))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.partition(b":")[2]))
        if not head.startswith(b"HTTP/1.1 200") or b'"errors":[]' not in answer:
            raise Failure(f"A note was answered with {answer.decode()[:500]}")

    yield write
    writer.close()


async def write(*, url: str, port: int | None, first: int, notes: int, rate: float) -> dict[str, Any]:
    """Write notes of these numbers at this rate: straight, or by the GraphQL of a port."""
    async with AsyncExitStack() as stack:
        free: asyncio.Queue[Write] = asyncio.Queue()
        for _ in range(min(PENS, notes)):
            free.put_nowait(await stack.enter_async_context(_by_sql(url) if port is None else _by_graphql(port)))
        taken: list[float] = []

        async def one(pen: Write, number: int) -> None:
            begun = monotonic()
            await pen(number)
            taken.append(monotonic() - begun)
            free.put_nowait(pen)

        before, began = getrusage(RUSAGE_SELF), monotonic()
        async with asyncio.TaskGroup() as under_way:
            for number in range(notes):
                await asyncio.sleep(max(0.0, began + number / rate - monotonic()))
                under_way.create_task(one(await free.get(), first + number))
        elapsed, after = monotonic() - began, getrusage(RUSAGE_SELF)
    taken.sort()
    return {
        "rate": notes / elapsed,
        "p50": 1000 * taken[len(taken) // 2],
        "p99": 1000 * taken[len(taken) * 99 // 100],
        "cpu": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
    }


def main() -> None:
    for line in sys.stdin:
        try:
            answer = asyncio.run(write(**json.loads(line)))
        except* (Failure, OSError, asyncpg.PostgresError) as failures:
            answer = {"failure": str(failures.exceptions[0])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
