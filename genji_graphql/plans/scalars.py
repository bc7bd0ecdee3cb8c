"""Scalars and enums as JSON, written by PostgreSQL just as the schema's own serialisers would write them."""

from collections.abc import Callable, Iterable
from typing import Any

from graphql import GraphQLEnumType, GraphQLNonNull, GraphQLOutputType, GraphQLScalarType
from sqlalchemy import JSON, ColumnElement, DateTime, Text, case, cast, func, literal

from genji_graphql.plans.refusal import GaveUp, NotPlannable

_LARGEST_INT = 2**31 - 1
_PAIR = 2

Json = ColumnElement[str]
"""An expression whose value is JSON, as text."""


def fixed(text: str) -> Json:
    """A piece of the answer that is always the same. It stands in the statement as a quoted literal."""
    return literal(text, literal_execute=True)


def joined(pieces: Iterable[Json]) -> Json:
    """Pieces in one. `||` is NULL where one of them is: what may not be null and is makes itself known.

    They are joined by halves. One after the other, all that came before would be copied with each of them.
    """
    several = list(pieces)
    if len(several) < _PAIR:
        return several[0]
    half = len(several) // 2
    return joined(several[:half]) + joined(several[half:])


def sent(text: Json) -> Any:
    """A text as the bytes that go out, which the driver would decode for us to encode again."""
    return func.textsend(text)


def integer(number: int) -> bytes:
    """An Int, which has 32 bits."""
    if number > _LARGEST_INT:
        raise GaveUp("a number is too large for an Int")
    return b"%d" % number


def as_json(value: ColumnElement[Any], type_: GraphQLOutputType) -> Json:
    """The value of a field. Where it is NULL and may not be, so is this, and everything that it is joined to."""
    if isinstance(type_, GraphQLNonNull):
        return _written(value, type_.of_type)
    return func.coalesce(_written(value, type_), fixed("null"))


def as_list(values: Iterable[ColumnElement[Any]]) -> Json:
    """Values of any type as a list in JSON, each as it stands in a cursor."""
    # There, moments without an end have a zone as all others do.
    written = [cast(_moment(value, "+00:00"), JSON) if isinstance(value.type, DateTime) else value for value in values]
    return cast(func.json_build_array(*written), Text)


def _written(value: ColumnElement[Any], type_: GraphQLOutputType) -> Json:
    if isinstance(type_, GraphQLEnumType):
        return _name(value, type_)
    if isinstance(type_, GraphQLScalarType) and type_.name in _WRITTEN:
        return _WRITTEN[type_.name](value)
    raise NotPlannable(f"there is no SQL for a value of {type_}")


def _name(value: ColumnElement[Any], enum: GraphQLEnumType) -> Json:
    """An enum's values go out by their names."""
    return case(
        *((value == member.value, fixed(f'"{name}"')) for name, member in enum.values.items()),
    )


def _text(value: ColumnElement[Any]) -> Json:
    return cast(func.to_json(value), Text)


def _plain(value: ColumnElement[Any]) -> Json:
    # Of a number, a truth and JSON, PostgreSQL's own text is JSON.
    return cast(value, Text)


def _moment(value: ColumnElement[Any], zone: str = "") -> Json:
    return _finite(value, _text(value), f"0001-01-01T00:00:00{zone}", f"9999-12-31T23:59:59.999999{zone}")


def _day(value: ColumnElement[Any]) -> Json:
    return _finite(value, _text(value), "0001-01-01", "9999-12-31")


def _finite(value: ColumnElement[Any], written: Json, first: str, last: str) -> Json:
    """The driver takes infinity for the last moment that there is in Python, and minus infinity for the first."""
    return case(
        (func.isfinite(value), written),
        (value > func.now(), fixed(f'"{last}"')),
        (value < func.now(), fixed(f'"{first}"')),
    )


_WRITTEN: dict[str, Callable[[ColumnElement[Any]], Json]] = {
    "Boolean": _plain,
    "Date": _day,
    "DateTime": _moment,
    "ID": _text,
    "Int": _plain,
    "JSON": _plain,
    "String": _text,
}
