"""Statements that are compiled once, what is put in each time, and the connections that they go by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import ARRAY, BigInteger, Integer, String, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.driver import Connections, Slot, compiled
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AnnotationStatus


def test_words_and_numbers_that_never_change_stand_in_the_text() -> None:
    statement = compiled(
        select(literal(7)).where(
            column("status", String) == AnnotationStatus.ACTIVE, column("kind", String).in_(["a", "b:c"])
        )
    )
    assert statement.arguments == ()
    assert "'active'" in statement.sql
    assert "IN ('a', 'b:c')" in statement.sql


def test_what_is_put_in_is_a_parameter() -> None:
    number, numbers = Slot("number"), Slot("numbers", several=True)
    statement = compiled(
        select(column("id", Integer)).where(
            column("id", Integer) == number, column("id", Integer) == func.any(literal([numbers], JSONB))
        )
    )
    assert statement.arguments == (number, numbers)


def test_a_slot_that_comes_again_is_the_same_parameter_unless_it_is_of_another_type() -> None:
    number, numbers = Slot("number"), Slot("numbers", several=True)
    statement = compiled(
        select(column("id", Integer)).where(
            column("a", Integer) == number,
            column("b", Integer) == func.any(literal([numbers], ARRAY(Integer))),
            column("c", Integer) == number,
            column("d", Integer) == func.any(literal([numbers], ARRAY(Integer))),
            column("e", BigInteger) == number,
            column("f", Integer) == Slot("number"),
        )
    )
    assert statement.arguments[:3] == (number, numbers, number)
    assert [line.split(" = ")[1] for line in statement.sql.split("WHERE ")[1].split(" AND ")] == [
        "$1::INTEGER",
        "any($2::INTEGER[])",
        "$1::INTEGER",
        "any($2::INTEGER[])",
        "$3::BIGINT",
        "$4::INTEGER",
    ]


@pytest.mark.parametrize("given", ["it's", "back\\slash", "$1", "%s", "%(x)s", '"', "源氏", "a\nb", "';--", "x" * 101])
def test_other_texts_are_parameters(given: str) -> None:
    assert compiled(select(literal(given))).arguments == (given,)


@pytest.mark.parametrize("given", ['{"a": 1}', "[]", "1"])
def test_json_is_a_parameter(given: str) -> None:
    assert compiled(select(literal(given, JSONB))).arguments == (given,)


@pytest.mark.parametrize("given", [0, -1, 2**31, True, "", "a word", "a.b/c:d-e_f"])
async def test_they_mean_what_they_meant(settings: Settings, given: Any) -> None:
    connection = await asyncpg.connect(
        settings.sqlalchemy_url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        statement = compiled(select(literal(given), literal(timedelta(minutes=1))))
        assert statement.arguments == (timedelta(minutes=1),)
        (row,) = await connection.fetch(statement.sql, *statement.arguments)
        assert row[0] == given
    finally:
        await connection.close()


# Connections


@asynccontextmanager
async def kept(engine: AsyncEngine, settings: Settings, **more: Any) -> AsyncIterator[Connections]:
    connections = Connections(engine, settings.model_copy(update={"db_pool_size": 2, **more}))
    try:
        yield connections
    finally:
        await connections.close()


async def are_all_there(connections: Connections) -> bool:
    """Can both be had at once, and no third?"""
    async with asyncio.timeout(5), connections.lent(), connections.lent():
        third = asyncio.create_task(borrow(connections, []))
        await asyncio.sleep(0)
        waits = not third.done()
        third.cancel()
        await asyncio.wait([third])
        return waits


async def borrow(connections: Connections, came: list[str], name: str = "") -> None:
    async with connections.lent():
        came.append(name)


async def test_who_waits_for_a_connection_is_called_in_turn(engine: AsyncEngine, settings: Settings) -> None:
    came: list[str] = []
    async with kept(engine, settings) as connections:
        async with connections.lent(), connections.lent():
            waiting = [asyncio.create_task(borrow(connections, came, name)) for name in "abcd"]
            await asyncio.sleep(0)
            waiting[1].cancel()
        # Who comes now comes after those who have waited.
        await borrow(connections, came, "e")
        await asyncio.wait(waiting)

        assert came == ["a", "c", "d", "e"]
        assert await are_all_there(connections)


async def test_who_leaves_just_as_they_are_called_lets_the_next_have_their_turn(
    engine: AsyncEngine, settings: Settings
) -> None:
    came: list[str] = []
    async with kept(engine, settings) as connections:
        async with connections.lent(), connections.lent():
            waiting = [asyncio.create_task(borrow(connections, came, name)) for name in "abc"]
            await asyncio.sleep(0)
        # They have been called, and haven't come yet.
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.wait(waiting)

        assert came == ["c"]
        assert await are_all_there(connections)


async def test_nobody_waits_for_a_connection_longer_than_is_said(engine: AsyncEngine, settings: Settings) -> None:
    came: list[str] = []
    async with kept(engine, settings, db_pool_timeout=0.01) as connections:
        async with connections.lent(), connections.lent():
            with pytest.raises(PoolTimeout, match=r"within 0\.01 seconds"):
                await borrow(connections, came)
            late = asyncio.create_task(borrow(connections, came))
            await asyncio.sleep(0)
            late.cancel()
            await asyncio.wait([late])
        assert came == []
        assert await are_all_there(connections)


async def test_a_connection_that_somebody_left_in_the_midst_is_replaced(
    engine: AsyncEngine, settings: Settings
) -> None:
    async with kept(engine, settings) as connections:
        async with connections.lent() as before:
            pass
        with pytest.raises(ZeroDivisionError):
            async with connections.lent():
                raise ZeroDivisionError
        async with connections.lent() as after:
            assert after.driver is not before.driver
        assert await are_all_there(connections)
