"""Counting annotations by what they are, who wrote them, where and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import as_seen
from genji_graphql.models import Annotation, Base, Document, DocumentCollection, DocumentElement
from genji_graphql.reads.edges import conditions
from genji_graphql.reads.filters import Where
from genji_graphql.reads.graph import all_annotations

MAX_GROUPS = 1000


class Dimension(StrEnum):
    """What annotations can be counted by."""

    MOTIVATION = "motivation"
    CREATOR = "creator_id"
    CLASSROOM = "classroom_id"
    COLLECTION = "document_collection_id"
    DOCUMENT = "document_id"
    ELEMENT = "document_element_id"
    DAY = "day"


_MAY_BE_HIDDEN: dict[Dimension, type[Base]] = {
    Dimension.COLLECTION: DocumentCollection,
    Dimension.DOCUMENT: Document,
    Dimension.ELEMENT: DocumentElement,
}
"""What may be out of sight where the annotation is seen; a classroom only for whom the annotation belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """How many annotations there are in one group. A dimension that wasn't asked for is None."""

    count: int
    motivation: str | None = None
    creator_id: int | None = None
    classroom_id: int | None = None
    document_collection_id: int | None = None
    document_id: int | None = None
    document_element_id: int | None = None
    day: date | None = None


def largest_first(counts: Iterable[tuple[str | None, int]]) -> list[Stat]:
    """Counts by motivation, the most frequent first."""
    ordered = sorted(counts, key=lambda counted: (-counted[1], counted[0] or ""))
    return [Stat(motivation=motivation, count=count) for motivation, count in ordered]


async def annotation_stats(
    session: AsyncSession, viewer: Viewer, where: Where | None, dimensions: Sequence[Dimension]
) -> list[Stat]:
    """The largest groups first, at most a thousand. Counted by motivation, responses count as well."""
    columns = [_column(dimension).label(dimension) for dimension in dimensions]
    counted = (
        select(func.count().label("count"), *columns)
        .where(*conditions(all_annotations, viewer, where, responses=Dimension.MOTIVATION in dimensions))
        .group_by(*columns)
        .subquery()
    )
    # What is hidden counts with what is missing: in groups of their own, hidden things could be told apart.
    seen = select(counted.c.count, *(_as_seen(counted.c[name], name, viewer) for name in dimensions)).subquery()
    count, groups = cast(func.sum(seen.c.count), BigInteger), [seen.c[name] for name in dimensions]
    rows = await session.execute(
        select(count, *groups).group_by(*groups).order_by(count.desc(), *groups).limit(MAX_GROUPS)
    )
    return [Stat(count=row[0], **dict(zip(dimensions, row[1:], strict=True))) for row in rows]


def _column(dimension: Dimension) -> ColumnElement[Any]:
    if dimension is Dimension.DAY:
        return cast(func.timezone("UTC", Annotation.created), Date)
    column: ColumnElement[Any] = getattr(Annotation, dimension)
    return column


def _as_seen(column: ColumnElement[Any], dimension: Dimension, viewer: Viewer) -> ColumnElement[Any]:
    model = _MAY_BE_HIDDEN.get(dimension)
    return column if model is None else as_seen(column, model, viewer).label(dimension)
