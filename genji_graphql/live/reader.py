"""Follows the log: the one reader of a process.

It asks again soon while something happens, and seldom otherwise; whoever commits wakes it, in other processes by
NOTIFY. That is sent by a connection of its own after the commit: within a writer's transaction it would make all
writers commit one after the other. It is a hint and no more: what isn't announced, such as what psql writes, is found
a second later at most.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError

from genji_graphql.database import plain_reason
from genji_graphql.driver import DriverError
from genji_graphql.live import log as events_log
from genji_graphql.live.hub import Hub
from genji_graphql.live.position import BEGINNING

log = logging.getLogger(__name__)

CHANNEL = "genji_events"

BUSY = 0.005
"""Seconds between two looks while events come."""
EASY = 0.025
"""While some may come: a while after the last, and as long as somebody is writing who keeps others waiting. It comes to
that little by little, so that what is written steadily isn't told late."""
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


class Reader:
    def __init__(self, hub: Hub, connect: Connect, kept: timedelta) -> None:
        self._hub = hub
        self._connect = connect
        self._kept = kept
        self._woken = asyncio.Event()
        self.is_following = asyncio.Event()
        """Is everything read that happens from now on? While nobody is there to be told, it is not."""

    def wake(self) -> None:
        """Something may have happened."""
        self._woken.set()

    async def run(self) -> None:
        """For as long as the server runs: a database that goes away comes back."""
        while True:
            try:
                async with self._connected() as driver:
                    await self._follow(driver)
            except AWAY as fault:
                log.warning("The log of events can't be read at the moment: %s.", plain_reason(fault))
                await asyncio.sleep(_RETRY)
            except Exception:
                log.exception("The log of events could not be read, and is read again.")
                await asyncio.sleep(_RETRY)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        driver = await self._connect()
        try:
            await driver.add_listener(CHANNEL, lambda *_: self.wake())
            yield driver
        finally:
            driver.terminate()

    async def _follow(self, driver: Any) -> None:
        await self._begin(driver)
        looks = 0
        while True:
            if not self._hub.people or not self.is_following.is_set():
                await self._sleep(driver)
            self._woken.clear()
            events = await events_log.events_after(driver, self._hub.position)
            self._hub.tally.looked()
            if events:
                self._hub.tally.read += len(events)
                await self._hub.deliver(events)
                looks = 0
            else:
                # Whoever has signed out, or was shut out, shall not wait for an event to hear of it.
                await self._hub.refresh(driver)
                looks += 1
            if len(events) < events_log.PAGE:
                looks = await self._pause(driver, looks)

    async def _begin(self, driver: Any) -> None:
        epoch = await events_log.epoch(driver)
        if self._hub.epoch and epoch != self._hub.epoch:
            self._hub.expire()
            self._hub.position = BEGINNING
            self.is_following.clear()
        self._hub.epoch = epoch
        await self._hub.refresh(driver, everybody=True)

    async def _sleep(self, driver: Any) -> None:
        """While nobody listens nothing is read; what has happened meanwhile is for those who bring a cursor."""
        self.is_following.clear()
        await self._hub.people.arrived()
        position, _ = await events_log.now(driver)
        self._hub.position = max(self._hub.position, position)
        await self._hub.refresh(driver, everybody=True)
        self.is_following.set()

    async def _pause(self, driver: Any, looks: int) -> int:
        """Wait for as long as nothing is to be expected; tells how many looks there have been in vain."""
        if looks == 0:
            await asyncio.sleep(BUSY)
        elif looks < _EASES or await events_log.is_held_up(driver):
            await self._until_woken(min(EASY, BUSY * (looks + 1)))
        elif await self._until_woken(IDLE):
            return 0
        return looks

    async def _until_woken(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True

    async def keep(self) -> None:
        """Make the partitions of the days to come, and drop those whose time is over."""
        first = True
        while True:
            try:
                driver = await self._connect()
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
