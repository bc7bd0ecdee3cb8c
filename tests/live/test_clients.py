"""Clients of others: they find a server again that went away, and miss nothing of what happened meanwhile."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx2
import orjson
import pytest
from sqlalchemy.engine import URL

from genji_graphql.database import create_engine, writing_sessions
from genji_graphql.identity.accounts import start_session
from genji_graphql.live.hub import EXPIRED, SLOW_CONSUMER
from genji_graphql.live.position import Position, cursor_of
from genji_graphql.live.sink import Message
from genji_graphql.settings import Settings
from tests.command import running
from tests.live.house import House, until
from tests.live.listening import PATIENCE, settled
from tests.node import WEB, end_all, run
from tests.world import World

LIVE = Path(__file__).parents[2] / "docs" / "live.md"

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
    port: int
    far: str = ""
    near: str = ""
    """Where clients listen."""
    written: list[str] = field(default_factory=list)
    _number: int = 0
    _process: Popen[str] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    async def start(self) -> None:
        """The server that clients listen to, at the address that it had. Others go on meanwhile."""
        starting = running("--port", str(self.port), url=self.url)
        self._process, self.near = await asyncio.to_thread(self._stack.enter_context, starting)

    async def end(self, by: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(by)
        await asyncio.to_thread(self._process.wait, 30)

    async def write(self, number: int) -> None:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}, timeout=60) as http:
            for _ in range(number):
                self._number += 1
                text = f"Note {self._number}"
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
    with socket.socket() as place:
        # Nobody else is given the port while no server listens there.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        site = Site(database, issued.token, element.id, place.getsockname()[1])
        with running(url=database) as (_, site.far), site._stack:
            await site.start()
            yield site


class Listener:
    """What a client of npm prints that it was told."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self.events: list[Any] = []
        self.others: list[Any] = []

    @property
    def notes(self) -> list[str]:
        return [event["annotation"]["body"]["value"] for event in self.events]

    @property
    def cursors(self) -> list[str]:
        return [event["cursor"] for event in self.events]

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            line = await self._lines.readline()
        assert line, f"the client ended: {self.others}"
        told = json.loads(line)
        if isinstance(told, dict) and told.get("data"):
            self.events.extend(told["data"].values())
        else:
            self.others.append(told)
        return told

    async def connected(self) -> None:
        while await self.next() != "connected":
            pass

    async def hears(self, number: int) -> None:
        while len(self.events) < number:
            await self.next()


