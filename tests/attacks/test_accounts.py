"""Attacks on accounts: on passwords, sessions, tokens and what guards them."""

import asyncio
import itertools
import logging
import unicodedata
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import GenjiError
from genji_graphql.identity import accounts, cas, passwords
from genji_graphql.identity.limits import Limits, _folded
from genji_graphql.models import AccessToken, SsoIdentity, User, folded
from genji_graphql.settings import Settings
from genji_graphql.writes import people
from genji_graphql.writes.finding import find
from tests.attacks.door import (
    CHANGE_PASSWORD,
    COOKIE,
    OTHER,
    PASSWORD,
    REGISTER,
    REQUEST_RESET,
    RESET,
    SIGN_IN,
    SIGN_OUT,
    SITE,
    UPDATE_USER,
    WHO,
    Door,
)
from tests.identity.conftest import CountingHasher
from tests.identity.conftest import hasher as hasher
from tests.identity.test_cas import CasServer
from tests.identity.test_cas import cas_server as cas_server
from tests.world import World

WRONG = "Wrong-password-9"
TOO_MANY = "TOO_MANY_ATTEMPTS"
ACCENTS = "a" + "\u0301\u0316" * 100_000
"""To put these in order takes the square of their number."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"base_url": SITE, "sso_private_network": True})


@pytest.fixture
async def door(settings: Settings, engine: AsyncEngine, world: World) -> AsyncIterator[Door]:
    async with Door(settings, engine, world) as door:
        yield door


@pytest.fixture(autouse=True)
async def victim(door: Door) -> User:
    """Who is attacked: somebody with a password, on a site that has an administrator."""
    await door.reader("keeper", "admin")
    return await door.reader("murasaki", "student")


# Sessions


async def test_whoever_shuts_themselves_out_makes_no_further_change_in_the_same_request(door: Door) -> None:
    admin = await door.reader("leaving", "admin")
    program = door.client(Authorization=f"Bearer {(await door.session(admin)).token}")

    answer = await program.post(
        "/graphql",
        json={
            "query": f'mutation {{ a: deactivateUser(input: {{id: "{admin.id}"}}) {{ errors {{ code }} }} '
            'b: updateSiteSettings(input: {siteTitle: "Mine"}) { errors { code } } }'
        },
    )

    assert answer.json()["data"] == {"a": {"errors": []}, "b": {"errors": [{"code": "FORBIDDEN"}]}}
    assert (await door.contents())["site_settings"] == []


async def test_a_lost_role_is_lost_for_the_rest_of_the_request(door: Door) -> None:
    admin = await door.reader("leaving", "admin")
    program = door.client(Authorization=f"Bearer {(await door.session(admin)).token}")
    role = await door.role_id("admin")
    given = f'(input: {{userId: "{admin.id}", roleId: "{role}"}}) {{ errors {{ code }} }}'

    answer = await program.post("/graphql", json={"query": f"mutation {{ a: revokeRole{given} b: assignRole{given} }}"})

    a, b = answer.json()["data"].values()
    assert a["errors"] == []
    assert [error["code"] for error in b["errors"]] != []
    held = (await door.contents())["user_roles"]
    assert not [row for row in held if row.startswith(f"({admin.id},")]


# Access tokens


@pytest.mark.parametrize("role", ["student", "admin"])
@pytest.mark.parametrize("scope", ["read", "write", "administer"])
async def test_a_token_cannot_outlive_itself(door: Door, role: str, scope: str) -> None:
    """No other token, no session, and nothing that a new password could be mailed to."""
    owner = await door.reader("owner", role)
    issued = await door.access_token(owner, scope)
    program = door.client(Authorization=f"Bearer {issued.token}")
    own_id = f'id: "{owner.id}"'
    await door.ask(program, WHO)  # notes that the token was used

    async with door.unchanged():
        for change in (
            'createAccessToken(input: {name: "Another", scopes: [ADMINISTER]})',
            f'revokeAccessToken(input: {{id: "{issued.id}"}})',
            f'changePassword(input: {{currentPassword: "{PASSWORD}", newPassword: "{OTHER}"}})',
            f'updateUser(input: {{{own_id}, email: "thief@example.org"}})',
            f'updateUser(input: {{{own_id}, username: "thief"}})',
            "signOut(input: {everywhere: true})",
        ):
            assert await door.code(program, f"mutation {{ {change} {{ errors {{ code }} }} }}") == "FORBIDDEN"


async def test_a_token_that_is_made_while_the_password_is_reset_ends_with_the_others(door: Door, victim: User) -> None:
    intruder, link = await door.session(victim), await door.reset_link(victim)
    async with door.sessions.begin() as session:
        made = await accounts.create_access_token(
            session, user_id=victim.id, name="Mine", scopes=["write"], session_id=intruder.id
        )
        reset = asyncio.create_task(door.code(door.browser(), RESET, token=link.token, password=OTHER))
        await blocked(door)
    assert await reset is None

    assert await door.who(made.token) is None
    with pytest.raises(GenjiError):
        async with door.sessions.begin() as session:
            await accounts.create_access_token(
                session, user_id=victim.id, name="Mine", scopes=["write"], session_id=intruder.id
            )
    assert await door.all(select(AccessToken.id)) == []


async def blocked(door: Door, number: int = 1) -> None:
    """Wait until so many statements wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(500):
        async with door.engine.connect() as connection:
            if await connection.scalar(waiting) == number:
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


