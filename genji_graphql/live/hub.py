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
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from genji_graphql.driver import Connections
from genji_graphql.live import log as events_log
from genji_graphql.live.event import Event
from genji_graphql.live.log import Only, Place, places_of
from genji_graphql.live.people import Circle, People, Person
from genji_graphql.live.position import BEGINNING, Position, Snapshot
from genji_graphql.live.sight import Sight
from genji_graphql.live.sink import Message, Sink
from genji_graphql.live.tally import Tally

log = logging.getLogger(__name__)

WAITING = 1000
"""Events that a channel may have before it. One that falls farther behind drops them, and reads the log itself."""
_TOGETHER = 16
"""Events that are told at a time, at most: what a connection is sent in one go costs one call of the system."""
_IN_A_ROW = 10_000
"""Deliveries after which others have their turn."""
HELD = 1000
"""Messages that are held back for a subscriber who reads the log."""
OVERFLOWS = 5
"""How often a subscriber may be too slow, without having been quick for a while, until they are told to stop."""
_CALM = 60.0
"""Seconds without an overflow after which earlier ones are forgotten."""
_RENDERING = 4
"""Batches that are rendered at a time."""
_LOOKS = 3
"""How often it is asked anew who sees what is gone for whoever it was rendered for; then all look for themselves."""
_FRESH = 1.0
"""Seconds for which what was rendered is told to others who come to the same events."""
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


Telling = tuple[Event, Hashable]
"""An event, and what somebody is told that happened."""

Render = Callable[[Sequence[Telling], Person], Awaitable[Sequence[Message | None]]]
"""What is said of events, to this person and to all who are told alike; None where nothing is there any more."""


class Subscriber:
    """One subscription of one connection."""

    __slots__ = ("_calm_at", "_held", "_known", "_overflows", "_reading", "channel", "cursor", "person", "sink")

    def __init__(
        self, channel: "Channel", person: Person, sink: Sink, cursor: Position, known: Snapshot | None
    ) -> None:
        self.channel = channel
        self.person = person
        self.sink = sink
        self.cursor = cursor
        """After it, everything is still to be told,"""
        self._known = known
        """but what had been committed before they came."""
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
        elif self._is_new(position):
            if self.sink.push(message):
                self.cursor = position
                return True
            self._overflow()
        return False

    def _is_new(self, position: Position) -> bool:
        if self._known is None:
            return position > self.cursor
        return position > self.cursor and not self._known.has(position.xid)

    def begin(self) -> None:
        """Read what is lacking: nothing, where the hub is still to come to what is after the cursor."""
        if self.cursor < self.channel.hub.position:
            self.read_log()
        else:
            self._held = None

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
            if self._is_new(position):
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
            wanted = [one for one in events if channel.interest.matches(one) and self._is_new(one.position)]
            person, changes = self.person, hub.people.changes
            sight = await Sight.of(
                lent.driver,
                wanted,
                {person.circle},
                lambda _: {person},
                changes,
                of_flags=channel.interest.wants_flags,
            )
        tellings = [(event, channel.interest.told(event, sight, self.person)) for event in wanted]
        tellings = [(event, told) for event, told in tellings if told is not None]
        messages = await channel.messages(tellings, self.person)
        said = {event: message for (event, _), message in zip(tellings, messages, strict=True)}
        return [(event, said.get(event)) for event in events]


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
class Happened:
    """An event that a channel wants, and who sees it."""

    after: Position
    """What was read before ends here or later."""
    event: Event
    sight: Sight


_Told = dict[Hashable, list[Sequence[Subscriber]]]
"""Who is told what of an event, by what they are told."""
_Said = dict[Event, list[tuple[Message | None, Sequence[Sequence[Subscriber]]]]]
"""What is said of each event, and to whom."""


