"""The elements of a TEI text, found while a parser tells its tags and characters.

An element of ours is the innermost `seg`, `l`, `p`, `head` or their like that holds text of its own; whatever is in
it (segments, verse, phrases) belongs to its text. One that holds nothing but others is none: those are. Text that
stands outside them all becomes an element as well, so that nothing is lost and nothing said twice.

Whether a paragraph holds text of its own may show only at its last word. Until then its segments are held back, or
until together they are longer than any paragraph may be.

The text is not normalised: an edition's code points are its own. Only the white space of XML's layout is folded.
"""

import re
from collections.abc import Callable, Iterator
from itertools import accumulate, groupby
from typing import Any, NamedTuple, Never, TypeVar

from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer.source import SourceElement
from genji_graphql.transfer.white_space import NO_BREAK, folded, folding

TEI = "http://www.tei-c.org/ns/1.0 "
XML = "http://www.w3.org/XML/1998/namespace "
_XINCLUDE = "http://www.w3.org/2001/XInclude "

DEEPEST = 200

# An element at any depth, if it holds text of its own. So is `l`, but for one within a `seg`. Any other tag is so
# only outside of these: a `speaker` in a speech, not an `hi` in a paragraph.
_UNITS = ("cell", "head", "item")
_PARAGRAPHS = ("ab", "p")

# These hold no text of their own.
_CONTAINERS = (
    *("group", "floatingText", "front", "body", "back", "titlePage", "docTitle", "opener", "closer", "postscript"),
    *("list", "listBibl", "table", "row", "figure", "sp", "spGrp", "castList", "castGroup", "set"),
)
_DIVISIONS = ("div", "div1", "div2", "div3", "div4", "div5", "div6", "div7")

# The types of division whose numbers are told.
_NUMBERED = frozenset(
    {"act", "book", "canto", "chapter", "letter", "part", "poem", "scene", "section", "subsection", "volume"}
)

# What an editor says of the text is not in the text, nor is what was struck out, or printed around it.
_ASIDES = ("del", "figDesc", "fw", "index", "note", "noteGrp", "rt", "wit", "witDetail")

# In a `choice` these stand beside `expan`, `reg` and `corr`, which are read.
_NOT_CHOSEN = ("abbr", "orig", "sic")

_VERSE = "verse"  # the type of an lg that doesn't tell it
_VERSE_ATTRIBUTES = (("id", XML + "id"), ("type", "type"), ("rhyme", "rhyme"), ("met", "met"))

_LONGEST_VALUE = 1_000  # an attribute's value is repeated with each element that it describes

_IRI = re.compile("[A-Za-z][A-Za-z0-9+.-]*:.")

Attributes = dict[str, str]
_Number = int | str
_Default = TypeVar("_Default")
_Closing = Callable[[], None] | None
_Opening = Callable[[str, Attributes], _Closing]


class _Place(NamedTuple):
    divisions: dict[str, _Number]
    paragraph: _Number | None
    page: _Number | None
    line: _Number | None
    facs: str | None
    verse: Attributes | None


_UNGROUPED: Attributes = {}  # of lines that stand in no lg
_NOWHERE = _Place({}, None, None, None, None, None)


class _Line(NamedTuple):
    """A line of verse: where its pieces begin and end, and the attributes of the outermost `lg` around it."""

    begin: int
    end: int
    verse: Attributes


