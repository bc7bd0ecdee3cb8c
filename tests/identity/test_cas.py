"""Single sign-on through a CAS server that runs on this machine, and through one that means no good."""

import asyncio
import logging
from typing import Any

import pytest
from sqlalchemy import select, update

from genji_graphql.errors import Invalid, NotAllowed, TooMany, Unavailable
from genji_graphql.identity import cas
from genji_graphql.identity.cas import MAX_ANSWER_BYTES, Cas, configure, server_address, sign_in_with_cas
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.tokens import Issued
from genji_graphql.models import SsoConfiguration, SsoIdentity, User, UserPassword, UserSession
from genji_graphql.settings import Settings
from tests.identity.cas_server import FAILURE, XMLNS, CasServer, says, success
from tests.identity.conftest import LIFETIME, Site
from tests.world import World


class Door:
    """The way in through single sign-on."""

    def __init__(self, site: Site, settings: Settings, server: CasServer, administrator: User) -> None:
        self.site, self.settings, self.server, self.administrator = site, settings, server, administrator
        self.address = f"http://127.0.0.1:{server.port}/cas/"
        self.cas = Cas(settings, timeout=5)

    async def configure(self, **changed: Any) -> SsoConfiguration:
        given: dict[str, Any] = {"server_url": self.address, "updated_by_id": self.administrator.id} | changed
        async with self.site.sessions.begin() as session:
            return await configure(session, self.settings, **given)

    async def enter(self, ticket: str = "ST-1", **more: Any) -> Issued:
        return await sign_in_with_cas(
            self.site.sessions, self.site.limits, self.cas, ticket=ticket, lifetime=LIFETIME, **more
        )

    async def person(self, issued: Issued) -> User:
        (person,) = await self.site.all(select(User).where(User.id == issued.user_id))
        assert isinstance(person, User)
        return person


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sso_private_network": True})


@pytest.fixture
async def administrator(world: World) -> User:
    return await world.person("keeper")


@pytest.fixture
async def door(site: Site, settings: Settings, cas_server: CasServer, administrator: User) -> Door:
    door = Door(site, settings, cas_server, administrator)
    await door.configure()
    return door


# Coming in


async def test_who_comes_for_the_first_time_gets_an_account_without_a_password(door: Door) -> None:
    door.server.give("sei", mail="sei@example.org", givenName="Sei", sn="Shōnagon")

    issued = await door.enter()

    person = await door.person(issued)
    assert (person.username, person.email, person.display_name) == ("sei", "sei@example.org", "Sei Shōnagon")
    assert await door.site.all(select(UserPassword.id)) == []
    assert await door.site.roles_of(person.id) == {"student"}
    assert (await door.site.viewer(issued.token)).session_id == issued.id
    assert door.server.asked == [
        ("/cas/p3/serviceValidate", {"service": ["http://127.0.0.1:8000/sign-in"], "ticket": ["ST-1"]})
    ]


async def test_who_comes_again_is_the_same_person_in_another_session(door: Door) -> None:
    door.server.give("sei", "ST-1")
    door.server.give("SEI", "ST-2", mail="another@example.org")

    first, second = await door.enter("ST-1"), await door.enter("ST-2")

    assert first.user_id == second.user_id
    assert first.token != second.token
    assert await door.site.usernames() == {"keeper", "sei"}


async def test_many_first_sign_ins_of_one_person_at_once_make_one_account(door: Door) -> None:
    tickets = [door.server.give("sei", f"ST-{number}") for number in range(6)]

    issued = await asyncio.gather(*(door.enter(ticket) for ticket in tickets))

    assert len({one.user_id for one in issued}) == 1
    assert await door.site.usernames() == {"keeper", "sei"}


async def test_protocol_2_tells_the_name_alone_and_the_domain_makes_the_address(door: Door) -> None:
    await door.configure(protocol_version=2, email_domain="@example.org")
    door.server.give("sei", mail="unseen@example.org")

    person = await door.person(await door.enter())

    assert (person.username, person.email) == ("sei", "sei@example.org")
    assert door.server.asked[0][0] == "/cas/serviceValidate"


async def test_attributes_are_taken_as_the_mapping_says(door: Door) -> None:
    await door.configure(
        attribute_mapping={"username": "netid", "email": "eduEmail", "first_name": "name", "last_name": "clan"}
    )
    door.server.give("uid=17", netid="sei", eduEmail=["sei@example.org", "old@example.org"], clan="Kiyohara")

    person = await door.person(await door.enter())

    assert (person.username, person.email, person.first_name, person.last_name) == (
        "sei",
        "sei@example.org",
        None,
        "Kiyohara",
    )
    assert await door.site.all(select(SsoIdentity.subject)) == ["uid=17"]


