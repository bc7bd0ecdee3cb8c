"""Who listens: a person is asked again who they are when something about that has changed."""

from collections.abc import Callable

from genji_graphql.access.viewer import Viewer


class Person:
    """Whoever is at the other end of a connection, for as long as it lasts."""

    __slots__ = ("__weakref__", "_ended", "_people", "token", "viewer")

    def __init__(self, people: "People", token: str | None, viewer: Viewer, ended: Callable[[], None]) -> None:
        self._people = people
        self._ended = ended
        self.token = token
        self.viewer = viewer
        """As they stand now."""

    def leave(self) -> None:
        self._people.forget(self)

    def end(self) -> None:
        """What they came with is good no more: their connection is told to close."""
        self._ended()


class People:
    """All who listen to this process."""

    def __init__(self) -> None:
        self._here: set[Person] = set()

    def arrive(self, token: str | None, viewer: Viewer, ended: Callable[[], None]) -> Person:
        """Somebody opened a connection. `ended` is called when their session, token or account has ended."""
        person = Person(self, token, viewer, ended)
        self._here.add(person)
        return person

    def forget(self, person: Person) -> None:
        self._here.discard(person)

    def __len__(self) -> int:
        return len(self._here)
