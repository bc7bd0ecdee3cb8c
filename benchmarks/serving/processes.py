"""What processes cost, as Linux tells it in /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and all below it, of those that have ended too."""
    return sum(_ticks(each) for each in _family(pid)) / _TICKS


def time_on_cpu(pid: int) -> float:
    """The seconds that the threads of one process have run: to the nanosecond, where `cpu_seconds` counts ticks."""
    return sum(int(each.read_text().split()[0]) for each in (_PROC / str(pid) / "task").glob("*/schedstat")) / 1e9


def proportional_megabytes(pid: int) -> float:
    """The memory that one process holds now, of what it shares its part."""
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def peak_megabytes(pid: int) -> float:
    """The most memory that a process and those below it have held (the sum of their peaks)."""
    kilobytes = 0
    for each in _family(pid):
        for line in (_PROC / str(each) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


async def postmaster(connection: asyncpg.Connection) -> int | None:
    """The process of the PostgreSQL that all its others come from; None where it isn't of this machine."""
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    stat = _stat(backend)
    if stat is None or "postgres" not in (_PROC / str(backend) / "comm").read_text():
        return None
    return int(stat[1])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield from _family(child)


def _ticks(pid: int) -> int:
    """Its own time and the kernel's for it, and the same of its children that have ended."""
    return sum(map(int, (_stat(pid) or [])[11:15]))


def _stat(pid: int) -> list[str] | None:
    """The fields behind the name, which may hold spaces and parentheses."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
