"""What is measured is what it says, or the figures are about something else."""

import json
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import URL

from benchmarks.serving.answers import comparable, difference
from benchmarks.serving.data import (
    COLLECTION,
    DOCUMENT,
    ELEMENTS,
    MEMBER,
    NOTES,
    TREE_DOCUMENTS,
    TREE_ELEMENTS,
    TREE_NOTES,
    Size,
)
from benchmarks.serving.handwritten import FORMS, statements
from benchmarks.serving.workloads import DEEP_TREE, READING, READING_VIEW, WORKLOADS, Workload
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.settings import Settings
from tests.benchmarks.conftest import SIZE
from tests.service import Service

VIEWERS = pytest.mark.parametrize("viewer", [ANONYMOUS, MEMBER], ids=["visitor", "member"])


async def test_there_is_as_much_as_was_asked_for(connection: asyncpg.Connection) -> None:
    counts = {
        table: await connection.fetchval(f"SELECT count(*) FROM app.{table}")
        for table in ("annotations", "document_elements", "documents")
    }
    assert counts == {
        "annotations": SIZE.annotations,
        "document_elements": SIZE.elements,
        "documents": SIZE.documents,
    }


async def test_what_was_loaded_hangs_together(connection: asyncpg.Connection) -> None:
    astray = await connection.fetchval("""
        SELECT count(*) FROM app.annotations AS note
        LEFT JOIN app.document_elements AS element ON element.id = note.document_element_id
        LEFT JOIN app.documents AS document ON document.id = element.document_id
        LEFT JOIN app.annotations AS parent ON parent.id = note.parent_id
        WHERE document.id IS DISTINCT FROM note.document_id
        OR document.document_collection_id IS DISTINCT FROM note.document_collection_id
        OR note.parent_id IS NOT NULL AND parent.document_element_id IS DISTINCT FROM note.document_element_id
    """)
    assert astray == 0


async def test_indexes_and_sequences_are_as_the_migrations_left_them(
    connection: asyncpg.Connection, template: str, server: URL
) -> None:
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'app' ORDER BY indexdef"
    untouched = await asyncpg.connect(
        server.set(drivername="postgresql", database=template).render_as_string(hide_password=False)
    )
    migrated = await untouched.fetch(indexes)
    await untouched.close()
    assert await connection.fetch(indexes) == migrated
    largest = await connection.fetchval("SELECT max(id) FROM app.annotations")
    assert await connection.fetchval("SELECT nextval('app.annotations_id_seq')") > largest


@VIEWERS
async def test_the_measured_document_has_a_full_page_of_notes_on_each_element(
    measured: URL, connection: asyncpg.Connection, viewer: Viewer
) -> None:
    document = (await _asked(measured, READING_VIEW, viewer))["document"]
    assert document["id"] == DOCUMENT
    assert [len(element["annotations"]) for element in document["elements"]] == [NOTES] * ELEMENTS
    (count,) = await connection.fetch(
        "SELECT count(*) AS notes FROM app.annotations WHERE document_id = $1 AND parent_id IS NULL", DOCUMENT
    )
    # So that the rules of visibility have something to leave out.
    assert count["notes"] > NOTES * ELEMENTS


@VIEWERS
async def test_the_measured_collection_is_as_deep_as_it_says(measured: URL, viewer: Viewer) -> None:
    collection = (await _asked(measured, DEEP_TREE, viewer))["collection"]
    assert collection["id"] == COLLECTION
    assert [len(document["elements"]) for document in collection["documents"]] == [TREE_ELEMENTS] * TREE_DOCUMENTS
    elements = [element for document in collection["documents"] for element in document["elements"]]
    assert [len(element["annotations"]) for element in elements] == [TREE_NOTES] * len(elements)


async def test_a_member_sees_what_a_visitor_does_not(measured: URL) -> None:
    for workload in WORKLOADS.values():
        if workload.name != "point":
            visitor, member = [await _asked(measured, workload, viewer) for viewer in (ANONYMOUS, MEMBER)]
            assert visitor != member, workload.name


async def test_the_measured_notes_are_answered_tagged_and_voted_for(measured: URL) -> None:
    document = (await _asked(measured, READING, MEMBER))["document"]
    notes = [note for element in document["elements"]["nodes"] for note in element["annotations"]]
    assert any(note["replies"] for note in notes)
    assert any(len(note["tags"]) > 1 for note in notes)
    assert {note["viewerHasUpvoted"] for note in notes} == {True, False}
    assert {note["reply"] for note in notes} == {True}


@VIEWERS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS.keys())
async def test_a_statement_by_hand_answers_as_the_server_does(
    measured: URL, connection: asyncpg.Connection, workload: Workload, form: str, viewer: Viewer
) -> None:
    statement = statements(form)[workload.name, viewer.is_anonymous]
    numbers = {"user": viewer.user_id, "groups": sorted(viewer.group_ids), "taught": [], **workload.numbers}
    body = await connection.fetchval(statement.sql, *(numbers[name] for name in statement.parameters))
    assert difference(await _asked(measured, workload, viewer), comparable(body)) is None


def test_there_can_not_be_less_than_what_is_measured() -> None:
    with pytest.raises(ValueError, match="fewer"):
        Size(9_999)


async def _asked(measured: URL, workload: Workload, viewer: Viewer) -> Any:
    """What the server answers, in the form in which answers are compared."""
    settings = Settings(max_page_size=1000).with_database(measured)
    async with Service(settings) as service:
        answer = await service.answer(workload.ours, dict(workload.our_variables), viewer=viewer)
    return comparable(json.dumps(answer).encode())
