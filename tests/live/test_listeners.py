"""Those who listen: the slow, those who lose what they had, those who ask the same, and those who are somebody else."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.engine import URL

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.identity.accounts import start_session
from genji_graphql.live import hub
from genji_graphql.live.people import Person
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject, Visibility
from tests.annotating.room import FLAG, REPLY, TAG, UPVOTE, Room, id_of
from tests.live.listening import PATIENCE, Audience, Ear, at_work, settled
from tests.live.test_telling import ADDED, EVENTS, kinds
from tests.service import Service


def ids(events: list[Any]) -> list[str]:
    return [event["annotation"]["id"] for event in events]


# The slow


async def test_who_is_slow_hears_everything_in_order_and_keeps_nobody_waiting(room: Room, audience: Audience) -> None:
    quick = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    slow = await audience.listen(ADDED, ANONYMOUS, ear=Ear(room=3), document=id_of(room.document))
    notes = [(await room.note())["id"] for _ in range(12)]
    assert ids(await quick.hears(12)) == notes
    assert ids(await slow.hears(3)) == notes[:3]
    slow.make_room(4)
    assert ids(await slow.hears(7)) == notes[:7]
    slow.make_room(100)
    notes.append((await room.note())["id"])
    assert ids(await slow.hears(13)) == notes
    assert len(set(slow.cursors)) == 13


async def test_who_is_too_slow_again_and_again_is_told_so_and_goes_on_from_their_cursor(
    room: Room, audience: Audience
) -> None:
    slow = await audience.listen(ADDED, ANONYMOUS, ear=Ear(room=0), document=id_of(room.document))
    others = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    notes: list[str] = []
    while not slow.is_over:
        assert len(notes) <= 2 * hub.OVERFLOWS + 2
        notes.append((await room.note())["id"])
        await others.hears(len(notes))
        if len(notes) % 2 == 0:
            # They catch up, and are too slow at the next.
            slow.make_room(2)
            await slow.until(lambda ear: len(ear.told) == len(notes) or ear.is_over)
    assert slow.refusal["extensions"]["code"] == "SLOW_CONSUMER"
    again = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=slow.cursors[-1])
    rest = notes[len(slow.told) :]
    assert ids(await again.hears(len(rest))) == rest


# Those who ask the same


async def test_who_asks_the_same_is_told_by_one_reading(room: Room, audience: Audience, database: URL) -> None:
    await settled(database)
    ears = [
        await audience.listen(ADDED, viewer, document=id_of(room.document))
        for viewer in (ANONYMOUS, room.viewer(room.student), room.viewer(room.stranger), ANONYMOUS)
    ]
    await room.note()
    for ear in ears:
        await ear.hears(1)
    assert all(ear.bodies[0] is ears[0].bodies[0] for ear in ears)


OWN = {
    "viewerCan": "viewerCan { edit delete }",
    "viewerHasUpvoted": "viewerHasUpvoted upvoteCount",
    "email": "creator { username email }",
    "replies": "replies { nodes { body } }",
    "tags": "tags",
    "collection": "collection { id } document { id } element { id }",
    "classroom": "classroom { name }",
    "history": "history { totalCount }",
    "modifiedBy": "modifiedBy { username }",
}
"""What differs by who asks, or could."""


@pytest.mark.parametrize("selection", OWN.values(), ids=OWN)
async def test_nobody_gets_another_s_answer(room: Room, audience: Audience, selection: str) -> None:
    told = f"""subscription ($where: AnnotationEventWhere!) {{ annotationEvents(where: $where) {{
        ... on AnnotationUpdated {{ annotation {{ id {selection} }} }} }} }}"""
    asked = f"query ($id: ID!) {{ annotation(id: $id) {{ id {selection} }} }}"
    note = await room.note()
    for query, person, given in (
        (REPLY, room.mate, {"text": "For all."}),
        (TAG, room.mate, {"tag": "rank"}),
        (UPVOTE, room.mate, {}),
        (FLAG, room.stranger, {}),
    ):
        await room.made(query, person, annotationId=note["id"], **given)
    administrator = Viewer(user_id=room.owner.id, is_administrator=True)
    viewers = [ANONYMOUS, administrator, *map(room.viewer, (room.student, room.mate, room.teacher, room.stranger))]
    ears = [await audience.listen(told, viewer, where={"document": id_of(room.document)}) for viewer in viewers]
    await room.world.run(
        update(models.Annotation)
        .where(models.Annotation.id == note["databaseId"])
        .values(body={"type": "TextualBody", "value": "Changed."}, modified_by_id=room.student.id)
    )
    for ear, viewer in zip(ears, viewers, strict=True):
        (event,) = await ear.hears(1)
        expected = await room.service.ask(asked, {"id": note["id"]}, viewer=viewer)
        assert event["annotation"] == expected["annotation"]


# Those who lose what they had


async def signed_in(room: Room, person: models.User) -> tuple[Viewer, str]:
    """Somebody with a session, and its token."""
    async with room.site.sessions.begin() as session:
        issued = await start_session(session, person.id, timedelta(days=1))
    return await room.site.holder_of(issued.token), issued.token


async def test_who_leaves_a_classroom_hears_no_more_of_it(room: Room, audience: Audience) -> None:
    viewer, token = await signed_in(room, room.mate)
    ear = await audience.listen(ADDED, viewer, token=token, document=id_of(room.document))
    await room.note(classroomId=id_of(room.classroom))
    await ear.hears(1)
    await room.world.run(delete(models.group_members).where(models.group_members.c.user_id == room.mate.id))
    await room.note(classroomId=id_of(room.classroom))
    for_all = await room.note()
    assert ids(await ear.hears(2))[1:] == [for_all["id"]]
    assert not ear.is_shut_out


async def leaves(room: Room, person: Person) -> None:
    """Out of every classroom and every share, and so they are asked anew who they are."""
    number = person.viewer.user_id
    await room.world.run(delete(models.group_members).where(models.group_members.c.user_id == number))
    await room.world.run(delete(models.ObjectShare).where(models.ObjectShare.shared_with_id == number))
    live = room.service.app.state.live
    async with live.hub.connections.lent() as lent:
        await live.hub.refresh(lent.driver)


@pytest.mark.parametrize("leaving", [0, 1, 2, 4, 6])
@pytest.mark.parametrize("are_a_class", [True, False])
async def test_who_leaves_while_something_is_told_takes_nobody_with_them(
    room: Room, audience: Audience, monkeypatch: pytest.MonkeyPatch, are_a_class: bool, leaving: int
) -> None:
    readers = [await room.world.person(f"reader{number}") for number in range(6)]
    if are_a_class:
        element, classroom = room.element, await room.world.group(*readers)
    else:
        collection, classroom = await room.world.collection(Visibility.SHARED), None
        element = await room.world.element(await room.world.document(collection))
        for reader in readers:
            await room.world.share(collection, reader)
    ears = []
    for reader in readers:
        viewer, token = await signed_in(room, reader)
        document = global_id("Document", element.document_id)
        ears.append(await audience.listen(ADDED, viewer, token=token, document=document))
    left: list[Person] = []
    rendering = hub.Channel._rendering

    async def meanwhile(self: hub.Channel, tellings: Any, person: Person) -> Any:
        if len(left) < leaving and person not in left:
            left.append(person)
            await leaves(room, person)
        return await rendering(self, tellings, person)

    monkeypatch.setattr(hub.Channel, "_rendering", meanwhile)
    notes: list[str] = []
    for _ in range(2):
        notes.append(id_of(await room.world.note(element, classroom_id=classroom and classroom.id)))
        async with asyncio.timeout(PATIENCE):
            # Who it was that left shows only while it is told.
            while any((ear.person in left) == (len(ear.told) == len(notes)) for ear in ears):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)
    assert len(left) == leaving
    for ear in ears:
        assert ids(await ear.hears(0)) == ([] if ear.person in left else notes)


async def test_who_joins_a_classroom_hears_of_it_from_then_on(room: Room, audience: Audience) -> None:
    viewer, token = await signed_in(room, room.stranger)
    ear = await audience.listen(ADDED, viewer, token=token, document=id_of(room.document))
    await room.note(classroomId=id_of(room.classroom))
    notes = [(await room.note())["id"]]
    await ear.hears(1)
    await room.world.run(models.group_members.insert().values(group_id=room.classroom.id, user_id=room.stranger.id))
    notes.append((await room.note(classroomId=id_of(room.classroom)))["id"])
    assert ids(await ear.hears(2)) == notes


async def test_whose_share_is_revoked_hears_no_more(room: Room, audience: Audience) -> None:
    collection = await room.world.collection(Visibility.SHARED, owner_id=room.owner.id)
    element = await room.world.element(await room.world.document(collection))
    share = await room.world.add(
        models.ObjectShare(
            object_type=SharedObject.COLLECTION,
            object_id=collection.id,
            shared_with_type=Recipient.USER,
            shared_with_id=room.stranger.id,
            access_level=AccessLevel.VIEW,
        )
    )
    reader, owner = [
        await audience.listen(ADDED, room.viewer(person), collection=id_of(collection))
        for person in (room.stranger, room.owner)
    ]
    await room.note(by=room.owner, elementId=id_of(element))
    await reader.hears(1)
    await room.world.run(delete(models.ObjectShare).where(models.ObjectShare.id == share.id))
    await room.note(by=room.owner, elementId=id_of(element))
    await owner.hears(2)
    assert len(reader.told) == 1


@pytest.mark.parametrize("how", ["signed out", "deactivated"])
async def test_who_is_shut_out_is_told_to_go_though_nothing_happens(room: Room, audience: Audience, how: str) -> None:
    viewer, token = await signed_in(room, room.mate)
    ear = await audience.listen(ADDED, viewer, token=token, document=id_of(room.document))
    if how == "signed out":
        await room.world.run(delete(models.UserSession).where(models.UserSession.user_id == room.mate.id))
    else:
        mate = models.User.id == room.mate.id
        await room.world.run(update(models.User).where(mate).values(is_active=False))
    await ear.until(lambda ear: ear.is_shut_out)


# Those who are at another process


async def test_who_goes_on_at_another_process_misses_nothing(room: Room, audience: Audience, settings: Any) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    notes = [(await room.note())["id"] for _ in range(3)]
    await ear.hears(3)
    async with Service(settings) as other, at_work(other.app):
        elsewhere = Audience(other.app)
        again = await elsewhere.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=ear.cursors[0])
        notes.append((await room.note())["id"])
        assert ids(await again.hears(3)) == notes[1:]
        assert again.cursors[:2] == ear.cursors[1:3]
        elsewhere.leave()


# Other things that are told

FLAGS = "subscription { flagRaised { cursor flag { motivation replyTo { id } } } }"
MEMBERS = """subscription ($group: ID!, $after: String) {
  groupMembershipChanged(group: $group, after: $after) { cursor change group { name } user { username } }
}"""


async def test_a_flag_is_told_to_those_who_may_moderate_and_not_to_who_raised_it(
    room: Room, audience: Audience
) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    teacher, mate, administrator = [
        await audience.listen(FLAGS, viewer)
        for viewer in (
            room.viewer(room.teacher),
            room.viewer(room.mate),
            Viewer(user_id=room.stranger.id, is_administrator=True),
        )
    ]
    await room.made(FLAG, room.mate, annotationId=note["id"])
    for ear in (teacher, administrator):
        (event,) = await ear.hears(1)
        assert event["flag"] == {"motivation": "flagging", "replyTo": {"id": note["id"]}}
    assert mate.told == []
    assert (await audience.listen(FLAGS, ANONYMOUS)).refusal["extensions"]["code"] == "NOT_FOUND"


async def test_who_comes_into_a_group_and_leaves_is_told_to_whoever_sees_it(room: Room, audience: Audience) -> None:
    ear = await audience.listen(MEMBERS, room.viewer(room.teacher), group=id_of(room.classroom))
    theirs = models.group_members.c.user_id == room.stranger.id
    await room.world.run(models.group_members.insert().values(group_id=room.classroom.id, user_id=room.stranger.id))
    (joined,) = await ear.hears(1)
    assert (joined["change"], joined["user"]) == ("JOINED", {"username": "stranger"})
    await room.world.run(delete(models.group_members).where(theirs))
    assert (await ear.hears(2))[1]["change"] == "LEFT"
    hidden = await audience.listen(MEMBERS, room.viewer(room.owner), group=id_of(room.classroom))
    assert hidden.refusal["extensions"]["code"] == "NOT_FOUND"


async def test_responses_are_told_where_their_motivation_is_named(room: Room, audience: Audience) -> None:
    note = await room.note()
    where = {"document": id_of(room.document), "motivation": {"in": ["replying", "upvoting"]}}
    ear = await audience.listen(EVENTS, ANONYMOUS, where=where)
    proper = await audience.listen(EVENTS, ANONYMOUS, where={"document": id_of(room.document)})
    await room.made(REPLY, room.mate, annotationId=note["id"], text="Indeed.")
    await room.made(UPVOTE, room.mate, annotationId=note["id"])
    await room.note()
    assert kinds(await ear.hears(2)) == ["Created", "Created"]
    assert kinds(await proper.hears(1)) == ["Created"]


async def test_everything_that_is_told_is_json(room: Room, audience: Audience) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    await room.note(text='Quote " and \u2028 and 𠮟る')
    (event,) = await ear.hears(1)
    assert json.loads(json.dumps(event["annotation"]["body"]))["value"] == 'Quote " and \u2028 and 𠮟る'
