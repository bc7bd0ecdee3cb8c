"""Lists in pages: what they can be ordered and filtered by, cursors, and the page of children for many parents.

A cursor is a keyset cursor: it holds the values that its row is ordered by, so a page starts after that row whatever
was inserted before it, and costs the same wherever it is.

GraphQL Cursor Connections Specification (Relay), sections 4 and 5.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, literal, or_, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from genji_graphql import moments
from genji_graphql.errors import Invalid
from genji_graphql.models import Base
from genji_graphql.reads.filters import Fields, Where, storable

DEFAULT_SIZE = 20


@dataclass(frozen=True, slots=True)
class Term:
    """One part of an order: the name of a field, and which way."""

    field: str
    descending: bool = False


Order = tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Listing:
    """How rows of one model are listed: the fields to order by, the order by default, the fields to filter by.

    Every order ends with the id, which makes it total. Columns to order by are NOT NULL: a comparison with NULL would
    lose rows.
    """

    model: type[Base]
    orders: Mapping[str, InstrumentedAttribute[Any]]
    default: Order
    fields: Fields

    def columns(self, order: Order) -> list[InstrumentedAttribute[Any]]:
        return [*(self.orders[term.field] for term in order), self.model.id]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list: the first `size` rows after a cursor, or the last before one."""

    size: int
    backwards: bool
    order: Order
    where: Where | None
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a page, in the order of the list."""

    rows: Sequence[Any]
    has_next: bool
    has_previous: bool


def page_of(
    listing: Listing,
    *,
    largest: int,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: Where | None = None,
    order: Order = (),
) -> Page:
    """The page that a client asks for. Raises Invalid for sizes and cursors that can't be."""
    if first is not None and last is not None:
        raise Invalid("Ask for `first` or for `last`, not for both.")
    backwards = last is not None
    size = last if last is not None else DEFAULT_SIZE if first is None else first
    if not 1 <= size <= largest:
        raise Invalid(f"`{'last' if backwards else 'first'}` goes from 1 to {largest}; {size} doesn't.")
    fields = [term.field for term in order]
    if len(set(fields)) < len(fields):
        raise Invalid("`orderBy` names a field twice.")
    order = order or listing.default
    return Page(
        size,
        backwards,
        order,
        where,
        None if after is None else _values(after, listing, order, where),
        None if before is None else _values(before, listing, order, where),
    )


def cursor(row: Base, listing: Listing, page: Page) -> str:
    """The place of a row in a list of this order and filter."""
    values = [getattr(row, column.key) for column in listing.columns(page.order)]
    # asyncpg gives infinity as the first or last moment there is, and without a zone.
    encoded = [moments.written(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value for value in values]
    return _cursor(_fingerprint(listing, page.order, page.where), encoded)


def cursors(listing: Listing, page: Page) -> Callable[[bytes], bytes]:
    """`cursor` for rows of one page, whose values come as a list in JSON; it goes out as JSON too."""
    fingerprint = _fingerprint(listing, page.order, page.where)
    return lambda values: b'"%b"' % _cursor(fingerprint, json.loads(values)).encode()


def _cursor(fingerprint: str, values: Sequence[Any]) -> str:
    return urlsafe_b64encode(json.dumps([fingerprint, *values], separators=(",", ":")).encode()).decode()


def slice_of(rows: Sequence[Any], page: Page) -> Slice:
    """The page, from its rows as the statement gives them: nearest to the cursor first, and one more than asked."""
    more, rows = len(rows) > page.size, rows[: page.size]
    if page.backwards:
        return Slice(rows[::-1], has_next=page.before is not None, has_previous=more or page.after is not None)
    return Slice(rows, has_next=more or page.before is not None, has_previous=page.after is not None)


def ordering(listing: Listing, page: Page) -> list[ColumnElement[Any]]:
    """ORDER BY: the list's order, turned round for a page that is read backwards."""
    return [
        column.desc() if descending != page.backwards else column.asc()
        for column, descending in zip(listing.columns(page.order), _directions(page.order), strict=True)
    ]


def between(listing: Listing, page: Page) -> list[ColumnElement[bool]]:
    """The rows after the one cursor and before the other."""
    columns, directions = listing.columns(page.order), _directions(page.order)
    return [
        _beyond(columns, values, [descending != towards_start for descending in directions])
        for values, towards_start in ((page.after, False), (page.before, True))
        if values is not None
    ]


def _directions(order: Order) -> list[bool]:
    # Ties are broken by id the way the last field runs, so that one index serves both.
    return [*(term.descending for term in order), order[-1].descending]


def _beyond(
    columns: Sequence[InstrumentedAttribute[Any]], values: Sequence[Any], descending: Sequence[bool]
) -> ColumnElement[bool]:
    bound = [literal(value, column.type) for column, value in zip(columns, values, strict=True)]
    if len(set(descending)) == 1:
        row, place = tuple_(*columns), tuple_(*bound)
        return row < place if descending[0] else row > place
    return or_(
        *(
            and_(
                *(column == value for column, value in zip(columns[:depth], bound[:depth], strict=True)),
                columns[depth] < bound[depth] if descending[depth] else columns[depth] > bound[depth],
            )
            for depth in range(len(columns))
        )
    )


def _fingerprint(listing: Listing, order: Order, where: Where | None) -> str:
    return hashlib.blake2s(repr((listing.model.__name__, order, where)).encode(), digest_size=6).hexdigest()


def _values(text: str, listing: Listing, order: Order, where: Where | None) -> tuple[Any, ...]:
    try:
        fingerprint, *values = json.loads(urlsafe_b64decode(text.encode("ascii")))
    except (ValueError, TypeError, RecursionError):
        raise Invalid("This cursor is not one of ours.") from None
    if fingerprint != _fingerprint(listing, order, where):
        raise Invalid("This cursor is from a list with another order or filter; begin again without it.")
    try:
        columns = listing.columns(order)
        return tuple(_value(column, value) for column, value in zip(columns, values, strict=True))
    except (ValueError, OverflowError):
        raise Invalid("This cursor is not one of ours.") from None


def _value(column: InstrumentedAttribute[Any], value: Any) -> Any:
    """A cursor's value as its column's type; whoever forged it gets a ValueError or an OverflowError."""
    expected = column.type.python_type
    if expected is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment.astimezone(UTC)
    if type(value) is not expected:
        raise ValueError(value)
    if expected is int:
        largest = 2**63 if isinstance(column.type, BigInteger) else 2**31
        if not -largest <= value < largest:
            raise ValueError(value)
    return storable(value) if isinstance(value, str) else value
