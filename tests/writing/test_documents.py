"""Documents: who makes, changes and moves them, and what follows."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from genji_graphql.models import Annotation, Document, DocumentCollection, ObjectShare
from genji_graphql.vocabulary import AccessLevel, Recipient, Visibility
from tests.service import Service
from tests.writing.asking import WHO, Shelf, changed, denied, expected_of, id_of, read, refused

WHOLE = """document {
  databaseId title description owner { username } collection { title } viewerCan { edit share delete }
}"""
TITLES = "query($id: ID!) { collection(id: $id) { documents { nodes { title } } } }"


async def order_of(shelf: Shelf, collection: DocumentCollection | None = None) -> list[str]:
    """The titles in a collection, in their order."""
    here = Document.document_collection_id == (collection or shelf.collection).id
    return await shelf.all(select(Document.title).where(here).order_by(Document.position, Document.id))


async def documents(shelf: Shelf, *titles: str, **columns: Any) -> list[Document]:
    return [await shelf.world.document(shelf.collection, title=title, **columns) for title in titles]


async def another(shelf: Shelf, visibility: Visibility = Visibility.SHARED, **columns: Any) -> DocumentCollection:
    """Another collection of the owner's, lent to the same people."""
    columns = {"owner_id": shelf.owner.id, "title": "Another"} | columns
    collection = await shelf.world.collection(visibility, **columns)
    await shelf.lend(collection)
    return collection


# Making


@pytest.mark.parametrize("who", WHO)
async def test_a_document_is_made_by_those_who_edit_its_collection_and_theirs(
    service: Service, shelf: Shelf, who: str
) -> None:
    viewer = await shelf.who(who)
    given = {"collectionId": id_of(shelf.collection), "title": " 帚木 ", "description": "One.\n\nTwo.\n"}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        document = (await changed(service, viewer, "createDocument", WHOLE, **given))["document"]
        assert (document["title"], document["description"]) == ("帚木", "One.\n\nTwo.")
        assert (document["owner"], document["collection"]) == ({"username": who}, {"title": "Genji"})
        assert document["viewerCan"] == {"edit": True, "share": True, "delete": True}
        assert await order_of(shelf) == ["Kiritsubo", "帚木"]
        seen = await read(service, await shelf.who("reader"), TITLES, id=id_of(shelf.collection))
        assert [one["title"] for one in seen["collection"]["documents"]["nodes"]] == ["Kiritsubo", "帚木"]
    else:
        place = None if who in {"visitor", "reading token"} else "collectionId"
        assert await denied(service, shelf, viewer, "createDocument", **given) == (*error, place)


