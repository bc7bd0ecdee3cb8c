"""Processes that are killed in the midst of writing: what was acknowledged is there, and nothing is there in part."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from sqlalchemy.engine import URL

from genji_graphql import embedded, migrations
from genji_graphql.database import create_engine, writing_sessions
from genji_graphql.identity.accounts import start_session
from genji_graphql.settings import Settings
from tests.command import children_of, running
from tests.conftest import connect, execute
from tests.omissions import omit
from tests.world import World

CLIENTS = 5
ENOUGH = 60
"""Acknowledged requests, at which somebody is killed."""
BATCH = 4

TEXT = "In which reign was it, among the many ladies?"
WRITE = """
mutation ($input: BulkCreateAnnotationsInput!) {
  bulkCreateAnnotations(input: $input) { annotations { databaseId version } errors { code message } }
}
"""

# Notes with all that belongs to them. Of each request every note is there and remembered, or none of them is.
WHOLE = """
SELECT note.id, note.body ->> 'value' AS text, key.key AS key,
    note.version = 1 AND note.document_id IS NOT NULL AND note.document_collection_id IS NOT NULL
        AND note.creator_id IS NOT NULL AND note.status = 'active' AND note.body ? 'id'
        AND jsonb_array_length(note.target) = 1 AND jsonb_array_length(note.target -> 0 -> 'selector') = 2 AS whole
FROM app.annotations AS note LEFT JOIN app.idempotency_keys AS key ON note.id = ANY (key.created_ids)
ORDER BY note.id
"""


@dataclass
class Desk:
    """Several people who write over HTTP, and remember what they sent and what was acknowledged."""

    token: str
    element_id: int
    sent: dict[str, int] = field(default_factory=dict)
    """How many notes each request asked for, by its key."""
    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    """What each made, as its client was told."""
    is_enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_enough(self, writing: "asyncio.Task[None]") -> None:
        enough = asyncio.create_task(self.is_enough.wait())
        await asyncio.wait({writing, enough}, return_when=asyncio.FIRST_COMPLETED)
        assert enough.done(), "the writers gave up"

    async def write(self, address: str, is_over: Callable[[], bool]) -> None:
        """Everybody writes one request after another, until the server is gone or it is over."""
        await asyncio.gather(*(self._write(address, client, is_over) for client in range(CLIENTS)))

    async def _write(self, address: str, client: int, is_over: Callable[[], bool]) -> None:
        async with self.client() as http:
            number = 0
            while not is_over():
                number += 1
                key = f"{client}-{number}"
                # Some write one note, some several.
                self.sent[key] = 1 if client % 2 else BATCH
                if not await self.send(http, address, key):
                    return

    async def send(self, http: httpx2.AsyncClient, address: str, key: str) -> bool:
        """Was the request acknowledged? It says the same whenever it is sent."""
        note = {"elementId": str(self.element_id), "selector": {"exact": "many ladies"}}
        notes = [note | {"text": f"{key} {number}"} for number in range(self.sent[key])]
        variables = {"input": {"annotations": notes, "idempotencyKey": key}}
        try:
            response = await http.post(address, json={"query": WRITE, "variables": variables})
        except httpx2.TransportError:
            return False
        answer = response.json()
        if "errors" in answer:
            # That the database is away is told, and is no fault of ours.
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}, answer
            return False
        payload = answer["data"]["bulkCreateAnnotations"]
        assert payload["errors"] == []
        ids = [note["databaseId"] for note in payload["annotations"]]
        assert self.acknowledged.setdefault(key, ids) == ids
        if len(self.acknowledged) == ENOUGH:
            self.is_enough.set()
        return True

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    async def send_all_again(self, address: str) -> None:
        """Each request as often as it takes, by several at once: nobody knows what has arrived."""

        async def send(keys: Sequence[str]) -> None:
            async with self.client() as http:
                for key in keys:
                    await until(lambda key=key: self.send(http, address, key))  # type: ignore[misc] # a default in a lambda

        keys = list(self.sent)
        await asyncio.gather(*(send(keys[client::CLIENTS]) for client in range(CLIENTS)), send(keys))

    async def check(self, url: URL, *, is_all: bool) -> None:
        """Nothing acknowledged is lost, nothing is there in part or twice; in the end, all is there."""
        connection = await connect(url)
        rows = await connection.fetch(WHOLE)
        keys = {row["key"]: row["created_ids"] for row in await connection.fetch("SELECT * FROM app.idempotency_keys")}
        await connection.close()

        assert all(row["whole"] for row in rows)
        texts = [row["text"] for row in rows]
        assert len(set(texts)) == len(texts)
        assert all(row["text"].startswith(f"{row['key']} ") for row in rows)
        assert sorted(row["id"] for row in rows) == sorted(number for ids in keys.values() for number in ids)
        assert {key: len(ids) for key, ids in keys.items()} == {key: self.sent[key] for key in keys}
        for key, ids in self.acknowledged.items():
            assert keys[key] == ids
        if is_all:
            assert set(keys) == set(self.sent) == set(self.acknowledged)


async def desk_at(url: URL) -> Desk:
    """A text, and somebody who may write on it."""
    engine = create_engine(Settings().with_database(url))
    world = World(engine)
    person = await world.person("sei")
    element = await world.element(await world.document(await world.collection()), TEXT)
    async with writing_sessions(engine).begin() as session:
        issued = await start_session(session, person.id, timedelta(days=1))
    await engine.dispose()
    return Desk(issued.token, element.id)


async def until(happens: Callable[[], Any]) -> None:
    for _ in range(600):
        if await happens():
            return
        await asyncio.sleep(0.1)
    pytest.fail("It never happened.")


async def nobody_is_connected(url: URL) -> bool:
    """A server's process of PostgreSQL ends what it was doing after its client is gone."""
    connection = await connect(url)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    count = await connection.fetchval(others)
    await connection.close()
    return bool(count == 0)


