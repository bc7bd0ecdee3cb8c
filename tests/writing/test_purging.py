"""What was deleted long ago goes for good, with what hangs on it, and leaves nothing that leads to it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from genji_graphql.app import create_app
from genji_graphql.database import Turn, take_turn, writing_sessions
from genji_graphql.models import (
    Annotation,
    AnnotationVersion,
    Document,
    DocumentCollection,
    DocumentElement,
    ElementRevision,
    IdempotencyKey,
    ObjectShare,
)
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AnnotationStatus
from genji_graphql.writes import purging
from genji_graphql.writes.purging import keep_purging, purge, told
from tests.command import genji_command
from tests.service import Service
from tests.writing.asking import Shelf, changed, id_of

OF_SHELF = (Annotation, AnnotationVersion, ElementRevision, ObjectShare, DocumentElement, Document, DocumentCollection)


@pytest.fixture
async def written(service: Service, shelf: Shelf) -> dict[str, Any]:
    """Notes on a collection, its document and its first element, with answers, versions, revisions and shares."""
    world, reader = shelf.world, shelf.people["reader"]
    element = shelf.elements[0]
    note = await world.note(element, creator_id=reader.id)
    reply = await world.response(note, creator_id=reader.id)
    for motivation in ("tagging", "upvoting", "flagging", "replying"):
        await world.response(reply if motivation == "replying" else note, motivation, creator_id=reader.id)
    await world.note(shelf.document, creator_id=reader.id)
    await world.note(shelf.collection, creator_id=reader.id)
    await world.share(shelf.document, shelf.people["stranger"])
    viewer = await shelf.viewer(reader)
    await changed(service, viewer, "updateAnnotation", "__typename", id=id_of(note), text="Another thought.")
    editor = await shelf.who("editor")
    await changed(service, editor, "updateElement", "__typename", id=id_of(element), text="Another line.")
    return {"collection": shelf.collection, "document": shelf.document, "element": element, "annotation": note}


async def deleted(shelf: Shelf, row: Any, days: int) -> None:
    """Let it have been deleted so many days ago."""
    model = type(row)
    status = {"status": AnnotationStatus.DELETED} if model is Annotation else {}
    moment = func.now() - timedelta(days=days)
    await shelf.world.run(update(model).where(model.id == row.id).values(deleted_at=moment, **status))


async def left(shelf: Shelf) -> dict[str, int]:
    return {model.__name__: len(await shelf.all(select(model.id))) for model in OF_SHELF}


WHOLE = {
    "Annotation": 8,
    "AnnotationVersion": 1,
    "ElementRevision": 1,
    "ObjectShare": 4,
    "DocumentElement": 3,
    "Document": 1,
    "DocumentCollection": 1,
}
GONE: dict[str, tuple[dict[str, int], str]] = {
    # What a note was before it was deleted is one more version of it.
    "annotation": ({"Annotation": 2, "AnnotationVersion": 0}, "1 annotation"),
    "element": ({"Annotation": 2, "AnnotationVersion": 0, "ElementRevision": 0, "DocumentElement": 2}, "1 element"),
    "document": (
        {"Annotation": 1, "AnnotationVersion": 0, "ElementRevision": 0, "ObjectShare": 3, "DocumentElement": 0}
        | {"Document": 0},
        "3 elements, 1 annotation, 1 document",
    ),
    "collection": (dict.fromkeys(WHOLE, 0), "3 elements, 2 annotations, 1 document, 1 collection"),
}


@pytest.mark.parametrize("name", GONE)
async def test_what_can_be_restored_stays(shelf: Shelf, written: dict[str, Any], name: str) -> None:
    await deleted(shelf, written[name], days=29)
    rows = await shelf.contents()
    assert told(await purge(shelf.sessions)) == "nothing"
    assert await shelf.contents() == rows


@pytest.mark.parametrize("name", GONE)
async def test_what_was_deleted_long_ago_goes_with_all_that_hangs_on_it(
    shelf: Shelf, written: dict[str, Any], name: str
) -> None:
    assert await left(shelf) == WHOLE
    await deleted(shelf, written[name], days=31)
    purged = await purge(shelf.sessions)
    stays, said = GONE[name]
    assert await left(shelf) == WHOLE | stays
    assert sorted(told(purged).split(", ")) == sorted(said.split(", "))


async def test_in_small_batches_all_goes_too(shelf: Shelf, written: dict[str, Any]) -> None:
    for _ in range(4):
        document = await shelf.world.document(shelf.collection)
        for element in await shelf.world.elements(document, 3):
            await shelf.world.note(element)
        await shelf.world.note(document)
    await deleted(shelf, written["collection"], days=31)
    await purge(shelf.sessions, batch=2)
    assert await left(shelf) == dict.fromkeys(WHOLE, 0)


async def test_a_note_of_a_document_that_went_is_none_on_its_collection(shelf: Shelf, written: dict[str, Any]) -> None:
    await deleted(shelf, written["document"], days=31)
    await purge(shelf.sessions)
    notes = await shelf.all(select(Annotation.document_id).where(Annotation.document_collection_id.is_not(None)))
    assert len(notes) == 1  # the collection's own


@pytest.mark.parametrize("stretch", [1, 10_000])
async def test_links_keep_what_else_they_lead_to(
    service: Service, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(purging, "STRETCH", stretch)
    first, second, third = shelf.elements
    other = await shelf.world.element(await shelf.world.document(shelf.collection))
    reader, editor = await shelf.who("reader"), await shelf.who("editor")

    async def link(*elements: DocumentElement) -> int:
        targets = [{"elementId": id_of(one), "selector": {"exact": "ine"}} for one in elements]
        made = await changed(service, reader, "createLink", "annotation { databaseId }", targets=targets)
        number: int = made["annotation"]["databaseId"]
        return number

    with_first, into, without = await link(first, second, third), await link(other, first), await link(second, third)
    # Its only place is gone: it keeps what it says of it.
    alone = await shelf.world.note(other, target=[{"source": f"document_element:{first.id}", "selector": []}])
    older = await shelf.world.note(
        other, target=[{"source": f"document_element:{first.id}"}, {"source": f"document_element:{other.id}"}]
    )
    before = await targets_of(shelf)
    await changed(service, editor, "deleteElement", "deletedId", id=id_of(first), force=True)
    assert await targets_of(shelf) == before
    await deleted(shelf, first, days=31)
    rows = dict(await modified(shelf))

    await purge(shelf.sessions)

    after = await targets_of(shelf)
    assert after[with_first] == before[with_first][1:]
    assert after[into] == before[into][:1]
    assert after[older.id] == before[older.id][1:]
    assert {number: after[number] for number in (without, alone.id)} == {
        number: before[number] for number in (without, alone.id)
    }
    assert dict(await modified(shelf)) == rows
    seen = await service.ask("{ annotations { totalCount } }", viewer=reader)
    assert seen["annotations"]["totalCount"] == 5


async def targets_of(shelf: Shelf) -> dict[int, Any]:
    async with shelf.sessions() as session:
        rows = await session.execute(select(Annotation.id, Annotation.target))
        return {number: target.decoded() for number, target in rows if target is not None}


async def modified(shelf: Shelf) -> list[Any]:
    async with shelf.sessions() as session:
        return [tuple(row) for row in await session.execute(select(Annotation.id, Annotation.modified))]


async def test_a_request_is_known_again_for_thirty_days(service: Service, shelf: Shelf) -> None:
    owner = await shelf.who("owner")
    for key in ("old", "new"):
        given = {"collectionId": id_of(shelf.collection), "title": key, "idempotencyKey": key}
        await changed(service, owner, "createDocument", "__typename", **given)
    for key, days in (("old", 31), ("new", 29)):
        moment = func.now() - timedelta(days=days)
        await shelf.world.run(update(IdempotencyKey).where(IdempotencyKey.key == key).values(created_at=moment))
    assert told(await purge(shelf.sessions)) == "1 request key"
    assert await shelf.all(select(IdempotencyKey.key)) == ["new"]


async def test_one_process_purges_at_a_time(shelf: Shelf, written: dict[str, Any]) -> None:
    await deleted(shelf, written["collection"], days=31)
    async with shelf.sessions.begin() as session:
        await take_turn(session, Turn.PURGE)
        assert told(await purge(shelf.sessions)) == "nothing"
        assert await left(shelf) == WHOLE
    await asyncio.gather(*(purge(shelf.sessions) for _ in range(4)))
    assert await left(shelf) == dict.fromkeys(WHOLE, 0)


async def test_what_fails_is_logged_and_tried_again(
    shelf: Shelf, written: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await deleted(shelf, written["collection"], days=31)
    failed = asyncio.Event()
    sessions = writing_sessions(shelf.engine)
    begin = sessions.begin

    def fail_once() -> Any:
        if failed.is_set():
            return begin()
        failed.set()
        raise OSError("The database is away.")

    monkeypatch.setattr(sessions, "begin", fail_once)
    task = asyncio.create_task(keep_purging(sessions, every=0.1))
    await until_gone(shelf)
    task.cancel()
    assert "could not be purged" in caplog.text


async def test_a_server_that_runs_purges_by_itself(settings: Settings, shelf: Shelf, written: dict[str, Any]) -> None:
    await deleted(shelf, written["collection"], days=31)
    app = create_app(settings.model_copy(update={"purge_interval": 1}))
    async with app.router.lifespan_context(app):
        await until_gone(shelf)


async def test_a_server_leaves_it_to_the_operator_where_told(
    settings: Settings, shelf: Shelf, written: dict[str, Any]
) -> None:
    await deleted(shelf, written["collection"], days=31)
    app = create_app(settings.model_copy(update={"purge_interval": 0}))
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.2)
    assert await left(shelf) == WHOLE


async def until_gone(shelf: Shelf) -> None:
    async with asyncio.timeout(60):
        while (await left(shelf))["DocumentCollection"]:  # noqa: ASYNC110 - no event tells what another process did
            await asyncio.sleep(0.05)


async def test_an_operator_purges_by_a_command(shelf: Shelf, written: dict[str, Any]) -> None:
    await deleted(shelf, written["element"], days=31)
    for said in ("1 element", "nothing"):
        ended = genji_command("purge", url=shelf.engine.url)
        assert (ended.returncode, ended.stdout) == (0, f"Purged: {said}.\n")
    assert (await left(shelf))["DocumentElement"] == 2