async def test_a_new_documents_cursor_is_its_place_in_its_collection(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("owner"), {"collectionId": id_of(shelf.collection), "title": "New"}
    made = await changed(service, viewer, "createDocument", "documentEdge { cursor node { title } }", **given)

    query = "query($id: ID!) { collection(id: $id) { documents(last: 1) { edges { cursor node { title } } } } }"
    listed = await service.ask(query, {"id": id_of(shelf.collection)}, viewer=viewer)
    assert listed["collection"]["documents"]["edges"] == [made["documentEdge"]]


async def test_a_request_that_comes_again_makes_nothing_more(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("editor")
    given = {"collectionId": id_of(shelf.collection), "title": "Once", "idempotencyKey": "k"}

    made = await asyncio.gather(*(changed(service, viewer, "createDocument", WHOLE, **given) for _ in range(6)))

    assert len({one["document"]["databaseId"] for one in made}) == 1
    assert await order_of(shelf) == ["Kiritsubo", "Once"]
    told = await denied(service, shelf, viewer, "createDocument", **given | {"description": "Other"})
    assert told == ("ValidationError", "KEY_REUSED", "idempotencyKey")


async def test_documents_that_are_made_at_once_have_places_of_their_own(service: Service, shelf: Shelf) -> None:
    viewer, here = await shelf.who("editor"), id_of(shelf.collection)
    await asyncio.gather(
        *(changed(service, viewer, "createDocument", WHOLE, collectionId=here, title=f"{n}") for n in range(6))
    )
    assert len(set(await shelf.all(select(Document.position)))) == 7


# Changing


@pytest.mark.parametrize("who", WHO)
async def test_a_document_is_changed_by_those_who_edit_it(service: Service, shelf: Shelf, who: str) -> None:
    viewer, given = await shelf.who(who), {"id": id_of(shelf.document), "title": "The Paulownia Court"}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        document = (await changed(service, viewer, "updateDocument", WHOLE, **given))["document"]
        assert document["title"] == "The Paulownia Court"
        query = "query($id: ID!) { document(id: $id) { title } }"
        seen = await read(service, await shelf.who("reader"), query, id=id_of(shelf.document))
        assert seen["document"] == {"title": "The Paulownia Court"}
    else:
        assert (await denied(service, shelf, viewer, "updateDocument", **given))[:2] == error


async def test_who_edits_one_document_alone_changes_it_and_no_other(service: Service, shelf: Shelf) -> None:
    stranger, (other,) = shelf.people["stranger"], await documents(shelf, "Other")
    await shelf.world.share(shelf.document, stranger, AccessLevel.EDIT)
    viewer = await shelf.viewer(stranger)

    document = await changed(service, viewer, "updateDocument", WHOLE, id=id_of(shelf.document), title="Mine to edit")
    assert document["document"]["collection"] is None
    told = await denied(service, shelf, viewer, "updateDocument", id=id_of(other), title="Not mine")
    assert told == ("NotFound", "NOT_FOUND", "id")
    told = await denied(service, shelf, viewer, "createDocument", collectionId=id_of(shelf.collection), title="x")
    assert told == ("NotFound", "NOT_FOUND", "collectionId")


async def test_what_is_left_out_stays_and_null_is_none(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": str(shelf.document.id)}
    await changed(service, viewer, "updateDocument", WHOLE, **given, description="About it.")
    kept = await changed(service, viewer, "updateDocument", WHOLE, **given, title="New")
    assert kept["document"]["description"] == "About it."
    emptied = await changed(service, viewer, "updateDocument", WHOLE, **given, description=None)
    assert (emptied["document"]["title"], emptied["document"]["description"]) == ("New", None)


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"title": ""}, "title", "REQUIRED"),
        ({"title": "T" * 256}, "title", "TOO_LONG"),
        ({"title": "a\nb"}, "title", "INVALID_CHARACTERS"),
        ({"title": "T", "description": "d" * 20_001}, "description", "TOO_LONG"),
        ({"title": "T", "description": "a\x07"}, "description", "INVALID_CHARACTERS"),
        ({"title": "T", "description": "\0"}, "description", "INVALID"),
    ],
)
async def test_bad_input_names_the_field_and_changes_nothing(
    service: Service, shelf: Shelf, values: dict[str, Any], field: str, code: str
) -> None:
    viewer = await shelf.who("editor")
    for name, more in (
        ("createDocument", {"collectionId": id_of(shelf.collection)}),
        ("updateDocument", {"id": id_of(shelf.document)}),
    ):
        assert await denied(service, shelf, viewer, name, **values, **more) == ("ValidationError", code, field)


async def test_a_stale_change_is_a_conflict_and_tells_what_is_there_now(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.document)}
    query = "query($id: ID!) { document(id: $id) { modified } }"
    known = (await service.ask(query, given, viewer=viewer))["document"]["modified"]
    await changed(service, viewer, "updateDocument", WHOLE, **given, title="First", expectedModified=known)

    (told,) = await refused(service, shelf, viewer, "updateDocument", **given, title="Second", expectedModified=known)
    assert (told["__typename"], told["field"], told["current"]) == ("Conflict", "expectedModified", given)


# Their order


