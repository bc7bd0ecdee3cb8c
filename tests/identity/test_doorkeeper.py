"""Who is asking, when many ask at once: they are looked up together, and each is told who they themselves are."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.driver import Connections
from genji_graphql.identity import accounts
from genji_graphql.identity.tokens import Issued, hash_of
from genji_graphql.identity.viewer import Doorkeeper
from genji_graphql.models import AccessToken
from genji_graphql.settings import Settings
from tests.identity.conftest import Site
from tests.world import World


class Door:
    """A doorkeeper, and what it asks of the database."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.doorkeeper = Doorkeeper(connections)
        self.events: list[str] = []
        connections.on_statement = lambda sql: self.events.append(sql.split()[0])

    async def user_id(self, token: str) -> int | None:
        self.events.append("came")
        return (await self.doorkeeper.viewer(token)).user_id


@asynccontextmanager
async def a_door(engine: AsyncEngine, settings: Settings, **more: Any) -> AsyncIterator[Door]:
    connections = Connections(engine, settings.model_copy(update=more))
    try:
        async with connections.lent():
            pass  # is opened now, rather than while somebody waits at the door
        yield Door(connections)
    finally:
        await connections.close()


@pytest.fixture
async def door(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Door]:
    async with a_door(engine, settings) as door:
        yield door


async def people(site: Site, number: int) -> list[tuple[int, Issued]]:
    """Each of them signed in."""
    found = []
    for index in range(number):
        registered = await site.register(f"person{index}")
        found.append((registered.user_id, await site.sign_in(f"person{index}")))
    return found


async def test_of_many_at_once_each_is_who_they_are(site: Site, door: Door) -> None:
    known = [(user_id, issued.token) for user_id, issued in await people(site, 5)]
    program = (known[1][0], (await site.access_token(known[1][0])).token)
    asked: list[tuple[int | None, str]] = [
        *known,
        program,
        (None, "nobody's"),
        (None, ""),
        *reversed(known),
        program,
    ] * 3

    told = await asyncio.gather(*(door.user_id(token) for _, token in asked))

    assert told == [user_id for user_id, _ in asked]
    # One for who came first; one for all others, who came before it began; and the program's use is noted.
    assert door.events == ["came", "SELECT", *["came"] * (len(asked) - 1), "SELECT", "UPDATE"]


async def test_who_comes_while_others_are_looked_up_is_looked_up_after_they_came(site: Site, door: Door) -> None:
    (user_id, issued), *_ = await people(site, 1)
    first = asyncio.create_task(door.user_id(issued.token))
    await asyncio.sleep(0)
    second = asyncio.create_task(door.user_id(issued.token))
    await asyncio.wait([first, second])

    assert first.result() == second.result() == user_id
    assert door.events == ["came", "SELECT", "came", "SELECT"]


async def test_who_is_shut_out_is_shut_out_at_once_however_busy_the_door_is(site: Site, door: Door) -> None:
    (_, other), *leaving = await people(site, 6)
    is_over = False

    async def keep_asking() -> None:
        while not is_over:
            assert await door.user_id(other.token) is not None

    crowd = [asyncio.create_task(keep_asking()) for _ in range(8)]
    for user_id, issued in leaving:
        assert await asyncio.gather(*(door.user_id(issued.token) for _ in range(3))) == [user_id] * 3
        async with site.sessions.begin() as session:
            await accounts.sign_out(session, issued.id)
        assert await asyncio.gather(*(door.user_id(issued.token) for _ in range(3))) == [None] * 3
    is_over = True
    await asyncio.gather(*crowd)


async def test_nobody_elses_rows_are_read(site: Site, world: World, door: Door) -> None:
    (_, issued), *_ = await people(site, 1)
    # So many that reading all of them is no shorter way, not even for the ten tokens that a plan for any expects.
    await world.run(text("INSERT INTO app.users (username) SELECT 'crowd' || n FROM generate_series(1, 5000) n"))
    for table, values in (
        ("user_roles (user_id, role_id)", "id, 1 + id % 4"),
        ("sessions (user_id, token_hash, expires_at)", "id, sha256(username::bytea), 'infinity'"),
    ):
        await world.run(text(f"INSERT INTO app.{table} SELECT {values} FROM app.users WHERE username LIKE 'crowd%'"))
    await world.run(text("ANALYZE"))
    asked: list[str] = []
    door.connections.on_statement = asked.append
    await door.user_id(issued.token)

    async with door.connections.lent() as lent:
        await lent.driver.execute(f"PREPARE asked AS {asked[0]}")
        few = ",".join(f"'\\x{hash_of(token).hex()}'::bytea" for token in (issued.token, "nobody's"))
        (plan,) = await lent.driver.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked(ARRAY[{few}], '1 minute')")

    read = {(node["Relation Name"], rows_read(node)) for node in nodes(json.loads(plan[0])[0]["Plan"])}
    assert {relation for relation, rows in read if rows > 20} == set()
    assert {"sessions", "users", "user_roles"} <= {relation for relation, _ in read}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that read a table, of which each may be read several times."""
    if "Relation Name" in plan:
        yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(node: dict[str, Any]) -> float:
    rows: float = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return rows * int(node["Actual Loops"])


async def test_who_leaves_takes_nobody_with_them(site: Site, door: Door) -> None:
    (user_id, issued), *_ = await people(site, 1)

    for leaving in range(4):
        tasks = [asyncio.create_task(door.user_id(issued.token)) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[leaving].cancel()
        told = await asyncio.gather(*tasks, return_exceptions=True)

        assert isinstance(told.pop(leaving), asyncio.CancelledError)
        assert told == [user_id] * 3
    assert await door.user_id(issued.token) == user_id


async def test_where_nobody_can_be_looked_up_everybody_is_told_and_the_next_are_let_in(
    site: Site, engine: AsyncEngine, settings: Settings
) -> None:
    (user_id, issued), *_ = await people(site, 1)
    async with a_door(engine, settings, db_pool_size=1, db_pool_timeout=0.01) as door:
        async with door.connections.lent():
            told = await asyncio.gather(*(door.user_id(issued.token) for _ in range(4)), return_exceptions=True)
        assert [type(one) for one in told] == [PoolTimeout] * 4

        assert await asyncio.gather(*(door.user_id(issued.token) for _ in range(4))) == [user_id] * 4


async def test_the_use_of_a_token_is_noted_once_a_minute_and_nobody_waits_for_it(site: Site, door: Door) -> None:
    registered = await site.register()
    issued = await site.access_token(registered.user_id)
    async with site.sessions.begin() as session:
        await session.execute(update(AccessToken).values(name="Held"))
        # Somebody is changing it, and takes their time.
        assert await door.user_id(issued.token) == registered.user_id
    assert await site.all(select(AccessToken.last_used_at)) == [None]

    await asyncio.gather(*(door.user_id(issued.token) for _ in range(4)))
    (noted,) = await site.all(select(AccessToken.last_used_at))
    door.events.clear()
    assert await door.user_id(issued.token) == registered.user_id

    assert noted is not None
    assert await site.all(select(AccessToken.last_used_at)) == [noted]
    assert door.events == ["came", "SELECT"]


async def test_the_use_of_a_token_that_lets_nobody_in_is_not_noted(site: Site, door: Door) -> None:
    await site.register()
    registered = await site.register("sei")
    issued = await site.access_token(registered.user_id)
    await site.deactivate(registered.user_id)

    assert await door.user_id(issued.token) is None
    assert door.events == ["came", "SELECT"]
