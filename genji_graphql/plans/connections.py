"""Levels that are lists in pages, as the Relay specification of cursor connections has them."""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, cast

import orjson
from sqlalchemy import Integer, Subquery, func, select

from genji_graphql.driver import Values
from genji_graphql.plans.arguments import Asked
from genji_graphql.plans.holes import Found, Level, Rope, joined
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import as_list, fixed, integer, sent
from genji_graphql.plans.shapes import LIST, ROW, Cursor, Pieces, Shown, Texts, split
from genji_graphql.plans.slots import ANY_PARENTS, shape_of
from genji_graphql.reads.edges import ToMany, count_statement, gathered_statement, shown_statement
from genji_graphql.reads.pages import Page, Slice, cursors, slice_of

_PART = 2**16
"""Bytes of the texts that come in one row, or a little more."""


@dataclass(slots=True)
class Loaded:
    """One parent's page, and what is shown of its rows."""

    page: Slice
    texts: Sequence[Rope] = ()
    """For each shape, the text of the rows, with commas between."""
    count: int = 0
    cursor: Cursor = bytes
    places: Sequence[bytes] = ()
    """What the cursors of the rows are made of."""


Part = Callable[[Loaded], Rope]
"""A part of a connection's answer."""


@dataclass(frozen=True)
class Rows:
    """The rows in one shape, between brackets."""

    shape: int

    def __call__(self, loaded: Loaded) -> Rope:
        return loaded.texts[self.shape]


@dataclass(frozen=True)
class PageInfo:
    """What is told of the page."""

    parts: Sequence[str | Part]

    @property
    def tells_cursors(self) -> bool:
        return start_cursor in self.parts or end_cursor in self.parts

    def __call__(self, loaded: Loaded) -> Rope:
        return joined([part.encode() if isinstance(part, str) else part(loaded) for part in self.parts])


def has_next(loaded: Loaded) -> bytes:
    return orjson.dumps(loaded.page.has_next)


def has_previous(loaded: Loaded) -> bytes:
    return orjson.dumps(loaded.page.has_previous)


def start_cursor(loaded: Loaded) -> bytes:
    return loaded.cursor(loaded.places[loaded.page.rows[0]]) if loaded.page.rows else b"null"


def end_cursor(loaded: Loaded) -> bytes:
    return loaded.cursor(loaded.places[loaded.page.rows[-1]]) if loaded.page.rows else b"null"


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
        self.parts = list(_bracketed(parts))
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

    def written(self, loaded: Loaded) -> Rope:
        return joined([part if isinstance(part, bytes) else part(loaded) for part in self.parts])


