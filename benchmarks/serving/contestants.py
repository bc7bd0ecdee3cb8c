"""Who is measured: each is one server process on the same database, asked over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import URL

from benchmarks.serving.data import MEMBER, TOKEN
from benchmarks.serving.processes import cpu_seconds, peak_megabytes
from benchmarks.serving.workloads import Workload
from benchmarks.stopped import Stopped
from genji_graphql.settings import Settings

_SETTINGS = Settings()
CONNECTIONS = _SETTINGS.db_pool_size + _SETTINGS.db_max_overflow
"""How many database connections each may have: as many as our server has."""

PATIENCE = 60.0
_HERE = Path(__file__).parent
_PYTHON = Path(sys.executable)


class Contestant(ABC):
    """A kind of server. `database` is where it finds its data."""

    name: str
    path = "/graphql"

    @abstractmethod
    def command(self, database: URL, port: int) -> list[str]: ...

    def environment(self, database: URL, port: int) -> Mapping[str, str]:  # noqa: ARG002 - for those who need it
        return {}

    @abstractmethod
    def body(self, workload: Workload, *, member: bool) -> Any: ...

    def headers(self, *, member: bool) -> Mapping[str, str]:  # noqa: ARG002 - for those who need it
        return {}

    def request(self, workload: Workload, *, member: bool) -> bytes:
        return post(self.target(workload), self.body(workload, member=member), self.headers(member=member))

    def target(self, workload: Workload) -> str:  # noqa: ARG002 - for those who need it
        return self.path


class Plans(Contestant):
    """Our server, as `genji run` serves it."""

    name = "plans"

    def command(self, database: URL, port: int) -> list[str]:  # noqa: ARG002 - for those who need it
        return [str(_PYTHON.with_name("genji")), "run", "--port", str(port)]

    def environment(self, database: URL, port: int) -> Mapping[str, str]:  # noqa: ARG002 - for those who need it
        return {
            "DATABASE_URL": database.render_as_string(hide_password=False),
            # As in production; and the one limit that a workload doesn't fit.
            "GENJI_BASE_URL": "https://genji.example.org",
            "GENJI_MAX_PAGE_SIZE": "1000",
        }

    def body(self, workload: Workload, *, member: bool) -> Any:  # noqa: ARG002 - for those who need it
        return {"query": workload.ours, "variables": workload.our_variables}

    def headers(self, *, member: bool) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"} if member else {}


class General(Plans):
    """Our server without plans: Strawberry and the loaders answer everything."""

    name = "general"

    def command(self, database: URL, port: int) -> list[str]:  # noqa: ARG002 - for those who need it
        return [str(_PYTHON), "-m", "benchmarks.serving.general", "run", "--port", str(port)]


class Handwritten(Contestant):
    """SQL by hand, in one of its forms."""

    def __init__(self, form: str) -> None:
        self.name = form

    def command(self, database: URL, port: int) -> list[str]:
        url = database.set(drivername="postgresql").render_as_string(hide_password=False)
        return [
            *(str(_PYTHON), "-m", "benchmarks.serving.handwritten_server"),
            *(self.name, url, str(port), str(CONNECTIONS)),
        ]

    def body(self, workload: Workload, *, member: bool) -> Any:
        viewer = {"user": MEMBER.user_id, "groups": sorted(MEMBER.group_ids), "taught": []}
        return {**workload.numbers, **(viewer if member else {})}

    def target(self, workload: Workload) -> str:
        return f"/{workload.name}"


class PostGraphile(Contestant):
    """PostGraphile 5, which sees what row level security lets its role see."""

    name = "postgraphile"

    def command(self, database: URL, port: int) -> list[str]:  # noqa: ARG002 - for those who need it
        # Ours rather than the machine's, on which PostGraphile may fail in the midst; and the real one, because what
        # lies beside our Python is a script that starts it.
        script = _PYTHON.with_name("node")
        if not script.exists():
            raise Stopped(f"PostGraphile needs Node, and there is no {script}; `./dev bench serving` installs it.")
        node = subprocess.run([script, "-p", "process.execPath"], capture_output=True, text=True, check=True)
        return [node.stdout.strip(), str(_HERE / "postgraphile" / "server.mjs")]

    def environment(self, database: URL, port: int) -> Mapping[str, str]:
        reached = {
            "PGHOST": database.query.get("host") or database.host,
            "PGPORT": database.query.get("port") or database.port,
            "PGDATABASE": database.database,
        }
        return {
            "PGUSER": reader(database),
            "PGPASSWORD": READER_PASSWORD,
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
            "PORT": str(port),
            "CONNECTIONS": str(CONNECTIONS),
            **{name: str(value) for name, value in reached.items() if value},
        }

    def body(self, workload: Workload, *, member: bool) -> Any:
        variables = {**workload.numbers, "viewer": MEMBER.user_id if member else None}
        asked = {name: value for name, value in variables.items() if f"${name}:" in workload.postgraphile}
        return {"query": workload.postgraphile, "variables": asked}

    def headers(self, *, member: bool) -> Mapping[str, str]:
        groups = ",".join(map(str, sorted(MEMBER.group_ids)))
        return {"X-Viewer": f"{MEMBER.user_id};{groups}"} if member else {}


def post(target: str, body: Any, headers: Mapping[str, str]) -> bytes:
    """The bytes of an HTTP request on a connection that stays open."""
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = {
        "Host": "127.0.0.1",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **headers,
    }
    head = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode() + content


READER_PASSWORD = "measuring"


def reader(database: URL) -> str:
    """The role that PostGraphile connects as. Roles are the server's, so it is named for the database."""
    return f"{database.database}_reader"


CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant
    for contestant in (Plans(), General(), PostGraphile(), Handwritten("json_agg"), Handwritten("concat"))
}


class Running:
    """A contestant's process."""

    def __init__(self, contestant: Contestant, process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
        self.contestant = contestant
        self.name = contestant.name
        self.process = process
        self.port = port
        self.log = log

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(request)
            response = HTTPConnection("127.0.0.1").response_class(connection, method="POST")
            response.begin()
            return response.status, response.read()

    @property
    def told(self) -> str:
        """What it wrote, to a terminal as it thinks."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip()

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    @property
    def peak_megabytes(self) -> float:
        return peak_megabytes(self.process.pid)


@contextmanager
def running(contestant: Contestant, database: URL, ready: Workload) -> Iterator[Running]:
    """The contestant's server, once it answers. It leads a process group, which ends with it."""
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            contestant.command(database, port),
            env={**os.environ, **contestant.environment(database, port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            server = Running(contestant, process, port, log)
            _wait_for(server, ready)
            yield server
        finally:
            _end(process)


def _wait_for(server: Running, ready: Workload) -> None:
    request = server.contestant.request(ready, member=False)
    deadline = time.monotonic() + PATIENCE
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            status, _ = server.ask(request)
        except (OSError, HTTPException):
            status = 0
        if status == 200:
            return
        time.sleep(0.1)
    raise Stopped(f"The server of {server.name} didn't start. It told:\n{server.told}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
