"""The live system of one process."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.driver import Connections
from genji_graphql.errors import Invalid
from genji_graphql.live import log as events_log
from genji_graphql.live.hub import Hub
from genji_graphql.live.people import People, Person
from genji_graphql.live.position import Position, Snapshot, cursor_of, read_cursor
from genji_graphql.live.reader import Announcer, Reader
from genji_graphql.live.relay import Relay
from genji_graphql.live.tally import Tally
from genji_graphql.settings import Settings

CURSOR_EXPIRED = "CURSOR_EXPIRED"
_EXPIRED = "What happened after this cursor isn't known any more. Fetch what you show anew, and subscribe without it."
_READING = 4
"""Connections for those who read what they missed, and for what all see: as many as batches are rendered at a time."""


Who = Callable[[str], Awaitable[Viewer]]
"""Who holds a token now. It is asked while a connection is held here, so it must have others of its own."""


class CursorExpired(Invalid):
    """What followed a cursor isn't in the log any more."""

    def __init__(self) -> None:
        super().__init__(_EXPIRED, field="after", code=CURSOR_EXPIRED)


@dataclass(frozen=True, slots=True)
class Lags:
    """How far behind what is told is, in seconds."""

    untold: float
    """Since when the oldest event waits that isn't told yet; 0 while nobody listens."""
    writing: float
    """Since when the oldest transaction writes that is still open: events after its beginning wait for its end."""


class Live:
    def __init__(self, engine: AsyncEngine, settings: Settings, who: Who) -> None:
        self._engine = engine
        self._who = who
        # Nobody is refused: whoever has to wait for a connection is told a little later.
        own = settings.model_copy(update={"db_pool_size": _READING, "db_pool_timeout": 60.0})
        self.connections = Connections(engine, own)
        self._asking = Connections(engine, settings.model_copy(update={"db_pool_size": 1}))
        self.people = People()
        self.tally = Tally()
        self.hub = Hub(self.people, self.connections, self._ask_again, self.tally)
        kept = timedelta(days=settings.events_kept_days)
        self.reader = (
            Reader(self.hub, self._connect, kept)
            if settings.redis_url is None
            else Relay(self.hub, self._connect, kept, settings.redis_url.get_secret_value())
        )
        self._announcer = Announcer(self._connect)

    @property
    def work(self) -> list[Any]:
        """What goes on for as long as the server runs."""
        return [*self.reader.work, self._announcer.run()]

    def wrote(self) -> None:
        """Something was committed."""
        self.reader.wake()
        self._announcer.announce()

    async def now(self) -> str:
        """A cursor after which comes all that isn't seen yet by whoever reads from now on."""
        async with self.connections.lent() as lent:
            if not self.hub.epoch:
                self.hub.epoch = await events_log.epoch(lent.driver)
            position, _ = await events_log.now(lent.driver)
            return self.cursor(position)

    def cursor(self, position: Position) -> str:
        return cursor_of(self.hub.epoch, position)

    async def beginning(self, after: str | None) -> tuple[Position, Snapshot | None]:
        """Where to begin; without a cursor, what had happened already after that. Raises Invalid and CursorExpired.

        From when this returns nothing is missed. Somebody must have arrived.
        """
        while True:
            await self.reader.is_following.wait()
            epoch = self.hub.epoch
            beginning = await self._beginning(after)
            if self.reader.is_following.is_set() and self.hub.epoch == epoch:
                return beginning
            # The log became another meanwhile, and the place was one in that before.

    async def _beginning(self, after: str | None) -> tuple[Position, Snapshot | None]:
        async with self.connections.lent() as lent:
            if after is None:
                return await events_log.now(lent.driver)
            found = read_cursor(after)
            if found is None:
                raise Invalid("This is no cursor of an event.", field="after", code="BAD_CURSOR")
            epoch, position = found
            if epoch != self.hub.epoch or position < await events_log.floor(lent.driver):
                raise CursorExpired
            return position, None

    async def lags(self) -> Lags:
        """Asks the database, by a connection of its own: this is wanted most when all others are taken."""
        async with self._asking.lent() as lent:
            untold = [0.0]
            if self.reader.is_following.is_set():
                untold.append(await events_log.lag(lent.driver, self.hub.position))
            if (oldest := self.hub.oldest) is not None:
                untold.append((datetime.now(UTC) - oldest).total_seconds())
            return Lags(max(untold), await events_log.oldest_writer(lent.driver))

    async def close(self) -> None:
        await self.reader.close()
        await self.connections.close()
        await self._asking.close()

    async def _ask_again(self, person: Person) -> None:
        if person.token is None:
            return
        viewer = await self._who(person.token)
        if viewer.is_anonymous and not person.viewer.is_anonymous:
            person.become(ANONYMOUS)
            person.end()
        else:
            person.become(viewer)

    async def _connect(self) -> Any:
        connection = await self._engine.raw_connection()
        driver = connection.driver_connection
        # The engine, which knows how to connect, forgets it.
        connection.detach()
        return driver
