"""What a note was before it was changed."""

from datetime import datetime

import strawberry

from genji_graphql.reads import graph, web_annotation
from genji_graphql.schema.fields import made, to_one
from genji_graphql.schema.node import Node
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.user import User
from genji_graphql.schema.web_annotation import AnnotationBody, AnnotationTarget
from genji_graphql.vocabulary import AnnotationStatus


@strawberry.type(description="An annotation as it was until the next version.")
class AnnotationVersion(Node):
    version: int = strawberry.field(description="Its number, counted from 1.")
    motivation: str | None = strawberry.field(description="Why it was written.")
    status: AnnotationStatus = strawberry.field(description="Who had it in sight.")
    body: JSON | None = strawberry.field(description="What it said, as it was stored.")
    target: JSON | None = strawberry.field(description="What it was about, as it was stored.")
    bodies: list[AnnotationBody] = made(web_annotation.bodies, "body", "What it said, typed.")
    targets: list[AnnotationTarget] = made(web_annotation.targets, "target", "What it was about, typed.")
    modified: datetime = strawberry.field(description="When it became so.")
    modified_by: User | None = to_one(graph.version_modified_by, "Who made it so.")


@strawberry.type(description="One value that differs between two versions.")
class Change:
    pointer: str = strawberry.field(description="Which: a JSON Pointer (RFC 6901), such as `/body/value`.")
    before: JSON | None = strawberry.field(description="What it was; null where it wasn't there.")
    after: JSON | None = strawberry.field(description="What it became; null where it isn't there.")
