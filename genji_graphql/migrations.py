"""Bringing a database to the newest migration, and telling where it stands."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.database import plain_reason
from genji_graphql.errors import Unavailable
from genji_graphql.models import SCHEMA
from genji_graphql.settings import Settings

# In a checkout the migrations stand beside the package; the wheel carries them inside it.
_HERE = Path(__file__).parent
_SCRIPTS = _HERE / "_alembic" if (_HERE / "_alembic").is_dir() else _HERE.parent / "alembic"

# Alembic keeps the migration that runs in a global, so a process runs one at a time.
_turn = asyncio.Lock()


@dataclass(frozen=True)
class MigrationState:
    """The revision a database is at, and the one that this code was written for."""

    current: str | None
    head: str | None

    @property
    def complaint(self) -> str | None:
        """Why the server can't work on this database yet, or None."""
        if self.current == self.head:
            return None
        stands = f"at migration {self.current}" if self.current else "not migrated"
        return f"The database is {stands}; this version needs {self.head}. Run `genji migrate`."


async def upgrade(engine: AsyncEngine, settings: Settings, revision: str = "head") -> None:
    await _run(engine, settings, lambda config: command.upgrade(config, revision))


async def downgrade(engine: AsyncEngine, settings: Settings, revision: str) -> None:
    await _run(engine, settings, lambda config: command.downgrade(config, revision))


async def state(engine: AsyncEngine) -> MigrationState:
    async with engine.connect() as connection:
        current = await connection.run_sync(_current_revision)
    return MigrationState(current, head())


@cache
def head() -> str | None:
    return ScriptDirectory.from_config(configuration()).get_current_head()


def configuration() -> Config:
    config = Config()
    # ConfigParser would read a % in the path as the start of a name.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


async def _run(engine: AsyncEngine, settings: Settings, act: Callable[[Config], None]) -> None:
    config = configuration()
    config.attributes["settings"] = settings

    def on(connection: Connection) -> None:
        config.attributes["connection"] = connection
        act(config)

    try:
        async with _turn, engine.connect() as connection:
            await connection.run_sync(on)
    except (OSError, DBAPIError, CommandError) as error:
        raise Unavailable(f"The database could not be migrated: {plain_reason(error)}.") from error


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()