# Logs


async def test_no_password_and_no_token_is_in_any_log(
    settings: Settings, engine: AsyncEngine, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    # Before the application is made: what is logged of its statements is settled then.
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "sqlalchemy")  # from DEBUG on it tells each row that it reads
    secrets: set[str] = set()
    async with Door(settings, engine, world) as door:
        browser, program = door.browser(), door.client()
        await door.ask(browser, REGISTER, username="sei", email="s@example.org", password=PASSWORD)
        cookie = (await door.post(browser, SIGN_IN, login="sei", password=PASSWORD)).cookies[COOKIE]
        token = (await door.ask(program, SIGN_IN, login="sei", password=PASSWORD))["token"]
        access = (
            await door.ask(
                browser, 'mutation { createAccessToken(input: {name: "x", scopes: [READ]}) { token errors { code } } }'
            )
        )["token"]
        link = await door.reset_link(await door.named("sei"))
        secrets |= {PASSWORD, OTHER, WRONG, cookie, token, access, link.token}
        for one in (token, access, f"{token}x"):
            await door.post(door.client(Authorization=f"Bearer {one}"), WHO)
        await door.post(program, SIGN_IN, login="sei", password=WRONG)
        await door.post(program, SIGN_IN, login={"password": WRONG}, password=[PASSWORD])
        await door.post(door.client(Origin="https://evil.example", Cookie=f"{COOKIE}={cookie}"), SIGN_OUT)
        await browser.get("/graphql", params={"query": WHO})
        await door.ask(program, REQUEST_RESET, login="sei")
        await door.ask(browser, CHANGE_PASSWORD, currentPassword=PASSWORD, newPassword=OTHER)
        await door.ask(program, RESET, token=link.token, password=OTHER)
        group = await world.group()
        async with engine.begin() as connection:
            hashes = list(await connection.scalars(text("SELECT hashed_password FROM app.user_passwords")))
            await connection.execute(text("ALTER TABLE app.user_passwords RENAME COLUMN hashed_password TO gone"))
            await connection.execute(text("ALTER TABLE app.groups RENAME TO gone"))
        for query in (
            f'{{ invitation(token: "{group.join_token}") {{ name }} }}',
            f'mutation {{ register(input: {{username: "aki", email: "a@example.org", password: "{PASSWORD}"}}) '
            "{ errors { code } } }",
        ):
            answer = (await door.post(program, query)).json()
            assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
            assert "user_passwords" not in str(answer)

    assert "Unexpected error" in caplog.text
    assert "INSERT INTO app.sessions" in caplog.text
    for secret in secrets | {group.join_token, *hashes, "$2b$"}:
        assert secret not in caplog.text


