"""Attacks between things: two accounts that look alike, two changes at once, and what a change leaves of a viewer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.models import User
from genji_graphql.settings import Settings
from tests.attacks.door import COOKIE, PASSWORD, REGISTER, SIGN_IN, SITE, UPDATE_USER, Door
from tests.attacks.test_accounts import TOO_MANY, WRONG
from tests.attacks.test_changes import query
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


async def signed_in(door: Door, person: User) -> Any:
    return door.browser(Cookie=f"{COOKIE}={(await door.session(person)).token}")


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


HANGUL_FILLERS = ["\u115f", "\u1160", "\u3164", "\uffa0"]


@pytest.mark.parametrize("filler", HANGUL_FILLERS, ids=ascii)
async def test_nobody_takes_a_name_that_looks_like_anothers_or_like_none(door: Door, filler: str) -> None:
    await door.reader("keeper", "admin")

    async with door.unchanged():
        for name in (f"keeper{filler}", f"ke{filler}eper", filler * 3):
            given = {"username": name, "email": "sei@example.org", "password": PASSWORD}
            assert await door.code(door.client(), REGISTER, **given) == "INVALID_CHARACTERS"


@pytest.mark.parametrize(
    "name", [*HANGUL_FILLERS, "\u200d", "\u200c\u200d", "\u2800", "\ufe0f", "\u034f \u034f"], ids=ascii
)
async def test_nobody_hides_their_name_behind_one_that_is_not_seen(door: Door, name: str) -> None:
    person = await door.person("instructor")
    page = await signed_in(door, person)

    async with door.unchanged():
        assert await door.code(page, UPDATE_USER, id=str(person.id), firstName=name) == "INVALID_CHARACTERS"
        assert await door.code(page, query("createGroup"), name=name) == "INVALID_CHARACTERS"


@pytest.mark.parametrize("name", ["葛\U000e0100西", "می\u200cخواهم", "\u2803\u2800\u2803", "이"], ids=ascii)
async def test_what_is_seen_beside_letters_stays_in_a_name(door: Door, name: str) -> None:
    person = await door.person()
    page = await signed_in(door, person)

    assert await door.code(page, UPDATE_USER, id=str(person.id), firstName=name) is None
    assert (await door.named(person.username)).first_name == name
