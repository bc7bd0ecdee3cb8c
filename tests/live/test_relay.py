"""Several processes, one of which reads the log for all: whatever becomes of Redis, nobody misses anything."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.database import Turn
from genji_graphql.identity.accounts import start_session
from genji_graphql.live import relay
from genji_graphql.live.event import Event, Kind
from genji_graphql.live.position import Position, read_cursor
from genji_graphql.live.relay import Page, Relay, packed, unpacked
from genji_graphql.settings import Settings
from tests.annotating.room import id_of
from tests.conftest import connect
from tests.live.listening import PATIENCE, Audience, Ear, at_work
from tests.live.redis import RedisServer, redis_server
from tests.people.site import Site
from tests.service import Service
from tests.world import World

EVENTS = """subscription ($where: AnnotationEventWhere!, $after: String) {
  annotationEvents(where: $where, after: $after) { cursor }
}"""
INSERT = """
INSERT INTO app.annotations (motivation, document_element_id, status, body, target)
VALUES ('commenting', $1, 'active', '{"type": "TextualBody", "value": "A note."}', '[]')
"""
LOG = "SELECT xid::text AS number, seq FROM app.annotation_events ORDER BY xid, seq"
LEADER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
WRITERS = 3
NOTES = 60
"""Of each."""


class Branch:
    """One of several processes, as far as those who listen to it can tell."""

    def __init__(self, settings: Settings) -> None:
        self.service = Service(settings)
        self.audience = Audience(self.service.app)
        self.ears: list[Ear] = []
        self._stack = AsyncExitStack()

    @property
    def reader(self) -> Relay:
        reader = self.service.app.state.live.reader
        assert isinstance(reader, Relay)
        return reader

    @property
    def read(self) -> tuple[int, int]:
        """How many events came from the log, and how many from another process."""
        tally = self.service.app.state.live.tally
        return tally.read, tally.relayed

    async def open(self) -> None:
        await self._stack.enter_async_context(self.service)
        await self._stack.enter_async_context(at_work(self.service.app))

    async def listen(self, document: Any) -> None:
        self.ears.append(await self.audience.listen(EVENTS, ANONYMOUS, where={"document": id_of(document)}))

    async def close(self) -> None:
        # What was being rendered has to end before all is closed.
        channels = self.service.app.state.live.hub._channels.values()
        rendering = {task for channel in channels for task, *_ in channel._rendered.values()}
        self.audience.leave()
        await asyncio.gather(*rendering, return_exceptions=True)
        await self._stack.aclose()


class Company:
    """Several branches on one database, those who listen to them, and those who write."""

    def __init__(self, database: URL, world: World, redis: RedisServer, branches: Sequence[Branch]) -> None:
        self.database = database
        self.world = world
        self.redis = redis
        self.branches = list(branches)
        self.document: Any = None
        self.element: Any = None
        self.written = 0

    async def open(self) -> None:
        self.document = await self.world.document(await self.world.collection())
        self.element = await self.world.element(self.document)
        for branch in self.branches:
            await branch.open()
            for _ in range(2):
                await branch.listen(self.document)

    async def led(self) -> Branch:
        """Returns when somebody reads for all."""
        await until(lambda: all(branch.reader.is_led for branch in self.branches))
        await until(lambda: any(branch.reader.is_leading for branch in self.branches))
        return self.leader

    @property
    def leader(self) -> Branch:
        (leader,) = [branch for branch in self.branches if branch.reader.is_leading]
        return leader

    async def write(self, number: int = NOTES) -> None:
        await asyncio.gather(*(self._write(number, random.Random(writer)) for writer in range(WRITERS)))

    async def _write(self, number: int, chance: random.Random) -> None:
        connection = await connect(self.database)
        try:
            for _ in range(number):
                async with connection.transaction():
                    await connection.execute(INSERT, self.element.id)
                    await asyncio.sleep(chance.random() * 0.01)
                self.written += 1
                self.branches[0].service.app.state.live.wrote()
        finally:
            connection.terminate()

    async def all_heard(self) -> None:
        """Everybody hears everything once, and in the order of the log."""
        connection = await connect(self.database)
        log = [Position(int(row["number"]), row["seq"]) for row in await connection.fetch(LOG)]
        await connection.close()
        for branch in self.branches:
            for ear in branch.ears:
                await ear.hears(len(log))
                assert [position(cursor) for cursor in ear.cursors] == log

    async def all_are_told(self, before: Sequence[int]) -> None:
        """Each branch is told more by another than before.

        Not always of the first that is written: where something holds the log up, a branch may look for itself in the
        very moment in which it can be read.
        """
        async with asyncio.timeout(PATIENCE):
            while not all(branch.read[1] > one for branch, one in zip(self.branches, before, strict=True)):
                await self.write(5)
                await self.all_heard()


def position(cursor: str) -> Position:
    found = read_cursor(cursor)
    assert found is not None
    return found[1]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - many change it
            await asyncio.sleep(0.01)


async def stream_in(redis: Redis) -> str:
    """The name of the stream, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while not (names := await redis.keys("*")):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.01)
    (name,) = names
    return name if isinstance(name, str) else name.decode()


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with redis_server() as server:
        yield server


