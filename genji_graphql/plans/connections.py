"""Levels that are lists in pages, as the Relay specification of cursor connections has them."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import func

from genji_graphql.driver import Values
from genji_graphql.plans.arguments import Asked
from genji_graphql.plans.holes import Found, Level
from genji_graphql.plans.run import Row, Run
from genji_graphql.plans.scalars import as_list, fixed, integer, sent
from genji_graphql.plans.shapes import ROW, Cursor, Pieces, Shown
from genji_graphql.plans.slots import ANY_PARENTS, shape_of
from genji_graphql.reads.edges import ToMany, count_statement, gathered_statement
from genji_graphql.reads.pages import Page, Slice, cursors, slice_of


@dataclass(slots=True)
class Loaded:
    """One parent's page, and what is shown of its rows."""

    page: Slice
    texts: Sequence[bytes] = ()
    """For each shape, the texts of the rows, with commas between."""
    count: int = 0
    cursor: Callable[[int], bytes] = bytes
    """The cursor of a row of the page, by its number."""


Part = Callable[[Loaded], bytes]
"""A part of a connection's answer."""


@dataclass(frozen=True)
class Rows:
    """The rows in one shape."""

    shape: int

    def __call__(self, loaded: Loaded) -> bytes:
        return b"[%b]" % loaded.texts[self.shape]


@dataclass(frozen=True)
class PageInfo:
    """What is told of the page."""

    parts: Sequence[str | Part]

    @property
    def tells_cursors(self) -> bool:
        return start_cursor in self.parts or end_cursor in self.parts

    def __call__(self, loaded: Loaded) -> bytes:
        return b"".join(part.encode() if isinstance(part, str) else part(loaded) for part in self.parts)


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

    missing = None

    def __init__(
        self,
        edge: ToMany,
        asked: Asked,
        parts: Sequence[str | Part],
        shapes: Sequence[Pieces],
    ) -> None:
        self.edge = edge
        self.asked = asked
        self.parts = [part.encode() if isinstance(part, str) else part for part in parts]
        self.shapes = shapes
        self._alone = _Pages([self])

    @property
    def question(self) -> Hashable:
        page = self.asked.fixed_page(self.edge)
        return self if page is None else (self.edge, page)

    def joined(self, others: Sequence[Level]) -> Level:
        return _Pages([self, *(one for one in others if isinstance(one, Many))]) if others else self._alone

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        return await self._alone.load(run, keys)

    def written(self, loaded: Loaded) -> bytes:
        return b"".join([part if isinstance(part, bytes) else part(loaded) for part in self.parts])


@dataclass(slots=True)
class _List:
    """One parent's rows as the statement gives them."""

    page: Slice
    """With the rows' numbers in the place of rows."""
    texts: Sequence[bytes]
    places: Sequence[bytes] = ()


