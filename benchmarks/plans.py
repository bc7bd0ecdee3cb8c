"""The reading view by a plan against the general executor, in one process and on one database.

The application is called without a server or a client around it, whose own cost would blur the ratio.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy.engine import URL
from starlette.requests import Request

from benchmarks.databases import migrated
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.app import create_app
from genji_graphql.settings import Settings

ROUNDS = 7
LIMIT = 10.0
"""How many times the processor's time of a plan the general executor takes at least, for the reading view."""

MEMBER = Viewer(user_id=2, group_ids=frozenset({1, 2}), taught_group_ids=frozenset({2}))

_DATA = """
INSERT INTO app.users (username, first_name) SELECT 'user' || n, 'Person ' || n FROM generate_series(1, 50) n;
INSERT INTO app.groups (name, created_by_id) SELECT 'Group ' || n, n FROM generate_series(1, 3) n;
INSERT INTO app.group_members (group_id, user_id) SELECT g, u FROM generate_series(1, 3) g, generate_series(1, 10) u;
INSERT INTO app.document_collections (title, visibility, position, owner_id)
SELECT 'Collection ' || n, 'public', n, n FROM generate_series(1, 5) n;
INSERT INTO app.documents (document_collection_id, title, position)
SELECT n % 5 + 1, 'Document ' || n, n FROM generate_series(1, 20) n;
INSERT INTO app.document_elements (document_id, content, hierarchy, position)
SELECT d, jsonb_build_object('text', 'Line ' || n || ' of a text that goes on for a while, as texts do.'),
    jsonb_build_object('chapter', d, 'paragraph', n), n
FROM generate_series(1, 20) d, generate_series(1, 100) n;
INSERT INTO app.annotations (document_id, document_element_id, creator_id, motivation, created, body, target)
SELECT e.document_id, e.id, (e.id + n) % 50 + 1, 'commenting', timestamptz '2026-01-01Z' + n * interval '1 minute',
    jsonb_build_object('type', 'TextualBody', 'value', 'What one thinks of it ' || n, 'format', 'text/plain'),
    jsonb_build_object('source', 'document_element:' || e.id)
FROM app.document_elements e, generate_series(1, 20) n ORDER BY e.id, n;
ANALYZE
"""


@dataclass(frozen=True)
class Workload:
    name: str
    query: str
    viewer: Viewer
    variables: dict[str, Any]


_READING_VIEW = """{ document(id: 1) { id title elements(first: 100) { nodes { id text
    annotations(first: 20) { nodes { id motivation body creator { id displayName } } } } } } }"""
_READING = """query Reading($id: ID!, $classroom: ID, $after: String) { document(id: $id) { title
    collection { id title textDirection language }
    elements(first: 50, after: $after) { pageInfo { hasNextPage endCursor } nodes { id text content hierarchy
        annotations(first: 50, where: {classroom: {eq: $classroom}}) { nodes { id motivation body target created
            creator { id displayName } upvoteCount viewerHasUpvoted tags viewerCan { edit delete reply }
            replies(first: 20) { nodes { id body created creator { displayName } } } } } } } } }"""
_POINT = "query Point($id: ID!) { document(id: $id) { id title } }"
_LIST = "{ annotations(first: 100) { nodes { id motivation created creator { displayName } } totalCount } }"

WORKLOADS = [
    Workload(f"{name}, {who}", query, viewer, variables)
    for name, query, variables in (
        ("reading view", _READING_VIEW, {}),
        ("Reading", _READING, {"id": "1"}),
        ("point query", _POINT, {"id": "7"}),
        ("flat list", _LIST, {}),
    )
    for who, viewer in (("anonymous", ANONYMOUS), ("a member", MEMBER))
]


async def measure(server: URL) -> bool:
    """True where the general executor takes at least LIMIT times as long for the reading view."""
    async with migrated(server) as settings:
        await _load(settings)
        ratios = [await _compare(settings, workload) for workload in WORKLOADS]
    return min(ratios[:2]) >= LIMIT


async def _load(settings: Settings) -> None:
    url = settings.sqlalchemy_url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    await connection.execute(_DATA)
    await connection.close()


async def _compare(settings: Settings, workload: Workload) -> float:
    async def identify(_request: Request) -> Viewer:
        return workload.viewer

    app = create_app(settings, identify)
    endpoint = app.state.endpoint
    planner = endpoint.planner
    ask = _caller(endpoint, workload)

    async def general() -> bytes:
        endpoint.planner = None
        try:
            return await ask()
        finally:
            endpoint.planner = planner

    ours, theirs = await ask(), await general()
    if json.loads(ours) != json.loads(theirs):
        raise AssertionError(f"{workload.name}: the answers differ")
    rounds = [(await _cost(ask), await _cost(general)) for _ in range(ROUNDS)]
    await app.state.engine.dispose()
    processor = median(general.processor / plan.processor for plan, general in rounds)
    latency = median(general.latency / plan.latency for plan, general in rounds)
    planned = rounds[ROUNDS // 2][0]
    print(
        f"plans: {workload.name:24} {len(ours) / 1000:6.1f} kB; the general executor takes {processor:5.1f} times "
        f"the processor's time and {latency:5.1f} times as long (by a plan {planned.processor * 1000:.2f} and "
        f"{planned.latency * 1000:.2f} ms)"
    )
    return processor


@dataclass(frozen=True)
class Cost:
    """Seconds a request, of this process's own and by the clock."""

    processor: float
    latency: float


async def _cost(ask: Callable[[], Awaitable[bytes]]) -> Cost:
    await ask()
    times = 0
    began, worked = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < 0.3:
        await ask()
        times += 1
    return Cost((time.process_time() - worked) / times, (time.perf_counter() - began) / times)


def _caller(endpoint: Any, workload: Workload) -> Callable[[], Awaitable[bytes]]:
    body = json.dumps({"query": workload.query, "variables": workload.variables}).encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"accept", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def ask() -> bytes:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            await asyncio.sleep(0)

        await endpoint(dict(scope), receive, send)
        answer: bytes = sent[1]["body"]
        return answer

    return ask
