from collections.abc import Iterator

import pytest

from genji_graphql.settings import Settings
from tests.live.house import House, serving


@pytest.fixture
def house() -> Iterator[House]:
    House.asleep = House.woken = House.changes = 0
    with serving(House(Settings())) as house:
        yield house
