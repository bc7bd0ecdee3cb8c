"""The log: what is written into it by whatever changes an annotation, how long it is kept, and what it is read by."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.engine import URL

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.database import Turn
from genji_graphql.live import log, reader
from genji_graphql.live.event import Event
from genji_graphql.live.position import BEGINNING, Position, Snapshot, cursor_of, read_cursor
from tests.annotating.room import DELETE, RESTORE, UPDATE, Room, id_of
from tests.annotating.test_carrying import rewritten
from tests.conftest import connect
from tests.live.listening import PATIENCE, Audience
from tests.live.test_telling import ADDED

WEEK = timedelta(days=7)


@pytest.fixture
async def driver(database: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


async def logged(driver: asyncpg.Connection) -> list[Any]:
    return list(await driver.fetch("SELECT * FROM app.annotation_events ORDER BY xid, seq"))


async def kinds(driver: asyncpg.Connection) -> list[str]:
    return [row["kind"] for row in await logged(driver)]


# What is written into it


async def test_what_the_api_changes_is_logged_as_what_it_is(room: Room, driver: asyncpg.Connection) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await room.made(UPDATE, room.student, id=note["id"], text="Whose?")
    await rewritten(room, "Among the many ladies was one.")
    await room.made(DELETE, room.student, id=note["id"])
    await room.made(RESTORE, room.student, id=note["id"])
    assert await kinds(driver) == ["created", "updated", "moved", "deleted", "restored"]


async def test_what_is_written_by_hand_is_logged_too(room: Room, driver: asyncpg.Connection) -> None:
    note = await room.note()
    await driver.execute("UPDATE app.annotations SET status = 'hidden'")
    await driver.execute("UPDATE app.annotations SET status = 'active'")
    await driver.execute("DELETE FROM app.annotations")
    rows = await logged(driver)
    assert [row["kind"] for row in rows] == ["created", "hidden", "restored", "deleted"]
    last = rows[-1]
    assert (last["annotation_id"], last["status_before"], last["status_after"]) == (note["databaseId"], "active", None)
    assert (last["document_id"], last["document_element_id"]) == (room.document.id, room.element.id)
    assert last["owner_id"] == room.student.id


async def test_what_changes_nothing_is_not_logged(room: Room, driver: asyncpg.Connection) -> None:
    await room.note()
    await driver.execute("UPDATE app.annotations SET body = body, modified = now()")
    assert await kinds(driver) == ["created"]


async def test_a_thousand_at_once_are_logged_in_one_statement_each_in_order(
    room: Room, driver: asyncpg.Connection
) -> None:
    rows = [{"document_element_id": room.element.id, "body": "{}", "target": "[]"}] * 1000
    await room.world.run(insert(models.Annotation).values(rows))
    events = await logged(driver)
    assert len(events) == 1000
    assert [row["annotation_id"] for row in events] == sorted(row["annotation_id"] for row in events)


async def test_what_is_rolled_back_was_never_logged(room: Room, driver: asyncpg.Connection) -> None:
    note = await room.note()
    transaction = driver.transaction()
    await transaction.start()
    await driver.execute("DELETE FROM app.annotations WHERE id = $1", note["databaseId"])
    await transaction.rollback()
    assert await kinds(driver) == ["created"]


@pytest.mark.parametrize(
    "change",
    [
        lambda room: delete(models.group_members).where(models.group_members.c.user_id == room.mate.id),
        lambda room: insert(models.group_members).values(group_id=room.classroom.id, user_id=room.owner.id),
        lambda room: update(models.User).where(models.User.id == room.mate.id).values(is_active=False),
        lambda room: insert(models.user_roles).values(user_id=room.mate.id, role_id=1),
        lambda room: insert(models.Group).values(name="Another", created_by_id=room.mate.id),
        lambda room: update(models.Group).values(created_by_id=room.mate.id),
        lambda _: delete(models.role_permissions),
        lambda _: update(models.Role).where(models.Role.id == 1).values(name="another"),
    ],
    ids=["left", "joined", "deactivated", "role", "group", "group given away", "permissions", "role renamed"],
)
async def test_whose_standing_changes_is_noted(room: Room, driver: asyncpg.Connection, change: Any) -> None:
    snapshot = await log.current_snapshot(driver)
    assert (await log.standing_since(driver, snapshot))[1] == frozenset()
    await room.world.run(change(room))
    after, changed = await log.standing_since(driver, snapshot)
    assert changed & {0, room.mate.id, room.owner.id}
    assert (await log.standing_since(driver, after))[1] == frozenset()


# How it is read


async def read(driver: asyncpg.Connection) -> list[Event]:
    """What there is to read of annotations, once nobody writes any more: to other databases of the server, either."""
    events = await log.events_after(driver, BEGINNING)
    while await log.has_more(driver, events[-1].position if events else BEGINNING):
        await asyncio.sleep(0.05)
        events = await log.events_after(driver, BEGINNING)
    return of_annotations(events)


def of_annotations(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.annotation_id is not None]


async def test_nothing_is_read_that_something_may_still_come_before(
    room: Room, driver: asyncpg.Connection, database: URL
) -> None:
    writing = await connect(database)
    transaction = writing.transaction()
    await transaction.start()
    await writing.execute(
        "INSERT INTO app.annotations (document_element_id, body, target) VALUES ($1, '{}', '[]')", room.element.id
    )
    await room.note()
    events = await log.events_after(driver, BEGINNING)
    assert of_annotations(events) == []
    assert await log.has_more(driver, events[-1].position if events else BEGINNING)
    await transaction.commit()
    await writing.close()
    events = await read(driver)
    assert [event.position for event in events] == sorted(event.position for event in events)
    assert len(events) == 2


async def test_what_became_readable_since_the_last_look_is_not_waited_for(
    room: Room, driver: asyncpg.Connection, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "IDLE", 3600.0)
    monkeypatch.setattr(reader, "_EASES", 0)
    writing = await connect(database)
    transaction = writing.transaction()
    await transaction.start()
    await writing.execute("SELECT pg_current_xact_id()")
    await room.note()
    looked = await log.events_after(driver, BEGINNING)
    assert of_annotations(looked) == []
    # Nobody tells of it: whoever wrote the note has done so long ago.
    await transaction.rollback()
    await writing.close()
    async with asyncio.timeout(PATIENCE):
        await reader.Pace().pause(driver, looked[-1].position if looked else BEGINNING, 0)


def test_a_snapshot_says_what_had_been_committed() -> None:
    snapshot = Snapshot.of("10:15:11,13")
    assert [xid for xid in range(8, 18) if snapshot.has(xid)] == [8, 9, 10, 12, 14]
    assert not Snapshot.of("10:10:").has(10)


@pytest.mark.parametrize(
    "cursor", ["", "x", "a.b.c", "é", "A" * 500, "YS4xLng", "LjEuMQ", "YS4tMS4x", "YS4xLjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"]
)
def test_what_is_no_cursor_is_none(cursor: str) -> None:
    assert read_cursor(cursor) is None


def test_a_cursor_is_read_as_it_was_written() -> None:
    for position in (BEGINNING, Position(1, 2), Position(2**64 - 1, 2**63 - 1)):
        assert read_cursor(cursor_of("epoch", position)) == ("epoch", position)


# How long it is kept


async def partitions(driver: asyncpg.Connection) -> set[str]:
    return {row["name"] for row in await driver.fetch(log._PARTITIONS)}


async def test_days_to_come_have_their_partitions_and_old_ones_go(room: Room, driver: asyncpg.Connection) -> None:
    await log.keep_days(driver, WEEK)
    today = datetime.now(UTC).date()
    coming = {f"events_{today + timedelta(days=ahead):%Y_%m_%d}" for ahead in range(1, log.DAYS_AHEAD + 1)}
    assert await partitions(driver) == {"other", *coming}
    await log.keep_days(driver, WEEK)
    assert await partitions(driver) == {"other", *coming}

    old = today - timedelta(days=20)
    await log._make(driver, old)
    await room.note()
    await driver.execute(
        "UPDATE app.annotation_events SET at = $1", datetime(old.year, old.month, old.day, 12, tzinfo=UTC)
    )
    assert f"events_{old:%Y_%m_%d}" in await partitions(driver)
    (event,) = await read(driver)

    await log.keep_days(driver, WEEK)
    assert await partitions(driver) == {"other", *coming}
    assert await read(driver) == []
    assert await log.floor(driver) == event.position


async def test_a_cursor_from_before_what_is_kept_has_expired(
    room: Room, audience: Audience, driver: asyncpg.Connection
) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    await room.note()
    await room.note()
    await ear.hears(2)
    await driver.execute("UPDATE app.annotation_events SET at = at - interval '30 days'")
    # The service keeps the days as well, and whoever comes meanwhile leaves it to the other.
    await driver.execute("SELECT pg_advisory_lock($1)", Turn.EVENTS.value)
    await log.keep_days(driver, WEEK)
    await driver.execute("SELECT pg_advisory_unlock($1)", Turn.EVENTS.value)
    expired = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=ear.cursors[0])
    assert expired.refusal["extensions"]["code"] == "CURSOR_EXPIRED"
    last = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), after=ear.cursors[1])
    note = await room.note()
    (event,) = await last.hears(1)
    assert event["annotation"]["id"] == note["id"]


async def test_a_log_that_came_from_another_server_is_begun_anew(room: Room, driver: asyncpg.Connection) -> None:
    await room.note()
    await log.forget_the_future(driver)
    assert len(await logged(driver)) == 1
    await driver.execute("UPDATE app.annotation_events SET xid = '900000000000'")
    await log.forget_the_future(driver)
    assert await logged(driver) == []


async def test_two_databases_have_two_epochs(driver: asyncpg.Connection, server: URL) -> None:
    other = await connect(server)
    assert await log.epoch(driver) != await log.epoch(other)
    assert await log.epoch(driver) == await log.epoch(driver)
    await other.close()


async def test_whoever_comes_while_the_log_becomes_another_is_told_what_happens_in_that(
    room: Room, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a database is brought back from its backup under a server that runs."""
    live = audience.app.state.live
    there = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    now = log.now

    async def another(_: Any) -> str:
        return "another"

    async def lost(_: Any) -> int:
        monkeypatch.undo()
        monkeypatch.setattr(log, "epoch", another)
        raise ConnectionResetError

    async def meanwhile(driver: Any) -> tuple[Position, Snapshot]:
        monkeypatch.setattr(live.reader, "look", lost)
        async with asyncio.timeout(PATIENCE):
            while live.hub.epoch != "another":  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        _, known = await now(driver)
        return Position(2**40, 1), known

    monkeypatch.setattr(log, "now", meanwhile)
    comes = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    assert there.refusal["extensions"]["code"] == "CURSOR_EXPIRED"
    note = await room.note()
    (told,) = await comes.hears(1)
    assert told["annotation"]["id"] == note["id"]
