"""Objects that Python makes of a column's JSON, written as the executor would complete them by the schema's types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from graphql import GraphQLLeafType, GraphQLObjectType
from sqlalchemy import Text, cast, func

from genji_graphql.database import Json
from genji_graphql.models import Base
from genji_graphql.plans import scalars
from genji_graphql.plans.holes import Draft, Drafts, Filling, Hole, Level, Reference, Told
from genji_graphql.plans.refusal import GaveUp

Writer = Callable[[Any, Draft], None]
"""Adds a value to a draft."""


@dataclass(frozen=True)
class Attribute:
    """Of an object, and how it is written."""

    name: str
    write: Writer


Parts = Sequence[str | Attribute]


@dataclass(frozen=True)
class Document(Told):
    """The JSON of a column, or nothing."""

    column: str

    def text(self, row: Any) -> scalars.Json:
        return func.coalesce(cast(getattr(row, self.column), Text), scalars.fixed(""))

    def read(self, texts: Sequence[bytes]) -> Sequence[Json | None]:
        return [Json(text.decode()) if text else None for text in texts]


class Made(Hole):
    """What is made of the JSON of a column."""

    def __init__(self, column: str, make: Callable[[Json | None], Any], write: Writer, levels: Sequence[Level]) -> None:
        self.told = Document(column)
        self._make = make
        self._write = write
        self._levels = levels

    @property
    def levels(self) -> Sequence[Level]:
        return self._levels

    def filling(self, told: Sequence[Json | None]) -> Filling:
        try:
            return Drafts([self._draft(document) for document in told])
        except GaveUp:
            raise
        except Exception as error:
            raise GaveUp("an object can't be made") from error

    def _draft(self, document: Json | None) -> Draft:
        draft: Draft = []
        self._write(self._make(document), draft)
        return draft


def leaf(type_: GraphQLLeafType) -> Writer:
    def write(value: Any, draft: Draft) -> None:
        draft.append(orjson.dumps(type_.coerce_output_value(value)))

    return write


def required(some: Writer) -> Writer:
    def write(value: Any, draft: Draft) -> None:
        if value is None:
            raise GaveUp("what may not be null is")
        some(value, draft)

    return write


def optional(some: Writer) -> Writer:
    def write(value: Any, draft: Draft) -> None:
        if value is None:
            draft.append(b"null")
        else:
            some(value, draft)

    return write


def several(one: Writer) -> Writer:
    def write(values: Any, draft: Draft) -> None:
        before = b"["
        for value in values:
            draft.append(before)
            one(value, draft)
            before = b","
        draft.append(b"[]" if before == b"[" else b"]")

    return write


def one_of(shapes: Sequence[tuple[GraphQLObjectType, Parts]]) -> Writer:
    """An object of one of these types."""
    writers = [(type_, _object(parts)) for type_, parts in shapes]
    of_class: dict[type, Writer] = {}

    def writer(value: Any) -> Writer:
        for type_, found in writers:
            if type_.is_type_of is None or type_.is_type_of(value, None):  # type: ignore[arg-type] # ours ask nothing of it
                return of_class.setdefault(type(value), found)
        raise GaveUp("an object is of no type")

    def write(value: Any, draft: Draft) -> None:
        # What type an object is of goes by its class.
        (of_class.get(type(value)) or writer(value))(value, draft)

    return write


def row(levels: Mapping[type[Base], Level]) -> Writer:
    """The row of a place."""

    def write(place: Any, draft: Draft) -> None:
        draft.append(Reference(levels[place.model], place.row_id))

    return write


def _object(parts: Parts) -> Writer:
    steps: list[tuple[bytes, Callable[[Any], Any], Writer]] = []
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            steps.append((text.encode(), attrgetter(part.name), part.write))
            text = ""
    end = text.encode()

    def write(value: Any, draft: Draft) -> None:
        for before, attribute, write_attribute in steps:
            draft.append(before)
            write_attribute(attribute(value), draft)
        draft.append(end)

    return write
