"""How a Word document's paragraphs and runs look, once their styles and what those are based on are asked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element

from genji_graphql.transfer.word_package import WORD

TITLE = 0
"""The level of a heading that is the document's title; the others are 1 to 9."""

_LONGEST_CHAIN = 50  # Word itself follows about ten
_BODY = 9  # the outline level of what is no heading

_HEADING = re.compile("heading ?([1-9])", re.IGNORECASE)
_LIST_NAME = re.compile("list (?:bullet|number) ?([2-5])", re.IGNORECASE)
_OFF = ("0", "false", "off")
_ALIGNMENTS = {
    **dict.fromkeys(("left", "start"), "left"),
    "center": "center",
    **dict.fromkeys(("right", "end"), "right"),
    **dict.fromkeys(("both", "distribute", "lowKashida", "mediumKashida", "highKashida", "thaiDistribute"), "justify"),
}
_OTHER_SIDE = {"left": "right", "right": "left"}

_LENGTH = re.compile(r"(-?\d{1,9}(?:\.\d{1,9})?)(mm|cm|in|pt|pc|pi)?")
_PER_INCH = {None: 1440.0, "mm": 25.4, "cm": 2.54, "in": 1.0, "pt": 72.0, "pc": 6.0, "pi": 6.0}


class RunFormat(NamedTuple):
    """None is what isn't said."""

    bold: bool | None = None
    italic: bool | None = None
    underlined: bool | None = None
    hidden: bool | None = None

    @classmethod
    def of(cls, properties: Element | None) -> "RunFormat":
        if properties is None:
            return cls()
        # Hebrew and Arabic have a bold and an italic of their own.
        script = "Cs" if _is_on(properties, "rtl") or _is_on(properties, "cs") else ""
        underline = properties.find(WORD + "u")
        return cls(
            bold=_is_on(properties, f"b{script}"),
            italic=_is_on(properties, f"i{script}"),
            underlined=None if underline is None or value(underline) is None else value(underline) != "none",
            hidden=_is_on(properties, "vanish"),
        )

    def over(self, base: "RunFormat") -> "RunFormat":
        return RunFormat._make(b if a is None else a for a, b in zip(self, base, strict=True))

    def toggling(self, style: "RunFormat") -> "RunFormat":
        """Where a paragraph's style and a run's both say bold, it is not; of underlining the nearer is heard."""
        underlined = style.underlined if self.underlined is None else self.underlined
        toggled = RunFormat._make(
            (a or False) != (b or False) if a is not None or b is not None else None
            for a, b in zip(self, style, strict=True)
        )
        return toggled._replace(underlined=underlined)


class ParagraphFormat(NamedTuple):
    """None is what isn't said. Indents are in inches."""

    alignment: str | None = None
    right_to_left: bool | None = None
    left: float | None = None
    right: float | None = None
    first_line: float | None = None
    list_id: str | None = None
    list_level: int | None = None
    heading: int | None = None

    @classmethod
    def of(cls, properties: Element | None) -> "ParagraphFormat":
        if properties is None:
            return cls()
        indent = properties.find(WORD + "ind")
        indents = {} if indent is None else indent.attrib
        numbering = properties.find(WORD + "numPr")
        level = number(child_value(numbering, "ilvl"))
        outline = number(child_value(properties, "outlineLvl"))
        hanging = _length(indents, "hanging")
        return cls(
            alignment=_ALIGNMENTS.get(child_value(properties, "jc") or ""),
            right_to_left=_is_on(properties, "bidi"),
            left=_length(indents, "left", "start"),
            right=_length(indents, "right", "end"),
            first_line=_length(indents, "firstLine") if hanging is None else 0 - hanging,
            list_id=child_value(numbering, "numId"),
            list_level=None if level is None else min(max(level, 0), 8),
            heading=None if outline is None else outline + 1,
        )

    def over(self, base: "ParagraphFormat") -> "ParagraphFormat":
        return ParagraphFormat._make(b if a is None else a for a, b in zip(self, base, strict=True))

    def shown(self) -> dict[str, str | float]:
        """`alignment`, `left_indent`, `right_indent`, `first_line_indent`. Of a paragraph that runs from the right,
        what the file calls left is where it begins.
        """
        alignment, left, right = self.alignment or "left", self.left or 0.0, self.right or 0.0
        if self.right_to_left:
            alignment, left, right = _OTHER_SIDE.get(alignment, alignment), right, left
        return {
            "alignment": alignment,
            "left_indent": left,
            "right_indent": right,
            "first_line_indent": self.first_line or 0.0,
        }

    @property
    def heading_level(self) -> int | None:
        return self.heading if self.heading is not None and self.heading <= _BODY else None


