"""The documents of a collection."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from genji_graphql.reads import graph
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.fields import to_many, to_one
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.stats import ContentStats
from genji_graphql.schema.user import User

if TYPE_CHECKING:
    from genji_graphql.schema.annotation import Annotation
    from genji_graphql.schema.element import DocumentElement
    from genji_graphql.schema.share import ObjectShare


@strawberry.type(description="One text of a collection; what it says stands in its elements.")
class Document(Node):
    viewer_can: Abilities = viewer_can()
    title: str = strawberry.field(description="Its title.")
    description: str | None = strawberry.field(description="What it is.")
    created: datetime = strawberry.field(description="When it was created.")
    modified: datetime = strawberry.field(description="When it was last changed.")
    collection: DocumentCollection | None = to_one(
        graph.document_collection, "The collection that it belongs to; null where that is hidden."
    )
    owner: User | None = to_one(graph.document_owner, "Whose it is.")
    elements: Connection[Annotated["DocumentElement", strawberry.lazy("genji_graphql.schema.element")]] = to_many(
        graph.document_elements,
        "Its text, in reading order.",
        where.DocumentElementWhere,
        where.DocumentElementOrder,
    )
    annotations: Connection[Annotated["Annotation", strawberry.lazy("genji_graphql.schema.annotation")]] = to_many(
        graph.document_annotations,
        "The notes on it and on all its elements.",
        where.AnnotationWhere,
        where.AnnotationOrder,
    )
    shares: Connection[Annotated["ObjectShare", strawberry.lazy("genji_graphql.schema.share")]] = to_many(
        graph.document_shares, "With whom it is shared.", where.ObjectShareWhere, where.ObjectShareOrder
    )

    @strawberry.field(description="How much it holds.", metadata={"content": graph.document_content})
    def stats(row: Row) -> ContentStats:
        return ContentStats(row=row, held=graph.document_content)
