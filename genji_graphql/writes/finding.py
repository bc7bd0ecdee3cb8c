"""Finding what is to be changed: first whether it is there for this viewer, then whether they may."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Integer, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import object_session

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import Conflict, Invalid, NotAllowed, NotFound
from genji_graphql.identity.viewer import standing_now
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    ImportJob,
    ObjectShare,
    Role,
    User,
)
from genji_graphql.writes.mistakes import Mistakes

Model = TypeVar("Model", bound=Base)

_NOUNS: dict[type[Base], str] = {
    Annotation: "annotation",
    Document: "document",
    DocumentCollection: "collection",
    DocumentElement: "element",
    Group: "group",
    ImportJob: "import",
    ObjectShare: "share",
    Role: "role",
    User: "person",
}


async def find(
    session: AsyncSession,
    viewer: Viewer,
    model: type[Model],
    row_id: int | None,
    action: Action,
    field: str = "id",
    *,
    key_share: bool = False,
) -> Model:
    """The row to be changed, which that field of the input names; locked until the end of the transaction.

    With `key_share` others may go on writing what hangs on it, such as notes. Who locks more than one locks from the
    top down, the collection, the document, the element, the note, what answers it, and siblings by their ids: nobody
    waits in a circle.

    Raises NotFound for what is missing or hidden, which are the same, and NotAllowed for what is seen and not theirs
    to change.
    """
    this = model.id == (row_id or 0)
    if not await session.scalar(
        select(model.id).where(this, visible(model, viewer)).with_for_update(of=model, key_share=key_share)
    ):
        raise missing(model, field)
    # Judged only now: whoever held the row until then may have taken from the viewer what they came with.
    viewer = await standing_now(session, viewer)
    judged = select(model, allowed(model, action, viewer)).where(this, visible(model, viewer))
    found: Any = (await session.execute(judged)).one_or_none()
    if found is None:
        raise missing(model, field)
    row, may = found
    if not may:
        raise not_allowed(model, action, field)
    result: Model = row
    return result


async def find_all(
    session: AsyncSession,
    viewer: Viewer,
    model: type[Model],
    row_ids: Sequence[int],
    action: Action,
    field: str = "ids",
    *,
    key_share: bool = False,
) -> Sequence[Model]:
    """The rows to be changed together, in the order of that list of the input; locked like `find`.

    Raises NotFound and NotAllowed, several at once if need be, with the place in the list.
    """
    these = model.id == func.any(literal(list(row_ids), ARRAY(Integer)))
    seen = select(model.id).where(these, visible(model, viewer)).order_by(model.id)
    await session.execute(seen.with_for_update(of=model, key_share=key_share))
    viewer = await standing_now(session, viewer)
    judged = select(model, allowed(model, action, viewer)).where(these, visible(model, viewer))
    found: dict[int, tuple[Model, bool]] = {row.id: (row, may) for row, may in await session.execute(judged)}
    mistakes = Mistakes()
    for place, row_id in enumerate(row_ids):
        with mistakes.noted():
            if row_id not in found:
                raise missing(model, f"{field}.{place}")
            if not found[row_id][1]:
                raise not_allowed(model, action, f"{field}.{place}")
    mistakes.check()
    return [found[row_id][0] for row_id in row_ids]


def check_list(model: type[Base], row_ids: Sequence[int | None], field: str, at_most: int) -> Sequence[int]:
    """The numbers of a list that names so many rows at most, and each of them once; 0 for what is none."""
    noun = f"{_NOUNS[model]}s"
    if not row_ids:
        raise Invalid(f"Say which {noun}.", field=field, code="REQUIRED")
    if len(row_ids) > at_most:
        raise Invalid(f"At most {at_most:,} {noun} at a time, not {len(row_ids):,}.", field=field, code="TOO_MANY")
    mistakes, before = Mistakes(), set[int]()
    for place, number in enumerate(row_ids):
        if number in before:
            mistakes.add([Invalid(f"This {_NOUNS[model]} is named before.", field=f"{field}.{place}", code="TWICE")])
        elif number is not None:
            before.add(number)
    mistakes.check()
    return [number or 0 for number in row_ids]


async def judge(
    session: AsyncSession, viewer: Viewer, model: type[Model], row_ids: Collection[int], action: Action
) -> Mapping[int, tuple[Model, bool]]:
    """Of these rows those that the viewer sees, and whether they may do this to each: for what isn't itself changed.

    They stay what they are until the transaction ends: what is written about a text is written about this one.
    """
    seen = select(model, allowed(model, action, viewer)).where(
        model.id == func.any(literal(sorted(row_ids), ARRAY(Integer))), visible(model, viewer)
    )
    # As a foreign key locks: writers don't wait for each other, and whoever changes the text waits for all of them.
    held = seen.order_by(model.id).with_for_update(read=True, key_share=True, of=model)
    return {row.id: (row, bool(may)) for row, may in await session.execute(held)}


async def hold_place(session: AsyncSession, annotation_id: int | None, also: Collection[int] = ()) -> None:
    """Hold what a note stands on, and these elements, until the transaction ends: before the note itself is found.

    Whoever changes or moves a text holds that, and then changes the notes on it. To hold a note first, and then to
    write something that speaks of its text, would be to wait in a circle.
    """
    note = Annotation.id == (annotation_id or 0)
    here = select(Annotation.document_element_id).where(note).scalar_subquery()
    document = Document.id == select(Annotation.document_id).where(note).scalar_subquery()
    held = select(Document.id).where(document).with_for_update(read=True, key_share=True).cte("held")
    elements = or_(DocumentElement.id == here, DocumentElement.id == func.any(literal(sorted(also), ARRAY(Integer))))
    # What depends on no row is asked first: the document is held before any element is.
    in_turn = select(func.count()).select_from(held).scalar_subquery() >= 0
    holding = select(DocumentElement.id).where(in_turn, elements).order_by(DocumentElement.id)
    await session.execute(holding.with_for_update(read=True, key_share=True, of=DocumentElement))


async def may(session: AsyncSession, viewer: Viewer, row: Base, action: Action) -> bool:
    """May they do this, too, to a row that was found for something else?"""
    model, viewer = type(row), await standing_now(session, viewer)
    return bool(await session.scalar(select(allowed(model, action, viewer)).where(model.id == row.id)))


def check_unchanged(row: Any, expected: datetime | None) -> None:
    """Raises Conflict where the row was changed after the moment that a client knows of."""
    if expected is not None and row.modified != expected:
        raise conflict(
            row, "Somebody changed this in the meantime; look at what it is now, and try again.", "expected_modified"
        )


def conflict(row: Base, message: str, field: str | None = None) -> Conflict:
    """Somebody was first, and this is what they left."""
    # The transaction ends with the error, and would take with it what was read of its rows.
    session = object_session(row)
    if session is not None:
        session.expunge(row)
    return Conflict(message, field=field, current=row)


def missing(model: type[Base], field: str) -> NotFound:
    return NotFound(f"There is no such {_NOUNS[model]}.", field=field)


def not_allowed(model: type[Base], action: Action, field: str) -> NotAllowed:
    return NotAllowed(f"You may not {_VERBS[action]} this {_NOUNS[model]}.", field=field)


_VERBS: dict[Action, str] = {
    Action.EDIT: "change",
    Action.DELETE: "delete",
    Action.RESTORE: "restore",
    Action.SHARE: "share",
    Action.ANNOTATE: "write on",
    Action.REPLY: "answer",
    Action.REATTACH: "reattach",
    Action.MODERATE: "moderate",
    Action.MANAGE_MEMBERS: "manage the members of",
    Action.DEACTIVATE: "deactivate",
    Action.ASSIGN_ROLES: "assign roles to",
    Action.CANCEL: "cancel",
}
