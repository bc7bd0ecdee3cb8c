"""A crowd that writes and listens through whatever happens, and what each of them must have heard in the end."""

import asyncio
import json
import random
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from genji_graphql.database import create_engine, writing_sessions
from genji_graphql.identity.accounts import start_session
from genji_graphql.live.position import read_cursor
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from tests.conftest import connect as connect_to
from tests.world import World

WRITERS = 16
LISTENERS = 50
PAUSE = 0.3
"""Seconds that a writer thinks at most before they write."""
PATIENCE = 120.0
"""Seconds that a listener waits for the last note after all has calmed down."""

EVENTS = """subscription ($where: AnnotationEventWhere!, $after: String) {
  annotationEvents(where: $where, after: $after) {
    __typename cursor
    ... on AnnotationCreated { annotation { databaseId } }
    ... on AnnotationUpdated { annotation { databaseId } }
  }
}"""

INSERT = """
INSERT INTO app.annotations (motivation, creator_id, owner_id, document_element_id, classroom_id, status, body, target)
VALUES ('commenting', $1, $1, $2, $3, $4, '{"type": "TextualBody", "value": "A note."}', '[]') RETURNING id
"""
UPDATE = (
    "UPDATE app.annotations SET body = jsonb_set(body, '{value}', to_jsonb($2::text)), modified = now() WHERE id = $1"
)
LOG = """
SELECT seq, kind, annotation_id, classroom_id, status_after FROM app.annotation_events ORDER BY xid, seq
"""


@dataclass
class Room:
    """A text that a class reads; one in two of those who listen belongs to it."""

    document_id: int
    element_id: int
    classroom_id: int
    writer_id: int
    tokens: Sequence[str]
    """Of members of the class."""

    @classmethod
    async def at(cls, url: URL) -> "Room":
        engine = create_engine(Settings().with_database(url))
        world = World(engine)
        writer = await world.person()
        members = [await world.person() for _ in range(5)]
        group = await world.group(writer, *members)
        document = await world.document(await world.collection())
        element = await world.element(document)
        tokens = []
        for member in members:
            async with writing_sessions(engine).begin() as session:
                tokens.append((await start_session(session, member.id, timedelta(days=1))).token)
        await engine.dispose()
        return cls(document.id, element.id, group.id, writer.id, tokens)


@dataclass
class Crowd:
    url: URL
    room: Room
    addresses: list[str]
    """Of the servers that are up, or soon again."""
    events: int
    """That are written at least."""
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    """What was committed, as the database told whoever wrote it."""
    written: int = 0
    last: int | None = None
    """The note that ends it."""
    is_disturbed: bool = False

    async def go(self, disturbance: Awaitable[None] | None = None) -> list[str]:
        """Everybody writes and listens while the disturbance takes its course; what is wrong in the end."""
        chance = random.Random(7)
        start = await self._cursor()
        listeners = [
            Listener(self, start, self.room.tokens[number % 5] if number % 2 else None, random.Random(number))
            for number in range(LISTENERS)
        ]
        listening = [asyncio.create_task(listener.listen()) for listener in listeners]
        writing = [asyncio.create_task(self._write(random.Random(chance.random()))) for _ in range(WRITERS)]
        if disturbance is not None:
            self.is_disturbed = True
            await disturbance
            self.is_disturbed = False
        await asyncio.gather(*writing)
        await self._end()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*listening)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        return await self._complaints(listeners)

    async def until_more_is_written(self, share: float) -> None:
        """Returns when this share of all events has been written in addition."""
        enough = self.written + self.events * share
        while self.written < enough:  # noqa: ASYNC110 - it is a number, which many raise
            await asyncio.sleep(0.01)

    @property
    def _is_enough(self) -> bool:
        return self.written >= self.events and not self.is_disturbed

    async def _cursor(self) -> str:
        async with self.socket(self.addresses[0]) as socket:
            return await hello(socket, None)

    def socket(self, address: str) -> connect:
        there = address.replace("http://", "ws://")
        return connect(
            there,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            open_timeout=10,
            close_timeout=0.2,
            compression=None,
        )

    async def _write(self, chance: random.Random) -> None:
        mine: list[int] = []
        while not self._is_enough:
            try:
                connection = await connect_to(self.url)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.1)
                continue
            try:
                while not self._is_enough:
                    await self._transaction(connection, chance, mine)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.1)
            finally:
                connection.terminate()

    async def _transaction(self, connection: asyncpg.Connection, chance: random.Random, mine: list[int]) -> None:
        await asyncio.sleep(chance.random() * PAUSE)
        transaction = connection.transaction()
        await transaction.start()
        done: list[tuple[str, int]] = []
        for _ in range(chance.randint(1, 4)):
            if mine and chance.random() < 0.2:
                changed = chance.choice(mine)
                await connection.execute(UPDATE, changed, f"{chance.random()}")
                done.append(("updated", changed))
            else:
                room = self.room
                classroom = room.classroom_id if chance.random() < 0.3 else None
                status = "private" if chance.random() < 0.1 else "active"
                number = await connection.fetchval(INSERT, room.writer_id, room.element_id, classroom, status)
                done.append(("created", number))
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.02)
        if chance.random() < 0.005:
            # Somebody who has gone for a cup of tea.
            await asyncio.sleep(chance.random())
        if chance.random() < 0.05:
            await transaction.rollback()
            return
        await transaction.commit()
        self.written += len(done)
        self.acknowledged.update(done)
        mine.extend(number for kind, number in done if kind == "created")

    async def _end(self) -> None:
        connection = await connect_to(self.url)
        self.last = await connection.fetchval(INSERT, self.room.writer_id, self.room.element_id, None, "active")
        await connection.close()

    async def _complaints(self, listeners: Sequence["Listener"]) -> list[str]:
        connection = await connect_to(self.url)
        log = await connection.fetch(LOG)
        await connection.close()
        there = {(row["kind"], row["annotation_id"]) for row in log}
        told = [f"not in the log: {one}" for one in self.acknowledged - there]
        for number, listener in enumerate(listeners):
            expected = [row["seq"] for row in log if listener.sees(row)]
            heard = listener.heard
            if heard != expected:
                missed, twice = set(expected) - set(heard), len(heard) - len(set(heard))
                more = set(heard) - set(expected)
                told.append(
                    f"listener {number}: {len(missed)} missed, {twice} told twice, {len(more)} that it must not see, "
                    f"{'in order' if heard == sorted(heard, key=expected.index) else 'out of order'}"
                    if not more
                    else f"listener {number}: told {len(more)} that it must not see, {len(missed)} missed"
                )
        return told