async def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(database: URL) -> None:
    desk = await desk_at(database)
    with running(url=database) as (process, address):
        writing = asyncio.create_task(desk.write(address, is_over=lambda: False))
        await desk.until_enough(writing)
        process.kill()
        await writing
        assert process.wait(30) == -signal.SIGKILL
    assert len(desk.acknowledged) < len(desk.sent), "it was killed in the midst of nothing"

    await until(lambda: nobody_is_connected(database))
    await desk.check(database, is_all=False)
    with running(url=database) as (_, address):
        await desk.send_all_again(address)
    await desk.check(database, is_all=True)


@asynccontextmanager
async def cluster() -> AsyncIterator[tuple[Path, URL]]:
    """A PostgreSQL of this test's own, as it is started for those who mean their data to last."""
    base = Path(os.environ["GENJI_TEST_BASE"]) / f"killed-{uuid4().hex[:8]}"
    with embedded.running(base) as server:
        await execute(server, 'CREATE DATABASE "genji"')
        url = server.set(database="genji")
        engine = create_engine(Settings().with_database(url))
        await migrations.upgrade(engine, Settings().with_database(url))
        await engine.dispose()
        yield base, url


def kill_postgresql(base: Path) -> None:
    """All of its processes at once, which is what a power cut does to them."""
    (file,) = base.glob("postgresql-*/data/postmaster.pid")
    first = int(file.read_text().split()[0])
    # Stopped, it starts no more of them while they are counted.
    os.kill(first, signal.SIGSTOP)
    family = children_of(first)
    assert family
    for pid in (*family, first):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_postgresql_that_is_killed_loses_nothing_and_the_server_finds_it_again() -> None:
    if shutil.which("ps") is None:
        omit("ps")
    async with cluster() as (base, url):
        desk = await desk_at(url)
        with running(url=url) as (process, address):
            site = address.removesuffix("/graphql")
            writing = asyncio.create_task(desk.write(address, is_over=lambda: False))
            await desk.until_enough(writing)
            kill_postgresql(base)
            await writing
            assert len(desk.acknowledged) < len(desk.sent), "it was killed in the midst of nothing"

            async with desk.client() as http:
                # The server is alive, and says that it can do nothing.
                assert (await http.get(f"{site}/health")).status_code == 200
                ready = await http.get(f"{site}/ready")
                assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
                assert not await desk.send(http, address, next(iter(desk.sent)))

                with embedded.running(base):
                    await desk.check(url, is_all=False)

                    async def is_ready() -> bool:
                        return (await http.get(f"{site}/ready")).status_code == 200

                    await until(is_ready)
                    await desk.send_all_again(address)
                    assert process.poll() is None
                    await desk.check(url, is_all=True)


async def test_a_process_of_postgresql_that_is_killed_takes_one_answer_with_it(database: URL) -> None:
    """What an operator's `pg_terminate_backend` and a failing connection do: others don't notice for long."""
    desk = await desk_at(database)
    with running(url=database) as (_, address):
        over = asyncio.Event()
        writing = asyncio.create_task(desk.write(address, over.is_set))
        await desk.until_enough(writing)
        connection = await connect(database)
        theirs = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'genji'"
        with suppress(asyncpg.PostgresError):
            await connection.execute(f"SELECT pg_terminate_backend(pid) {theirs}")
        await connection.close()
        over.set()
        await writing
        await desk.send_all_again(address)
    await desk.check(database, is_all=True)