def _bracketed(parts: Sequence[str | Part]) -> Iterator[bytes | Part]:
    """The parts, with brackets around rows, and as few of them as can be: they are written for each parent."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        before, after = ("[", "]") if isinstance(part, Rows) else ("", "")
        yield (text + before).encode()
        yield part
        text = after
    yield text.encode()


@dataclass(slots=True)
class _Lists:
    """The lists of the parents that have any rows."""

    keys: Sequence[int] = ()
    pages: Sequence[Slice] = ()
    """With the rows' numbers in the place of rows."""
    texts: Sequence[Texts] = ()
    """For each shape."""
    places: Sequence[Sequence[bytes]] = ()

    def of(self, keys: Collection[int]) -> "_Lists":
        """Those of some parents."""
        wanted = frozenset(keys)
        if wanted.issuperset(self.keys):
            return self
        some = [number for number, key in enumerate(self.keys) if key in wanted]
        return _Lists(
            [self.keys[number] for number in some],
            [self.pages[number] for number in some],
            [texts.some(some) for texts in self.texts],
            self.places and [self.places[number] for number in some],
        )


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
        of_ways = [lists.of(of_way) for of_way in keys]
        shown = iter(await self._shown.filled(run, list(self._texts(of_ways)), cursor))
        found: list[Found] = []
        for way, mine, of_way in zip(self._ways, of_ways, keys, strict=True):
            empty = Loaded(slice_of(range(0), page), [b"" for _ in way.shapes])
            # Most rows of a level may have nothing below them, so nothing is written once for all of them.
            written = dict.fromkeys(of_way, way.written(empty))
            written |= {key: way.written(replace(empty, count=number)) for key, number in counts.items()}
            texts = [next(shown) for _ in way.shapes]
            for number, key in enumerate(mine.keys):
                of_key = [text[number] for text in texts]
                places = mine.places[number] if mine.places else ()
                written[key] = way.written(Loaded(mine.pages[number], of_key, counts.get(key, 0), cursor, places))
            found.append(written)
        return found

    def _texts(self, lists: Sequence[_Lists]) -> Iterator[Texts]:
        """For each shape of each way."""
        place = 0
        for way, of_way in zip(self._ways, lists, strict=True):
            for _ in way.shapes:
                yield of_way.texts[place] if of_way.keys else Texts()
                place += 1

    async def _pages(self, run: Run, page: Page, shape: Page, values: Values, keys: Collection[int]) -> _Lists:
        if not self._lists:
            return _Lists()
        # Where it has only to be shown, a list comes as it will stand in the answer.
        as_it_stands = not (self._tells_of_page or page.backwards)
        alone = len(keys) == 1
        parts: Any = await run.fetch(
            (self, shape, alone),
            lambda: self._statement(run, shape, as_it_stands=as_it_stands, alone=alone),
            keys,
            values,
        )
        if not parts:
            return _Lists()
        first, second, *columns = zip(*(sorted(parts) if alone else parts), strict=True)
        if alone:
            parents, numbers, between = list(keys), [sum(second)], b"," if as_it_stands else ROW
        else:
            parents, numbers, between = list(chain(*first)), list(chain(*second)), LIST
        run.loaded += sum(numbers) - len(parts)
        if as_it_stands:
            return _Lists(
                parents, [slice_of((), page)] * len(parents), [Texts(column, numbers, between) for column in columns]
            )
        texts = [between.join(column) for column in columns]
        pages = [slice_of(range(number), page) for number in numbers]
        places = [text.split(ROW) for text in texts.pop(0).split(LIST)] if self._tells_cursors else []
        return _Lists(parents, pages, [_in(pages, text) for text in texts], places)

    def _statement(self, run: Run, page: Page, *, as_it_stands: bool, alone: bool) -> Any:
        """What is shown of one parent's rows, in numbered parts; or of several parents', with a list for each.

        In few rows, since the driver would wake up for every few kilobytes of many; and in none that is large, since
        memory for a large text is taken anew each time it is copied, by PostgreSQL and by the driver.
        """
        place = as_list(cast(Any, self._edge.listing.columns(page.order)))

        def show(row: Any) -> list[Any]:
            places = [place.label("place")] if self._tells_cursors else []
            # Of rows of which nothing is shown, there is still the number to be told.
            return [*places, *self._shown.texts(row, run.kind, place)] or [fixed("").label("nothing")]

        def gather(between: str, texts: Sequence[Any]) -> list[Any]:
            return [func.string_agg(text, fixed(between)) for text in texts]

        between = "," if as_it_stands else ROW.decode()
        beyond = 0 if as_it_stands else 1
        if alone:
            rows = shown_statement(self._edge, run.kind, page, ANY_PARENTS, show, beyond=beyond).subquery()
            parts, part, texts = _in_parts(list(rows.c))
            return select(part, func.count(), *map(sent, gather(between, texts))).select_from(parts).group_by(part)
        lists = gathered_statement(
            self._edge,
            run.kind,
            page,
            ANY_PARENTS,
            show,
            lambda texts: [func.count().label("number"), *gather(between, texts)],
            beyond=beyond,
        ).subquery()
        parent, number, *of_lists = lists.c
        parts, part, texts = _in_parts(of_lists, parent.label("parent"), number)
        together = select(
            func.array_agg(parts.c.parent), func.array_agg(parts.c.number), *map(sent, gather(LIST.decode(), texts))
        )
        return together.group_by(part)

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


def _in_parts(texts: Sequence[Any], *beside: Any) -> tuple[Subquery, Any, Sequence[Any]]:
    """Rows with these texts: their part, a number, says of each how far it is from the first."""
    length = reduce(add, [func.octet_length(text, type_=Integer) for text in texts])
    so_far = func.sum(length).over(rows=(None, 0))
    parts = select((so_far // _PART).label("part"), *beside, *texts).subquery()
    return parts, parts.c.part, list(parts.c)[1 + len(beside) :]


def _in(pages: Sequence[Slice], text: bytes) -> Texts:
    """Lists of rows, each in the order of its page."""
    lists = [
        b",".join([rows[number] for number in page.rows])
        for page, rows in zip(pages, (rows.split(ROW) for rows in split(text, LIST, len(pages))), strict=True)
    ]
    return Texts(lists, [len(page.rows) for page in pages])
