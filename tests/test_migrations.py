"""Migrations: the whole way up and down, the same tables as the models', bounded locks, and Alembic's command line."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import migrations
from genji_graphql.database import create_engine
from genji_graphql.errors import Unavailable
from genji_graphql.models import SCHEMA, Base
from genji_graphql.settings import Settings
from tests.catalogue import Catalogue
from tests.conftest import connect

ROOT = Path(__file__).parents[1]

EVERYTHING = """
SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'app'::regnamespace
UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'app'::regnamespace
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'app'::regnamespace
UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
"""


@pytest.fixture
def empty(empty_database: URL) -> Settings:
    return Settings().with_database(empty_database)


@pytest.fixture
async def empty_engine(empty: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(empty)
    yield engine
    await engine.dispose()


async def catalogue(url: URL) -> Catalogue:
    connection = await connect(url)
    try:
        return await Catalogue.read(connection)
    finally:
        await connection.close()


def revisions() -> ScriptDirectory:
    return ScriptDirectory.from_config(migrations.configuration())


# The whole way


async def test_down_to_nothing_and_up_again(empty_engine: AsyncEngine, empty: Settings) -> None:
    await migrations.upgrade(empty_engine, empty)
    at_first = await catalogue(empty_engine.url)
    assert at_first.facts

    await migrations.downgrade(empty_engine, empty, "base")
    async with empty_engine.connect() as connection:
        left = set(await connection.scalars(text(EVERYTHING)))
    assert {name for name in left if "alembic_version" not in name} == set()
    assert (await migrations.state(empty_engine)).current is None

    await migrations.upgrade(empty_engine, empty)
    assert await catalogue(empty_engine.url) == at_first


async def test_every_step_can_be_taken_back(empty_engine: AsyncEngine, empty: Settings) -> None:
    found = []
    for script in reversed(list(revisions().walk_revisions())):
        await migrations.upgrade(empty_engine, empty, script.revision)
        found.append((script.revision, await catalogue(empty_engine.url)))
    for revision, as_it_was in reversed(found):
        await migrations.downgrade(empty_engine, empty, revision)
        assert await catalogue(empty_engine.url) == as_it_was


async def test_upgrading_twice_changes_nothing(engine: AsyncEngine, settings: Settings) -> None:
    before = await catalogue(engine.url)
    await migrations.upgrade(engine, settings)

    assert await catalogue(engine.url) == before
    state = await migrations.state(engine)
    assert state.current == state.head == revisions().get_current_head()
    assert state.complaint is None


async def test_a_database_that_is_behind_is_told(empty_engine: AsyncEngine) -> None:
    complaint = (await migrations.state(empty_engine)).complaint
    assert complaint == (f"The database is not migrated; this version needs {migrations.head()}. Run `genji migrate`.")


# The files


def test_there_is_one_head() -> None:
    assert len(revisions().get_heads()) == 1
    assert len(revisions().get_bases()) == 1


def test_revision_ids_are_unique_and_files_are_dated() -> None:
    files = sorted(Path(revisions().versions).glob("*.py"))
    named = [re.findall(r'^revision = "([0-9a-f]{12})"$', file.read_text(), re.MULTILINE) for file in files]
    ids = [found for (found,) in named]
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}_[a-z0-9_]+", file.stem) for file in files)


def test_each_migration_says_what_it_does() -> None:
    for script in revisions().walk_revisions():
        summary, _, rest = (script.module.__doc__ or "").partition("\n")
        assert re.fullmatch(r"[A-Z].{10,}\.", summary), script.path
        assert f"Revision: {script.revision}" in rest, script.path


# The models


async def test_the_models_are_what_the_migrations_make(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": SCHEMA,
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        found: list[object] = compare_metadata(context, Base.metadata)
        return found

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_models_tables_are_the_migrations_to_the_letter(
    engine: AsyncEngine, empty_engine: AsyncEngine
) -> None:
    """Alembic's comparison knows nothing of CHECKs or of the order of columns."""
    async with engine.connect() as connection:
        # What the models' indexes call; functions are written in migrations alone.
        folding = await connection.scalar(text("SELECT pg_get_functiondef('app.folded'::regproc)"))
    async with empty_engine.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        await connection.exec_driver_sql(str(folding))
        await connection.run_sync(Base.metadata.create_all)
    migrated, created = await catalogue(engine.url), await catalogue(empty_engine.url)

    assert created.columns == migrated.columns
    rest = migrated.facts - created.facts
    assert all(fact.startswith(("function ", "TRIGGER ")) for fact in rest), rest
    assert created.facts - migrated.facts == {}


# Locks


# Alembic notes the revision when all else is done. Down it goes one step, since each is a transaction of its own.
LOCKS = dict.fromkeys(("up", "down"), "LOCK TABLE app.alembic_version IN SHARE MODE")


