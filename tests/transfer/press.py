"""A shared collection, and people who send files to be imported into it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import DocumentCollection
from genji_graphql.transfer.importer import Importer
from tests.service import Service
from tests.writing.asking import Shelf, asked

IMPORT = """
mutation Import($input: ImportDocumentInput!) {
  importDocument(input: $input) { job { id status } errors { __typename message code field } }
}
"""
JOB = """
query Job($id: ID!) {
  importJob(id: $id) {
    id databaseId status fileName format
    progress { elements bytesRead bytes fraction }
    outcome { newDocuments knownDocuments added changed removed unchanged carried orphaned }
    error { code message } collection { title } createdBy { username }
  }
}
"""
WHAT_IS_SAID = "SELECT content ->> 'text' FROM app.document_elements ORDER BY document_id, position"


def chapters(*texts: str) -> bytes:
    """A text of so many chapters, a paragraph each."""
    return "\n\n".join(f"# Chapter {number}\n\n{text}" for number, text in enumerate(texts, 1)).encode()


def tei(lines: list[str]) -> bytes:
    """A document whose lines are known by their number."""
    segs = "".join(f'<seg corresp="https://example.org/{n}">{line}</seg>' for n, line in enumerate(lines, 1))
    return (
        '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt>'
        f"<title>The flood</title></titleStmt></fileDesc></teiHeader><text><body><p>{segs}</p></body></text></TEI>"
    ).encode()


FIRST_EDITION = chapters(*["An old line."] * 9, "The last line.")
EDITION_LINES = [*(f"Line {number}." for number in range(1, 10)), "The new last line.", "And more."]
EDITION = chapters(*EDITION_LINES)


def form(content: bytes, name: str = "flood.md", **given: Any) -> dict[str, Any]:
    """The body of a request that sends a file, for httpx."""
    operations = {"query": IMPORT, "variables": {"input": {"file": None} | given}}
    fields = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.input.file"]})}
    return {"data": fields, "files": {"0": (name, content)}}


async def until(condition: Callable[[], Awaitable[Any]], patience: float = 60) -> Any:
    """What a question gives once it gives something."""
    async with asyncio.timeout(patience):
        while not (answer := await condition()):  # noqa: ASYNC110 - another process has to do something
            await asyncio.sleep(0.02)
    return answer


class Press:
    def __init__(self, service: Service, shelf: Shelf) -> None:
        self.service, self.shelf = service, shelf
        self.importer: Importer = service.app.state.importer
        self.engine: AsyncEngine = shelf.engine

    @property
    def collection(self) -> DocumentCollection:
        return self.shelf.collection

    async def send(self, who: str | Viewer, content: bytes, name: str = "flood.md", **given: Any) -> dict[str, Any]:
        """The payload of a request that sends a file, into the shelf's collection unless another is said."""
        self.service._viewer = await self.shelf.who(who) if isinstance(who, str) else who
        given = {"collectionId": str(self.collection.id)} | given
        response = await self.service.http.post("/graphql", **form(content, name, **given))
        assert response.status_code == 200, response.text
        payload: dict[str, Any] = response.json()["data"]["importDocument"]
        return payload

    async def sent(self, who: str | Viewer, content: bytes, name: str = "flood.md", **given: Any) -> str:
        """The id of a job that was taken."""
        payload = await self.send(who, content, name, **given)
        assert payload["errors"] == []
        job: dict[str, str] = payload["job"]
        assert job["status"] == "QUEUED"
        return job["id"]

    async def imported(self, who: str, content: bytes, name: str = "flood.md", **given: Any) -> dict[str, Any]:
        """What came of a file that was sent, when it has had its turn."""
        job = await self.sent(who, content, name, **given)
        assert await self.importer.run_next()
        told: dict[str, Any] = await self.told(job)
        return told

    async def told(self, job: str, who: str = "administrator") -> Any:
        return (await self.service.ask(JOB, {"id": job}, viewer=await self.shelf.who(who)))["importJob"]

    async def ends(self, job: str) -> None:
        """Wait until it has."""

        async def has() -> bool:
            return (await self.told(job))["status"] not in {"QUEUED", "RUNNING"}

        await until(has)

    async def cancel(self, who: str | Viewer, job: str) -> Any:
        viewer = await self.shelf.who(who) if isinstance(who, str) else who
        return await asked(self.service, viewer, "cancelImport", "job { status }", id=job)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.engine.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    async def lines(self) -> list[str]:
        return [line for (line,) in await self.rows(WHAT_IS_SAID)]

    async def texts(self) -> list[Any]:
        """All that there is to read, and what it says of itself."""
        tables = ("document_collections", "documents", "document_elements", "element_revisions")
        return [await self.rows(f"SELECT t::text FROM app.{table} t ORDER BY 1") for table in tables]

    @asynccontextmanager
    async def held_up(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """After the first edition the next one comes as far as its tenth chapter, and goes on when this is called."""
        async with self.engine.connect() as connection:
            await connection.execute(
                text("SELECT FROM app.document_elements WHERE content ->> 'text' = 'The last line.' FOR UPDATE")
            )

            async def go_on() -> None:
                await connection.rollback()

            yield go_on

    async def comes_to_a_halt(self, job: str) -> None:
        """Wait until an import of the next edition is held up, and has told how far it has come."""

        async def has() -> bool:
            told = await self.told(job)
            return bool(told["status"] == "RUNNING" and told["progress"]["elements"] == 10)

        await until(has)