@dataclass(frozen=True, slots=True)
class Style:
    """Of a paragraph or of a run, with all that it inherits."""

    run: RunFormat = field(default_factory=RunFormat)
    paragraph: ParagraphFormat = field(default_factory=ParagraphFormat)
    list_level: int = 0
    """That its name tells: the items of “List Bullet 2” are of a list of their own, but stand at the second level."""


class _Given(NamedTuple):
    name: str
    based_on: str | None
    run: RunFormat
    paragraph: ParagraphFormat


class Styles:
    def __init__(self, part: Iterable[Element]) -> None:
        self._run = RunFormat()
        self._paragraph = ParagraphFormat()
        self._given: dict[str, _Given] = {}
        self._usual: str | None = None
        self._resolved: dict[str | None, Style] = {}
        for unit in part:
            if unit.tag == WORD + "docDefaults":
                self._run = RunFormat.of(_within(unit, "rPr"))
                self._paragraph = ParagraphFormat.of(_within(unit, "pPr"))
            elif unit.tag == WORD + "style":
                self._take(unit)

    def _take(self, style: Element) -> None:
        style_id = style.get(WORD + "styleId", "")
        properties = ParagraphFormat.of(style.find(WORD + "pPr"))
        name = child_value(style, "name") or style_id
        if properties.heading is None:
            properties = properties._replace(heading=_heading_named(name))
        self._given[style_id] = _Given(
            name, child_value(style, "basedOn"), RunFormat.of(style.find(WORD + "rPr")), properties
        )
        if style.get(WORD + "type") == "paragraph" and style.get(WORD + "default", "0") not in _OFF:
            self._usual = style_id

    def of_paragraph(self, style_id: str | None) -> Style:
        return self._style(style_id if style_id is not None else self._usual)

    def run(self, paragraph: Style, properties: Element | None) -> RunFormat:
        own = RunFormat.of(properties)
        style_id = child_value(properties, "rStyle")
        styled = paragraph.run if style_id is None else self._style(style_id).run.toggling(paragraph.run)
        return own.over(styled).over(self._run)

    def paragraph(self, style: Style, own: ParagraphFormat, item: ParagraphFormat) -> ParagraphFormat:
        """The list's indents are heard before the style's where the paragraph itself is put in the list."""
        if own.list_id is not None:
            return own.over(item).over(style.paragraph).over(self._paragraph)
        return own.over(style.paragraph).over(item).over(self._paragraph)

    def _style(self, style_id: str | None) -> Style:
        if style_id not in self._resolved:
            self._resolved[style_id] = self._resolve(style_id)
        return self._resolved[style_id]

    def _resolve(self, style_id: str | None) -> Style:
        if style_id not in self._given:
            return Style(paragraph=ParagraphFormat(heading=_heading_named(style_id or "")))
        run, paragraph = RunFormat(), ParagraphFormat()
        named = _LIST_NAME.fullmatch(self._given[style_id].name)
        next_id: str | None = style_id
        for _ in range(_LONGEST_CHAIN):
            given = self._given.get(next_id or "")
            if given is None:
                break
            run, paragraph = run.over(given.run), paragraph.over(given.paragraph)
            next_id = given.based_on
        return Style(run, paragraph, int(named[1]) - 1 if named else 0)


def value(element: Element) -> str | None:
    return element.get(WORD + "val")


def child_value(element: Element | None, name: str) -> str | None:
    child = None if element is None else element.find(WORD + name)
    return None if child is None else value(child)


def number(text: str | None) -> int | None:
    """None where there is none, or one that nobody means."""
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _heading_named(name: str) -> int | None:
    """Word keeps the English names in the file, whatever it shows."""
    if name.lower() == "title":
        return TITLE
    named = _HEADING.fullmatch(name)
    return int(named[1]) if named else None


def _within(defaults: Element, name: str) -> Element | None:
    around = defaults.find(f"{WORD}{name}Default")
    return None if around is None else around.find(WORD + name)


def _is_on(properties: Element, name: str) -> bool | None:
    found = properties.find(WORD + name)
    return None if found is None else value(found) not in _OFF


def _length(attributes: dict[str, str], *names: str) -> float | None:
    for name in names:
        if measured := _LENGTH.fullmatch(attributes.get(WORD + name, "")):
            return round(float(measured[1]) / _PER_INCH[measured[2]], 4)
    return None
