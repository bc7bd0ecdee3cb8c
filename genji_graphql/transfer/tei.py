"""Reads TEI P5, one document a file, as a stream: no tree is built, so a file of any size takes little memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Never
from xml.parsers import expat

from genji_graphql.errors import Invalid
from genji_graphql.transfer.source import SourceDocument, SourceElement, clipped
from genji_graphql.transfer.tei_text import DEEPEST, TEI, XML, Attributes, TextElements
from genji_graphql.transfer.white_space import folded

_CHUNK = 1 << 16
_LONGEST_TAG = 1 << 20  # older expats read an unfinished tag or comment again with every chunk, in quadratic time
_MOST_NAMES = 10_000  # expat keeps every name of an element or attribute that it meets
_LONGEST_HEADER = 1 << 18  # the characters of a header that are kept
_LONGEST_DESCRIPTION = 2_000
_ENCODINGS = {"UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE", "ISO-8859-1", "US-ASCII"}  # which expat knows
_OF_A_WHOLE_EDITION = {"ISBN", "ISSN"}  # each file made from a book or a series repeats these

_INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]


def read(source: BinaryIO, path: Path) -> Iterator[SourceDocument]:
    edition = _Edition(path)
    progress = edition.parse(source)

    def elements() -> Iterator[SourceElement]:
        yield from edition.text.taken()
        for _ in progress:
            yield from edition.text.taken()
        if not edition.text.count:
            raise Invalid(f"{path} holds no text.")

    for _ in progress:
        if edition.text_began:
            yield edition.header.document(path, elements())
            return
    raise Invalid(f"{path} holds no text.")


class _Edition:
    """One TEI file: its header and its text are read, the root's other children are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = _Header(self._refuse, ended=self._children)
        self.text = TextElements(self._refuse, pass_over=self._pass_over_within_text, ended=self._children)
        self.encoding = "UTF-8"
        self.root_began = self.text_began = False
        # Expat, and not lxml: it tells of an entity's declaration before anything is expanded, and opens no file or
        # address of its own accord.
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.specified_attributes = True
        self.parser.XmlDeclHandler = self._declaration
        self.parser.EntityDeclHandler = self._entity_declaration
        self.parser.SkippedEntityHandler = self._unknown_entity
        self.parser.StartElementHandler = self._root

    def parse(self, source: BinaryIO) -> Iterator[None]:
        """A step for each chunk of the file."""
        size = 0
        try:
            while chunk := source.read(_CHUNK):
                self.parser.Parse(chunk)
                size += len(chunk)
                if size - self.parser.CurrentByteIndex > _LONGEST_TAG:
                    self._refuse("a tag or a comment is longer than any text's")
                if len(self.parser.intern) > _MOST_NAMES:
                    self._refuse("its elements have more names than any text's")
                yield
            self.parser.Parse(b"", True)
            yield
        except expat.ExpatError as error:
            raise Invalid(self._fault(error, source)) from None

    def _fault(self, error: expat.ExpatError, source: BinaryIO) -> str:
        if self.encoding == "UTF-8" and error.code == _INVALID_TOKEN:
            source.seek(self.parser.ErrorByteIndex)
            if _is_undecodable(source.read(4)):
                return f"{self.path} is not in UTF-8: line {error.lineno}."
        kind = "well-formed XML" if self.root_began else "XML"
        reason = expat.ErrorString(error.code).removeprefix("not well-formed (").removesuffix(")")
        return f"{self.path} is not {kind}: {reason}, line {error.lineno}."

    def _refuse(self, reason: str) -> Never:
        raise Invalid(f"{self.path} can't be read: {reason}, line {self.parser.CurrentLineNumber}.")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = (encoding or self.encoding).upper()
        if self.encoding not in _ENCODINGS:
            raise Invalid(f'{self.path} is in "{self.encoding[:40]}", which cannot be read; save it as "UTF-8".')

    def _entity_declaration(self, name: str, *_: object) -> None:
        self._refuse(f"it declares an entity, {name[:40]}, and entities are never resolved")

    def _unknown_entity(self, name: str, _is_parameter: bool) -> None:
        self._refuse(f"its entity {name[:40]} is declared in another file, which is never opened")

    def _root(self, name: str, attributes: Attributes) -> None:
        self.root_began = True
        if name == TEI + "teiCorpus":
            raise Invalid(f"{self.path} is a corpus of several texts; save each TEI in it as a file of its own.")
        if name != TEI + "TEI":
            found = name.rpartition(" ")[2][:40]
            raise Invalid(f'{self.path} is not TEI P5: it begins with <{found}>, not <TEI xmlns="{TEI.strip()}">.')
        self.header.identity = attributes.get(XML + "id")
        self._describe(attributes)
        self._children()

    def _describe(self, attributes: Attributes) -> None:
        self.header.describe(attributes)
        self.text.describe(attributes)

    def _children(self) -> None:
        self._hear(self._child, None, None)

    def _child(self, name: str, attributes: Attributes) -> None:
        if name == TEI + "text":
            self._describe(attributes)
            self.text_began = True
            self._hear_text()
            self.text.start(name, attributes)
        elif name == TEI + "teiHeader":
            self._hear(self.header.start, self.header.end, self.header.characters)
            self.header.start(name, attributes)
        elif name in (TEI + "TEI", TEI + "teiCorpus"):
            raise Invalid(f"{self.path} holds several texts; save each TEI in it as a file of its own.")
        else:
            self._pass_over(self._children)

    def _hear_text(self) -> None:
        self._hear(self.text.start, self.text.end, self.text.characters)

    def _pass_over_within_text(self) -> None:
        def resume() -> None:
            self._hear_text()
            self.text.end("")

        self._pass_over(resume)

    def _pass_over(self, then: Callable[[], None]) -> None:
        """To be called as an element starts: nothing is heard until it has ended."""
        depth = 1

        def start(_name: str, _attributes: Attributes) -> None:
            nonlocal depth
            depth += 1
            if depth > DEEPEST:
                self._refuse("its elements are nested too deep")

        def end(_name: str) -> None:
            nonlocal depth
            depth -= 1
            if depth == 0:
                then()

        self._hear(start, end, None)

    def _hear(
        self,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None,
        characters: Callable[[str], None] | None,
    ) -> None:
        self.parser.StartElementHandler = start
        self.parser.EndElementHandler = end
        self.parser.CharacterDataHandler = characters


