"""Runs migrations: on a connection that the server hands over, or by `alembic …` on the settings' database."""

import asyncio
import logging
import sys

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from genji_graphql.database import plain_reason
from genji_graphql.models import SCHEMA, Base
from genji_graphql.settings import Settings

# Two processes that start at once migrate one after the other. The number is arbitrary, and ours.
MIGRATION_LOCK = 7_336_452


def migrate(connection: Connection) -> None:
    """Each migration is a transaction that gives up on a lock rather than queue the site's traffic behind it."""
    milliseconds = int(settings.db_lock_timeout * 1000)
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    try:
        connection.execute(text(f"SET lock_timeout = {milliseconds}"))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table_schema=SCHEMA,
            include_schemas=True,
            include_name=lambda name, kind, _: kind != "schema" or name == SCHEMA,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("RESET lock_timeout"))  # the connection may go back to a pool
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


async def migrate_settings_database() -> None:
    if settings.uses_embedded_database:
        sys.exit("alembic needs DATABASE_URL or DB_HOST. The embedded database is migrated by `genji migrate`.")
    if context.is_offline_mode():
        raise CommandError("Migrations run on a database here; --sql isn't supported.")
    try:
        async with create_async_engine(settings.sqlalchemy_url, poolclass=NullPool).connect() as connection:
            await connection.run_sync(migrate)
    except (OSError, DBAPIError) as error:
        # Alembic prints no more than this sentence, unless it is asked with --raiseerr.
        raise CommandError(f"The database could not be migrated: {plain_reason(error)}.") from error


settings = context.config.attributes.get("settings") or Settings()
given = context.config.attributes.get("connection")

if given is not None:
    migrate(given)
else:
    logging.basicConfig(format="%(levelname)-5s [%(name)s] %(message)s")
    logging.getLogger("alembic").setLevel(logging.INFO)
    asyncio.run(migrate_settings_database())
