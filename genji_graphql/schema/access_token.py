"""What people know of the tokens that they made."""

from datetime import datetime

import strawberry

from genji_graphql import models
from genji_graphql.reads.ids import global_id
from genji_graphql.schema.node import Row
from genji_graphql.vocabulary import Scope


@strawberry.type(
    description="A token that somebody made for a program of theirs. The token itself is never told again."
)
class AccessToken:
    name: str = strawberry.field(description="What they know it by.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself; null where it doesn't.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used, to the minute.")

    @strawberry.field(description="By which it can be revoked.")
    def id(row: Row) -> strawberry.ID:
        return strawberry.ID(global_id(models.AccessToken.__name__, row.id))

    @strawberry.field(description="What it is good for.")
    def scopes(row: Row) -> list[Scope]:
        return [Scope(scope) for scope in row.scopes]
