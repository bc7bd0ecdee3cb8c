"""Reads plain text: a document for each chapter, by its heading; an element for each paragraph, by blank lines."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer.headings import Heading, headings, is_markdown, with_title_apart
from genji_graphql.transfer.source import SourceDocument, SourceElement, clipped
from genji_graphql.transfer.white_space import joined, unspaced

# Project Gutenberg's licence stands outside of these lines.
_BEGIN = re.compile(r"\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG")
_FINISH = re.compile(r"\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG|End of (the )?Project Gutenberg")
_LICENCE_LINES = 1_000

_CONTROL = re.compile("[\0-\x08\x0e-\x1f]")

_WIDEST_WRAPPED = 120  # nobody wraps lines wider; a longer one is a paragraph
_WIDEST_VERSE = 60  # wider indented lines may be prose, such as a footnote
_MOST_CONTENTS = 10_000


class _Paragraph(NamedTuple):
    text: str
    lines: list[list[int]] | None = None  # of verse: where each begins and ends


def read(source: BinaryIO, path: Path) -> Iterator[SourceDocument]:
    parts = _parts(_blocks(_text_lines(_lines(source, path)), path))
    outline = _Outline(path)
    part = next(parts, None)

    def elements(numbers: dict[str, int]) -> Iterator[SourceElement]:
        nonlocal part
        order = 0
        while isinstance(part, _Paragraph):
            order += 1
            yield _element(part, order, numbers)
            part = next(parts, None)

    while part is not None:
        if isinstance(part, Heading):
            outline.enter(part)
            part = next(parts, None)
        else:
            yield outline.document(elements)
            while isinstance(part, _Paragraph):  # those that were not taken
                part = next(parts, None)
    if not outline.documents:
        raise Invalid(f"{path} holds no text.")


def _element(paragraph: _Paragraph, order: int, numbers: dict[str, int]) -> SourceElement:
    hierarchy: dict[str, Any] = {"element_order": order, **numbers, "paragraph": order}
    content: dict[str, Any] = {"text": paragraph.text}
    if paragraph.lines is not None:
        hierarchy["verse"] = "verse"
        content["verse"] = [{"start": 0, "end": len(paragraph.text), "lines": paragraph.lines}]
    return SourceElement(f"p{order}", paragraph.text, hierarchy, content)


class _Outline:
    """Where in the work the reading stands: the chapter, and what it lies in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.documents = 0
        self.open: list[Heading] = []
        self.slugs: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()  # of the headings since the last text
        self._places: set[str] = set()
        self._repeated = False

    def enter(self, heading: Heading) -> None:
        while self.open and self.open[-1].rank >= heading.rank:
            self.open.pop()
        self.open.append(heading)
        self._kinds[heading.kind] += 1
        self._repeated = self._slug() in self._places
        if len(self._places) < _MOST_CONTENTS:
            self._places.add(self._slug())

    def document(self, elements: Callable[[dict[str, int]], Iterator[SourceElement]]) -> SourceDocument:
        contents = any(count > 2 for count in self._kinds.values()) and not self._repeated
        if contents:
            # Headings without text, and none for the second time, were a table of contents. What follows it before
            # the first chapter isn't of the chapter that it names last.
            self.open.clear()
        self._kinds.clear()
        self._places.clear()
        self.documents += 1
        slug = "contents" if contents else self._slug()
        self.slugs[slug] += 1
        if self.slugs[slug] > 1:
            slug = f"{slug}-{self.slugs[slug]}"
        title = " — ".join(heading.text for heading in self.open) or self.path.stem
        source_id = f"{self.path.name}#{slug}" if slug else self.path.name
        numbers = {heading.kind: heading.number for heading in self.open if heading.number is not None}
        return SourceDocument(source_id, clipped(title), None, None, elements(numbers))

    def _slug(self) -> str:
        return "-".join(heading.slug for heading in self.open if heading.number is not None or heading is self.open[-1])


def _lines(source: BinaryIO, path: Path) -> Iterator[str]:
    marked = source.read(2) in (b"\xff\xfe", b"\xfe\xff")
    source.seek(0)
    try:
        with TextIOWrapper(source, encoding="utf-16" if marked else "utf-8-sig") as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_TEXT + 1), ""), 1):
                if len(line) > LONGEST_TEXT:
                    raise Invalid(f"{path} has a line of more than {LONGEST_TEXT:,} characters, line {number}.")
                if control := _CONTROL.search(line):
                    raise Invalid(f"{path} is not plain text: it holds U+{ord(control[0]):04X}, line {number}.")
                yield line.expandtabs().rstrip()
    except UnicodeError:
        raise Invalid(f"{path} is not in {'UTF-16' if marked else 'UTF-8'}; save it as UTF-8.") from None


def _text_lines(lines: Iterator[str]) -> Iterator[str]:
    """The lines without Project Gutenberg's licence."""
    first = list(islice(lines, _LICENCE_LINES))
    begin = next((number for number, line in enumerate(first, 1) if _BEGIN.match(line)), 0)
    for line in chain(first[begin:], lines):
        if _FINISH.match(line):
            return
        yield line


def _blocks(lines: Iterator[str], path: Path) -> Iterator[list[str]]:
    """Lines that stand together; in texts whose lines aren't wrapped, or whose paragraphs are indented, a paragraph."""
    block: list[str] = []
    size = 0
    wrapped = True
    for line in lines:
        wide = len(line) > _WIDEST_WRAPPED or len(line) + len(unspaced.findall(line)) > _WIDEST_WRAPPED
        if wide and wrapped:
            yield from ([line] for line in block)
            block = []
            wrapped = False
        if block and (not line or not wrapped or _begins_paragraph(line, block[-1])):
            yield block
            block = []
        if not line:
            wrapped = True
        elif is_markdown(line):
            yield [line]
        else:
            size = size + len(line) if block else len(line)
            if size > LONGEST_TEXT:
                raise Invalid(
                    f"{path} has a paragraph of more than {LONGEST_TEXT:,} characters; a blank line ends a paragraph."
                )
            block.append(line)
    if block:
        yield block


def _begins_paragraph(line: str, before: str) -> bool:
    """In Japanese a paragraph begins with an ideographic space, or with speech."""
    return is_markdown(line) or line[0] == "\u3000" or (line[0] in "「『" and before[-1] in "。」』！？…")


def _parts(blocks: Iterator[list[str]]) -> Iterator[Heading | _Paragraph]:
    last: Heading | None = None
    last_line = ""
    for block in blocks:
        if last is not None:
            longer = with_title_apart(last, last_line, block)
            yield longer or last
            last = None
            if longer is not None:
                continue
        if found := headings(block):
            yield from found[:-1]
            last, last_line = found[-1], block[-1].strip()
        else:
            yield _verse(block) if _is_verse(block) else _Paragraph(joined(block))
    if last is not None:
        yield last


def _is_verse(block: list[str]) -> bool:
    """Indented lines, unless each is as full as the widest: then they are prose, set off from the rest."""
    if len(block) < 2 or any(line[0] != " " for line in block):
        return False
    widest = max(map(len, block))
    return widest < _WIDEST_VERSE or any(
        len(line) + 1 + len(after.split(maxsplit=1)[0]) <= widest for line, after in pairwise(block)
    )


def _verse(block: list[str]) -> _Paragraph:
    indent = min(len(line) - len(line.lstrip()) for line in block)
    lines = [line[indent:] for line in block]
    ends = list(accumulate(len(line) + 1 for line in lines))
    return _Paragraph("\n".join(lines), [[end - len(line) - 1, end - 1] for line, end in zip(lines, ends, strict=True)])
