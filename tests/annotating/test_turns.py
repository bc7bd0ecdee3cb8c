"""Whoever writes about a text waits for whoever changes it, and holds nothing meanwhile that the other will want."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from genji_graphql import models
from genji_graphql.writes import finding, responses
from tests.annotating.room import (
    ADD_TARGET,
    FLAG,
    LINK,
    REATTACH,
    REMOVE_FLAGGED,
    REPLY,
    REVERT,
    TAG,
    UPDATE,
    UPVOTE,
    Room,
    id_of,
    mutation,
)
from tests.annotating.test_carrying import rewritten
from tests.waiting import waiting_for_a_lock

CHANGE_TEXT = mutation("updateElement", "UpdateElementInput", "element { id }")


@asynccontextmanager
async def under_way(room: Room, row: Any) -> AsyncIterator[AsyncSession]:
    """Somebody's change of this row, until the end of the block."""
    async with room.site.sessions.begin() as session:
        await session.execute(locking(type(row), row.id))
        yield session


def locking(model: Any, number: int, **how: Any) -> Any:
    return select(model.id).where(model.id == number).with_for_update(**how)


async def waits_with_nothing(room: Room, row: Any, held: Any, change: Any) -> dict[str, Any]:
    """What comes of the change after it has waited for `row`, and left alone what is `held` next."""
    async with under_way(room, row) as session:
        waiting = asyncio.create_task(change)
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await session.execute(locking(type(held), held.id, nowait=True))
    made: dict[str, Any] = await waiting
    return made


async def row_of(room: Room, note: dict[str, Any]) -> models.Annotation:
    (row,) = await room.site.all(select(models.Annotation).where(models.Annotation.id == note["databaseId"]))
    return row  # type: ignore[no-any-return] # whatever was selected


@pytest.mark.parametrize("where", ["element", "document"])
@pytest.mark.parametrize(
    ("query", "given"), [(REPLY, {"text": "Yes."}), (UPVOTE, {}), (FLAG, {}), (TAG, {"tag": "rank"})]
)
async def test_an_answer_waits_for_its_place_before_it_takes_its_note(
    room: Room, where: str, query: str, given: dict[str, Any]
) -> None:
    note = await room.note()
    change = room.made(query, room.mate, annotationId=note["id"], **given)
    await waits_with_nothing(room, getattr(room, where), await row_of(room, note), change)


async def test_a_note_is_put_elsewhere_after_its_text_is_held(room: Room) -> None:
    note = await room.note()
    change = room.made(UPDATE, room.student, id=note["id"], selector={"exact": "many ladies"})
    await waits_with_nothing(room, room.element, await row_of(room, note), change)


async def test_an_earlier_version_comes_back_after_its_text_is_held(room: Room) -> None:
    note = await room.note()
    await room.made(UPDATE, room.student, id=note["id"], text="Second.")
    change = room.made(REVERT, room.student, id=note["id"], version=1)
    await waits_with_nothing(room, room.element, await row_of(room, note), change)


async def test_an_orphan_is_put_back_after_its_text_is_held(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    await rewritten(room, "In which reign was it?")
    change = room.made(REATTACH, room.student, id=note["id"], selector={"exact": "In which reign"})
    await waits_with_nothing(room, room.element, await row_of(room, note), change)


async def test_a_link_takes_the_other_text_before_itself(room: Room) -> None:
    other, third = [await room.world.element(room.document, text) for text in ("Another.", "A third.")]
    targets = [{"elementId": id_of(room.element)}, {"elementId": id_of(other)}]
    note = await room.made(LINK, room.student, targets=targets)
    change = room.asked(ADD_TARGET, room.student, id=note["id"], elementId=id_of(third))
    assert (await waits_with_nothing(room, third, await row_of(room, note), change))["errors"] == []


async def test_what_was_flagged_is_taken_before_its_flag(room: Room) -> None:
    note = await room.note()
    flag = await room.made(FLAG, room.mate, annotationId=note["id"])
    change = room.made(REMOVE_FLAGGED, room.owner, flagId=flag["id"])
    await waits_with_nothing(room, await row_of(room, note), await row_of(room, flag), change)


async def test_a_text_waits_for_its_document_before_it_takes_itself(room: Room) -> None:
    change = room.made(CHANGE_TEXT, room.owner, id=id_of(room.element), text="Another text.")
    await waits_with_nothing(room, room.document, room.element, change)


ALWAYS_IN_A_CIRCLE = """
CREATE FUNCTION circle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END
$$
"""


@asynccontextmanager
async def in_the_wrong_order(room: Room, note: dict[str, Any], is_time: asyncio.Event) -> AsyncIterator[None]:
    """Somebody who holds a note and then wants its text, and lets others find out that they wait in a circle."""
    async with under_way(room, await row_of(room, note)) as session:
        await session.execute(text("SET LOCAL deadlock_timeout = '1min'"))
        wanting = asyncio.create_task(_want(session, room.element, is_time))
        yield
        await wanting


async def _want(session: AsyncSession, row: Any, is_time: asyncio.Event) -> None:
    await is_time.wait()
    await session.execute(locking(type(row), row.id))


async def test_whoever_is_ended_in_favour_of_another_is_answered_all_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = await room.note()
    attempts, has_its_place = 0, asyncio.Event()

    async def hold_place(*given: Any) -> None:
        nonlocal attempts
        await finding.hold_place(*given)
        attempts += 1
        if attempts == 1:
            # PostgreSQL looks for a circle once in each wait: the answer's must be the one that closes it.
            has_its_place.set()
            await waiting_for_a_lock(room.site.engine.url)

    monkeypatch.setattr(responses, "hold_place", hold_place)
    async with in_the_wrong_order(room, note, has_its_place):
        waiting = asyncio.create_task(room.made(REPLY, room.mate, annotationId=note["id"], text="Yes."))
    await waiting
    assert attempts == 2
    replies = select(models.Annotation).where(models.Annotation.parent_id == note["databaseId"])
    assert len(await room.site.all(replies)) == 1


async def test_whoever_is_ended_each_time_is_told_to_try_again(room: Room, engine: AsyncEngine) -> None:
    note = await room.note()
    async with engine.begin() as connection:
        await connection.execute(text(ALWAYS_IN_A_CIRCLE))
        await connection.execute(
            text("CREATE TRIGGER circle BEFORE INSERT ON app.annotations EXECUTE FUNCTION circle()")
        )
    before = await room.site.contents()
    given = {"input": {"annotationId": note["id"], "text": "Yes."}}
    (error,) = (await room.service.answer(REPLY, given, viewer=room.viewer(room.mate)))["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 1}
    assert "deadlock" not in error["message"]
    assert await room.site.contents() == before
