"""A migrated database for one measurement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import URL

from genji_graphql import migrations
from genji_graphql.database import create_engine
from genji_graphql.settings import Settings


@asynccontextmanager
async def migrated(server: URL, *, keep: bool = False) -> AsyncIterator[Settings]:
    """Settings with a database of its own, which is dropped afterwards unless it is to be kept."""
    name = f"genji_bench_{uuid4().hex[:12]}"
    await _execute(server, f'CREATE DATABASE "{name}"')
    settings = Settings().with_database(server.set(database=name))
    engine = create_engine(settings)
    await migrations.upgrade(engine, settings)
    await engine.dispose()
    try:
        yield settings
    finally:
        if not keep:
            await _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(server: URL, statement: str) -> None:
    connection = await asyncpg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False))
    await connection.execute(statement)
    await connection.close()
