"""Collections of documents."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from genji_graphql.reads import graph
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.fields import to_many, to_one
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.stats import ContentStats
from genji_graphql.schema.user import User
from genji_graphql.vocabulary import TextDirection, Visibility

if TYPE_CHECKING:
    from genji_graphql.schema.annotation import Annotation
    from genji_graphql.schema.document import Document
    from genji_graphql.schema.share import ObjectShare


@strawberry.type(description="Related documents: a book and its chapters, a course and its readings.")
class DocumentCollection(Node):
    viewer_can: Abilities = viewer_can()
    title: str = strawberry.field(description="Its title.")
    visibility: Visibility = strawberry.field(description="Who may see it.")
    text_direction: TextDirection = strawberry.field(description="How its lines run.")
    language: str | None = strawberry.field(description="Its language, such as `ja` (BCP 47).")
    created: datetime = strawberry.field(description="When it was created.")
    modified: datetime = strawberry.field(description="When it was last changed.")
    hierarchy: JSON | None = strawberry.field(description="How it is divided: its levels and their names.")
    collection_metadata: JSON | None = strawberry.field(description="What is known of it: author, year, genre …")
    owner: User | None = to_one(graph.collection_owner, "Whose it is: who created it, where no owner is set.")
    created_by: User | None = to_one(graph.collection_created_by, "Who created it.")
    modified_by: User | None = to_one(graph.collection_modified_by, "Who was the last to change it.")
    documents: Connection[Annotated["Document", strawberry.lazy("genji_graphql.schema.document")]] = to_many(
        graph.collection_documents, "Its documents, in their order.", where.DocumentWhere, where.DocumentOrder
    )
    annotations: Connection[Annotated["Annotation", strawberry.lazy("genji_graphql.schema.annotation")]] = to_many(
        graph.collection_annotations,
        "The notes on it and on all its documents.",
        where.AnnotationWhere,
        where.AnnotationOrder,
    )
    shares: Connection[Annotated["ObjectShare", strawberry.lazy("genji_graphql.schema.share")]] = to_many(
        graph.collection_shares, "With whom it is shared.", where.ObjectShareWhere, where.ObjectShareOrder
    )

    @strawberry.field(description="How much it holds.", metadata={"content": graph.collection_content})
    def stats(row: Row) -> ContentStats:
        return ContentStats(row=row, held=graph.collection_content)
