"""A folder of files, and what is read from them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from genji_graphql.errors import Invalid
from genji_graphql.transfer.files import read
from genji_graphql.transfer.source import SourceDocument, SourceElement

MAX_BYTES = 100_000_000


@dataclass
class Library:
    folder: Path

    def write(self, content: str | bytes, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def documents(self, content: str | bytes, name: str) -> list[tuple[SourceDocument, list[SourceElement]]]:
        return documents(self.write(content, name))

    def refusal(self, content: str | bytes, name: str) -> str:
        return refusal(self.write(content, name))


def documents(path: Path, max_bytes: int = MAX_BYTES) -> list[tuple[SourceDocument, list[SourceElement]]]:
    return [(document, list(document.elements)) for document in read(path, max_bytes=max_bytes)]


def elements(path: Path) -> list[SourceElement]:
    return [element for _, found in documents(path) for element in found]


def refusal(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Why a file isn't read: a sentence that begins with its path, which is left out here."""
    with pytest.raises(Invalid) as refused:
        documents(path, max_bytes)
    message = str(refused.value)
    assert message.startswith(f"{path} ")
    assert message.endswith(".")
    return message.removeprefix(f"{path} ")
