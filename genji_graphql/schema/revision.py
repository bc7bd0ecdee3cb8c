"""What elements were before they were changed."""

from datetime import datetime

import strawberry

from genji_graphql.reads import graph
from genji_graphql.schema.element import DocumentElement
from genji_graphql.schema.fields import to_one
from genji_graphql.schema.node import Node
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.user import User


@strawberry.type(description="What an element was until it was changed. For those who may edit it.")
class ElementRevision(Node):
    revision: int = strawberry.field(description="Which it is: 1 is what it was at first.")
    text: str | None = strawberry.field(description="What it said.")
    content: JSON | None = strawberry.field(description="Its text with formatting, verse and source.")
    modified: datetime = strawberry.field(description="When it had come to be so.")
    element: DocumentElement = to_one(graph.revision_element, "The element as it is now.")
    modified_by: User | None = to_one(
        graph.revision_modified_by, "Who wrote it; null where that isn't known, and where they are hidden."
    )
