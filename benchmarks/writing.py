"""What it costs to write a thousand notes over the API, beside a bare INSERT of the same rows."""

import time
from statistics import median
from typing import Any

import asyncpg
import httpx2
from sqlalchemy.engine import URL
from starlette.requests import HTTPConnection

from benchmarks.databases import migrated
from genji_graphql.access.viewer import Viewer
from genji_graphql.app import create_app
from genji_graphql.reads.ids import global_id

NOTES, ROUNDS = 1000, 9
MOST = 10.0
_LINE = "In which reign was it, among the many ladies, that one who was not of the first rank was favoured above all?"
_BULK = """
mutation ($input: BulkCreateAnnotationsInput!) {
  bulkCreateAnnotations(input: $input) { annotations { id } errors { message } }
}
"""
_TEXT = f"""
INSERT INTO app.users (username) VALUES ('sei');
INSERT INTO app.document_collections (title, visibility) VALUES ('Genji', 'public');
INSERT INTO app.documents (document_collection_id, title) VALUES (1, 'Kiritsubo');
INSERT INTO app.document_elements (document_id, content)
SELECT 1, jsonb_build_object('text', n || '. {_LINE}') FROM generate_series(1, 100) n;
"""
_SAME = """
INSERT INTO app.annotations (
    document_element_id, creator_id, owner_id, motivation, status, body, target
)
SELECT document_element_id, creator_id, owner_id, motivation, status, body, target
FROM app.annotations WHERE id <= $1
"""


async def measure(server: URL) -> bool:
    """True where it costs at most MOST times as much."""
    async with migrated(server) as settings:
        address = settings.sqlalchemy_url.set(drivername="postgresql").render_as_string(hide_password=False)
        database = await asyncpg.connect(address)
        await database.execute(_TEXT)
        app = create_app(settings, _sei)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://genji.test", timeout=60
        ) as http:
            ours, bare = [], []
            for _ in range(ROUNDS):
                ours.append(await _timed(_written(http)))
                bare.append(await _timed(database.execute(_SAME, NOTES)))
        await app.state.close()
        await database.close()
    ratio = median(ours) / median(bare)
    print(f"writing: {NOTES} notes over the API take {ratio:.1f} times as long as a bare INSERT (at most {MOST:g})")
    return ratio <= MOST


async def _sei(_request: HTTPConnection) -> Viewer:
    return Viewer(user_id=1)


async def _written(http: httpx2.AsyncClient) -> None:
    notes: list[dict[str, Any]] = [
        {
            "elementId": global_id("DocumentElement", 1 + place % 100),
            "text": f"Note {place}.",
            "selector": {"exact": "not of the first rank"},
        }
        for place in range(NOTES)
    ]
    answer = await http.post("/graphql", json={"query": _BULK, "variables": {"input": {"annotations": notes}}})
    written = answer.json()["data"]["bulkCreateAnnotations"]
    assert not written["errors"]
    assert len(written["annotations"]) == NOTES


async def _timed(work: Any) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
