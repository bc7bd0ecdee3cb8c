"""From the log to whoever listens, without a gap, a repeat or a change of order.

Subscriptions that are told alike share a **channel**, which renders an event once for all of them. A subscriber that
comes with a cursor, or could not take an event, reads what it lacks from the log. It is in its channel from the
beginning, which holds back for it what happens meanwhile: the log is read at least as far as the hub had come when
that began, and of what is in both the second is left out by its position. So the log is the only queue there is, and
a slow client costs no memory.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from genji_graphql.driver import Connections
from genji_graphql.live import log as events_log
from genji_graphql.live.event import Event
from genji_graphql.live.log import Only, Place, places_of
from genji_graphql.live.people import People, Person
from genji_graphql.live.position import BEGINNING, Position
from genji_graphql.live.sight import Sight
from genji_graphql.live.sink import Message, Sink
from genji_graphql.live.tally import Tally

log = logging.getLogger(__name__)

WAITING = 64
"""Batches that a channel may have before it. One that falls farther behind reads the log anew."""
HELD = 1000
"""Messages that are held back for a subscriber who reads the log."""
OVERFLOWS = 5
"""How often a subscriber may be too slow, without having been quick for a while, until they are told to stop."""
_CALM = 60.0
"""Seconds without an overflow after which earlier ones are forgotten."""
_RENDERING = 4
"""Events that are rendered at a time."""
_RETRY = (0.1, 0.5, 1.0, 2.0)
"""Seconds to wait before what failed is tried again; the last of them from then on."""

SLOW_CONSUMER = {
    "message": "You take events more slowly than they come. Come back with your cursor when you can take more.",
    "extensions": {"code": "SLOW_CONSUMER"},
}

EXPIRED = {
    "message": "The log of events isn't the one that it was. Fetch what you show anew, and subscribe again.",
    "extensions": {"code": "CURSOR_EXPIRED"},
}


class Interest(Protocol):
    """What somebody wants to be told."""

    @property
    def only(self) -> Only:
        """The part of the log where it is found."""
        ...

    @property
    def wants_flags(self) -> bool:
        """Does it depend on what one may moderate?"""
        ...

    def matches(self, event: Event) -> bool:
        """Could it be this event, whoever asks?"""
        ...

    def told(self, event: Event, sight: Sight, person: Person) -> Hashable:
        """What this person is told that happened: for whom it is the same, the message is. None for nothing."""
        ...


Render = Callable[[Event, Any, Person], Awaitable[Message | None]]
"""What is told of an event, given what happened; None where nothing is there to be told of any more."""


class Subscriber:
    """One subscription of one connection."""

    __slots__ = ("_calm_at", "_held", "_overflows", "_reading", "channel", "cursor", "person", "sink")

    def __init__(self, channel: "Channel", person: Person, sink: Sink, cursor: Position) -> None:
        self.channel = channel
        self.person = person
        self.sink = sink
        self.cursor = cursor
        """After it, everything is still to be told."""
        self._held: deque[tuple[Position, Message]] | None = deque()
        """What is held back while the log is read; None for whoever is told directly."""
        self._reading: asyncio.Task[None] | None = None
        self._overflows = 0
        self._calm_at = 0.0

    def take(self, position: Position, message: Message) -> bool:
        """The channel tells what has just happened. Was it handed over?"""
        if self._held is not None:
            self._held.append((position, message))
            if len(self._held) > HELD:
                self._overflow()
        elif position > self.cursor:
            if self.sink.push(message):
                self.cursor = position
                return True
            self._overflow()
        return False

    def stop(self) -> None:
        """Nothing is told any more."""
        self.channel.leave(self)
        if self._reading is not None:
            self._reading.cancel()

    def end(self, errors: list[dict[str, Any]] | None = None) -> None:
        """Nothing is told any more, and the client hears why."""
        self.stop()
        self.sink.complete(errors)

    def read_log(self) -> None:
        """Read what is lacking, from the log; what happens meanwhile is held back."""
        if self._held is None:
            # They were told everything that the channel has come by.
            self.cursor = max(self.cursor, self.channel.passed)
        if self._reading is not None:
            self._reading.cancel()
        self._held = deque()
        self._reading = asyncio.create_task(self._read())

    def _overflow(self) -> None:
        clock = asyncio.get_running_loop().time()
        if clock > self._calm_at:
            self._overflows = 0
        self._calm_at = clock + _CALM
        self._overflows += 1
        self.channel.hub.tally.overflows += 1
        if self._overflows > OVERFLOWS:
            self.channel.hub.tally.given_up += 1
            self.end([SLOW_CONSUMER])
        else:
            self.read_log()

    async def _read(self) -> None:
        more = True
        while more:
            await self.sink.room()
            until = self.channel.hub.position
            page = await persistently(self._page)
            for event, message in page:
                await self._push(event.position, message)
            more = len(page) == events_log.PAGE
            if not more:
                # As far as the hub had come there was nothing else.
                self.cursor = max(self.cursor, until)
        while self._held:
            position, message = self._held[0]
            if position > self.cursor:
                await self._push(position, message)
            self._held.popleft()
        self._held = self._reading = None

    async def _push(self, position: Position, message: Message | None) -> None:
        while message is not None and not self.sink.push(message):
            await self.sink.room()
            await asyncio.sleep(0)  # whoever has left has room as well
        self.channel.hub.tally.delivered += message is not None
        self.cursor = position

    async def _page(self) -> list[tuple[Event, Message | None]]:
        channel, hub = self.channel, self.channel.hub
        async with hub.connections.lent() as lent:
            events = await events_log.events_after(lent.driver, self.cursor, channel.interest.only)
            await hub.refresh(lent.driver)
            wanted = [event for event in events if channel.interest.matches(event)]
            sight = await hub.sight(lent.driver, wanted, [self.person], channel.interest)
        messages = dict.fromkeys(events)
        for event in wanted:
            if (told := channel.interest.told(event, sight, self.person)) is not None:
                messages[event] = await channel.message(event, told, self.person)
        return list(messages.items())


async def persistently(do: Callable[[], Awaitable[Any]]) -> Any:
    """What it gives, however often it takes: a database that is away comes back, and no event may be left out."""
    waits = iter(_RETRY)
    wait = 0.0
    while True:
        try:
            return await do()
        except Exception:
            wait = next(waits, _RETRY[-1])
            log.warning("What happened can't be told at the moment, and is tried again.", exc_info=wait == _RETRY[-1])
        await asyncio.sleep(wait)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were read together, for those who want them."""

    after: Position
    """What was read before ends here."""
    events: Sequence[Event]
    sight: Sight


