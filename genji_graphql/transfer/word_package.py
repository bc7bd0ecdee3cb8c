"""Opens a Word file: a zip of XML parts, of which few are read, each as a stream and within bounds.

Neither python-docx nor lxml: those unpack and hold every part whole, pictures too, before a bound could be set. Expat
tells of a document type before anything is expanded, and opens no file or address of its own accord.
"""

import posixpath
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Never
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from genji_graphql.errors import Invalid

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

DEEPEST = 200
"""Elements within elements, in any part."""

_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_OLD_WORD = b"\xd0\xcf\x11\xe0"  # also around what has a password
_ZIP = b"PK"

_LONGEST_DIRECTORY = 1 << 20  # in bytes; of 5,000 members it is half of that
_MOST_MEMBERS = 10_000
_MOST_UNPACKED = 500_000_000  # bytes of all members, pictures included
_LONGEST_TEXT_PART = 100_000_000
_LONGEST_OTHER_PART = 32_000_000  # what is in it is held
_HIGHEST_RATIO = 200  # Word's own parts are packed to a thirtieth at best
_SMALL = 1_000_000  # bytes that need no ratio

_CHUNK = 1 << 16
_LONGEST_TAG = 1 << 20  # older expats read an unfinished tag again with every chunk, in quadratic time
_MOST_NAMES = 10_000  # expat keeps every name of an element or attribute that it meets
_LONGEST_UNIT = 32_000_000  # bytes of XML, and elements, that are in memory at a time: a table, for instance
_MOST_IN_UNIT = 1_000_000
_ENCODINGS = (None, "UTF-8", "UTF-16")  # a package has no others

_FAULTS = (BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error, OverflowError)
_ENCRYPTED = 0x1


class Package:
    """What is wrong with the file is raised as `Invalid`, in words for whoever has only Word to mend it with."""

    def __init__(self, source: BinaryIO, path: Path) -> None:
        self.path = path
        self._zip = self._open(source)
        self._members = {info.filename.lower(): info for info in self._zip.infolist()}
        self._check_size()
        self.main = ""
        self._package_relationships = self._relationships("")
        self.main = self._main()
        self._related = self._relationships(self.main)

    def related(self, kind: str) -> str | None:
        """The part that the text refers to as its `styles`, its `footnotes` and so on, if there is one."""
        return self._related.get(kind)

    @property
    def core_properties(self) -> str | None:
        return self._package_relationships.get("core-properties")

    def units(self, part: str, depth: int) -> Iterator[Element]:
        """The elements at a depth of an XML part (the root's is 1), each as it ends and without what is around it."""
        longest = _LONGEST_TEXT_PART if part == self.main else _LONGEST_OTHER_PART
        units = _Units(depth, self.refuse)
        try:
            for chunk in self._unpacked(part, longest):
                units.feed(chunk)
                if part == self.main and units.root:
                    self._check_root(units.root)
                yield from units.taken()
            units.feed(b"", last=True)
        except expat.ExpatError:
            self._refuse_as_damaged()
        yield from units.taken()

    def refuse(self, reason: str) -> Never:
        raise Invalid(f"{self.path} can't be read: {reason}.")

    def _refuse_as_damaged(self) -> Never:
        raise Invalid(f"{self.path} is damaged; if Word can open it, save it again there.") from None

    def _open(self, source: BinaryIO) -> ZipFile:
        start = source.read(len(_OLD_WORD))
        if start == _OLD_WORD:
            raise Invalid(
                f"{self.path} is locked with a password, or from an old Word (.doc); "
                "save it in Word as .docx, without a password."
            )
        if not start.startswith(_ZIP):
            raise Invalid(f"{self.path} is not a Word document (.docx); if Word can open it, save it there as one.")
        try:
            return ZipFile(_Sips(source))
        except _FAULTS:
            self._refuse_as_damaged()

    def _check_size(self) -> None:
        members = self._zip.infolist()
        if len(members) > _MOST_MEMBERS:
            self.refuse(f"more than {_MOST_MEMBERS:,} files are packed in it")
        if sum(member.file_size for member in members) > _MOST_UNPACKED:
            self.refuse(f"unpacked it would have more than {_MOST_UNPACKED:,} bytes")

    def _main(self) -> str:
        """Word names it word/document.xml; what SharePoint saves may be word/document2.xml."""
        main = self._package_relationships.get("officeDocument") or "word/document.xml"
        if main.lower() in self._members:
            return main
        if "meta-inf/manifest.xml" in self._members and "content.xml" in self._members:
            raise Invalid(f"{self.path} is an OpenDocument text (.odt); save it as a Word document (.docx).")
        raise Invalid(f"{self.path} is packed like a Word document but is none: it has no word/document.xml.")

    def _check_root(self, root: str) -> None:
        if root.startswith(_STRICT):
            raise Invalid(f"{self.path} is a “Strict Open XML Document”; save it in Word as a “Word Document (.docx)”.")
        if root != WORD + "document":
            raise Invalid(f"{self.path} is packed like a Word document but holds something else, such as a table.")

    def _relationships(self, part: str) -> dict[str, str]:
        """What a part refers to, by the last word of each relationship's type."""
        folder, name = posixpath.split(part)
        relationships = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, str] = {}
        if relationships.lower() in self._members:
            for each in self.units(relationships, 2):
                target = each.get("Target", "")
                if each.tag == _RELATIONSHIP and each.get("TargetMode") != "External" and target:
                    # A path that leads out of the package is the name of no member, and nothing else is ever opened.
                    path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                    if path.lower() in self._members:
                        found.setdefault(each.get("Type", "").rpartition("/")[2], path)
        return found

    def _unpacked(self, part: str, longest: int) -> Iterator[bytes]:
        """In chunks; of a member that is longer than the directory says, no more than it says."""
        member = self._members[part.lower()]
        self._check_member(member, longest)
        try:
            with self._zip.open(member) as opened:
                while chunk := opened.read(_CHUNK):
                    yield chunk
        except _FAULTS:
            self._refuse_as_damaged()

    def _check_member(self, member: ZipInfo, longest: int) -> None:
        if member.flag_bits & _ENCRYPTED:
            raise Invalid(f"{self.path} is locked with a password; save it without one.")
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            self._refuse_as_damaged()
        if member.file_size > longest:
            self.refuse(f"unpacked its {member.filename[:80]} would have more than {longest:,} bytes")
        if member.file_size > max(_SMALL, _HIGHEST_RATIO * member.compress_size):
            self.refuse(f"its {member.filename[:80]} is packed tighter than any text")


