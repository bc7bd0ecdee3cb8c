"""Counts of what there is."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from genji_graphql.reads import filters, graph
from genji_graphql.reads.edges import Content, ToMany
from genji_graphql.schema.fields import Info, to_one

if TYPE_CHECKING:
    from genji_graphql.schema.collection import DocumentCollection
    from genji_graphql.schema.document import Document
    from genji_graphql.schema.element import DocumentElement
    from genji_graphql.schema.group import Group
    from genji_graphql.schema.user import User


@strawberry.type(description="How much a collection or a document holds, of what the viewer may see.")
class ContentStats:
    row: strawberry.Private[Any]
    held: strawberry.Private[Content]

    @strawberry.field(description="The documents; a document is one.", metadata={"counts": "documents"})
    async def documents(self, info: Info) -> int:
        return await self._count(info, self.held.documents) if self.held.documents else 1

    @strawberry.field(description="The elements of its documents.", metadata={"counts": "elements"})
    async def elements(self, info: Info) -> int:
        return await self._count(info, self.held.elements)

    @strawberry.field(
        description="The notes on it: all but replies, tags, upvotes and flags.", metadata={"counts": "annotations"}
    )
    async def annotations(self, info: Info) -> int:
        return await self._count(info, self.held.annotations)

    @strawberry.field(
        description="The comments among the notes.", metadata={"counts": "annotations", "motivation": "commenting"}
    )
    async def comments(self, info: Info) -> int:
        return await self._count(info, self.held.annotations, "commenting")

    @strawberry.field(
        description="The scholarly ones among the notes.",
        metadata={"counts": "annotations", "motivation": "scholarly"},
    )
    async def scholarly_notes(self, info: Info) -> int:
        return await self._count(info, self.held.annotations, "scholarly")

    async def _count(self, info: Info, edge: ToMany, motivation: str | None = None) -> int:
        return await info.context.loaders.count(edge, of_motivation(motivation), self.row.id)


def of_motivation(motivation: str | None) -> filters.Test | None:
    """Only annotations made for this, or all."""
    return None if motivation is None else filters.Test("motivation", "eq", motivation)


@strawberry.type(description="How many annotations there are of one kind. What wasn't counted by is null.")
class AnnotationStat:
    count: int = strawberry.field(description="How many.")
    motivation: str | None = strawberry.field(description="Why they were made.")
    day: date | None = strawberry.field(description="The day they were created, in UTC.")
    creator: Annotated["User", strawberry.lazy("genji_graphql.schema.user")] | None = to_one(
        graph.annotation_creator, "Who wrote them."
    )
    classroom: Annotated["Group", strawberry.lazy("genji_graphql.schema.group")] | None = to_one(
        graph.annotation_classroom, "The classroom that they were written for."
    )
    collection: Annotated["DocumentCollection", strawberry.lazy("genji_graphql.schema.collection")] | None = to_one(
        graph.annotation_collection, "The collection that they are about."
    )
    document: Annotated["Document", strawberry.lazy("genji_graphql.schema.document")] | None = to_one(
        graph.annotation_document, "The document that they are about."
    )
    element: Annotated["DocumentElement", strawberry.lazy("genji_graphql.schema.element")] | None = to_one(
        graph.annotation_element, "The element that they are about."
    )
