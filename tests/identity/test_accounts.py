"""Accounts from the first registration to the last session: who gets in, and what ends that."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.errors import Invalid, NotAllowed, NotFound
from genji_graphql.identity import accounts
from genji_graphql.identity.tokens import hash_of
from genji_graphql.models import (
    AccessToken,
    PasswordReset,
    SsoConfiguration,
    SsoIdentity,
    User,
    UserPassword,
    UserSession,
)
from tests.identity.conftest import PASSWORD, CountingHasher, Site
from tests.world import World

OTHER = "Another-word-2"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def refused(doing: object, field: str | None, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await doing  # type: ignore[misc]
    assert (refusal.value.field, refusal.value.code) == (field, code)


# Registering


async def test_the_first_to_register_is_administrator_and_the_second_a_student(site: Site) -> None:
    first, second = await site.register("murasaki"), await site.register("sei")

    assert (first.is_administrator, second.is_administrator) == (True, False)
    assert await site.roles_of(first.user_id) == {"admin"}
    assert await site.roles_of(second.user_id) == {"student"}


async def test_two_who_register_first_at_once_give_one_administrator(site: Site) -> None:
    registered = await asyncio.gather(*(site.register(f"person{number}") for number in range(5)))

    assert sorted(one.is_administrator for one in registered) == [False] * 4 + [True]


async def test_people_who_cannot_sign_in_do_not_count_as_the_first(site: Site, world: World) -> None:
    await world.person("an-author-of-long-ago")

    assert (await site.register()).is_administrator


@pytest.mark.parametrize("how", ["password", "identity", "configuration"])
async def test_a_site_that_somebody_can_sign_in_to_has_its_administrator(site: Site, world: World, how: str) -> None:
    somebody = await world.person("genji")
    match how:
        case "password":
            await world.add(UserPassword(user_id=somebody.id, hashed_password="$2b$12$"))
        case "identity":
            await world.add(SsoIdentity(user_id=somebody.id, subject="genji"))
        case "configuration":
            await world.add(
                SsoConfiguration(
                    enabled=True,
                    server_url="https://cas.example.org/",
                    attribute_mapping={},
                    updated_by_id=somebody.id,
                )
            )

    assert not (await site.register()).is_administrator


@pytest.mark.parametrize("taken", ["murasaki", "MURASAKI", "ｍurasaki", "Murasaki "])
async def test_a_taken_user_name_is_refused_in_any_case_and_form(site: Site, taken: str) -> None:
    await site.register("murasaki")

    await refused(site.register(taken, email="other@example.org"), "username", "TAKEN")
    assert await site.usernames() == {"murasaki"}
    assert len(await site.all(select(UserPassword.id))) == 1


@pytest.mark.parametrize(
    ("name", "same"), [("Žižek", "ŽIŽEK"), ("Strauß", "STRAUSS"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Andre\u0301", "ANDRÉ")]
)
async def test_names_beyond_ascii_are_compared_without_case_too(site: Site, name: str, same: str) -> None:
    await site.register(name, email="one@example.org")

    await refused(site.register(same, email="two@example.org"), "username", "TAKEN")
    assert await site.sign_in(same)


async def test_names_are_compared_alike_where_the_collation_knows_only_ascii(site: Site) -> None:
    async with site.reading() as session:
        plain = await session.scalar(text("""SELECT lower('É' COLLATE "C")"""))
        ours = await session.scalar(text("""SELECT app.folded('É' COLLATE "C")"""))

    assert (plain, ours) == ("É", "é")


async def test_a_taken_address_is_refused_in_any_case_and_form(site: Site) -> None:
    await site.register("murasaki", email="m@example.org")

    for number, address in enumerate(["m@example.org", "M@EXAMPLE.ORG", "ｍ@example.org"]):
        await refused(site.register(f"other{number}", email=address), "email", "TAKEN")
    assert await site.usernames() == {"murasaki"}


async def test_one_of_many_gets_a_name_that_all_ask_for_at_once(site: Site) -> None:
    spellings = ["sei", "Sei", "SEI", "ｓｅｉ"]
    asked = (site.register(name, email=f"{number}@example.org") for number, name in enumerate(spellings))

    outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(outcome, accounts.Registered) for outcome in outcomes) == 1
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Invalid)} == {"TAKEN"}
    assert len(await site.usernames()) == 1


async def test_names_are_kept_trimmed_and_empty_ones_are_none(site: Site) -> None:
    registered = await site.register(first_name=" Murasaki ", last_name="  ")

    (person,) = await site.all(select(User).where(User.id == registered.user_id))
    assert (person.first_name, person.last_name, person.display_name) == ("Murasaki", None, "Murasaki")
    await refused(site.register("sei", first_name="a\nb"), "firstName", "INVALID_CHARACTERS")


# Signing in


async def test_people_sign_in_by_user_name_or_address_in_any_case(site: Site) -> None:
    registered = await site.register("murasaki")

    for login in ("murasaki", "MURASAKI", "murasaki@example.org", " Murasaki@Example.ORG "):
        issued = await site.sign_in(login)
        assert issued.user_id == registered.user_id
        viewer = await site.viewer(issued.token)
        assert (viewer.user_id, viewer.session_id, viewer.expires_at) == (
            registered.user_id,
            issued.id,
            issued.expires_at,
        )


async def test_every_sign_in_has_a_token_of_its_own_which_is_nowhere_in_the_database(site: Site) -> None:
    await site.register()

    one, two = await site.sign_in("murasaki"), await site.sign_in("murasaki")

    assert one.token != two.token
    assert set(await site.all(select(UserSession.token_hash))) == {hash_of(one.token), hash_of(two.token)}
    assert one.token not in repr(one)


async def test_an_unknown_name_a_wrong_password_and_a_closed_account_are_one_answer_at_one_cost(
    site: Site, world: World, hasher: CountingHasher
) -> None:
    await site.register("murasaki")
    closed = await site.register("sei")
    await site.deactivate(closed.user_id)
    await world.person("izumi", email="izumi@example.org")  # has no password
    attempts = [
        ("murasaki", "Wrong-word-1"),
        ("murasaki@example.org", "Wrong-word-1"),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("sei", PASSWORD),
        ("izumi", PASSWORD),
        ("izumi@example.org", ""),
        ("", ""),
        ("a\x00b", "\x00"),
        ("\ud800", "\ud800"),
        ("murasaki", PASSWORD + "x" * 200),
        ("murasaki' OR 1=1 --", PASSWORD),
    ]
    answers = set()
    for login, password in attempts:
        site.statements.clear()
        hasher.verified = hasher.hashed = 0
        with pytest.raises(Invalid) as refusal:
            await site.sign_in(login, password)
        answers.add(
            (
                str(refusal.value),
                refusal.value.field,
                refusal.value.code,
                len(site.statements),
                hasher.verified,
                hasher.hashed,
            )
        )

    assert answers == {("The user name or the password is wrong.", None, "WRONG_CREDENTIALS", 1, 1, 0)}
    assert await site.all(select(UserSession.id)) == []


async def test_an_address_is_never_taken_for_a_user_name(site: Site, world: World) -> None:
    await site.register("murasaki", email="m@example.org")
    await world.person("m@example.org")  # as an older system may have let people be called

    assert (await site.viewer((await site.sign_in("m@example.org")).token)).user_id is not None


async def test_who_changes_the_password_while_somebody_signs_in_ends_that_session(site: Site) -> None:
    """Either order: the sign-in fails, or its session is ended with the others."""
    registered = await site.register()
    mine = await site.sign_in("murasaki")

    async def change() -> None:
        await accounts.change_password(
            site.sessions,
            site.limits,
            user_id=registered.user_id,
            session_id=mine.id,
            current=PASSWORD,
            new=OTHER,
        )

    await asyncio.gather(*(site.sign_in("murasaki") for _ in range(8)), change(), return_exceptions=True)

    assert await site.all(select(UserSession.id)) == [mine.id]


async def test_a_session_ends_when_its_time_is_over(site: Site) -> None:
    await site.register()
    issued = await site.sign_in("murasaki")
    other = await site.sign_in("murasaki")
    async with site.sessions.begin() as session:
        await session.execute(update(UserSession).where(UserSession.id == issued.id).values(expires_at=LONG_AGO))

    assert await site.viewer(issued.token) == ANONYMOUS
    assert (await site.viewer(other.token)).session_id == other.id
    third = await site.sign_in("murasaki")
    assert set(await site.all(select(UserSession.id))) == {other.id, third.id}


# Ending


async def test_signing_out_ends_this_session_and_no_other(site: Site) -> None:
    await site.register()
    here, there = await site.sign_in("murasaki"), await site.sign_in("murasaki")

    async with site.sessions.begin() as session:
        await accounts.sign_out(session, here.id)
        await accounts.sign_out(session, here.id)

    assert await site.viewer(here.token) == ANONYMOUS
    assert (await site.viewer(there.token)).session_id == there.id


async def test_deactivating_ends_sessions_tokens_and_reset_links(site: Site) -> None:
    registered = await site.register()
    issued, access = await site.sign_in("murasaki"), await site.access_token(registered.user_id)
    reset = await site.request_reset("murasaki")
    assert reset

    await site.deactivate(registered.user_id)

    assert await site.viewer(issued.token) == await site.viewer(access.token) == ANONYMOUS
    await refused(site.reset(reset.token, OTHER), "token", "EXPIRED")
    assert await site.request_reset("murasaki") is None
    with pytest.raises(NotAllowed):
        await site.access_token(registered.user_id)
    async with site.sessions.begin() as session:
        await session.execute(update(User).values(is_active=True))
    assert await site.viewer(issued.token) == await site.viewer(access.token) == ANONYMOUS
    with pytest.raises(NotFound):
        await site.deactivate(registered.user_id + 1)


async def test_an_account_that_is_closed_by_other_means_is_closed_at_once(site: Site) -> None:
    registered = await site.register()
    issued, access = await site.sign_in("murasaki"), await site.access_token(registered.user_id)

    async with site.sessions.begin() as session:
        await session.execute(update(User).values(is_active=False))

    assert await site.viewer(issued.token) == await site.viewer(access.token) == ANONYMOUS


# Passwords


async def test_changing_the_password_ends_the_other_sessions(site: Site) -> None:
    registered = await site.register()
    here, there = await site.sign_in("murasaki"), await site.sign_in("murasaki")
    reset = await site.request_reset("murasaki")
    assert reset

    await accounts.change_password(
        site.sessions, site.limits, user_id=registered.user_id, session_id=here.id, current=PASSWORD, new=OTHER
    )

    assert (await site.viewer(here.token)).session_id == here.id
    assert await site.viewer(there.token) == ANONYMOUS
    await refused(site.sign_in("murasaki"), None, "WRONG_CREDENTIALS")
    await refused(site.reset(reset.token, PASSWORD), "token", "EXPIRED")
    assert await site.sign_in("murasaki", OTHER)


@pytest.mark.parametrize(
    ("current", "new", "field", "code"),
    [
        ("Wrong-word-1", OTHER, "currentPassword", "WRONG_CREDENTIALS"),
        ("", OTHER, "currentPassword", "WRONG_CREDENTIALS"),
        (PASSWORD, "weak", "newPassword", "TOO_SHORT"),
    ],
)
async def test_a_password_that_may_not_be_changed_stays_and_so_do_the_sessions(
    site: Site, current: str, new: str, field: str, code: str
) -> None:
    registered = await site.register()
    there = await site.sign_in("murasaki")

    change = accounts.change_password(
        site.sessions, site.limits, user_id=registered.user_id, session_id=None, current=current, new=new
    )

    await refused(change, field, code)
    assert (await site.viewer(there.token)).session_id == there.id
    assert await site.sign_in("murasaki")


async def test_a_reset_link_works_once_and_ends_everything_that_was_open(site: Site) -> None:
    registered = await site.register()
    issued = await site.sign_in("murasaki")
    access = await site.access_token(registered.user_id)
    older, reset = await site.request_reset("murasaki"), await site.request_reset("Murasaki@example.org")
    assert older
    assert reset
    assert (reset.username, reset.email) == ("murasaki", "murasaki@example.org")
    assert reset.token not in repr(reset)

    assert await site.reset(reset.token, OTHER) == registered.user_id

    assert await site.viewer(issued.token) == await site.viewer(access.token) == ANONYMOUS
    await refused(site.reset(reset.token, PASSWORD), "token", "EXPIRED")
    await refused(site.reset(older.token, PASSWORD), "token", "EXPIRED")
    assert await site.sign_in("murasaki", OTHER)


async def test_a_reset_link_that_is_used_twice_at_once_works_once(site: Site) -> None:
    await site.register()
    reset = await site.request_reset("murasaki")
    assert reset

    both = await asyncio.gather(
        site.reset(reset.token, OTHER), site.reset(reset.token, PASSWORD), return_exceptions=True
    )

    assert sum(isinstance(outcome, Invalid) for outcome in both) == 1


async def test_a_reset_link_is_good_for_an_hour(site: Site) -> None:
    await site.register()
    reset = await site.request_reset("murasaki")
    assert reset
    (expires_at,) = await site.all(select(PasswordReset.expires_at))
    (created_at,) = await site.all(select(PasswordReset.created_at))
    assert abs(expires_at - created_at - timedelta(hours=1)) < timedelta(minutes=1)
    async with site.sessions.begin() as session:
        await session.execute(update(PasswordReset).values(expires_at=LONG_AGO))

    await refused(site.reset(reset.token, OTHER), "token", "EXPIRED")
    assert await site.sign_in("murasaki")


async def test_a_weak_password_leaves_the_link_good(site: Site) -> None:
    await site.register()
    reset = await site.request_reset("murasaki")
    assert reset

    await refused(site.reset(reset.token, "weak"), "password", "TOO_SHORT")

    assert await site.reset(reset.token, OTHER)


async def test_asking_for_a_link_costs_the_same_for_whoever_does_not_exist(site: Site, world: World) -> None:
    await site.register()
    await world.person("izumi", email="izumi@example.org")  # signs in elsewhere, and gets no password this way
    costs = set()
    for login in ("murasaki", "nobody", "izumi", "nobody@example.org", "\x00"):
        site.statements.clear()
        found = await site.request_reset(login)
        assert (found is not None) == (login == "murasaki")
        costs.add(len(site.statements))

    assert costs == {1}


async def test_a_made_up_link_is_too_old_and_hashes_once_like_a_good_one(site: Site, hasher: CountingHasher) -> None:
    await site.register()
    hasher.hashed = 0

    await refused(site.reset("made up", OTHER), "token", "EXPIRED")

    assert hasher.hashed == 1


async def test_an_operator_sets_a_password_and_whoever_was_in_is_out(site: Site, world: World) -> None:
    registered = await site.register()
    imported = await world.person("izumi")
    issued, access = await site.sign_in("murasaki"), await site.access_token(registered.user_id)

    async with site.sessions.begin() as session:
        await accounts.set_password(session, registered.user_id, OTHER)
        await accounts.set_password(session, imported.id, OTHER)

    assert await site.viewer(issued.token) == await site.viewer(access.token) == ANONYMOUS
    assert await site.sign_in("murasaki", OTHER)
    assert await site.sign_in("izumi", OTHER)


# Access tokens


async def test_an_access_token_is_its_owner_within_its_scopes(site: Site) -> None:
    administrator = await site.register()
    tokens = {
        scopes: await site.access_token(administrator.user_id, *scopes)
        for scopes in [("read",), ("read", "write"), ("write", "administer")]
    }
    viewers = {scopes: await site.viewer(issued.token) for scopes, issued in tokens.items()}

    assert {viewer.user_id for viewer in viewers.values()} == {administrator.user_id}
    assert {viewer.session_id for viewer in viewers.values()} == {None}
    assert [viewer.may_write for viewer in viewers.values()] == [False, True, True]
    assert [viewer.is_administrator for viewer in viewers.values()] == [False, False, True]
    assert viewers["read",].permissions == {
        "create_collection",
        "create_group",
        "create_scholarly_annotation",
        "list_users",
    }


async def test_use_of_an_access_token_is_noted_once_a_minute(site: Site) -> None:
    registered = await site.register()
    issued = await site.access_token(registered.user_id)
    assert await site.all(select(AccessToken.last_used_at)) == [None]

    await site.viewer(issued.token)
    (first,) = await site.all(select(AccessToken.last_used_at))
    await site.viewer(issued.token)

    assert first is not None
    assert await site.all(select(AccessToken.last_used_at)) == [first]


async def test_an_access_token_ends_when_it_expires_or_is_revoked(site: Site) -> None:
    registered, other = await site.register(), await site.register("sei")
    soon = datetime.now(UTC) + timedelta(hours=1)
    expiring = await site.access_token(registered.user_id, expires_at=soon)
    revoked = await site.access_token(registered.user_id)
    assert (await site.viewer(expiring.token)).expires_at == soon

    async with site.sessions.begin() as session:
        with pytest.raises(NotFound):
            await accounts.revoke_access_token(session, user_id=other.user_id, token_id=revoked.id)
    assert (await site.viewer(revoked.token)).user_id == registered.user_id
    async with site.sessions.begin() as session:
        await accounts.revoke_access_token(session, user_id=registered.user_id, token_id=revoked.id)
        await session.execute(update(AccessToken).where(AccessToken.id == expiring.id).values(expires_at=LONG_AGO))

    assert await site.viewer(revoked.token) == await site.viewer(expiring.token) == ANONYMOUS
    async with site.reading() as session:
        assert [token.id for token in await accounts.access_tokens(session, registered.user_id)] == [expiring.id]
        assert await accounts.access_tokens(session, other.user_id) == []


async def test_access_tokens_are_named_scoped_and_end_in_the_future(site: Site) -> None:
    registered = await site.register()

    await refused(site.access_token(registered.user_id, name="  "), "name", "TOO_SHORT")
    await refused(site.access_token(registered.user_id, name="x" * 101), "name", "TOO_LONG")
    await refused(site.access_token(registered.user_id, "everything"), "scopes", "INVALID")
    await refused(site.access_token(registered.user_id, expires_at=LONG_AGO), "expiresAt", "INVALID")
    await refused(site.access_token(registered.user_id, expires_at=datetime(2099, 1, 1)), "expiresAt", "INVALID")  # noqa: DTZ001
    assert await site.all(select(AccessToken.id)) == []


# Who is asking


async def test_who_is_asking_is_found_in_one_statement_with_roles_and_classrooms(site: Site, world: World) -> None:
    registered = await site.register()
    person = await world.add(User(username="sei"))
    mine = await world.group(created_by_id=registered.user_id)
    joined = await world.group(await site_person(site, registered.user_id), created_by_id=person.id)
    await world.group(person)
    issued = await site.sign_in("murasaki")

    site.statements.clear()
    viewer = await site.viewer(issued.token)

    assert len(site.statements) == 1
    assert viewer.group_ids == {mine.id, joined.id}
    assert viewer.is_administrator
    assert viewer.is_instructor
    assert viewer.may_write
    assert {"manage_all_content", "manage_sso", "assign_roles"} <= viewer.permissions


async def test_each_role_gives_what_it_should(site: Site) -> None:
    await site.register()
    student = await site.register("sei")
    issued = await site.sign_in("sei")
    assert (await site.viewer(issued.token)).permissions == frozenset()

    async def with_role(role: str) -> frozenset[str]:
        async with site.sessions.begin() as session:
            await accounts.add_role(session, student.user_id, role)
            await accounts.add_role(session, student.user_id, role)
        return (await site.viewer(issued.token)).permissions

    assert await with_role("no such role") == frozenset()
    assert await with_role("verified_scholar") == {"create_scholarly_annotation"}
    assert await with_role("instructor") == {
        "create_collection",
        "create_group",
        "create_scholarly_annotation",
        "list_users",
    }


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\x00", "\ud800", "' OR true --"])
async def test_what_is_no_token_is_nobody(site: Site, token: str) -> None:
    await site.register()
    await site.sign_in("murasaki")

    assert await site.viewer(token) == ANONYMOUS


async def test_the_hash_of_a_token_is_no_token(site: Site) -> None:
    await site.register()
    issued = await site.sign_in("murasaki")

    assert await site.viewer(hash_of(issued.token).hex()) == ANONYMOUS


async def test_no_password_and_no_token_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    registered = await site.register()
    issued, access = await site.sign_in("murasaki"), await site.access_token(registered.user_id)
    await site.viewer(issued.token)
    reset = await site.request_reset("murasaki")
    assert reset
    await refused(site.sign_in("murasaki", "Wrong-word-1"), None, "WRONG_CREDENTIALS")
    await site.reset(reset.token, OTHER)

    for secret in (PASSWORD, OTHER, "Wrong-word-1", issued.token, access.token, reset.token):
        assert secret not in caplog.text


async def site_person(site: Site, user_id: int) -> User:
    (person,) = await site.all(select(User).where(User.id == user_id))
    assert isinstance(person, User)
    return person
