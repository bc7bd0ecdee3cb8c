import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.annotating.room import Room
from tests.people.site import Site
from tests.service import Service
from tests.world import World


@pytest.fixture
async def room(service: Service, world: World, engine: AsyncEngine) -> Room:
    return await Room(service, world, Site(engine, world)).opened()
