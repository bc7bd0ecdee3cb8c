"""Imports on servers that are real processes: killed in the middle, shut down, and two of them at once."""

import signal
import subprocess
from typing import Any

import httpx2
import pytest
from sqlalchemy.engine import URL

from genji_graphql.identity import accounts
from tests.command import running
from tests.transfer.press import EDITION, EDITION_LINES, FIRST_EDITION, JOB, Press, chapters, form, tei, until


class Client:
    """The editor's program, which asks servers over the network."""

    def __init__(self, press: Press, token: str) -> None:
        self.press, self.token = press, token

    @classmethod
    async def of(cls, press: Press) -> "Client":
        async with press.shelf.sessions.begin() as session:
            issued = await accounts.create_access_token(
                session, user_id=press.shelf.people["editor"].id, name="A program", scopes=["write"]
            )
        return cls(press, issued.token)

    async def post(self, address: str, **body: Any) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=60) as http:
            return await http.post(address, headers={"Authorization": f"Bearer {self.token}"}, **body)

    async def send(self, address: str, content: bytes, name: str = "flood.md") -> str:
        body = form(content, name, collectionId=str(self.press.collection.id))
        response = await self.post(address, **body)
        assert response.status_code == 200, response.text
        payload = response.json()["data"]["importDocument"]
        assert payload["errors"] == []
        return str(payload["job"]["id"])

    async def told(self, address: str, job: str) -> Any:
        response = await self.post(address, json={"query": JOB, "variables": {"id": job}})
        return response.json()["data"]["importJob"]

    async def ends(self, address: str, job: str) -> Any:
        async def has() -> Any:
            told = await self.told(address, job)
            return told if told["status"] not in {"QUEUED", "RUNNING"} else None

        return await until(has)


@pytest.fixture
async def client(press: Press) -> Client:
    return await Client.of(press)


def end(process: "subprocess.Popen[str]", how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(60)


async def test_a_server_imports_what_it_is_sent(client: Client, database: URL) -> None:
    lines = [f"Line {number}." for number in range(2_000)]
    with running(url=database) as (_, address):
        job = await client.send(address, tei(lines), "flood.xml")
        told = await client.ends(address, job)

    assert (told["status"], told["outcome"]["added"], told["progress"]["elements"]) == ("SUCCEEDED", 2_000, 2_000)
    assert await client.press.lines() == lines


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_server_was_at_when_it_ended_is_done_by_the_next(
    client: Client, database: URL, how: signal.Signals
) -> None:
    press = client.press
    await press.imported("editor", FIRST_EDITION)
    before = await press.texts()

    async with press.held_up():
        with running(url=database) as (process, address):
            job = await client.send(address, EDITION)
            await press.comes_to_a_halt(job)
            end(process, how)
        status = (await press.told(job))["status"]
        assert status == ("RUNNING" if how is signal.SIGKILL else "QUEUED")
        assert await press.texts() == before

    with running(url=database) as (_, address):
        told = await client.ends(address, job)

    assert told["status"] == "SUCCEEDED"
    assert told["outcome"] == {
        "newDocuments": 1,
        "knownDocuments": 10,
        "added": 1,
        "changed": 10,
        "removed": 0,
        "unchanged": 0,
        "carried": 0,
        "orphaned": 0,
    }
    assert await press.lines() == EDITION_LINES
    attempts = 2 if how is signal.SIGKILL else 1
    assert await press.rows("SELECT attempts FROM app.import_jobs ORDER BY id DESC LIMIT 1") == [(attempts,)]


async def test_two_servers_do_each_import_once(client: Client, database: URL) -> None:
    with running(url=database) as (_, one), running(url=database) as (_, other):
        jobs = [
            await client.send(one if number % 2 else other, chapters("One.", "Two."), f"{number}.md")
            for number in range(8)
        ]
        told = [await client.ends(one, job) for job in jobs]

    assert {job["status"] for job in told} == {"SUCCEEDED"}
    assert await client.press.rows("SELECT DISTINCT attempts FROM app.import_jobs") == [(1,)]
    assert len(await client.press.lines()) == 16


async def test_an_import_is_called_off_by_way_of_another_server(client: Client, database: URL) -> None:
    press = client.press
    await press.imported("editor", FIRST_EDITION)
    before = await press.texts()

    with running(url=database) as (_, address):
        async with press.held_up():
            job = await client.send(address, EDITION)
            await press.comes_to_a_halt(job)
            assert (await press.cancel("editor", job))["errors"] == []
            # The next has its turn only when this one is over.
            after = await client.send(address, chapters("Morning came."), "after.md")
            assert (await client.ends(address, after))["status"] == "SUCCEEDED"
        assert (await client.told(address, job))["status"] == "CANCELLED"

    (collections, *_), (collections_before, *_) = await press.texts(), before
    assert collections == collections_before
    assert "Line 1." not in await press.lines()


async def test_a_file_that_is_too_large_is_refused_in_words_over_the_network(client: Client, database: URL) -> None:
    with running(url=database, GENJI_MAX_IMPORT_BYTES="100000") as (_, address):
        for size in (100_001, 30_000_000):
            body = form(b"x" * size, "a.txt", collectionId=str(client.press.collection.id))
            payload = (await client.post(address, **body)).json()["data"]["importDocument"]
            assert [(error["code"], error["field"]) for error in payload["errors"]] == [("TOO_LARGE", "file")]
    assert await client.press.rows("SELECT id FROM app.import_jobs") == []
