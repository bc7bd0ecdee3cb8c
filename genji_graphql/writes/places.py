"""Where rows stand among their siblings: each has a position, far enough from its neighbours' for others between.

Whoever gives out places holds a lock on what the siblings belong to, so that two at once see each other's. Siblings
that are deleted keep their places, and come back to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Integer, and_, func, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.models import SPACING, Document, DocumentCollection, DocumentElement
from genji_graphql.writes.finding import missing

Placed = type[DocumentCollection] | type[Document] | type[DocumentElement]

_FURTHEST = 2**62
"""Beyond it positions are given out no more: some day there would be none left."""
_KEEP_MODIFIED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Beside:
    """A place right before a sibling or right after it."""

    sibling_id: int
    is_before: bool

    @property
    def field(self) -> str:
        return "before_id" if self.is_before else "after_id"


async def places(
    session: AsyncSession,
    model: Placed,
    siblings: ColumnElement[bool],
    beside: Beside | None,
    *,
    number: int = 1,
    moving: int = 0,
) -> Sequence[int]:
    """Positions for so many rows, one after the other: beside that sibling, or last.

    `moving` is one that leaves its place for this. Where there is no room all siblings are put further apart.
    """
    others = and_(siblings, model.id != moving)
    found = _between(*await _neighbours(session, model, others, beside), number)
    if found is None:
        await spread(session, model, siblings)
        found = _between(*await _neighbours(session, model, others, beside), number)
    assert found is not None  # noqa: S101 - once they are spread there is room for more than come at once
    return found


async def spread(session: AsyncSession, model: Placed, siblings: ColumnElement[bool]) -> None:
    """Put all siblings as far apart as they are wanted, in the order that they have."""
    number = func.row_number().over(order_by=(model.position, model.id))
    places = select(model.id, (number * SPACING).label("position")).where(siblings).subquery()
    await _write(session, model, places)


async def put(session: AsyncSession, model: Placed, positions: Mapping[int, int]) -> None:
    """Give these rows their positions. To be put elsewhere is no change of the thing itself: `modified` stays."""
    ids = func.unnest(literal(list(positions), ARRAY(Integer))).label("id")
    given = func.unnest(literal(list(positions.values()), ARRAY(BigInteger))).label("position")
    await _write(session, model, select(ids, given).subquery())


async def _write(session: AsyncSession, model: Placed, places: Any) -> None:
    placing = update(model).where(model.id == places.c.id)
    written = placing.values(position=places.c.position, modified=model.modified)
    await session.execute(written, execution_options=_KEEP_MODIFIED)


async def _neighbours(
    session: AsyncSession, model: Placed, siblings: ColumnElement[bool], beside: Beside | None
) -> tuple[int | None, int | None]:
    """The positions that the new ones come between; None where nobody stands on that side."""
    if beside is None:
        return await session.scalar(select(func.max(model.position)).where(siblings)), None
    this = select(model.position).where(siblings, model.id == beside.sibling_id, model.deleted_at.is_(None))
    position = await session.scalar(this)
    if position is None:
        raise missing(model, beside.field)
    place = tuple_(model.position, model.id)
    here = tuple_(literal(position, BigInteger), literal(beside.sibling_id, Integer))
    others = select(model.position).where(siblings)
    if beside.is_before:
        before = others.where(place < here).order_by(model.position.desc(), model.id.desc()).limit(1)
        return await session.scalar(before), position
    after = others.where(place > here).order_by(model.position, model.id).limit(1)
    return position, await session.scalar(after)


def _between(low: int | None, high: int | None, number: int) -> Sequence[int] | None:
    """So many positions between these two, or None where there is no room."""
    if high is None:
        first, step = (low or 0) + SPACING, SPACING
    elif low is None:
        first, step = high - SPACING * number, SPACING
    else:
        step = min(SPACING, (high - low) // (number + 1))
        first = low + step
    found = [first + step * place for place in range(number)]
    return found if step and found[0] > -_FURTHEST and found[-1] < _FURTHEST else None
