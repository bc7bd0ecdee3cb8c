"""Deleting collections, documents and elements, and bringing them back: who may, what goes with them, what returns."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Annotation, Document, DocumentCollection, DocumentElement
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Visibility
from tests.service import Service
from tests.writing.asking import WHO, Shelf, asked, changed, denied, expected_of, id_of, read, refused

WHOLE = """query ($collection: ID!, $document: ID!, $element: ID!, $flags: AnnotationWhere) {
  collections { totalCount nodes { id stats { documents elements annotations } } }
  documents { totalCount nodes { id } }
  annotations { totalCount nodes { id tags upvoteCount replies { totalCount nodes { id body } } } }
  flags: annotations(where: $flags) { totalCount nodes { id } }
  collection(id: $collection) {
    id title modified documents { totalCount nodes { id } } annotations { totalCount nodes { id } }
    shares { totalCount }
  }
  document(id: $document) {
    id title modified shares { totalCount }
    elements { totalCount nodes { id text } } annotations { totalCount nodes { id } }
  }
  element(id: $element) {
    id text modified revisions { totalCount } annotationCounts { motivation count }
    annotations { totalCount nodes { id body target creator { username } history { totalCount } } }
  }
}"""
FLAGS = {"motivation": {"eq": "flagging"}}


@dataclass(frozen=True)
class Kind:
    """One kind of thing that can be deleted."""

    row: Any
    delete: str
    restore: str
    level: AccessLevel
    is_list: bool = False

    @property
    def field(self) -> str:
        return "ids.0" if self.is_list else "id"

    def given(self, **besides: Any) -> dict[str, Any]:
        force = {"force": True} if self.delete == "deleteElement" else {}
        return ({"ids": [id_of(self.row)]} if self.is_list else {"id": id_of(self.row)}) | force | besides

    def back(self) -> dict[str, Any]:
        return {"ids": [id_of(self.row)]} if self.is_list else {"id": id_of(self.row)}


KINDS = ["collection", "document", "element"]


def kind_of(shelf: Shelf, name: str) -> Kind:
    match name:
        case "collection":
            return Kind(shelf.collection, "deleteCollection", "restoreCollection", AccessLevel.MANAGE)
        case "document":
            return Kind(shelf.document, "deleteDocuments", "restoreDocuments", AccessLevel.MANAGE, is_list=True)
        case _:
            return Kind(shelf.elements[0], "deleteElement", "restoreElement", AccessLevel.EDIT)


async def everything(service: Service, shelf: Shelf, who: str = "administrator") -> Any:
    """All that somebody sees, by a plan and by the general executor alike."""
    names = {
        "collection": id_of(shelf.collection),
        "document": id_of(shelf.document),
        "element": id_of(shelf.elements[0]),
    }
    viewer = await shelf.who(who)
    return await read(service, viewer, WHOLE, **names, flags=FLAGS)


async def written_on(shelf: Shelf) -> dict[str, Annotation]:
    """Notes on each, and on the first all that answers a note."""
    world, (element, *_), reader = shelf.world, shelf.elements, shelf.people["reader"].id
    note = await world.note(element, creator_id=reader)
    answers = {
        motivation: await world.response(note, motivation, creator_id=reader)
        for motivation in ("replying", "tagging", "upvoting", "flagging")
    }
    await world.response(answers["replying"], creator_id=reader)
    await world.share(shelf.document, shelf.people["stranger"])
    return {
        "element": note,
        "document": await world.note(shelf.document, creator_id=reader),
        "collection": await world.note(shelf.collection, creator_id=reader),
    }


async def delete(service: Service, shelf: Shelf, name: str, who: str = "administrator") -> None:
    kind = kind_of(shelf, name)
    await changed(service, await shelf.who(who), kind.delete, "__typename", **kind.given())


async def restore(service: Service, shelf: Shelf, name: str, who: str = "administrator") -> None:
    kind = kind_of(shelf, name)
    await changed(service, await shelf.who(who), kind.restore, "__typename", **kind.back())


async def aged(shelf: Shelf, row: Any, days: int) -> None:
    """Let so many days have passed since it was deleted."""
    model = type(row)
    moment = func.now() - timedelta(days=days)
    await shelf.world.run(update(model).where(model.id == row.id).values(deleted_at=moment, modified=model.modified))


# Who may


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", KINDS)
async def test_a_text_is_deleted_and_restored_by_those_who_reach_the_level(
    service: Service, shelf: Shelf, name: str, who: str
) -> None:
    kind, viewer = kind_of(shelf, name), await shelf.who(who)
    error = expected_of(who, level=kind.level)
    place = None if who in {"visitor", "reading token"} else kind.field
    if error is None:
        gone = await changed(
            service, viewer, kind.delete, "deletedIds" if kind.is_list else "deletedId", **kind.given()
        )
        assert gone == ({"deletedIds": [id_of(kind.row)]} if kind.is_list else {"deletedId": id_of(kind.row)})
        back = await changed(service, viewer, kind.restore, answer_of(name), **kind.back())
        assert back == ({"documents": [{"id": id_of(kind.row)}]} if kind.is_list else {name: {"id": id_of(kind.row)}})
    else:
        assert await denied(service, shelf, viewer, kind.delete, **kind.given()) == (*error, place)
        assert await denied(service, shelf, viewer, kind.restore, **kind.back()) == (*error, place)
        await delete(service, shelf, name)
        # What they may not restore isn't there for them, whatever they saw of it before.
        kept_out = error if place is None else ("NotFound", "NOT_FOUND")
        assert await denied(service, shelf, viewer, kind.restore, **kind.back()) == (*kept_out, place)


def answer_of(name: str) -> str:
    return f"{'documents' if name == 'document' else name} {{ id }}"


@pytest.mark.parametrize("name", KINDS)
async def test_what_is_deleted_and_what_is_missing_cost_the_same(service: Service, shelf: Shelf, name: str) -> None:
    kind, viewer = kind_of(shelf, name), await shelf.who("stranger")
    await delete(service, shelf, name)
    costs = []
    for row_id in (id_of(kind.row), "999999"):
        for mutation in (kind.delete, kind.restore):
            given = {"ids": [row_id]} if kind.is_list else {"id": row_id}
            told = await denied(service, shelf, viewer, mutation, **given)
            costs.append((told, len(service.statements)))
    assert costs[:2] == costs[2:]


# What goes, and what returns


@pytest.mark.parametrize("who", [who for who in WHO if who != "reading token"])
@pytest.mark.parametrize("name", KINDS)
async def test_nobody_sees_what_is_deleted_nor_what_hangs_on_it(
    service: Service, shelf: Shelf, name: str, who: str
) -> None:
    notes = await written_on(shelf)
    await delete(service, shelf, name)

    seen = await everything(service, shelf, who)

    gone = KINDS[KINDS.index(name) :]
    assert [seen[one] for one in gone] == [None] * len(gone)
    assert not {id_of(notes[one]) for one in gone} & {note["id"] for note in seen["annotations"]["nodes"]}
    assert id_of(kind_of(shelf, name).row) not in str(seen)


@pytest.mark.parametrize("name", KINDS)
async def test_all_comes_back_as_it_was(service: Service, shelf: Shelf, name: str) -> None:
    notes = await written_on(shelf)
    editor, element = await shelf.who("editor"), shelf.elements[0]
    await changed(service, editor, "updateElement", "__typename", id=id_of(element), text="Another line.")
    before = await everything(service, shelf)
    assert before["element"]["annotations"]["nodes"][0]["id"] == id_of(notes["element"])
    rows = await shelf.contents()

    await delete(service, shelf, name)
    assert await everything(service, shelf) != before
    await restore(service, shelf, name)

    assert await everything(service, shelf) == before
    after = await shelf.contents()
    for table in ("annotations", "documents", "document_collections", "document_elements", "annotation_versions"):
        assert after[table] == rows[table]


async def test_a_note_comes_back_with_its_replies_tags_votes_and_flags(service: Service, shelf: Shelf) -> None:
    note = (await written_on(shelf))["element"]
    before, admin = await everything(service, shelf), await shelf.who("administrator")

    await changed(service, admin, "deleteAnnotation", "__typename", id=id_of(note))
    assert (await everything(service, shelf, "reader"))["annotations"]["totalCount"] == 2
    await changed(service, admin, "restoreAnnotation", "__typename", id=id_of(note))

    after = await everything(service, shelf)
    for nodes in (before["element"]["annotations"]["nodes"], after["element"]["annotations"]["nodes"]):
        nodes[0].pop("history")
    assert after == before


async def test_what_was_deleted_by_itself_stays_so_when_its_parent_returns(service: Service, shelf: Shelf) -> None:
    second = await shelf.world.document(shelf.collection)
    notes = await written_on(shelf)
    admin = await shelf.who("administrator")
    await changed(service, admin, "deleteAnnotation", "__typename", id=id_of(notes["document"]))
    for name in ("element", "document", "collection"):
        await delete(service, shelf, name)

    await restore(service, shelf, "collection")
    seen = await everything(service, shelf)
    assert (seen["document"], seen["element"]) == (None, None)
    assert [one["id"] for one in seen["collection"]["documents"]["nodes"]] == [id_of(second)]
    await restore(service, shelf, "document")
    seen = await everything(service, shelf)
    assert seen["element"] is None
    assert seen["document"]["annotations"]["totalCount"] == 0
    await restore(service, shelf, "element")
    assert (await everything(service, shelf))["element"]["id"] == id_of(shelf.elements[0])


async def test_a_documents_shares_wake_again_with_it(service: Service, shelf: Shelf) -> None:
    guest = await shelf.person()
    await shelf.world.share(shelf.document, guest)
    query = "query ($id: ID!) { document(id: $id) { title } viewer { shares { totalCount } } }"
    viewer, given = await shelf.viewer(guest), {"id": id_of(shelf.document)}
    there = {"document": {"title": "Kiritsubo"}, "viewer": {"shares": {"totalCount": 1}}}
    assert await read(service, viewer, query, **given) == there

    await delete(service, shelf, "collection")
    assert await read(service, viewer, query, **given) == {"document": None, "viewer": {"shares": {"totalCount": 0}}}
    await restore(service, shelf, "collection")
    assert await read(service, viewer, query, **given) == there


async def test_siblings_come_back_to_their_places(service: Service, shelf: Shelf) -> None:
    first, second, third = shelf.elements
    editor = await shelf.who("editor")
    await changed(service, editor, "deleteElement", "deletedId", id=id_of(second))
    beside = {"documentId": id_of(shelf.document), "elements": [{"text": "New."}]}
    told = await denied(service, shelf, editor, "createElements", **beside, afterId=id_of(second))
    assert told == ("NotFound", "NOT_FOUND", "afterId")
    await changed(service, editor, "createElements", "__typename", **beside, afterId=id_of(first))
    await changed(service, editor, "createElements", "__typename", **beside)
    await changed(service, editor, "restoreElement", "__typename", id=id_of(second))

    order = select(DocumentElement.id).order_by(DocumentElement.position, DocumentElement.id)
    numbers = await shelf.all(order)
    assert [number for number in numbers if number <= third.id] == [first.id, second.id, third.id]
    assert len(numbers) == 5


# Twice, too late, out of order


@pytest.mark.parametrize("name", KINDS)
async def test_what_is_deleted_is_not_there_to_be_deleted_again(service: Service, shelf: Shelf, name: str) -> None:
    kind = kind_of(shelf, name)
    await delete(service, shelf, name)
    admin = await shelf.who("administrator")
    assert await denied(service, shelf, admin, kind.delete, **kind.given()) == ("NotFound", "NOT_FOUND", kind.field)


@pytest.mark.parametrize("name", KINDS)
async def test_to_restore_what_is_there_changes_nothing(service: Service, shelf: Shelf, name: str) -> None:
    before = await shelf.contents()
    await restore(service, shelf, name)
    after = await shelf.contents()
    assert {table: rows for table, rows in after.items() if table != "sessions"} == {
        table: rows for table, rows in before.items() if table != "sessions"
    }


@pytest.mark.parametrize("name", KINDS)
async def test_a_text_can_be_restored_for_thirty_days(service: Service, shelf: Shelf, name: str) -> None:
    kind, admin = kind_of(shelf, name), await shelf.who("administrator")
    await delete(service, shelf, name)
    await aged(shelf, kind.row, days=31)
    told = await denied(service, shelf, admin, kind.restore, **kind.back())
    assert told == ("ValidationError", "TOO_LATE", kind.field)
    await aged(shelf, kind.row, days=29)
    await restore(service, shelf, name)
    assert (await everything(service, shelf))[name]["id"] == id_of(kind.row)


@pytest.mark.parametrize(
    ("name", "above", "told"),
    [
        ("document", "collection", "Its collection is deleted; restore that first."),
        ("element", "collection", "Its collection is deleted; restore that first."),
        ("element", "document", "Its document is deleted; restore that first."),
    ],
)
async def test_a_parent_is_restored_first_by_those_who_may(
    service: Service, shelf: Shelf, name: str, above: str, told: str
) -> None:
    kind = kind_of(shelf, name)
    await delete(service, shelf, name)
    await delete(service, shelf, above)

    (error,) = await refused(service, shelf, await shelf.who("manager"), kind.restore, **kind.back())
    assert (error["code"], error["field"], error["message"]) == ("PARENT_DELETED", kind.field, told)
    # To whoever may not bring that back, it isn't there.
    editor = await shelf.who("editor")
    assert await denied(service, shelf, editor, kind.restore, **kind.back()) == ("NotFound", "NOT_FOUND", kind.field)


@pytest.mark.parametrize("name", ["collection", "element"])
async def test_what_somebody_changed_in_the_meantime_is_not_deleted(service: Service, shelf: Shelf, name: str) -> None:
    kind, admin = kind_of(shelf, name), await shelf.who("administrator")
    stale = {"expectedModified": "2026-01-01T00:00:00Z"}
    (error,) = await refused(service, shelf, admin, kind.delete, **kind.given(**stale))
    assert (error["__typename"], error["field"]) == ("Conflict", "expectedModified")
    assert error["current"] == {"id": id_of(kind.row)}


# Many documents


async def test_documents_go_and_return_all_or_none(service: Service, shelf: Shelf) -> None:
    second = await shelf.world.document(shelf.collection)
    foreign = await shelf.world.document(await shelf.world.collection(Visibility.PRIVATE))
    seen = await shelf.world.document(await shelf.world.collection())
    manager, ids = await shelf.who("manager"), [id_of(one) for one in (shelf.document, foreign, second, seen)]

    for name in ("deleteDocuments", "restoreDocuments"):
        errors = await refused(service, shelf, manager, name, ids=[*ids, "x"])
        assert [(one["__typename"], one["field"]) for one in errors] == [
            ("NotFound", "ids.1"),
            ("PermissionDenied", "ids.3"),
            ("NotFound", "ids.4"),
        ]
        errors = await refused(service, shelf, manager, name, ids=[*ids, ids[0], ids[0]])
        assert [(one["code"], one["field"]) for one in errors] == [("TWICE", "ids.4"), ("TWICE", "ids.5")]
        assert await denied(service, shelf, manager, name, ids=[]) == ("ValidationError", "REQUIRED", "ids")
        many = [str(number) for number in range(1, 1002)]
        assert await denied(service, shelf, manager, name, ids=many) == ("ValidationError", "TOO_MANY", "ids")

    gone = await changed(service, manager, "deleteDocuments", "deletedIds", ids=[ids[2], ids[0]])
    assert gone == {"deletedIds": [ids[2], ids[0]]}
    assert (await everything(service, shelf))["collection"]["documents"]["totalCount"] == 0
    back = await changed(service, manager, "restoreDocuments", "documents { id }", ids=[ids[2], ids[0]])
    assert back == {"documents": [{"id": ids[2]}, {"id": ids[0]}]}


async def test_two_documents_cost_the_statements_of_two_hundred(service: Service, shelf: Shelf) -> None:
    manager, costs = await shelf.who("manager"), []
    rows = [shelf.document, *[await shelf.world.document(shelf.collection) for _ in range(199)]]
    for some in (rows[:2], rows):
        ids = [id_of(row) for row in some]
        await changed(service, manager, "deleteDocuments", "deletedIds", ids=ids)
        costs.append(len(service.statements))
        await changed(service, manager, "restoreDocuments", "documents { id }", ids=ids)
        costs.append(len(service.statements))
    assert costs[:2] == costs[2:]


# Elements that carry annotations


async def test_an_element_with_annotations_goes_only_by_force(service: Service, shelf: Shelf) -> None:
    element, editor = shelf.elements[0], await shelf.who("editor")
    for _ in range(2):
        await shelf.world.note(element)
    (error,) = await refused(service, shelf, editor, "deleteElement", id=id_of(element))
    assert (error["code"], error["field"]) == ("ANNOTATED", "force")
    assert error["message"] == "It carries 2 annotations; with `force` it is deleted with them."
    assert await denied(service, shelf, editor, "deleteElement", id=id_of(element), force=False)
    await changed(service, editor, "deleteElement", "deletedId", id=id_of(element), force=True)
    assert (await everything(service, shelf))["annotations"]["totalCount"] == 0


async def test_the_refusal_counts_nothing_that_is_hidden(service: Service, shelf: Shelf) -> None:
    first, second, _ = shelf.elements
    editor, hidden = await shelf.who("editor"), {"creator_id": shelf.people["reader"].id}
    for status in (AnnotationStatus.PRIVATE, AnnotationStatus.HIDDEN, AnnotationStatus.DELETED):
        await shelf.world.note(first, status=status, **hidden)
        await shelf.world.note(second, status=status, **hidden)
    await shelf.world.note(first)
    (error,) = await refused(service, shelf, editor, "deleteElement", id=id_of(first))
    assert error["message"].startswith("It carries 1 annotation;")
    await changed(service, editor, "deleteElement", "deletedId", id=id_of(second))


async def link(service: Service, viewer: Viewer, *elements: DocumentElement) -> str:
    made = await changed(
        service, viewer, "createLink", "annotation { id }", targets=[{"elementId": id_of(one)} for one in elements]
    )
    return str(made["annotation"]["id"])


LINKS = "query ($id: ID!) { element(id: $id) { annotations { nodes { id } } } }"


async def links_on(service: Service, viewer: Viewer, element: DocumentElement) -> list[str]:
    found = await read(service, viewer, LINKS, id=id_of(element))
    return [one["id"] for one in found["element"]["annotations"]["nodes"]]


async def test_links_keep_what_else_they_lead_to(service: Service, shelf: Shelf) -> None:
    first, second, third = shelf.elements
    reader, editor = await shelf.who("reader"), await shelf.who("editor")
    made, pointing = await link(service, reader, first, second, third), await link(service, reader, second, first)

    await changed(service, editor, "deleteElement", "deletedId", id=id_of(first), force=True)
    assert await links_on(service, reader, second) == [made, pointing]
    await changed(service, editor, "deleteElement", "deletedId", id=id_of(second), force=True)
    assert await links_on(service, reader, third) == [made]

    await changed(service, editor, "restoreElement", "element { id }", id=id_of(first))
    assert await links_on(service, reader, first) == [made, pointing]
    await changed(service, editor, "restoreElement", "element { id }", id=id_of(second))
    assert await links_on(service, reader, first) == [made]
    assert await links_on(service, reader, second) == [pointing]


async def test_a_link_does_not_leave_the_document_that_it_was_seen_in(service: Service, shelf: Shelf) -> None:
    """Elsewhere others would see it, with what it quotes."""
    public = await shelf.world.element(await shelf.world.document(await shelf.world.collection()))
    reader, first = await shelf.who("reader"), shelf.elements[0]
    made = await link(service, reader, first, public)
    await delete(service, shelf, "element")
    assert await links_on(service, reader, public) == []
    await restore(service, shelf, "element")
    assert await links_on(service, reader, first) == [made]


# What can be restored

DELETIONS = "{ deletions { id databaseId kind title deletedAt purgedAfter } }"


async def restorable(service: Service, shelf: Shelf, who: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await service.ask(DELETIONS, viewer=await shelf.who(who)))["deletions"]
    return found


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", KINDS)
async def test_those_who_may_restore_it_find_what_was_deleted(
    service: Service, shelf: Shelf, name: str, who: str
) -> None:
    kind = kind_of(shelf, name)
    await delete(service, shelf, name)
    found = await restorable(service, shelf, who)
    if expected_of(who, level=kind.level) is None:
        (one,) = found
        deleted_at, purged_after = (datetime.fromisoformat(one.pop(field)) for field in ("deletedAt", "purgedAfter"))
        title = {"collection": "Genji", "document": "Kiritsubo", "element": "Line 1."}[name]
        assert one == {"id": id_of(kind.row), "databaseId": kind.row.id, "kind": name.upper(), "title": title}
        assert purged_after - deleted_at == timedelta(days=30)
    else:
        assert found == []


async def test_what_can_be_restored_is_told_from_the_top_down_and_the_last_first(
    service: Service, shelf: Shelf
) -> None:
    second = await shelf.world.document(shelf.collection, title="Hahakigi")
    for row, days in ((shelf.elements[0], 3), (shelf.elements[1], 31), (second, 2)):
        await aged(shelf, row, days)
    assert [one["title"] for one in await restorable(service, shelf, "owner")] == ["Hahakigi", "Line 1."]
    assert [one["title"] for one in await restorable(service, shelf, "editor")] == ["Line 1."]
    await delete(service, shelf, "document")
    assert [one["title"] for one in await restorable(service, shelf, "owner")] == ["Kiritsubo", "Hahakigi"]
    await delete(service, shelf, "collection")
    assert [one["title"] for one in await restorable(service, shelf, "owner")] == ["Genji"]


async def test_a_hundred_are_told_at_most(service: Service, shelf: Shelf) -> None:
    for row in await shelf.world.elements(shelf.document, 101):
        await aged(shelf, row, 1)
    assert len(await restorable(service, shelf, "owner")) == 100
    assert len(service.statements) == 1


# At once


@pytest.mark.parametrize(
    ("held", "name", "field"),
    [
        ("element", "createAnnotation", "elementId"),
        ("element", "updateElement", "id"),
        ("document", "createElements", "documentId"),
        ("collection", "createDocument", "collectionId"),
        ("collection", "shareObject", "objectId"),
    ],
)
async def test_whoever_waited_for_the_deletion_finds_nothing(
    service: Service, shelf: Shelf, held: str, name: str, field: str
) -> None:
    row, owner = kind_of(shelf, held).row, await shelf.who("owner")
    model = type(row)
    given: dict[str, dict[str, Any]] = {
        "createAnnotation": {"text": "A note."},
        "updateElement": {"text": "Another line."},
        "createElements": {"elements": [{"text": "New."}]},
        "createDocument": {"title": "New"},
        "shareObject": {"username": "stranger", "accessLevel": "VIEW"},
    }
    async with shelf.sessions.begin() as session:
        await session.execute(select(model.id).where(model.id == row.id).with_for_update())
        waiting = asyncio.create_task(asked(service, owner, name, "__typename", **given[name] | {field: id_of(row)}))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await session.execute(update(model).where(model.id == row.id).values(deleted_at=func.now()))

    before = await shelf.contents()
    (error,) = (await waiting)["errors"]
    assert (error["__typename"], error["field"]) == ("NotFound", field)
    assert await shelf.contents() == before


async def test_a_note_that_is_being_written_counts_before_its_element_goes(service: Service, shelf: Shelf) -> None:
    editor, element = await shelf.who("editor"), shelf.elements[0]
    async with shelf.sessions.begin() as session:
        session.add(Annotation(document_element_id=element.id, motivation="commenting"))
        await session.flush()
        waiting = asyncio.create_task(asked(service, editor, "deleteElement", "deletedId", id=id_of(element)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
    (error,) = (await waiting)["errors"]
    assert error["code"] == "ANNOTATED"


async def test_deleting_and_restoring_at_once_leaves_all_or_nothing(service: Service, shelf: Shelf) -> None:
    await written_on(shelf)
    before, owner = await everything(service, shelf), await shelf.who("owner")

    async def ask(name: str, what: str) -> None:
        kind = kind_of(shelf, name)
        payload = await asked(
            service, owner, getattr(kind, what), "__typename", **kind.given() if what == "delete" else kind.back()
        )
        assert {error["code"] for error in payload["errors"]} <= {"NOT_FOUND", "PARENT_DELETED"}

    await asyncio.gather(*(ask(name, what) for _ in range(4) for name in KINDS for what in ("delete", "restore")))
    for name in KINDS:
        await restore(service, shelf, name)
    assert await everything(service, shelf) == before
    for model in (DocumentCollection, Document, DocumentElement):
        assert await shelf.all(select(model.id).where(model.deleted_at.is_not(None))) == []
