"""What is told to whom: of notes that are written, changed, hidden and deleted."""

from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.engine import URL

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.live.position import Position, cursor_of
from genji_graphql.vocabulary import AnnotationStatus, Visibility
from tests.annotating.room import DELETE, DISMISS, FLAG, REPLY, RESTORE, UPDATE, Room, id_of
from tests.conftest import connect
from tests.live.listening import Audience

ADDED = """subscription ($document: ID, $element: ID, $classroom: ID, $collection: ID, $after: String) {
  annotationAdded(document: $document, element: $element, classroom: $classroom, collection: $collection, after: $after)
  { cursor at annotation { id body creator { username } } }
}"""
EVENTS = """subscription ($where: AnnotationEventWhere!, $after: String) {
  annotationEvents(where: $where, after: $after) {
    __typename cursor
    ... on AnnotationCreated { annotation { id } }
    ... on AnnotationUpdated { isCarried annotation { id body } }
    ... on AnnotationDeleted { annotationId }
  }
}"""


def kinds(events: list[Any]) -> list[str]:
    return [event["__typename"].removeprefix("Annotation") for event in events]


async def test_a_new_note_is_told_with_what_was_asked_of_it(room: Room, audience: Audience) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    note = await room.note()
    (event,) = await ear.hears(1)
    assert event["annotation"]["id"] == note["id"]
    assert event["annotation"]["creator"] == {"username": "sei"}
    assert ear.cursors == [event["cursor"]]


async def test_without_a_cursor_only_what_is_new_is_told(room: Room, audience: Audience) -> None:
    await room.note()
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    second = await room.note()
    (event,) = await ear.hears(1)
    assert event["annotation"]["id"] == second["id"]


async def test_what_was_there_already_is_not_told_though_somebody_is_still_writing(
    room: Room, audience: Audience, database: URL
) -> None:
    writing = await connect(database)
    async with writing.transaction():
        await writing.execute("UPDATE app.documents SET title = title")
        await room.note()
        ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
        second = await room.note()
    (event,) = await ear.hears(1)
    assert event["annotation"]["id"] == second["id"]
    await writing.close()


async def test_after_a_cursor_everything_is_told_that_happened_since_and_then_what_happens(
    room: Room, audience: Audience
) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    notes = [await room.note() for _ in range(4)]
    await ear.hears(4)
    again = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=ear.cursors[1])
    notes.append(await room.note())
    events = await again.hears(3)
    assert [event["annotation"]["id"] for event in events] == [note["id"] for note in notes[2:]]


@pytest.mark.parametrize("place", ["element", "document", "collection"])
async def test_places_are_told_of_what_is_in_them_and_of_nothing_else(
    room: Room, audience: Audience, place: str
) -> None:
    other = await room.world.element(await room.world.document(await room.world.collection()))
    here: dict[str, Any] = {place: id_of(getattr(room, place))}
    ear = await audience.listen(ADDED, ANONYMOUS, **here)
    await room.note(elementId=id_of(other))
    note = await room.note()
    (event,) = await ear.hears(1)
    assert event["annotation"]["id"] == note["id"]


async def test_what_a_classroom_writes_is_told_to_its_members(room: Room, audience: Audience) -> None:
    ears = [
        await audience.listen(ADDED, room.viewer(person), document=id_of(room.document))
        for person in (room.mate, room.teacher, room.stranger, room.owner)
    ]
    ears.append(await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document)))
    await room.note(classroomId=id_of(room.classroom))
    for_all = await room.note()
    for ear in ears:
        await ear.until(lambda ear: any(for_all["id"] in body.decode() for body in ear.bodies))
    assert [len(ear.told) for ear in ears] == [2, 2, 1, 1, 1]


async def test_a_private_note_is_told_to_nobody_but_its_owner(room: Room, audience: Audience) -> None:
    owner, mate = [
        await audience.listen(ADDED, room.viewer(person), document=id_of(room.document))
        for person in (room.student, room.mate)
    ]
    await room.note(private=True)
    await room.note()
    assert len(await owner.hears(2)) == 2
    assert len(await mate.hears(1)) == 1


async def test_changes_are_told_and_what_leaves_and_comes_back_into_sight(room: Room, audience: Audience) -> None:
    ear = await audience.listen(EVENTS, room.viewer(room.mate), where={"document": id_of(room.document)})
    note = await room.note()
    expected = ["Created"]
    for query, given, kind in (
        (UPDATE, {"text": "Whose reign?"}, "Updated"),
        (UPDATE, {"private": True}, "Deleted"),
        (UPDATE, {"text": "To myself."}, None),
        (UPDATE, {"private": False}, "Created"),
        (DELETE, {}, "Deleted"),
        (RESTORE, {}, "Created"),
    ):
        # Each is told before the next: what somebody sees is asked when it is told.
        assert kinds(await ear.hears(len(expected))) == expected
        await room.made(query, room.student, id=note["id"], **given)
        if kind is None:
            # That nothing is told of it is sure once something later is.
            await room.note()
        expected.append(kind or "Created")
    assert kinds(await ear.hears(len(expected))) == expected