class _Pages(Level):
    """Pages that are asked for once, and shown in one way or in several."""

    missing = None

    def __init__(self, ways: Sequence[Many]) -> None:
        self._ways = ways
        self._edge = ways[0].edge
        self._asked = ways[0].asked
        parts = [part for way in ways for part in way.parts]
        self._counts = total in parts
        self._tells_of_page = any(isinstance(part, PageInfo) for part in parts)
        self._lists = self._tells_of_page or any(isinstance(part, Rows) for part in parts)
        self._tells_cursors = any(isinstance(part, PageInfo) and part.tells_cursors for part in parts)
        self._shown = Shown(*(shape for way in ways for shape in way.shapes))

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        (found,) = await self.load_together(run, [keys])
        return found

    async def load_together(self, run: Run, keys: Sequence[Collection[int]]) -> Sequence[Found]:
        page = self._asked.page(run, self._edge)
        shape, values = shape_of(page, self._edge.listing)
        wanted = list({key for several in keys for key in several})
        lists = await self._pages(run, page, shape, values, wanted)
        counts = await self._counted(run, shape, values, wanted)
        cursor = cursors(self._edge.listing, page)
        texts = iter(await self._texts(run, lists, keys, cursor))
        found: list[Found] = []
        for way, of_way in zip(self._ways, keys, strict=True):
            mine = [dict(zip(_found_of(lists, of_way), next(texts), strict=True)) for _ in way.shapes]
            # Most rows of a level may have nothing below them, so nothing is written once for all of them.
            empty = _List(slice_of(range(0), page), ())
            nothing = way.written(Loaded(empty.page, [b"" for _ in mine]))
            found.append(
                {
                    key: way.written(_loaded(key, lists.get(key, empty), mine, counts, cursor))
                    if key in lists or key in counts
                    else nothing
                    for key in of_way
                }
            )
        return found

    async def _pages(
        self, run: Run, page: Page, shape: Page, values: Values, keys: Collection[int]
    ) -> Mapping[int, _List]:
        if not self._lists:
            return {}
        # Where it has only to be shown, a list comes as it will stand in the answer.
        as_it_stands = not (self._tells_of_page or page.backwards)
        rows = await run.fetch(
            (self, shape), lambda: self._statement(run, shape, as_it_stands=as_it_stands), keys, values
        )
        run.loaded += sum(row[1] for row in rows) - len(rows)
        if as_it_stands:
            everything = slice_of((), page)
            return {row[0]: _List(everything, row[2:]) for row in rows}
        return {row[0]: self._list(row, page) for row in rows}

    def _list(self, row: Row, page: Page) -> _List:
        _, number, *texts = row
        in_order = slice_of(range(number), page)
        if self._tells_cursors:
            places, *texts = texts
            return _List(in_order, [_in(in_order, text) for text in texts], places.split(ROW))
        return _List(in_order, [_in(in_order, text) for text in texts])

    def _statement(self, run: Run, page: Page, *, as_it_stands: bool) -> Any:
        between = "," if as_it_stands else ROW.decode()
        place = as_list(cast(Any, self._edge.listing.columns(page.order)))

        def show(row: Any) -> list[Any]:
            places = [place.label("place")] if self._tells_cursors else []
            return places + self._shown.texts(row, run.kind, place)

        def gather(columns: Sequence[Any]) -> list[Any]:
            return [func.count(), *(sent(func.string_agg(column, fixed(between))) for column in columns)]

        return gathered_statement(
            self._edge, run.kind, page, ANY_PARENTS, show, gather, beyond=0 if as_it_stands else 1
        )

    async def _counted(self, run: Run, shape: Page, values: Values, keys: Collection[int]) -> Mapping[int, int]:
        if not self._counts:
            return {}
        rows: Any = await run.fetch(
            (self, "count", shape.where),
            lambda: count_statement(self._edge, run.kind, shape.where, ANY_PARENTS),
            keys,
            values,
        )
        return dict(rows)

    async def _texts(
        self, run: Run, lists: Mapping[int, _List], keys: Sequence[Collection[int]], cursor: Cursor
    ) -> list[list[bytes]]:
        """For each shape of each way, the lists of that way's keys."""
        texts: list[list[bytes]] = []
        for way, of_way in zip(self._ways, keys, strict=True):
            for _ in way.shapes:
                place = len(texts)
                texts.append([lists[key].texts[place] for key in _found_of(lists, of_way)])
        return await self._shown.filled(run, texts, cursor)


def _loaded(
    key: int, of_key: _List, texts: Sequence[Mapping[int, bytes]], counts: Mapping[int, int], cursor: Cursor
) -> Loaded:
    return Loaded(
        of_key.page,
        [text.get(key, b"") for text in texts],
        counts.get(key, 0),
        lambda number: cursor(of_key.places[number]),
    )


def _found_of(lists: Mapping[int, _List], keys: Collection[int]) -> list[int]:
    return [key for key in keys if key in lists]


def _in(order: Slice, text: bytes) -> bytes:
    """The rows of a text, in the order of the page."""
    rows = text.split(ROW)
    return b",".join([rows[number] for number in order.rows])
