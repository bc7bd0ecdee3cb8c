"""`genji run --workers`: several processes at one address, as an operator and their clients meet them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pytest
from sqlalchemy.engine import URL

from tests.command import children_of, genji_command, running
from tests.omissions import omit


@pytest.fixture(autouse=True)
def _ps() -> None:
    if shutil.which("ps") is None:
        omit("ps")


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("It never happened.")


def is_gone(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return False
    return True


def answer(address: str) -> object:
    """Asked over a connection of its own, which any of the workers may take."""
    return httpx2.post(address, json={"query": "{ viewer { id } }"}, timeout=30).json()["data"]


async def test_a_worker_that_is_killed_is_replaced_and_nobody_is_turned_away(database: URL) -> None:
    with running("--workers", "3", url=database) as (process, address):
        until(lambda: len(children_of(process.pid)) == 3)
        before = children_of(process.pid)
        assert [answer(address) for _ in range(12)] == [{"viewer": None}] * 12

        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        assert [answer(address) for _ in range(12)] == [{"viewer": None}] * 12

        until(lambda: len(children_of(process.pid)) == 3)
        after = children_of(process.pid)
        assert len(before & after) == 2
        assert killed not in after
        assert [answer(address) for _ in range(12)] == [{"viewer": None}] * 12
        assert process.poll() is None


def test_a_worker_that_ends_at_once_each_time_is_replaced_ever_more_seldom() -> None:
    program = """
import os
from genji_graphql.workers import Workers
Workers([[]], lambda place: os._exit(7), 1.0, lambda line: print(line, flush=True)).run()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(3)]
        process.terminate()
    assert [line.partition("ended with ")[2] for line in told] == [
        f"code 7; another takes its place in {seconds} s." for seconds in (1, 2, 4)
    ]
    assert process.returncode == 0


async def test_workers_end_with_their_parent_and_nothing_is_left(database: URL) -> None:
    with running("--workers", "2", url=database) as (process, address):
        until(lambda: len(children_of(process.pid)) == 2)
        workers = children_of(process.pid)
        answer(address)

    assert process.returncode == 0
    assert all(map(is_gone, workers))
    with pytest.raises(httpx2.ConnectError):
        answer(address)


async def test_a_terminals_interrupt_ends_them_as_well(database: URL) -> None:
    with running("--workers", "2", url=database) as (process, address):
        until(lambda: len(children_of(process.pid)) == 2)
        workers = children_of(process.pid)
        answer(address)
        for one in (process.pid, *workers):
            os.kill(one, signal.SIGINT)
        assert process.wait(30) == 130

    assert all(map(is_gone, workers))


async def test_workers_whose_parent_was_killed_end_by_themselves(database: URL) -> None:
    with running("--workers", "2", url=database) as (process, _):
        until(lambda: len(children_of(process.pid)) == 2)
        workers = children_of(process.pid)
        process.kill()
        until(lambda: all(map(is_gone, workers)))


async def test_an_address_of_several_workers_is_not_shared_with_strangers(database: URL) -> None:
    with running("--workers", "2", url=database) as (_, address):
        port = address.rsplit(":", 1)[1].split("/")[0]
        for arguments in ((), ("--workers", "2")):
            ended = genji_command("run", "--port", port, *arguments, url=database)
            assert ended.returncode == 1
            assert "Address already in use" in ended.stderr
