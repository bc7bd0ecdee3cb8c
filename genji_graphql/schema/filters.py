"""Inputs that filter and order lists, and their plain form for `reads`."""

import re
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from genji_graphql.reads.pages import Listing, Order, Term
from genji_graphql.schema.scalars import JSON


def option(description: str, name: str | None = None) -> Any:
    """A field of an input that may be left out, which differs from null."""
    return strawberry.field(default=UNSET, description=description, name=name)


@strawberry.input(description="What a text must be.")
class StringFilter:
    eq: str | None = option("Exactly this. Null asks for what has none.")
    in_: list[str] | None = option("One of these.", "in")


@strawberry.input(description="Which rows are meant, by their ids. An id that names no row matches nothing.")
class IDFilter:
    eq: strawberry.ID | None = option("This one. Null asks for what has none.")
    in_: list[strawberry.ID] | None = option("One of these.", "in")


Word = TypeVar("Word", bound=Enum)


@strawberry.input(description="What a word of a vocabulary must be.")
class Filter(Generic[Word]):
    eq: Word | None = option("Exactly this.")
    in_: list[Word] | None = option("One of these.", "in")


@strawberry.input(description="What a truth must be.")
class BooleanFilter:
    eq: bool | None = option("This.")


@strawberry.input(description="When a moment must be.")
class DateTimeFilter:
    eq: datetime | None = option("At this moment. Null asks for what has none.")
    lt: datetime | None = option("Before this moment.")
    lte: datetime | None = option("Before or at this moment.")
    gt: datetime | None = option("After this moment.")
    gte: datetime | None = option("After or at this moment.")


@strawberry.input(description="What a number must be.")
class NumberFilter:
    eq: int | None = option("It is this one. Null asks for what has none.")
    in_: list[int] | None = option("It is one of these.", "in")


@strawberry.input(description="When a day must be.")
class DateFilter:
    eq: date | None = option("On this day. Null asks for what has none.")
    lt: date | None = option("Before this day.")
    lte: date | None = option("Before or on this day.")
    gt: date | None = option("After this day.")
    gte: date | None = option("After or on this day.")


@strawberry.input(description="What must stand at a place inside a JSON document.")
class JSONPathFilter:
    path: list[str] = strawberry.field(description="The way there: keys of objects and, as digits, indexes of lists.")
    eq: JSON | None = option("Exactly this value. Null asks for null and for what is missing.")
    in_: list[JSON] | None = option("One of these values.", "in")
    exists: bool | None = option("Must there be something, be it null?")


@strawberry.input(description="What a JSON document must hold.", one_of=True)
class JSONFilter:
    contains: JSON | None = option("This document, within it: PostgreSQL's `@>`. Indexed.")
    has_key: str | None = option("This key, or this string in a list.")
    has_any_keys: list[str] | None = option("One of these keys.")
    has_all_keys: list[str] | None = option("All of these keys.")
    path: JSONPathFilter | None = option("A value at a place inside it.")


@strawberry.enum(description="Which way a list runs.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("asc", description="The smallest, the earliest, the first letter first.")
    DESC = strawberry.enum_value("desc", description="The largest, the latest, the last letter first.")


_ORDERED_BY = {
    "position": "The order that the texts are read in.",
    "title": "The title.",
    "name": "The name.",
    "username": "The user name.",
    "version": "By number.",
    "revision": "How often it was changed before.",
    "created": "When it was created.",
    "created_at": "When it was created.",
    "modified": "When it was last changed.",
}


def order_input(noun: str, listing: Listing) -> Any:
    """The input that orders a list: one of its listing's fields, and a direction."""
    members = {name.upper(): strawberry.enum_value(name, description=_ORDERED_BY[name]) for name in listing.orders}
    make: Any = Enum  # mypy wants an enum's name to be a literal
    by = strawberry.enum(
        make(f"{noun}OrderField", members), description=f"What a list of {_words(noun)}s can be ordered by."
    )
    namespace = {
        "__annotations__": {"field": by, "direction": OrderDirection},
        "field": strawberry.field(description="What to order by."),
        "direction": strawberry.field(default=OrderDirection.ASC, description="Which way."),
    }
    return strawberry.input(
        type(f"{noun}Order", (), namespace),
        description="One term of an order. Ties go to the next, then to the id.",
    )


def _words(noun: str) -> str:
    """`DocumentCollection` → `document collection`"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", noun).lower()


def order_of(terms: list[Any] | None) -> Order:
    return tuple(Term(term.field.value, term.direction is OrderDirection.DESC) for term in terms or ())


def plain(value: Any) -> Any:
    """An input as plain mappings and lists, without what the client left out."""
    if is_dataclass(value):
        given = ((field.name.rstrip("_"), getattr(value, field.name)) for field in fields(value))
        return {name: plain(item) for name, item in given if item is not UNSET}
    if isinstance(value, list):
        # Only inputs are looked into: a list inside of a JSON value may be nested without bound.
        return [plain(item) if is_dataclass(item) else item for item in value]
    return value
