"""What people write on the texts."""

from datetime import datetime
from typing import Any

import strawberry

from genji_graphql.reads import graph, web_annotation
from genji_graphql.schema import where
from genji_graphql.schema.abilities import Abilities, viewer_can
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.document import Document
from genji_graphql.schema.element import DocumentElement
from genji_graphql.schema.fields import Info, computed, made, to_many, to_one
from genji_graphql.schema.group import Group
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.user import User
from genji_graphql.schema.version import AnnotationVersion
from genji_graphql.schema.web_annotation import AnnotationBody, AnnotationTarget
from genji_graphql.vocabulary import AnnotationStatus
from genji_graphql.web_annotation.rows import written


@strawberry.type(description="A comment, a scholarly note, a tag, a link or a response to one (W3C Web Annotation).")
class Annotation(Node):
    viewer_can: Abilities = viewer_can()
    type: str | None = strawberry.field(description="Its type.")
    motivation: str | None = strawberry.field(
        description="Why it was made: `commenting`, `scholarly`, `tagging`, `linking` … The vocabulary is open."
    )
    status: AnnotationStatus = strawberry.field(description="Who has it in sight.")
    annotation_type: str | None = strawberry.field(description="Its further type.")
    context: str | None = strawberry.field(description="Its context.")
    generator: str | None = strawberry.field(description="The program that made it.")
    generated: datetime | None = strawberry.field(description="When that program made it.")
    created: datetime = strawberry.field(description="When it was created.")
    modified: datetime = strawberry.field(description="When it was last changed.")
    body: JSON | None = strawberry.field(description="What it says, as it is stored.")
    target: JSON | None = strawberry.field(description="What it is about, as it is stored.")

    bodies: list[AnnotationBody] = made(web_annotation.bodies, "body", "What it says, typed.")
    targets: list[AnnotationTarget] = made(web_annotation.targets, "target", "What it is about, typed.")

    other: JSON | None = strawberry.field(
        description="What it says beside all this, as a Web Annotation: its rights, its audience …"
    )
    is_orphan: bool = strawberry.field(description="Has the passage that it was written on gone from the text?")
    version: int = strawberry.field(description="Which version of it this is, counted from 1.")
    deleted_at: datetime | None = strawberry.field(description="When it was deleted; null where it isn't.")

    @strawberry.field(
        description="The whole annotation as the W3C's model has it, in JSON-LD, with IRIs under the site's address."
    )
    async def json_ld(row: Row, info: Info) -> JSON:
        creator: Any = await info.context.loaders.one(graph.annotation_creator, row)
        return written(row, creator, info.context.services.settings.base_url)  # type: ignore[return-value] # to mypy JSON is a type of its own

    history: Connection[AnnotationVersion] = to_many(
        graph.annotation_history,
        "The versions before this one, the last first, for its owner and those who moderate it.",
        where.AnnotationVersionWhere,
        where.AnnotationVersionOrder,
    )

    modified_by: User | None = to_one(graph.annotation_modified_by, "Who changed it last; null where nobody has.")
    creator: User | None = to_one(graph.annotation_creator, "Who wrote it.")
    owner: User | None = to_one(graph.annotation_owner, "Whose it is: who wrote it, where no owner is set.")
    classroom: Group | None = to_one(graph.annotation_classroom, "The classroom that it was written for.")
    collection: DocumentCollection | None = to_one(graph.annotation_collection, "The collection that it is about.")
    document: Document | None = to_one(graph.annotation_document, "The document that it is about.")
    element: DocumentElement | None = to_one(graph.annotation_element, "The element that it is about.")

    reply_to: "Annotation | None" = to_one(graph.annotation_reply_to, "The annotation that it answers.")
    replies: "Connection[Annotation]" = to_many(
        graph.annotation_replies, "The replies to it, oldest first.", where.AnnotationWhere, where.AnnotationOrder
    )
    tags: list[str] = computed(graph.annotation_tags, "The words that it is tagged with, each once, in order.")
    upvote_count: int = computed(graph.annotation_upvote_count, "How many people voted for it.")
    viewer_has_upvoted: bool = computed(graph.annotation_viewer_has_upvoted, "Did the viewer vote for it?")
