"""Several processes on one database: who listens to one is told of what another writes, and may go on at any."""

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.live import reader
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from tests.annotating.room import Room, id_of
from tests.command import children_of, running
from tests.live.listening import PATIENCE, Audience, at_work
from tests.live.redis import redis_server
from tests.omissions import omit
from tests.people.site import Site
from tests.service import Service
from tests.test_killed import Desk, desk_at, until
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
    assert await sent(desk, address, key)
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
        assert httpx2.get(other.replace("/graphql", "/ready"), timeout=60).status_code == 200


async def test_the_worker_that_reads_for_all_is_killed_and_nobody_misses_anything(database: URL) -> None:
    if shutil.which("ps") is None:
        omit("ps")
    desk = await desk_at(database)
    async with redis_server() as redis:
        told = {"GENJI_REDIS_URL": redis.url, "GENJI_METRICS_PORT": "0"}
        with running("--workers", "2", url=database, **told) as (process, address):
            assert process.stdout is not None
            places = [process.stdout.readline().split()[-1] for _ in range(2)]
            # So many that each worker has some: the kernel deals them out by chance.
            listeners = [Listener(address, desk.element_id) for _ in range(40)]
            async with asyncio.TaskGroup() as group:
                for listener in listeners:
                    group.create_task(listener.listen(20))
                for listener in listeners:
                    await listener.is_listening.wait()
                leader = await leader_among(places)
                for number in range(20):
                    if number == 8:
                        os.kill(leader, signal.SIGKILL)
                    await until(lambda number=number: sent(desk, address, f"a{number}"))  # type: ignore[misc]
            assert leader not in children_of(process.pid)
            assert await leader_among(places) in children_of(process.pid)
    written = [number for key in desk.sent for number in desk.acknowledged[key]]
    assert [listener.heard for listener in listeners] == [written] * len(listeners)
    connections = [listener.connections for listener in listeners]
    assert min(connections) == 1 < max(connections)


class Listener:
    """Comes back when its connection breaks."""

    def __init__(self, address: str, element_id: int) -> None:
        self._address = address
        self._element_id = element_id
        self._after: str | None = None
        self.heard: list[int] = []
        self.connections = 0
        self.is_listening = asyncio.Event()

    async def listen(self, count: int) -> None:
        while len(self.heard) < count:
            with suppress(WebSocketException, OSError):
                async with client_of(self._address) as client:
                    self.connections += 1
                    cursor = await client.listen(self._element_id, self._after)
                    self._after = self._after or cursor
                    self.is_listening.set()
                    while len(self.heard) < count:
                        self._after, number = await client.hear()
                        self.heard.append(number)


async def sent(desk: Desk, address: str, key: str) -> bool:
    desk.sent[key] = 1
    async with desk.client() as http:
        return await desk.send(http, address, key)


async def leader_among(places: list[str]) -> int:
    """The number of the process that reads for all, as it tells."""
    async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(timeout=60) as http:
        while True:
            for place in places:
                text = (await http.get(place)).text
                if "genji_relay_leading 1.0" in text and (found := re.search(r'genji_info{pid="(\d+)"', text)):
                    return int(found[1])
            await asyncio.sleep(0.1)
