"""Sharing collections and documents."""

from typing import Any

import strawberry
from strawberry import UNSET

from genji_graphql import models
from genji_graphql.errors import Invalid, NotFound
from genji_graphql.reads import ids
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.share import ObjectShare, Shareable
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject
from genji_graphql.writes import shares

_KINDS = {model.__name__: kind for kind, model in shares.MODELS.items()}


@strawberry.input(description="What is shared, with whom, and how far. One of `userId`, `groupId` and `username`.")
class ShareObjectInput:
    object_id: strawberry.ID = strawberry.field(description="The global id of a collection or a document.")
    access_level: AccessLevel = strawberry.field(description="What it gives.")
    user_id: strawberry.ID | None = option("A person whom the viewer sees.")
    group_id: strawberry.ID | None = option("A group that the viewer sees.")
    username: str | None = option("Anybody, by their exact user name. Nobody is found by an e-mail address.")


@strawberry.type(description="The share, and what it woke.")
class ShareObjectPayload(Payload):
    share: ObjectShare | None = strawberry.field(default=None, description="The share.")
    woken_collection: DocumentCollection | None = strawberry.field(
        default=None,
        description="The collection that was `PRIVATE` until now, and became `SHARED` by this: all shares of it and of "
        "its documents are awake. Null where none did.",
    )


@strawberry.input(description="What a share gives from now on.")
class UpdateShareInput:
    id: strawberry.ID = strawberry.field(description="The share.")
    access_level: AccessLevel = strawberry.field(description="What it gives.")


@strawberry.type(description="The share as it is now.")
class UpdateSharePayload(Payload):
    share: ObjectShare | None = strawberry.field(default=None, description="The share.")


@strawberry.input(description="Which share ends.")
class RevokeShareInput:
    id: strawberry.ID = strawberry.field(description="The share.")


@strawberry.type(description="What is left of the share.")
class RevokeSharePayload(Payload):
    revoked_share_id: strawberry.ID | None = strawberry.field(default=None, description="The id that the share had.")
    object: Shareable | None = strawberry.field(
        default=None, description="What was shared; null where the viewer saw it by this share alone."
    )


@mutation(
    "Shares a collection or a document, for those who manage it. Sharing again with the same person or group changes "
    "the level. What is private wakes: its collection becomes `SHARED`."
)
async def share_object(info: Info, input: ShareObjectInput) -> ShareObjectPayload:
    kind, object_id = _shareable(input.object_id)
    recipient, whom = _recipient(input)
    async with info.context.transaction() as session:
        shared: Any = await shares.share_object(
            session, info.context.viewer, kind, object_id, recipient, whom, input.access_level
        )
    return ShareObjectPayload(share=shared.share, woken_collection=shared.woken)


@mutation("Changes what a share gives, for those who manage what it shares.")
async def update_share(info: Info, input: UpdateShareInput) -> UpdateSharePayload:
    share_id = ids.row_id(input.id, models.ObjectShare)
    async with info.context.transaction() as session:
        share: Any = await shares.update_share(session, info.context.viewer, share_id, input.access_level)
    return UpdateSharePayload(share=share)


@mutation("Ends a share, for those who manage what it shares. What it gave ends at once.")
async def revoke_share(info: Info, input: RevokeShareInput) -> RevokeSharePayload:
    share_id = ids.row_id(input.id, models.ObjectShare)
    async with info.context.transaction() as session:
        share = await shares.revoke_share(session, info.context.viewer, share_id)
    shared = await info.context.loaders.row(shares.MODELS[share.object_type], share.object_id)
    revoked = strawberry.ID(ids.global_id(models.ObjectShare.__name__, share.id))
    return RevokeSharePayload(revoked_share_id=revoked, object=shared)


def _shareable(text: str) -> tuple[SharedObject, int]:
    """A number alone doesn't tell a collection from a document."""
    name, row_id = ids.parse(text) or ("", 0)
    if name not in _KINDS:
        raise NotFound("There is no such collection or document.", field="object_id")
    return _KINDS[name], row_id


def _recipient(given: ShareObjectInput) -> tuple[Recipient, int | str | None]:
    match [name for name in ("user_id", "group_id", "username") if getattr(given, name) not in (UNSET, None)]:
        case ["user_id"]:
            return Recipient.USER, ids.row_id(str(given.user_id), models.User)
        case ["group_id"]:
            return Recipient.GROUP, ids.row_id(str(given.group_id), models.Group)
        case ["username"]:
            return Recipient.USER, given.username
        case _:
            raise Invalid("Give one of userId, groupId and username.", field="user_id", code="NOT_ONE")


@strawberry.type
class ShareMutations:
    share_object: ShareObjectPayload = share_object
    update_share: UpdateSharePayload = update_share
    revoke_share: RevokeSharePayload = revoke_share