async def test_another_persons_address_is_not_taken_over(door: Door, world: World) -> None:
    await world.person("murasaki", email="m@example.org")
    door.server.give("sei", mail="M@example.org", givenName="a\u202eb")

    person = await door.person(await door.enter())

    assert (person.email, person.first_name) == (None, None)


async def test_an_account_with_a_password_is_not_handed_to_a_namesake(door: Door, world: World) -> None:
    owner = await world.person("sei")
    await world.add(UserPassword(user_id=owner.id, hashed_password="x"))
    door.server.give("SEI")

    with pytest.raises(Invalid, match="belongs to another account") as refusal:
        await door.enter()

    assert refusal.value.code == "TAKEN"
    assert await door.site.all(select(UserSession.id)) == []
    assert await door.site.all(select(SsoIdentity.id)) == []


async def test_nor_is_the_account_of_somebody_else_whom_the_server_knows(door: Door) -> None:
    await door.configure(attribute_mapping={"username": "nickname"})
    door.server.give("one", "ST-1", nickname="sei")
    door.server.give("two", "ST-2", nickname="sei")
    await door.enter("ST-1")

    with pytest.raises(Invalid, match="belongs to another account"):
        await door.enter("ST-2")


async def test_an_account_that_came_without_a_password_is_its_namesakes(door: Door, world: World) -> None:
    """As those are that an older system made at a first sign-in."""
    before = await world.person("sei", email="sei@example.org")
    door.server.give("sei")

    assert (await door.enter()).user_id == before.id


async def test_a_closed_account_stays_closed(door: Door) -> None:
    door.server.give("sei", "ST-1")
    door.server.give("sei", "ST-2")
    issued = await door.enter("ST-1")
    await door.site.deactivate(issued.user_id)

    with pytest.raises(NotAllowed, match="closed"):
        await door.enter("ST-2")
    assert await door.site.all(select(UserSession.id)) == []


@pytest.mark.parametrize("user", ["s", "sei shonagon", "sei@example.org", "x" * 65])
async def test_a_name_that_breaks_our_rules_is_explained(door: Door, user: str) -> None:
    door.server.give(user)

    with pytest.raises(Invalid, match="another attribute"):
        await door.enter()
    assert await door.site.usernames() == {"keeper"}


async def test_single_sign_on_that_is_off_lets_nobody_in(door: Door) -> None:
    await door.configure(enabled=False)
    door.server.give("sei")

    with pytest.raises(NotAllowed, match="isn't set up"):
        await door.enter()
    assert door.server.asked == []


async def test_a_browser_is_sent_to_the_server_and_back_to_us(door: Door) -> None:
    configuration = await door.configure()

    assert door.cas.login_url(configuration) == (f"{door.address}login?service=http%3A%2F%2F127.0.0.1%3A8000%2Fsign-in")


# Being turned away


async def refused(door: Door, ticket: str = "ST-1") -> None:
    with pytest.raises(Invalid, match="didn't accept") as refusal:
        await door.enter(ticket)
    assert refusal.value.code == "WRONG_CREDENTIALS"
    assert await door.site.all(select(UserSession.id)) == []


async def test_a_ticket_that_the_server_does_not_know_is_refused(door: Door) -> None:
    await refused(door)
    assert len(door.server.asked) == 1


async def test_a_ticket_for_another_service_is_refused(door: Door) -> None:
    door.server.give("sei", service="https://elsewhere.example.org/")
    await refused(door)


@pytest.mark.parametrize(
    "ticket",
    ["", "PT-1", "1", "ST-", "ST-" + "x" * 254, "ST-1&service=x", "ST-1\r\nHost: x", "ST-1#", "ST-\u00e9", "st-1"],
)
async def test_what_is_no_ticket_is_refused_without_asking(door: Door, ticket: str) -> None:
    await refused(door, ticket)
    assert door.server.asked == []


async def test_a_ticket_is_taken_once_even_where_the_server_takes_it_twice(door: Door) -> None:
    door.server.answer = says(success("sei"))

    entered = await asyncio.gather(*(door.enter() for _ in range(4)), return_exceptions=True)

    assert sum(isinstance(one, Issued) for one in entered) == 1
    assert len(door.server.asked) == 1
    with pytest.raises(Invalid, match="didn't accept"):
        await door.enter()


