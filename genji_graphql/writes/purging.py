"""Purging: what was deleted long ago goes for good, from the bottom up, a batch a transaction.

A document may hold a hundred thousand elements. Each batch is small, so that nobody waits long for a lock, and a purge
that was interrupted goes on where it was: nobody sees what is left.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, Integer, Text, cast, delete, func, literal, select, union_all, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Json, Sessions, Turn, take_turn_if_free
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    IdempotencyKey,
    ObjectShare,
)
from genji_graphql.reads.web_annotation import Place
from genji_graphql.vocabulary import AnnotationStatus, SharedObject
from genji_graphql.writes.annotations import RESTORABLE
from genji_graphql.writes.carrying import is_orphaned
from genji_graphql.writes.targets import places_in, shapes_of, without

log = logging.getLogger(__name__)

KEPT = RESTORABLE + timedelta(hours=1)
"""A little longer than it can be restored: whoever is at that meets no purge."""
BATCH = 500
_AT_START = 60
"""Seconds that a server has been up before it purges."""

Purged = Counter[str]
"""How much of each kind has gone, what hung on it not counted."""

Step = Callable[[AsyncSession], Awaitable[int]]


async def purge(sessions: Sessions, batch: int = BATCH) -> Purged:
    """All whose time is over. Where another process is at it, nothing is left to do."""
    purged = Purged()
    for noun, step in _steps(batch):
        while True:
            async with sessions.begin() as session:
                gone = await step(session) if await take_turn_if_free(session, Turn.PURGE) else None
            if gone is None:
                return purged
            purged[noun] += gone
            if gone < batch:
                break
    return purged


async def keep_purging(sessions: Sessions, every: float, at_start: float = _AT_START) -> None:
    """Purge now and then, for as long as the server runs. What fails is tried again the next time."""
    await asyncio.sleep(min(every, at_start))
    while True:
        try:
            purged = await purge(sessions)
        except Exception:
            log.exception("What was deleted long ago could not be purged.")
        else:
            if purged.total():
                log.info("Purged %s.", told(purged))
        await asyncio.sleep(every)


def told(purged: Purged) -> str:
    """What has gone, in words."""
    counts = [f"{count:,} {noun if count != 1 else noun.removesuffix('s')}" for noun, count in purged.items() if count]
    return ", ".join(counts) or "nothing"


def _steps(batch: int) -> Iterator[tuple[str, Step]]:
    """From the bottom up, so that a row is alone when it goes, but for what hangs on an element or answers a note."""
    collections = select(DocumentCollection.id).where(_is_over(DocumentCollection))
    documents = _over_or(Document, Document.document_collection_id.in_(collections))
    yield "annotations", _step(Annotation, _deleted_notes(), batch)
    yield (
        "elements",
        _step(DocumentElement, _over_or(DocumentElement, DocumentElement.document_id.in_(documents)), batch),
    )
    for noun, model, column, gone in (
        ("documents", Document, Annotation.document_id, documents),
        ("collections", DocumentCollection, Annotation.document_collection_id, collections),
    ):
        # To set their column to NULL, as the foreign key would, left them on what the text was in, in sight again.
        yield "annotations", _step(Annotation, select(Annotation.id).where(column.in_(gone)), batch)
        yield noun, _step(model, gone, batch)
    yield "request keys", _step(IdempotencyKey, _old_keys(), batch)


def _is_over(model: Any) -> Any:
    return model.deleted_at < func.now() - KEPT


def _over_or(model: Any, goes_with_parent: Any) -> Any:
    """Those that were deleted long ago, and those that go with what they are in: each by its own index."""
    return union_all(select(model.id).where(_is_over(model)), select(model.id).where(goes_with_parent))


def _deleted_notes() -> Any:
    return select(Annotation.id).where(_is_over(Annotation), Annotation.status == AnnotationStatus.DELETED)


def _old_keys() -> Any:
    return select(IdempotencyKey.id).where(IdempotencyKey.created_at < func.now() - KEPT)


_SHARED_AS: Mapping[type[Base], SharedObject] = {
    Document: SharedObject.DOCUMENT,
    DocumentCollection: SharedObject.COLLECTION,
}


def _step(model: type[Base], gone: Any, batch: int) -> Step:
    """Delete so many of these rows, with what no foreign key takes along."""

    async def step(session: AsyncSession) -> int:
        some = select(model.id).where(model.id.in_(gone)).limit(batch).with_for_update()
        ids = list(await session.scalars(some))
        if not ids:
            return 0
        await session.execute(delete(model).where(model.id == _any(ids)))
        if model in _SHARED_AS:
            shares = ObjectShare.object_type == _SHARED_AS[model], ObjectShare.object_id == _any(ids)
            await session.execute(delete(ObjectShare).where(*shares))
        if model is not IdempotencyKey:
            await _take_from_targets(session, [Place(model, number) for number in ids])
        return len(ids)

    return step


def _any(ids: Sequence[int]) -> Any:
    return func.any(literal(list(ids), ARRAY(Integer)))


async def _take_from_targets(session: AsyncSession, gone: Sequence[Place]) -> None:
    """Links keep what else they lead to. What leads nowhere else keeps its target, whose quote says what it was."""
    shapes = [Json.of(shape) for place in gone for shape in shapes_of(place) if isinstance(shape, list)]
    wanted = select(cast(func.unnest(literal(shapes, ARRAY(Text))), JSONB).label("shape")).subquery()
    naming = select(Annotation.id, Annotation.target).where(
        Annotation.id.in_(select(Annotation.id).join(wanted, Annotation.target.contains(wanted.c.shape)))
    )
    for number, target in await session.execute(naming.order_by(Annotation.id).with_for_update()):
        left = None if target is None else without(target.decoded(), set(gone))
        if not places_in(left):
            continue
        changed = update(Annotation).where(Annotation.id == number)
        written = changed.values(target=left, is_orphan=is_orphaned(left), modified=Annotation.modified)
        await session.execute(written, execution_options={"synchronize_session": False})
