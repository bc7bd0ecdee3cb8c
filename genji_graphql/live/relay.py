"""Follows the log by way of Redis: where there are dozens of processes, one of them reads it for all.

It passes on what it reads by a stream, which every process follows, itself too. The stream is a short cut and never the
truth. A page says after which position it begins, so that who missed one sees it at once, and reads the log from where
they are; what they have been told already they recognise by its position. Who hears nothing for a second looks at the
log themselves, and who doesn't reach Redis reads it as if there were none. So nothing is lost or told twice, whatever
becomes of Redis, its data, or whoever reads (docs/decisions/0022).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from genji_graphql.database import Turn, plain_reason
from genji_graphql.live import log as events_log
from genji_graphql.live.event import Event, Kind
from genji_graphql.live.hub import Hub
from genji_graphql.live.people import People
from genji_graphql.live.position import Position
from genji_graphql.live.reader import AWAY, IDLE, Connect, Pace, Reader, listening

log = logging.getLogger(__name__)

KEPT = 200
"""Pages that the stream holds, or a few more: for who is a little behind. Who is farther behind reads the log."""
_FORGOTTEN = timedelta(days=1)
"""After which a stream goes that nobody writes to any more."""
_AT_ONCE = 50
"""Pages that are taken at once."""
_PATIENCE = 2.0
"""Seconds that Redis has to answer, longer than it is asked to wait for a page."""
_RETRY = 1.0
_FIRST = b"0-0"
"""Comes before every entry of a stream."""


@dataclass(frozen=True, slots=True)
class Page:
    """All that happened after a position, up to the last of these events."""

    after: Position
    events: Sequence[Event]


_NAMES = [field.name for field in fields(Event)]
_REST = _NAMES[3:]
_FORM = ",".join(_NAMES)
"""Processes of two versions may meet, when one is replaced by the other."""


def packed(page: Page) -> bytes:
    rows = [
        (*event.position, event.at, event.kind.value, *(getattr(event, name) for name in _REST))
        for event in page.events
    ]
    return orjson.dumps({"form": _FORM, "after": tuple(page.after), "events": rows})


def unpacked(data: bytes) -> Page | None:
    """None where it isn't a page as this version knows them."""
    try:
        told = orjson.loads(data)
        if told["form"] != _FORM:
            return None
        events = [
            Event(Position(xid, seq), datetime.fromisoformat(at), Kind(kind), **dict(zip(_REST, rest, strict=True)))
            for xid, seq, at, kind, *rest in told["events"]
        ]
        return Page(Position(*told["after"]), events)
    except (KeyError, TypeError, ValueError):
        return None


async def _apart(asking: Awaitable[Any]) -> Any:
    """What Redis answers.

    Whoever waits for it may be told to stop, when the server ends. By Python 3.11's `asyncio.wait_for`, with which the
    client sends what it has to say, that can be lost; so it waits in a task of its own.
    """
    task = asyncio.ensure_future(asking)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        return await asyncio.shield(task)
    finally:
        task.cancel()


class Stream:
    """What is passed on of one log. Another database, or an earlier state of this one, has another stream."""

    def __init__(self, redis: Redis, epoch: str) -> None:
        self.key = f"genji:events:{epoch}"
        self._redis = redis
        self._last: bytes | None = None
        """The entry after which the next is read; None for whatever is the last."""

    async def add(self, page: Page) -> None:
        async def add() -> None:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xadd(self.key, {b"page": packed(page)}, maxlen=KEPT, approximate=True)
                pipeline.expire(self.key, _FORGOTTEN)
                await pipeline.execute()

        await _apart(add())

    def skip(self) -> None:
        """Of what there is so far, nothing is wanted."""
        self._last = None

    async def pages(self) -> Sequence[Page | None]:
        """The next, for which it waits a while; none for one that can't be read."""
        if self._last is None:
            self._last = await self._newest()
        block = round(IDLE * 1000)
        found: Any = await _apart(self._redis.xread({self.key: self._last}, count=_AT_ONCE, block=block))
        if not found:
            if _number(await self._newest()) < _number(self._last):
                # It was begun anew, by a clock that was behind the one before.
                self._last = _FIRST
            return []
        entries = found[0][1]
        self._last = entries[-1][0]
        return [unpacked(values.get(b"page", b"")) for _, values in entries]

    async def _newest(self) -> bytes:
        entries: Any = await _apart(self._redis.xrevrange(self.key, count=1))
        return bytes(entries[0][0]) if entries else _FIRST


