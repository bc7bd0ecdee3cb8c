"""Tokens that people make for their programs."""

from datetime import datetime

import strawberry

from genji_graphql import models
from genji_graphql.errors import NotAllowed, NotFound
from genji_graphql.identity import accounts
from genji_graphql.reads import ids
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.vocabulary import Scope


@strawberry.input(description="A token for a program of one's own.")
class CreateAccessTokenInput:
    name: str = strawberry.field(description="What one will know it by, in 1 to 100 characters.")
    scopes: list[Scope] = strawberry.field(description="What it is good for. Never for more than its owner may do.")
    expires_at: datetime | None = option("When it ends by itself. Without this it is good until it is revoked.")


@strawberry.type(description="The token, this once: only a hash of it is kept.")
class CreateAccessTokenPayload(Payload):
    access_token_id: strawberry.ID | None = strawberry.field(default=None, description="By which it can be revoked.")
    token: str | None = strawberry.field(default=None, description="The token, for `Authorization: Bearer`.")
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends by itself.")


@strawberry.input(description="Which token ends.")
class RevokeAccessTokenInput:
    id: strawberry.ID = strawberry.field(description="The id that came with it.")


@strawberry.type(description="What is left of the token.")
class RevokeAccessTokenPayload(Payload):
    revoked_access_token_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id that the token had."
    )


@mutation("Makes a token for a program of one's own. It is shown this once.")
async def create_access_token(info: Info, input: CreateAccessTokenInput) -> CreateAccessTokenPayload:
    user_id = _at_a_browser(info)
    async with info.context.transaction() as session:
        issued = await accounts.create_access_token(
            session,
            user_id=user_id,
            name=input.name,
            scopes=input.scopes,
            expires_at=input.expires_at or None,
            session_id=info.context.viewer.session_id,
        )
    return CreateAccessTokenPayload(access_token_id=_id(issued.id), token=issued.token, expires_at=issued.expires_at)


@mutation("Ends one of one's own tokens at once.")
async def revoke_access_token(info: Info, input: RevokeAccessTokenInput) -> RevokeAccessTokenPayload:
    user_id = _at_a_browser(info)
    token_id = ids.row_id(input.id, models.AccessToken)
    if token_id is None:
        raise NotFound("There is no such access token.", field="id")
    async with info.context.transaction() as session:
        await accounts.revoke_access_token(session, user_id=user_id, token_id=token_id)
    return RevokeAccessTokenPayload(revoked_access_token_id=_id(token_id))


def _at_a_browser(info: Info) -> int:
    """Whose tokens these are. A token makes no other: it would outlive its own end, and could ask for more scopes."""
    viewer = info.context.viewer
    if viewer.user_id is None or viewer.session_id is None:
        raise NotAllowed("An access token can't make or revoke any; sign in with your password.")
    return viewer.user_id


def _id(row_id: int) -> strawberry.ID:
    return strawberry.ID(ids.global_id(models.AccessToken.__name__, row_id))


@strawberry.type
class AccessTokenMutations:
    create_access_token: CreateAccessTokenPayload = create_access_token
    revoke_access_token: RevokeAccessTokenPayload = revoke_access_token
