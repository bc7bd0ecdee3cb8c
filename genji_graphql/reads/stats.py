"""Counting annotations by what they are, who wrote them, where and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Annotation
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


async def annotation_stats(
    session: AsyncSession, viewer: Viewer, where: Where | None, dimensions: Sequence[Dimension]
) -> list[Stat]:
    """The largest groups first, at most a thousand. Counted by motivation, responses count as well."""
    columns = [
        cast(func.timezone("UTC", Annotation.created), Date)
        if dimension is Dimension.DAY
        else getattr(Annotation, dimension)
        for dimension in dimensions
    ]
    count = func.count()
    statement = (
        select(count, *columns)
        .where(*conditions(all_annotations, viewer, where, responses=Dimension.MOTIVATION in dimensions))
        .group_by(*columns)
        .order_by(count.desc(), *columns)
        .limit(MAX_GROUPS)
    )
    rows = await session.execute(statement)
    return [Stat(count=row[0], **dict(zip(dimensions, row[1:], strict=True))) for row in rows]
