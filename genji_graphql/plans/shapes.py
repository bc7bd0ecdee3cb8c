"""Shapes: what an answer shows of a row, written by PostgreSQL but for holes, which are filled from the levels below.

JSON has no place for control characters, so they mark the holes, and where a row and a list of rows end. The texts of
a thousand rows are cut at their holes and filled in C, whatever is in them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans.holes import Found, Hole, Level, Levels, Rope, Told
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import Json, fixed, joined

HOLE = b"\x01"
"""Begins and ends a hole; between them stands what it is to be filled by."""
ROW = b"\x02"
"""Between two rows of a list."""
LIST = b"\x03"
"""Between two lists, or what else is looked for by different numbers."""
NESTED_ROW = b"\x05"
"""Before each row of a list that is written within the row of its parent, so that they can be counted."""
_NULL = b"\x04"
"""Stands for a row that is null where it may not be."""

_MARK = HOLE.decode()
_NOWHERE = fixed("[]")
_FAR = 600
"""Bytes from one mark to the next, from which on it pays to leap."""
_SHORT = 200
"""Bytes of a filling below which a text with it is put together at once."""


@dataclass(frozen=True, eq=False)
class Written:
    """A piece that the database writes, from a row that its model stands for."""

    write: Callable[[Any, Viewer], Json]
    is_list: bool = False
    """Is it a list of other rows?"""


@dataclass(frozen=True, eq=False)
class Placed:
    """The cursor of a row of a list."""


@dataclass(frozen=True)
class Texts:
    """Texts of one shape, and of how many rows each is."""

    parts: Sequence[bytes] = ()
    """As they came: several texts have LIST between two of them, within a part and from one to the next."""
    rows: Sequence[int] = ()
    between: bytes = LIST
    """What belongs between two parts. Of one text it may be another."""

    @property
    def joined(self) -> bytes:
        return self.between.join(self.parts)

    @property
    def apart(self) -> list[Rope]:
        if len(self.rows) == len(self.parts):
            return list(self.parts)
        if len(self.rows) == 1:
            # A long list isn't put together here to be looked through for others and copied again.
            rope: list[Rope] = [piece for part in self.parts for piece in (part, self.between)]
            return [rope[:-1]]
        return list(self._each)

    def some(self, numbers: Sequence[int]) -> "Texts":
        """The texts of several that have these numbers."""
        each = self._each
        return Texts([each[number] for number in numbers], [self.rows[number] for number in numbers])

    @property
    def _each(self) -> list[bytes]:
        if len(self.rows) == 1:
            return [self.joined]
        marks = len(self.rows) // max(1, len(self.parts))
        return [text for part in self.parts for text in split(part, LIST, marks)]


def split(text: bytes, mark: bytes, marks: int) -> list[bytes]:
    """The text at its marks, of which there are about so many.

    `bytes.split` looks at each byte by itself. Where the marks are far apart, to leap from one to the next is faster.
    """
    if len(text) < _FAR * marks:
        return text.split(mark)
    texts, start = [], 0
    while (end := text.find(mark, start)) >= 0:
        texts.append(text[start:end])
        start = end + 1
    texts.append(text[start:])
    return texts


Piece = str | Written | Hole | Placed
Pieces = Sequence[Piece]


class Shape:
    """What is shown of a row in one place."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._holes = [piece for piece in pieces if isinstance(piece, Hole | Placed)]
        self.levels = [level for hole in self._holes if isinstance(hole, Hole) for level in hole.levels]

    @property
    def has_holes(self) -> bool:
        return bool(self._holes)

    def text(self, row: Any, viewer: Viewer, place: Json = _NOWHERE) -> Json:
        """A row's text, with its holes. `place` is what a cursor is made of."""
        pieces: list[Json] = []
        beside = ""
        for piece in self._texts(row, viewer, place):
            if isinstance(piece, str):
                beside += piece
            else:
                pieces += [fixed(beside), piece]
                beside = ""
        pieces.append(fixed(beside))
        return func.coalesce(joined(pieces), fixed(_NULL.decode()))

    def _texts(self, row: Any, viewer: Viewer, place: Json) -> Iterator[str | Json]:
        # What several holes are told stands in the first of them.
        told: set[Told] = set()
        for piece in self._pieces:
            match piece:
                case str():
                    yield piece
                case Written():
                    yield piece.write(row, viewer)
                case Placed():
                    yield from (_MARK, place, _MARK)
                case Hole() if piece.told in told:
                    yield from (_MARK, _MARK)
                case Hole():
                    told.add(piece.told)
                    yield from (_MARK, piece.told.text(row), _MARK)

    def cut(self, texts: Texts) -> "Cut | None":
        """The texts at their holes, unless they have none."""
        return Cut(texts, self._holes) if texts.rows and self._holes else None