@asynccontextmanager
async def opened(database: URL, engine: AsyncEngine, redis: RedisServer, count: int = 3) -> AsyncIterator[Company]:
    settings = Settings().with_database(database).model_copy(update={"redis_url": SecretStr(redis.url)})
    company = Company(database, World(engine), redis, [Branch(settings) for _ in range(count)])
    await company.open()
    try:
        yield company
    finally:
        for branch in company.branches:
            await branch.close()


@pytest.fixture
async def company(database: URL, engine: AsyncEngine, redis: RedisServer) -> AsyncIterator[Company]:
    async with opened(database, engine, redis) as company:
        yield company


async def test_one_process_reads_for_all(company: Company) -> None:
    await company.led()
    await company.write()
    await company.all_heard()
    await company.all_are_told([0] * len(company.branches))
    for branch in company.branches:
        read, relayed = branch.read
        # Who looked for themselves in the very moment was not told again.
        assert read + relayed == company.written
    async with company.redis.client() as redis:
        stream = await stream_in(redis)
        assert await redis.ttl(stream) > 0


async def test_who_comes_later_and_who_comes_back_miss_nothing(company: Company) -> None:
    await company.led()
    await company.write(10)
    await company.all_heard()
    first = company.branches[0].ears[0]
    other, where = company.branches[1], {"document": id_of(company.document)}
    async with asyncio.TaskGroup() as group:
        group.create_task(company.write(20))
        again = await other.audience.listen(EVENTS, ANONYMOUS, where=where, after=first.cursors[4])
    await until(lambda: len(again.cursors) == company.written - 5)
    await first.hears(company.written)
    assert again.cursors == first.cursors[5:]


async def redis_restarts_empty(company: Company) -> None:
    company.redis.kill()
    await until(lambda: not any(branch.reader.is_led for branch in company.branches))
    await asyncio.sleep(0.2)
    await company.redis.start()


async def redis_freezes(company: Company) -> None:
    company.redis.freeze()
    await until(lambda: not any(branch.reader.is_led for branch in company.branches))
    company.redis.thaw()


async def the_leaders_connection_ends(company: Company) -> None:
    connection: asyncpg.Connection = await connect(company.database)
    pid = await connection.fetchval(LEADER, Turn.RELAY.value)
    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    await connection.close()


async def the_leading_process_ends(company: Company) -> None:
    leader = company.leader
    if leader is company.branches[0]:
        company.branches.append(company.branches.pop(0))
    company.branches.remove(leader)
    await leader.close()
    await until(lambda: any(branch.reader.is_leading for branch in company.branches))


