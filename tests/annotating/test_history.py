"""What a note was before, who may know it, and how it comes back."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS
from tests.annotating.room import DELETE, FLAG, REPLY, RESTORE, REVERT, TAG, TEXT, UPDATE, UPVOTE, Room, id_of
from tests.annotating.test_carrying import rewritten, selected

HISTORY = """
query ($id: ID!) {
  annotation(id: $id) {
    version
    history { totalCount nodes { version status body modified modifiedBy { username } } }
  }
}
"""
DIFFERENCE = """
query ($id: ID!, $from: Int!, $to: Int!) {
  annotationDifference(id: $id, from: $from, to: $to) { pointer before after }
}
"""


async def test_every_version_is_kept_with_who_and_when(room: Room) -> None:
    note = await room.note()
    second = await room.made(UPDATE, room.student, id=note["id"], text="Second.")
    await room.made(UPDATE, room.student, id=note["id"], text="Third.", private=True)

    asked = (await room.service.ask(HISTORY, {"id": note["id"]}, viewer=room.viewer(room.student)))["annotation"]
    assert asked["version"] == 3
    versions = [(one["version"], one["body"]["value"], one["modified"]) for one in asked["history"]["nodes"]]
    assert versions == [
        (2, "Second.", second["modified"]),
        (1, "Which reign, indeed?", note["modified"]),
    ]
    assert {one["modifiedBy"]["username"] for one in asked["history"]["nodes"]} == {"sei"}


async def test_what_changed_nothing_is_no_version(room: Room) -> None:
    note = await room.note()
    again = await room.made(UPDATE, room.student, id=note["id"], text="Which reign, indeed?")
    assert again["version"] == 1


async def test_earlier_versions_are_told_to_its_owner_and_those_who_moderate(room: Room) -> None:
    note = await room.note()
    await room.made(UPDATE, room.student, id=note["id"], text="Second.")
    counts = {}
    for who in ("student", "owner", "mate", "stranger"):
        viewer = room.viewer(getattr(room, who))
        asked = await room.service.ask(HISTORY, {"id": note["id"]}, viewer=viewer)
        counts[who] = asked["annotation"]["history"]["totalCount"]
    asked = await room.service.ask(HISTORY, {"id": note["id"]})
    assert asked["annotation"]["history"]["totalCount"] == 0
    assert counts == {"student": 1, "owner": 1, "mate": 0, "stranger": 0}


async def test_two_versions_are_compared(room: Room) -> None:
    note = await room.note()
    await room.made(UPDATE, room.student, id=note["id"], text="Second.")
    given = {"id": note["id"], "from": 1, "to": 2}
    asked = await room.service.ask(DIFFERENCE, given, viewer=room.viewer(room.student))
    assert asked["annotationDifference"] == [
        {"pointer": "/body/value", "before": "Which reign, indeed?", "after": "Second."}
    ]
    asked = await room.service.ask(DIFFERENCE, given, viewer=room.viewer(room.stranger))
    assert asked["annotationDifference"] is None
    asked = await room.service.ask(DIFFERENCE, given | {"to": 3}, viewer=room.viewer(room.student))
    assert asked["annotationDifference"] is None


async def test_a_note_is_what_it_was_again_and_that_is_a_version_too(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await room.made(UPDATE, room.student, id=note["id"], text="Second.", selector={"exact": "In which reign"})
    back = await room.made(REVERT, room.student, id=note["id"], version=1)
    assert (back["body"], back["target"]) == (note["body"], note["target"])
    assert back["version"] == 3
    assert (await room.refused(REVERT, room.student, id=note["id"], version=7))["code"] == "NOT_FOUND"
    assert (await room.refused(REVERT, room.mate, id=note["id"], version=1))["code"] == "FORBIDDEN"


async def test_an_earlier_version_stands_where_its_words_are_now(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await room.made(UPDATE, room.student, id=note["id"], selector={"exact": "In which reign"})
    await rewritten(room, "Long ago: " + TEXT)

    back = await room.made(REVERT, room.student, id=note["id"], version=1)
    (target,) = back["target"]
    assert selected("Long ago: " + TEXT, target) == "many ladies"
    assert target["genji:anchoring"]["method"] == "found"
    assert back["isOrphan"] is False


async def test_an_earlier_version_whose_words_have_gone_is_an_orphan(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await room.made(UPDATE, room.student, id=note["id"], selector={"exact": "In which reign"})
    # The words are there, and not those that were meant.
    await rewritten(room, "In which reign was it? There have always been many ladies.")

    back = await room.made(REVERT, room.student, id=note["id"], version=1)
    (target,) = back["target"]
    assert target["genji:anchoring"]["method"] == "orphan"
    assert target["selector"] == note["target"][0]["selector"]
    assert back["isOrphan"] is True


async def test_an_orphan_that_is_given_another_passage_is_none_any_more(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await rewritten(room, "In which reign was it?")
    changed = await room.made(UPDATE, room.student, id=note["id"], selector={"exact": "In which reign"})
    assert changed["isOrphan"] is False


async def test_a_deleted_note_is_out_of_sight_and_comes_back_with_all_that_answers_it(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="Yes.")
    await room.made(TAG, room.mate, annotationId=note["id"], tag="rank")
    await room.made(UPVOTE, room.mate, annotationId=note["id"])
    flag = await room.made(FLAG, room.mate, annotationId=note["id"])
    before = await room.seen(note["id"], room.teacher)
    assert before is not None

    gone = await room.made(DELETE, room.student, id=note["id"])
    assert gone["status"] == "DELETED"
    assert gone["deletedAt"] is not None
    assert await room.seen(note["id"], room.mate) is None
    assert await room.seen(reply["id"], room.mate) is None

    back = await room.made(RESTORE, room.student, id=note["id"])
    assert (back["status"], back["deletedAt"]) == ("ACTIVE", None)
    after = await room.seen(note["id"], room.teacher)
    assert after is not None
    ignored = ("version", "modified", "modifiedBy")
    assert {name: value for name, value in after.items() if name not in ignored} == {
        name: value for name, value in before.items() if name not in ignored
    }
    assert await room.seen(reply["id"], room.mate) is not None
    assert await room.seen(flag["id"], room.teacher) is not None


async def test_a_private_note_comes_back_private(room: Room) -> None:
    note = await room.note(private=True)
    await room.made(DELETE, room.student, id=note["id"])
    assert (await room.made(RESTORE, room.student, id=note["id"]))["status"] == "PRIVATE"


@pytest.mark.parametrize(("who", "code"), [("mate", "FORBIDDEN"), ("stranger", "NOT_FOUND")])
async def test_others_delete_nothing(room: Room, who: str, code: str) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    assert (await room.refused(DELETE, getattr(room, who), id=note["id"]))["code"] == code
    assert (await room.refused(DELETE, ANONYMOUS, id=note["id"]))["code"] == "FORBIDDEN"


async def test_a_teacher_deletes_and_restores_what_the_class_writes(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    await room.made(DELETE, room.teacher, id=note["id"])
    assert (await room.refused(RESTORE, room.mate, id=note["id"]))["code"] == "NOT_FOUND"
    await room.made(RESTORE, room.teacher, id=note["id"])


async def test_what_was_deleted_a_month_ago_does_not_come_back(room: Room) -> None:
    note = await room.note()
    await room.made(DELETE, room.student, id=note["id"])
    await room.world.run(update(models.Annotation).values(deleted_at=func.now() - timedelta(days=31)))
    assert (await room.refused(RESTORE, room.student, id=note["id"]))["code"] == "TOO_LATE"


async def test_a_deleted_note_is_not_changed(room: Room) -> None:
    note = await room.note()
    await room.made(DELETE, room.student, id=note["id"])
    assert (await room.refused(UPDATE, room.student, id=note["id"], text="?"))["code"] == "DELETED"


async def test_to_delete_and_restore_twice_is_to_do_it_once(room: Room) -> None:
    note = await room.note()
    first = await room.made(DELETE, room.student, id=note["id"])
    assert await room.made(DELETE, room.student, id=note["id"]) == first
    back = await room.made(RESTORE, room.student, id=note["id"])
    assert await room.made(RESTORE, room.student, id=note["id"]) == back


async def test_what_others_write_is_kept_as_well(room: Room) -> None:
    note = await room.note()
    await room.world.run(update(models.Annotation).values(body={"type": "TextualBody", "value": "By hand."}))
    asked = await room.service.ask(HISTORY, {"id": note["id"]}, viewer=room.viewer(room.student))
    (version,) = asked["annotation"]["history"]["nodes"]
    assert version["body"]["value"] == "Which reign, indeed?"