async def test_a_document_is_put_before_or_after_another(service: Service, shelf: Shelf) -> None:
    a, b, c = await documents(shelf, "A", "B", "C")
    viewer = await shelf.who("editor")
    modified = await shelf.all(select(Document.modified).order_by(Document.id))

    for one, where, order in (
        (c, {"beforeId": id_of(a)}, ["Kiritsubo", "C", "A", "B"]),
        (a, {"afterId": str(b.id)}, ["Kiritsubo", "C", "B", "A"]),
        (b, {"beforeId": id_of(shelf.document)}, ["B", "Kiritsubo", "C", "A"]),
        (b, {"afterId": id_of(shelf.document)}, ["Kiritsubo", "B", "C", "A"]),
        (c, {"afterId": id_of(b)}, ["Kiritsubo", "B", "C", "A"]),
    ):
        await changed(service, viewer, "updateDocument", WHOLE, id=id_of(one), **where)
        assert await order_of(shelf) == order
    # To stand elsewhere is no change of a document itself.
    assert await shelf.all(select(Document.modified).order_by(Document.id)) == modified


async def test_room_is_made_where_there_is_none(service: Service, shelf: Shelf) -> None:
    a, b, c = await documents(shelf, "A", "B", "C")
    await shelf.world.run(update(Document).where(Document.id.in_([a.id, b.id])).values(position=9))
    await shelf.world.run(update(Document).where(Document.id == shelf.document.id).values(position=8))

    await changed(service, await shelf.who("editor"), "updateDocument", WHOLE, id=id_of(c), afterId=id_of(a))

    assert await order_of(shelf) == ["Kiritsubo", "A", "C", "B"]


async def test_a_place_is_beside_a_document_of_the_collection(service: Service, shelf: Shelf) -> None:
    (a,) = await documents(shelf, "A")
    elsewhere = await shelf.world.document(await another(shelf))
    viewer, given = await shelf.who("editor"), {"id": id_of(a)}
    for place in (id_of(elsewhere), "999999", "x", id_of(shelf.collection), id_of(a)):
        for field in ("beforeId", "afterId"):
            told = await denied(service, shelf, viewer, "updateDocument", **given, **{field: place})
            assert told == ("NotFound", "NOT_FOUND", field)
    both = {"beforeId": id_of(shelf.document), "afterId": id_of(shelf.document)}
    told = await denied(service, shelf, viewer, "updateDocument", **given, **both)
    assert told == ("ValidationError", "NOT_ONE", "afterId")


async def test_documents_that_go_to_one_place_at_once_all_get_there(service: Service, shelf: Shelf) -> None:
    rows = await documents(shelf, *"ABCDEFGH")
    viewer, first = await shelf.who("editor"), id_of(shelf.document)

    await asyncio.gather(
        *(changed(service, viewer, "updateDocument", WHOLE, id=id_of(row), beforeId=first) for row in rows)
    )

    order = await order_of(shelf)
    assert order[-1] == "Kiritsubo"
    assert sorted(order[:-1]) == list("ABCDEFGH")
    assert len(set(await shelf.all(select(Document.position)))) == 9


# To another collection


@pytest.mark.parametrize("who", WHO)
async def test_a_document_is_brought_elsewhere_by_those_who_manage_it(service: Service, shelf: Shelf, who: str) -> None:
    there = await another(shelf)
    note = await shelf.world.note(shelf.elements[0])
    viewer, given = await shelf.who(who), {"id": id_of(shelf.document), "collectionId": id_of(there)}
    error = expected_of(who, level=AccessLevel.MANAGE)
    if error is None:
        moved = await changed(service, viewer, "updateDocument", WHOLE, **given)
        assert moved["document"]["collection"] == {"title": "Another"}
        assert (await order_of(shelf), await order_of(shelf, there)) == ([], ["Kiritsubo"])
        # What is written on it comes with it.
        (place,) = await shelf.all(select(Annotation.document_collection_id).where(Annotation.id == note.id))
        assert place == there.id
    else:
        # An editor would manage from then on what they bring to a collection of their own.
        told = await denied(service, shelf, viewer, "updateDocument", **given)
        assert told[:2] == error
        if who == "editor":
            assert told[2] == "collectionId"


