"""How often somebody may try."""

import asyncio

import pytest
from sqlalchemy import select

from genji_graphql.errors import Invalid, TooMany
from genji_graphql.identity import accounts
from genji_graphql.identity.limits import Limits, network
from genji_graphql.models import UserSession
from genji_graphql.settings import Settings
from tests.identity.conftest import PASSWORD, CountingHasher, Site


@pytest.fixture
def site(site: Site, settings: Settings) -> Site:
    """Three attempts an account, six an address."""
    changed = {"sign_ins_per_account": "3 per hour", "sign_ins_per_address": "6 per hour"}
    site.limits = Limits(settings.model_copy(update=changed))
    return site


async def wrong(site: Site, login: str = "murasaki", address: str | None = None) -> Exception:
    with pytest.raises((Invalid, TooMany)) as refusal:
        await site.sign_in(login, "Wrong-word-1", address=address)
    return refusal.value


async def test_an_account_takes_so_many_wrong_passwords_and_then_not_even_the_right_one(
    site: Site, hasher: CountingHasher
) -> None:
    await site.register()
    assert [type(await wrong(site)) for _ in range(3)] == [Invalid] * 3
    hasher.verified = 0
    site.statements.clear()

    with pytest.raises(TooMany) as refusal:
        await site.sign_in("MURASAKI", PASSWORD)

    assert 3000 < refusal.value.retry_after <= 3600
    assert "60 minutes" in str(refusal.value)
    assert (hasher.verified, site.statements) == (0, [])


async def test_an_account_that_does_not_exist_is_limited_alike(site: Site) -> None:
    assert [type(await wrong(site, "nobody")) for _ in range(5)] == [Invalid] * 3 + [TooMany] * 2


async def test_other_accounts_are_not_held_up(site: Site) -> None:
    await site.register()
    await site.register("sei")
    for _ in range(4):
        await wrong(site, "sei")

    assert await site.sign_in("murasaki")


async def test_signing_in_forgets_the_wrong_passwords_before(site: Site) -> None:
    await site.register()
    for _ in range(3):
        for _ in range(2):
            assert isinstance(await wrong(site), Invalid)
        assert await site.sign_in("murasaki")


async def test_many_attempts_at_once_are_no_way_around(site: Site, hasher: CountingHasher) -> None:
    await site.register()
    hasher.verified = 0

    outcomes = await asyncio.gather(*(wrong(site) for _ in range(12)))

    assert sum(isinstance(outcome, TooMany) for outcome in outcomes) == 9
    assert hasher.verified == 3


async def test_an_address_takes_so_many_attempts_on_all_accounts_together(site: Site) -> None:
    await site.register()
    tried = [type(await wrong(site, f"person{number}", "203.0.113.9")) for number in range(8)]

    assert tried == [Invalid] * 6 + [TooMany] * 2
    with pytest.raises(TooMany):
        await site.sign_in("murasaki", address="203.0.113.9")
    assert await site.sign_in("murasaki", address="203.0.113.10")


async def test_an_address_that_is_held_up_does_not_use_up_the_account(site: Site) -> None:
    await site.register()
    for number in range(6):
        await wrong(site, f"person{number}", "203.0.113.9")
    for _ in range(5):
        assert isinstance(await wrong(site, "murasaki", "203.0.113.9"), TooMany)

    assert await site.sign_in("murasaki", address="203.0.113.10")


async def test_registering_and_asking_for_links_are_limited_each_for_itself(site: Site) -> None:
    for number in range(6):
        await site.register(f"person{number}", address="203.0.113.9")
    with pytest.raises(TooMany):
        await site.register("person6", address="203.0.113.9")
    assert await site.sign_in("person0", address="203.0.113.9")

    asked = [await site.request_reset("person0") for _ in range(3)]
    assert None not in asked
    with pytest.raises(TooMany):
        await site.request_reset("person0")


async def test_the_current_password_cannot_be_guessed_from_a_session_left_open(site: Site) -> None:
    registered = await site.register()
    issued = await site.sign_in("murasaki")

    async def guess(current: str) -> None:
        await accounts.change_password(
            site.sessions,
            site.limits,
            user_id=registered.user_id,
            session_id=issued.id,
            current=current,
            new="Another-word-2",
        )

    for _ in range(3):
        with pytest.raises(Invalid):
            await guess("Wrong-word-1")
    with pytest.raises(TooMany):
        await guess(PASSWORD)
    assert await site.all(select(UserSession.id)) == [issued.id]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_client_has_one_count_however_many_addresses_it_has(address: str, client: str) -> None:
    assert network(address) == client