_Rendering = tuple[asyncio.Task[Sequence[Message | None]], int, Person]
"""Where a message is being rendered, its place there, and for whom."""


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
        self._waiting: deque[Happened] = deque()
        self._is_behind = False
        """Was anything dropped, so that the log has to be read?"""
        self._working: asyncio.Task[None] | None = None
        self._telling: Event | None = None
        self._rendered: dict[tuple[Position, Hashable], _Rendering] = {}
        self._by_circle: dict[Circle, list[Subscriber]] | None = None
        self._changes = 0

    def enter(self, subscriber: Subscriber) -> None:
        self.subscribers.add(subscriber)
        self._by_circle = None

    def leave(self, subscriber: Subscriber) -> None:
        self.subscribers.discard(subscriber)
        self._by_circle = None
        if not self.subscribers:
            self.hub.drop(self)
            # Nobody waits for it: where the database is away it would be tried again and again.
            for task in [*(task for task, *_ in self._rendered.values()), self._working]:
                if task is not None:
                    task.cancel()

    @property
    def by_circle(self) -> Mapping[Circle, Sequence[Subscriber]]:
        """The subscribers, by the circle that they are in now."""
        if self._by_circle is None or self._changes != self.hub.people.changes:
            self._by_circle = {}
            self._changes = self.hub.people.changes
            for subscriber in self.subscribers:
                self._by_circle.setdefault(subscriber.person.circle, []).append(subscriber)
        return self._by_circle

    def tell(self, happened: Iterable[Happened]) -> None:
        """Of these events, in this order, after those before."""
        self._waiting.extend(happened)
        if len(self._waiting) > WAITING:
            self._waiting.clear()
            self._is_behind = True
            self.hub.tally.overflows += 1
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    @property
    def next(self) -> Event | None:
        """What is told next, or just now."""
        return self._telling or (self._waiting[0].event if self._waiting else None)

    async def messages(self, tellings: Sequence[Telling], person: Person) -> list[Message | None]:
        """Rendered together, and once for all who come to the same events at about the same time."""
        keys = [(event.position, told) for event, told in tellings]
        new = {key: telling for key, telling in zip(keys, tellings, strict=True) if key not in self._rendered}
        if new:
            rendering = asyncio.create_task(self._rendering(list(new.values()), person))
            self._rendered |= {key: (rendering, place, person) for place, key in enumerate(new)}
            asyncio.get_running_loop().call_later(_FRESH, self._forget, list(new))
        found = [self._rendered[key] for key in keys]
        messages: list[Message | None] = []
        for telling, (rendering, place, whose) in zip(tellings, found, strict=True):
            message = (await asyncio.shield(rendering))[place]
            if message is None:
                # It was gone for them, who may have lost sight of it a moment ago.
                self._rendered.pop((telling[0].position, telling[1]), None)
                if whose is not person:
                    (message,) = await self._rendering([telling], person)
            messages.append(message)
        return messages

    async def _rendering(self, tellings: Sequence[Telling], person: Person) -> Sequence[Message | None]:
        async def render() -> Sequence[Message | None]:
            async with self.hub.rendering:
                return await self._render(tellings, person)

        messages: Sequence[Message | None] = await persistently(render)
        return messages

    def _forget(self, keys: Sequence[tuple[Position, Hashable]]) -> None:
        for key in keys:
            self._rendered.pop(key, None)

    async def _work(self) -> None:
        try:
            while self._waiting or self._is_behind:
                try:
                    if self._is_behind:
                        await self._catch_up()
                    else:
                        await self._tell(self._next())
                except Exception:
                    # Whatever it is, nobody misses anything for it.
                    log.exception("What happened could not be told, and is read again.")
                    self._is_behind = True
                    await asyncio.sleep(_RETRY[-1])
        finally:
            self._working = self._telling = None

    def _next(self) -> Sequence[Happened]:
        return [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]

    async def _catch_up(self) -> None:
        """Read a page of what was dropped, once for all. What happens from now on waits, or is dropped once more."""
        self._waiting.clear()
        self._is_behind = False
        until = self.hub.position
        events, happened = await persistently(self._page)
        while happened:
            some, happened = happened[: self._at_once], happened[self._at_once :]
            await self._tell(some)
        if len(events) == events_log.PAGE:
            self._is_behind = True
            until = events[-1].position
        self.passed = max(self.passed, until)

    async def _page(self) -> tuple[Sequence[Event], Sequence[Happened]]:
        after = self.passed
        async with self.hub.connections.lent() as lent:
            events = await events_log.events_after(lent.driver, after, self.interest.only)
            wanted = [event for event in events if self.interest.matches(event)]
            sight = await self.hub.look(lent.driver, wanted, [self])
        return events, [Happened(after, event, sight) for event in wanted]

    @property
    def _at_once(self) -> int:
        """How many events are told at a time."""
        return max(1, min(_TOGETHER, _IN_A_ROW // max(1, len(self.subscribers))))

    async def _tell(self, happened: Sequence[Happened]) -> None:
        # What was dropped and read again may have waited as well.
        left = [one for one in happened if one.event.position > self.passed]
        self._telling = happened[0].event
        # All first, so that nothing comes between when they are sent.
        said = await self._said(left)
        for one in left:
            self.passed = max(self.passed, one.after)
            for message, who in said[one.event]:
                self._push(one.event, message, who)
            self.passed = one.event.position

    async def _said(self, happened: Sequence[Happened]) -> _Said:
        """What is said of events, and to whom. It is rendered for whoever comes first; where it is gone for them, who
        may have lost sight of it a moment ago, it is asked anew who sees it.
        """
        said = await self._said_once(happened)
        for _ in range(_LOOKS):
            gone = [one for one in happened if any(message is None for message, _ in said[one.event])]
            if not gone:
                break
            sight = await self.hub.sight([one.event for one in gone], [self])
            said |= await self._said_once([replace(one, sight=sight) for one in gone])
        return said

    async def _said_once(self, happened: Sequence[Happened]) -> _Said:
        tellings = {(one.event, told): who for one in happened for told, who in self._listeners(one).items()}
        by_person: dict[Person, list[Telling]] = {}
        for telling, who in tellings.items():
            by_person.setdefault(who[0][0].person, []).append(telling)
        rendered = await asyncio.gather(*(self.messages(some, person) for person, some in by_person.items()))
        said: _Said = {one.event: [] for one in happened}
        for some, messages in zip(by_person.values(), rendered, strict=True):
            for telling, message in zip(some, messages, strict=True):
                said[telling[0]].append((message, tellings[telling]))
        return said

    def _listeners(self, happened: Happened) -> _Told:
        event, sight, by_what = happened.event, happened.sight, _Told()
        for group in self._groups(event, sight):
            if (told := self.interest.told(event, sight, group[0].person)) is not None:
                by_what.setdefault(told, []).append(group)
        return by_what

    def _groups(self, event: Event, sight: Sight) -> Iterable[Sequence[Subscriber]]:
        """Those who are told the same of an event; whoever isn't any more who they were reads the log."""
        if sight.is_by_circle(event) and sight.is_of(self.hub.people):
            return self.by_circle.values()
        changed = {subscriber for subscriber in self.subscribers if sight.is_outdated(subscriber.person)}
        for subscriber in changed:
            subscriber.read_log()
        return [[subscriber] for subscriber in self.subscribers - changed]

    def _push(self, event: Event, message: Message | None, groups: Iterable[Sequence[Subscriber]]) -> None:
        position, still, number = event.position, self.subscribers, 0
        for group in groups:
            for subscriber in group:
                if subscriber not in still:
                    continue
                if message is None:
                    # They see what is gone for one after the other of those that it is rendered for.
                    subscriber.read_log()
                else:
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
        self._refreshed = 0.0
        self._refreshing = asyncio.Lock()

    def join(
        self,
        key: Hashable,
        interest: Interest,
        render: Render,
        person: Person,
        sink: Sink,
        cursor: Position,
        known: Snapshot | None = None,
    ) -> Subscriber:
        """Tell whatever comes after the cursor and isn't known. Subscriptions of the same key are told alike."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self, key, interest, render)
            self._by_place.setdefault(interest.only.place, set()).add(channel)
        subscriber = Subscriber(channel, person, sink, cursor, known)
        channel.enter(subscriber)
        subscriber.begin()
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

        sight = await self.sight(wanted, list(matched))
        for channel, some in matched.items():
            if channel.subscribers:
                channel.tell(Happened(after, event, sight) for event in some)

    async def sight(self, events: Sequence[Event], channels: Sequence[Channel]) -> Sight:
        """Who of those in the channels sees which of the events, however long it takes to find out."""

        async def look() -> Sight:
            async with self.connections.lent() as lent:
                return await self.look(lent.driver, events, channels)

        sight: Sight = await persistently(look)
        return sight

    async def look(self, driver: Any, events: Sequence[Event], channels: Sequence[Channel]) -> Sight:
        """Who of those in the channels sees which of the events."""
        await self.refresh(driver)
        listening: dict[Circle, list[Sequence[Subscriber]]] = {}
        for channel in channels:
            for circle, subscribers in channel.by_circle.items():
                listening.setdefault(circle, []).append(subscribers)

        def people_of(circle: Circle) -> set[Person]:
            return {subscriber.person for subscribers in listening[circle] for subscriber in subscribers}

        of_flags = any(channel.interest.wants_flags for channel in channels)
        return await Sight.of(driver, events, listening.keys(), people_of, self.people.changes, of_flags=of_flags)

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
            self._refreshed = asyncio.get_running_loop().time()

    def refreshed_before(self, seconds: float) -> bool:
        """Is it longer ago that everybody was asked?"""
        return asyncio.get_running_loop().time() - self._refreshed > seconds

    def expire(self) -> None:
        """The log is another: nobody's cursor means anything any more."""
        for channel in list(self._channels.values()):
            for subscriber in list(channel.subscribers):
                subscriber.end([EXPIRED])
