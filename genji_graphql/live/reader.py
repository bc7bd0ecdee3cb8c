"""Follows the log: the one reader of a process.

It asks again soon while something happens, and seldom otherwise; whoever commits wakes it, in other processes by
NOTIFY. That is sent by a connection of its own after the commit: within a writer's transaction it would make all
writers commit one after the other. It is a hint and no more: what isn't announced, such as what psql writes, is found
a second later at most.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError

from genji_graphql.database import plain_reason
from genji_graphql.driver import DriverError
from genji_graphql.live import log as events_log
from genji_graphql.live.hub import Hub
from genji_graphql.live.position import BEGINNING, Position

log = logging.getLogger(__name__)

CHANNEL = "genji_events"

BUSY = 0.005
"""Seconds between two looks while events come."""
EASY = 0.025
"""While some may come: a while after the last, and as long as somebody is writing who keeps others waiting. It comes to
that little by little, so that what is written steadily isn't told late."""
SOON = 0.1
"""After which those who were shut out hear of it while nothing is told; before anything is, they are asked anyway."""
IDLE = 1.0
_EASES = 40
"""Looks without an event before it is idle."""
_KEEPING = 3600.0
"""Seconds between two looks at the partitions."""
_RETRY = 0.5
_DEBOUNCE = 0.005

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, DBAPIError, DriverError)

Connect = Callable[[], Awaitable[Any]]
"""Opens a connection that is the caller's alone."""


class Pace:
    """When to look at the log again."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._looks = 0
        """How many have been in vain."""

    def wake(self) -> None:
        """Something may have happened."""
        self._woken.set()

    def look(self) -> None:
        """What happened before is found now."""
        self._woken.clear()

    async def pause(self, driver: Any, position: Position, found: int) -> None:
        """Wait for as long as nothing is to be expected. The last look found so many events, and came to a position."""
        self._looks = 0 if found else self._looks + 1
        if found == events_log.PAGE:
            return
        if found:
            await asyncio.sleep(BUSY)
        elif self._looks < _EASES or await events_log.has_more(driver, position):
            await self._until_woken(min(EASY, BUSY * (self._looks + 1)))
        elif await self._until_woken(IDLE):
            self._looks = 0

    async def _until_woken(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def listening(driver: Any, wake: Callable[[], None]) -> AsyncIterator[None]:
    """Hear within it of what is written, as processes announce it."""

    def hear(*_: Any) -> None:
        wake()

    await driver.add_listener(CHANNEL, hear)
    yield
    await driver.remove_listener(CHANNEL, hear)


class Reader:
    """Follows the log for a hub."""

    is_leading = False
    """Does it read for other processes too?"""
    is_led = False
    """Does another process read for it, or this one for all?"""

    def __init__(self, hub: Hub, connect: Connect, kept: timedelta) -> None:
        self.hub = hub
        self.connect = connect
        self.pace = Pace()
        self._kept = kept
        self.is_following = asyncio.Event()
        """Is everything read that happens from now on? While nobody is there to be told, it is not."""

    @property
    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on for as long as the server runs."""
        return [self.run(), self.keep()]

    def wake(self) -> None:
        """Something may have happened."""
        self.pace.wake()

    async def close(self) -> None:
        """Its work has ended."""

    async def run(self) -> None:
        """For as long as the server runs: a database that goes away comes back."""
        while True:
            try:
                driver = await self.connect()
                try:
                    await self.begin(driver)
                    await self.follow(driver)
                finally:
                    driver.terminate()
            except AWAY as fault:
                log.warning("The log of events can't be read at the moment: %s.", plain_reason(fault))
                await asyncio.sleep(_RETRY)
            except Exception:
                log.exception("The log of events could not be read, and is read again.")
                await asyncio.sleep(_RETRY)

    async def begin(self, driver: Any) -> None:
        """With a connection that is new."""
        epoch = await events_log.epoch(driver)
        if self.hub.epoch and epoch != self.hub.epoch:
            self.hub.expire()
            self.hub.position = BEGINNING
            self.is_following.clear()
        self.hub.epoch = epoch
        await self.hub.refresh(driver, everybody=True)

    async def follow(self, driver: Any) -> None:
        async with listening(driver, self.wake):
            while True:
                await self.step(driver)

    async def step(self, driver: Any) -> None:
        """Look once, and wait until it is time to look again."""
        await self.somebody(driver)
        self.pace.look()
        found = await self.look(driver)
        await self.pace.pause(driver, self.hub.position, found)

    async def somebody(self, driver: Any) -> None:
        """While nobody listens nothing is read; what has happened meanwhile is for those who bring a cursor."""
        if self.hub.people and self.is_following.is_set():
            return
        self.is_following.clear()
        await self.hub.people.arrived()
        position, _ = await events_log.now(driver)
        self.hub.position = max(self.hub.position, position)
        await self.hub.refresh(driver, everybody=True)
        self.is_following.set()

    async def look(self, driver: Any) -> int:
        """Read a page and deliver it; tells how many events that were."""
        events = await events_log.events_after(driver, self.hub.position)
        self.hub.tally.looked()
        if events:
            self.hub.tally.read += len(events)
            await self.hub.deliver(events)
        if self.hub.refreshed_before(IDLE if events else SOON):
            # Whoever has signed out, or was shut out, shall not wait for an event of theirs to hear of it.
            await self.hub.refresh(driver)
        return len(events)

    async def keep(self) -> None:
        """Make the partitions of the days to come, and drop those whose time is over."""
        first = True
        while True:
            try:
                driver = await self.connect()
                try:
                    if first:
                        await events_log.forget_the_future(driver)
                    await events_log.keep_days(driver, self._kept)
                    first = False
                finally:
                    driver.terminate()
            except AWAY as fault:
                log.warning("The days of the log of events could not be kept: %s.", plain_reason(fault))
            await asyncio.sleep(_RETRY * 20 if first else _KEEPING)


class Announcer:
    """Tells other processes that something was written, a moment after it was committed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._wanted = asyncio.Event()

    def announce(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        driver: Any = None
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                try:
                    if driver is None or driver.is_closed():
                        driver = await self._connect()
                    await driver.execute(f"NOTIFY {CHANNEL}")
                except AWAY as fault:
                    log.debug("Nobody was told that something was written: %s.", plain_reason(fault))
                    await asyncio.sleep(_RETRY)
                # Whatever else is committed meanwhile is told together.
                await asyncio.sleep(_DEBOUNCE)
        finally:
            if driver is not None:
                driver.terminate()
