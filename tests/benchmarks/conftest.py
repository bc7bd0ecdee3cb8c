"""The smallest database that can be measured."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import URL

from benchmarks.serving.data import Size, load
from benchmarks.serving.database import address
from tests.conftest import connect, execute
from tests.omissions import omit

SIZE = Size(10_000)


@pytest.fixture(scope="session")
async def measured(server: URL, template: str) -> AsyncIterator[URL]:
    connection = await connect(server)
    may_load = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    await connection.close()
    if not may_load:
        omit("a database role that is a superuser")
    name = f"{template}_{uuid4().hex[:8]}"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    await load(address(server.set(database=name)), SIZE)
    yield server.set(database=name)
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def connection(measured: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(measured)
    yield connection
    await connection.close()
