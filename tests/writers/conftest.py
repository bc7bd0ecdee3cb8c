from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import URL

from tests.writers.site import Room, opened


@pytest.fixture(scope="session")
async def room(server: URL, template: str) -> AsyncIterator[Room]:
    async with opened(server, template) as room:
        yield room