class Listener:
    """Somebody whose connection breaks now and then, and who goes on wherever there is a server."""

    def __init__(self, crowd: Crowd, cursor: str, token: str | None, chance: random.Random) -> None:
        self._crowd = crowd
        self._cursor = cursor
        self._token = token
        self._chance = chance
        self._is_done = False
        self.heard: list[int] = []
        """The numbers of the events, as they came."""
        self.connections = 0

    def sees(self, row: Any) -> bool:
        return row["status_after"] == "active" and (row["classroom_id"] is None or self._token is not None)

    async def listen(self) -> None:
        while not self._is_done:
            address = self._chance.choice(self._crowd.addresses)
            try:
                async with self._crowd.socket(address) as socket:
                    self.connections += 1
                    await self._follow(socket)
            except (OSError, WebSocketException, TimeoutError, EOFError):
                await asyncio.sleep(self._chance.random() * 0.3)

    async def _follow(self, socket: ClientConnection) -> None:
        await hello(socket, self._token)
        where = {"document": global_id("Document", self._crowd.room.document_id)}
        payload = {"query": EVENTS, "variables": {"where": where, "after": self._cursor}}
        await socket.send(json.dumps({"id": "events", "type": "subscribe", "payload": payload}))
        for _ in range(self._chance.randint(20, 400)):
            if not await self._hear(socket):
                return
        # Without a farewell, as when a lid is closed.
        socket.transport.abort()

    async def _hear(self, socket: ClientConnection) -> bool:
        async with asyncio.timeout(60):
            message = json.loads(await socket.recv())
        if message["type"] != "next":
            raise EOFError(message)
        assert message["payload"].get("data") is not None, message
        event = message["payload"]["data"]["annotationEvents"]
        self._cursor = event["cursor"]
        found = read_cursor(self._cursor)
        assert found is not None
        self.heard.append(found[1].seq)
        self._is_done = event["annotation"]["databaseId"] == self._crowd.last
        return not self._is_done


async def hello(socket: ClientConnection, token: str | None) -> str:
    """Introduces somebody; gives the cursor that they are told."""
    payload = {} if token is None else {"authorization": f"Bearer {token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    async with asyncio.timeout(30):
        message = json.loads(await socket.recv())
    assert message["type"] == "connection_ack", message
    cursor: str = message["payload"]["cursor"]
    return cursor
