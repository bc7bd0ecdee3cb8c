"""Opens a file of texts, once it is known to be one, and chooses its reader."""

import stat
from collections.abc import Iterator
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

from genji_graphql.errors import Invalid
from genji_graphql.transfer import plain_text, tei, word
from genji_graphql.transfer.source import SourceDocument

_READERS = {
    ".xml": tei.read,
    ".tei": tei.read,
    ".txt": plain_text.read,
    ".text": plain_text.read,
    ".md": plain_text.read,
    ".markdown": plain_text.read,
    "": plain_text.read,
    # Of the last ones it tells what to do with them.
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm", ".doc", ".dot", ".rtf", ".odt"), word.read),
}
_TEI = (b"<?xml", b"<TEI")
_ZIP = b"PK\x03\x04"


def read(path: Path, *, max_bytes: int, source: BinaryIO | None = None) -> Iterator[SourceDocument]:
    """The documents of a file, in order. What is wrong with it is raised as `Invalid`, perhaps after some of them.

    What is open already, such as an upload, is given as `source`, which must be seekable; nothing is opened then, and
    `path` is only what its owner calls it.
    """
    try:
        if source is not None:
            _check_open(source, path, max_bytes)
            yield from _read_open(source, path)
            return
        check(path, max_bytes)
        with path.open("rb") as opened:
            yield from _read_open(opened, path)
    except OSError as error:
        raise Invalid(f"{path} can't be read: {(error.strerror or 'input/output error').lower()}.") from None


def _read_open(source: BinaryIO, path: Path) -> Iterator[SourceDocument]:
    start = source.read(256)
    source.seek(0)
    reader = _READERS.get(path.suffix.lower())
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_TEI):
        reader = tei.read
    elif start.startswith(_ZIP):
        reader = word.read
    if reader is None:
        raise Invalid(f"{path} is neither TEI (.xml), nor plain text (.txt, .md), nor a Word document (.docx).")
    yield from reader(source, path)


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
