"""Holes: places in the text of each row for what isn't found yet, and the levels in which it is found."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, func

from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import Json

Rope = bytes | list["Rope"]
"""A text, or the texts that it consists of: what is long is put together at the end, once."""

Found = Mapping[int, Rope]
"""What was found, by the number that it was looked for by."""

_NOTHING: Found = {}

_SHORT = 1000
"""Bytes below which a text is put together at once."""


def joined(pieces: list[Rope]) -> Rope:
    """The pieces as one text, if they are short ones."""
    if {bytes}.issuperset(map(type, pieces)) and sum(map(len, pieces)) < _SHORT:
        return b"".join(pieces)  # type: ignore[arg-type]
    return pieces


def pieces_of(text: Rope) -> list[bytes]:
    """What a text consists of, in order."""
    pieces: list[bytes] = []
    _take(text, pieces)
    return pieces


def _take(text: Rope, pieces: list[bytes]) -> None:
    # No function within the other: one that calls itself is a cycle, and would keep all pieces until it is collected.
    if isinstance(text, bytes):
        pieces.append(text)
    else:
        for piece in text:
            _take(piece, pieces)


class Told(ABC):
    """What stands in each row's hole until that is filled, as the same value of a row always does."""

    @abstractmethod
    def text(self, row: Any) -> Json:
        """Of a row that its model stands for, without control characters."""

    def read(self, texts: Sequence[bytes]) -> Any:
        """What many rows told. Holes of theirs that are told the same share it."""
        return texts


class Hole(ABC):
    """A place in each of many rows, for what is found by something that is told there."""

    told: Told

    @property
    @abstractmethod
    def levels(self) -> "Sequence[Level]":
        """Where it is found."""

    @abstractmethod
    def filling(self, told: Any) -> "Filling": ...


class Filling(ABC):
    """What goes into a hole of many rows."""

    wanted: "Mapping[Level, Collection[int]]"
    """What has to be found for it."""

    @abstractmethod
    def texts(self, found: "Mapping[Level, Found]") -> list[Rope]:
        """For each row."""


@dataclass(frozen=True)
class Number(Told):
    """The number in a column, or 0, which no row has."""

    column: str

    def text(self, row: Any) -> Json:
        return cast(func.coalesce(getattr(row, self.column), 0), Text)

    def read(self, texts: Sequence[bytes]) -> "Numbers":
        return Numbers(list(map(int, texts)))


ID = Number("id")


@dataclass(frozen=True, eq=False)
class Numbers:
    each: list[int]

    @cached_property
    def distinct(self) -> Collection[int]:
        return frozenset(self.each) - {0}


class Level(Hole):
    """What is found for many rows in one go, by a number that stands in each of them."""

    told: Number = ID
    missing: bytes | None
    """What is shown where nothing is found; None where that would be an error."""

    @property
    def levels(self) -> "Sequence[Level]":
        return [self]

    def filling(self, told: Numbers) -> Filling:
        return _OfLevel(self, told)

    @property
    def question(self) -> Hashable:
        """What is asked of the database. Levels beside each other that ask the same are asked together."""
        return self

    @abstractmethod
    async def load(self, run: Run, keys: Collection[int]) -> Found: ...

    async def load_together(self, run: Run, keys: Sequence[Collection[int]]) -> Sequence[Found]:
        """What each of several levels that ask the same finds by its own keys, this one being the first of them."""
        found = await self.load(run, {key for several in keys for key in several})
        return [found] * len(keys)

    def joined(self, _others: "Sequence[Level]") -> "Level":
        """The level to ask together with others that ask the same."""
        return self


class Levels:
    """Levels beside each other."""

    def __init__(self, levels: Iterable[Level]) -> None:
        by_question: dict[Hashable, list[Level]] = {}
        for level in levels:
            by_question.setdefault(level.question, []).append(level)
        self._joined = [(one.joined(others), [one, *others]) for one, *others in by_question.values()]

    async def load(self, run: Run, keys: Mapping[Level, Collection[int]]) -> Mapping[Level, Found]:
        """What each level finds by its keys. None is asked for nothing."""
        found: dict[Level, Found] = {}
        for joined_, levels in self._joined:
            wanted = [keys.get(level, ()) for level in levels]
            if len(levels) == 1 and wanted[0]:
                found[levels[0]] = await joined_.load(run, wanted[0])
            elif any(wanted):
                found |= zip(levels, await joined_.load_together(run, wanted), strict=True)
        return found


class _OfLevel(Filling):
    """What a level finds by the number of each row."""

    def __init__(self, level: Level, numbers: Numbers) -> None:
        self.wanted = {level: numbers.distinct}
        self._level = level
        self._numbers = numbers.each

    def texts(self, found: Mapping[Level, Found]) -> list[Rope]:
        of_level, missing = found.get(self._level, _NOTHING).get, self._level.missing
        texts = [of_level(number, missing) for number in self._numbers]
        if missing is None and None in texts:
            raise GaveUp("what may not be null is")
        return texts  # type: ignore[return-value]


class Reference(NamedTuple):
    """What a level finds by a number."""

    level: Level
    number: int

    def text(self, found: Mapping[Level, Found]) -> Rope:
        text = found.get(self.level, _NOTHING).get(self.number, self.level.missing)
        if text is None:
            raise GaveUp("what may not be null is")
        return text


Draft = list[bytes | Reference]
"""The text of one row that is written here, with references to what isn't found yet."""


class Drafts(Filling):
    """A draft for each row."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        self._drafts = list(drafts)
        self.wanted: dict[Level, set[int]] = {}
        for draft in self._drafts:
            for piece in draft:
                if isinstance(piece, Reference):
                    self.wanted.setdefault(piece.level, set()).add(piece.number)

    def texts(self, found: Mapping[Level, Found]) -> list[Rope]:
        return [[piece if isinstance(piece, bytes) else piece.text(found) for piece in draft] for draft in self._drafts]
