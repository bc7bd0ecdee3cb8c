"""Levels below a row: the row that an edge leads to, and what is computed from the rows at the end of one."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Text, cast, func

from genji_graphql.models import Base
from genji_graphql.plans.holes import Found, Level, Number
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import integer, sent
from genji_graphql.plans.shapes import Pieces, Shown, Texts
from genji_graphql.plans.slots import ANY_PARENTS
from genji_graphql.reads.edges import Computed, ToMany, computed_statement, count_statement, rows_statement
from genji_graphql.reads.filters import Where
from genji_graphql.reads.stats import Stat, largest_first


@dataclass(frozen=True)
class Attribute:
    """Of an object that is made here."""

    name: str


class One(Level):
    """The row of an id that stands in a column."""

    def __init__(
        self, key: str, model: type[Base], given: type[Base] | None, pieces: Pieces, *, required: bool
    ) -> None:
        self.told = Number(key)
        self.missing = None if required else b"null"
        self._model = model
        self._given = given
        self.pieces = pieces
        self._alone = _Rows(model, given, [pieces])

    @property
    def question(self) -> Hashable:
        return self._model, self._given

    def joined(self, others: Sequence[Level]) -> Level:
        shapes = [self.pieces, *(one.pieces for one in others if isinstance(one, One))]
        return _Rows(self._model, self._given, shapes) if others else self._alone

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        return await self._alone.load(run, keys)


class _Rows(Level):
    """Rows of a model, each perhaps shown in several shapes: as somebody's creator, as somebody's owner."""

    missing = None

    def __init__(self, model: type[Base], given: type[Base] | None, shapes: Sequence[Pieces]) -> None:
        self._model = model
        self._given = given
        self._shown = Shown(*shapes)

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        if not self._shown.is_whole:
            (found,) = await self.load_together(run, [keys])
            return found
        rows: Any = await run.fetch(self, lambda: self._statement(run), keys)
        texts: dict[int, bytes] = dict(rows)
        self._shown.check(texts.values())
        return texts

    async def load_together(self, run: Run, keys: Sequence[Collection[int]]) -> Sequence[Found]:
        wanted = [frozenset(several) for several in keys]
        rows = await run.fetch(self, lambda: self._statement(run), list(frozenset().union(*wanted)))
        found = [[row[0] for row in rows if row[0] in several] for several in wanted]
        texts = await self._shown.filled(
            run,
            [
                Texts([row[place] for row in rows if row[0] in several], [1] * len(numbers))
                for place, (several, numbers) in enumerate(zip(wanted, found, strict=True), start=1)
            ],
        )
        return [dict(zip(numbers, shown, strict=True)) for numbers, shown in zip(found, texts, strict=True)]

    def _statement(self, run: Run) -> Any:
        return rows_statement(
            self._model,
            run.kind,
            self._given,
            ANY_PARENTS,
            lambda row: [row.id, *map(sent, self._shown.texts(row, run.kind))],
        )


class Calculated(Level):
    """A value for each row, from the rows at the end of an edge."""

    def __init__(self, computed: Computed) -> None:
        self.missing = orjson.dumps(computed.default)
        self._computed = computed

    @property
    def question(self) -> Hashable:
        return self._computed

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        rows = await run.fetch(self, lambda: computed_statement(self._computed, run.kind, ANY_PARENTS, _json), keys)
        return {parent: b"null" if value is None else value for parent, value in rows}


class Grouped(Level):
    """Counts for each row, by group: a list of objects that are made here, as they are few."""

    missing = b"[]"

    def __init__(self, computed: Computed, parts: Sequence[str | Attribute]) -> None:
        self._computed = computed
        self._parts = parts

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        rows = await run.fetch(self, lambda: computed_statement(self._computed, run.kind, ANY_PARENTS), keys)
        groups: dict[int, list[tuple[str | None, int]]] = {}
        for parent, group, value in rows:
            groups.setdefault(parent, []).append((group, value))
        return {parent: b"[%b]" % b",".join(map(self._written, largest_first(of))) for parent, of in groups.items()}

    def _written(self, stat: Stat) -> bytes:
        return b"".join(
            orjson.dumps(getattr(stat, part.name)) if isinstance(part, Attribute) else part.encode()
            for part in self._parts
        )


class Counted(Level):
    """How many rows there are at the end of an edge."""

    missing = b"0"

    def __init__(self, edge: ToMany, where: Where | None) -> None:
        self._edge = edge
        self._where = where

    @property
    def question(self) -> Hashable:
        return self._edge, self._where

    async def load(self, run: Run, keys: Collection[int]) -> Found:
        rows = await run.fetch(self, lambda: count_statement(self._edge, run.kind, self._where, ANY_PARENTS), keys)
        return {parent: integer(number) for parent, number in rows}


def _json(value: Any) -> Any:
    return sent(cast(func.to_json(value), Text))