class _Sips:
    """A file that is read in sips only: `ZipFile` would take a directory of any length at a draught."""

    def __init__(self, source: BinaryIO) -> None:
        self.seek = source.seek
        self.tell = source.tell
        self.seekable = source.seekable
        self._read = source.read

    def read(self, size: int = -1) -> bytes:
        found = self._read(size if 0 <= size <= _LONGEST_DIRECTORY else _LONGEST_DIRECTORY + 1)
        if len(found) > _LONGEST_DIRECTORY:
            raise BadZipFile
        return found


class _Units:
    """Builds the elements at a depth one after another, so that no more than one is in memory."""

    def __init__(self, depth: int, refuse: Callable[[str], Never]) -> None:
        self.root = ""
        self._unit_depth = depth
        self._refuse = refuse
        self._found: list[Element] = []
        self._depth = self._size = self._begin = self._count = 0
        self._builder: TreeBuilder | None = None
        self._names = _Names()
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = None

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        self._parser.Parse(chunk, last)
        self._size += len(chunk)
        if self._size - self._parser.CurrentByteIndex > _LONGEST_TAG:
            self._refuse("a tag in it is longer than any text's")
        if len(self._parser.intern) > _MOST_NAMES:
            self._refuse("its elements have more names than any text's")
        if self._builder is not None and self._size - self._begin > _LONGEST_UNIT:
            self._refuse("a table or another piece of it is too large")

    def taken(self) -> Iterator[Element]:
        found, self._found = self._found, []
        return iter(found)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding and encoding.upper()) not in _ENCODINGS:
            self._refuse("it is not in UTF-8")

    def _document_type(self, *_: object) -> None:
        self._refuse("it declares a document type, as no Word document does")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            self.root = self._names[name]
        if self._depth > DEEPEST:
            self._refuse("its elements are nested too deep")
        if self._depth == self._unit_depth:
            self._builder = TreeBuilder()
            self._parser.CharacterDataHandler = self._builder.data
            self._begin = self._parser.CurrentByteIndex
            self._count = 0
        if self._builder is not None:
            names = self._names
            self._builder.start(names[name], {names[key]: value for key, value in attributes.items()})
            self._count += 1
            if self._count > _MOST_IN_UNIT:
                self._refuse("a table or another piece of it is too large")

    def _end(self, name: str) -> None:
        if self._builder is not None:
            self._builder.end(self._names[name])
            if self._depth == self._unit_depth:
                self._found.append(self._builder.close())
                self._builder = None
                self._parser.CharacterDataHandler = None
        self._depth -= 1


class _Names(dict[str, str]):
    """The names of elements and attributes as ElementTree writes them."""

    def __missing__(self, name: str) -> str:
        self[name] = full = "{" + name if "}" in name else name
        return full
