"""The paragraphs, lines and headings of a document."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from genji_graphql.reads import graph
from genji_graphql.reads.stats import largest_first
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.document import Document
from genji_graphql.schema.fields import Info, to_many, to_one
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.stats import AnnotationStat

if TYPE_CHECKING:
    from genji_graphql.schema.annotation import Annotation
    from genji_graphql.schema.revision import ElementRevision


@strawberry.type(description="A unit of text that people read and write on: a paragraph, a line, a heading.")
class DocumentElement(Node):
    viewer_can: Abilities = viewer_can()
    text: str | None = strawberry.field(description="What it says.")
    content: JSON | None = strawberry.field(description="Its text with formatting, verse and source.")
    hierarchy: JSON | None = strawberry.field(description="Where it stands in the source: chapter, page, line …")
    created: datetime = strawberry.field(description="When it was created.")
    modified: datetime = strawberry.field(description="When it was last changed.")
    document: Document = to_one(graph.element_document, "The document that it belongs to.")
    annotations: Connection[Annotated["Annotation", strawberry.lazy("genji_graphql.schema.annotation")]] = to_many(
        graph.element_annotations, "The notes on it.", where.AnnotationWhere, where.AnnotationOrder
    )
    revisions: Connection[Annotated["ElementRevision", strawberry.lazy("genji_graphql.schema.revision")]] = to_many(
        graph.element_revisions,
        "What it was before it was changed, newest first. For those who may edit it: to others it has none.",
        where.ElementRevisionWhere,
        where.ElementRevisionOrder,
    )

    @strawberry.field(
        description="How many annotations it has of each motivation, responses included.",
        metadata={"computed": graph.element_annotation_counts},
    )
    async def annotation_counts(row: Row, info: Info) -> list[AnnotationStat]:
        counts: Any = await info.context.loaders.computed(graph.element_annotation_counts, row.id)
        stats: Any = largest_first(counts)
        return stats
