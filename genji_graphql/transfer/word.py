"""Reads a Word document (.docx): one document a file, an element for each paragraph that holds text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.etree.ElementTree import Element

from genji_graphql.errors import Invalid
from genji_graphql.transfer.source import SourceDocument, SourceElement, clipped
from genji_graphql.transfer.word_numbering import Counting, Item, Numbering
from genji_graphql.transfer.word_package import WORD, Package
from genji_graphql.transfer.word_styles import TITLE, ParagraphFormat, Styles, child_value, number, value
from genji_graphql.transfer.word_text import Call, ParagraphText, flattened

_PARAGRAPH_ID = re.compile("[0-9A-F]{8}")
_PARAGRAPH_ID_NAME = "{http://schemas.microsoft.com/office/word/2010/wordml}paraId"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"

_TITLE_STANDS_WITHIN = 200  # paragraphs: a first heading further on is none of the whole text
_LONGEST_LANGUAGE = 50
_CONTINUED = (None, "continue")  # a merged cell that begins further up, or to the left

_Place = dict[str, Any]


def read(source: BinaryIO, path: Path) -> Iterator[SourceDocument]:
    """The document of an open file that can be sought in. `path` is its name: of an upload, as its owner calls it."""
    package = Package(source, path)
    numbering = Numbering(_part(package, "numbering"))
    styles = Styles(_part(package, "styles"))
    properties = _properties(package)
    title = properties.get("title") or _first_heading(_body(package, styles, numbering)) or path.stem
    yield SourceDocument(
        source_id=clipped(path.name),
        title=clipped(title),
        description=None,
        language=properties.get("language", "")[:_LONGEST_LANGUAGE] or None,
        elements=_elements(package, styles, numbering),
    )


class _Paragraph(NamedTuple):
    paragraph_id: str | None
    text: str
    place: _Place
    content: dict[str, Any]
    calls: list[Call]


def _elements(package: Package, styles: Styles, numbering: Numbering) -> Iterator[SourceElement]:
    notes = _Notes(package, styles, numbering)
    order = 0
    for order, (kind, paragraph) in enumerate(notes.among(_body(package, styles, numbering)), 1):
        hierarchy = {"element_order": order, **paragraph.place}
        yield SourceElement(notes.ids.of(kind, paragraph), paragraph.text, hierarchy, paragraph.content)
    if not order:
        raise Invalid(f"{package.path} holds no text.")


def _body(package: Package, styles: Styles, numbering: Numbering) -> Iterator[_Paragraph]:
    return _Story(package, styles, numbering).paragraphs(package.units(package.main, 3), {"kind": "paragraph"})


def _part(package: Package, kind: str) -> Iterable[Element]:
    part = package.related(kind)
    return () if part is None else package.units(part, 2)


def _properties(package: Package) -> dict[str, str]:
    part = package.core_properties
    units = () if part is None else package.units(part, 2)
    named = ((unit.tag.removeprefix(_DUBLIN_CORE), " ".join((unit.text or "").split())) for unit in units)
    return {name: text for name, text in named if text}


def _first_heading(paragraphs: Iterator[_Paragraph]) -> str | None:
    for paragraph in islice(paragraphs, _TITLE_STANDS_WITHIN):
        text = " ".join(paragraph.text.split())
        if text and paragraph.place["kind"] == "heading" and paragraph.place["level"] in (TITLE, 1):
            return text
    return None


class _Story:
    """A run of paragraphs and tables: the body, or a note."""

    def __init__(self, package: Package, styles: Styles, numbering: Numbering) -> None:
        self._package = package
        self._styles = styles
        self._numbering = numbering
        self._counting = Counting(numbering)
        self._tables = 0

    def paragraphs(self, blocks: Iterator[Element] | Element, place: _Place) -> Iterator[_Paragraph]:
        """Those that hold text or call notes, in order. `place` is what is said of all of them."""
        pending: ParagraphText | None = None
        last: Element | None = None
        for block in flattened(blocks):
            if block.tag == WORD + "p":
                last = block
                pending = self._take(block, pending)
                if not _goes_on(block):
                    yield from self._paragraph(block, pending, place)
                    pending = None
            elif block.tag == WORD + "tbl":
                yield from self._table(block, place)
        if pending is not None and last is not None:
            yield from self._paragraph(last, pending, place)

    def _take(self, paragraph: Element, pending: ParagraphText | None) -> ParagraphText:
        text = pending or ParagraphText(self._styles, self._package.refuse)
        style = self._styles.of_paragraph(child_value(paragraph.find(WORD + "pPr"), "pStyle"))
        text.take(paragraph, style)
        return text

    def _paragraph(self, paragraph: Element, read: ParagraphText, place: _Place) -> Iterator[_Paragraph]:
        """None where it is empty, though it counts in its list, unless it calls notes; then its text boxes."""
        look = self._look(paragraph)
        text = read.text
        if text.strip() or read.calls:
            formatting = {**look.format.shown(), "text_styles": read.text_styles}
            content = {"text": text, "formatting": formatting}
            paragraph_id = _paragraph_id(paragraph)
            yield _Paragraph(paragraph_id, text, {**place, **look.place()}, content, read.calls)
        for box in read.boxes:
            yield from self.paragraphs(box, {**place, "kind": "text_box"})

    def _look(self, paragraph: Element) -> "_Look":
        properties = paragraph.find(WORD + "pPr")
        own = ParagraphFormat.of(properties)
        style = self._styles.of_paragraph(child_value(properties, "pStyle"))
        said = own.over(style.paragraph)
        level = said.list_level or 0
        how = self._styles.paragraph(style, own, self._numbering.format(said.list_id, level))
        return _Look(how, self._counting.item(said.list_id, level), style.list_level)

    def _table(self, table: Element, place: _Place) -> Iterator[_Paragraph]:
        self._tables += 1
        number_of_table = self._tables
        above: set[int] = set()  # the columns in which a merged cell may go on
        rows = (row for row in flattened(table) if row.tag == WORD + "tr" and not _row_is_deleted(row))
        for row_number, row in enumerate(rows, 1):
            merged: set[int] = set()
            for column, cell in _cells(row):
                properties = cell.find(WORD + "tcPr")
                merge = None if properties is None else properties.find(WORD + "vMerge")
                if merge is not None:
                    merged.add(column)
                    if value(merge) in _CONTINUED and column in above:
                        continue
                where = {"table": number_of_table, "row": row_number, "column": column}
                yield from self.paragraphs(cell, {**place, "kind": "table_cell", **where})
            above = merged


@dataclass(frozen=True, slots=True)
class _Look:
    format: ParagraphFormat
    item: Item | None
    list_level: int

    def place(self) -> _Place:
        """What a paragraph is of itself; a heading in a table is a heading."""
        heading = self.format.heading_level
        listed: _Place = {}
        if self.item is not None:
            told = {"list": number(self.item.list_id), "number": self.item.number, "marker": self.item.marker}
            listed = {name: each for name, each in told.items() if each is not None}
        if heading is not None:
            return {"kind": "heading", "level": heading, **listed}
        if self.item is not None:
            return {"kind": "list_item", "level": max(self.item.level, self.list_level) + 1, **listed}
        return {}


def _cells(row: Element) -> Iterator[tuple[int, Element]]:
    """Each with its column, counted from 1, as though no cell were as wide as several."""
    column = 1 + (number(child_value(row.find(WORD + "trPr"), "gridBefore")) or 0)
    for cell in flattened(row):
        if cell.tag == WORD + "tc":
            properties = cell.find(WORD + "tcPr")
            merge = None if properties is None else properties.find(WORD + "hMerge")
            if merge is None or value(merge) not in _CONTINUED:
                yield column, cell
            column += max(number(child_value(properties, "gridSpan")) or 1, 1)


def _paragraph_id(paragraph: Element) -> str | None:
    given = paragraph.get(_PARAGRAPH_ID_NAME, "").upper()
    return given if _PARAGRAPH_ID.fullmatch(given) else None


def _goes_on(paragraph: Element) -> bool:
    """Whether the next paragraph is of one piece with it: the mark between them was deleted, or it is a drop cap."""
    mark = paragraph.find(f"{WORD}pPr/{WORD}rPr")
    if mark is not None and (mark.find(WORD + "del") is not None or mark.find(WORD + "moveFrom") is not None):
        return True
    frame = paragraph.find(f"{WORD}pPr/{WORD}framePr")
    return frame is not None and frame.get(WORD + "dropCap", "none") != "none"


def _row_is_deleted(row: Element) -> bool:
    return row.find(f"{WORD}trPr/{WORD}del") is not None


class _Notes:
    """Footnotes come after the paragraph that calls them, endnotes after the text."""

    def __init__(self, package: Package, styles: Styles, numbering: Numbering) -> None:
        self.ids = _Ids()
        self._notes = {
            (kind, note.get(WORD + "id", "")): list(_Story(package, styles, numbering).paragraphs(note, {"kind": kind}))
            for kind in ("footnote", "endnote")
            for note in _part(package, f"{kind}s")
            if note.get(WORD + "type", "normal") == "normal"  # others are the lines that set notes off
        }
        self._numbers: dict[str, dict[str, int]] = {"footnote": {}, "endnote": {}}

    def among(self, paragraphs: Iterator[_Paragraph]) -> Iterator[tuple[str, _Paragraph]]:
        """Each paragraph of the text and of its notes, with what it is from: `body`, `footnote`, `endnote`."""
        for paragraph in paragraphs:
            told = len(self._numbers["footnote"])
            marks = [self._mark(call) for call in paragraph.calls if self._notes.get((call.kind, call.note_id))]
            if marks:
                paragraph.content["notes"] = marks
            if paragraph.text.strip():
                yield "body", paragraph
            for note_id in islice(self._numbers["footnote"], told, None):
                yield from self._note("footnote", note_id)
        for note_id in self._numbers["endnote"]:
            yield from self._note("endnote", note_id)

    def _mark(self, call: Call) -> dict[str, Any]:
        numbers = self._numbers[call.kind]
        note = numbers.setdefault(call.note_id, len(numbers) + 1)
        return {"kind": call.kind, "note": note, "position": call.position}

    def _note(self, kind: str, note_id: str) -> Iterator[tuple[str, _Paragraph]]:
        """Whatever a paragraph of a note is besides, it is of the note."""
        for paragraph in self._notes[kind, note_id]:
            if not paragraph.text.strip():
                continue
            place = {**paragraph.place, "kind": kind, "note": self._numbers[kind][note_id]}
            yield kind, paragraph._replace(place=place)


class _Ids:
    """What Word calls a paragraph for as long as it is, else what it says: so that others that come before it or go
    don't change it. Where either is repeated the first has it.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._repeated: dict[str, int] = {}

    def of(self, kind: str, paragraph: _Paragraph) -> str:
        given = f"{kind}:{paragraph.paragraph_id}"
        if paragraph.paragraph_id and given not in self._seen:
            self._seen.add(given)
            return given
        said = f"{kind}#{sha256(paragraph.text.encode()).hexdigest()[:16]}"
        self._repeated[said] = self._repeated.get(said, 0) + 1
        return said if self._repeated[said] == 1 else f"{said}~{self._repeated[said]}"
