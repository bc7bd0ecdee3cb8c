"""`./dev bench serving`: the run from the empty database to the report."""

from argparse import ArgumentTypeError, Namespace, _ArgumentGroup
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
from sqlalchemy.engine import URL, make_url

from benchmarks.serving import chart
from benchmarks.serving.contestants import CONTESTANTS
from benchmarks.serving.data import Size
from benchmarks.serving.database import address, loaded
from benchmarks.serving.measuring import measure as measure_all
from benchmarks.serving.processes import postmaster
from benchmarks.serving.report import report, setting
from benchmarks.serving.verdicts import verdicts
from benchmarks.serving.workloads import WORKLOADS
from benchmarks.stopped import Stopped
from genji_graphql.settings import Settings

Item = TypeVar("Item")


def add_options(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--workloads",
        type=_list_of(_known(WORKLOADS)),
        default=list(WORKLOADS),
        metavar="NAME,…",
        help=f"what is asked for: of {', '.join(WORKLOADS)}; all unless told",
    )
    group.add_argument(
        "--contestants",
        type=_list_of(_known(CONTESTANTS)),
        default=list(CONTESTANTS),
        metavar="NAME,…",
        help=f"who is asked: of {', '.join(CONTESTANTS)}; all unless told",
    )
    group.add_argument(
        "--clients",
        type=_list_of(_positive),
        default=[1, 16, 64],
        metavar="NUMBER,…",
        help="how many clients ask at a time, one number after the other (1,16,64)",
    )
    group.add_argument("--seconds", type=float, default=3.0, help="how long a round lasts (3)")
    group.add_argument(
        "--rounds", type=_positive, default=5, help="how many rounds there are, after one to warm up (5)"
    )
    group.add_argument(
        "--annotations",
        type=_size,
        default=Size(),
        metavar="NUMBER",
        help="how many annotations there are, from 10000; elements and documents in proportion (300000)",
    )
    group.add_argument(
        "--keep-database", action="store_true", help="leave the database there and tell its address, for --database"
    )
    group.add_argument(
        "--database", type=make_url, metavar="URL", help="use a database that an earlier run was told to keep"
    )
    group.add_argument(
        "--output",
        type=Path,
        default=Path("benchmarks") / "results",
        metavar="FOLDER",
        help="where the report and the charts are written (benchmarks/results)",
    )


async def measure(server: URL, options: Namespace) -> bool:
    """True where every floor is reached."""
    async with _database(server, options) as database:
        connection = await asyncpg.connect(address(database))
        annotations = await connection.fetchval("SELECT count(*) FROM app.annotations")
        version = await connection.fetchval("SHOW server_version")
        results = measure_all(
            database,
            await postmaster(connection),
            workloads=[WORKLOADS[name] for name in options.workloads],
            contestants=options.contestants,
            clients=options.clients,
            seconds=options.seconds,
            rounds=options.rounds,
        )
        await connection.close()
    judged = verdicts(results)
    told = report(results, judged, setting(annotations, version))
    print(f"\n{told}")
    write(options.output, "serving.md", told)
    for clients in options.clients:
        if drawn := chart.rates(results, clients):
            write(options.output, f"serving-{clients}.svg", drawn)
    return all(verdict.holds for verdict in judged)


def write(folder: Path, name: str, content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")
    print(f"Written: {folder / name}")


@asynccontextmanager
async def _database(server: URL, options: Namespace) -> AsyncIterator[URL]:
    if options.database is not None:
        yield options.database.set(drivername="postgresql+asyncpg")
        return
    if options.keep_database and Settings().uses_embedded_database:
        raise Stopped("The embedded database can't be kept; name another server with DATABASE_URL.")
    async with loaded(server, options.annotations, keep=options.keep_database) as database:
        yield database
    if options.keep_database:
        print(f"Kept: --database '{address(database)}'")


def _list_of(one: Callable[[str], Item]) -> Callable[[str], list[Item]]:
    def read(text: str) -> list[Item]:
        return [one(item.strip()) for item in text.split(",")]

    return read


def _known(things: dict[str, Item]) -> Callable[[str], str]:
    def read(name: str) -> str:
        if name not in things:
            raise ArgumentTypeError(f"there is no {name}; there are {', '.join(things)}")
        return name

    return read


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{number} is less than 1")
    return number


def _size(text: str) -> Size:
    try:
        return Size(int(text.replace("_", "").replace(",", "")))
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
