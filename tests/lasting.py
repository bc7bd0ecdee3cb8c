"""A database and the application on it for many tests: those that read much and write little, or what nobody minds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.database import create_engine
from genji_graphql.settings import Settings
from tests.conftest import PATIENT, execute
from tests.service import Service
from tests.world import World

NO_ROLES = "TRUNCATE app.roles, app.permissions RESTART IDENTITY CASCADE"
"""For tests that count roles, the ones that every site begins with would be in the way."""


@dataclass(frozen=True)
class Lasting:
    service: Service
    world: World
    engine: AsyncEngine

    async def sql(self, script: str) -> None:
        """Run a script, statement by statement, and let the planner count what is there."""
        async with self.engine.begin() as connection:
            for statement in script.strip().rstrip(";").split(";\n"):
                await connection.exec_driver_sql(statement)
            await connection.exec_driver_sql("ANALYZE")


@asynccontextmanager
async def lasting(server: URL, template: str, **changed: Any) -> AsyncIterator[Lasting]:
    """A fresh copy of the migrated database, served with these settings changed."""
    name = f"{template}_{uuid4().hex[:8]}"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    settings = Settings().with_database(server.set(database=name)).model_copy(update=PATIENT | changed)
    engine = create_engine(settings)
    async with Service(settings) as service:
        yield Lasting(service, World(engine), engine)
    await engine.dispose()
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')
