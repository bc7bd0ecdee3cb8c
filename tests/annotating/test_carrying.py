"""The text changes, the notes stay: on what they were written on, or as orphans that somebody puts back."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, select

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import reading_sessions, writing_sessions
from genji_graphql.writes import elements
from genji_graphql.writes.carrying import ANCHORING
from tests.annotating.room import DELETE, LINK, REATTACH, RESTORE, TEXT, Room, id_of

ORPHANS = "{ orphans { totalCount nodes { id target } } }"


async def rewritten(room: Room, text: str) -> None:
    async with room.site.sessions.begin() as session:
        await elements.update(session, room.viewer(room.owner), room.element.id, {"text": text})


async def target_of(room: Room, note: str, viewer: Any = ANONYMOUS) -> dict[str, Any]:
    found = await room.seen(note, viewer)
    assert found is not None
    (target,) = found["target"]
    return dict(target)


def selected(text: str, target: dict[str, Any]) -> str:
    """What the stored offsets select, which must be what the stored quote says."""
    quote, position = target["selector"]
    exact = text[position["start"] : position["end"]]
    assert exact == quote["exact"]
    assert text.startswith(quote["prefix"] + exact + quote["suffix"], position["start"] - len(quote["prefix"]))
    return exact


async def orphans(room: Room, viewer: Viewer) -> list[str]:
    asked = (await room.service.ask(ORPHANS, viewer=viewer))["orphans"]
    assert asked["totalCount"] == len(asked["nodes"])
    return [one["id"] for one in asked["nodes"]]


async def test_a_note_moves_with_its_words(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    now = "Long ago: " + TEXT
    await rewritten(room, now)

    target = await target_of(room, note["id"])
    assert selected(now, target) == "many ladies"
    assert target[ANCHORING]["method"] == "mapped"
    assert target[ANCHORING]["revision"] == 1
    assert target["id"] == note["target"][0]["id"]
    found = await room.seen(note["id"], room.student)
    assert found is not None
    assert (found["modified"], found["version"]) == (note["modified"], 2)


async def test_a_note_that_stands_where_it_stood_is_not_touched(room: Room) -> None:
    note = await room.note(selector={"exact": "In which reign"})
    await rewritten(room, TEXT + " Nobody knows any more, after so many years and so many books about it all.")
    assert await room.seen(note["id"], ANONYMOUS) == note


async def test_a_note_on_what_is_gone_is_an_orphan_with_its_quote(room: Room) -> None:
    note = await room.note(selector={"exact": "favoured above all"})
    await rewritten(room, TEXT.replace(" who was not of the first rank was favoured above all", " was loved"))

    target = await target_of(room, note["id"])
    assert target[ANCHORING]["method"] == "orphan"
    assert target["selector"] == note["target"][0]["selector"]
    assert await orphans(room, room.viewer(room.student)) == [note["id"]]
    assert await orphans(room, room.viewer(room.owner)) == [note["id"]]
    assert await orphans(room, room.viewer(room.mate)) == []
    assert await orphans(room, ANONYMOUS) == []


async def test_a_note_on_a_lookalike_does_not_move_to_its_neighbour(room: Room) -> None:
    room.element = await room.world.element(room.document, "Team Alpha wins. Team Beta wins. Team Gamma loses.")
    note = await room.note(selector={"exact": "Team Alpha wins."})
    await rewritten(room, "Team Beta wins. Team Gamma loses.")
    assert (await target_of(room, note["id"]))[ANCHORING]["method"] == "orphan"


async def test_an_orphan_is_put_back_by_those_who_may(room: Room) -> None:
    note = await room.note(selector={"exact": "favoured above all"})
    now = "In which reign was it that one was loved the most?"
    await rewritten(room, now)
    given = {"id": note["id"], "selector": {"exact": "loved the most"}}

    assert (await room.refused(REATTACH, room.mate, **given))["code"] == "FORBIDDEN"
    lost = await room.refused(REATTACH, room.owner, id=note["id"], selector={"exact": "hated"})
    assert lost["code"] == "SELECTOR_NOT_FOUND"
    back = await room.made(REATTACH, room.owner, **given)
    assert selected(now, back["target"][0]) == "loved the most"
    assert back["modifiedBy"] == {"username": "murasaki"}
    assert await orphans(room, room.viewer(room.student)) == []
    assert (await room.refused(REATTACH, room.owner, **given))["code"] == "NO_ORPHAN"


async def test_a_link_from_elsewhere_is_carried_too(room: Room) -> None:
    other = await room.world.element(room.document, "Another text, with some words.")
    targets = [
        {"elementId": id_of(other), "selector": {"exact": "some words"}},
        {"elementId": id_of(room.element), "selector": {"exact": "many ladies"}},
    ]
    link = await room.made(LINK, room.student, targets=targets)
    now = "Long ago: " + TEXT
    await rewritten(room, now)
    found = await room.seen(link["id"], ANONYMOUS)
    assert found is not None
    (first,), (second,) = found["target"]
    assert first == link["target"][0][0]
    assert selected(now, second) == "many ladies"


async def test_what_is_deleted_comes_back_where_its_words_are_now(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await room.made(DELETE, room.student, id=note["id"])
    now = "Long ago: " + TEXT
    await rewritten(room, now)
    back = await room.made(RESTORE, room.student, id=note["id"])
    assert selected(now, back["target"][0]) == "many ladies"


@pytest.mark.parametrize(
    "target",
    [
        {"source": "document_element:{id}", "selector": {"type": "TextQuoteSelector", "exact": "many ladies"}},
        [
            {
                "id": 1,
                "type": "Text",
                "source": "DocumentElements/{id}",
                "selector": {
                    "type": "TextQuoteSelector",
                    "value": "many ladies",
                    "refined_by": {"type": "TextPositionSelector", "start": 33, "end": 44},
                },
            }
        ],
    ],
)
async def test_notes_of_every_client_are_carried(room: Room, target: Any) -> None:
    one = target[0] if isinstance(target, list) else target
    one = one | {"source": one["source"].format(id=room.element.id)}
    note = await room.world.note(room.element, target=[one] if isinstance(target, list) else one)
    now = "Long ago: " + TEXT
    await rewritten(room, now)
    async with reading_sessions(room.site.engine)() as session:
        stored = await session.scalar(select(models.Annotation.target).where(models.Annotation.id == note.id))
    assert stored is not None
    found = stored.decoded()
    assert selected(now, found[0] if isinstance(found, list) else found) == "many ladies"


async def test_carrying_costs_the_same_for_two_notes_as_for_two_hundred(room: Room) -> None:
    counts = []
    for number in (2, 198):
        for _ in range(number):
            await room.world.note(
                room.element,
                target=[
                    {
                        "source": f"DocumentElements/{room.element.id}",
                        "selector": {"type": "TextQuoteSelector", "exact": "many ladies"},
                    }
                ],
            )
        statements: list[str] = []

        def count(_c: Any, _u: Any, statement: str, *_: Any, told: list[str] = statements) -> None:
            told.append(statement)

        event.listen(room.site.engine.sync_engine, "before_cursor_execute", count)
        await rewritten(room, f"{number}: {TEXT}" if number == 2 else TEXT)
        event.remove(room.site.engine.sync_engine, "before_cursor_execute", count)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_a_note_that_is_written_while_the_text_changes_is_written_on_the_new_text(room: Room) -> None:
    now = "Long ago: " + TEXT
    async with writing_sessions(room.site.engine).begin() as session:
        element = await session.scalar(
            select(models.DocumentElement).where(models.DocumentElement.id == room.element.id).with_for_update()
        )
        assert element is not None
        element.content = {"text": now}  # type: ignore[assignment] # as a writer gives it
        await session.flush()
        writing = asyncio.create_task(room.note(selector={"exact": "many ladies"}))
        done, _ = await asyncio.wait({writing}, timeout=0.5)
        assert not done
    note = await writing
    assert selected(now, note["target"][0]) == "many ladies"
