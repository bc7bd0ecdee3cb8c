"""Who listens: a person is asked again who they are when something about that has changed."""

import asyncio
from collections.abc import Callable, Iterator

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.vocabulary import PermissionName


class Circle:
    """People of the same standing and in the same classrooms: what one of them sees not for their own sake, all see."""

    __slots__ = ("people", "viewer")

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        """Whoever is in it, and nobody in particular."""
        self.people = set[Person]()

    @property
    def is_everybody(self) -> bool:
        """Are they visitors? They see what everybody sees."""
        return self.viewer.is_anonymous


class Person:
    """Whoever is at the other end of a connection, for as long as it lasts."""

    __slots__ = ("_ended", "_people", "circle", "since", "token", "viewer")

    def __init__(self, people: "People", token: str | None, viewer: Viewer, ended: Callable[[], None]) -> None:
        self._people = people
        self._ended = ended
        self.token = token
        self.viewer = viewer
        """As they stand now."""
        self.circle = people.circle_of(viewer)
        self.circle.people.add(self)
        self.since = people.changes
        """How often anybody had changed when they last did."""

    def become(self, viewer: Viewer) -> None:
        """Something about them has changed."""
        if viewer != self.viewer:
            self._people.part(self)
            self.viewer = viewer
            self.circle = self._people.circle_of(viewer)
            self.circle.people.add(self)
            self._people.changes += 1
            self.since = self._people.changes

    def leave(self) -> None:
        self._people.forget(self)

    def end(self) -> None:
        """What they came with is good no more: their connection is told to close."""
        self._ended()


class People:
    """All who listen to this process."""

    def __init__(self) -> None:
        self._here: set[Person] = set()
        self._circles: dict[Viewer, Circle] = {}
        self._somebody = asyncio.Event()
        self.changes = 0
        """How often something about anybody has changed."""

    def arrive(self, token: str | None, viewer: Viewer, ended: Callable[[], None]) -> Person:
        """Somebody opened a connection. `ended` is called when their session, token or account has ended."""
        person = Person(self, token, viewer, ended)
        self._here.add(person)
        self._somebody.set()
        return person

    async def arrived(self) -> None:
        """Returns when somebody is here."""
        await self._somebody.wait()

    def circle_of(self, viewer: Viewer) -> Circle:
        nobody = _nobody_like(viewer)
        if nobody not in self._circles:
            self._circles[nobody] = Circle(nobody)
        return self._circles[nobody]

    def part(self, person: Person) -> None:
        circle = person.circle
        circle.people.discard(person)
        if not circle.people:
            self._circles.pop(circle.viewer, None)

    def forget(self, person: Person) -> None:
        if person in self._here:
            self._here.remove(person)
            self.part(person)
        if not self._here:
            self._somebody.clear()

    def __iter__(self) -> Iterator[Person]:
        return iter(self._here)

    def __len__(self) -> int:
        return len(self._here)


def _nobody_like(viewer: Viewer) -> Viewer:
    """There is nobody of the number 0."""
    if viewer.is_anonymous:
        return ANONYMOUS
    return Viewer(
        user_id=0,
        group_ids=viewer.group_ids,
        taught_group_ids=viewer.taught_group_ids,
        is_administrator=viewer.is_administrator,
        permissions=viewer.permissions & {PermissionName.MANAGE_FLAGS},
    )
