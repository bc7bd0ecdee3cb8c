"""Importing the 54 chapters of the Tale of Genji, against a bare COPY of the rows that they become."""

from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.databases import migrated
from genji_graphql.database import create_engine, writing_sessions
from genji_graphql.transfer.importing import Destination, import_file

CHAPTERS = Path(__file__).parents[2] / "shared" / "data" / "genji-tei"
RUNS = 5
LIMIT = 5.0

_COLUMNS = ["document_id", "source_id", "position", "hierarchy", "content"]


async def measure(server: URL) -> bool:
    """True where importing costs at most LIMIT times the COPY, by the median of the pairs."""
    chapters = sorted(CHAPTERS.glob("*.xml"))
    if not chapters:
        print(f"import: left out, as there are no chapters in {CHAPTERS.name} beside the checkout")
        return True
    pairs = [await _pair(server, chapters) for _ in range(RUNS + 1)][1:]  # the first pair warms up
    ratio = median(imported / copied for imported, copied in pairs)
    print(
        f"import: 54 chapters {median(i for i, _ in pairs):.2f} s, bare COPY {median(c for _, c in pairs):.2f} s, "
        f"ratio {ratio:.2f} (median of {RUNS} pairs; at most {LIMIT:g})"
    )
    return ratio <= LIMIT


async def _pair(server: URL, chapters: list[Path]) -> tuple[float, float]:
    """Seconds for the import, and for the COPY of the same rows into a table with the same indexes."""
    async with migrated(server) as settings, migrated(server) as other:
        engine, bare = create_engine(settings), create_engine(other)
        began = perf_counter()
        for chapter in chapters:
            await import_file(writing_sessions(engine), chapter, Destination("Genji"), max_bytes=10**9)
        imported = perf_counter() - began
        copied = await _copy(engine, bare)
        await engine.dispose()
        await bare.dispose()
    return imported, copied


async def _copy(engine: AsyncEngine, bare: AsyncEngine) -> float:
    async with engine.connect() as source, bare.begin() as target:
        found = await source.execute(
            text(f"SELECT {', '.join(_COLUMNS)} FROM app.document_elements ORDER BY document_id, position")
        )
        records = [tuple(row) for row in found]
        await target.execute(text("INSERT INTO app.document_collections (title) VALUES ('Genji')"))
        await target.execute(
            text("INSERT INTO app.documents (document_collection_id, title) SELECT 1, 'x' FROM generate_series(1, 54)")
        )
        driver: Any = (await target.get_raw_connection()).driver_connection
        began = perf_counter()
        await driver.copy_records_to_table("document_elements", schema_name="app", columns=_COLUMNS, records=records)
        return perf_counter() - began