# Other sites' pages


# Attempts


SPELLINGS = [
    "MURASAKI",
    "murasakİ",
    "ｍｕｒａｓａｋｉ",
    "𝓶𝓾𝓻𝓪𝓼𝓪𝓴𝓲",
    "muraſaki",
    " murasaki\u3000",
    *(" " * spaces + "murasaki" for spaces in (10, 248, 254, 255, 300)),
]


async def test_another_spelling_of_a_login_gives_no_further_attempts(door: Door, hasher: CountingHasher) -> None:
    for number, spelling in enumerate(SPELLINGS):
        client = door.client(f"203.0.113.{number}")
        assert (await door.ask(client, SIGN_IN, login=spelling, password=PASSWORD))["viewer"], spelling
    for _ in range(10):
        await door.ask(door.client("198.51.100.1"), SIGN_IN, login="murasaki", password=WRONG)
    hasher.verified = 0

    for spelling in SPELLINGS:
        assert await door.code(door.client("198.51.100.2"), SIGN_IN, login=spelling, password=PASSWORD) == TOO_MANY
    assert hasher.verified == 0


async def test_what_the_database_takes_for_one_name_has_one_count(engine: AsyncEngine) -> None:
    letters = [letter for letter in map(chr, range(1, 0x110000)) if unicodedata.category(letter) not in {"Cs", "Cn"}]
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT given, app.folded(given) FROM unnest(cast(:letters AS text[])) AS given"), {"letters": letters}
        )
        apart = [given for given, same in rows if _folded(f"a{given}b") != _folded(f"a{same}b")]
        # A letter and its accent may change case apart, and meet again as one.
        capital, small = (
            await connection.scalar(select(folded("ΐ"))),
            await connection.scalar(select(folded("Ϊ\u0301"))),
        )

    assert apart == []
    assert capital == small
    assert _folded("ΐ") == _folded("Ϊ\u0301")


async def test_asking_for_links_in_many_spellings_floods_no_mailbox(door: Door) -> None:
    for number, spelling in itertools.product(range(2), SPELLINGS):
        await door.ask(door.client(f"203.0.113.{number}"), REQUEST_RESET, login=spelling)

    assert len((await door.contents())["password_resets"]) == 10


async def test_links_that_are_made_up_cost_no_hash_without_bound(door: Door, hasher: CountingHasher) -> None:
    hasher.hashed = 0
    tries = (
        f'a{n}: resetPassword(input: {{token: "x", password: "{OTHER}"}}) {{ errors {{ code }} }}' for n in range(150)
    )
    answer = (await door.post(door.client(), f"mutation {{ {' '.join(tries)} }}")).json()["data"]

    assert [one["errors"][0]["code"] for one in answer.values()][-1] == TOO_MANY
    assert hasher.hashed == 100


async def test_changing_ones_own_address_tells_only_so_often_which_are_taken(door: Door, victim: User) -> None:
    program = door.browser(Cookie=f"{COOKIE}={(await door.session(victim)).token}")
    told = [
        await door.code(program, UPDATE_USER, id=str(victim.id), email="keeper@example.org", username="keeper")
        for _ in range(11)
    ]

    assert told == ["TAKEN"] * 10 + [TOO_MANY]