class _Unit:
    """What may become an element."""

    __slots__ = ("attributes", "begin", "end", "holds_text", "inner", "lines", "place", "tag", "too_long")

    def __init__(self, tag: str, attributes: Attributes, begin: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.begin = self.end = begin
        self.holds_text = False
        self.too_long = False
        self.place = _NOWHERE
        self.inner: list[_Unit] = []
        self.lines: list[_Line] = []


class TextElements:
    def __init__(
        self, refuse: Callable[[str], Never], *, pass_over: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self.refuse = refuse
        self.pass_over = pass_over
        self.ended = ended
        self.count = 0

        self._found: list[SourceElement] = []
        self._ids = _Ids()
        self._base: str | None = None

        self._closings: list[_Closing] = []  # what is to be done at the end of each open tag
        self._units: list[_Unit] = []  # the open ones, outermost first
        self._loose = False  # the open unit is of text that stands outside all units
        self._pieces: list[str] = []  # the characters within the outermost unit
        self._dropped = 0  # how many of those pieces are gone
        self._size = 0

        self._divisions: dict[str, _Number] = {}
        self._counts: dict[str, int] = {}  # of divisions and paragraphs within the division
        self._paragraph: _Number | None = None
        self._page: _Number | None = None
        self._facs: str | None = None
        self._line: _Number | None = None
        self._line_count = 0

        self._segments = 0
        self._verse: Attributes | None = None
        self._line_begins: list[int] = []
        self._choices: list[int] = []  # at which depth the children of each open `choice` are
        self._readings: list[bool] = []  # whether each open `app` has given its reading

        openings: dict[str, _Opening] = {
            **dict.fromkeys(_UNITS, self._block),
            **dict.fromkeys(_PARAGRAPHS, self._open_paragraph),
            **dict.fromkeys(_CONTAINERS, self._container),
            **dict.fromkeys(_DIVISIONS, self._division),
            **dict.fromkeys(_ASIDES, self._aside),
            **dict.fromkeys(_NOT_CHOSEN, self._alternative),
            "text": self._text,
            "seg": self._segment,
            "lg": self._verse_group,
            "l": self._verse_line,
            "pb": self._page_break,
            "cb": self._break,
            "lb": self._line_break,
            "choice": self._choice,
            "app": self._apparatus,
            "lem": self._reading,
            "rdg": self._reading,
        }
        self._openings = {TEI + tag: opening for tag, opening in openings.items()}
        self._openings[_XINCLUDE + "include"] = self._include

    def describe(self, attributes: Attributes) -> None:
        base = attributes.get(XML + "base", "")
        if _IRI.match(base):
            self._base = base.partition("#")[0]

    def taken(self) -> Iterator[SourceElement]:
        """The elements found since the last time."""
        found, self._found = self._found, []
        return iter(found)

    # What the parser tells

    def start(self, name: str, attributes: Attributes) -> None:
        opening = self._openings.get(name)
        self._closings.append(opening(name, attributes) if opening else self._phrase(name, attributes))
        if len(self._closings) > DEEPEST:
            self.refuse("its elements are nested too deep")

    def end(self, _name: str) -> None:
        closing = self._closings.pop()
        if closing is not None:
            closing()

    def characters(self, data: str) -> None:
        blank = data.isspace()
        if not self._units:
            if blank:
                return
            self._open("text", {})
            self._loose = True
        unit = self._units[-1]
        if not blank and not unit.holds_text:
            self._hold_text(unit)
        self._add(data)

    # What each tag opens; the answer is what its end does

    def _text(self, name: str, attributes: Attributes) -> _Closing:
        return self._container(name, attributes) if self._closings else self._end_text

    def _end_text(self) -> None:
        self._end_loose()
        self.ended()

    def _container(self, _name: str, _attributes: Attributes) -> _Closing:
        self._end_loose()
        self._add_break()
        return self._close_container

    def _close_container(self) -> None:
        self._end_loose()
        self._add_break()

    def _division(self, name: str, attributes: Attributes) -> _Closing:
        kind = attributes.get("type", "").lower()
        if kind not in _NUMBERED:
            return self._container(name, attributes)
        self._container(name, attributes)
        divisions, counts = self._divisions, self._counts
        counts[kind] = counts.get(kind, 0) + 1
        self._divisions = {**divisions, kind: _number(attributes, counts[kind])}
        self._counts = {}

        def close() -> None:
            self._close_container()
            self._divisions, self._counts = divisions, counts

        return close

    def _phrase(self, name: str, attributes: Attributes) -> _Closing:
        if self._units:
            return None
        self._open(name, attributes)
        return self._close

    def _block(self, name: str, attributes: Attributes) -> _Closing:
        self._end_loose()
        self._add_break()
        self._open(name, attributes)
        return self._close_block

    def _close_block(self) -> None:
        self._close()
        self._add_break()

    def _open_paragraph(self, name: str, attributes: Attributes) -> _Closing:
        self._counts["p"] = self._counts.get("p", 0) + 1
        self._paragraph = _number(attributes, self._counts["p"])
        self._block(name, attributes)
        return self._close_paragraph

    def _close_paragraph(self) -> None:
        self._paragraph = None
        self._close_block()

    def _segment(self, name: str, attributes: Attributes) -> _Closing:
        self._end_loose()
        self._open(name, attributes)
        self._segments += 1
        return self._close_segment

    def _close_segment(self) -> None:
        self._segments -= 1
        self._close()

    def _verse_group(self, name: str, attributes: Attributes) -> _Closing:
        self._container(name, attributes)
        if self._verse is not None:
            return self._close_container
        self._verse = attributes
        return self._close_verse_group

    def _close_verse_group(self) -> None:
        self._verse = None
        self._close_container()

    def _verse_line(self, name: str, attributes: Attributes) -> _Closing:
        if self._line_begins:
            return self._phrase(name, attributes)
        closing: _Closing
        if self._segments:
            self._add_break()
            closing = self._close_line_of_segment
        else:
            self._block(name, attributes)
            closing = self._close_line
        self._line_begins.append(self._dropped + len(self._pieces))
        return closing

    def _close_line_of_segment(self) -> None:
        self._mark_line()
        self._add_break()

    def _close_line(self) -> None:
        self._mark_line()
        self._close_block()

    def _mark_line(self) -> None:
        begin, end = self._line_begins.pop(), self._dropped + len(self._pieces)
        if begin < end:
            line = _Line(begin, end, _UNGROUPED if self._verse is None else self._verse)
            for unit in self._units:
                unit.lines.append(line)

    def _page_break(self, name: str, attributes: Attributes) -> _Closing:
        self._page = _number(attributes, None)
        self._facs = _value(attributes, "facs")
        self._line = None
        self._line_count = 0
        return self._break(name, attributes)

    def _line_break(self, name: str, attributes: Attributes) -> _Closing:
        self._line_count += 1
        self._line = _number(attributes, self._line_count) if attributes else self._line_count
        return self._break(name, attributes)

    def _break(self, _name: str, attributes: Attributes) -> _Closing:
        if self._units:
            self._add(NO_BREAK if attributes.get("break") == "no" else "\n")
        return None

    def _aside(self, _name: str, _attributes: Attributes) -> _Closing:
        self.pass_over()
        return None

    def _choice(self, name: str, attributes: Attributes) -> _Closing:
        self._choices.append(len(self._closings) + 1)
        return self._phrase_of_alternatives(self._choices, name, attributes)

    def _alternative(self, name: str, attributes: Attributes) -> _Closing:
        if self._choices and self._choices[-1] == len(self._closings):
            return self._aside(name, attributes)
        return self._phrase(name, attributes)

    def _apparatus(self, name: str, attributes: Attributes) -> _Closing:
        self._readings.append(False)
        return self._phrase_of_alternatives(self._readings, name, attributes)

    def _phrase_of_alternatives(self, opened: list[Any], name: str, attributes: Attributes) -> _Closing:
        phrase = self._phrase(name, attributes)

        def close() -> None:
            opened.pop()
            if phrase is not None:
                phrase()

        return close

    def _reading(self, name: str, attributes: Attributes) -> _Closing:
        """The lemma, or the first of the readings where none was preferred."""
        if self._readings and self._readings[-1]:
            return self._aside(name, attributes)
        if self._readings:
            self._readings[-1] = True
        return self._phrase(name, attributes)

    def _include(self, _name: str, _attributes: Attributes) -> _Closing:
        self.refuse("it includes another file, which is never opened")

    # Units

    def _open(self, tag: str, attributes: Attributes) -> None:
        self._units.append(_Unit(tag, attributes, self._dropped + len(self._pieces)))

    def _end_loose(self) -> None:
        if self._loose:
            self._loose = False
            self._close()

    def _hold_text(self, unit: _Unit) -> None:
        if unit.too_long:
            tag = _local(unit.tag)
            self.refuse(f"a {tag} has text of its own beside segments of more than {LONGEST_TEXT:,} characters")
        unit.holds_text = True
        verse = (self._verse or _UNGROUPED) if self._line_begins else None
        place = _Place(self._divisions, self._paragraph, self._page, self._line, self._facs, verse)
        for each in self._units:
            if each.place is _NOWHERE:
                each.place = place

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > LONGEST_TEXT:
            self._let_go()

    def _add_break(self) -> None:
        if self._units:
            self._add("\n")

    def _let_go(self) -> None:
        """More is held than an element may hold: the outer units without text of their own won't be elements."""
        keep = self._dropped + len(self._pieces)
        for unit in self._units:
            if unit.holds_text:
                keep = unit.begin
                break
            for inner in unit.inner:
                self._settle(inner)
            unit.inner = []
            unit.lines = []
            unit.too_long = True
        del self._pieces[: keep - self._dropped]
        self._dropped = keep
        self._size = sum(map(len, self._pieces))
        if self._size > LONGEST_TEXT:
            self.refuse(f"a {_local(self._units[-1].tag)} is longer than {LONGEST_TEXT:,} characters")

    def _close(self) -> None:
        unit = self._units.pop()
        unit.end = self._dropped + len(self._pieces)
        if not self._units:
            self._settle(unit)
            self._pieces.clear()
            self._dropped = self._size = 0
        elif unit.holds_text or unit.inner:
            self._units[-1].inner.append(unit)

    def _settle(self, unit: _Unit) -> None:
        if unit.holds_text:
            self._found.append(self._element(unit))
        else:
            for inner in unit.inner:
                self._settle(inner)

    def _element(self, unit: _Unit) -> SourceElement:
        self.count += 1
        tag = _local(unit.tag)
        pieces = self._pieces[unit.begin - self._dropped : unit.end - self._dropped]
        text, verses = _versified(pieces, unit) if unit.lines else (folded("".join(pieces)), [])
        source_id, source = self._identity(tag, unit.attributes)
        hierarchy = {"element_order": self.count, "unit": tag, **_whereabouts(tag, unit)}
        content: dict[str, Any] = {"text": text}
        if verses:
            hierarchy["verse"] = verses[0].get("type", _VERSE)
            content["verse"] = verses
        if source is not None:
            content["source"] = source
        if unit.place.facs is not None:
            content["facs"] = unit.place.facs
        return SourceElement(source_id, text, hierarchy, content)

    def _identity(self, tag: str, attributes: Attributes) -> tuple[str, str | None]:
        """Its id within the file, and its IRI. A `corresp` that is no IRI points to something else in the edition."""
        source = _value(attributes, "corresp")
        if source is None or not _IRI.match(source):
            source = None
            xml_id = _value(attributes, XML + "id")
            if xml_id is None:
                return self._ids.of_place(tag), None
            if self._base is None:
                return self._ids.unique(xml_id), None
            source = f"{self._base}#{xml_id}"
        return self._ids.unique(source), source


class _Ids:
    def __init__(self) -> None:
        self._seen: set[int] = set()  # hashes take a third of the room, and a wrong "~2" in 10**8 files does no harm
        self._repeated: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def unique(self, given: str) -> str:
        if (key := hash(given)) not in self._seen:
            self._seen.add(key)
            return given
        count = self._repeated.get(given, 1) + 1
        while (key := hash(f"{given}~{count}")) in self._seen:
            count += 1
        self._seen.add(key)
        self._repeated[given] = count
        return f"{given}~{count}"

    def of_place(self, tag: str) -> str:
        """As in an XPath; no xml:id or IRI looks like it."""
        self._places[tag] = self._places.get(tag, 0) + 1
        return f"{tag}[{self._places[tag]}]"


def _whereabouts(tag: str, unit: _Unit) -> dict[str, Any]:
    place = unit.place
    found: dict[str, Any] = {**place.divisions}
    if place.paragraph is not None:
        found["paragraph"] = place.paragraph
    if place.page is not None:
        found["page"] = place.page
    if place.line is not None:
        found["line"] = place.line
    if place.verse is not None:
        found["verse"] = _value(place.verse, "type") or _VERSE
    if tag not in _PARAGRAPHS and (n := _number(unit.attributes, None)) is not None:
        found["line" if tag == "l" else "n"] = n
    return found


def _versified(pieces: list[str], unit: _Unit) -> tuple[str, list[dict[str, Any]]]:
    """The text, and where the verse in it stands, counted in code points as annotations count them."""
    text, begins_at, ends_at = folding("".join(pieces))
    offsets = [0, *accumulate(map(len, pieces))]
    verses: list[dict[str, Any]] = []
    for _, group in groupby(unit.lines, key=lambda line: id(line.verse)):
        lines = list(group)
        spans = [
            [begin, end]
            for line in lines
            if (begin := begins_at(offsets[line.begin - unit.begin])) < (end := ends_at(offsets[line.end - unit.begin]))
        ]
        if spans:
            given = {key: _value(lines[0].verse, name) for key, name in _VERSE_ATTRIBUTES}
            told = {key: value for key, value in given.items() if value is not None}
            verses.append({**told, "start": spans[0][0], "end": spans[-1][1], "lines": spans})
    return text, verses


def _value(attributes: Attributes, name: str) -> str | None:
    """The first of an attribute's values; none where it is too long to be repeated with every element."""
    words = attributes.get(name, "").split(maxsplit=1)
    return words[0] if words and len(words[0]) <= _LONGEST_VALUE else None


def _number(attributes: Attributes, otherwise: _Default) -> _Number | _Default:
    n = _value(attributes, "n")
    if n is None:
        return otherwise
    return int(n) if n.isascii() and n.isdigit() and len(n) < 10 else n


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
