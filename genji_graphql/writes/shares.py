"""Sharing collections and documents with people and groups.

Whoever manages a thing may share it, at any level: no level is above `manage`. Every change of a thing's shares locks
the thing first, so that two at once go one after the other; what may wake a collection locks that before its document.
"""

from typing import Any, NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.models import Document, DocumentCollection, Group, ObjectShare, User, folded
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject, Visibility
from genji_graphql.writes.finding import conflict, find, missing

Thing = DocumentCollection | Document

MODELS: dict[SharedObject, type[Thing]] = {
    SharedObject.COLLECTION: DocumentCollection,
    SharedObject.DOCUMENT: Document,
}
_LONGEST_NAME = 255


class Shared(NamedTuple):
    share: ObjectShare
    woken: DocumentCollection | None
    """The collection that was private until now."""


async def share_object(
    session: AsyncSession,
    viewer: Viewer,
    kind: SharedObject,
    object_id: int | None,
    recipient: Recipient,
    whom: int | str | None,
    level: AccessLevel,
) -> Shared:
    """Share a thing with a person or a group; one that has it already is given this level instead."""
    held = await _hold_collection(session, kind, object_id)
    thing = await find(session, viewer, MODELS[kind], object_id, Action.SHARE, "object_id")
    if isinstance(thing, Document) and thing.document_collection_id != held:
        # To lock the other one now would be to lock it after its document, and to wait in a circle.
        raise conflict(thing, "Somebody moved this in the meantime; look where it is now, and try again.")
    recipient_id = await _recipient_id(session, viewer, recipient, whom)
    if recipient is Recipient.USER:
        _check_need(viewer, thing, recipient_id, _field(recipient, whom))
    woken = await _wake(session, viewer, thing)
    added = insert(ObjectShare).values(
        object_type=kind,
        object_id=thing.id,
        shared_with_type=recipient,
        shared_with_id=recipient_id,
        access_level=level,
        created_by_id=viewer.user_id,
    )
    share = await session.scalars(
        added.on_conflict_do_update(
            index_elements=["object_type", "object_id", "shared_with_type", "shared_with_id"],
            set_={"access_level": added.excluded.access_level},
        ).returning(ObjectShare)
    )
    return Shared(share.one(), woken)


async def update_share(session: AsyncSession, viewer: Viewer, share_id: int | None, level: AccessLevel) -> ObjectShare:
    share = await _find(session, viewer, share_id)
    share.access_level = level
    await session.flush()
    return share


async def revoke_share(session: AsyncSession, viewer: Viewer, share_id: int | None) -> ObjectShare:
    """What the share gave ends with it, for whoever has it by no other way."""
    share = await _find(session, viewer, share_id)
    await session.delete(share)
    await session.flush()
    return share


async def _find(session: AsyncSession, viewer: Viewer, share_id: int | None) -> ObjectShare:
    """The share to be changed. Recipients see theirs, but it is for those who manage the thing to change it."""
    this = ObjectShare.id == (share_id or 0)
    seen = select(ObjectShare.object_type, ObjectShare.object_id).where(this, visible(ObjectShare, viewer))
    found = (await session.execute(seen)).one_or_none()
    if found is None:
        raise missing(ObjectShare, "id")
    await find(session, viewer, MODELS[found.object_type], found.object_id, Action.SHARE)
    # It may have been revoked while we waited for the thing, and it goes with its recipient, whom nobody locked.
    share = await session.scalar(select(ObjectShare).where(this).with_for_update())
    if share is None:
        raise missing(ObjectShare, "id")
    return share


async def _recipient_id(session: AsyncSession, viewer: Viewer, recipient: Recipient, whom: int | str | None) -> int:
    """Whom to share with: a person or group that the viewer sees, by id, or anybody, by their exact user name.

    A user name is made to be told to others, and registering tells already which are taken. An e-mail address isn't:
    were it taken here, the answer would tell whether somebody has an account under an address, and under which name.
    So nobody is found by one, not even one who has it for a user name. Whoever sees people's addresses (their teachers,
    administrators) sees the people too, and can share by id.

    A closed account, a hidden person and a missing one are the same answer, at the same cost. Who is found can't be
    deleted before the share is written.
    """
    found = await session.scalar(_candidates(viewer, recipient, whom).with_for_update(read=True, key_share=True))
    if found is None:
        raise missing(_RECIPIENTS[recipient], _field(recipient, whom))
    recipient_id: int = found
    return recipient_id


_RECIPIENTS: dict[Recipient, type[User | Group]] = {Recipient.USER: User, Recipient.GROUP: Group}


def _candidates(viewer: Viewer, recipient: Recipient, whom: int | str | None) -> Select[Any]:
    if isinstance(whom, str):
        # Folding takes time in proportion to the length, and no user name is longer.
        name = "" if "@" in whom or len(whom) > _LONGEST_NAME else whom.strip()
        return select(User.id).where(User.is_active, folded(User.username) == folded(name))
    if recipient is Recipient.GROUP:
        return select(Group.id).where(Group.id == (whom or 0), visible(Group, viewer))
    return select(User.id).where(User.is_active, User.id == (whom or 0), visible(User, viewer))


def _check_need(viewer: Viewer, thing: Thing, user_id: int, field: str) -> None:
    """Who has it without being given it needs no share, and a share would suggest that it could be taken away."""
    if user_id == viewer.user_id:
        raise Invalid("You can't share with yourself.", field=field, code="SELF")
    if user_id == (thing.keeper_id if isinstance(thing, DocumentCollection) else thing.owner_id):
        raise Invalid("It is theirs already.", field=field, code="OWNER")


def _field(recipient: Recipient, whom: int | str | None) -> str:
    return "username" if isinstance(whom, str) else f"{recipient.value}_id"


async def _hold_collection(session: AsyncSession, kind: SharedObject, object_id: int | None) -> int | None:
    """Of a collection as well, where it isn't needed: so all that is missing costs the same."""
    of_document = select(Document.document_collection_id).where(Document.id == (object_id or 0)).scalar_subquery()
    which = of_document if kind is SharedObject.DOCUMENT else (object_id or 0)
    this = select(DocumentCollection.id).where(DocumentCollection.id == which)
    held: int | None = await session.scalar(this.with_for_update(key_share=True))
    return held


async def _wake(session: AsyncSession, viewer: Viewer, thing: Thing) -> DocumentCollection | None:
    """Open the private collection that a share would sleep in.

    With it wake all the shares that it and its documents have, so that to manage one of its documents isn't enough.
    """
    collection_id = thing.id if isinstance(thing, DocumentCollection) else thing.document_collection_id
    private = select(allowed(DocumentCollection, Action.SHARE, viewer)).where(
        DocumentCollection.id == collection_id, DocumentCollection.visibility == Visibility.PRIVATE
    )
    may = await session.scalar(private.with_for_update(of=DocumentCollection))
    if may is None:
        return None
    if not may:
        raise NotAllowed("Its collection is private, and only those who manage the collection can open it.")
    opened = (
        update(DocumentCollection)
        .where(DocumentCollection.id == collection_id)
        .values(visibility=Visibility.SHARED, modified_by_id=viewer.user_id)
        .returning(DocumentCollection)
    )
    return (await session.scalars(opened, execution_options={"populate_existing": True})).one()
