"""Several processes on one database: who listens to one is told of what another writes, and may go on at any."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import connect as open_socket
from websockets.typing import Subprotocol

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.live import reader
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from tests.annotating.room import Room, id_of
from tests.command import running
from tests.live.listening import PATIENCE, Audience, at_work
from tests.people.site import Site
from tests.service import Service
from tests.test_killed import Desk, desk_at
from tests.world import World

ADDED = """subscription ($element: ID, $after: String) {
  annotationAdded(element: $element, after: $after) { cursor annotation { databaseId } }
}"""


async def test_what_another_process_commits_is_announced(
    settings: Settings, world: World, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks by themselves within an hour."""
    monkeypatch.setattr(reader, "IDLE", 3600.0)
    monkeypatch.setattr(reader, "_EASES", 0)
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(Service(settings)) for _ in range(2)]
        room = await Room(there, world, Site(engine, world)).opened()
        for one in (here, there):
            await stack.enter_async_context(at_work(one.app))
        audience = Audience(here.app)
        ear = await audience.listen(ADDED, ANONYMOUS, element=id_of(room.element))
        for number in range(1, 4):
            note = await room.note()
            events = await ear.hears(number)
            assert events[-1]["annotation"]["databaseId"] == note["databaseId"]
        audience.leave()


class Client:
    """Listens over a socket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def _next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self._socket.recv())

    async def listen(self, element_id: int, after: str | None = None) -> str:
        """Returns the cursor from which it hears everything, if it doesn't name one."""
        await self._socket.send(json.dumps({"type": "connection_init"}))
        cursor: str = (await self._next())["payload"]["cursor"]
        variables = {"element": global_id("DocumentElement", element_id), "after": after or cursor}
        payload = {"query": ADDED, "variables": variables}
        await self._socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        return cursor

    async def hear(self) -> tuple[str, int]:
        """The next event's cursor, and its note."""
        message = await self._next()
        event = message["payload"]["data"]["annotationAdded"]
        return event["cursor"], event["annotation"]["databaseId"]


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator[Client]:
    where = address.replace("http:", "ws:")
    async with open_socket(where, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        yield Client(socket)


async def write(desk: Desk, address: str, key: str) -> int:
    desk.sent[key] = 1
    async with desk.client() as http:
        assert await desk.send(http, address, key)
    (number,) = desk.acknowledged[key]
    return number


async def test_a_client_hears_of_another_process_and_goes_on_there_without_missing_anything(database: URL) -> None:
    desk = await desk_at(database)
    with running(url=database) as (first, one), running(url=database) as (_, other):
        async with client_of(one) as client:
            await client.listen(desk.element_id)
            written = [await write(desk, other, f"a{number}") for number in range(3)]
            heard = [await client.hear() for _ in written]
            assert [number for _, number in heard] == written

        written += [await write(desk, address, f"b{number}") for number, address in enumerate((one, other, one))]
        first.kill()
        async with client_of(other) as client:
            await client.listen(desk.element_id, after=heard[0][0])
            again = [await client.hear() for _ in written[1:]]
            last = await write(desk, other, "c")
            again.append(await client.hear())
        assert [number for _, number in again] == [*written[1:], last]
        assert httpx2.get(other.replace("/graphql", "/ready")).status_code == 200
