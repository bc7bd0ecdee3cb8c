"""A file that came with a request."""

import hashlib
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

_IN_MEMORY = 1_000_000
"""Bytes; a longer file is put on the disk."""


class Upload:
    """A file as it was sent. It is there until its request is answered, and gone with it."""

    __slots__ = ("_file", "_hash", "_too_large", "name", "size")

    def __init__(self, name: str) -> None:
        self.name = name
        """As its owner calls it, without the way there."""
        self.size = 0
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed with the request
        self._hash = hashlib.sha256()
        self._too_large = False

    @property
    def is_too_large(self) -> bool:
        """Was it longer than may be sent? Then most of it wasn't read."""
        return self._too_large

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def give_up(self) -> None:
        """It is too large."""
        self._too_large = True

    def start(self, length: int) -> bytes:
        self._file.seek(0)
        return self._file.read(length)

    def parts(self, length: int) -> Iterator[bytes]:
        """The whole file, piece by piece."""
        self._file.seek(0)
        while part := self._file.read(length):
            yield part

    def close(self) -> None:
        self._file.close()
