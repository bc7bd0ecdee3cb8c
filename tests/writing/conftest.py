"""What the tests of writing share."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.world import World
from tests.writing.asking import Shelf


@pytest.fixture
async def shelf(engine: AsyncEngine, world: World) -> Shelf:
    return await Shelf(engine, world).fill()
