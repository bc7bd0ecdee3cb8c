"""Who waits for whom: nobody longer than they must, and nobody for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.models import Annotation, Document, DocumentCollection, DocumentElement, ObjectShare
from tests.service import Service
from tests.waiting import waiting_for_a_lock
from tests.writing.asking import Shelf, asked, changed, id_of

GIVEN: dict[str, Callable[[Shelf], dict[str, Any]]] = {
    "createElements": lambda shelf: {"documentId": id_of(shelf.document), "elements": [{"text": "New."}]},
    "updateElement": lambda shelf: {"id": id_of(shelf.elements[0]), "text": "New."},
    "moveElement": lambda shelf: {"id": id_of(shelf.elements[0]), "afterId": id_of(shelf.elements[1])},
    "splitElement": lambda shelf: {"id": id_of(shelf.elements[0]), "at": [4]},
    "mergeElements": lambda shelf: {"ids": [id_of(row) for row in shelf.elements[:2]]},
    "createDocument": lambda shelf: {"collectionId": id_of(shelf.collection), "title": "New"},
    "updateDocument": lambda shelf: {"id": id_of(shelf.document), "title": "New"},
    "updateCollection": lambda shelf: {"id": id_of(shelf.collection), "title": "New"},
    "reorderCollections": lambda shelf: {"ids": [id_of(shelf.collection)]},
}


@asynccontextmanager
async def under_way(shelf: Shelf, row: Any, **how: Any) -> AsyncIterator[AsyncSession]:
    """Somebody else's change of this row, until the end of the block."""
    async with shelf.sessions.begin() as session:
        await session.execute(locking(row, **how))
        yield session


def locking(row: Any, **how: Any) -> Any:
    model = type(row)
    return select(model.id).where(model.id == row.id).with_for_update(**how)


@pytest.mark.parametrize("name", GIVEN)
async def test_who_loses_their_share_while_they_wait_changes_nothing(service: Service, shelf: Shelf, name: str) -> None:
    viewer = await shelf.who("editor")
    held = {"createElements": shelf.document, "updateDocument": shelf.document}.get(
        name, shelf.elements[0] if "Element" in name else shelf.collection
    )
    async with under_way(shelf, held) as session:
        theirs = ObjectShare.shared_with_id == shelf.people["editor"].id
        await session.execute(delete(ObjectShare).where(theirs))
        waiting = asyncio.create_task(asked(service, viewer, name, "__typename", **GIVEN[name](shelf)))
        await asyncio.sleep(0.5)
        assert not waiting.done()

    before = await shelf.contents()
    assert {error["__typename"] for error in (await waiting)["errors"]} == {"NotFound"}
    assert await shelf.contents() == before