@asynccontextmanager
async def listening(node: str, protocol: str, address: str, query: str, **asked: Any) -> AsyncIterator[Listener]:
    process = await asyncio.create_subprocess_exec(
        *(node, "listen.mjs", protocol, address, json.dumps({"query": query} | asked)),
        cwd=WEB,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield Listener(process.stdout)
    finally:
        end_all(process)
        async with asyncio.timeout(PATIENCE):
            await process.wait()


def listening_to(node: str, protocol: str, site: Site, **variables: Any) -> AbstractAsyncContextManager[Listener]:
    address = site.near.replace("http://", "ws://") if protocol == "ws" else site.near
    variables["element"] = str(site.element_id)
    return listening(node, protocol, address, ADDED, variables=variables, token=site.token)


PROTOCOLS = ["ws", "sse"]


async def ended_twice(site: Site, hears: Callable[[int], Awaitable[None]]) -> None:
    """In the midst of what is written and told, the server is killed, and is told to go."""
    for by in (signal.SIGKILL, signal.SIGTERM):
        writing = asyncio.create_task(site.write(20))
        await hears(len(site.written) + 2)
        await site.end(by)
        await asyncio.sleep(0.2)
        await site.start()
        await writing
    await site.write(1)
    await hears(len(site.written))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_of_npm_goes_on_after_a_server_that_went_away(node: str, site: Site, protocol: str) -> None:
    async with listening_to(node, protocol, site) as listener:
        await listener.connected()
        # It was told nothing yet that it could go on after, but where it is.
        await site.end(signal.SIGKILL)
        await site.write(5)
        await site.start()
        await listener.hears(5)
        await ended_twice(site, listener.hears)
    assert listener.notes == site.written
    assert len(set(listener.cursors)) == len(listener.cursors)
    assert [one for one in listener.others if one != "connected" and "closed" not in one] == []
    assert listener.others.count("connected") >= 4


async def test_the_client_in_python_that_is_documented_goes_on_after_a_server_that_went_away(site: Site) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", LIVE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    documented: dict[str, Any] = {}
    exec(code, documented)
    address = site.near.replace("http://", "ws://")
    stream = documented["notes"](address, site.token, str(site.element_id))
    first = asyncio.create_task(anext(stream))
    while not first.done():
        await site.write(1)
    notes = [first.result()["body"]["value"]]
    # What was written before it listened isn't told.
    del site.written[: site.written.index(notes[0])]

    async def hears(number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(notes) < number:
                notes.append((await anext(stream))["body"]["value"])

    await ended_twice(site, hears)
    await stream.aclose()
    assert notes == site.written


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_of_npm_whose_place_is_forgotten_fetches_anew_and_goes_on(
    node: str, site: Site, protocol: str
) -> None:
    await site.write(2)
    await settled(site.url)
    async with listening_to(node, protocol, site, after=cursor_of("another", Position(1, 1))) as listener:
        while await listener.next() != "expired":
            pass
        await site.write(2)
        await listener.hears(2)
    assert listener.notes == site.written[2:]


MOMENTS = "subscription ($after: String) { moments(after: $after) { cursor } }"


def moment(number: int) -> Message:
    return Message(str(number), orjson.dumps({"data": {"moments": {"cursor": str(number)}}}))


def visiting(
    node: str, protocol: str, house: House, query: str = MOMENTS, **asked: Any
) -> AbstractAsyncContextManager[Listener]:
    return listening(node, protocol, house.url if protocol == "ws" else house.http_url, query, **asked)


async def end(house: House, errors: list[dict[str, Any]] | None = None) -> None:
    """What the only subscription is told last."""
    (listener,) = house.hub.listeners
    await house.within(lambda: listener.sink.complete(errors))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_that_was_too_slow_goes_on_after_what_it_was_told(
    node: str, house: House, protocol: str
) -> None:
    async with visiting(node, protocol, house) as listener:
        await house.listened(1)
        await house.tell(moment(1), moment(2))
        await end(house, [SLOW_CONSUMER])
        await until(lambda: len(house.hub.begun) == 2)
        assert [one.variables.get("after") for one in house.hub.begun] == [None, "2"]
        await house.tell(moment(3))
        await listener.hears(3)
        assert listener.cursors == ["1", "2", "3"]
        await end(house)
        while await listener.next() != "over":
            pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_that_has_enough_leaves(node: str, house: House, protocol: str) -> None:
    async with visiting(node, protocol, house, leave=2) as listener:
        await house.listened(1)
        await house.tell(moment(1), moment(2), moment(3))
        while await listener.next() != "over":
            pass
        await house.listened(0)
    assert listener.cursors == ["1", "2"]


async def test_where_the_log_is_another_a_client_goes_on_from_a_cursor_of_that_one(node: str, house: House) -> None:
    house.hub.cursor = "one:10"
    async with visiting(node, "ws", house) as listener:
        await house.listened(1)
        await house.tell(moment(11))
        await listener.hears(1)
        house.hub.cursor = "two:20"
        await end(house, [EXPIRED])
        await until(lambda: len(house.hub.begun) == 2)
        # What it was greeted with belongs to the log that was.
        await end(house, [EXPIRED])
        await until(lambda: len(house.hub.begun) == 3)
        assert [one.variables.get("after") for one in house.hub.begun] == [None, "one:10", "two:20"]
        await house.tell(moment(21))
        await listener.hears(2)
    assert listener.others.count("expired") == 2


async def test_where_a_stream_is_forgotten_another_tells_from_where_to_go_on(node: str, house: House) -> None:
    house.hub.cursor = "10"
    async with visiting(node, "sse", house) as listener:
        await house.listened(1)
        house.hub.cursor = "20"
        await end(house, [EXPIRED])
        await until(lambda: len(house.hub.begun) == 3)
        await house.listened(1)
        assert [one.variables.get("after") for one in house.hub.begun] == [None, None, "20"]
        await house.tell(moment(21))
        await listener.hears(1)
    assert listener.others.count("expired") == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_whoever_is_not_let_in_is_told_so_at_once(node: str, house: House, protocol: str) -> None:
    async with visiting(node, protocol, house, token="nonsense") as listener:
        while not isinstance(told := await listener.next(), dict) or told.keys() == {"closed"}:
            pass
    expected = {"error": {"code": 4403}} if protocol == "ws" else {"errors": [{"message": "The token isn't valid."}]}
    assert told == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_whoever_could_not_go_on_is_told_why(node: str, house: House, protocol: str) -> None:
    query = "subscription ($after: String) { moments(after: $after) { __typename } }"
    async with visiting(node, protocol, house, query) as listener:
        await house.listened(1)
        await house.tell(Message("1", b'{"data":{"moments":{"__typename":"Moment"}}}'))
        while not (isinstance(told := await listener.next(), dict) and "error" in told):
            pass
        assert "Select `cursor`" in told["error"]["message"]
        await house.listened(0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "query", ["{ hello }", '# subscription\nquery ($after: String! = "world") { hello(name: $after) }']
)
async def test_other_operations_are_left_alone(node: str, house: House, protocol: str, query: str) -> None:
    async with visiting(node, protocol, house, query) as listener:
        while await listener.next() != "over":
            pass
    assert listener.events == ["Hello, world!"]


def test_a_mistake_of_the_page_is_not_made_again(node: str) -> None:
    problems = "[{ code: 1006 }, new Event('error'), { code: 4403 }, new Error('A mistake.')]"
    script = (
        f"import {{ patience }} from './client/resume.js'; console.log({problems}.map(patience.shouldRetry).join())"
    )
    assert run(node, "--input-type=module", "--eval", script).stdout == b"true,true,false,false\n"