class _Header:
    """What the teiHeader says of the document."""

    def __init__(self, refuse: Callable[[str], Never], *, ended: Callable[[], None]) -> None:
        self.refuse = refuse
        self.ended = ended
        self.path: list[str] = []
        self.sinks: list[list[str] | None] = []  # where the characters of each open element go
        self.room = _LONGEST_HEADER
        self.titles: list[tuple[str, list[str]]] = []
        self.numbers: list[list[str]] = []
        self.abstract: list[str] = []
        self.origin: list[str] = []
        self.languages: list[str] = []
        self.identity: str | None = None
        self.language: str | None = None

    def describe(self, attributes: Attributes) -> None:
        self.language = attributes.get(XML + "lang") or self.language

    def document(self, path: Path, elements: Iterator[SourceElement]) -> SourceDocument:
        numbers = map(_prose, self.numbers)
        language = self.language or (self.languages[0] if len(self.languages) == 1 else None)
        return SourceDocument(
            source_id=clipped(self.identity or next(filter(None, numbers), None) or path.name),
            title=clipped(self._title() or path.stem),
            description=clipped(_prose(self.abstract) or _prose(self.origin), _LONGEST_DESCRIPTION) or None,
            language=language[:50] if language else None,
            elements=elements,
        )

    def _title(self) -> str:
        titles = [(kind, title) for kind, pieces in self.titles if (title := folded("".join(pieces)))]
        main = [title for kind, title in titles if kind == "main"] or [title for _, title in titles]
        sub = [title for kind, title in titles if kind == "sub" and title not in main[:1]]
        return ": ".join(main[:1] + sub)

    def start(self, name: str, attributes: Attributes) -> None:
        self.path.append(name.removeprefix(TEI))
        if len(self.path) > DEEPEST:
            self.refuse("its elements are nested too deep")
        outer = self.sinks[-1] if self.sinks else None
        sink = self._sink(attributes)
        self.sinks.append(outer if sink is None else sink)

    def _sink(self, attributes: Attributes) -> list[str] | None:
        match self.path:
            case ["teiHeader", "fileDesc", "titleStmt", "title"]:
                self.titles.append((attributes.get("type", "main"), []))
                return self.titles[-1][1]
            case ["teiHeader", "fileDesc", "publicationStmt", *_, "idno"]:
                if attributes.get("type", "").upper() not in _OF_A_WHOLE_EDITION:
                    self.numbers.append([])
                    return self.numbers[-1]
            case ["teiHeader", "fileDesc", "sourceDesc"]:
                return self.origin
            case ["teiHeader", "profileDesc", "abstract"]:
                return self.abstract
            case ["teiHeader", "profileDesc", "langUsage", "language"]:
                self.languages.append(attributes.get("ident", ""))
        return None

    def end(self, _name: str) -> None:
        self.sinks.pop()
        self.path.pop()
        if not self.path:
            self.ended()

    def characters(self, data: str) -> None:
        sink = self.sinks[-1]
        if sink is not None and len(data) <= self.room:
            self.room -= len(data)
            sink.append(data)


def _prose(pieces: list[str]) -> str:
    """Of a header's prose layout and text can't be told apart, so that all white space is one space."""
    return " ".join("".join(pieces).split())


def _is_undecodable(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start == 0
    return False