class Channel:
    """Subscriptions that are told alike."""

    def __init__(self, hub: "Hub", key: Hashable, interest: Interest, render: Render) -> None:
        self.hub = hub
        self.key = key
        self.interest = interest
        self.subscribers: set[Subscriber] = set()
        self.passed = hub.position
        """So far, those who are told directly have been told everything."""
        self._render = render
        self._waiting: deque[Batch] = deque()
        self._working: asyncio.Task[None] | None = None
        self._telling: Event | None = None
        self._rendered: dict[tuple[Position, Hashable], asyncio.Task[Message | None]] = {}

    def leave(self, subscriber: Subscriber) -> None:
        self.subscribers.discard(subscriber)
        if not self.subscribers:
            self.hub.drop(self)
            if self._working is not None:
                self._working.cancel()

    def tell(self, batch: Batch) -> None:
        """Of these events, in this order, after those before."""
        self._waiting.append(batch)
        if len(self._waiting) > WAITING:
            self._waiting.clear()
            self.hub.tally.overflows += 1
            self._send_to_log(self.subscribers)
        elif self._working is None:
            self._working = asyncio.create_task(self._work())

    @property
    def next(self) -> Event | None:
        """What is told next, or just now."""
        return self._telling or (self._waiting[0].events[0] if self._waiting else None)

    async def message(self, event: Event, told: Hashable, person: Person) -> Message | None:
        """Rendered once, for all who ask at the same time."""
        key = (event.position, told)
        rendering = self._rendered.get(key)
        if rendering is None:
            rendering = self._rendered[key] = asyncio.create_task(self._rendering(event, told, person))
            asyncio.get_running_loop().call_later(1.0, self._rendered.pop, key, None)
        return await asyncio.shield(rendering)

    async def _rendering(self, event: Event, told: Hashable, person: Person) -> Message | None:
        async def render() -> Message | None:
            async with self.hub.rendering:
                return await self._render(event, told, person)

        message: Message | None = await persistently(render)
        return message

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting.popleft()
                self.passed = max(self.passed, batch.after)
                for event in batch.events:
                    self._telling = event
                    await self._tell(event, batch.sight)
                    self.passed = event.position
        finally:
            self._working = self._telling = None

    async def _tell(self, event: Event, sight: Sight) -> None:
        by_what: dict[Hashable, list[Subscriber]] = {}
        changed: list[Subscriber] = []
        for subscriber in self.subscribers:
            if sight.is_outdated(subscriber.person):
                changed.append(subscriber)
            elif (told := self.interest.told(event, sight, subscriber.person)) is not None:
                by_what.setdefault(told, []).append(subscriber)
        self._send_to_log(changed)
        for told, subscribers in by_what.items():
            message = await self.message(event, told, subscribers[0].person)
            if message is not None:
                self._push(event, message, subscribers)

    def _send_to_log(self, subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            subscriber.read_log()

    def _push(self, event: Event, message: Message, subscribers: Iterable[Subscriber]) -> None:
        position, still, number = event.position, self.subscribers, 0
        for subscriber in subscribers:
            if subscriber in still:
                number += subscriber.take(position, message)
        self.hub.tally.told(event, number)


class Hub:
    """All who listen to one process, and how far it has read."""

    def __init__(
        self, people: People, connections: Connections, ask_again: Callable[[Person], Awaitable[None]], tally: Tally
    ) -> None:
        self.people = people
        self.connections = connections
        self.tally = tally
        self.position = BEGINNING
        """So far, everything has been given to the channels that there were."""
        self.epoch = ""
        self.rendering = asyncio.Semaphore(_RENDERING)
        self._ask_again = ask_again
        self._channels: dict[Hashable, Channel] = {}
        self._by_place: dict[Place, set[Channel]] = {}
        self._snapshot = ""
        self._refreshing = asyncio.Lock()

    def join(
        self, key: Hashable, interest: Interest, render: Render, person: Person, sink: Sink, cursor: Position
    ) -> Subscriber:
        """Tell whatever comes after the cursor. Subscriptions of the same key are told alike."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self, key, interest, render)
            self._by_place.setdefault(interest.only.place, set()).add(channel)
        subscriber = Subscriber(channel, person, sink, cursor)
        channel.subscribers.add(subscriber)
        subscriber.read_log()
        return subscriber

    def drop(self, channel: Channel) -> None:
        if self._channels.get(channel.key) is channel:
            del self._channels[channel.key]
            place = channel.interest.only.place
            self._by_place[place].remove(channel)
            if not self._by_place[place]:
                del self._by_place[place]

    @property
    def subscriptions(self) -> int:
        return sum(len(channel.subscribers) for channel in self._channels.values())

    @property
    def oldest(self) -> datetime | None:
        """When the oldest event happened that was read and isn't told yet; None while there is none."""
        untold = [event.at for channel in self._channels.values() if (event := channel.next) is not None]
        return min(untold, default=None)

    async def deliver(self, events: Sequence[Event]) -> None:
        """Tell those who want to know of what was read next."""
        matched: dict[Channel, list[Event]] = {}
        for event in events:
            for place in places_of(event):
                for channel in self._by_place.get(place, ()):
                    if channel.interest.matches(event):
                        matched.setdefault(channel, []).append(event)
        # Whoever comes from now on reads these in the log.
        after, self.position = self.position, events[-1].position
        if not matched:
            return
        wanted = sorted({event for some in matched.values() for event in some}, key=lambda event: event.position)
        of_flags = any(channel.interest.wants_flags for channel in matched)

        async def look() -> Sight:
            people = {subscriber.person for channel in matched for subscriber in channel.subscribers}
            async with self.connections.lent() as lent:
                await self.refresh(lent.driver)
                return await Sight.of(lent.driver, wanted, people, of_flags=of_flags)

        sight = await persistently(look)
        for channel, some in matched.items():
            if channel.subscribers:
                channel.tell(Batch(after, some, sight))

    async def sight(self, driver: Any, events: Sequence[Event], people: Collection[Person], of: Interest) -> Sight:
        return await Sight.of(driver, events, people, of_flags=of.wants_flags)

    async def refresh(self, driver: Any, *, everybody: bool = False) -> None:
        """Ask those anew whose standing has changed since the last time."""
        # One at a time: whoever comes second finds all of them asked.
        async with self._refreshing:
            if everybody or not self._snapshot:
                snapshot, changed = await events_log.current_snapshot(driver), frozenset({0})
            else:
                snapshot, changed = await events_log.standing_since(driver, self._snapshot)
            concerned = [one for one in self.people if 0 in changed or one.viewer.user_id in changed] if changed else []
            await asyncio.gather(*map(self._ask_again, concerned))
            self._snapshot = snapshot

    def expire(self) -> None:
        """The log is another: nobody's cursor means anything any more."""
        for channel in list(self._channels.values()):
            for subscriber in list(channel.subscribers):
                subscriber.end([EXPIRED])
