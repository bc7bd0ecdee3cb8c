"""Clients of others: they find a server again that was killed, and miss nothing of what happened meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from subprocess import Popen
from typing import Any

import httpx2
import pytest
from sqlalchemy.engine import URL

from genji_graphql.database import create_engine, writing_sessions
from genji_graphql.identity.accounts import start_session
from genji_graphql.live.position import Position, cursor_of
from genji_graphql.settings import Settings
from tests.command import running
from tests.live.listening import PATIENCE
from tests.node import WEB
from tests.world import World

TEXT = "In which reign was it, among the many ladies?"
WRITE = """
mutation ($input: CreateAnnotationInput!) { createAnnotation(input: $input) { annotation { id } errors { message } } }
"""
ADDED = """subscription Added($element: ID!, $after: String) {
  annotationAdded(element: $element, after: $after) { cursor annotation { body } }
}"""


@dataclass
class Site:
    """A text, two servers on one database, and somebody who writes over the one that nobody kills."""

    url: URL
    token: str
    element_id: int
    far: str = ""
    near: str = ""
    """Where clients listen."""
    written: list[str] = field(default_factory=list)
    _process: Popen[str] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """The server that clients listen to, at the address that it had."""
        port = self.near.split(":")[-1].split("/")[0] or "0"
        self._process, self.near = self._stack.enter_context(running("--port", port, url=self.url))

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    async def write(self, number: int) -> None:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}, timeout=60) as http:
            for _ in range(number):
                text = f"Note {len(self.written)}"
                variables = {"input": {"elementId": str(self.element_id), "text": text}}
                answer = (await http.post(self.far, json={"query": WRITE, "variables": variables})).json()
                assert answer["data"]["createAnnotation"]["errors"] == [], answer
                self.written.append(text)


@pytest.fixture
async def site(database: URL) -> AsyncIterator[Site]:
    engine = create_engine(Settings().with_database(database))
    world = World(engine)
    person = await world.person("sei")
    element = await world.element(await world.document(await world.collection()), TEXT)
    async with writing_sessions(engine).begin() as session:
        issued = await start_session(session, person.id, timedelta(days=1))
    await engine.dispose()
    site = Site(database, issued.token, element.id)
    with running(url=database) as (_, site.far), site._stack:
        site.start()
        yield site


class Listener:
    """What a client of npm prints that it was told."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self.notes: list[str] = []
        self.cursors: list[str] = []
        self.others: list[Any] = []

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            line = await self._lines.readline()
        assert line, f"the client ended: {self.others}"
        told = json.loads(line)
        if isinstance(told, dict) and told.get("data"):
            (event,) = told["data"].values()
            self.notes.append(event["annotation"]["body"]["value"])
            self.cursors.append(event["cursor"])
        else:
            self.others.append(told)
        return told

    async def connected(self) -> None:
        while await self.next() != "connected":
            pass

    async def hears(self, number: int) -> None:
        while len(self.notes) < number:
            await self.next()


@asynccontextmanager
async def listening(node: str, protocol: str, site: Site, **variables: Any) -> AsyncIterator[Listener]:
    address = site.near.replace("http://", "ws://") if protocol == "ws" else site.near
    request = {"query": ADDED, "variables": {"element": str(site.element_id), **variables}}
    process = await asyncio.create_subprocess_exec(
        node, "listen.mjs", protocol, address, json.dumps(request), site.token, cwd=WEB, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Listener(process.stdout)
    finally:
        process.kill()
        await process.wait()


PROTOCOLS = ["ws"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_of_npm_goes_on_after_a_server_that_was_killed(node: str, site: Site, protocol: str) -> None:
    async with listening(node, protocol, site) as listener:
        await listener.connected()
        # It was told nothing yet that it could go on after, but where it is.
        site.kill()
        await site.write(5)
        site.start()
        await listener.hears(5)
        for _ in range(2):
            writing = asyncio.create_task(site.write(20))
            await listener.hears(len(site.written) + 2)
            site.kill()
            await asyncio.sleep(0.2)
            site.start()
            await writing
        await site.write(1)
        await listener.hears(len(site.written))
    assert listener.notes == site.written
    assert len(set(listener.cursors)) == len(listener.cursors)
    assert [one for one in listener.others if one != "connected" and "closed" not in one] == []
    assert listener.others.count("connected") >= 4


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_of_npm_whose_place_is_forgotten_fetches_anew_and_goes_on(
    node: str, site: Site, protocol: str
) -> None:
    await site.write(2)
    async with listening(node, protocol, site, after=cursor_of("another", Position(1, 1))) as listener:
        while await listener.next() != "expired":
            pass
        await site.write(2)
        await listener.hears(2)
    assert listener.notes == site.written[2:]
