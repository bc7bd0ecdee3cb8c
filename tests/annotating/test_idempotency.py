"""Requests that come twice."""

import asyncio

from sqlalchemy import update

from genji_graphql import models
from genji_graphql.vocabulary import Visibility
from tests.annotating.room import BULK, CREATE, DELETE, REPLY, Room, id_of


async def count(room: Room) -> int:
    return len((await room.site.contents())["annotations"])


async def test_the_same_key_makes_one_note_and_gives_it_again(room: Room) -> None:
    first = await room.note(idempotencyKey="one")
    again = await room.note(idempotencyKey="one")
    assert again == first
    assert await count(room) == 1


async def test_many_at_once_make_one(room: Room) -> None:
    notes = await asyncio.gather(*(room.note(idempotencyKey="one") for _ in range(8)))
    assert len({note["id"] for note in notes}) == 1
    assert await count(room) == 1


async def test_the_same_key_with_other_input_is_refused(room: Room) -> None:
    await room.note(idempotencyKey="one")
    given = {"elementId": id_of(room.element), "text": "Another.", "idempotencyKey": "one"}
    error = await room.refused(CREATE, room.student, **given)
    assert (error["field"], error["code"]) == ("idempotencyKey", "KEY_REUSED")


async def test_another_person_may_have_the_same_key(room: Room) -> None:
    first = await room.note(idempotencyKey="one")
    assert (await room.note(by=room.mate, idempotencyKey="one"))["id"] != first["id"]


async def test_what_failed_may_be_tried_again_with_its_key(room: Room) -> None:
    given = {"elementId": "9999", "text": "?", "idempotencyKey": "one"}
    await room.refused(CREATE, room.student, **given)
    element = await room.world.element(room.document, id=9999)
    note = await room.made(CREATE, room.student, **given)
    assert note["element"] == {"id": id_of(element)}


async def test_a_reply_and_a_batch_have_keys_too(room: Room) -> None:
    note = await room.note()
    given = {"annotationId": note["id"], "text": "Yes.", "idempotencyKey": "reply"}
    first = await room.made(REPLY, room.mate, **given)
    assert await room.made(REPLY, room.mate, **given) == first
    batch = {"annotations": [{"elementId": id_of(room.element), "text": "x"}] * 3, "idempotencyKey": "batch"}
    payload = await room.asked(BULK, room.mate, **batch)
    assert await room.asked(BULK, room.mate, **batch) == payload
    assert await count(room) == 5


async def test_what_was_deleted_since_is_given_as_it_is(room: Room) -> None:
    first = await room.note(idempotencyKey="one")
    await room.made(DELETE, room.student, id=first["id"])
    again = await room.note(idempotencyKey="one")
    assert (again["id"], again["status"]) == (first["id"], "DELETED")


async def test_a_key_has_a_length(room: Room) -> None:
    given = {"elementId": id_of(room.element), "text": "?", "idempotencyKey": "k" * 256}
    assert (await room.refused(CREATE, room.student, **given))["field"] == "idempotencyKey"


async def test_to_give_a_batch_again_costs_the_same_for_two_as_for_two_hundred(room: Room) -> None:
    costs = []
    for number in (2, 200):
        given = {
            "annotations": [{"elementId": id_of(room.element), "text": "x"}] * number,
            "idempotencyKey": str(number),
        }
        first = await room.asked(BULK, room.mate, **given)
        assert await room.asked(BULK, room.mate, **given) == first
        costs.append(len(room.service.statements))
    assert costs[0] == costs[1]


async def test_what_is_out_of_sight_since_is_not_given_again(room: Room) -> None:
    given = {"annotations": [{"elementId": id_of(room.element), "text": "x"}], "idempotencyKey": "one"}
    await room.asked(BULK, room.mate, **given)
    await room.world.run(update(models.DocumentCollection).values(visibility=Visibility.PRIVATE))
    assert await room.asked(BULK, room.mate, **given) == {"annotations": [], "errors": []}