def _number(entry: bytes) -> tuple[int, ...]:
    return tuple(map(int, entry.split(b"-")))


class Relay(Reader):
    """Follows what is passed on, and passes it on if nobody else does."""

    def __init__(self, hub: Hub, connect: Connect, kept: timedelta, url: str) -> None:
        super().__init__(hub, connect, kept)
        # Each time that it fails there is something better to do than to try again.
        self._redis = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            client_name="genji",
        )
        self.publisher = Publisher(hub.people, connect, self._redis)

    @property
    def work(self) -> list[Coroutine[Any, Any, None]]:
        return [*super().work, self.publisher.run()]

    @property
    def is_leading(self) -> bool:  # type: ignore[override] # what others never do
        return self.publisher.is_leading

    def wake(self) -> None:
        super().wake()
        self.publisher.pace.wake()

    async def close(self) -> None:
        await self._redis.aclose()

    async def follow(self, driver: Any) -> None:
        while True:
            try:
                await self._follow_stream(driver)
            except RedisError as fault:
                log.warning("Redis can't be asked at the moment, so the log is read here: %s.", plain_reason(fault))
            finally:
                self.is_led = False
            async with listening(driver, self.wake), self._until_back() as back:
                while not back.done():
                    await self.step(driver)

    async def _follow_stream(self, driver: Any) -> None:
        stream = Stream(self._redis, self.hub.epoch)
        while True:
            if not self.is_following.is_set() or not self.hub.people:
                stream.skip()
            await self.somebody(driver)
            pages = await stream.pages()
            self.is_led = True
            for page in pages:
                await self._take(driver, page)
            if not pages:
                # There was nothing to be told, or nobody who told it.
                await self._read_on(driver)
            elif self.hub.refreshed_before(IDLE):
                await self.hub.refresh(driver)

    async def _take(self, driver: Any, page: Page | None) -> None:
        self.hub.tally.looked()
        if page is None:
            await self._read_on(driver)
            return
        if page.after > self.hub.position:
            await self._read_on(driver, page.after)
        if events := [event for event in page.events if event.position > self.hub.position]:
            self.hub.tally.relayed += len(events)
            await self.hub.deliver(events)

    async def _read_on(self, driver: Any, until: Position | None = None) -> None:
        """Read what was missed, from the log."""
        found = events_log.PAGE
        while found == events_log.PAGE and (until is None or self.hub.position < until):
            found = await self.look(driver)

    @asynccontextmanager
    async def _until_back(self) -> AsyncIterator["asyncio.Task[None]"]:
        """A task that ends when Redis answers again."""

        async def ask() -> None:
            while True:
                await asyncio.sleep(_RETRY)
                try:
                    await _apart(self._redis.ping())
                except RedisError:
                    continue
                self.wake()
                return

        asking = asyncio.create_task(ask())
        try:
            yield asking
        finally:
            asking.cancel()


class Publisher:
    """Reads the log for all processes, if no other one does. Who has nobody to tell doesn't offer it."""

    def __init__(self, people: People, connect: Connect, redis: Redis) -> None:
        self.pace = Pace()
        self.is_leading = False
        self._people = people
        self._connect = connect
        self._redis = redis

    async def run(self) -> None:
        while True:
            try:
                await self._people.arrived()
                # Who can't pass anything on must not be in others' way.
                await _apart(self._redis.ping())
                await self._stand()
            except (RedisError, *AWAY) as fault:
                log.debug("The log can't be passed on from here: %s.", plain_reason(fault))
            except Exception:
                log.exception("The log could not be passed on from here.")
            await asyncio.sleep(_RETRY)

    async def _stand(self) -> None:
        """Wait for one's turn, and take it. It is lost with the connection, however that ends."""
        driver = await self._connect()
        try:
            while not await driver.fetchval("SELECT pg_try_advisory_lock($1)", Turn.RELAY.value):
                await asyncio.sleep(IDLE)
                if not self._people:
                    return
            await self._lead(driver)
        except RedisError as fault:
            log.warning("The log can't be passed on from here any more: %s.", plain_reason(fault))
        finally:
            self.is_leading = False
            driver.terminate()

    async def _lead(self, driver: Any) -> None:
        stream = Stream(self._redis, await events_log.epoch(driver))
        position, _ = await events_log.now(driver)
        self.is_leading = True
        async with listening(driver, self.pace.wake):
            while True:
                self.pace.look()
                events = await events_log.events_after(driver, position)
                if events:
                    await stream.add(Page(position, events))
                    position = events[-1].position
                await self.pace.pause(driver, position, len(events))
