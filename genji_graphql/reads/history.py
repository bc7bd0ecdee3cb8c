"""What changed between two versions of a note."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.models import Annotation, AnnotationVersion
from genji_graphql.reads.web_annotation import MAX_DEPTH

MAX_CHANGES = 500
"""How many are told at most."""

_COMPARED = ("motivation", "status", "body", "target", "other")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; null where there is none."""

    pointer: str
    before: Any
    after: Any


async def difference(
    session: AsyncSession, viewer: Viewer, annotation_id: int, first: int, second: int
) -> list[Change] | None:
    """From one version to another, the first of them; or None where one of them isn't there for this viewer."""
    versions = await session.scalars(
        select(AnnotationVersion).where(
            AnnotationVersion.annotation_id == annotation_id,
            AnnotationVersion.version.in_([first, second]),
            visible(AnnotationVersion, viewer),
        )
    )
    found: dict[int, AnnotationVersion | Annotation] = {version.version: version for version in versions}
    note = await session.scalar(select(Annotation).where(Annotation.id == annotation_id, visible(Annotation, viewer)))
    if note is not None:
        found[note.version] = note
    if first not in found or second not in found:
        return None
    return list(islice(_changes("", _document(found[first]), _document(found[second])), MAX_CHANGES))


def _document(version: AnnotationVersion | Annotation) -> dict[str, Any]:
    values = ((name, getattr(version, name)) for name in _COMPARED)
    return {
        name: value.decoded() if hasattr(value, "decoded") else value for name, value in values if value is not None
    }


def _changes(pointer: str, before: Any, after: Any, depth: int = 0) -> Iterator[Change]:
    if before == after:
        return
    if depth < MAX_DEPTH and isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _changes(f"{pointer}/{_escaped(key)}", before.get(key), after.get(key), depth + 1)
    elif depth < MAX_DEPTH and isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from _changes(f"{pointer}/{place}", _at(before, place), _at(after, place), depth + 1)
    else:
        yield Change(pointer, before, after)


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
