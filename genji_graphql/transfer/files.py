"""Opens a file of texts, once it is known to be one, and chooses its reader."""

import stat
from collections.abc import Iterator
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

from genji_graphql.errors import Invalid
from genji_graphql.transfer import plain_text, tei, word
from genji_graphql.transfer.source import SourceDocument
from genji_graphql.vocabulary import ImportFormat

_READERS = {
    ImportFormat.TEI: tei.read,
    ImportFormat.PLAIN_TEXT: plain_text.read,
    ImportFormat.WORD: word.read,
}
_ENDINGS = {
    **dict.fromkeys((".xml", ".tei"), ImportFormat.TEI),
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ""), ImportFormat.PLAIN_TEXT),
    # Of the last ones its reader tells what to do with them.
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm", ".doc", ".dot", ".rtf", ".odt"), ImportFormat.WORD),
}
START = 256
"""How many bytes of a file's beginning tell what it is."""
_TEI = (b"<?xml", b"<TEI")
_ZIP = b"PK\x03\x04"


def read(
    path: Path, *, max_bytes: int, source: BinaryIO | None = None, written_in: ImportFormat | None = None
) -> Iterator[SourceDocument]:
    """The documents of a file, in order. What is wrong with it is raised as `Invalid`, perhaps after some of them.

    What is open already, such as an upload, is given as `source`, which must be seekable; nothing is opened then, and
    `path` is only what its owner calls it. What it is written in is found out, unless it is said.
    """
    try:
        if source is not None:
            _check_open(source, path, max_bytes)
            yield from _read_open(source, path, written_in)
            return
        check(path, max_bytes)
        with path.open("rb") as opened:
            yield from _read_open(opened, path, written_in)
    except OSError as error:
        raise Invalid(f"{path} can't be read: {(error.strerror or 'input/output error').lower()}.") from None


def format_of(path: Path, start: bytes) -> ImportFormat:
    """What a file is written in, by how it begins and else by its name. Raises Invalid where that is none of ours."""
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_TEI):
        return ImportFormat.TEI
    if start.startswith(_ZIP):
        return ImportFormat.WORD
    named = _ENDINGS.get(path.suffix.lower())
    if named is None:
        raise Invalid(
            f"{path} is neither TEI (.xml), nor plain text (.txt, .md), nor a Word document (.docx).",
            code="UNKNOWN_FORMAT",
        )
    return named


def _read_open(source: BinaryIO, path: Path, written_in: ImportFormat | None) -> Iterator[SourceDocument]:
    start = source.read(START)
    source.seek(0)
    yield from _READERS[written_in or format_of(path, start)](source, path)


def check(path: Path, max_bytes: int) -> None:
    """Before the file is opened: opening a named pipe waits for whoever writes to it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise Invalid(f"{path} does not exist.") from None
    except ValueError:
        raise Invalid(f"{str(path)!r} is not a file name.") from None
    if stat.S_ISDIR(status.st_mode):
        raise Invalid(f"{path} is a folder; name its files, as in {path / '*.xml'}.")
    if not stat.S_ISREG(status.st_mode):
        raise Invalid(f"{path} is not an ordinary file.")
    _check_size(status.st_size, path, max_bytes)


def _check_open(source: BinaryIO, path: Path, max_bytes: int) -> None:
    if not path.name.isprintable():
        raise Invalid(f"{str(path)!r} is not a file name.")
    _check_size(source.seek(0, SEEK_END), path, max_bytes)
    source.seek(0)


def _check_size(size: int, path: Path, max_bytes: int) -> None:
    if size == 0:
        raise Invalid(f"{path} is empty.")
    if size > max_bytes:
        raise Invalid(
            f"{path} has {size:,} bytes, more than the {max_bytes:,} that may be imported at a time "
            "(GENJI_MAX_IMPORT_BYTES)."
        )
