"""Links between passages, and the targets that come and go."""

from typing import Any

import pytest

from genji_graphql import models
from tests.annotating.room import ADD_TARGET, CREATE, LINK, REMOVE_TARGET, Room, id_of
from tests.annotating.test_carrying import rewritten


@pytest.fixture
async def other(room: Room) -> models.DocumentElement:
    return await room.world.element(await room.world.document(room.collection), "Another text.")


async def link(room: Room, *elements: models.DocumentElement) -> dict[str, Any]:
    return await room.made(LINK, room.student, text="See", targets=[{"elementId": id_of(one)} for one in elements])


def numbers(note: dict[str, Any]) -> list[list[int]]:
    return [[one["id"] for one in passage] for passage in note["target"]]


async def test_a_link_joins_passages_of_several_texts(room: Room, other: models.DocumentElement) -> None:
    targets = [
        {"elementId": id_of(room.element), "selector": {"exact": "many ladies"}},
        {"elementId": id_of(other)},
    ]
    note = await room.made(LINK, room.student, targets=targets)

    assert note["motivation"] == "linking"
    assert note["element"] == {"id": id_of(room.element)}
    assert [[one["source"] for one in passage] for passage in note["target"]] == [
        [f"DocumentElements/{room.element.id}"],
        [f"DocumentElements/{other.id}"],
    ]
    assert note["target"][0][0]["selector"][0]["exact"] == "many ladies"
    assert len({number for passage in numbers(note) for number in passage}) == 2


async def test_a_link_has_two_ends(room: Room) -> None:
    error = await room.refused(LINK, room.student, targets=[{"elementId": id_of(room.element)}])
    assert (error["field"], error["code"]) == ("targets", "TOO_MANY")


async def test_targets_come_and_go_by_their_numbers(room: Room, other: models.DocumentElement) -> None:
    note = await link(room, room.element, other)
    third = await room.world.element(room.document, "A third.")
    payload = await room.asked(
        ADD_TARGET, room.student, id=note["id"], elementId=id_of(third), selector={"exact": "third"}
    )
    assert payload["errors"] == []
    assert numbers(payload["annotation"]) == [*numbers(note), [payload["targetId"]]]

    left = await room.made(REMOVE_TARGET, room.student, id=note["id"], targetId=numbers(note)[1][0])
    assert numbers(left) == [numbers(note)[0], [payload["targetId"]]]
    assert left["version"] == 3


async def test_targets_of_every_shape_are_found_by_their_numbers(room: Room, other: models.DocumentElement) -> None:
    mixed = [
        [
            {"id": 1, "source": f"DocumentElements/{room.element.id}"},
            {"id": 2, "source": f"DocumentElements/{other.id}"},
        ],
        {"id": 3, "source": f"document_element:{other.id}"},
    ]
    row = await room.world.note(
        room.element, motivation="linking", creator_id=room.student.id, owner_id=room.student.id, target=mixed
    )
    left = await room.made(REMOVE_TARGET, room.student, id=id_of(row), targetId=2)
    assert left["target"] == [[mixed[0][0]], mixed[1]]  # type: ignore[index] # a list, as the first is
    left = await room.made(REMOVE_TARGET, room.student, id=id_of(row), targetId=3)
    assert left["target"] == [[mixed[0][0]]]  # type: ignore[index] # a list, as the first is
    assert (await room.refused(REMOVE_TARGET, room.student, id=id_of(row), targetId=1))["code"] == "LAST"


async def test_a_link_without_its_lost_target_is_no_orphan(room: Room, other: models.DocumentElement) -> None:
    targets = [{"elementId": id_of(room.element), "selector": {"exact": "many ladies"}}, {"elementId": id_of(other)}]
    note = await room.made(LINK, room.student, targets=targets)
    await rewritten(room, "In which reign was it?")
    left = await room.made(REMOVE_TARGET, room.student, id=note["id"], targetId=numbers(note)[0][0])
    assert left["isOrphan"] is False


async def test_a_target_that_is_not_there_can_not_go(room: Room, other: models.DocumentElement) -> None:
    note = await link(room, room.element, other)
    error = await room.refused(REMOVE_TARGET, room.student, id=note["id"], targetId=9999)
    assert (error["code"], error["field"]) == ("NOT_FOUND", "targetId")


async def test_only_its_owner_changes_a_link(room: Room, other: models.DocumentElement) -> None:
    note = await link(room, room.element, other)
    given = {"id": note["id"], "elementId": id_of(other)}
    assert (await room.refused(ADD_TARGET, room.mate, **given))["code"] == "FORBIDDEN"
    assert (await room.refused(REMOVE_TARGET, room.mate, id=note["id"], targetId=1))["code"] == "FORBIDDEN"


async def test_what_is_no_link_has_no_such_targets(room: Room) -> None:
    note = await room.made(CREATE, room.student, elementId=id_of(room.element), text="No link.")
    given = {"id": note["id"], "elementId": id_of(room.element)}
    assert (await room.refused(ADD_TARGET, room.student, **given))["code"] == "NO_LINK"
