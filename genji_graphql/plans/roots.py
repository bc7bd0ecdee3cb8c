"""Where plans begin: the fields of the query itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from genji_graphql.models import Base
from genji_graphql.plans.arguments import Arguments
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Run
from genji_graphql.plans.shapes import Found, Level, Shown
from genji_graphql.plans.slots import ANY_PARENTS
from genji_graphql.reads import ids
from genji_graphql.reads.edges import ToMany, page_statement
from genji_graphql.reads.loaders import every_row
from genji_graphql.reads.pages import slice_of

_NULL = b"null"
_NOWHERE = 0
"""The parent of a list that has none."""

Keys = Mapping[Level, Sequence[int]]
"""What is looked for in each level."""


class Root(ABC):
    """A field of the query. What it looks up by ids is looked up with what the others do."""

    levels: Sequence[Level] = ()

    def keys(self, _run: Run) -> Keys:
        return {}

    @abstractmethod
    async def answer(self, run: Run, keys: Keys, found: Mapping[Level, Found]) -> bytes: ...


class Lookup(Root):
    """The row of an id."""

    def __init__(self, model: type[Base], arguments: Arguments, level: Level) -> None:
        self.levels = [level]
        self._model = model
        self._arguments = arguments

    def keys(self, run: Run) -> Keys:
        row_id = ids.row_id(self._arguments.given(run)["id"], self._model)
        return {self.levels[0]: [] if row_id is None else [row_id]}

    async def answer(self, _run: Run, keys: Keys, found: Mapping[Level, Found]) -> bytes:
        (level,) = self.levels
        return found[level].get(keys[level][0], _NULL) if keys[level] else _NULL


class Asker(Lookup):
    """Who is asking."""

    def __init__(self, level: Level) -> None:
        self.levels = [level]

    def keys(self, run: Run) -> Keys:
        return {self.levels[0]: [] if run.viewer.user_id is None else [run.viewer.user_id]}


class Things(Root):
    """Things of any type, by their global ids."""

    def __init__(self, levels: Mapping[str, Level], arguments: Arguments, most: int) -> None:
        self.levels = list(levels.values())
        self._levels = levels
        self._arguments = arguments
        self._most = most

    def keys(self, run: Run) -> Keys:
        named = self._named(run)
        return {level: list({number for of, number in named if of == name}) for name, level in self._levels.items()}

    def _named(self, run: Run) -> list[tuple[str, int]]:
        given = self._arguments.given(run)
        texts = [given["id"]] if "id" in given else given["ids"]
        if len(texts) > self._most:
            raise GaveUp("too many ids are asked for")
        return [ids.parse(text) or ("", 0) for text in texts]

    async def answer(self, run: Run, _keys: Keys, found: Mapping[Level, Found]) -> bytes:
        texts = [self._text(name, number, found) for name, number in self._named(run)]
        return texts[0] if "id" in self._arguments.given(run) else b"[%b]" % b",".join(texts)

    def _text(self, name: str, number: int, found: Mapping[Level, Found]) -> bytes:
        level = self._levels.get(name)
        return _NULL if level is None else found[level].get(number, _NULL)


class Page(Root):
    """A list in pages."""

    def __init__(self, level: Level) -> None:
        self._level = level

    async def answer(self, run: Run, _keys: Keys, _found: Mapping[Level, Found]) -> bytes:
        return (await self._level.load(run, [_NOWHERE]))[_NOWHERE]


class Every(Root):
    """A list that is never long, as a whole."""

    def __init__(self, edge: ToMany, shown: Shown) -> None:
        self._edge = edge
        self._shown = shown

    async def answer(self, run: Run, _keys: Keys, _found: Mapping[Level, Found]) -> bytes:
        rows = await run.fetch(self, lambda: self._statement(run))
        (texts,) = await self._shown.render(run, [slice_of(rows, every_row(self._edge)).rows])
        return b"[%b]" % b",".join(texts)

    def _statement(self, run: Run) -> Any:
        page = every_row(self._edge)
        return page_statement(self._edge, run.kind, page, ANY_PARENTS, lambda row: self._shown.columns(row, run.kind))
