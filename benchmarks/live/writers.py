"""`./dev bench live-writing`: what the live system costs those who write."""

import asyncio
import json
from argparse import Namespace
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from benchmarks.databases import migrated
from benchmarks.live.classroom import TEACHER, assemble, creating, listening, token
from benchmarks.live.servers import DEAF, OURS
from benchmarks.live.worker import working
from benchmarks.serving.contestants import Contestant, Running, post, running
from benchmarks.serving.database import address
from benchmarks.serving.measuring import Load, loading
from benchmarks.serving.processes import time_on_cpu
from benchmarks.serving.workloads import POINT
from benchmarks.stopped import Stopped

WRITERS, PAIRS, SECONDS = 16, 9, 3.0
LEAST = 0.9
_PEOPLE = 20
_OTHER_DOCUMENT = 2

_SILENT = """
ALTER TABLE app.annotations DISABLE TRIGGER tell_of_new;
ALTER TABLE app.annotations DISABLE TRIGGER tell_of_changed;
ALTER TABLE app.annotations DISABLE TRIGGER tell_of_gone;
"""


async def measure(server: URL, _options: Namespace) -> bool:
    """True where those who write get LEAST of what they get done without it."""
    async with AsyncExitStack() as databases:
        heard, silent = [await _database(databases, server, told) for told in (True, False)]
        ratios = await asyncio.to_thread(_ratios, heard, silent)
    for name, pairs in ratios.items():
        told = ", ".join(f"{pair.throughput:.2f}" for pair in pairs)
        ours, theirs = (1000 * median(getattr(pair, whose) for pair in pairs) for whose in ("ours", "theirs"))
        print(
            f"live-writing: {WRITERS} writers, {name}: {median(pair.throughput for pair in pairs):.2f} of the "
            f"throughput with it off ({told}), at least {LEAST:g}; "
            f"CPU of the server {ours:.2f} against {theirs:.2f} ms a note"
        )
    return all(median(pair.throughput for pair in pairs) >= LEAST for pairs in ratios.values())


@dataclass(frozen=True)
class _Pair:
    throughput: float
    """Notes a second with the live system on, by those with it off."""
    ours: float
    """Seconds of the server's CPU for a note."""
    theirs: float


_NOBODY = "followed by the reader"
_SOMEBODY = "told to one who listens"


async def _database(stack: AsyncExitStack, server: URL, told: bool) -> URL:
    settings = await stack.enter_async_context(migrated(server))
    connection = await asyncpg.connect(address(settings.sqlalchemy_url))
    await assemble(connection, _PEOPLE)
    if not told:
        await connection.execute(_SILENT)
    await connection.close()
    return settings.sqlalchemy_url


def _ratios(heard: URL, silent: URL) -> dict[str, list[_Pair]]:
    with ExitStack() as stack:
        ours, deaf = [stack.enter_context(_server(*one)) for one in ((OURS, heard), (DEAF, silent))]
        load = stack.enter_context(loading())
        ratios = {}
        # Who listens to another document keeps the reader reading, and is told nothing.
        for name, document in ((_NOBODY, _OTHER_DOCUMENT), (_SOMEBODY, 1)):
            with working("benchmarks.live.listeners") as listener:
                listener.do(do="open", port=ours.port, tokens=[token(TEACHER)], payload=listening(document))
                ratios[name] = [_pair(load, ours, deaf, number) for number in range(PAIRS + 1)][1:]
    return ratios


def _server(contestant: Contestant, database: URL) -> Any:
    return running(contestant, database, POINT)


def _pair(load: Load, ours: Running, deaf: Running, number: int) -> _Pair:
    """One after the other; the one begins that came second the last time."""
    rates, costs = {}, {}
    for server in (ours, deaf) if number % 2 else (deaf, ours):
        rates[server.name], costs[server.name] = _driven(load, server)
    return _Pair(rates[ours.name] / rates[deaf.name], costs[ours.name], costs[deaf.name])


def _driven(load: Load, server: Running) -> tuple[float, float]:
    """Notes a second, and the server's CPU for each."""
    request = post("/graphql", creating(0, "@0@0@ A note."), {"Authorization": f"Bearer {token(TEACHER)}"})
    status, body = server.ask(request)
    if status != 200 or json.loads(body)["data"]["createAnnotation"]["errors"]:
        raise Stopped(f"{server.name} answers a note with {body[:500]!r}\n{server.told}")
    before = time_on_cpu(server.process.pid)
    told = load.drive(server, request, clients=WRITERS, seconds=SECONDS, length=None)
    if "failure" in told:
        raise Stopped(f"{server.name}: {told['failure']}")
    return told["rate"], (time_on_cpu(server.process.pid) - before) / told["requests"]
