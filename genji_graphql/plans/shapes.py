"""Shapes: what an answer shows of a row, written by PostgreSQL but for holes, which are filled from the levels below.

JSON has no place for control characters, so they mark the holes, and where a row and a list of rows end. The texts of
a thousand rows are cut at their holes, filled and joined in C, whatever is in them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans.holes import Found, Hole, Level, Levels, Told
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import Json, fixed, joined

HOLE = b"\x01"
"""Begins and ends a hole; between them stands what it is to be filled by."""
ROW = b"\x02"
"""Between two rows of a list."""
LIST = b"\x03"
"""Between two lists, or what else is looked for by different numbers."""
_NULL = b"\x04"
"""Stands for a row that is null where it may not be."""

_MARK = fixed(HOLE.decode())
_NOWHERE = fixed("[]")


@dataclass(frozen=True, eq=False)
class Written:
    """A piece that the database writes, from a row that its model stands for."""

    write: Callable[[Any, Viewer], Json]


@dataclass(frozen=True, eq=False)
class Placed:
    """The cursor of a row of a list."""


Piece = str | Written | Hole | Placed
Pieces = Sequence[Piece]


class Shape:
    """What is shown of a row in one place."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._holes = [piece for piece in pieces if isinstance(piece, Hole | Placed)]
        self.levels = [level for hole in self._holes if isinstance(hole, Hole) for level in hole.levels]

    def text(self, row: Any, viewer: Viewer, place: Json) -> Json:
        """A row's text, with its holes. What several are told stands in the first of them."""
        told: set[Told] = set()
        pieces: list[Json] = []
        for piece in self._pieces:
            match piece:
                case str():
                    pieces.append(fixed(piece))
                case Written():
                    pieces.append(piece.write(row, viewer))
                case Placed():
                    pieces += [_MARK, place, _MARK]
                case Hole() if piece.told in told:
                    pieces += [_MARK, _MARK]
                case Hole():
                    told.add(piece.told)
                    pieces += [_MARK, piece.told.text(row), _MARK]
        return func.coalesce(joined(pieces), fixed(_NULL.decode()))

    def cut(self, texts: Sequence[bytes]) -> "Cut | None":
        """The texts as one, unless they have no holes."""
        return Cut(LIST.join(texts).split(HOLE), self._holes) if texts and self._holes else None


class Cut:
    """The text of many rows of one shape, cut at its holes: every other piece is one."""

    def __init__(self, pieces: list[bytes], holes: Sequence[Hole | Placed]) -> None:
        self._pieces = pieces
        self._number = len(holes)
        told: dict[Told, Any] = {}
        for place, hole in enumerate(holes):
            if isinstance(hole, Hole) and hole.told not in told:
                told[hole.told] = hole.told.read(pieces[self._places(place)])
        self._fillings = [hole.filling(told[hole.told]) if isinstance(hole, Hole) else None for hole in holes]

    def _places(self, hole: int) -> slice:
        # Every row has the same holes, in the same order.
        return slice(2 * hole + 1, None, 2 * self._number)

    def wanted(self) -> Mapping[Level, Collection[int]]:
        return {level: numbers for one in self._fillings if one is not None for level, numbers in one.wanted.items()}

    def filled(self, found: Mapping[Level, Found], cursor: "Cursor | None") -> bytes:
        for place, filling in enumerate(self._fillings):
            places = self._places(place)
            if filling is not None:
                self._pieces[places] = filling.texts(found)
                continue
            assert cursor is not None  # noqa: S101 - only rows of lists have one
            self._pieces[places] = list(map(cursor, self._pieces[places]))
        return b"".join(self._pieces)


Cursor = Callable[[bytes], bytes]
"""Makes a cursor of a row's values, which come as a list in JSON."""


class Shown:
    """All that is shown of the rows of a level, in one shape or in several."""

    def __init__(self, *shapes: Pieces) -> None:
        self._shapes = [Shape(pieces) for pieces in shapes]
        self._levels = Levels(level for shape in self._shapes for level in shape.levels)

    def texts(self, row: Any, viewer: Viewer, place: Json = _NOWHERE) -> list[Json]:
        """What is selected of a row: its text in each shape. `place` is what a cursor is made of."""
        # A label for each, lest two that are the same become one.
        return [shape.text(row, viewer, place).label(f"text_{number}") for number, shape in enumerate(self._shapes)]

    async def filled(
        self, run: Run, texts: Sequence[Sequence[bytes]], cursor: Cursor | None = None
    ) -> list[list[bytes]]:
        """For each shape its texts, as many as there are, with all their holes filled."""
        if any(_NULL in text for of_shape in texts for text in of_shape):
            raise GaveUp("what may not be null is")
        cut = [shape.cut(of_shape) for shape, of_shape in zip(self._shapes, texts, strict=True)]
        wanted = {level: numbers for one in cut if one is not None for level, numbers in one.wanted().items()}
        found = await self._levels.load(run, wanted)
        return [
            list(of_shape) if one is None else one.filled(found, cursor).split(LIST)
            for one, of_shape in zip(cut, texts, strict=True)
        ]
