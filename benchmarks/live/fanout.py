"""One class listens while it is written to: when each note is heard, and what telling it costs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL

from benchmarks.live.classroom import listening, token
from benchmarks.live.servers import OURS, PLAIN
from benchmarks.live.worker import Worker, working
from benchmarks.serving.contestants import Contestant, Running, running
from benchmarks.serving.database import address
from benchmarks.serving.processes import proportional_megabytes, time_on_cpu
from benchmarks.serving.workloads import POINT
from benchmarks.stopped import Stopped

LATE = 250.0
"""Milliseconds after which a note is late."""
LARGEST_SHARE = 0.45
"""Of a core, that the clients may take: beyond, they may be what is measured."""

_PROBES = 40
"""Times that the class is written to until all of it listens."""
_WARM = 2.0
"""Seconds for which it is written to before anything is measured."""


@dataclass(frozen=True)
class Told:
    """What came of writing at one rate. Times are in milliseconds, what never came being last; shares are of a core."""

    listeners: int
    rate: float
    """Notes a second, as they were really written."""
    heard: int
    expected: int
    astray: int
    """Deliveries out of the order of all others, or twice."""
    p50: float
    p99: float
    most: float
    in_time: float
    """The share of what was to be delivered that was within LATE."""
    written_p50: float
    """How long the writing took, which is part of every delivery's time."""
    server: float
    clients: float
    writer: float
    cost: float
    """Microseconds of the server's CPU for each delivery."""

    @property
    def lost(self) -> int:
        return self.expected - self.heard

    @property
    def is_void(self) -> bool:
        """Is it the clients that were measured?"""
        return self.clients > LARGEST_SHARE


@dataclass(frozen=True)
class Idle:
    """What those cost who listen to nothing."""

    people: int
    came: float
    """Seconds until all of them listened."""
    megabytes: float
    server: float


class Class:
    """A server, those who listen to it, and whoever writes."""

    def __init__(self, server: Running, database: URL, listeners: Worker, writer: Worker) -> None:
        self.server = server
        self._database = database
        self._listeners = listeners
        self._writer = writer
        self._number = 1
        self._people = 0

    def come(self, people: int) -> float:
        """So many connect and subscribe; the seconds until all of them are told what is written."""
        self._people = people
        tokens = [token(person) for person in range(1, people + 1)]
        began = time.monotonic()
        self._listeners.do(do="open", port=self.server.port, tokens=tokens, payload=listening())
        for _ in range(_PROBES):
            number = self._next(1)
            self._listeners.begin(do="probe", number=number, seconds=1.0)
            self._write(number, 1, 1.0, None)
            if self._listeners.end()["heard"] == people:
                return time.monotonic() - began
        raise Stopped(f"{self.server.name} doesn't tell all {people} who listen.\n{self.server.told}")

    def hear(self, rate: float, seconds: float, *, by_graphql: bool = False, grace: float = 90.0) -> Told:
        notes = int(rate * seconds)
        first = self._next(notes)
        self._listeners.begin(do="listen", first=first, notes=notes, seconds=seconds, grace=grace)
        cpu = time_on_cpu(self.server.process.pid)
        written = self._write(first, notes, rate, self.server.port if by_graphql else None)
        heard = self._listeners.end()
        spent, elapsed = time_on_cpu(self.server.process.pid) - cpu, heard["elapsed"]
        return Told(
            listeners=self._people,
            rate=written["rate"],
            heard=heard["heard"],
            expected=heard["expected"],
            astray=heard["astray"],
            p50=heard["p50"],
            p99=heard["p99"],
            most=heard["most"],
            in_time=heard["in_time"] / heard["expected"],
            written_p50=written["p50"],
            server=spent / elapsed,
            clients=heard["cpu"] / elapsed,
            writer=written["cpu"] / (notes / written["rate"]),
            cost=1e6 * spent / max(1, heard["heard"]),
        )

    def rest(self, seconds: float) -> tuple[float, float]:
        """The shares of a core that the server and the clients take while nothing happens."""
        self._listeners.begin(do="rest", seconds=seconds)
        cpu = time_on_cpu(self.server.process.pid)
        heard = self._listeners.end()
        return (time_on_cpu(self.server.process.pid) - cpu) / seconds, heard["cpu"] / seconds

    @property
    def megabytes(self) -> float:
        return proportional_megabytes(self.server.process.pid)

    def _next(self, notes: int) -> int:
        first, self._number = self._number, self._number + notes
        return first

    def _write(self, first: int, notes: int, rate: float, port: int | None) -> dict[str, Any]:
        return self._writer.do(url=address(self._database), port=port, first=first, notes=notes, rate=rate)


@contextmanager
def assembled(contestant: Contestant, database: URL) -> Iterator[Class]:
    with ExitStack() as stack:
        server = stack.enter_context(running(contestant, database, POINT))
        listeners = stack.enter_context(working("benchmarks.live.listeners"))
        writer = stack.enter_context(working("benchmarks.live.writer"))
        yield Class(server, database, listeners, writer)


def told(
    database: URL, people: int, seconds: float, rate: float, rates: Sequence[float]
) -> tuple[Told, Told, list[Told]]:
    """What comes of writing to so many at one rate, with SQL and by GraphQL; and of ever more, until notes are late."""
    with assembled(OURS, database) as class_:
        class_.come(people)
        class_.hear(rate, _WARM)
        straight = _say("Genji", class_.hear(rate, seconds))
        by_graphql = _say("Genji, by GraphQL", class_.hear(rate, seconds, by_graphql=True))
        return straight, by_graphql, list(limits(class_, seconds, rates))


def limits(class_: Class, seconds: float, rates: Sequence[float]) -> Iterator[Told]:
    for rate in rates:
        one = _say("Genji", class_.hear(rate, seconds))
        yield one
        if one.p99 > LATE or one.lost:
            return


def plain(database: URL, people: int, seconds: float, rate: float) -> list[Told]:
    """What comes of it where everybody loads for themselves: at the same rate, and at a fiftieth of it."""
    with assembled(PLAIN, database) as class_:
        class_.come(people)
        slowly = _say("Strawberry", class_.hear(rate / 50, seconds))
        return [_say("Strawberry", class_.hear(rate, seconds, grace=1.0)), slowly]


def idle(database: URL, people: int, seconds: float) -> Idle:
    with assembled(OURS, database) as class_:
        before = class_.megabytes
        came = class_.come(people)
        class_.rest(2.0)
        server, _ = class_.rest(max(seconds, _PINGS))
        return Idle(people, came, class_.megabytes - before, server)


_PINGS = 20.0
"""Seconds in which each is asked once whether they are there."""


def _say(who: str, one: Told) -> Told:
    print(
        f"{who}: {one.rate:.0f} notes/s, {one.heard:,} of {one.expected:,} heard, p50 {one.p50:.1f} ms, "
        f"p99 {one.p99:.1f} ms, {one.cost:.1f} µs each, server {one.server:.0%}, clients {one.clients:.0%} of a core",
        flush=True,
    )
    return one
