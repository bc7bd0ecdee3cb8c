"""Opens a file of texts, once it is known to be one, and chooses its reader."""

import stat
from collections.abc import Iterator
from pathlib import Path

from genji_graphql.errors import Invalid
from genji_graphql.transfer import plain_text, tei
from genji_graphql.transfer.source import SourceDocument

_READERS = {
    ".xml": tei.read,
    ".tei": tei.read,
    ".txt": plain_text.read,
    ".text": plain_text.read,
    ".md": plain_text.read,
    ".markdown": plain_text.read,
    "": plain_text.read,
}


def read(path: Path, *, max_bytes: int) -> Iterator[SourceDocument]:
    """The documents of a file, in order. What is wrong with it is raised as `Invalid`, perhaps after some of them."""
    try:
        check(path, max_bytes)
        with path.open("rb") as source:
            start = source.read(256).lstrip(b"\xef\xbb\xbf \t\r\n")
            source.seek(0)
            reader = tei.read if start.startswith((b"<?xml", b"<TEI")) else _READERS.get(path.suffix.lower())
            if reader is None:
                raise Invalid(f"{path} is neither TEI (.xml) nor plain text (.txt, .md).")
            yield from reader(source, path)
    except OSError as error:
        raise Invalid(f"{path} can't be read: {(error.strerror or 'input/output error').lower()}.") from None


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
    if status.st_size == 0:
        raise Invalid(f"{path} is empty.")
    if status.st_size > max_bytes:
        raise Invalid(
            f"{path} has {status.st_size:,} bytes, more than the {max_bytes:,} that may be imported at a time "
            "(GENJI_MAX_IMPORT_BYTES)."
        )