@pytest.mark.parametrize(
    ("query", "given"),
    [
        (SIGN_IN, {"login": "murasaki", "password": ACCENTS}),
        (SIGN_IN, {"login": ACCENTS, "password": PASSWORD}),
        (REQUEST_RESET, {"login": ACCENTS}),
        (RESET, {"token": ACCENTS, "password": ACCENTS}),
        (REGISTER, {"username": ACCENTS, "email": ACCENTS, "password": ACCENTS}),
        (REGISTER, {"username": "thief", "email": "t@example.org", "password": ACCENTS}),
    ],
    ids=["password", "login", "link asked for", "link used", "name", "new password"],
)
async def test_a_small_request_does_not_keep_the_server_busy_for_hours(
    door: Door, monkeypatch: pytest.MonkeyPatch, query: str, given: dict[str, str]
) -> None:
    longest: list[int] = [0]

    def normalize(form: Any, given: str) -> str:
        longest.append(len(given))
        return unicodedata.normalize(form, given[:10_000])

    def asked(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        longest.extend(len(one) for one in parameters if isinstance(one, str))

    spy = SimpleNamespace(category=unicodedata.category, normalize=normalize)
    monkeypatch.setattr(passwords, "unicodedata", spy)
    event.listen(door.app.state.engine.sync_engine, "before_cursor_execute", asked)
    # Where that isn't bounded, this test ends all the same.
    async with door.engine.begin() as connection:
        name = await connection.scalar(select(func.current_database()))
        await connection.execute(text(f"ALTER DATABASE \"{name}\" SET statement_timeout = '5s'"))

    async with door.unchanged():
        assert await door.code(door.client(), query, **given) in {None, "WRONG_CREDENTIALS", "TOO_LONG"}
    assert max(longest) < 1_000


# Who has an account


# Passwords


# Links to a new password


async def test_a_link_that_is_asked_for_while_the_address_changes_goes_to_the_new_one(
    door: Door, victim: User, settings: Settings
) -> None:
    async def ask() -> accounts.Reset | None:
        async with door.sessions.begin() as session:
            return await accounts.request_password_reset(session, Limits(settings), login="murasaki")

    async with door.sessions.begin() as session:
        await people.update(session, Viewer(victim.id), victim.id, {"email": "new@example.org"})
        asked = asyncio.create_task(ask())
        await blocked(door)
    reset = await asked

    assert reset is not None
    assert reset.email == "new@example.org"


# Single sign-on

ENTER = "mutation($input: SignInWithCasInput!) { signInWithCas(input: $input) { token errors { code } } }"


async def trust(door: Door, settings: Settings, server: CasServer) -> None:
    keeper = await door.named("keeper")
    async with door.sessions.begin() as session:
        await cas.configure(
            session, settings, server_url=f"http://127.0.0.1:{server.port}/cas/", updated_by_id=keeper.id
        )


def give(server: CasServer, user: str, ticket: str = "ST-1", service: str = f"{SITE}/sign-in", **told: str) -> str:
    return server.give(user, ticket, service, **told)


@pytest.mark.parametrize(
    "address",
    [
        "http://cas.example.org/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/",
        "https://localhost./",
        "https://cas.example.org@127.0.0.1/",
        "https://cas.example.org\\@127.0.0.1/",
        "file:///etc/passwd",
        "https://cas.example.org/?x=",
        "https://" + ACCENTS,
        "https://cas.example.org/" + "x" * 3_000,
    ],
    ids=lambda address: address[:40],
)
async def test_the_server_is_not_sent_to_machines_inside(
    settings: Settings, engine: AsyncEngine, world: World, address: str
) -> None:
    outside = settings.model_copy(update={"sso_private_network": False})
    async with Door(outside, engine, world) as door:
        admin = await door.named("keeper")
        browser = door.browser(Cookie=f"{COOKIE}={(await door.session(admin)).token}")
        configure = (
            "mutation($input: UpdateSsoConfigurationInput!) "
            "{ updateSsoConfiguration(input: $input) { errors { code field } } }"
        )
        async with door.unchanged():
            told = await door.ask(browser, configure, serverUrl=address)
            assert told["errors"] == [{"code": "INVALID", "field": "serverUrl"}]


async def test_closing_an_account_while_its_owner_first_comes_in_is_no_deadlock(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    keeper = await door.named("keeper")
    imported, admin = await door.person(username="imported"), await door.viewer(keeper)
    async with door.sessions.begin() as session:
        await find(session, admin, User, imported.id, Action.DEACTIVATE)
        coming = asyncio.create_task(door.code(door.client(), ENTER, ticket=give(cas_server, "imported")))
        await blocked(door)
        await people.deactivate(session, admin, imported.id)

    assert await coming == "FORBIDDEN"
    assert await door.all(select(SsoIdentity.id)) == []
