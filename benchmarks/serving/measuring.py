"""The run: everybody answers the same, and is then driven in turn, round after round."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from os import cpu_count
from statistics import median
from typing import Any

from sqlalchemy.engine import URL

from benchmarks.serving.answers import comparable, difference
from benchmarks.serving.contestants import CONTESTANTS, Running, running
from benchmarks.serving.processes import cpu_seconds
from benchmarks.serving.rejections import cost
from benchmarks.serving.workloads import POINT, Workload
from benchmarks.stopped import Stopped

LARGEST_SHARE = 0.2
"""How much of the machine the load may take before what it measures is void."""

CORES = cpu_count() or 1


@dataclass(frozen=True)
class Case:
    """What is measured at a time."""

    workload: Workload
    member: bool
    clients: int

    @property
    def viewer(self) -> str:
        return "member" if self.member else "visitor"

    @property
    def told_clients(self) -> str:
        return "1 client" if self.clients == 1 else f"{self.clients} clients"


@dataclass(frozen=True)
class Round:
    """What one contestant did in one round. Times are in seconds."""

    rate: float
    p50: float
    p99: float
    server_cpu: float
    database_cpu: float
    load_share: float


@dataclass
class Figures:
    """The rounds of a contestant in one case, and why they are void, if they are."""

    rounds: list[Round] = field(default_factory=list)
    void: str | None = None

    def median(self, name: str) -> float | None:
        """Of one of a round's numbers; None where the figures are void."""
        if self.void or not self.rounds:
            return None
        numbers: list[float] = [getattr(each, name) for each in self.rounds]
        return median(numbers)


@dataclass
class Results:
    figures: dict[tuple[Case, str], Figures] = field(default_factory=dict)
    lengths: dict[tuple[str, bool, str], int] = field(default_factory=dict)
    """Of an answer: of a workload, to a member or a visitor, by a contestant."""
    memory: dict[str, float] = field(default_factory=dict)
    """The most that each server held, in megabytes."""
    rejections: dict[str, float] = field(default_factory=dict)
    """What our server took to refuse a document, in seconds of CPU."""


class Load:
    """The process that asks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def drive(
        self, server: Running, request: bytes, *, clients: int, seconds: float, length: int | None
    ) -> dict[str, Any]:
        task = {
            "host": "127.0.0.1",
            "port": server.port,
            "request": request.decode(),
            "clients": clients,
            "seconds": seconds,
            "length": length,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def loading() -> Iterator[Load]:
    command = [sys.executable, "-m", "benchmarks.serving.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Load(process)


def measure(
    database: URL,
    postmaster: int | None,
    *,
    workloads: Sequence[Workload],
    contestants: Sequence[str],
    clients: Sequence[int],
    seconds: float,
    rounds: int,
) -> Results:
    """Drive each contestant in each case. Stops where two of them answer differently."""
    results = Results()
    with ExitStack() as stack:
        servers = [stack.enter_context(running(CONTESTANTS[name], database, POINT)) for name in contestants]
        load = stack.enter_context(loading())
        for workload in workloads:
            for member in (False, True):
                lengths = _lengths(servers, workload, member)
                results.lengths.update({(workload.name, member, name): length for name, length in lengths.items()})
                for number in clients:
                    case = Case(workload, member, number)
                    results.figures.update(_measured(load, servers, case, lengths, seconds, rounds, postmaster))
                    _tell(results, case, contestants)
        results.memory = {server.name: server.peak_megabytes for server in servers}
        for server in servers:
            if server.name == "plans":
                results.rejections = cost(server)
    return results


def _lengths(servers: Sequence[Running], workload: Workload, member: bool) -> dict[str, int]:
    """How long each contestant's answer is, after all were compared."""
    lengths = {}
    first: Any = None
    for server in servers:
        request = server.contestant.request(workload, member=member)
        server.ask(request)  # once more than asked, as what is computed once may differ from what is kept
        status, body = server.ask(request)
        if status != 200 or b'"errors":[{' in body:
            raise Stopped(f"{server.name} answers {workload.title} with {body[:2000].decode()}\n{server.told}")
        answer = comparable(body)
        first = answer if first is None else first
        if found := difference(first, answer):
            raise Stopped(
                f"{servers[0].name} and {server.name} answer {workload.title} differently "
                f"to a {'member' if member else 'visitor'}, at {found}"
            )
        lengths[server.name] = len(body)
    return lengths


def _measured(
    load: Load,
    servers: Sequence[Running],
    case: Case,
    lengths: dict[str, int],
    seconds: float,
    rounds: int,
    postmaster: int | None,
) -> dict[tuple[Case, str], Figures]:
    figures = {server.name: Figures() for server in servers}
    requests = {server.name: server.contestant.request(case.workload, member=case.member) for server in servers}
    for number in range(rounds + 1):
        warming_up = number == 0
        for server in servers:
            figure = figures[server.name]
            if figure.void:
                continue
            before = _cpu(server, postmaster)
            told = load.drive(
                server,
                requests[server.name],
                clients=case.clients,
                seconds=min(1.0, seconds) if warming_up else seconds,
                length=lengths[server.name],
            )
            after = _cpu(server, postmaster)
            if "failure" in told:
                figure.void = told["failure"]
            elif not warming_up:
                figure.rounds.append(_round(told, before, after))
    for figure in figures.values():
        share = figure.median("load_share") or 0
        if share > LARGEST_SHARE:
            figure.void = f"The load took {share:.0%} of the machine."
    return {(case, name): figure for name, figure in figures.items()}


def _cpu(server: Running, postmaster: int | None) -> tuple[float, float]:
    return server.cpu_seconds, cpu_seconds(postmaster) if postmaster else 0.0


def _round(told: dict[str, Any], before: tuple[float, float], after: tuple[float, float]) -> Round:
    return Round(
        rate=told["rate"],
        p50=told["p50"],
        p99=told["p99"],
        server_cpu=(after[0] - before[0]) / told["requests"],
        database_cpu=(after[1] - before[1]) / told["requests"],
        load_share=told["cpu"] / (told["elapsed"] * CORES),
    )


def _tell(results: Results, case: Case, contestants: Sequence[str]) -> None:
    print(f"{case.workload.title}, {case.viewer}, {case.told_clients}:", flush=True)
    for name in contestants:
        figures = results.figures[case, name]
        rate = figures.median("rate")
        told = (
            f"void: {figures.void}"
            if rate is None
            else (
                f"{rate:9.1f} requests/s, p50 {1000 * (figures.median('p50') or 0):8.2f} ms, "
                f"load {figures.median('load_share') or 0:.1%}"
            )
        )
        print(f"  {name:12} {told}", flush=True)