async def test_writing_elsewhere_does_not_wait_for_a_note(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("editor")
    async with shelf.sessions.begin() as session:
        session.add(Annotation(document_element_id=shelf.elements[0].id, motivation="commenting"))
        await session.flush()
        for name in ("createElements", "createDocument", "updateDocument", "updateCollection", "reorderCollections"):
            change = changed(service, viewer, name, "__typename", **GIVEN[name](shelf))
            await asyncio.wait_for(change, timeout=10)


async def test_a_text_changes_when_the_note_on_it_is_written(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("editor")
    async with shelf.sessions.begin() as session:
        session.add(Annotation(document_element_id=shelf.elements[0].id, motivation="commenting"))
        await session.flush()
        given = GIVEN["updateElement"](shelf)
        waiting = asyncio.create_task(changed(service, viewer, "updateElement", "__typename", **given))
        await asyncio.sleep(0.5)
        assert not waiting.done()
    await waiting


@pytest.mark.parametrize("name", ["deleteElement", "restoreElement"])
async def test_an_element_goes_and_comes_back_with_its_links_after_its_document_is_held(
    service: Service, shelf: Shelf, name: str
) -> None:
    first, second, _ = shelf.elements
    editor = await shelf.who("editor")
    targets = [{"elementId": id_of(one)} for one in (first, second)]
    await changed(service, editor, "createLink", "annotation { id }", targets=targets)
    (link,) = await shelf.all(select(Annotation.id))
    given = {"id": id_of(first)} | ({"force": True} if name == "deleteElement" else {})
    if name == "restoreElement":
        await changed(service, editor, "deleteElement", "deletedId", id=id_of(first), force=True)

    # A change of the other text, which wants the links to it in the end.
    async with under_way(shelf, shelf.document, read=True) as session:
        await session.execute(locking(second))
        waiting = asyncio.create_task(changed(service, editor, name, "__typename", **given))
        await waiting_for_a_lock(shelf.engine.url)
        await session.execute(select(Annotation.id).where(Annotation.id == link).with_for_update(nowait=True))
    await waiting

    (seat,) = await shelf.all(select(Annotation.document_element_id))
    assert seat == (second.id if name == "deleteElement" else first.id)


async def test_whoever_moves_texts_while_notes_are_written_and_shares_given_is_never_stuck(
    service: Service, shelf: Shelf
) -> None:
    there = await shelf.world.collection(owner_id=shelf.owner.id)
    document = await shelf.world.document(there)
    owner = await shelf.who("owner")

    async def ask(name: str, **given: Any) -> None:
        for error in (await asked(service, owner, name, "__typename", **given))["errors"]:
            assert error["__typename"] in {"Conflict", "NotFound"}

    async def note(number: int) -> None:
        row = shelf.elements[number % 3]
        async with shelf.sessions.begin() as session:
            session.add(Annotation(document_element_id=row.id, motivation="commenting"))

    tasks = []
    for number in range(6):
        row, place = shelf.elements[number % 3], (document, shelf.document)[number % 2]
        tasks += [
            note(number),
            ask("moveElement", id=id_of(row), documentId=id_of(place)),
            ask("updateElement", id=id_of(row), text=f"Text {number}"),
            ask("updateDocument", id=id_of(shelf.document), collectionId=id_of((there, shelf.collection)[number % 2])),
            ask("updateCollection", id=id_of(shelf.collection), visibility=("PRIVATE", "SHARED")[number % 2]),
            ask("shareObject", objectId=id_of(shelf.document), username="stranger", accessLevel="VIEW"),
        ]
    await asyncio.gather(*tasks)

    assert len(await shelf.all(select(Annotation.id))) == 6
    for model, number in ((DocumentElement, 3), (Document, 2), (DocumentCollection, 2)):
        assert len(await shelf.all(select(model.id))) == number


async def test_texts_are_cut_and_joined_while_others_write_on_them_and_nobody_is_stuck(
    service: Service, shelf: Shelf
) -> None:
    there = await shelf.world.collection(owner_id=shelf.owner.id)
    owner, rows = await shelf.who("owner"), shelf.elements

    async def ask(name: str, **given: Any) -> None:
        for error in (await asked(service, owner, name, "__typename", **given))["errors"]:
            assert error["__typename"] in {"Conflict", "NotFound", "ValidationError"}

    async def note(row: DocumentElement) -> None:
        target = [{"source": f"DocumentElements/{one.id}"} for one in (row, rows[0], rows[2])]
        async with shelf.sessions.begin() as session:
            session.add(Annotation(document_element_id=row.id, motivation="linking", target=target))

    tasks = []
    for number in range(4):
        row = rows[number % 3]
        tasks += [
            note(rows[0]),
            note(row),
            ask("splitElement", id=id_of(row), at=[2]),
            ask("mergeElements", ids=[id_of(rows[0]), id_of(rows[1])]),
            ask("updateElement", id=id_of(row), text=f"Line, text {number}"),
            ask("updateDocument", id=id_of(shelf.document), collectionId=id_of((there, shelf.collection)[number % 2])),
        ]
    await asyncio.gather(*tasks)

    stand = select(DocumentElement.id).join(Annotation, Annotation.document_element_id == DocumentElement.id)
    assert await shelf.all(stand.where(DocumentElement.deleted_at.is_not(None))) == []
