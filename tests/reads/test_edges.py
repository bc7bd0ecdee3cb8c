"""How PostgreSQL answers a page: from the index that holds each parent's children in order, and by nothing else."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads import graph
from genji_graphql.reads.edges import ToMany, page_statement
from genji_graphql.reads.filters import parse
from genji_graphql.reads.pages import Page, Term
from tests.conftest import connect
from tests.lasting import lasting

_DIALECT: Any = registry.load("postgresql.asyncpg")()

_SHELVES = """
INSERT INTO app.users (username) SELECT 'user' || n FROM generate_series(1, 50) n;

INSERT INTO app.groups (name) SELECT 'Group ' || n FROM generate_series(1, 50) n;

INSERT INTO app.document_collections (title, visibility, position, owner_id)
SELECT 'Collection ' || n, CASE n % 10 WHEN 0 THEN 'private' ELSE 'public' END, n, n FROM generate_series(1, 10) n;

INSERT INTO app.documents (document_collection_id, title, position)
SELECT (n - 1) / 400 + 1, 'Document ' || n, (n - 1) % 400 FROM generate_series(1, 2000) n;

INSERT INTO app.document_elements (document_id, position)
SELECT (n - 1) / 400 + 1, (n - 1) % 400 FROM generate_series(1, 20000) n;
"""

_NOTES = """
INSERT INTO app.annotations (document_element_id, document_id, document_collection_id, creator_id, classroom_id,
    motivation, created)
SELECT n % {elements} + 1, n % {elements} / 400 + 1, 1, n % 50 + 1, CASE n % 3 WHEN 0 THEN n % 50 + 1 END,
    CASE n % 7 WHEN 0 THEN 'scholarly' ELSE 'commenting' END, timestamptz '2026-01-01Z' + n * interval '1 minute'
FROM generate_series(1, 50000) n;

INSERT INTO app.annotations (parent_id, creator_id, motivation, created)
SELECT n % {notes} + 1, n % 50 + 1, CASE n % 4 WHEN 0 THEN 'tagging' ELSE 'replying' END,
    timestamptz '2026-01-05Z' + n * interval '1 minute'
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
    "all_annotations": "idx_annotations_order",
}
"""The edges whose lists grow long, and the index that each is read from."""

VIEWERS = {
    "visitor": ANONYMOUS,
    "reader": Viewer(user_id=7, group_ids=frozenset({3, 4})),
    "administrator": Viewer(user_id=1, is_administrator=True),
}


@asynccontextmanager
async def shelves(server: URL, template: str, elements: int, notes: int) -> AsyncIterator[asyncpg.Connection]:
    """Twenty thousand elements, and sixty-five thousand annotations on so many of them and on so many notes."""
    async with lasting(server, template) as place:
        await place.sql(_SHELVES + _NOTES.format(elements=elements, notes=notes))
        connection = await connect(place.engine.url)
        yield connection
        await connection.close()


@pytest.fixture(scope="module")
async def crowded(server: URL, template: str) -> AsyncIterator[asyncpg.Connection]:
    """Much is written on few lines, as in a class."""
    async with shelves(server, template, elements=100, notes=30) as connection:
        yield connection


@pytest.fixture(scope="module")
async def scattered(server: URL, template: str) -> AsyncIterator[asyncpg.Connection]:
    """Here and there somebody writes something."""
    async with shelves(server, template, elements=20_000, notes=5_000) as connection:
        yield connection


def pages(edge: ToMany) -> Iterator[tuple[str, Page]]:
    first = Page(20, backwards=False, order=edge.listing.default, where=None)
    last = replace(first, backwards=True)
    place = (datetime(2026, 1, 15, tzinfo=UTC) if first.order == (Term("created"),) else 200, 200)
    yield "the first page", first
    yield "the last page", last
    yield "a page after a cursor", replace(first, after=place)
    yield "a page before a cursor", replace(last, before=place)
    if edge.proper:
        comments = parse({"motivation": {"eq": "commenting"}}, edge.listing.fields)
        yield "the first comments", replace(first, where=comments)


async def plan(connection: asyncpg.Connection, edge: ToMany, viewer: Viewer, page: Page, parents: list[int]) -> Any:
    statement = page_statement(edge, viewer, page, parents)
    compiled: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    arguments = [compiled.params[name] for name in compiled.positiontup]
    (explained,) = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {compiled.string}", *arguments))
    return explained["Plan"]


def steps(plan: Any) -> Iterator[Any]:
    """The steps by which the list is read. What is asked about each row of it, in subplans, may read otherwise."""
    yield plan
    for step in plan.get("Plans", ()):
        if step["Parent Relationship"] not in {"SubPlan", "InitPlan"}:
            yield from steps(step)


async def read(connection: asyncpg.Connection, edge: ToMany, viewer: Viewer, page: Page) -> list[tuple[str, str]]:
    """How the pages of many parents are read: the kinds of steps, and from what."""
    found = await plan(connection, edge, viewer, page, list(range(1, 51)))
    return [(step["Node Type"], step.get("Index Name") or step.get("Relation Name")) for step in steps(found)]


@pytest.mark.parametrize("viewer", VIEWERS.values(), ids=VIEWERS)
@pytest.mark.parametrize("name", INDEXES)
async def test_a_page_of_a_long_list_is_read_from_its_index_in_order(
    crowded: asyncpg.Connection, name: str, viewer: Viewer
) -> None:
    edge = getattr(graph, name)
    for which, page in pages(edge):
        how = await read(crowded, edge, viewer, page)
        assert ("Index Scan", INDEXES[name]) in how, which
        assert [step for step, _ in how if "Bitmap" in step or "Sort" in step or step == "Seq Scan"] == [], which


@pytest.mark.parametrize("viewer", VIEWERS.values(), ids=VIEWERS)
@pytest.mark.parametrize("name", INDEXES)
async def test_a_short_list_is_read_by_its_parent_and_nothing_else(
    scattered: asyncpg.Connection, name: str, viewer: Viewer
) -> None:
    """A few rows may be sorted; but no index is searched for what nearly all rows are, and no table read whole."""
    edge = getattr(graph, name)
    for which, page in pages(edge):
        how = await read(scattered, edge, viewer, page)
        assert [step for step, _ in how if step in {"BitmapAnd", "BitmapOr", "Seq Scan"}] == [], which
