"""Shapes: what an answer shows of a row, in pieces that PostgreSQL writes and pieces that come from levels below."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Row, Run
from genji_graphql.plans.scalars import Json, fixed, sent

Found = Mapping[int, bytes]
"""What was found, by the number that it was looked for by."""


@dataclass(frozen=True, eq=False)
class Written:
    """A piece that the database writes, from a row that stands for its model or for an alias of it."""

    write: Callable[[Any, Viewer], Json]


class Level(ABC):
    """What is found for many rows in one go, by a number that stands in each of them."""

    key: str
    """The column of that number."""
    missing: bytes | None
    """What is shown where nothing is found; None where that would be an error."""

    @property
    def question(self) -> Hashable:
        """What is asked of the database. Levels beside each other that ask the same are asked together."""
        return self

    @abstractmethod
    async def load(self, run: Run, keys: Sequence[int]) -> Found: ...

    async def load_together(self, run: Run, keys: Sequence[Sequence[int]]) -> Sequence[Found]:
        """What each of several levels that ask the same finds by its own keys, this one being the first of them."""
        found = await self.load(run, list({key for several in keys for key in several}))
        return [found] * len(keys)

    def joined(self, _others: "Sequence[Level]") -> "Level":
        """The level to ask together with others that ask the same."""
        return self


Piece = str | Written | Level
Pieces = Sequence[Piece]


class Levels:
    """Levels beside each other."""

    def __init__(self, levels: Iterable[Level]) -> None:
        by_question: dict[Hashable, list[Level]] = {}
        for level in levels:
            by_question.setdefault(level.question, []).append(level)
        self._joined = [(one.joined(others), [one, *others]) for one, *others in by_question.values()]

    async def load(self, run: Run, keys: Mapping[Level, Sequence[int]]) -> Mapping[Level, Found]:
        """What each level finds by its keys. None is asked for nothing."""
        found: dict[Level, Found] = {}
        for joined, levels in self._joined:
            wanted = [keys.get(level, ()) for level in levels]
            if any(wanted):
                found |= zip(levels, await joined.load_together(run, wanted), strict=True)
        return found


@dataclass(frozen=True, eq=False)
class _Text:
    """Pieces that follow each other, written by the database in one column."""

    pieces: Sequence[str | Written]

    def column(self, row: Any, viewer: Viewer) -> Any:
        return sent(fixed(piece) if isinstance(piece, str) else piece.write(row, viewer) for piece in self.pieces)


_Joined = Sequence[bytes | _Text | Level]


class Shown:
    """All that is shown of the rows of a level, in one shape or in several."""

    def __init__(self, *shapes: Pieces, besides: Sequence[str] = ()) -> None:
        """With `besides`, columns that are needed whether or not they are shown."""
        self._shapes = [_joined(shape) for shape in shapes]
        pieces = [piece for shape in self._shapes for piece in shape]
        levels = [piece for piece in pieces if isinstance(piece, Level)]
        self._texts = [piece for piece in pieces if isinstance(piece, _Text)]
        self._levels = Levels(levels)
        self._values = list(dict.fromkeys([*besides, *(level.key for level in levels)]))

    def columns(self, row: Any, viewer: Viewer) -> list[Any]:
        """What is selected: values first, then texts."""
        # A label for each, lest two that are the same become one.
        values = [getattr(row, name).label(f"value_{place}") for place, name in enumerate(self._values)]
        return values + [text.column(row, viewer).label(f"text_{place}") for place, text in enumerate(self._texts)]

    @property
    def number(self) -> int:
        """How many shapes there are."""
        return len(self._shapes)

    def place_of(self, value: str) -> int:
        return self._values.index(value)

    async def render(self, run: Run, rows: Sequence[Sequence[Row]]) -> list[list[bytes]]:
        """The texts of each shape, given the rows of each."""
        keys = {
            piece: [row[place] for row in of_shape]
            for shape, of_shape in zip(self._shapes, rows, strict=True)
            for piece in shape
            if isinstance(piece, Level)
            for place in [self.place_of(piece.key)]
        }
        found = await self._levels.load(run, {level: list({*of_level} - {None}) for level, of_level in keys.items()})
        below = {
            level: [found.get(level, _NOTHING).get(key, level.missing) for key in of_level]
            for level, of_level in keys.items()
        }
        return [self._rendered(shape, of_shape, below) for shape, of_shape in zip(self._shapes, rows, strict=True)]

    def _rendered(self, shape: _Joined, rows: Sequence[Row], below: Mapping[Level, Sequence[Any]]) -> list[bytes]:
        # Column by column rather than row by row: what is done for each of thousands of rows is done in C.
        columns: list[Any] = []
        for piece in shape:
            if isinstance(piece, bytes):
                columns.append(repeat(piece, len(rows)))
                continue
            if isinstance(piece, Level):
                column = below[piece]
            else:
                place = len(self._values) + self._texts.index(piece)
                column = [row[place] for row in rows]
            if None in column:
                raise GaveUp("what may not be null is")
            columns.append(column)
        return list(map(b"".join, zip(*columns, strict=True)))


_NOTHING: Found = {}


def _joined(pieces: Pieces) -> _Joined:
    """The pieces, those in one that stand next to each other and don't come from below."""
    joined: list[bytes | _Text | Level] = []
    for from_below, group in groupby(pieces, lambda piece: isinstance(piece, Level)):
        together: list[Any] = list(group)
        if from_below:
            joined += together
        elif all(isinstance(piece, str) for piece in together):
            joined.append("".join(together).encode())
        else:
            joined.append(_Text(together))
    return joined
