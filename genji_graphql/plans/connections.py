"""Levels that are lists in pages, as the Relay specification of cursor connections has them."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import orjson

from genji_graphql.plans.arguments import Arguments
from genji_graphql.plans.run import Row, Run
from genji_graphql.plans.scalars import integer
from genji_graphql.plans.shapes import Found, Level, Pieces, Shown
from genji_graphql.plans.slots import ANY_PARENTS, Values, shape_of
from genji_graphql.reads.edges import ToMany, count_statement, page_statement
from genji_graphql.reads.pages import Page, Slice, cursor_of, slice_of


@dataclass(slots=True)
class Loaded:
    """One parent's page, and what is shown of its rows."""

    page: Slice
    texts: list[list[bytes]] = field(default_factory=list)
    """For each shape, the text of each row."""
    count: int = 0
    cursor: Callable[[Row], bytes] = bytes


Part = Callable[[Loaded], bytes]
"""A part of a connection's answer."""


def nodes(shape: int, loaded: Loaded) -> bytes:
    return b"[%b]" % b",".join(loaded.texts[shape])


def edges(parts: Sequence[str | int | None], loaded: Loaded) -> bytes:
    """Each row by its parts: fixed text, the number of a shape, or None for its cursor."""
    columns: list[Any] = []
    for part in parts:
        if part is None:
            columns.append(map(loaded.cursor, loaded.page.rows))
        elif isinstance(part, int):
            columns.append(loaded.texts[part])
        else:
            columns.append([part.encode()] * len(loaded.page.rows))
    return b"[%b]" % b",".join(map(b"".join, zip(*columns, strict=True)))


def has_next(loaded: Loaded) -> bytes:
    return orjson.dumps(loaded.page.has_next)


def has_previous(loaded: Loaded) -> bytes:
    return orjson.dumps(loaded.page.has_previous)


def start_cursor(loaded: Loaded) -> bytes:
    return loaded.cursor(loaded.page.rows[0]) if loaded.page.rows else b"null"


def end_cursor(loaded: Loaded) -> bytes:
    return loaded.cursor(loaded.page.rows[-1]) if loaded.page.rows else b"null"


def total(loaded: Loaded) -> bytes:
    return integer(loaded.count)


PAGE_INFO: Mapping[str, Part] = {
    "hasNextPage": has_next,
    "hasPreviousPage": has_previous,
    "startCursor": start_cursor,
    "endCursor": end_cursor,
}


class Many(Level):
    """A page for each row. Rows are asked for where something of them is shown, their number where it is."""

    key = "id"
    missing = None

    def __init__(
        self,
        edge: ToMany,
        arguments: Arguments,
        parts: Sequence[str | Part],
        shapes: Sequence[Pieces],
        besides: Sequence[str] | None,
    ) -> None:
        """`besides` names columns that are needed whether or not they are shown; None stands for no rows at all."""
        self.edge = edge
        self.arguments = arguments
        self.parts = [part.encode() if isinstance(part, str) else part for part in parts]
        self.shapes = shapes
        self.besides = besides
        self._alone = _Pages([self])

    @property
    def question(self) -> Hashable:
        page = self.arguments.fixed_page(self.edge)
        return self if page is None else (self.edge, page)

    def joined(self, others: Sequence[Level]) -> Level:
        return _Pages([self, *(one for one in others if isinstance(one, Many))]) if others else self._alone

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        return await self._alone.load(run, keys)

    def written(self, loaded: Loaded) -> bytes:
        return b"".join([part if isinstance(part, bytes) else part(loaded) for part in self.parts])


class _Pages(Level):
    """Pages that are asked for once, and shown in one way or in several."""

    key = "id"
    missing = None

    def __init__(self, ways: Sequence[Many]) -> None:
        self._ways = ways
        self._edge = ways[0].edge
        self._arguments = ways[0].arguments
        self._counts = any(total in way.parts for way in ways)
        besides = [way.besides for way in ways if way.besides is not None]
        shapes = [shape for way in ways for shape in way.shapes]
        self._shown = Shown(*shapes, besides=list(chain.from_iterable(besides))) if besides else None

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        (found,) = await self.load_together(run, [keys])
        return found

    async def load_together(self, run: Run, keys: Sequence[Sequence[int]]) -> Sequence[Found]:
        page = self._arguments.page(run, self._edge)
        shape, values = shape_of(page, self._edge.listing)
        wanted = list({key for several in keys for key in several})
        slices = await self._slices(run, page, shape, values, wanted)
        counts = await self._counted(run, shape, values, wanted)
        texts = await self._texts(run, slices, keys)
        cursor = partial(self._cursor, page)
        found: list[Found] = []
        for way, of_way in zip(self._ways, keys, strict=True):
            mine, texts = texts[: len(way.shapes)], texts[len(way.shapes) :]
            # Most rows of a level may have nothing below them, so nothing is written once for all of them.
            nothing = way.written(Loaded(slice_of((), page), [[] for _ in mine]))
            empty = slice_of((), page)
            places = _places(slices, of_way)
            found.append(
                {
                    key: way.written(
                        Loaded(
                            slices.get(key, empty),
                            [text[places[key]] if key in places else [] for text in mine],
                            counts.get(key, 0),
                            cursor,
                        )
                    )
                    if key in slices or key in counts
                    else nothing
                    for key in of_way
                }
            )
        return found

    async def _slices(
        self, run: Run, page: Page, shape: Page, values: Values, keys: Sequence[int]
    ) -> Mapping[int, Slice]:
        shown = self._shown
        if shown is None:
            return {}
        rows = await run.fetch(
            (self, shape),
            lambda: page_statement(self._edge, run.kind, shape, ANY_PARENTS, lambda row: shown.columns(row, run.kind)),
            keys,
            values,
        )
        return {parent: slice_of(list(group), page) for parent, group in groupby(rows, itemgetter(-1))}

    async def _counted(self, run: Run, shape: Page, values: Values, keys: Sequence[int]) -> Mapping[int, int]:
        if not self._counts:
            return {}
        rows: Any = await run.fetch(
            (self, "count", shape.where),
            lambda: count_statement(self._edge, run.kind, shape.where, ANY_PARENTS),
            keys,
            values,
        )
        return dict(rows)

    async def _texts(self, run: Run, slices: Mapping[int, Slice], keys: Sequence[Sequence[int]]) -> list[list[bytes]]:
        """For each shape of each way, the texts of the rows below that way's keys."""
        if self._shown is None:
            return []
        rows = []
        for way, of_way in zip(self._ways, keys, strict=True):
            asked = [row for key in _found_of(slices, of_way) for row in slices[key].rows]
            rows += [asked] * len(way.shapes)
        return await self._shown.render(run, rows)

    def _cursor(self, page: Page, row: Row) -> bytes:
        assert self._shown is not None  # noqa: S101 - only what is shown has a cursor
        listing = self._edge.listing
        values = [row[self._shown.place_of(column.key)] for column in listing.columns(page.order)]
        return b'"%b"' % cursor_of(values, listing, page).encode()


def _found_of(slices: Mapping[int, Slice], keys: Sequence[int]) -> Iterator[int]:
    return (key for key in keys if key in slices)


def _places(slices: Mapping[int, Slice], keys: Sequence[int]) -> Mapping[int, slice]:
    """Where among all rows below these keys the rows of each stand."""
    places: dict[int, slice] = {}
    begin = 0
    for key in _found_of(slices, keys):
        end = begin + len(slices[key].rows)
        places[key] = slice(begin, end)
        begin = end
    return places