async def test_one_edits_the_collection_that_one_brings_a_document_to(service: Service, shelf: Shelf) -> None:
    readable = await shelf.world.collection(Visibility.PUBLIC)
    hidden = await shelf.world.collection(Visibility.PRIVATE)
    viewer, given = await shelf.who("owner"), {"id": id_of(shelf.document)}
    costs = set()
    for place, kind in (
        (id_of(readable), "PermissionDenied"),
        (id_of(hidden), "NotFound"),
        ("999999", "NotFound"),
        ("x", "NotFound"),
    ):
        told = await denied(service, shelf, viewer, "updateDocument", **given, collectionId=place)
        assert (told[0], told[2]) == (kind, "collectionId")
        if kind == "NotFound":
            costs.add(len(service.statements))
    assert len(costs) == 1


async def test_a_document_is_brought_to_a_place_in_the_other_collection(service: Service, shelf: Shelf) -> None:
    there = await another(shelf)
    first = await shelf.world.document(there, title="First")
    await shelf.world.document(there, title="Last")
    given = {"id": id_of(shelf.document), "collectionId": id_of(there), "afterId": id_of(first)}
    await changed(service, await shelf.who("manager"), "updateDocument", WHOLE, **given)
    assert await order_of(shelf, there) == ["First", "Kiritsubo", "Last"]


async def test_a_documents_shares_go_with_it_and_sleep_in_a_private_collection(service: Service, shelf: Shelf) -> None:
    stranger, private = shelf.people["stranger"], await another(shelf, Visibility.PRIVATE)
    await shelf.world.share(shelf.document, stranger)
    query, viewer = "query($id: ID!) { document(id: $id) { title } }", await shelf.viewer(stranger)
    one = {"id": id_of(shelf.document)}
    assert (await read(service, viewer, query, **one))["document"] is not None

    await changed(service, await shelf.who("owner"), "updateDocument", WHOLE, **one, collectionId=id_of(private))
    assert (await read(service, viewer, query, **one))["document"] is None
    whom = ObjectShare.shared_with_type == Recipient.USER, ObjectShare.shared_with_id == stranger.id
    assert len(await shelf.all(select(ObjectShare.id).where(*whom))) == 1
    await changed(
        service, await shelf.who("owner"), "updateDocument", WHOLE, **one, collectionId=id_of(shelf.collection)
    )
    assert (await read(service, viewer, query, **one))["document"] is not None


async def test_of_one_source_a_collection_has_one_document(service: Service, shelf: Shelf) -> None:
    there = await another(shelf)
    await shelf.world.document(there, source_id="tale")
    (mine,) = await documents(shelf, "Mine", source_id="tale")
    given = {"id": id_of(mine), "collectionId": id_of(there)}
    told = await denied(service, shelf, await shelf.who("owner"), "updateDocument", **given)
    assert told == ("ValidationError", "TAKEN", "collectionId")


async def test_documents_go_to_and_fro_at_once_and_nobody_waits_for_ever(service: Service, shelf: Shelf) -> None:
    there, rows = await another(shelf), await documents(shelf, *"ABCD")
    viewer = await shelf.who("owner")

    async def go(row: Document, collection: DocumentCollection) -> None:
        query = "mutation($input: UpdateDocumentInput!) { updateDocument(input: $input) { errors { __typename } } }"
        given = {"id": id_of(row), "collectionId": id_of(collection)}
        told = (await service.ask(query, {"input": given}, viewer=viewer))["updateDocument"]["errors"]
        assert {error["__typename"] for error in told} <= {"Conflict"}

    await asyncio.gather(*(go(row, place) for row in rows for place in (there, shelf.collection, there)))
    assert len(await order_of(shelf)) + len(await order_of(shelf, there)) == 5


async def test_a_hidden_document_costs_what_a_missing_one_costs(service: Service, shelf: Shelf) -> None:
    hidden = await shelf.world.document(await shelf.world.collection(Visibility.PRIVATE))
    viewer, place = await shelf.who("owner"), id_of(shelf.document)
    for rest in ({"title": "x"}, {"beforeId": place}, {"collectionId": id_of(shelf.collection)}):
        told, costs = [], set()
        for one in (id_of(hidden), "999999", "x"):
            told.append(await refused(service, shelf, viewer, "updateDocument", id=one, **rest))
            costs.add(len(service.statements))
        assert told[0] == told[1] == told[2]
        assert len(costs) == 1
