"""Where plans begin: the fields of the query itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from genji_graphql.models import Base
from genji_graphql.plans.arguments import Arguments
from genji_graphql.plans.holes import Found, Level, Rope
from genji_graphql.plans.refusal import GaveUp, Gone
from genji_graphql.plans.run import Run
from genji_graphql.reads import ids

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
    async def answer(self, run: Run, keys: Keys, found: Mapping[Level, Found]) -> Rope: ...


class Lookup(Root):
    """The row of an id."""

    def __init__(self, model: type[Base], arguments: Arguments, level: Level) -> None:
        self.levels = [level]
        self._model = model
        self._arguments = arguments

    def keys(self, run: Run) -> Keys:
        row_id = ids.row_id(self._arguments.given(run)["id"], self._model)
        return {self.levels[0]: [] if row_id is None else [row_id]}

    async def answer(self, _run: Run, keys: Keys, found: Mapping[Level, Found]) -> Rope:
        (level,) = self.levels
        return found[level].get(keys[level][0], _NULL) if keys[level] else _NULL


class Asker(Lookup):
    """Who is asking."""

    def __init__(self, level: Level) -> None:
        self.levels = [level]

    def keys(self, run: Run) -> Keys:
        return {self.levels[0]: [] if run.viewer.user_id is None else [run.viewer.user_id]}


class Mentioned(Root):
    """A row that an event is about. Raises Gone where it must be in sight and isn't."""

    def __init__(self, name: str, level: Level) -> None:
        self.levels = [level]
        self._name = name

    def keys(self, run: Run) -> Keys:
        return {self.levels[0]: [run.event[self._name]]}

    async def answer(self, _run: Run, keys: Keys, found: Mapping[Level, Found]) -> Rope:
        (level,) = self.levels
        text = found[level].get(keys[level][0], level.missing)
        if text is None:
            raise Gone
        return text


class Said(Root):
    """A value that an event is told with."""

    def __init__(self, name: str, written: Callable[[Any], Any]) -> None:
        self._name = name
        self._written = written

    async def answer(self, run: Run, _keys: Keys, _found: Mapping[Level, Found]) -> Rope:
        return orjson.dumps(self._written(run.event[self._name]))


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

    async def answer(self, run: Run, _keys: Keys, found: Mapping[Level, Found]) -> Rope:
        texts = [self._text(name, number, found) for name, number in self._named(run)]
        if "id" in self._arguments.given(run):
            return texts[0]
        separated = [piece for text in texts for piece in (b",", text)][1:]
        return [b"[", *separated, b"]"]

    def _text(self, name: str, number: int, found: Mapping[Level, Found]) -> Rope:
        level = self._levels.get(name)
        return _NULL if level is None or level not in found else found[level].get(number, _NULL)


class List(Root):
    """A list, whole or in pages."""

    def __init__(self, level: Level) -> None:
        self._level = level

    async def answer(self, run: Run, _keys: Keys, _found: Mapping[Level, Found]) -> Rope:
        return (await self._level.load(run, [_NOWHERE]))[_NOWHERE]
