"""The database that all contestants share: migrated, loaded, and readable for PostGraphile's role."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy.engine import URL

from benchmarks.databases import migrated
from benchmarks.serving import data
from benchmarks.serving.contestants import READER_PASSWORD, reader
from benchmarks.serving.data import Size

_POLICIES = Path(__file__).parent / "postgraphile" / "policies.sql"


@asynccontextmanager
async def loaded(server: URL, size: Size, *, keep: bool = False) -> AsyncIterator[URL]:
    """A new database of this size, gone afterwards unless it is to be kept."""
    async with migrated(server, keep=keep) as settings:
        database = settings.sqlalchemy_url
        began = time.monotonic()
        await data.load(address(database), size)
        connection = await asyncpg.connect(address(database))
        role = reader(database)
        await connection.execute(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{READER_PASSWORD}'")
        try:
            await connection.execute(_POLICIES.read_text().replace(":reader", f'"{role}"'))
            told = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
            print(f"Loaded {size.annotations:,} annotations in {time.monotonic() - began:.0f} s ({told}).", flush=True)
            yield database
        finally:
            if not keep:
                # A role can't go while anything is granted to it.
                await connection.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')
            await connection.close()


def address(database: URL) -> str:
    """A URL as PostgreSQL's own tools write it."""
    return database.set(drivername="postgresql").render_as_string(hide_password=False)
