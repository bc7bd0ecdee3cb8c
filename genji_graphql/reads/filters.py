"""Conditions that a client puts on a list: what each field can be asked, and the SQL of the answer.

A condition arrives as plain nested mappings, `{"or": [{"motivation": {"eq": "tagging"}}, …]}`, and becomes a small
frozen tree, so that equal conditions are equal keys of a batch. A part that says nothing (absent, null or empty)
filters nothing, wherever it stands.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.sql.elements import SQLCoreOperations

from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import as_seen, visible
from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.models import Base
from genji_graphql.reads import ids

MAX_DEPTH = 5
MAX_VALUES = 500
MAX_SEARCH = 1000

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

Condition = ColumnElement[bool]
Column = SQLCoreOperations[Any]


@dataclass(frozen=True, slots=True)
class Test:
    """One question to one field, such as `motivation eq tagging`."""

    field: str
    operator: str
    value: Any  # hashable: text, a moment, a tuple of them, or JSON as text


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Where"


Where = Test | Every | Some | Not


class Kind:
    """What a field of one kind can be asked. `take` makes a client's value hashable, `ask` makes SQL of it."""

    binds: bool = False
    """Does `ask` no more than bind the value, so that its SQL is the same for any other but None?"""

    def says_something(self, operator: str, value: Any) -> bool:
        # `eq: null` asks for rows without a value; any other operator has nothing to do with null.
        return value is not None or operator == "eq"

    def take(self, _operator: str, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(self.one(item) for item in at_most(value))
        return None if value is None else self.one(value)

    def one(self, value: Any) -> Any:
        return value

    def ask(self, column: Column, operator: str, value: Any, _viewer: Viewer) -> Condition:
        return _ASK[operator](column, value)


@dataclass(frozen=True)
class Text(Kind):
    binds: bool = True

    def one(self, value: str) -> str:
        return storable(value)


class Plain(Kind):
    """Words, moments, days, truths: their own types have already checked them."""

    binds = True


@dataclass(frozen=True)
class Search(Kind):
    """A part of one of several texts, in any case. A text counts only where the viewer may be told it."""

    texts: tuple[tuple[Column, Callable[[Viewer], Condition]], ...]

    def says_something(self, _operator: str, value: Any) -> bool:
        return bool(value.strip())

    def one(self, value: str) -> str:
        if len(value) > MAX_SEARCH:
            raise Invalid(f"A search takes at most {MAX_SEARCH} characters.")
        return unicodedata.normalize("NFKC", storable(value).strip())

    def ask(self, _column: Column, _operator: str, value: Any, viewer: Viewer) -> Condition:
        return or_(*(and_(text.icontains(value, autoescape=True), may_know(viewer)) for text, may_know in self.texts))


@dataclass(frozen=True)
class Reference(Kind):
    """The id of another row. One that can't be any row's matches nothing."""

    model: type[Base]
    may_be_hidden: bool = False
    """Can it be hidden where this row is seen? Then whoever asks for it learns no more than of a missing one."""
    known: bool = False
    """Is it hidden only from whom this row belongs to, who knows that it names one?"""
    or_none: bool = False
    """Does asking for one row ask for the rows without any as well?"""

    binds = True

    def one(self, value: str) -> int:
        return ids.row_id(value, self.model) or 0

    def ask(self, column: Column, operator: str, value: Any, viewer: Viewer) -> Condition:
        if self.may_be_hidden and value is None and not self.known:
            return as_seen(column, self.model, viewer).is_(None)
        if self.may_be_hidden and value is not None:
            named = super().ask(self.model.id, operator, value, viewer)
            seen = select(self.model.id).where(named, visible(self.model, viewer)).correlate(None).scalar_subquery()
            # An array, so that the database looks once for each filter rather than once for each row.
            asked: Condition = column == func.any(func.array(seen))
        else:
            asked = super().ask(column, operator, value, viewer)
        return or_(asked, column.is_(None)) if self.or_none else asked


class JsonDocument(Kind):
    def says_something(self, operator: str, value: Any) -> bool:
        if operator == "path" and value is not None:
            return "eq" in value or any(value.get(test) is not None for test in ("in", "exists"))
        return value is not None

    def take(self, operator: str, value: Any) -> Any:
        match operator:
            case "contains":
                return _json(value)
            case "has_key":
                return storable(value)
            case "path":
                return (
                    tuple(storable(step) for step in at_most(value["path"], 20)),
                    _json(value["eq"]) if "eq" in value else None,
                    value.get("exists"),
                    tuple(_json(item) for item in at_most(value["in"])) if value.get("in") is not None else None,
                )
            case _:
                return tuple(storable(key) for key in at_most(value))

    def ask(self, column: Column, operator: str, value: Any, _viewer: Viewer) -> Condition:
        document: Any = column  # JSONB's own operators are unknown to the type
        asked: Condition
        match operator:
            case "contains":
                asked = document.contains(literal(Json(value), JSONB))
            case "has_key":
                asked = document.has_key(value)
            case "has_any_keys":
                asked = document.has_any(literal(list(value), ARRAY(TEXT)))
            case "has_all_keys":
                asked = document.has_all(literal(list(value), ARRAY(TEXT)))
            case _:
                asked = self._path(document, *value)
        return asked

    def _path(
        self, document: Any, path: tuple[str, ...], eq: str | None, exists: bool | None, options: tuple[str, ...] | None
    ) -> Condition:
        found = document.op("#>", return_type=JSONB())(literal(list(path), ARRAY(TEXT)))
        # A missing value and JSON's null are the same to somebody who asks for null.
        value = func.coalesce(found, literal(Json("null"), JSONB))
        conditions: list[Condition] = []
        if eq is not None:
            conditions.append(value == literal(Json(eq), JSONB))
        if exists is not None:
            conditions.append(found.is_not(None) if exists else found.is_(None))
        if options is not None:
            conditions.append(or_(false(), *(value == literal(Json(option), JSONB) for option in options)))
        return and_(*conditions)


_ASK: dict[str, Callable[[Column, Any], Condition]] = {
    "eq": lambda column, value: column.is_(None) if value is None else column == value,
    "in": lambda column, values: column.in_(values),
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
}

Fields = Mapping[str, tuple[Column, Kind]]
"""What a list can be filtered by: a field's name, its column and its kind."""


def parse(given: Mapping[str, Any] | None, fields: Fields) -> Where | None:
    """The condition that a client wrote, or None where it says nothing. Raises Invalid."""
    where = _parse(given or {}, fields, 1)
    values = sum(_leaves(test.value) for test in tests(where))
    if values > MAX_VALUES:
        raise Invalid(f"A filter takes at most {MAX_VALUES} values in all, not {values}.")
    return where


def _parse(given: Mapping[str, Any], fields: Fields, depth: int) -> Where | None:
    if depth > MAX_DEPTH:
        raise Invalid(f"A filter may be nested {MAX_DEPTH} levels deep, not more.")
    parts = tuple(_parts(given, fields, depth))
    return None if not parts else parts[0] if len(parts) == 1 else Every(parts)


def _parts(given: Mapping[str, Any], fields: Fields, depth: int) -> Iterator[Where]:
    for name, value in given.items():
        if value is None:
            continue
        match name:
            case "and" | "or":
                inner = (_parse(item, fields, depth + 1) for item in at_most(value))
                parts = tuple(part for part in inner if part is not None)
                if parts:
                    yield Every(parts) if name == "and" else Some(parts)
            case "not":
                inverted = _parse(value, fields, depth + 1)
                if inverted is not None:
                    yield Not(inverted)
            case _:
                yield from _tests(name, value, fields[name][1])


def _tests(name: str, value: Any, kind: Kind) -> Iterator[Test]:
    operations = value if isinstance(value, Mapping) else {"eq": value}
    for operator, operand in operations.items():
        if kind.says_something(operator, operand):
            yield Test(name, operator, kind.take(operator, operand))


def condition(where: Where | None, fields: Fields, viewer: Viewer) -> Condition | None:
    """The SQL of a condition; its names come from `fields`, its values are bound."""
    match where:
        case None:
            return None
        case Test(name, operator, value):
            column, kind = fields[name]
            return kind.ask(column, operator, value, viewer)
        case Every(parts):
            return and_(*(_sql(part, fields, viewer) for part in parts))
        case Some(parts):
            return or_(*(_sql(part, fields, viewer) for part in parts))
        case Not(part):
            # SQL's NOT of an unknown is unknown and would drop the row.
            return not_(func.coalesce(_sql(part, fields, viewer), False))


def _sql(where: Where, fields: Fields, viewer: Viewer) -> Condition:
    sql = condition(where, fields, viewer)
    assert sql is not None  # noqa: S101 - only None has no SQL
    return sql


def names(where: Where | None) -> frozenset[str]:
    """The fields that a condition speaks of."""
    return frozenset(test.field for test in tests(where))


def values(where: Where | None, field: str) -> frozenset[Any]:
    """The values that a condition names of a field."""
    named = (
        test.value if isinstance(test.value, tuple) else (test.value,) for test in tests(where) if test.field == field
    )
    return frozenset(chain.from_iterable(named))


def with_places(where: Where | None, fields: Fields, place: Callable[[Any], Any]) -> Where | None:
    """The same condition with something else in the place of each value that its SQL only binds.

    Conditions that differ in such values alone are one and the same with their places, and so is their SQL.
    """
    match where:
        case Test(name, operator, value) if value is not None and fields[name][1].binds:
            several = isinstance(value, tuple)
            return Test(name, operator, tuple(map(place, value)) if several else place(value))
        case Every(parts) | Some(parts):
            return type(where)(tuple(_with_places(part, fields, place) for part in parts))
        case Not(part):
            return Not(_with_places(part, fields, place))
        case _:
            return where


def _with_places(where: Where, fields: Fields, place: Callable[[Any], Any]) -> Where:
    placed = with_places(where, fields, place)
    assert placed is not None  # noqa: S101 - only None becomes None
    return placed


def tests(where: Where | None) -> Iterator[Test]:
    """The questions that a condition is made of."""
    match where:
        case Test():
            yield where
        case Every(parts) | Some(parts):
            for part in parts:
                yield from tests(part)
        case Not(part):
            yield from tests(part)


def storable(text: str) -> str:
    """Text that PostgreSQL can hold. Raises Invalid for the two kinds that it can't."""
    if "\x00" in text:
        raise Invalid("Text can't contain the character U+0000.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("Text can't contain half of a surrogate pair.") from None
    return str(text.value) if isinstance(text, StrEnum) else text


def at_most(values: list[Any], limit: int = MAX_VALUES) -> list[Any]:
    if len(values) > limit:
        raise Invalid(f"A filter takes at most {limit} values in a list, not {len(values)}.")
    return values


def _leaves(value: Any) -> int:
    return sum(_leaves(item) for item in value) if isinstance(value, tuple) else 1


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise Invalid("This is not a value that JSON can hold.") from None
    if _ESCAPED_NUL.search(text):
        raise Invalid("Text can't contain the character U+0000.")
    return storable(text)
