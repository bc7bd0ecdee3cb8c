"""One house for all tests of sight: they look at it from every side, and leave it as it is."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import URL

from tests.access.house import House
from tests.lasting import lasting


@pytest.fixture(scope="session")
async def house(server: URL, template: str) -> AsyncIterator[House]:
    async with lasting(server, template) as place:
        house = House(place)
        await house.build()
        yield house
