"""Attacks on accounts: on passwords, sessions, tokens and what guards them."""

import asyncio
import itertools
import json
import logging
import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import GenjiError
from genji_graphql.identity import accounts, cas, passwords
from genji_graphql.identity.limits import Limits, _folded
from genji_graphql.identity.tokens import Issued, hash_of
from genji_graphql.models import AccessToken, SsoConfiguration, SsoIdentity, User, UserSession, folded
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import Visibility
from genji_graphql.writes import people
from genji_graphql.writes.finding import find
from tests.attacks.door import (
    CHANGE_PASSWORD,
    COOKIE,
    DEACTIVATE,
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
from tests.identity.cas_server import CasServer, says, success
from tests.identity.conftest import CountingHasher
from tests.identity.conftest import cas_server as cas_server
from tests.identity.conftest import hasher as hasher
from tests.waiting import waiting_for_a_lock
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


async def test_a_planted_cookie_is_never_adopted(door: Door) -> None:
    planted = "a-token-that-the-attacker-knows"
    browser = door.browser(Cookie=f"{COOKIE}={planted}")

    response = await door.post(browser, SIGN_IN, login="murasaki", password=PASSWORD)

    given = response.cookies[COOKIE]
    assert given != planted
    assert await door.all(select(UserSession.token_hash)) == [hash_of(given)]
    assert await door.who(planted) is None


async def test_an_attackers_own_session_does_not_become_the_victims(door: Door) -> None:
    attackers = await door.session(await door.reader("thief", "student"))
    browser = door.browser(Cookie=f"{COOKIE}={attackers.token}")

    response = await door.post(browser, SIGN_IN, login="murasaki", password=PASSWORD)

    assert await door.who(response.cookies[COOKIE]) == "murasaki"
    assert await door.who(attackers.token) == "thief"


async def test_every_sign_in_gives_a_token_of_its_own(door: Door) -> None:
    answers = [await door.ask(door.client(), SIGN_IN, login="murasaki", password=PASSWORD) for _ in range(3)]

    assert len({answer["token"] for answer in answers}) == 3


@pytest.mark.parametrize("ended", ["sign-out", "sign-out everywhere", "password", "reset", "deactivation"])
async def test_a_stolen_session_is_worth_nothing_after(door: Door, victim: User, ended: str) -> None:
    stolen, own = await door.session(victim), await door.session(victim)
    if ended == "sign-out":
        own = stolen
    at_home = door.browser(Cookie=f"{COOKIE}={own.token}")
    match ended:
        case "sign-out":
            assert await door.code(at_home, SIGN_OUT) is None
        case "sign-out everywhere":
            assert await door.code(at_home, SIGN_OUT, everywhere=True) is None
        case "password":
            assert await door.code(at_home, CHANGE_PASSWORD, currentPassword=PASSWORD, newPassword=OTHER) is None
        case "reset":
            link = await door.reset_link(victim)
            assert await door.code(door.browser(), RESET, token=link.token, password=OTHER) is None
        case "deactivation":
            keeper = await door.named("keeper")
            by_keeper = door.browser(Cookie=f"{COOKIE}={(await door.session(keeper)).token}")
            assert await door.code(by_keeper, DEACTIVATE, id=str(victim.id)) is None

    assert await door.who(stolen.token) is None
    assert await door.ask(door.browser(Cookie=f"{COOKIE}={stolen.token}"), WHO) is None
    async with door.unchanged():
        refused = await door.post(door.client(Authorization=f"Bearer {stolen.token}"), UPDATE_USER, id=str(victim.id))
        assert refused.status_code == 401


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


@pytest.mark.parametrize("how", ["revoked", "expired", "its owner is gone"])
async def test_an_access_token_that_has_ended_opens_nothing(door: Door, victim: User, how: str) -> None:
    issued = await door.access_token(victim, "administer")
    assert await door.who(issued.token) == "murasaki"
    match how:
        case "revoked":
            async with door.sessions.begin() as session:
                await accounts.revoke_access_token(session, user_id=victim.id, token_id=issued.id)
        case "expired":
            await door.world.run(update(AccessToken).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        case _:
            await door.world.run(update(User).where(User.id == victim.id).values(is_active=False))

    assert await door.who(issued.token) is None


async def test_a_reading_token_changes_nothing(door: Door) -> None:
    person = await door.named("keeper")
    issued = await door.access_token(person, "read")
    program = door.client(Authorization=f"Bearer {issued.token}")
    assert await door.ask(program, WHO) == {"username": "keeper"}

    async with door.unchanged():
        for query in (
            'mutation { createGroup(input: {name: "Mine"}) { errors { code } } }',
            f'mutation {{ updateUser(input: {{id: "{person.id}", firstName: "No"}}) {{ errors {{ code }} }} }}',
            'mutation { updateSiteSettings(input: {siteTitle: "Mine"}) { errors { code } } }',
        ):
            assert await door.code(program, query) == "FORBIDDEN"


@pytest.mark.parametrize("scopes", [("read",), ("write",), ("read", "write")])
async def test_an_administrators_token_without_that_scope_has_no_administrators_reach(
    door: Door, victim: User, scopes: tuple[str, ...]
) -> None:
    keeper = await door.named("keeper")
    hidden = await door.world.collection(Visibility.PRIVATE, created_by_id=victim.id)
    issued = await door.access_token(keeper, *scopes)
    program = door.client(Authorization=f"Bearer {issued.token}")
    ask = f'{{ collection(id: "{hidden.id}") {{ id }} users {{ nodes {{ username email }} }} }}'
    seen = (await door.post(program, ask)).json()["data"]
    assert seen["collection"] is None
    assert {"username": "murasaki", "email": "murasaki@example.org"} not in seen["users"]["nodes"]

    async with door.unchanged():
        for change in (
            f'deactivateUser(input: {{id: "{victim.id}"}})',
            f'assignRole(input: {{userId: "{victim.id}", roleId: "{await door.role_id("admin")}"}})',
            f'updateUser(input: {{id: "{victim.id}", email: "thief@example.org"}})',
            'updateSiteSettings(input: {siteTitle: "Mine"})',
            'updateSsoConfiguration(input: {serverUrl: "https://cas.example.org/"})',
        ):
            assert await door.code(program, f"mutation {{ {change} {{ errors {{ code }} }} }}") in {
                "FORBIDDEN",
                "NOT_FOUND",
            }


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
        await waiting_for_a_lock(door.engine.url)
    assert await reset is None

    assert await door.who(made.token) is None
    with pytest.raises(GenjiError):
        async with door.sessions.begin() as session:
            await accounts.create_access_token(
                session, user_id=victim.id, name="Mine", scopes=["write"], session_id=intruder.id
            )
    assert await door.all(select(AccessToken.id)) == []


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


def test_what_is_printed_of_an_object_holds_no_token() -> None:
    issued = Issued(1, 1, "the-token", None)

    assert "the-token" not in repr(issued)
    assert "the-token" not in repr(accounts.Reset("murasaki", None, "the-token"))


# Other sites' pages


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": ""}])
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_another_sites_page_changes_nothing_in_a_readers_name(
    door: Door, victim: User, headers: dict[str, str], content_type: str
) -> None:
    issued = await door.session(victim)
    page = door.client(Cookie=f"{COOKIE}={issued.token}", **headers, **{"Content-Type": content_type})
    change = f'mutation {{ updateUser(input: {{id: "{victim.id}", firstName: "No"}}) {{ __typename }} }}'

    async with door.unchanged():
        response = await page.post("/graphql", content=json.dumps({"query": change}))
        assert response.status_code in {403, 415}
        assert "access-control-allow-origin" not in response.headers
        by_get = await page.get("/graphql", params={"query": "mutation { signOut(input: {}) { __typename } }"})
        assert by_get.status_code == 405


async def test_another_sites_page_signs_nobody_in_as_somebody_else(door: Door) -> None:
    """Who is signed in as the attacker without noticing would write into the attacker's account."""
    for origin in ("https://evil.example", "null"):
        response = await door.post(door.client(Origin=origin), SIGN_IN, login="murasaki", password=PASSWORD)
        assert "set-cookie" not in response.headers
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{SITE}.evil.example", "https://evil-genji.example.org"]
)
async def test_no_other_origin_is_let_in_or_echoed(door: Door, origin: str) -> None:
    page = door.client(Origin=origin)
    asked = await page.options(
        "/graphql",
        headers={"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"},
    )

    assert asked.status_code == 400
    for response in (asked, await door.post(page, WHO), await page.get("/graphql", params={"query": WHO})):
        assert not {name for name in response.headers if name.startswith("access-control-allow-origin")}


# Attempts


async def test_many_aliases_in_one_request_are_as_many_attempts(door: Door, hasher: CountingHasher) -> None:
    hasher.verified = 0
    tries = (
        f'a{n}: signIn(input: {{login: "murasaki", password: "{WRONG}"}}) {{ errors {{ code }} }}' for n in range(30)
    )
    answer = (await door.post(door.client(), f"mutation {{ {' '.join(tries)} }}")).json()["data"]

    told = [one["errors"][0]["code"] for one in answer.values()]
    assert told == ["WRONG_CREDENTIALS"] * 10 + [TOO_MANY] * 20
    assert hasher.verified == 10


async def test_several_operations_in_one_request_run_once_or_not_at_all(door: Door, hasher: CountingHasher) -> None:
    hasher.verified = 0
    one = f'signIn(input: {{login: "murasaki", password: "{WRONG}"}}) {{ errors {{ code }} }}'
    several = f"mutation A {{ {one} }} mutation B {{ {one} }}"

    assert "errors" in (await door.post(door.client(), several)).json()
    batch = await door.client().post("/graphql", json=[{"query": f"mutation {{ {one} }}"}] * 2)
    assert batch.status_code == 400
    assert hasher.verified == 0


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


@pytest.mark.parametrize(
    "addresses",
    [
        ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:abcd:1:2:3"],
        ["203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7"],
    ],
)
async def test_one_client_has_one_count_whatever_its_address(
    settings: Settings, engine: AsyncEngine, world: World, addresses: list[str]
) -> None:
    limited = settings.model_copy(update={"sign_ins_per_address": "2 per hour"})
    async with Door(limited, engine, world) as door:
        told = [
            await door.code(door.client(address), SIGN_IN, login=f"person{n}", password=WRONG)
            for n, address in enumerate(addresses)
        ]

    assert told == ["WRONG_CREDENTIALS", "WRONG_CREDENTIALS", TOO_MANY]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"])
async def test_a_header_that_names_another_address_gives_no_further_attempts(
    settings: Settings, engine: AsyncEngine, world: World, header: str
) -> None:
    limited = settings.model_copy(update={"sign_ins_per_address": "2 per hour"})
    async with Door(limited, engine, world) as door:
        told = [
            await door.code(door.client(**{header: f"198.51.100.{n}"}), SIGN_IN, login=f"person{n}", password=WRONG)
            for n in range(3)
        ]

    assert told[-1] == TOO_MANY


async def test_links_that_are_made_up_cost_no_hash_without_bound(door: Door, hasher: CountingHasher) -> None:
    hasher.hashed = 0
    tries = (
        f'a{n}: resetPassword(input: {{token: "x", password: "{OTHER}"}}) {{ errors {{ code }} }}' for n in range(50)
    )
    together = f"mutation {{ {' '.join(tries)} }}"
    for _ in range(3):
        answer = (await door.post(door.client(), together)).json()["data"]

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


@pytest.mark.parametrize("login", ["murasaki", "murasaki@example.org", "closed", "imported", "nobody", "n@example.org"])
async def test_nobody_learns_by_signing_in_who_has_an_account(door: Door, hasher: CountingHasher, login: str) -> None:
    closed = await door.reader("closed")
    await door.world.run(update(User).where(User.id == closed.id).values(is_active=False))
    await door.person(username="imported")
    program, costs, answers = door.client(), set(), []

    async with door.unchanged():
        for one in (login, "somebody-else"):
            hasher.verified = 0
            answers.append(await door.ask(program, SIGN_IN, login=one, password=WRONG))
            costs.add((len(door.statements), hasher.verified))

    assert answers[0] == answers[1]
    assert costs == {(1, 1)}


@pytest.mark.parametrize("login", ["murasaki", "MURASAKI@example.org", "imported", "nobody"])
async def test_nobody_learns_by_asking_for_a_link_who_has_an_account(
    door: Door, hasher: CountingHasher, login: str
) -> None:
    await door.person(username="imported")
    hasher.verified = hasher.hashed = 0

    answer = await door.ask(door.client(), REQUEST_RESET, login=login)

    assert answer == {"errors": []}
    assert len(door.statements) == 1
    assert (hasher.verified, hasher.hashed) == (0, 0)


async def test_a_taken_name_costs_a_hash_like_a_free_one(door: Door, hasher: CountingHasher) -> None:
    costs = []
    for username in ("murasaki", "sei"):
        hasher.hashed = 0
        await door.ask(door.client(), REGISTER, username=username, email=f"{username}@example.net", password=PASSWORD)
        costs.append(hasher.hashed)

    assert costs == [1, 1]


# Passwords


async def test_what_bcrypt_would_cut_off_counts(door: Door, victim: User) -> None:
    whole = "Aa1" + "x" * 69
    assert len(whole) == 72
    link = await door.reset_link(victim)
    assert await door.code(door.client(), RESET, token=link.token, password=whole) is None

    for longer in (whole + "y", whole + "x", whole + "あ"):
        assert await door.code(door.client(), SIGN_IN, login="murasaki", password=longer) == "WRONG_CREDENTIALS"
    assert await door.code(door.client(), SIGN_IN, login="murasaki", password=whole) is None
    for refused in (whole + "y", "Aa1" + "あ" * 24):
        again = await door.reset_link(victim)
        async with door.unchanged():
            assert await door.code(door.client(), RESET, token=again.token, password=refused) == "TOO_LONG"


# Links to a new password


async def test_a_used_link_lets_nobody_in_again(door: Door, victim: User) -> None:
    link = await door.reset_link(victim)
    at_once = [door.code(door.client(), RESET, token=link.token, password=OTHER) for _ in range(4)]

    assert sorted(map(str, await asyncio.gather(*at_once))) == ["EXPIRED"] * 3 + ["None"]
    async with door.unchanged():
        assert await door.code(door.client(), RESET, token=link.token, password=PASSWORD) == "EXPIRED"


async def test_a_link_to_an_address_that_was_given_up_lets_nobody_in(door: Door, victim: User) -> None:
    link = await door.reset_link(victim)
    browser = door.browser(Cookie=f"{COOKIE}={(await door.session(victim)).token}")
    assert await door.code(browser, UPDATE_USER, id=str(victim.id), email="new@example.org") is None

    async with door.unchanged():
        assert await door.code(door.client(), RESET, token=link.token, password=OTHER) == "EXPIRED"


async def test_a_link_that_is_asked_for_while_the_address_changes_goes_to_the_new_one(
    door: Door, victim: User, settings: Settings
) -> None:
    async def ask() -> accounts.Reset | None:
        async with door.sessions.begin() as session:
            return await accounts.request_password_reset(session, Limits(settings), login="murasaki")

    async with door.sessions.begin() as session:
        await people.update(session, Viewer(victim.id), victim.id, {"email": "new@example.org"})
        asked = asyncio.create_task(ask())
        await waiting_for_a_lock(door.engine.url)
    reset = await asked

    assert reset is not None
    assert reset.email == "new@example.org"


async def test_a_link_outlives_no_closed_account(door: Door, victim: User) -> None:
    link = await door.reset_link(victim)
    await door.world.run(update(User).where(User.id == victim.id).values(is_active=False))

    async with door.unchanged():
        assert await door.code(door.client(), RESET, token=link.token, password=OTHER) == "EXPIRED"


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


async def test_a_ticket_is_good_once_and_for_this_service(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    assert await door.code(door.client(), ENTER, ticket=give(cas_server, "sei")) is None

    async with door.unchanged():
        give(cas_server, "sei")  # a server that takes it twice
        assert await door.code(door.client(), ENTER, ticket="ST-1") == "WRONG_CREDENTIALS"
        elsewhere = give(cas_server, "sei", "ST-2", "https://evil.example/sign-in")
        assert await door.code(door.client(), ENTER, ticket=elsewhere) == "WRONG_CREDENTIALS"


@pytest.mark.parametrize(
    "answer",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>' + success("&a;"),
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + success("keeper"),
        success("keeper").replace("UTF-8", "UTF-7"),
        success("keeper") + success("sei"),
        success("sei<cas:user>keeper</cas:user>"),
        success("sei</cas:user><cas:user>keeper"),
        success("sei\u202ekeeper"),
        success("x" * 70_000),
        "",
    ],
    ids=["entity", "file", "encoding", "two roots", "nested", "two names", "bidi", "long", "empty"],
)
async def test_a_hostile_answer_of_the_sign_in_server_lets_nobody_in(
    door: Door, settings: Settings, cas_server: CasServer, answer: str
) -> None:
    await trust(door, settings, cas_server)
    cas_server.answer = says(answer)

    async with door.unchanged():
        told = (await door.post(door.client(), ENTER, ticket="ST-1")).json()
    assert told["data"] is None
    assert told["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_a_redirect_of_the_sign_in_server_is_not_followed(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    cas_server.answer = says(success("keeper"), "302 Found", f"Location: http://127.0.0.1:{cas_server.port}/inside")

    await door.post(door.client(), ENTER, ticket="ST-1")

    assert [path for path, _ in cas_server.asked] == ["/cas/p3/serviceValidate"]


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


async def test_an_identity_takes_over_no_account_of_the_same_name_or_address(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    async with door.unchanged():
        for ticket, namesake in enumerate(("murasaki", "MURASAKI", "ｍｕｒａｓａｋｉ")):
            told = await door.code(door.client(), ENTER, ticket=give(cas_server, namesake, f"ST-{ticket}"))
            assert told == "TAKEN"

    await door.ask(door.client(), ENTER, ticket=give(cas_server, "sei", "ST-9", mail="Murasaki@example.org"))
    sei = await door.named("sei")
    assert sei.email is None


async def test_who_was_shut_out_does_not_come_back_through_single_sign_on(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    await door.ask(door.client(), ENTER, ticket=give(cas_server, "sei"))
    imported = await door.person(username="imported")
    await door.world.run(update(User).where(User.username.in_(["sei", imported.username])).values(is_active=False))

    async with door.unchanged():
        for ticket, name in (("ST-2", "sei"), ("ST-3", "imported")):
            assert await door.code(door.client(), ENTER, ticket=give(cas_server, name, ticket)) == "FORBIDDEN"


async def test_closing_an_account_while_its_owner_first_comes_in_is_no_deadlock(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    keeper = await door.named("keeper")
    imported, admin = await door.person(username="imported"), await door.viewer(keeper)
    async with door.sessions.begin() as session:
        await find(session, admin, User, imported.id, Action.DEACTIVATE)
        coming = asyncio.create_task(door.code(door.client(), ENTER, ticket=give(cas_server, "imported")))
        await waiting_for_a_lock(door.engine.url)
        await people.deactivate(session, admin, imported.id)

    assert await coming == "FORBIDDEN"
    assert await door.all(select(SsoIdentity.id)) == []


async def test_single_sign_on_that_was_turned_off_lets_nobody_in(
    door: Door, settings: Settings, cas_server: CasServer
) -> None:
    await trust(door, settings, cas_server)
    await door.world.run(update(SsoConfiguration).values(enabled=False))

    async with door.unchanged():
        assert await door.code(door.client(), ENTER, ticket=give(cas_server, "sei")) == "FORBIDDEN"
    assert cas_server.asked == []
