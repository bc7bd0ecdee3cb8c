"""A real PostgreSQL for every test: each gets a fresh copy of a migrated database.

`DATABASE_URL` names the server to use, with a role that may create databases; the database that it names is left
alone. Without it the embedded server is started for this run.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import embedded, migrations
from genji_graphql.database import create_engine
from genji_graphql.settings import Settings
from tests.browser import built_page as built_page
from tests.browser import chromium as chromium
from tests.command import running
from tests.node import node as node
from tests.omissions import pytest_sessionfinish as pytest_sessionfinish
from tests.service import Service
from tests.world import World

_BASE = "GENJI_TEST_BASE"
PATIENT = {"db_pool_timeout": 60.0}
"""Where many ask at once on a machine that is busy, nobody is sent away; what is stuck meets the deadline."""


def pytest_configure(config: pytest.Config) -> None:
    """One folder for the embedded server of this run; the processes of pytest-xdist find it in their environment."""
    if not hasattr(config, "workerinput"):
        # As root the server runs as another account, which must be able to enter: tmp_path would be closed to it.
        os.environ[_BASE] = tempfile.mkdtemp(prefix="genji-tests-")
        Path(os.environ[_BASE]).chmod(0o755)


def pytest_make_parametrize_id(val: object) -> str | None:
    """The beginning of what is long: pytest names the test in the environment, and with a whole file in that the
    system starts no program any more, such as the one that ends the server after a process's last test."""
    return None if not isinstance(val, str | bytes) or len(val) <= 100 else f"{val[:60]!r}..."


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[_BASE], ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """A database of the server, from which others can be created."""
    settings = Settings()
    if not settings.uses_embedded_database:
        yield settings.sqlalchemy_url
        return
    with embedded.running(Path(os.environ[_BASE]), durable=False) as url:
        yield url


@pytest.fixture(scope="session")
async def template(server: URL) -> AsyncIterator[str]:
    """The name of a migrated database that holds nothing yet."""
    name = f"genji_test_{uuid4().hex[:12]}"
    await execute(server, f'CREATE DATABASE "{name}"')
    settings = Settings().with_database(server.set(database=name))
    engine = create_engine(settings)
    await migrations.upgrade(engine, settings)
    await engine.dispose()
    yield name
    await execute(server, f'DROP DATABASE "{name}"')


@pytest.fixture
async def database(server: URL, template: str) -> AsyncIterator[URL]:
    """A migrated database of this test's own."""
    name = f"{template}_{uuid4().hex[:8]}"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server.set(database=name)
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def empty_database(server: URL) -> AsyncIterator[URL]:
    """A database that hasn't been migrated."""
    name = f"genji_test_{uuid4().hex[:12]}"
    await execute(server, f'CREATE DATABASE "{name}"')
    yield server.set(database=name)
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def settings(database: URL) -> Settings:
    return Settings().with_database(database).model_copy(update=PATIENT)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
def world(engine: AsyncEngine) -> World:
    """Writes people, texts and annotations into the database."""
    return World(engine)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The application, asked over HTTP, its SQL statements counted."""
    async with Service(settings) as service:
        yield service


@pytest.fixture(scope="session")
async def demo_url(server: URL) -> AsyncIterator[str]:
    """The address of a running server with the demonstration loaded."""
    name = f"genji_test_{uuid4().hex[:12]}"
    await execute(server, f'CREATE DATABASE "{name}"')
    with running("--demo", url=server.set(database=name)) as (_, address):
        yield address.removesuffix("/graphql")
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def execute(url: URL, statement: str) -> None:
    """Run one statement outside of any transaction."""
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def connect(url: URL) -> asyncpg.Connection:
    return await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
