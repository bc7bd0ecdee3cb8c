"""Finding what is to be changed: first whether it is there for this viewer, then whether they may."""

from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import NotAllowed, NotFound
from genji_graphql.identity.viewer import standing_now
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    ObjectShare,
    Role,
    User,
)

Model = TypeVar("Model", bound=Base)

_NOUNS: dict[type[Base], str] = {
    Annotation: "annotation",
    Document: "document",
    DocumentCollection: "collection",
    DocumentElement: "element",
    Group: "group",
    ObjectShare: "share",
    Role: "role",
    User: "person",
}


async def find(
    session: AsyncSession, viewer: Viewer, model: type[Model], row_id: int | None, action: Action, field: str = "id"
) -> Model:
    """The row to be changed, which that field of the input names; locked until the end of the transaction.

    Raises NotFound for what is missing or hidden, which are the same, and NotAllowed for what is seen and not theirs
    to change.
    """
    this = model.id == (row_id or 0)
    if not await session.scalar(select(model.id).where(this, visible(model, viewer)).with_for_update(of=model)):
        raise missing(model, field)
    # Judged only now: whoever held the row until then may have taken from the viewer what they came with.
    viewer = await standing_now(session, viewer)
    judged = select(model, allowed(model, action, viewer)).where(this, visible(model, viewer))
    found: Any = (await session.execute(judged)).one_or_none()
    if found is None:
        raise missing(model, field)
    row, may = found
    if not may:
        raise NotAllowed(f"You may not {_VERBS[action]} this {_NOUNS[model]}.", field=field)
    result: Model = row
    return result


def missing(model: type[Base], field: str) -> NotFound:
    return NotFound(f"There is no such {_NOUNS[model]}.", field=field)


_VERBS: dict[Action, str] = {
    Action.EDIT: "change",
    Action.DELETE: "delete",
    Action.RESTORE: "restore",
    Action.SHARE: "share",
    Action.ANNOTATE: "write on",
    Action.REPLY: "answer",
    Action.MODERATE: "moderate",
    Action.MANAGE_MEMBERS: "manage the members of",
    Action.DEACTIVATE: "deactivate",
    Action.ASSIGN_ROLES: "assign roles to",
}
