from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.settings import Settings
from tests.annotating.room import Room
from tests.live.house import House, serving
from tests.live.listening import Audience, at_work
from tests.people.site import Site
from tests.service import Service
from tests.world import World


@pytest.fixture
def house() -> Iterator[House]:
    House.asleep = House.woken = House.changes = 0
    with serving(House(Settings())) as house:
        yield house


@pytest.fixture
async def room(service: Service, world: World, engine: AsyncEngine) -> Room:
    return await Room(service, world, Site(engine, world)).opened()


@pytest.fixture
async def audience(room: Room) -> AsyncIterator[Audience]:
    """Those who listen to the room's service."""
    async with at_work(room.service.app):
        audience = Audience(room.service.app)
        yield audience
        audience.leave()
