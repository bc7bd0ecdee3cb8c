"""`./dev bench live`: a thousand listen to what fifty notes a second say, and how far it goes."""

import asyncio
from argparse import Namespace, _ArgumentGroup
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

import asyncpg
from sqlalchemy.engine import URL

from benchmarks.databases import migrated
from benchmarks.live.classroom import assemble
from benchmarks.live.fanout import Idle, Told, idle, plain, told
from benchmarks.serving import chart
from benchmarks.serving.database import address
from benchmarks.serving.report import promises, setting, table
from benchmarks.serving.run import write
from benchmarks.serving.verdicts import Verdict

LISTENERS, RATE, IDLE = 1_000, 50, 5_000
"""What is promised: so many listen to so many notes a second, and so many more do to nothing."""
RATES = (75, 100, 150, 200, 300, 400, 600, 800, 1_200)
"""What is tried beyond, until a note is late."""


@dataclass
class Results:
    straight: Told
    """At the promised rate, written with SQL."""
    by_graphql: Told
    beyond: list[Told] = field(default_factory=list)
    plain: list[Told] = field(default_factory=list)
    idle: Idle | None = None


def add_options(group: _ArgumentGroup) -> None:
    group.add_argument("--listeners", type=int, default=LISTENERS, help=f"how many listen ({LISTENERS})")
    group.add_argument("--idle", type=int, default=IDLE, help=f"how many listen to nothing ({IDLE})")
    group.add_argument("--listen", type=float, default=10.0, help="for how many seconds, at each rate (10)")


async def measure(server: URL, options: Namespace) -> bool:
    """True where what is promised holds."""
    async with migrated(server) as settings:
        database = settings.sqlalchemy_url
        connection = await asyncpg.connect(address(database))
        await assemble(connection, max(options.listeners, options.idle))
        version = await connection.fetchval("SHOW server_version")
        results = await asyncio.to_thread(_measured, database, options)
        notes = await connection.fetchval("SELECT count(*) FROM app.annotations")
        await connection.close()
    judged = verdicts(results)
    written = report(results, judged, setting(notes, version))
    print(f"\n{written}")
    write(options.output, "live.md", written)
    write(options.output, "live.svg", _chart([results.straight, *results.beyond], results.plain))
    return all(verdict.holds for verdict in judged)


def _measured(database: URL, options: Namespace) -> Results:
    straight, by_graphql, beyond = told(database, options.listeners, options.listen, RATE, RATES)
    theirs = plain(database, options.listeners, options.listen, RATE)
    return Results(straight, by_graphql, beyond, theirs, idle(database, options.idle, options.listen))


def verdicts(results: Results) -> list[Verdict]:
    return list(_verdicts(results))


def _verdicts(results: Results) -> Iterator[Verdict]:
    straight = results.straight
    yield Verdict("p99 of delivery", None if straight.is_void else straight.p99, 50, 20, " ms", less_is_better=True)
    yield Verdict("CPU of the server, of a core", 100 * straight.server, 60, 45, " %", less_is_better=True)
    lost = sum(one.lost + one.astray for one in (straight, results.by_graphql, *results.beyond))
    yield Verdict("lost or out of order, at whatever rate", lost, 0, 0, "", less_is_better=True)
    if results.idle:
        yield Verdict("memory of those who hear nothing", results.idle.megabytes, 250, 150, " MB", less_is_better=True)
        yield Verdict("CPU for them, of a core", 100 * results.idle.server, 3, 2, " %", less_is_better=True)
    if results.plain:
        times = results.plain[0].cost / results.straight.cost
        yield Verdict("CPU a delivery against plain Strawberry's", times, 10, 20)


def report(results: Results, judged: Sequence[Verdict], where: str) -> str:
    ours = [("by SQL", results.straight), ("by GraphQL", results.by_graphql)]
    ours += [("by SQL", one) for one in results.beyond]
    rows = [_row("Genji", how, one) for how, one in ours] + [_row("Strawberry", "by SQL", one) for one in results.plain]
    head = [
        "written",
        "notes/s",
        "delivered",
        "in 250 ms",
        "p50 / p99, ms",
        "server, of a core",
        "µs each",
        "clients",
        "p50 of writing, ms",
    ]
    parts = [where, promises(judged), table(head, rows)]
    if results.idle:
        told_idle = f"{results.idle.people:,} who hear nothing: {results.idle.megabytes:.0f} MB"
        parts.append(f"{told_idle}, {results.idle.server:.1%} of a core; they connected in {results.idle.came:.0f} s.")
    return "\n\n".join(parts) + "\n"


def _row(who: str, how: str, one: Told) -> list[str]:
    return [
        f"{who}, {how}",
        f"{one.rate:.0f}",
        f"{one.heard:,} of {one.expected:,}",
        f"{one.in_time:.1%}",
        f"{_milliseconds(one.p50)} / {_milliseconds(one.p99)}",
        f"{one.server:.0%}",
        f"{one.cost:.1f}",
        f"{one.clients:.0%}",
        f"{one.written_p50:.1f}",
    ]


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if isfinite(value) else "never"


def _chart(ours: Sequence[Told], theirs: Sequence[Told]) -> str:
    """The p99, as more and more is written."""
    lines = {"Genji": [(one.rate, one.p99) for one in ours]}
    if theirs:
        lines["Strawberry"] = sorted((one.rate, one.p99) for one in theirs)
    return chart.delays(
        f"Milliseconds until {ours[0].listeners:,} have heard a note (p99), by notes a second", lines, late=250
    )
