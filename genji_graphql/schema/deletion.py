"""What was deleted and can still be brought back."""

from datetime import datetime

import strawberry

from genji_graphql.access.rules import RESTORABLE
from genji_graphql.reads.deletions import DeletedKind
from genji_graphql.schema.node import Row


@strawberry.type(description="A collection, document or element that was deleted and can still be restored.")
class Deletion:
    kind: DeletedKind = strawberry.field(description="What it is.")
    title: str | None = strawberry.field(description="Its title; of an element, the beginning of its text.")
    deleted_at: datetime = strawberry.field(description="When it was deleted.")
    purged_after: datetime = strawberry.field(
        description=f"Until when it can be restored: {RESTORABLE.days} days later it is deleted for good."
    )
    database_id: int = strawberry.field(description="The number of its row.")

    @strawberry.field(description="The id that it had, and has again when it is restored.")
    def id(row: Row) -> strawberry.ID:
        return strawberry.ID(row.id)