@pytest.mark.parametrize("direction", LOCKS)
async def test_a_migration_gives_up_on_a_lock_and_leaves_everything_as_it_was(
    engine: AsyncEngine, settings: Settings, direction: str
) -> None:
    async def migrate(settings: Settings) -> None:
        if direction == "up":
            await migrations.upgrade(engine, settings)
        else:
            await migrations.downgrade(engine, settings, "-1")

    if direction == "up":
        await migrations.downgrade(engine, settings, "base")
    before = await catalogue(engine.url)
    other = await connect(engine.url)
    async with asyncio.timeout(60), other.transaction():
        await other.execute(LOCKS[direction])
        with pytest.raises(Unavailable, match="could not be migrated: canceling statement due to lock timeout"):
            await migrate(settings.model_copy(update={"db_lock_timeout": 0.05}))
    await other.close()
    assert await catalogue(engine.url) == before

    await migrate(settings)
    assert await catalogue(engine.url) != before


async def test_a_connection_comes_back_without_the_migrations_lock_timeout(
    engine: AsyncEngine, settings: Settings
) -> None:
    engine = create_engine(settings.model_copy(update={"db_pool_size": 1, "db_max_overflow": 0}))
    await migrations.upgrade(engine, settings)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW lock_timeout")) == "0"
        # Of this database: others of the server are being migrated at the same time.
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        advisory = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}")
        held = await connection.scalar(advisory)
        assert held == 0
    await engine.dispose()


async def test_a_database_that_cannot_be_reached_is_told(settings: Settings) -> None:
    nowhere = settings.with_database(URL.create("postgresql", "genji", "secret", "127.0.0.1", 1, "genji"))
    engine = create_engine(nowhere)
    with pytest.raises(Unavailable, match=r"^The database could not be migrated: .*127\.0\.0\.1") as told:
        await migrations.upgrade(engine, nowhere)
    assert "secret" not in str(told.value)


async def test_a_revision_that_does_not_exist_is_told(engine: AsyncEngine, settings: Settings) -> None:
    with pytest.raises(Unavailable, match="could not be migrated: Can't locate revision identified by 'nosuch'"):
        await migrations.upgrade(engine, settings, "nosuch")


# Several at once


async def test_one_process_can_migrate_several_databases_at_once(
    empty_engine: AsyncEngine, empty: Settings, engine: AsyncEngine, settings: Settings
) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(migrations.upgrade(empty_engine, empty))
            tasks.create_task(migrations.upgrade(engine, settings))

    assert await catalogue(empty_engine.url) == await catalogue(engine.url)
    assert (await migrations.state(empty_engine)).complaint is None


async def test_two_processes_can_start_on_an_empty_database_at_once(empty_engine: AsyncEngine) -> None:
    processes = [alembic("upgrade", "head", url=empty_engine.url) for _ in range(2)]
    told = [finish(process) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], told
    # One did it, and the other found it done.
    assert sorted(("Running upgrade" in err) for _, err in told) == [False, True]
    assert (await migrations.state(empty_engine)).complaint is None


# Alembic's command line


def alembic(*arguments: str, url: URL | str, folder: Path = ROOT, **more: str) -> "subprocess.Popen[str]":
    if isinstance(url, URL):
        url = url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        env=os.environ | {"DATABASE_URL": url} | more,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """What it printed, and what it complained of."""
    return process.communicate(timeout=120)


def test_the_command_line_goes_up_and_down_and_tells_where_it_is(empty_database: URL) -> None:
    def told(*arguments: str) -> str:
        process = alembic(*arguments, url=empty_database)
        out, err = finish(process)
        assert process.returncode == 0, err
        return out + err

    head = migrations.head()
    newest = revisions().get_revision("head")
    assert newest

    assert "(head)" in told("history")
    assert str(head) not in told("current")
    assert f"-> {head}, {newest.doc}" in told("upgrade", "head")
    assert f"{head} (head)" in told("current")
    assert "No new upgrade operations detected." in told("check")
    assert f"Running downgrade {head} -> " in told("downgrade", "-1")
    assert str(head) not in told("current")


def test_the_command_line_writes_a_migration(database: URL, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    before = set((tmp_path / "alembic" / "versions").iterdir())

    process = alembic("revision", "--autogenerate", "-m", "Add nothing", url=database, folder=tmp_path)
    _, err = finish(process)
    assert process.returncode == 0, err

    (written,) = set((tmp_path / "alembic" / "versions").glob("*.py")) - before
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}_add_nothing\.py", written.name)
    code = written.read_text()
    assert code.startswith('"""Add nothing.\n')
    assert f"down_revision = {migrations.head()!r}" in code
    # The models and the migrated tables are alike, so there is nothing to do.
    body = code.partition("def upgrade() -> None:")[2]
    assert set(re.findall(r"^    ([^#\n]+)$", body, re.MULTILINE)) == {"pass"}


COMPLAINTS = {
    "nowhere": (["upgrade", "head"], "FAILED: The database could not be migrated: "),
    "script": (["upgrade", "head", "--sql"], "FAILED: Migrations run on a database here; --sql isn't supported."),
    "unset": (["current"], "alembic needs DATABASE_URL or DB_HOST."),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_the_command_line_fails_with_a_sentence(case: str) -> None:
    arguments, complaint = COMPLAINTS[case]
    url = "" if case == "unset" else "postgresql://genji:hunter2@127.0.0.1:1/genji"
    process = alembic(*arguments, url=url, DB_HOST="")
    out, err = finish(process)

    assert process.returncode != 0
    assert complaint in out + err
    assert "Traceback" not in err
    assert "hunter2" not in out + err
