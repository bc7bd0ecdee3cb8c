"""A new edition of 25,065 lines is imported through the database, over notes on the old one.

The text is one document, its notes lie anywhere in it. Once the lines keep their names, and once each has another.
"""

import random
import tempfile
from asyncio import to_thread
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.databases import migrated
from genji_graphql.database import Json, create_engine, writing_sessions
from genji_graphql.models import DocumentElement
from genji_graphql.reads.web_annotation import Place
from genji_graphql.transfer.importing import Destination, Outcome, import_file
from genji_graphql.writes.targets import source_of

NOTES = 10_000
_HEAD = (
    '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>Genji</title></titleStmt>'
    "</fileDesc></teiHeader><text><body><p>"
)
_INTO = Destination("Genji", language="ja")


async def measure(server: URL, pairs: Sequence[dict[str, Any]]) -> bool:
    """True where no note is silently on another line than its own."""
    held = [await _measured(server, pairs, prefix) for prefix in ("", "new-")]
    return all(held)


async def _measured(server: URL, pairs: Sequence[dict[str, Any]], prefix: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="genji-editions-") as folder:
        path = Path(folder) / "genji.xml"
        async with migrated(server) as settings:
            engine = create_engine(settings)
            await _imported(engine, path, [(pair["id"], pair["old"]) for pair in pairs])
            await _annotate(engine)
            began = perf_counter()
            outcome = await _imported(engine, path, [(f"{prefix}{pair['id']}", pair["new"]) for pair in pairs])
            seconds = perf_counter() - began
            astray = await _astray(engine, prefix)
            await engine.dispose()
    names = "other names" if prefix else "the same names"
    print(f"anchoring: {len(pairs):,} lines imported again with {names}, {NOTES:,} notes on them: {seconds:.2f} s")
    print(f"anchoring:   {outcome}; {astray} on another line than their own")
    return astray == 0


async def _imported(engine: AsyncEngine, path: Path, lines: Sequence[tuple[str, str]]) -> Outcome:
    segs = "".join(f'<seg corresp="urn:genji:{name}">{escape(line)}</seg>' for name, line in lines)
    await to_thread(path.write_text, f"{_HEAD}{segs}</p></body></text></TEI>", encoding="utf-8")
    return await import_file(writing_sessions(engine), path, _INTO, max_bytes=10**9)


async def _annotate(engine: AsyncEngine) -> None:
    chance = random.Random(54)
    async with engine.begin() as connection:
        found = await connection.execute(text("SELECT id, content ->> 'text' FROM app.document_elements ORDER BY id"))
        records = []
        for number, line in chance.choices(found.all(), k=NOTES):
            start = chance.randrange(len(line))
            selector = {"type": "TextPositionSelector", "start": start, "end": chance.randint(start + 1, len(line))}
            target = [{"source": source_of(Place(DocumentElement, number)), "selector": selector}]
            records.append((number, "commenting", Json.of(target)))
        driver: Any = (await connection.get_raw_connection()).driver_connection
        columns = ["document_element_id", "motivation", "target"]
        await driver.copy_records_to_table("annotations", schema_name="app", columns=columns, records=records)


async def _astray(engine: AsyncEngine, prefix: str) -> int:
    """How many notes that have their place are on a line that isn't the new form of theirs, by what the editor says."""
    told = text(
        "SELECT count(*) FROM app.annotations a "
        "JOIN app.annotation_versions v ON v.annotation_id = a.id AND v.version = 1 "
        "JOIN app.document_elements was ON was.id = v.document_element_id "
        "JOIN app.document_elements now ON now.id = a.document_element_id "
        "WHERE NOT a.is_orphan AND replace(now.content ->> 'source', :prefix, '') <> was.content ->> 'source'"
    )
    async with engine.connect() as connection:
        number: int = (await connection.execute(told, {"prefix": prefix})).scalar_one()
    return number
