"""Replies, tags, votes and flags: where they stand, who may give them, and who may take them away."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.vocabulary import AnnotationStatus
from tests.annotating.room import (
    CREATE,
    DISMISS,
    FLAG,
    REMOVE_FLAGGED,
    REMOVE_UPVOTE,
    REPLY,
    RESTORE,
    TAG,
    UNTAG,
    UPVOTE,
    Room,
    id_of,
)

FLAGS = (
    "{ flags { totalCount nodes { id replyTo { id } creator { username } bodies { ... on TextualBody { value } } } } }"
)
REPLIES = "query ($id: ID!) { annotation(id: $id) { replies { totalCount nodes { id } } } }"


async def replies(room: Room, note: str, viewer: models.User) -> list[str]:
    asked = await room.service.ask(REPLIES, {"id": note}, viewer=room.viewer(viewer))
    return [one["id"] for one in asked["annotation"]["replies"]["nodes"]]


async def flags(room: Room, viewer: models.User) -> list[Any]:
    asked = (await room.service.ask(FLAGS, viewer=room.viewer(viewer)))["flags"]
    assert asked["totalCount"] == len(asked["nodes"])
    return list(asked["nodes"])


# Replies


async def test_a_reply_stands_with_what_it_answers(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="The Kiritsubo emperor's.")

    assert reply["motivation"] == "replying"
    assert reply["replyTo"] == {"id": note["id"]}
    assert reply["classroom"] == {"id": id_of(room.classroom)}
    assert (reply["element"], reply["document"]) == (note["element"], note["document"])
    assert reply["target"] == [{"id": 2, "type": "Annotation", "source": f"Annotation/{note['databaseId']}"}]
    assert await replies(room, note["id"], room.student) == [reply["id"]]
    assert await room.seen(reply["id"], room.stranger) is None


async def test_a_reply_can_be_replied_to(room: Room) -> None:
    note = await room.note()
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="Why?")
    again = await room.made(REPLY, room.student, annotationId=reply["id"], text="Because.")
    assert again["replyTo"] == {"id": reply["id"]}


async def test_whoever_is_not_in_the_class_does_not_see_what_they_would_answer(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    hidden = await room.refused(REPLY, room.stranger, annotationId=note["id"], text="?")
    assert hidden == await room.refused(REPLY, room.stranger, annotationId="9999", text="?")
    assert hidden["code"] == "NOT_FOUND"


async def test_a_visitor_does_not_answer(room: Room) -> None:
    note = await room.note()
    for text, given in ((REPLY, {"text": "?"}), (TAG, {"tag": "x"}), (UPVOTE, {}), (FLAG, {})):
        assert (await room.refused(text, ANONYMOUS, annotationId=note["id"], **given))["code"] == "FORBIDDEN"


async def test_what_is_deleted_is_not_answered(room: Room) -> None:
    note = await room.note()
    await room.world.run(update(models.Annotation).values(status=AnnotationStatus.DELETED))
    error = await room.refused(REPLY, room.student, annotationId=note["id"], text="?")
    assert (error["code"], error["field"]) == ("DELETED", "annotationId")


async def test_a_reply_says_something(room: Room) -> None:
    note = await room.note()
    assert (await room.refused(REPLY, room.student, annotationId=note["id"]))["code"] == "REQUIRED"


# Tags


async def test_a_word_tags_a_note_once_a_person(room: Room) -> None:
    note = await room.note()
    await room.made(TAG, room.mate, annotationId=note["id"], tag=" rank ")
    await room.made(TAG, room.mate, annotationId=note["id"], tag="rank")
    tagged = await room.made(TAG, room.student, annotationId=note["id"], tag="court")
    assert tagged["tags"] == ["court", "rank"]
    async with room.site.engine.connect() as connection:
        tags = select(models.Annotation.id).where(models.Annotation.motivation == "tagging")
        assert len((await connection.execute(tags)).all()) == 2


async def test_a_tag_is_removed_by_whoever_gave_it_or_moderates(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    await room.made(TAG, room.mate, annotationId=note["id"], tag="rank")
    assert (await room.refused(UNTAG, room.student, annotationId=note["id"], tag="rank"))["code"] == "FORBIDDEN"
    assert (await room.made(UNTAG, room.mate, annotationId=note["id"], tag="rank"))["tags"] == []
    await room.made(TAG, room.mate, annotationId=note["id"], tag="rank")
    assert (await room.made(UNTAG, room.teacher, annotationId=note["id"], tag="rank"))["tags"] == []
    assert (await room.refused(UNTAG, room.mate, annotationId=note["id"], tag="rank"))["code"] == "NOT_FOUND"


# Votes


async def test_a_person_has_one_vote(room: Room) -> None:
    note = await room.note()
    await room.made(UPVOTE, room.mate, annotationId=note["id"])
    voted = await room.made(UPVOTE, room.mate, annotationId=note["id"])
    assert (voted["upvoteCount"], voted["viewerHasUpvoted"]) == (1, True)
    voted = await room.made(UPVOTE, room.stranger, annotationId=note["id"])
    assert voted["upvoteCount"] == 2
    taken = await room.made(REMOVE_UPVOTE, room.mate, annotationId=note["id"])
    assert (taken["upvoteCount"], taken["viewerHasUpvoted"]) == (1, False)
    again = await room.made(REMOVE_UPVOTE, room.mate, annotationId=note["id"])
    assert again["upvoteCount"] == 1
    assert (await room.made(UPVOTE, room.mate, annotationId=note["id"]))["upvoteCount"] == 2


async def test_two_votes_of_one_person_at_once_are_one(room: Room) -> None:
    note = await room.note()
    asking = [room.made(UPVOTE, room.mate, annotationId=note["id"]) for _ in range(6)]
    await asyncio.gather(*asking)
    found = await room.seen(note["id"], room.mate)
    assert found is not None
    assert found["upvoteCount"] == 1


# Flags


async def test_a_flag_is_seen_by_who_raised_it_and_by_those_who_moderate(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    flag = await room.made(FLAG, room.mate, annotationId=note["id"], reason="Rude.")

    assert await room.seen(flag["id"], room.mate) is not None
    assert await room.seen(flag["id"], room.student) is None
    (listed,) = await flags(room, room.teacher)
    assert listed == {
        "id": flag["id"],
        "replyTo": {"id": note["id"]},
        "creator": {"username": "izumi"},
        "bodies": [{"value": "Rude."}],
    }
    assert await flags(room, room.mate) == []
    assert await flags(room, room.student) == []


async def test_who_flags_again_has_one_flag(room: Room) -> None:
    note = await room.note()
    first = await room.made(FLAG, room.mate, annotationId=note["id"])
    assert (await room.made(FLAG, room.mate, annotationId=note["id"], reason="Still."))["id"] == first["id"]


async def test_a_flag_is_dismissed_by_those_who_moderate(room: Room) -> None:
    note = await room.note()
    flag = await room.made(FLAG, room.mate, annotationId=note["id"])
    assert (await room.refused(DISMISS, room.mate, flagId=flag["id"]))["code"] == "FORBIDDEN"
    assert (await room.refused(DISMISS, room.stranger, flagId=flag["id"]))["code"] == "NOT_FOUND"
    await room.made(DISMISS, room.owner, flagId=flag["id"])
    assert await flags(room, room.owner) == []
    assert await room.seen(note["id"], ANONYMOUS) is not None


async def test_what_was_flagged_is_removed_with_what_answers_it(room: Room) -> None:
    note = await room.note()
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="Indeed!")
    flag = await room.made(FLAG, room.stranger, annotationId=note["id"])
    assert (await room.refused(REMOVE_FLAGGED, room.stranger, flagId=flag["id"]))["code"] == "FORBIDDEN"
    removed = await room.made(REMOVE_FLAGGED, room.owner, flagId=flag["id"])
    assert removed["status"] == "DELETED"
    for who in (room.mate, room.stranger):
        assert await room.seen(note["id"], who) is None
        assert await room.seen(reply["id"], who) is None
    assert await flags(room, room.owner) == []


async def test_what_is_no_flag_is_not_dismissed(room: Room) -> None:
    note = await room.note()
    assert (await room.refused(DISMISS, room.owner, flagId=note["id"]))["code"] == "NOT_FOUND"


async def test_a_vote_is_not_restored_beside_another(room: Room) -> None:
    note = await room.note()
    for text in (UPVOTE, REMOVE_UPVOTE, UPVOTE):
        await room.made(text, room.mate, annotationId=note["id"])
    votes = select(models.Annotation.id).where(models.Annotation.motivation == "upvoting")
    (first,) = await room.site.all(votes.where(models.Annotation.status == AnnotationStatus.DELETED))

    error = await room.refused(RESTORE, room.mate, id=str(first))
    assert (error["__typename"], error["code"]) == ("ValidationError", "TAKEN")
    await room.made(REMOVE_UPVOTE, room.mate, annotationId=note["id"])
    await room.made(RESTORE, room.mate, id=str(first))
    assert (await room.seen(note["id"], room.mate) or {})["upvoteCount"] == 1


@pytest.mark.parametrize("text", [UPVOTE, TAG, FLAG])
async def test_answering_costs_as_much_for_two_as_for_two_hundred(room: Room, text: str) -> None:
    note = await room.note()
    given = {"annotationId": note["id"]} | ({"tag": "x"} if text is TAG else {})
    costs = []
    for number in (2, 198):
        for _ in range(number):
            await room.world.response(
                models.Annotation(id=note["databaseId"]), {UPVOTE: "upvoting", TAG: "tagging", FLAG: "flagging"}[text]
            )
        asked = text.split(" ERR")[0]
        who = room.mate if number == 2 else room.teacher
        await room.made(asked, who, **given)
        costs.append(len(room.service.statements))
    assert costs[0] == costs[1]


async def test_a_note_of_its_own_answers_nothing(room: Room) -> None:
    error = await room.refused(CREATE, room.student, elementId=id_of(room.element), motivation="upvoting")
    assert error["code"] == "RESPONSE"
