"""What one operation works with."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import Sessions
from genji_graphql.identity.cas import Cas
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.mail import Mailer
from genji_graphql.identity.tokens import Issued
from genji_graphql.identity.viewer import standing_now, viewer_of
from genji_graphql.live.live import Live
from genji_graphql.reads.loaders import Loaders
from genji_graphql.settings import Settings
from genji_graphql.transfer.importer import Importer


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the server, and every operation may use."""

    settings: Settings
    reading: Sessions
    writing: Sessions
    limits: Limits
    mailer: Mailer
    cas: Cas
    importer: Importer
    live: Live


@dataclass(slots=True)
class Context:
    """Who asks, and the loaders that answer. Each operation has its own."""

    viewer: Viewer
    services: Services
    address: str | None = None
    """The network address that the request came from."""
    is_from_our_pages: Callable[[], bool] = field(default=lambda: False, repr=False)
    """Did a page of ours send the request? Then a session is kept in a cookie, out of reach of the page's scripts."""
    token: str | None = field(default=None, repr=False)
    """What proves who asks."""
    started: Issued | None = field(default=None, init=False)
    """The session that was started, for the cookie to be set."""
    ended: bool = field(default=False, init=False)
    """Was the session ended? Then its cookie goes."""
    changing: bool = field(default=False, init=False)
    """Has a change been asked for already?"""
    _loaders: Loaders | None = field(default=None, init=False)
    _loaded_before: int = field(default=0, init=False)

    @property
    def loaders(self) -> Loaders:
        if self._loaders is None:
            self._loaders = Loaders(self.services.reading, self.viewer, self.services.settings.request_connections)
        return self._loaders

    def become(self, viewer: Viewer) -> None:
        """From here on this viewer asks, and what was loaded is loaded anew."""
        self.viewer = viewer
        self._loaded_before = self.loaded
        self._loaders = None

    def enter(self, viewer: Viewer, issued: Issued) -> None:
        """Somebody has signed in."""
        self.started = issued if self.is_from_our_pages() else None
        self.token = issued.token
        self.become(viewer)

    def leave(self) -> None:
        """They have signed out."""
        self.started, self.ended = None, True
        self.token = None
        self.become(ANONYMOUS)

    @property
    def loaded(self) -> int:
        """How many rows and computed values the database has given so far."""
        return self._loaded_before + (0 if self._loaders is None else self._loaders.loaded)

    def close(self) -> None:
        """End what is still under way."""
        if self._loaders is not None:
            self._loaders.close()

    async def ask_again(self) -> None:
        """Before a change: is it still they who ask?

        One request may hold thousands of changes and take minutes. Whoever is shut out in the meantime, or loses a
        role, makes no more of them.
        """
        if self.changing and self.token is not None:
            async with self.services.reading() as session:
                self.become(await viewer_of(session, self.token))
        self.changing = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One change, whole or not at all. What it gives is for the viewer as it leaves them, and loaded anew."""
        async with self.services.writing.begin() as session:
            yield session
            viewer = await standing_now(session, self.viewer)
        self.services.live.wrote()
        self.become(viewer)
