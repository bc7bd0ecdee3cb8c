"""The `genji` command as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

GENJI = Path(sys.executable).with_name("genji")


def environment(url: URL | str | None = None, **more: str) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DATABASE_", "GENJI_"))
    }
    if isinstance(url, URL):
        url = url.render_as_string(hide_password=False)
    return inherited | ({"DATABASE_URL": url} if url else {}) | {"DB_RETRY_DELAY_SECONDS": "0", "COLUMNS": "200"} | more


def genji_command(*arguments: str | Path, **more: str | URL) -> subprocess.CompletedProcess[str]:
    url = more.pop("url", None)
    return subprocess.run(
        [GENJI, *arguments],
        env=environment(url, **{name: str(value) for name, value in more.items()}),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def running(*arguments: str, url: URL | str | None = None, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process of its own, and the address that it prints."""
    process = subprocess.Popen(
        [GENJI, "run", "--port", "0", *arguments], env=environment(url, **more), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next((line for line in process.stdout if "http://" in line), None)
        assert address, "the server ended without printing its address"
        yield process, address.split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout and process.stdout.close()


def children_of(process: int) -> set[int]:
    """The processes that it has started and that still run, as `ps` tells."""
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in told.splitlines()]
    return {int(pid) for pid, parent, state in rows if int(parent) == process and not state.startswith("Z")}
