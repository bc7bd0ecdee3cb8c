"""How PostgreSQL answers a page: from the index that holds each parent's children in order, and by nothing else."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads import graph
from genji_graphql.reads.edges import ToMany, page_statement
from genji_graphql.reads.pages import Page
from tests.lasting import lasting

_SHELVES = """
INSERT INTO app.users (username) SELECT 'user' || n FROM generate_series(1, 50) n;

INSERT INTO app.groups (name) SELECT 'Group ' || n FROM generate_series(1, 20) n;

INSERT INTO app.document_collections (title, visibility, position, owner_id)
SELECT 'Collection ' || n, CASE n % 10 WHEN 0 THEN 'private' ELSE 'public' END, n, n FROM generate_series(1, 40) n;

INSERT INTO app.documents (document_collection_id, title, position)
SELECT n % 40 + 1, 'Document ' || n, n FROM generate_series(1, 2000) n;

INSERT INTO app.document_elements (document_id, position) SELECT n % 200 + 1, n FROM generate_series(1, 20000) n;

INSERT INTO app.annotations (document_element_id, document_id, document_collection_id, creator_id, classroom_id,
    motivation, created)
SELECT n % 20000 + 1, n % 200 + 1, n % 200 % 40 + 1, n % 50 + 1, CASE n % 5 WHEN 0 THEN n % 20 + 1 END,
    CASE n % 3 WHEN 0 THEN 'scholarly' ELSE 'commenting' END, timestamptz '2026-01-01Z' + n * interval '1 minute'
FROM generate_series(1, 50000) n;

INSERT INTO app.annotations (parent_id, creator_id, motivation, created)
SELECT n % 5000 + 1, n % 50 + 1, CASE n % 3 WHEN 0 THEN 'tagging' ELSE 'replying' END,
    timestamptz '2026-06-01Z' + n * interval '1 minute'
FROM generate_series(1, 15000) n;
"""

INDEXES = {
    "collection_documents": "idx_documents_order",
    "document_elements": "idx_document_elements_order",
    "element_annotations": "idx_annotations_element_order",
    "document_annotations": "idx_annotations_document_order",
    "collection_annotations": "idx_annotations_collection_order",
    "group_annotations": "idx_annotations_classroom_order",
    "user_annotations": "idx_annotations_creator_order",
    "annotation_replies": "idx_annotations_parent_order",
    "all_collections": "idx_document_collections_order",
    "all_annotations": "idx_annotations_order",
}
"""The edges whose lists grow long, and the index that each is read from."""

READER = Viewer(user_id=7, group_ids=frozenset({3, 4}))
VIEWERS = {"visitor": ANONYMOUS, "reader": READER, "administrator": Viewer(user_id=1, is_administrator=True)}


@pytest.fixture(scope="module")
async def shelves(server: URL, template: str) -> AsyncIterator[asyncpg.Connection]:
    """Twenty thousand elements, and sixty-five thousand annotations."""
    async with lasting(server, template) as place:
        await place.sql(_SHELVES)
        async with place.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            yield driver


def pages(edge: ToMany) -> Iterator[tuple[str, Page]]:
    order = edge.listing.default
    values = (
        datetime(2026, 1, 9, tzinfo=UTC) if "created" in edge.listing.orders and order[0].field == "created" else 9,
        9,
    )
    yield "the first page", Page(20, backwards=False, order=order, where=None)
    yield "the last page", Page(20, backwards=True, order=order, where=None)
    yield "a page after a cursor", Page(20, backwards=False, order=order, where=None, after=values)
    yield "a page before a cursor", Page(20, backwards=True, order=order, where=None, before=values)


async def plan(connection: asyncpg.Connection, edge: ToMany, viewer: Viewer, page: Page, parents: list[int]) -> Any:
    statement = page_statement(edge, viewer, page, parents)
    make_dialect: Any = dialect.dialect
    compiled: Any = statement.compile(dialect=make_dialect(), compile_kwargs={"render_postcompile": True})
    arguments = [compiled.params[name] for name in compiled.positiontup]
    (explained,) = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {compiled.string}", *arguments))
    return explained["Plan"]


def steps(plan: Any) -> Iterator[Any]:
    """The steps by which the list is read. What is asked about each row of it, in subplans, may read otherwise."""
    yield plan
    for step in plan.get("Plans", ()):
        if step["Parent Relationship"] not in {"SubPlan", "InitPlan"}:
            yield from steps(step)


@pytest.mark.parametrize("number", [1, 50, 200])
@pytest.mark.parametrize("viewer", VIEWERS.values(), ids=VIEWERS)
@pytest.mark.parametrize("name", INDEXES)
async def test_a_page_is_read_from_its_index_in_order(
    shelves: asyncpg.Connection, name: str, viewer: Viewer, number: int
) -> None:
    edge = getattr(graph, name)
    for which, page in pages(edge):
        read = list(steps(await plan(shelves, edge, viewer, page, list(range(1, number + 1)))))

        child = edge.target.__tablename__
        assert INDEXES[name] in {step.get("Index Name") for step in read}, (which, read)
        assert not [step for step in read if step["Node Type"] == "Seq Scan" and step["Relation Name"] == child], which
        assert not [step for step in read if "Sort" in step["Node Type"]], which
