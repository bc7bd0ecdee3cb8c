from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.service import Service
from tests.transfer.library import Library
from tests.transfer.press import Press
from tests.world import World
from tests.writing.asking import Shelf


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.fixture
async def press(engine: AsyncEngine, world: World, service: Service) -> Press:
    return Press(service, await Shelf(engine, world).fill(elements=0))