async def test_used_tickets_are_forgotten_after_a_while(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await refused(door, f"ST-{number}")
    assert len(door.cas._used) == 5
    monkeypatch.setattr(cas, "REMEMBERED_SECONDS", -1)

    await refused(door, "ST-5")

    assert len(door.cas._used) == 1


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE: dict[str, str | bytes] = {
    "an entity bomb": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{BOMB}]>' + success("&l9;")[39:],
    "an external entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    + success("&f;")[39:],
    "a document type elsewhere": '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
    + success("sei")[39:],
    "a document type in UTF-16": ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x>' + success("sei")[39:]).encode(
        "utf-16"
    ),
    "a document type in UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4'
    + success("sei")[39:].encode(),
    "an entity that nobody declared": success("&nobody;"),
    "no XML": "yes\nsei\n",
    "HTML": "<!doctype html><html><body><cas:user>sei</cas:user></body></html>",
    "nothing": "",
    "half of it": success("sei")[:150],
    "no UTF-8": success("s\xe9i").encode("latin-1"),
    "another encoding": success("sei").replace("UTF-8", "ISO-8859-1"),
    "no namespace": success("sei").replace("cas:", "").replace("xmlns:cas=", "xmlns:x="),
    "another namespace": success("sei").replace("yale.edu", "example.org"),
    "another root": success("sei").replace("cas:serviceResponse", "cas:response"),
    "a success of another kind": success("sei").replace("authenticationSuccess", "notauthenticationSuccess"),
    "a success within a failure": f"<cas:serviceResponse {XMLNS}><cas:other>"
    + success("sei")[39:]
    + "</cas:other></cas:serviceResponse>",
    "a success after a failure": FAILURE.replace(
        "</cas:serviceResponse>",
        "<cas:authenticationSuccess><cas:user>sei</cas:user></cas:authenticationSuccess></cas:serviceResponse>",
    ),
    "two people": success("sei", "<cas:user>keeper</cas:user>"),
    "nobody": success(""),
    "a name with tags inside": success("sei<cas:x>keeper</cas:x>"),
    "a name of invisible letters": success("sei\u202e"),
    "a name elsewhere": success("").replace("<cas:user></cas:user>", "<cas:x><cas:user>sei</cas:user></cas:x>"),
    "a huge answer": success("sei", f"<!--{'x' * MAX_ANSWER_BYTES}-->"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_an_answer_that_is_not_one_lets_nobody_in(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    door.server.answer = says(HOSTILE[kind])

    with pytest.raises(Unavailable, match="doesn't answer as it should"):
        await door.enter()

    assert await door.site.usernames() == {"keeper"}
    assert "The CAS server at http://127.0.0.1" in caplog.text
    assert "ST-1" not in caplog.text


async def test_deep_nesting_does_no_harm(door: Door) -> None:
    door.server.answer = says(success("sei", "<x>" * 9_000 + "</x>" * 9_000))

    assert (await door.person(await door.enter())).username == "sei"


async def test_a_name_among_the_attributes_is_not_the_name(door: Door) -> None:
    inside = "<cas:attributes><cas:user>keeper</cas:user></cas:attributes>"
    door.server.answer = says(
        success("sei", inside).replace(f"<cas:user>sei</cas:user>{inside}", f"{inside}<cas:user>sei</cas:user>")
    )

    with pytest.raises(Unavailable):
        await door.enter()


async def test_a_comment_does_not_cut_a_name_short(door: Door) -> None:
    door.server.answer = says(success("keeper<!-- x -->2"))

    assert (await door.person(await door.enter())).username == "keeper2"


@pytest.mark.parametrize("head", ["302 Found", "307 Temporary Redirect", "401 Unauthorized", "500 Oops"])
async def test_a_redirect_or_an_error_is_not_followed(door: Door, head: str) -> None:
    door.server.answer = says(success("sei"), head, f"Location: {door.address}p3/serviceValidate?ticket=ST-2")

    with pytest.raises(Unavailable):
        await door.enter()
    assert len(door.server.asked) == 1


async def test_a_compressed_answer_is_not_unpacked(door: Door) -> None:
    door.server.answer = says(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")

    with pytest.raises(Unavailable):
        await door.enter()


@pytest.mark.parametrize("kind", ["silence", "drip", "flood", "hang-up"])
async def test_a_server_that_does_not_come_to_an_end_is_given_up(door: Door, kind: str) -> None:
    done = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        if kind == "hang-up":
            return
        if kind != "silence":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not done.is_set() and kind != "silence":
            writer.write(b"1\r\nx\r\n" if kind == "drip" else b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01 if kind == "drip" else 0)
        await done.wait()

    door.server.answer = answer
    door.cas.timeout = 0.3

    with pytest.raises(Unavailable):
        await door.enter()
    done.set()
    assert await door.site.all(select(UserSession.id)) == []


async def test_a_server_that_is_away_is_told(door: Door) -> None:
    await door.configure(server_url="http://127.0.0.1:9/cas")

    with pytest.raises(Unavailable):
        await door.enter()


async def test_tickets_are_not_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door.server.give("sei", "ST-secret-1")

    issued = await door.enter("ST-secret-1")
    with pytest.raises(Invalid):
        await door.enter("ST-secret-2")

    assert "ST-secret" not in caplog.text
    assert issued.token not in caplog.text


async def test_an_address_can_try_so_often(door: Door) -> None:
    door.site.limits = Limits(door.settings.model_copy(update={"sign_ins_per_address": "2 per hour"}))
    for number in range(2):
        with pytest.raises(Invalid):
            await door.enter(f"ST-{number}", address="203.0.113.9")

    with pytest.raises(TooMany):
        await door.enter("ST-2", address="203.0.113.9")
    assert len(door.server.asked) == 2


# The configuration


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://cas.example.org", "https://cas.example.org/"),
        (" https://CAS.example.org/cas// ", "https://cas.example.org/cas/"),
        ("https://cas.example.org:8443/cas", "https://cas.example.org:8443/cas/"),
        ("https://93.184.216.34/cas", "https://93.184.216.34/cas/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_addresses_of_servers_are_kept_with_a_slash(given: str, kept: str) -> None:
    assert server_address(given) == kept
    assert server_address(kept) == kept


BAD_ADDRESSES = [
    "",
    "cas.example.org",
    "ftp://cas.example.org/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://",
    "https:///cas",
    "https://cas.example.org:port/",
    "https://cas.example.org:99999/",
    "https://user:pw@cas.example.org/",
    "https://user@cas.example.org/",
    "https://@cas.example.org/",
    "https://cas.example.org/?x=1",
    "https://cas.example.org/?",
    "https://cas.example.org/#x",
    "https://cas.example.org/#",
    "https://cas.example.org\\@127.0.0.1/",
    "https://cas.exa mple.org/",
    "https://cas.example.org/\r\nHost: x",
    "https://cas.exämple.org/",
    "https://[::1/",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize("private", [False, True])
def test_other_addresses_are_refused(address: str, private: bool) -> None:
    with pytest.raises(Invalid) as refusal:
        server_address(address, private=private)
    assert refusal.value.field == "serverUrl"


PRIVATE = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "localhost",
    "LOCALHOST.",
    "cas.localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[fe80::1]",
    "[fd00::1]",
    "[fe80::1%25eth0]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_machines_inside_are_refused_however_they_are_spelt(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        server_address(f"https://{host}/cas")
    assert refusal.value.field == "serverUrl"


def test_http_is_for_private_networks_only() -> None:
    with pytest.raises(Invalid):
        server_address("http://cas.example.org/")
    assert server_address("http://127.0.0.1:9/cas", private=True) == "http://127.0.0.1:9/cas/"


async def test_the_configuration_is_one_row_and_tells_who_changed_it(door: Door, world: World) -> None:
    other = await world.person("other")

    changed = await door.configure(
        server_url="https://cas.example.org/cas", email_domain="example.org", updated_by_id=other.id, enabled=False
    )

    (row,) = await door.site.all(select(SsoConfiguration))
    assert (row.server_url, row.email_domain, row.enabled) == ("https://cas.example.org/cas/", "example.org", False)
    assert row.updated_by_id == changed.updated_by_id == other.id
    assert changed.server_url == row.server_url


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"server_url": "ftp://cas.example.org"}, "serverUrl"),
        ({"protocol_version": 1}, "protocolVersion"),
        ({"protocol_version": 4}, "protocolVersion"),
        ({"attribute_mapping": {"is_active": "x"}}, "attributeMapping"),
        ({"attribute_mapping": {"email": ""}}, "attributeMapping"),
        ({"attribute_mapping": {"email": "a b"}}, "attributeMapping"),
        ({"email_domain": "exa mple.org"}, "emailDomain"),
        ({"email_domain": "example.org\nBcc: x"}, "emailDomain"),
        ({"email_domain": "a@b.org"}, "emailDomain"),
    ],
)
async def test_a_configuration_that_cannot_be_used_names_its_field_and_changes_nothing(
    door: Door, changed: dict[str, Any], field: str
) -> None:
    before = await door.site.all(select(SsoConfiguration.server_url))

    with pytest.raises(Invalid) as refusal:
        await door.configure(**changed)

    assert refusal.value.field == field
    assert await door.site.all(select(SsoConfiguration.server_url)) == before


async def test_a_session_that_single_sign_on_gave_ends_like_any_other(door: Door) -> None:
    door.server.give("sei")
    issued = await door.enter()
    async with door.site.sessions.begin() as session:
        await session.execute(update(User).where(User.id == issued.user_id).values(is_active=False))

    assert (await door.site.viewer(issued.token)).is_anonymous