class Cut:
    """The texts of many rows of one shape, cut at their holes: every other piece is one."""

    def __init__(self, texts: Texts, holes: Sequence[Hole | Placed]) -> None:
        # The end of a text and the beginning of the next are one piece.
        self._number = len(holes)
        self._lengths = [2 * self._number * rows for rows in texts.rows]
        pieces: Any = split(texts.joined, HOLE, sum(self._lengths))
        self._pieces: list[Any] = pieces
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

    def filled(self, found: Mapping[Level, Found], cursor: "Cursor | None") -> list[Rope]:
        """The texts, with what was found in their holes."""
        short = True
        for place, filling in enumerate(self._fillings):
            places = self._places(place)
            if filling is not None:
                texts = filling.texts(found)
            else:
                assert cursor is not None  # noqa: S101 - only rows of lists have one
                texts = [cursor(values) for values in self._pieces[places]]
            self._pieces[places] = texts
            short = short and _are_short(texts)
        return [b"".join(text) for text in self._apart()] if short else list(self._apart())

    def _apart(self) -> Iterator[list[Any]]:
        """Each text's own pieces."""
        pieces, start = self._pieces, 0
        for length in self._lengths[:-1]:
            end = start + length
            last, first = pieces[end].split(LIST)
            pieces[end] = last
            yield pieces[start : end + 1]
            pieces[end] = first
            start = end
        yield pieces[start:]


def _are_short(texts: Sequence[Rope]) -> bool:
    return {bytes}.issuperset(map(type, texts)) and sum(map(len, texts)) < _SHORT * len(texts)


Cursor = Callable[[bytes], bytes]
"""Makes a cursor of a row's values, which come as a list in JSON."""


class Shown:
    """All that is shown of the rows of a level, in one shape or in several."""

    def __init__(self, *shapes: Pieces) -> None:
        self._shapes = [Shape(pieces) for pieces in shapes]
        self._levels = Levels(level for shape in self._shapes for level in shape.levels)
        self.is_whole = len(self._shapes) == 1 and not self._shapes[0].has_holes
        """Is a row's one text all that there is of it?"""

    def texts(self, row: Any, viewer: Viewer, place: Json = _NOWHERE) -> list[Json]:
        """What is selected of a row: its text in each shape. `place` is what a cursor is made of."""
        # A label for each, lest two that are the same become one.
        return [shape.text(row, viewer, place).label(f"text_{number}") for number, shape in enumerate(self._shapes)]

    def check(self, texts: Iterable[bytes]) -> None:
        for text in texts:
            if _NULL in text:
                raise GaveUp("what may not be null is")

    async def filled(self, run: Run, texts: Sequence[Texts], cursor: Cursor | None = None) -> list[list[Rope]]:
        """For each shape its texts, as many as there are, with all their holes filled."""
        self.check(part for of_shape in texts for part in of_shape.parts)
        cut = [shape.cut(of_shape) for shape, of_shape in zip(self._shapes, texts, strict=True)]
        wanted = {level: numbers for one in cut if one is not None for level, numbers in one.wanted().items()}
        found = await self._levels.load(run, wanted)
        return [
            of_shape.apart if one is None else one.filled(found, cursor)
            for one, of_shape in zip(cut, texts, strict=True)
        ]
