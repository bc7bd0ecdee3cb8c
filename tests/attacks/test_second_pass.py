"""Attacks between things: two accounts that look alike, two changes at once, and what a change leaves of a viewer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from genji_graphql.identity import accounts
from genji_graphql.models import ObjectShare, User, group_members, user_roles
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AccessLevel, Visibility
from genji_graphql.writes import groups, people, shares
from tests.attacks.door import COOKIE, PASSWORD, REGISTER, SIGN_IN, SITE, UPDATE_USER, Door
from tests.attacks.test_accounts import TOO_MANY, WRONG
from tests.attacks.test_changes import query
from tests.identity.conftest import hasher as hasher
from tests.waiting import waiting_for_a_lock
from tests.world import World

Change = Callable[[AsyncSession], Awaitable[Any]]


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


# Two at once


async def meanwhile(door: Door, change: Change, attempt: Awaitable[str | None]) -> str | None:
    """What comes of an attempt that had begun, and waited, before this change was made."""
    async with door.sessions.begin() as session:
        await change(session)
        waiting = asyncio.ensure_future(attempt)
        await waiting_for_a_lock(door.engine.url)
    return await waiting


async def test_a_manager_does_not_undo_their_demotion_by_asking_at_the_same_moment(door: Door, world: World) -> None:
    owner, manager = await door.person(), await door.person()
    collection = await world.collection(Visibility.SHARED, owner_id=owner.id)
    share = await world.share(collection, manager, AccessLevel.MANAGE)
    by, page = await door.viewer(owner), await signed_in(door, manager)

    told = await meanwhile(
        door,
        lambda session: shares.update_share(session, by, share.id, AccessLevel.VIEW),
        door.code(page, query("updateShare"), id=str(share.id), accessLevel="MANAGE"),
    )

    assert told == "FORBIDDEN"
    assert await door.all(select(ObjectShare.access_level)) == [AccessLevel.VIEW]


async def test_an_instructor_does_not_come_back_by_asking_at_the_same_moment(door: Door, world: World) -> None:
    creator, colleague = await door.person("instructor"), await door.person("instructor")
    group = await world.group(creator, colleague, created_by_id=creator.id)
    by, page = await door.viewer(creator), await signed_in(door, colleague)

    told = await meanwhile(
        door,
        lambda session: groups.remove_members(session, by, group.id, [colleague.id]),
        door.code(page, query("addGroupMembers"), id=str(group.id), logins=[colleague.username]),
    )

    assert told == "NOT_FOUND"
    assert await door.all(select(group_members.c.user_id)) == [creator.id]


async def test_who_is_removed_from_a_closed_group_is_shown_its_roster_no_more_by_joining(
    door: Door, world: World
) -> None:
    creator, pupil = await door.person("instructor"), await door.person()
    group = await world.group(creator, pupil, created_by_id=creator.id, end_date=date(2020, 1, 31))
    by, page = await door.viewer(creator), await signed_in(door, pupil)

    told = await meanwhile(
        door,
        lambda session: groups.remove_members(session, by, group.id, [pupil.id]),
        door.code(page, query("joinGroup", "group { members { nodes { username } } }"), token=group.join_token),
    )

    assert told == "CLOSED"


async def test_an_administrator_does_not_undo_their_removal_by_asking_at_the_same_moment(door: Door) -> None:
    keeper, other = await door.administrator(), await door.administrator()
    by, page, role = await door.viewer(keeper), await signed_in(door, other), await door.role_id("admin")

    told = await meanwhile(
        door,
        lambda session: people.revoke_role(session, by, other.id, int(role)),
        door.code(page, query("assignRole"), userId=str(other.id), roleId=role),
    )

    assert told == "FORBIDDEN"
    assert await door.all(select(user_roles.c.user_id)) == [keeper.id]


async def test_nobody_opens_their_account_again_by_asking_at_the_same_moment(door: Door) -> None:
    keeper, other = await door.administrator(), await door.administrator()
    by, page = await door.viewer(keeper), await signed_in(door, other)

    told = await meanwhile(
        door,
        lambda session: people.deactivate(session, by, other.id),
        door.code(page, query("reactivateUser"), id=str(other.id)),
    )

    assert told == "NOT_FOUND"
    assert not (await door.named(other.username)).is_active


async def test_an_intruder_does_not_take_the_address_while_the_password_is_reset(door: Door) -> None:
    await door.reader("keeper", "admin")
    victim = await door.reader("murasaki")
    intruder = await signed_in(door, victim)
    secret = "Beneath-the-maples-8"

    told = await meanwhile(
        door,
        lambda session: accounts.set_password(session, victim.id, secret),
        door.code(intruder, UPDATE_USER, id=str(victim.id), email="thief@example.org"),
    )

    assert told == "NOT_FOUND"
    assert (await door.named("murasaki")).email == "murasaki@example.org"


async def test_a_token_that_is_ended_makes_no_change_that_was_waiting(door: Door) -> None:
    await door.reader("keeper", "admin")
    victim = await door.reader("murasaki")
    stolen = await door.access_token(victim, "write")
    program = door.client(Authorization=f"Bearer {stolen.token}")

    told = await meanwhile(
        door,
        lambda session: accounts.set_password(session, victim.id, "Beneath-the-maples-8"),
        door.code(program, UPDATE_USER, id=str(victim.id), lastName="Thief"),
    )

    assert told == "NOT_FOUND"
    assert (await door.named("murasaki")).last_name is None


# What is hidden


async def test_to_change_a_hidden_thing_is_answered_like_a_missing_one_and_costs_the_same(
    door: Door, world: World
) -> None:
    owner, stranger, hidden = await door.person(), await door.person("instructor"), await door.person()
    group, own = await world.group(owner), await world.collection(Visibility.SHARED, owner_id=stranger.id)
    share = await world.share(await world.collection(Visibility.PRIVATE, owner_id=owner.id), hidden)
    page = await signed_in(door, stranger)
    sharing = {"objectId": global_id("DocumentCollection", own.id), "accessLevel": "VIEW"}

    changes: list[tuple[str, str, int, dict[str, Any]]] = [
        *((name, "id", group.id, {}) for name in ("updateGroup", "deleteGroup", "rotateJoinLink")),
        *((name, "id", group.id, {"logins": ["sei"]}) for name in ("addGroupMembers", "removeGroupMembers")),
        *((name, "id", hidden.id, {}) for name in ("updateUser", "deactivateUser", "reactivateUser")),
        *((name, "userId", hidden.id, {"roleId": "1"}) for name in ("assignRole", "revokeRole")),
        ("updateRole", "id", int(await door.role_id("admin")), {}),
        ("updateShare", "id", share.id, {"accessLevel": "VIEW"}),
        ("revokeShare", "id", share.id, {}),
        ("shareObject", "userId", hidden.id, sharing),
        ("shareObject", "groupId", group.id, sharing),
    ]
    async with door.unchanged():
        for name, field, there, given in changes:
            told = []
            for number in (there, 999_999):
                error = (await door.ask(page, query(name), **given, **{field: str(number)}))["errors"]
                told.append((error, len(door.statements)))
            assert told[0] == told[1]
            assert told[0][0][0]["code"] == "NOT_FOUND", name


# What a change leaves of a viewer


async def test_who_lost_a_role_by_a_change_is_shown_its_outcome_without_it(door: Door, world: World) -> None:
    await door.administrator()
    teacher, pupil = await door.person("admin", "instructor"), await door.person()
    await world.group(teacher, pupil)
    page = await signed_in(door, teacher)
    fields = "user { groups { nodes { joinToken viewerCan { manageMembers } members { nodes { email } } } } }"

    given = {"userId": str(teacher.id), "roleId": await door.role_id("admin")}
    before = (await door.ask(page, query("revokeRole", fields), **given))["user"]["groups"]["nodes"]
    assert before[0]["joinToken"]

    await world.run(insert(user_roles).values(user_id=teacher.id, role_id=int(given["roleId"])))
    await door.ask(page, query("revokeRole"), userId=str(teacher.id), roleId=await door.role_id("instructor"))
    (group,) = (await door.ask(page, query("revokeRole", fields), **given))["user"]["groups"]["nodes"]
    assert group == {
        "joinToken": None,
        "viewerCan": {"manageMembers": False},
        "members": {"nodes": [{"email": teacher.email}, {"email": None}]},
    }


async def test_who_closed_their_account_is_shown_no_more_than_anybody(door: Door, world: World) -> None:
    await door.administrator()
    person, pupil = await door.administrator(), await door.person()
    await world.group(person, pupil)
    fields = "user { email groups { nodes { id } } roles { nodes { name } } viewerCan { edit deactivate } }"

    told = await door.ask(await signed_in(door, person), query("deactivateUser", fields), id=str(person.id))

    assert told["errors"] == []
    assert told["user"] == {
        "email": None,
        "groups": {"nodes": []},
        "roles": {"nodes": []},
        "viewerCan": {"edit": False, "deactivate": False},
    }
