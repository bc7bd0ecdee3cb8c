"""What a file of texts holds: documents, and the elements of each in reading order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONGEST_TITLE = 255


@dataclass(frozen=True, slots=True)
class SourceElement:
    source_id: str
    text: str
    hierarchy: dict[str, Any]
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """Its elements are read from the file as they are taken, so they are to be taken before the next document."""

    source_id: str
    title: str
    description: str | None
    language: str | None
    elements: Iterator[SourceElement]


def clipped(text: str, length: int = LONGEST_TITLE) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
