"""One database for all worlds: each takes the place of the one before."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Sessions, reading_sessions
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.settings import Settings
from tests.conftest import connect, execute
from tests.matrix.questions import Question
from tests.matrix.statement import World
from tests.matrix.worlds import token_of, write
from tests.service import Service


@dataclass
class Site:
    """A server, whose database holds one world after another."""

    service: Service
    connection: asyncpg.Connection
    sessions: Sessions
    _viewers: dict[int, Viewer] = field(default_factory=dict)

    async def become(self, world: World) -> None:
        await write(self.connection, world)
        self._viewers.clear()

    async def viewer(self, person_id: int | None) -> Viewer:
        """Who holds the session of a person, or a token that is nobody's."""
        number = person_id or 0
        if number not in self._viewers:
            async with self.sessions() as session:
                self._viewers[number] = await viewer_of(session, token_of(number))
        return self._viewers[number]

    async def differences(self, person_id: int | None, question: Question) -> list[str]:
        """Where the answer to this person isn't what the statement says."""
        viewer = await self.viewer(person_id)
        return question.differences(await self.service.ask(question.query, question.variables, viewer=viewer))


@pytest.fixture(scope="session")
async def site(server: URL, template: str) -> AsyncIterator[Site]:
    name = f"{template}_{uuid4().hex[:8]}"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    # So small a world is read faster than its queries are compiled.
    await execute(server, f'ALTER DATABASE "{name}" SET jit = off')
    url = server.set(database=name)
    connection = await connect(url)
    async with Service(Settings().with_database(url)) as service:
        yield Site(service, connection, reading_sessions(service.engine))
    await connection.close()
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')
