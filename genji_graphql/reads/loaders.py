"""Batches: all that one operation asks of an edge, at one moment, in one statement.

Loaders belong to one operation. They remember what they loaded, so after a change new ones are made.
"""

from asyncio import Semaphore, Task, current_task, shield
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiodataloader import DataLoader
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import RULES, Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Sessions
from genji_graphql.models import Base
from genji_graphql.reads.edges import (
    Computed,
    ToMany,
    ToOne,
    abilities_statement,
    computed_statement,
    count_statement,
    page_statement,
    rows_statement,
)
from genji_graphql.reads.filters import Where
from genji_graphql.reads.pages import Page, Slice, slice_of

Batch = Callable[[list[int]], Coroutine[Any, Any, list[Any]]]


_NEVER_MORE = 1000


class Loaders:
    """What one viewer's operation has asked for, and its answers."""

    def __init__(self, sessions: Sessions, viewer: Viewer, connections: int) -> None:
        self.viewer = viewer
        self._sessions = sessions
        self._turns = Semaphore(connections)
        self._loaders: dict[Hashable, DataLoader[int, Any]] = {}
        self._under_way: set[Task[Any] | None] = set()
        self.loaded = 0
        """How many rows and computed values the database has given."""

    async def row(self, model: type[Base], row_id: int, given: type[Base] | None = None) -> Any:
        """The row of this id, or None where it is missing or hidden."""
        return await self._load((model, given), partial(self._rows, model, given), row_id)

    async def one(self, edge: ToOne, row: Base) -> Any:
        key: int | None = getattr(row, edge.key)
        return None if key is None else await self.row(edge.target, key, edge.given)

    async def page(self, edge: ToMany, page: Page, parent: int = 0) -> Slice:
        loaded: Slice = await self._load((edge, page), partial(self._pages, edge, page), parent)
        return loaded

    async def every(self, edge: ToMany) -> Any:
        """All rows of a list that is never long."""
        return (await self.page(edge, every_row(edge))).rows

    async def count(self, edge: ToMany, where: Where | None, parent: int = 0) -> int:
        loaded: int = await self._load((edge, "count", where), partial(self._counts, edge, where), parent)
        return loaded

    async def computed(self, computed: Computed, parent: int) -> Any:
        return await self._load(computed, partial(self._computed, computed), parent)

    async def abilities(self, row: Base) -> Mapping[Action, bool]:
        """What the viewer may do to a row."""
        model = type(row)
        loaded: Mapping[Action, bool] = await self._load((model, "abilities"), partial(self._abilities, model), row.id)
        return loaded

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A short session for one read. An operation holds only so many connections at a time."""
        async with self._turns, self._sessions() as session:
            yield session

    async def _load(self, asked: Hashable, batch: Batch, key: int) -> Any:
        loader = self._loaders.get(asked)
        if loader is None:
            loader = self._loaders[asked] = DataLoader(partial(self._batch, batch))
        # Beside a field that fails, the executor cancels others. They share what they wait for with fields elsewhere.
        return await shield(loader.load(key))

    async def _batch(self, batch: Batch, keys: list[int]) -> list[Any]:
        task = current_task()
        self._under_way.add(task)
        try:
            return await batch(keys)
        finally:
            self._under_way.discard(task)

    def close(self) -> None:
        """End what is under way: batches are tasks of their own, and outlive whoever waits for them."""
        for task in self._under_way:
            if task is not None:
                task.cancel()

    async def _rows(self, model: type[Base], given: type[Base] | None, ids: Sequence[int]) -> list[Any]:
        async with self.session() as session:
            rows = await session.scalars(rows_statement(model, self.viewer, given, ids))
            found = {row.id: row for row in rows}
        self.loaded += len(found)
        return [found.get(row_id) for row_id in ids]

    async def _pages(self, edge: ToMany, page: Page, parents: Sequence[int]) -> list[Slice]:
        children: dict[int, list[Any]] = {parent: [] for parent in parents}
        async with self.session() as session:
            for child, parent in await session.execute(page_statement(edge, self.viewer, page, parents)):
                children[parent].append(child)
                self.loaded += 1
        return [slice_of(children[parent], page) for parent in parents]

    async def _counts(self, edge: ToMany, where: Where | None, parents: Sequence[int]) -> list[int]:
        async with self.session() as session:
            rows = await session.execute(count_statement(edge, self.viewer, where, parents))
            counts: dict[int, int] = {parent: count for parent, count in rows}  # noqa: C416 - dict() would take a result for a mapping
        self.loaded += len(parents)
        return [counts.get(parent, 0) for parent in parents]

    async def _abilities(self, model: type[Base], ids: Sequence[int]) -> list[Mapping[Action, bool]]:
        found: dict[int, Mapping[Action, bool]] = {}
        async with self.session() as session:
            for row_id, *answers in await session.execute(abilities_statement(model, self.viewer, ids)):
                found[row_id] = dict(zip(RULES[model], map(bool, answers), strict=True))
        self.loaded += len(ids)
        return [found.get(row_id, {}) for row_id in ids]

    async def _computed(self, computed: Computed, parents: Sequence[int]) -> list[Any]:
        values: dict[int, Any] = {}
        async with self.session() as session:
            for parent, *value in await session.execute(computed_statement(computed, self.viewer, parents)):
                if computed.by is None:
                    (values[parent],) = value
                else:
                    values.setdefault(parent, []).append(tuple(value))
        return [values.get(parent, computed.default) for parent in parents]


def every_row(edge: ToMany) -> Page:
    """A list that is never long, in one page."""
    return Page(_NEVER_MORE, backwards=False, order=edge.listing.default, where=None)