async def test_a_deletion_is_told_to_those_who_saw_what_was_deleted_and_to_no_one_else(
    room: Room, audience: Audience
) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    mate, stranger = [
        await audience.listen(EVENTS, room.viewer(person), where={"document": id_of(room.document)})
        for person in (room.mate, room.stranger)
    ]
    await room.made(DELETE, room.student, id=note["id"])
    await room.note()
    assert kinds(await mate.hears(2)) == ["Deleted", "Created"]
    assert kinds(await stranger.hears(1)) == ["Created"]
    assert note["id"] not in b"".join(stranger.bodies).decode()


async def test_a_private_note_that_is_deleted_announces_nothing(room: Room, audience: Audience) -> None:
    note = await room.note(private=True)
    ear = await audience.listen(EVENTS, room.viewer(room.mate), where={"document": id_of(room.document)})
    await room.made(DELETE, room.student, id=note["id"])
    await room.note()
    assert kinds(await ear.hears(1)) == ["Created"]


async def test_what_is_written_past_the_server_is_told_as_well(room: Room, audience: Audience) -> None:
    note = await room.note()
    ear = await audience.listen(EVENTS, ANONYMOUS, where={"element": id_of(room.element)})
    mine = models.Annotation.id == note["databaseId"]
    await room.world.run(update(models.Annotation).where(mine).values(status=AnnotationStatus.HIDDEN))
    assert kinds(await ear.hears(1)) == ["Deleted"]
    await room.world.run(update(models.Annotation).where(mine).values(status=AnnotationStatus.ACTIVE))
    assert kinds(await ear.hears(2))[1:] == ["Created"]
    await room.world.run(delete(models.Annotation).where(mine))
    assert kinds(await ear.hears(3))[2:] == ["Deleted"]


async def test_what_is_not_seen_is_not_found_like_what_is_not_there(room: Room, audience: Audience) -> None:
    secret = await room.world.collection(Visibility.PRIVATE, owner_id=room.owner.id)
    hidden = await room.world.document(secret)
    answers = [
        (await audience.listen(ADDED, room.viewer(room.student), document=one)).refusal
        for one in (id_of(hidden), "99999", "nonsense", id_of(room.element))
    ]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["extensions"]["code"] == "NOT_FOUND"


async def test_somewhere_is_named(audience: Audience) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS)
    assert "Say where" in ear.refusal["message"]


async def test_a_cursor_that_is_none_or_of_another_database_is_refused(room: Room, audience: Audience) -> None:
    for cursor, code in (("nonsense", "BAD_USER_INPUT"), (cursor_of("another", Position(1, 1)), "CURSOR_EXPIRED")):
        ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=cursor)
        assert ear.refusal["extensions"]["code"] == code


RESPONSES = {"in": ["replying", "flagging"]}


async def test_a_reply_that_is_deleted_is_told_to_those_who_saw_it(room: Room, audience: Audience) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    where = {"document": id_of(room.document), "motivation": RESPONSES}
    mate, stranger = [
        await audience.listen(EVENTS, room.viewer(person), where=where) for person in (room.mate, room.stranger)
    ]
    reply = await room.made(REPLY, room.student, annotationId=note["id"], text="Indeed.")
    assert kinds(await mate.hears(1)) == ["Created"]
    await room.made(DELETE, room.student, id=reply["id"])
    assert kinds(await mate.hears(2))[1:] == ["Deleted"]
    assert stranger.told == []


@pytest.mark.parametrize("how", ["by hand", "by the API"])
async def test_a_flag_that_goes_is_told_to_nobody_who_could_not_see_it(
    room: Room, audience: Audience, how: str
) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    flag = await room.made(FLAG, room.student, annotationId=note["id"])
    where = {"document": id_of(room.document), "motivation": RESPONSES}
    mate, teacher = [
        await audience.listen(EVENTS, room.viewer(person), where=where) for person in (room.mate, room.teacher)
    ]
    if how == "by hand":
        await room.world.run(delete(models.Annotation).where(models.Annotation.id == flag["databaseId"]))
    else:
        await room.made(DISMISS, room.teacher, flagId=flag["id"])
    await room.made(REPLY, room.student, annotationId=note["id"], text="Indeed.")
    assert kinds(await teacher.hears(2)) == ["Deleted", "Created"]
    assert kinds(await mate.hears(1)) == ["Created"]
    assert flag["id"] not in b"".join(mate.bodies).decode()
