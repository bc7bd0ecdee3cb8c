"""The text of one paragraph of a Word document, and which of its characters look how.

Offsets count the characters as they are taken from the runs, in code points, as annotations count them; no text is ever
searched for. What Word doesn't show is left out: what was deleted, what is hidden, how a field is made.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Never
from xml.etree.ElementTree import Element

from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer.word_package import WORD
from genji_graphql.transfer.word_styles import RunFormat, Style, Styles

_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"

_MOST_CALLS = 10_000
_LAYOUT = re.compile("[\t\r\n]+")

_LEFT_OUT = frozenset(
    WORD + name
    for name in (
        *("pPr", "rPr", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "rubyPr", "ffData"),
        *("del", "moveFrom", "delText", "instrText", "delInstrText"),
        "rt",  # how the characters below it are read, as in TEI
    )
)
_SIGNS = {
    WORD + "tab": "\t",
    WORD + "ptab": "\t",
    WORD + "cr": "\n",
    WORD + "noBreakHyphen": "\u2011",
    WORD + "softHyphen": "\u00ad",
}
_NOTES = {WORD + "footnoteReference": "footnote", WORD + "endnoteReference": "endnote"}


class Call(NamedTuple):
    """A note, and before which character of the text its mark stands."""

    kind: str
    note_id: str
    position: int


class ParagraphText:
    """What a paragraph holds; more than one, where the mark between them was deleted, goes into the same."""

    def __init__(self, styles: Styles, refuse: Callable[[str], Never]) -> None:
        self.calls: list[Call] = []
        self.boxes: list[Element] = []
        """The text boxes that are anchored in it."""
        self._styles = styles
        self._refuse = refuse
        self._style = Style()
        self._pieces: list[tuple[str, RunFormat]] = []
        self._size = 0
        self._page_ended = self._note_begins = False
        self._fields: list[bool] = []  # of each open field, whether it is still being told how it is made
        self._unmade = 0  # how many of them are
        self._handlers: dict[str, Callable[[Element, RunFormat], None]] = {
            WORD + "r": self._run,
            WORD + "t": self._text,
            _MATH + "t": self._text,
            WORD + "sym": self._symbol,
            WORD + "br": self._break,
            WORD + "fldChar": self._field,
            WORD + "sdt": self._control,
            WORD + "txbxContent": self._box,
            _COMPATIBILITY + "AlternateContent": self._alternatives,
            **dict.fromkeys(_SIGNS, self._sign),
            **dict.fromkeys(_NOTES, self._call),
            **dict.fromkeys((WORD + "footnoteRef", WORD + "endnoteRef"), self._begin_note),
        }

    def take(self, paragraph: Element, style: Style) -> None:
        self._style = style
        # A field that goes on in the next paragraph is forgotten: a damaged one would swallow the rest of the text.
        self._fields.clear()
        self._unmade = 0
        self._walk(paragraph, self._styles.run(style, None))

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self._pieces)

    @property
    def text_styles(self) -> dict[str, Any]:
        """What all of it is, and of the rest the ranges: `{"start", "end", "type": ["italic"]}`."""
        formats = [how for _, how in self._pieces] or [RunFormat()]
        bold, italic, underlined = (all(each) for each in zip(*(how[:3] for how in formats), strict=True))
        whole = {"bold": bold, "italic": italic, "underlined": underlined}
        ranges: list[dict[str, Any]] = []
        end = 0
        for text, how in self._pieces:
            start, end = end, end + len(text)
            types = [name for name in whole if getattr(how, name) and not whole[name]]
            if ranges and ranges[-1]["end"] == start and ranges[-1]["type"] == types:
                ranges[-1]["end"] = end
            elif types:
                ranges.append({"start": start, "end": end, "type": types})
        return {**{f"is_{name}": value for name, value in whole.items()}, "formatting": ranges}

    def _walk(self, around: Element, how: RunFormat) -> None:
        for element in around:
            handler = self._handlers.get(element.tag)
            if handler is not None:
                handler(element, how)
            elif element.tag not in _LEFT_OUT:
                self._walk(element, how)

    def _run(self, run: Element, _around: RunFormat) -> None:
        self._walk(run, self._styles.run(self._style, run.find(WORD + "rPr")))

    def _text(self, element: Element, how: RunFormat) -> None:
        text = element.text or ""
        if element.get(_SPACE) != "preserve":
            text = text.strip(" \t\r\n")
        self._add(_LAYOUT.sub(" ", text), how)

    def _sign(self, element: Element, how: RunFormat) -> None:
        self._add(_SIGNS[element.tag], how)

    def _symbol(self, element: Element, how: RunFormat) -> None:
        """Of a font of symbols it may be a character of private use: which is shown only by that font."""
        try:
            code = int(element.get(WORD + "char", ""), 16)
        except ValueError:
            return
        if 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE:
            self._add(chr(code), how)

    def _break(self, element: Element, how: RunFormat) -> None:
        """The end of a line. That of a page or a column ends one only where text stands on both sides of it."""
        if element.get(WORD + "type", "textWrapping") == "textWrapping":
            self._add("\n", how)
        else:
            self._page_ended = self._size > 0

    def _field(self, element: Element, _how: RunFormat) -> None:
        match element.get(WORD + "fldCharType"):
            case "begin":
                self._fields.append(True)
                self._unmade += 1
            case "separate" if self._fields:
                self._unmade -= self._fields[-1]
                self._fields[-1] = False
            case "end" if self._fields:
                self._unmade -= self._fields.pop()

    def _control(self, element: Element, how: RunFormat) -> None:
        if not is_unfilled(element):
            self._walk(element, how)

    def _box(self, element: Element, _how: RunFormat) -> None:
        self.boxes.append(element)

    def _alternatives(self, element: Element, how: RunFormat) -> None:
        if (chosen := chosen_of(element)) is not None:
            self._walk(chosen, how)

    def _call(self, element: Element, _how: RunFormat) -> None:
        if len(self.calls) == _MOST_CALLS:
            self._refuse(f"a paragraph has more than {_MOST_CALLS:,} notes")
        self.calls.append(Call(_NOTES[element.tag], element.get(WORD + "id", ""), self._size))

    def _begin_note(self, _element: Element, _how: RunFormat) -> None:
        self._note_begins = self._size == 0

    def _add(self, text: str, how: RunFormat) -> None:
        if self._note_begins:
            text = text.lstrip()  # what sets a note off from its own mark, which isn't in the text
        if not text or how.hidden or self._unmade:
            return
        if self._page_ended:
            text = "\n" + text
        self._note_begins = self._page_ended = False
        self._size += len(text)
        if self._size > LONGEST_TEXT:
            self._refuse(f"a paragraph has more than {LONGEST_TEXT:,} characters")
        self._pieces.append((text, how))


_TRANSPARENT = frozenset(
    WORD + name for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo", "dir", "bdo")
)


def flattened(blocks: Iterator[Element] | Element) -> Iterator[Element]:
    """Paragraphs and tables, rows, or cells, out of what may be around them: content controls, insertions."""
    for block in blocks:
        if block.tag == _COMPATIBILITY + "AlternateContent":
            if (chosen := chosen_of(block)) is not None:
                yield from flattened(chosen)
        elif block.tag not in _TRANSPARENT:
            yield block
        elif not is_unfilled(block):
            yield from flattened(block)


def chosen_of(alternatives: Element) -> Element | None:
    """The same thing for newer and for older Words: either, but not both."""
    return next(iter(alternatives), None)


def is_unfilled(control: Element) -> bool:
    """A content control that still shows “Click here to enter text”."""
    properties = control.find(WORD + "sdtPr")
    return properties is not None and properties.find(WORD + "showingPlcHdr") is not None
