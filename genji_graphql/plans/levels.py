"""Levels below a row: the row that an edge leads to, what is computed for it, what the viewer may do to it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Text, case, cast, false, func

from genji_graphql.access.rules import Action
from genji_graphql.models import Base
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import fixed, integer, sent
from genji_graphql.plans.shapes import Found, Level, Pieces, Shown, Written
from genji_graphql.plans.slots import ANY_PARENTS
from genji_graphql.reads.edges import (
    Answer,
    Computed,
    ToMany,
    abilities_statement,
    computed_statement,
    count_statement,
    rows_statement,
)
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
        self.key = key
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

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        return await self._alone.load(run, keys)


class _Rows(Level):
    """Rows of a model, each perhaps shown in several shapes: as somebody's creator, as somebody's owner."""

    key = "id"
    missing = None

    def __init__(self, model: type[Base], given: type[Base] | None, shapes: Sequence[Pieces]) -> None:
        self._model = model
        self._given = given
        self._shown = Shown(*shapes, besides=["id"])

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        (found,) = await self.load_together(run, [keys])
        return found

    async def load_together(self, run: Run, keys: Sequence[Sequence[int]]) -> Sequence[Found]:
        wanted = [frozenset(several) for several in keys]
        place = self._shown.place_of("id")
        rows = await run.fetch(self, lambda: self._statement(run), list(frozenset().union(*wanted)))
        by_shape = [[row for row in rows if row[place] in several] for several in wanted]
        texts = await self._shown.render(run, by_shape)
        return [
            dict(zip([row[place] for row in of_shape], shown, strict=True))
            for of_shape, shown in zip(by_shape, texts, strict=True)
        ]

    def _statement(self, run: Run) -> Any:
        return rows_statement(
            self._model, run.kind, self._given, ANY_PARENTS, lambda row: self._shown.columns(row, run.kind)
        )


class Calculated(Level):
    """A value for each row, from the rows at the end of an edge."""

    key = "id"

    def __init__(self, computed: Computed) -> None:
        self.missing = orjson.dumps(computed.default)
        self._computed = computed

    @property
    def question(self) -> Hashable:
        return self._computed

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        rows = await run.fetch(self, lambda: computed_statement(self._computed, run.kind, ANY_PARENTS, _json), keys)
        return {parent: b"null" if value is None else value for parent, value in rows}


class Grouped(Level):
    """Counts for each row, by group: a list of objects that are made here, as they are few."""

    key = "id"
    missing = b"[]"

    def __init__(self, computed: Computed, parts: Sequence[str | Attribute]) -> None:
        self._computed = computed
        self._parts = parts

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
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

    key = "id"
    missing = b"0"

    def __init__(self, edge: ToMany, where: Where | None) -> None:
        self._edge = edge
        self._where = where

    @property
    def question(self) -> Hashable:
        return self._edge, self._where

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        rows = await run.fetch(self, lambda: count_statement(self._edge, run.kind, self._where, ANY_PARENTS), keys)
        return {parent: integer(number) for parent, number in rows}


class Allowed(Level):
    """What the viewer may do to each row."""

    key = "id"
    missing = None

    def __init__(self, model: type[Base], pieces: Sequence[str | Action]) -> None:
        self._model = model
        self._pieces = pieces

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        rows: Any = await run.fetch(
            self, lambda: abilities_statement(self._model, run.kind, ANY_PARENTS, self._shown), keys
        )
        return dict(rows)

    def _shown(self, allowed: Answer) -> Sequence[Any]:
        return [
            sent(
                cast(func.coalesce(allowed(piece), false()), Text) if isinstance(piece, Action) else fixed(piece)
                for piece in self._pieces
            )
        ]


class Entrusted(Level):
    """A column that is shown to those only who may do something to the row."""

    key = "id"
    missing = None

    def __init__(self, model: type[Base], action: Action, written: Written) -> None:
        self._model = model
        self._action = action
        self._written = written

    async def load(self, run: Run, keys: Sequence[int]) -> Found:
        def shown(allowed: Answer) -> Sequence[Any]:
            told = case((allowed(self._action), self._written.write(self._model, run.kind)), else_=fixed("null"))
            return [sent([told])]

        rows: Any = await run.fetch(self, lambda: abilities_statement(self._model, run.kind, ANY_PARENTS, shown), keys)
        return dict(rows)


def _json(value: Any) -> Any:
    return sent([cast(func.to_json(value), Text)])
