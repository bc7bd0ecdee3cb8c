"""Statements that are compiled once: what stands in their text, and what is put in each time."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import ARRAY, BigInteger, Integer, String, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from genji_graphql.driver import Slot, compiled
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
