"""`./dev bench growth`: what is read stays the same while all around it grows."""

from argparse import Namespace, _ArgumentGroup
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from benchmarks.serving import chart
from benchmarks.serving.answers import comparable, difference
from benchmarks.serving.contestants import CONTESTANTS, Running, post, running
from benchmarks.serving.data import Size
from benchmarks.serving.database import address, loaded
from benchmarks.serving.measuring import Load, loading
from benchmarks.serving.report import promises, setting, table
from benchmarks.serving.run import write
from benchmarks.serving.verdicts import Verdict
from benchmarks.serving.workloads import POINT, READING_VIEW
from benchmarks.stopped import Stopped
from genji_graphql.models import Annotation
from genji_graphql.reads import graph
from genji_graphql.reads.pages import cursor, page_of

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BASE = 100_000
"""The size that the larger ones are compared with."""

_LAST = "query Last { annotations(last: 20) { nodes { id body created } } }"
_FAR = "query Far($after: String!) { annotations(first: 20, after: $after) { nodes { id body created } } }"


@dataclass(frozen=True)
class _Question:
    name: str
    request: bytes
    same: bool
    """Is the answer the same at every size?"""


@dataclass(frozen=True)
class _Site:
    """A server on a database of one size."""

    size: int
    server: Running
    questions: list[_Question]


def add_options(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--largest",
        type=int,
        choices=SIZES[1:],
        default=SIZES[-1],
        help="how many annotations the largest database has (10000000, which takes 15 GB and some minutes)",
    )


async def measure(server: URL, options: Namespace) -> bool:
    """True where the reading view is hardly slower in the largest database."""
    sizes = [size for size in SIZES if size <= options.largest]
    async with AsyncExitStack() as databases:
        with ExitStack() as servers:
            sites = []
            for size in sizes:
                database = await databases.enter_async_context(loaded(server, Size(size)))
                running_server = servers.enter_context(running(CONTESTANTS["plans"], database, POINT))
                sites.append(_Site(size, running_server, await _questions(database)))
            _check(sites)
            load = servers.enter_context(loading())
            figures = _figures(load, sites, options.seconds, options.rounds)
        version = await _version(server)
    return _tell(sizes, figures, version, options)


async def _questions(database: URL) -> list[_Question]:
    connection = await asyncpg.connect(address(database))
    (far,) = await connection.fetch(
        "SELECT * FROM app.annotations ORDER BY created, id OFFSET (SELECT count(*) / 2 FROM app.annotations) LIMIT 1"
    )
    await connection.close()
    listing = graph.ANNOTATIONS
    after = cursor(Annotation(**far), listing, page_of(listing, largest=20))
    plans = CONTESTANTS["plans"]
    return [
        _Question("reading view, visitor", plans.request(READING_VIEW, member=False), same=True),
        _Question("reading view, member", plans.request(READING_VIEW, member=True), same=True),
        _Question("last page of all notes", post("/graphql", {"query": _LAST}, {}), same=False),
        _Question(
            "page in the midst", post("/graphql", {"query": _FAR, "variables": {"after": after}}, {}), same=False
        ),
    ]


def _check(sites: list[_Site]) -> None:
    for place, question in enumerate(sites[0].questions):
        answers = [comparable(site.server.ask(site.questions[place].request)[1]) for site in sites]
        for answer in answers:
            if question.same and (found := difference(answers[0], answer)):
                raise Stopped(f"The answer to the {question.name} changes with the size, at {found}")
            if not answer_has_rows(answer):
                raise Stopped(f"The answer to the {question.name} holds nothing.")


def answer_has_rows(answer: Any) -> bool:
    return bool(answer.get("annotations") or answer.get("document"))


def _figures(load: Load, sites: list[_Site], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Of each question the milliseconds at each size; the sizes take turns."""
    figures = {}
    for place, question in enumerate(sites[0].questions):
        taken: list[list[float]] = [[] for _ in sites]
        for number in range(rounds + 1):
            for site, times in zip(sites, taken, strict=True):
                asked = site.questions[place].request
                length = len(site.server.ask(asked)[1])
                told = load.drive(site.server, asked, clients=1, seconds=seconds, length=length)
                if "failure" in told:
                    raise Stopped(f"{question.name} with {site.size:,} annotations: {told['failure']}")
                if number:  # the first round warms up
                    times.append(1000 * told["p50"])
        figures[question.name] = [median(times) for times in taken]
        print(f"{question.name}: {', '.join(f'{value:.2f} ms' for value in figures[question.name])}", flush=True)
    return figures


async def _version(server: URL) -> str:
    connection = await asyncpg.connect(address(server))
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version


def _tell(sizes: list[int], figures: dict[str, list[float]], version: str, options: Namespace) -> bool:
    judged = [
        Verdict(
            f"{name}: p50 at {sizes[-1]:,} annotations against {BASE:,}",
            values[-1] / values[sizes.index(BASE)],
            1.3,
            1.05,
            less_is_better=True,
        )
        for name, values in figures.items()
        if name.startswith("reading view")
    ]
    head = ["p50 with one client, ms", *(f"{size:,}" for size in sizes)]
    rows = [[name, *(f"{value:.2f}" for value in values)] for name, values in figures.items()]
    told = "\n\n".join([setting(sizes[-1], version), promises(judged), table(head, rows)]) + "\n"
    print(f"\n{told}")
    write(options.output, "growth.md", told)
    write(options.output, "growth.svg", chart.growth(sizes, figures))
    return all(verdict.holds for verdict in judged)
