"""The numbers and bullets of a Word document's lists, which its text doesn't hold: Word counts when it shows them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element

from genji_graphql.transfer.word_package import WORD
from genji_graphql.transfer.word_styles import ParagraphFormat, child_value, number

_NO_LIST = "0"  # takes a paragraph out of its style's list
_LONGEST_PATTERN = 100
_PLACE = re.compile("%([1-9])")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")  # what the fonts Symbol and Wingdings show as bullets
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_HIGHEST_ROMAN = 3999
_LONGEST_LETTERS = 20


class Item(NamedTuple):
    """An item of a list: which list of the file, at which level from 0, its number from the list's first and what is
    shown before it. None is a bullet's number, and what we can't count in (一, א …).
    """

    list_id: str
    level: int
    number: int | None
    marker: str | None


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    kind: str
    pattern: str
    restarts: bool
    in_digits: bool
    format: ParagraphFormat

    @classmethod
    def of(cls, level: Element) -> "_Level":
        start = number(child_value(level, "start"))
        return cls(
            start=1 if start is None else max(start, 0),
            kind=child_value(level, "numFmt") or "decimal",
            pattern=(child_value(level, "lvlText") or "")[:_LONGEST_PATTERN],
            restarts=child_value(level, "lvlRestart") != "0",
            in_digits=level.find(WORD + "isLgl") is not None,
            format=ParagraphFormat.of(level.find(WORD + "pPr")),
        )


_UNKNOWN = _Level(1, "unknown", "", True, False, ParagraphFormat())


@dataclass(frozen=True, slots=True)
class _List:
    """Those of one shape are counted on from one to the next, unless they say where they start."""

    shape: str
    starts: dict[int, int] = field(default_factory=dict)
    levels: dict[int, _Level] = field(default_factory=dict)


class Numbering:
    """What the lists of a file look like."""

    def __init__(self, part: Iterable[Element]) -> None:
        self._shapes: dict[str, dict[int, _Level]] = {}
        self._lists: dict[str, _List] = {}
        self._styled: dict[str, str] = {}  # the shape that a list style names
        self._borrowed: dict[str, str] = {}  # shapes that are another's, by that style
        for unit in part:
            if unit.tag == WORD + "abstractNum":
                self._take_shape(unit)
            elif unit.tag == WORD + "num":
                self._take_list(unit)

    def _take_shape(self, unit: Element) -> None:
        shape = unit.get(WORD + "abstractNumId", "")
        self._shapes[shape] = _levels(unit)
        if style := child_value(unit, "styleLink"):
            self._styled[style] = shape
        if style := child_value(unit, "numStyleLink"):
            self._borrowed[shape] = style

    def _take_list(self, unit: Element) -> None:
        found = _List(child_value(unit, "abstractNumId") or "")
        for override in unit.findall(WORD + "lvlOverride"):
            level = number(override.get(WORD + "ilvl"))
            start = number(child_value(override, "startOverride"))
            if level is not None and start is not None:
                found.starts[level] = max(start, 0)
            found.levels.update(_levels(override))
        self._lists[unit.get(WORD + "numId", "")] = found

    def list_of(self, list_id: str) -> _List | None:
        found = self._lists.get(list_id)
        if found is None or list_id == _NO_LIST:
            return None
        shape = self._styled.get(self._borrowed.get(found.shape, ""), found.shape)
        return _List(shape, found.starts, found.levels)

    def level(self, found: _List, level: int) -> _Level:
        return found.levels.get(level) or self._shapes.get(found.shape, {}).get(level, _UNKNOWN)

    def format(self, list_id: str | None, level: int) -> ParagraphFormat:
        """How the items of a list are set."""
        found = None if list_id is None else self.list_of(list_id)
        return ParagraphFormat() if found is None else self.level(found, level).format


class Counting:
    """Counts the items of a text as Word does."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()

    def item(self, list_id: str | None, level: int) -> Item | None:
        """The next item of a list, None where there is no such list."""
        found = None if list_id is None else self._numbering.list_of(list_id)
        if found is None or list_id is None:
            return None
        shown = self._numbering.level(found, level)
        count = self._count(list_id, found, level, shown)
        if shown.kind == "bullet":
            return Item(list_id, level, None, _bullet(shown.pattern))
        return Item(list_id, level, count, self._marker(found, shown))

    def _count(self, list_id: str, found: _List, level: int, shown: _Level) -> int:
        counts = self._counts.setdefault(found.shape, {})
        if level in found.starts and (list_id, level) not in self._begun:
            self._begun.add((list_id, level))
            counts[level] = found.starts[level]
        else:
            counts[level] = counts[level] + 1 if level in counts else shown.start
        for deeper in [each for each in counts if each > level and self._numbering.level(found, each).restarts]:
            del counts[deeper]
        return counts[level]

    def _marker(self, found: _List, shown: _Level) -> str | None:
        counts = self._counts[found.shape]
        known = True

        def count(place: re.Match[str]) -> str:
            nonlocal known
            level = int(place[1]) - 1
            each = self._numbering.level(found, level)
            text = _counted(counts.get(level, each.start), "decimal" if shown.in_digits else each.kind)
            known = known and text is not None
            return text or ""

        marker = _PLACE.sub(count, shown.pattern).strip()
        return marker if marker and known else None


def _levels(around: Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for level in around.findall(WORD + "lvl"):
        place = number(level.get(WORD + "ilvl"))
        if place is not None:
            found[place] = _Level.of(level)
    return found


def _bullet(pattern: str) -> str | None:
    if pattern == "\uf0a7":
        return "▪"
    return {"o": "◦"}.get(pattern, _PRIVATE_USE.sub("•", pattern).strip()) or None


def _counted(count: int, kind: str) -> str | None:
    """None for the kinds of number that we can't write."""
    match kind:
        case "decimal":
            return str(count)
        case "decimalZero":
            return f"{count:02}"
        case "none":
            return ""
        case "lowerLetter":
            return _letters(count)
        case "upperLetter":
            return _letters(count).upper()
        case "lowerRoman":
            return _roman(count)
        case "upperRoman":
            return _roman(count).upper()
    return None


def _letters(count: int) -> str:
    """As Word counts: a … z, aa, bb … zz, aaa …"""
    times, letter = divmod(count - 1, 26)
    return chr(ord("a") + letter) * (times + 1) if 0 <= times < _LONGEST_LETTERS else str(count)


def _roman(count: int) -> str:
    if not 0 < count <= _HIGHEST_ROMAN:
        return str(count)
    digits = []
    for worth, digit in _ROMAN:
        times, count = divmod(count, worth)
        digits.append(digit * times)
    return "".join(digits)
