"""Who asks makes no difference to what reading costs, but for the one statement that tells who it is."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.app import create_app
from genji_graphql.identity import accounts
from genji_graphql.models import User
from genji_graphql.settings import Settings
from tests.people.site import LIFETIME, Site
from tests.schema.test_reading import READING
from tests.world import World

READING_WITH_ABILITIES = READING.replace("id motivation", "viewerCan { edit delete reply } id motivation")


class Door:
    """The application as people come to it: with a token, or without one."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self.site = site
        self.app = create_app(settings)
        self.statements: list[str] = []
        event.listen(self.app.state.engine.sync_engine, "before_cursor_execute", self._count)
        self.app.state.connections.on_statement = self.statements.append

    async def cost(self, document_id: int, person: User | None = None) -> int:
        """How many statements the reading view costs, with who is asking found out."""
        headers = {}
        if person is not None:
            async with self.site.sessions.begin() as session:
                issued = await accounts.start_session(session, person.id, LIFETIME)
            headers["Authorization"] = f"Bearer {issued.token}"
        self.statements.clear()
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://genji.test", headers=headers) as client:
            body = {"query": READING_WITH_ABILITIES, "variables": {"id": str(document_id)}}
            answer = (await client.post("/graphql", json=body)).json()
        assert "errors" not in answer
        assert answer["data"]["document"]["elements"]["nodes"][0]["annotations"]["nodes"]
        return len(self.statements)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)


@pytest.fixture
async def door(settings: Settings, engine: AsyncEngine, world: World) -> AsyncIterator[Door]:
    door = Door(settings, Site(engine, world))
    yield door
    await door.app.state.close()


@pytest.mark.parametrize("elements", [2, 50])
async def test_the_reading_view_costs_everybody_the_same(door: Door, world: World, elements: int) -> None:
    assert "viewerCan" in READING_WITH_ABILITIES
    member, stranger, administrator = await world.person(), await world.person(), await door.site.administrator()
    await world.group(member)
    document = await world.document(await world.collection())
    for element in await world.elements(document, elements):
        note = await world.note(element, creator_id=member.id)
        await world.response(note, creator_id=member.id)

    anonymous = await door.cost(document.id)

    signed_in = [await door.cost(document.id, person) for person in (member, stranger, administrator)]
    assert signed_in == [signed_in[0]] * 3
    assert anonymous <= signed_in[0] <= anonymous + 2
