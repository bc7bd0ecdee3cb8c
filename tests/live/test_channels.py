"""How a crowd is told: at once, from the log where somebody fell behind, and each of them in order."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.live import hub, log
from tests.annotating.room import BULK, Room, id_of
from tests.live.listening import Audience, Ear, settled

ADDED = "subscription ($document: ID!) { annotationAdded(document: $document) { cursor annotation { id } } }"


async def write(room: Room, number: int) -> list[str]:
    """So many notes in one transaction, and their ids."""
    notes = [{"elementId": id_of(room.element), "text": f"Note {place}."} for place in range(number)]
    asked = {"input": {"annotations": notes}}
    answer = await room.service.ask(BULK, asked, viewer=room.viewer(room.student))
    return [note["id"] for note in answer["bulkCreateAnnotations"]["annotations"]]


def told(events: list[Any]) -> list[str]:
    return [event["annotation"]["id"] for event in events]


async def crowd(room: Room, audience: Audience, size: int = 3) -> list[Ear]:
    return [await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document)) for _ in range(size)]


async def test_whoever_comes_reads_nothing_from_the_log_where_they_lack_nothing(
    room: Room, audience: Audience, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Any] = []
    events_after = log.events_after

    async def counted(driver: Any, position: Any, only: Any = None, limit: int = log.PAGE) -> Any:
        if only is not None:
            reads.append(only)
        return await events_after(driver, position, only, limit)

    monkeypatch.setattr(log, "events_after", counted)
    await settled(database)
    ears = await crowd(room, audience)
    ids = await write(room, 2)
    for ear in ears:
        assert told(await ear.hears(2)) == ids
    assert reads == []


async def test_a_channel_that_falls_behind_reads_the_log_once_for_all(
    room: Room, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "WAITING", 5)
    monkeypatch.setattr(log, "PAGE", 7)
    ears = await crowd(room, audience)
    ids = [one for _ in range(3) for one in await write(room, 20)]
    for ear in ears:
        assert told(await ear.hears(60)) == ids
    assert audience.app.state.live.tally.overflows > 0
    ids += await write(room, 1)
    for ear in ears:
        assert told(await ear.hears(61)) == ids


async def test_a_crowd_of_any_size_is_told_in_order_while_some_come_and_go(
    room: Room, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_IN_A_ROW", 4)
    ears = await crowd(room, audience)
    writing = asyncio.create_task(write(room, 30))
    later = await crowd(room, audience)
    ids = await writing
    for ear in ears:
        assert told(await ear.hears(30)) == ids
    ids += await write(room, 1)
    for ear in later:
        await ear.until(lambda ear: ids[-1] in ear.bodies[-1].decode() if ear.bodies else False)
        heard = told(await ear.hears(1))
        assert heard == ids[len(ids) - len(heard) :]
