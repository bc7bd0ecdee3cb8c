"""Nothing is lost: whoever listens hears every event that they may, once and in order, whatever happens.

`GENJI_SOAK` says how many events, for a long run (`./dev soak`).
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy.engine import URL

from genji_graphql import embedded
from tests.command import environment, running
from tests.live.crowd import Crowd, Room
from tests.omissions import omit
from tests.test_killed import cluster, kill_postgresql

EVENTS = int(os.environ.get("GENJI_SOAK", "4000"))

# The reader that everybody writes first: all rows with a number greater than the last.
NAIVE = """
import re
from genji_graphql.live import log
from genji_graphql.live.position import Position, Snapshot

def naive(statement):
    statement = re.sub(r"\\(xid, seq\\) > .*? AND xid < pg_snapshot_xmin\\(pg_current_snapshot\\(\\)\\)",
        "seq > $2::bigint AND $1::text IS NOT NULL", statement, flags=re.DOTALL)
    return statement.replace("e.xid::text AS xid", "'0' AS xid").replace("BY e.xid, seq", "BY seq").replace(
        "BY xid, seq", "BY seq"
    )

async def now(driver):
    return Position(0, await driver.fetchval("SELECT last_value FROM app.event_seq")), Snapshot.of("0:0:")

reading = log._reading
log._reading = lambda *conditions: naive(reading(*conditions))
log._EVERYTHING = naive(log._EVERYTHING)
log.now = now
from genji_graphql.cli import main
main()
"""


async def test_nobody_misses_anything_though_servers_and_the_database_are_killed() -> None:
    if shutil.which("ps") is None:
        omit("ps")
    async with cluster() as (base, url):
        room = await Room.at(url)
        with ExitStack() as servers:
            first, one = servers.enter_context(running(url=url))
            _, other = servers.enter_context(running(url=url))
            crowd = Crowd(url, room, [one, other], EVENTS)

            async def kill_what_they_need() -> None:
                await crowd.until_more_is_written(0.3)
                first.kill()
                await asyncio.to_thread(first.wait, 30)
                await crowd.until_more_is_written(0.1)
                _, crowd.addresses[0] = await asyncio.to_thread(servers.enter_context, running(url=url))
                await crowd.until_more_is_written(0.2)
                kill_postgresql(base)
                await asyncio.to_thread(servers.enter_context, embedded.running(base))
                await crowd.until_more_is_written(0.2)

            complaints = await crowd.go(kill_what_they_need())
            assert complaints == []
            assert crowd.written >= EVENTS


async def test_the_naive_reader_is_found_out(database: URL) -> None:
    room = await Room.at(database)
    with naive(database) as address:
        complaints = await Crowd(database, room, [address, address], 2000).go()
    assert any("missed" in complaint for complaint in complaints)


@contextmanager
def naive(url: URL) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", NAIVE, "run", "--port", "0"], env=environment(url), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield next(line for line in process.stdout if "http://" in line).split()[-1]
    finally:
        process.terminate()
        process.wait(30)
        process.stdout and process.stdout.close()
