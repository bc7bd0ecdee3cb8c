"""Attacks between things: two accounts that look alike, two changes at once, and what a change leaves of a viewer."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.settings import Settings
from tests.attacks.door import PASSWORD, SIGN_IN, SITE, Door
from tests.attacks.test_accounts import TOO_MANY, WRONG
from tests.identity.conftest import hasher as hasher
from tests.world import World

pytestmark = pytest.mark.usefixtures("hasher")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"base_url": SITE})


@pytest.fixture
async def door(settings: Settings, engine: AsyncEngine, world: World) -> AsyncIterator[Door]:
    async with Door(settings, engine, world) as door:
        yield door


# Accounts that look alike


@pytest.mark.parametrize(("victim", "thief"), [("genji", "gēnji"), ("gēnji", "genji"), ("がんじ", "かんじ")])
async def test_signing_in_as_oneself_gives_no_further_attempts_on_a_namesake(
    door: Door, victim: str, thief: str
) -> None:
    for name in (victim, thief):
        await door.reader(name)
    told: list[str | None] = []
    for _ in range(3):
        told += [await door.code(door.client(), SIGN_IN, login=victim, password=WRONG) for _ in range(6)]
        await door.code(door.client(), SIGN_IN, login=thief, password=PASSWORD)

    assert told.count("WRONG_CREDENTIALS") < 10
    assert told[-1] == TOO_MANY