async def all_connections_end(company: Company) -> None:
    connection: asyncpg.Connection = await connect(company.database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'genji' AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def the_stream_is_trimmed(company: Company) -> None:
    async with company.redis.client() as redis:
        for _ in range(40):
            for stream in await redis.keys("*"):
                await redis.xtrim(stream, maxlen=0, approximate=False)
            await asyncio.sleep(0.005)


async def the_stream_is_begun_anew_by_a_clock_that_is_behind(company: Company) -> None:
    ahead = round(time.time() * 1000) + 3_600_000
    async with company.redis.client() as redis:
        stream = await stream_in(redis)
        await redis.xadd(stream, {"page": "nothing"}, id=f"{ahead}-1")
        written = company.written
        await until(lambda: company.written > written + 10)
        await redis.delete(stream)


async def others_write_to_the_stream(company: Company) -> None:
    async with company.redis.client() as redis:
        stream = await stream_in(redis)
        for page in (b"", b"{}", b'{"form":"older","after":[1,1],"events":[]}', b"[1]", b"\xff"):
            await redis.xadd(stream, {"page": page})
        await redis.xadd(stream, {"something": "else"})


async def pages_come_again(company: Company) -> None:
    async with company.redis.client() as redis:
        stream = await stream_in(redis)
        pages: Any = await redis.xrange(stream)
        for _, values in pages:
            await redis.xadd(stream, values)


DISTURBANCES: list[Callable[[Company], Awaitable[None]]] = [
    redis_restarts_empty,
    redis_freezes,
    the_leaders_connection_ends,
    the_leading_process_ends,
    all_connections_end,
    the_stream_is_trimmed,
    the_stream_is_begun_anew_by_a_clock_that_is_behind,
    others_write_to_the_stream,
    pages_come_again,
]


@pytest.mark.parametrize("disturb", DISTURBANCES)
async def test_everybody_hears_everything_once_and_in_order_though(
    company: Company, disturb: Callable[[Company], Awaitable[None]]
) -> None:
    await company.led()
    async with asyncio.TaskGroup() as group:
        group.create_task(company.write())
        await until(lambda: company.written > 20)
        await disturb(company)
    await company.all_heard()

    # And it goes on as before.
    await company.led()
    await company.all_are_told([branch.read[1] for branch in company.branches])


async def test_without_redis_the_log_is_read(database: URL, engine: AsyncEngine, redis: RedisServer) -> None:
    redis.kill()
    async with opened(database, engine, redis, 2) as company:
        await company.write(10)
        await company.all_heard()
        assert [branch.read for branch in company.branches] == [(company.written, 0)] * 2


async def test_a_leader_that_says_nothing_is_noticed(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = await company.led()

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(relay.Stream, "add", hang)
    before = [branch.read[1] for branch in company.branches]
    await company.write(5)
    await company.all_heard()
    assert leader.reader.is_leading
    assert [branch.read[1] for branch in company.branches] == before


async def test_who_has_signed_out_is_shut_out_though_nothing_happens(company: Company, engine: AsyncEngine) -> None:
    await company.led()
    person = await company.world.person("sei")
    site = Site(engine, company.world)
    async with site.sessions.begin() as session:
        token = (await start_session(session, person.id, timedelta(days=1))).token
    where = {"document": id_of(company.document)}
    audience = company.branches[1].audience
    ear = await audience.listen(EVENTS, await site.holder_of(token), token=token, where=where)
    connection: asyncpg.Connection = await connect(company.database)
    await connection.execute("DELETE FROM app.sessions WHERE user_id = $1", person.id)
    await connection.close()
    await ear.until(lambda ear: ear.is_shut_out)


async def test_it_ends_whenever_it_is_told_to(company: Company) -> None:
    chance = random.Random(1)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(company.write(10_000))
        live = company.branches[0].service.app.state.live
        for _ in range(30):
            tasks = [asyncio.create_task(one) for one in live.work]
            await asyncio.sleep(chance.random() * 0.1)
            for task in tasks:
                task.cancel()
            _, pending = await asyncio.wait(tasks, timeout=PATIENCE)
            assert not pending
        writing.cancel()


numbers = st.none() | st.integers(1, 2**31 - 1)


@given(
    st.builds(
        Event,
        position=st.builds(Position, st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1)),
        at=st.datetimes(timezones=st.just(UTC)),
        kind=st.sampled_from(Kind),
        annotation_id=numbers,
        motivation=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
        document_element_id=numbers,
        classroom_gone=st.booleans(),
        owner_id=numbers,
        status_before=st.none() | st.just("active"),
        group_id=numbers,
    ),
    st.builds(Position, st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1)),
)
def test_a_page_comes_out_as_it_went_in(event: Event, after: Position) -> None:
    page = unpacked(packed(Page(after, [event])))
    assert page is not None
    assert page.after == after
    (same,) = page.events
    assert all(getattr(same, name) == getattr(event, name) for name in Event.__slots__)
    assert isinstance(same.at, datetime)
