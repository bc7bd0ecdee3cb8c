import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.people.site import Site
from tests.screens.people import Screens, screens_of
from tests.service import Service
from tests.world import World


@pytest.fixture
async def screens(service: Service, world: World, engine: AsyncEngine) -> Screens:
    return await screens_of(service, world, Site(engine, world))
