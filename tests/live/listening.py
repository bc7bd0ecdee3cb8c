"""Somebody who is told what happens, without a socket between."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from graphql import GraphQLError
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import Viewer
from genji_graphql.context import Context
from genji_graphql.http.errors import format_errors
from genji_graphql.http.request import Asked
from genji_graphql.http.subscriptions import Subscription
from genji_graphql.live.people import Person
from genji_graphql.live.sink import Message
from tests.conftest import connect

PATIENCE = 20.0
"""Seconds for what is bound to come; a test that waits for so long has failed."""


class Ear:
    """A sink with room for so many messages at a time, which keeps what it is told."""

    def __init__(self, room: int = 10**9) -> None:
        self.told: list[dict[str, Any]] = []
        self.cursors: list[str] = []
        self.bodies: list[bytes] = []
        self.errors: list[dict[str, Any]] | None = None
        self.is_over = False
        self.is_shut_out = False
        self.person: Person
        self._room = room
        self._free = asyncio.Event()
        self._free.set()
        self._something = asyncio.Event()

    def push(self, message: Message) -> bool:
        if not self._room:
            self._free.clear()
            return False
        self._room -= 1
        self.bodies.append(message.body)
        self.told.append(json.loads(message.body))
        self.cursors.append(message.cursor)
        self._something.set()
        return True

    async def room(self) -> None:
        await self._free.wait()

    def make_room(self, more: int) -> None:
        self._room += more
        self._free.set()

    def complete(self, errors: list[dict[str, Any]] | None = None) -> None:
        self.is_over, self.errors = True, errors
        self._something.set()

    def shut_out(self) -> None:
        self.is_shut_out = True
        self._something.set()

    @property
    def refusal(self) -> dict[str, Any]:
        """The one error that it ended with."""
        assert self.is_over
        (error,) = self.errors or []
        return error

    async def until(self, holds: Callable[["Ear"], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds(self):
                self._something.clear()
                await self._something.wait()

    async def hears(self, number: int) -> list[Any]:
        """The first so many events, by what is selected of them."""
        await self.until(lambda ear: len(ear.told) >= number)
        assert all("errors" not in one for one in self.told), self.told
        return [next(iter(one["data"].values())) for one in self.told]


@asynccontextmanager
async def at_work(app: FastAPI) -> AsyncIterator[None]:
    """The application's reader follows the log meanwhile."""
    tasks = [asyncio.create_task(one) for one in app.state.live.work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(url: URL) -> None:
    """Whatever was written before can be told now: nobody on the server still writes who began earlier.

    Transactions are counted together for all databases of a server, and so those of other tests hold this one up.
    """
    connection = await connect(url)
    try:
        number = await connection.fetchval("SELECT pg_current_xact_id()::text")
        async with asyncio.timeout(PATIENCE):
            while not await connection.fetchval(_IS_SETTLED, number):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


_IS_SETTLED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8"


class Audience:
    """All who listen to one process."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._listening: list[tuple[Person, Subscription]] = []

    async def listen(
        self, query: str, viewer: Viewer, *, token: str | None = None, ear: Ear | None = None, **variables: Any
    ) -> Ear:
        """Somebody who is told from when this returns; errors are theirs to look at."""
        ear = ear or Ear()
        app, operations = self.app, self.app.state.endpoint.operations
        ear.person = app.state.live.people.arrive(token, viewer, ear.shut_out)
        document = operations.documents.read(query)
        assert not document.errors, document.errors
        context = Context(viewer, app.state.services, token=token)
        begun = await app.state.subscriptions.begin(
            document, document.ast.definitions[0], Asked(query, None, None, variables, None), context, ear.person, ear
        )
        if isinstance(begun, list):
            ear.person.leave()
            ear.complete([told(error) for error in begun])
        else:
            self._listening.append((ear.person, begun))
        return ear

    def leave(self) -> None:
        for person, subscription in self._listening:
            subscription.stop()
            person.leave()


def told(error: GraphQLError) -> dict[str, Any]:
    return dict(format_errors([error])[0])
