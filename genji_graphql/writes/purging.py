"""Purging: what was deleted long ago goes for good, from the bottom up, a batch a transaction.

A document may hold a hundred thousand elements. Each batch is small, so that nobody waits long for a lock, and a purge
that was interrupted goes on where it was: nobody sees what is left.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import RESTORABLE
from genji_graphql.database import Sessions, Turn, took_turn
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
from genji_graphql.writes.carrying import write_targets
from genji_graphql.writes.targets import names_of, places_in, without

log = logging.getLogger(__name__)

KEPT = RESTORABLE + timedelta(hours=1)
"""A little longer than it can be restored: whoever is at that meets no purge."""
BATCH = 500
"""Rows that go in one transaction."""
STRETCH = 10_000
"""Annotations that are looked at in one."""
_AT_START = 60
"""Seconds that a server has been up before it purges."""

Purged = Counter[str]
"""How much of each kind has gone, what hung on it not counted."""

Gone = Mapping[type[Base], Any]
"""The ids of all of each model that go."""

Step = Callable[[AsyncSession, Purged], Awaitable[bool]]
"""A part of the work, in a transaction of its own; tells whether there is more of it."""


async def purge(sessions: Sessions, batch: int = BATCH) -> Purged:
    """All whose time is over. Where another process is at it, nothing is left to do."""
    purged = Purged()
    for step in _steps(batch):
        more = True
        while more:
            async with sessions.begin() as session:
                if not await took_turn(session, Turn.PURGE):
                    return purged
                more = await step(session, purged)
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


def _steps(batch: int) -> Iterator[Step]:
    """From the bottom up, so that a row is alone when it goes, but for what hangs on an element or answers a note."""
    collections = select(DocumentCollection.id).where(_is_over(DocumentCollection))
    documents = _over_or(Document, Document.document_collection_id.in_(collections))
    elements = _over_or(DocumentElement, DocumentElement.document_id.in_(documents))
    notes = select(Annotation.id).where(_is_over(Annotation), Annotation.status == AnnotationStatus.DELETED)
    keys = select(IdempotencyKey.id).where(IdempotencyKey.created_at < func.now() - KEPT)
    yield _Links({Annotation: notes, DocumentElement: elements, Document: documents, DocumentCollection: collections})
    yield _rows("annotations", Annotation, notes, batch)
    yield _rows("elements", DocumentElement, elements, batch)
    # To set a note's column to NULL, as the foreign key would, left it on what the text was in, in sight again.
    yield _rows("annotations", Annotation, select(Annotation.id).where(Annotation.document_id.in_(documents)), batch)
    yield _rows("documents", Document, documents, batch)
    on_collections = select(Annotation.id).where(Annotation.document_collection_id.in_(collections))
    yield _rows("annotations", Annotation, on_collections, batch)
    yield _rows("collections", DocumentCollection, collections, batch)
    yield _rows("request keys", IdempotencyKey, keys, batch)


def _is_over(model: Any) -> Any:
    return model.deleted_at < func.now() - KEPT


def _over_or(model: Any, goes_with_parent: Any) -> Any:
    """Those that were deleted long ago, and those that go with what they are in: each by its own index."""
    return union_all(select(model.id).where(_is_over(model)), select(model.id).where(goes_with_parent))


_SHARED_AS: Mapping[type[Base], SharedObject] = {
    Document: SharedObject.DOCUMENT,
    DocumentCollection: SharedObject.COLLECTION,
}


def _rows(noun: str, model: type[Base], gone: Any, batch: int) -> Step:
    """Delete these rows, so many at a time, with their shares, which no foreign key takes along."""

    async def step(session: AsyncSession, purged: Purged) -> bool:
        some = select(model.id).where(model.id.in_(gone)).limit(batch).with_for_update()
        ids = list(await session.scalars(some))
        if ids:
            # Asked again, now that they are held: an import may have brought one back.
            await session.execute(delete(model).where(model.id == _any(ids), model.id.in_(gone)))
        if ids and model in _SHARED_AS:
            left = select(model.id).where(model.id == _any(ids))
            shares = ObjectShare.object_type == _SHARED_AS[model], ObjectShare.object_id == _any(ids)
            await session.execute(delete(ObjectShare).where(*shares, ObjectShare.object_id.not_in(left)))
        purged[noun] += len(ids)
        return len(ids) == batch

    return step


def _any(ids: Collection[int]) -> Any:
    return func.any(literal(sorted(ids), ARRAY(Integer)))


class _Links:
    """Before anything goes, links that lead to it lose those targets, and keep what else they lead to.

    What leads nowhere else keeps its target, whose quote says what it was. The table is read once, a stretch at a time:
    to look each name up in its index takes longer, and without end where that was written to just before.
    """

    def __init__(self, gone: Gone) -> None:
        self._gone = gone
        self._read = 0

    async def __call__(self, session: AsyncSession, _: Purged) -> bool:
        if not await session.scalar(select(or_(*(exists(gone) for gone in self._gone.values())))):
            return False
        last = await session.scalar(select(func.max(Annotation.id))) or 0
        here = Annotation.id > self._read, Annotation.id <= self._read + STRETCH
        naming = select(Annotation.id, Annotation.target).where(*here, *self._name_what_goes())
        await self._free(session, (await session.execute(naming.order_by(Annotation.id).with_for_update())).all())
        self._read += STRETCH
        return self._read < last

    def _name_what_goes(self) -> Sequence[Any]:
        target, names = (
            Annotation.target,
            [
                select(literal(name) + cast(column, Text))
                for model, gone in self._gone.items()
                for column in gone.subquery().c
                for name in names_of(model)
            ],
        )
        several = or_(func.jsonb_array_length(target) > 1, func.jsonb_typeof(target[0]) == "array")
        source = func.jsonb_path_query(target, cast("lax $.**.source", JSONPATH)).column_valued("source")
        # As a CASE, which is no join: the names are put into a hash once, rather than for each annotation.
        goes = case((cast(source, JSONB).op("#>>")(literal_column("'{}'")).in_(union_all(*names)), True), else_=False)
        named = select(1).where(goes).correlate(Annotation)
        is_list = func.jsonb_typeof(target) == "array"
        return [Annotation.parent_id.is_(None), case((is_list, and_(several, named.exists())))]

    async def _free(self, session: AsyncSession, links: Sequence[Any]) -> None:
        targets = {link.id: link.target.decoded() for link in links}
        gone = await self._gone_of(session, {place for target in targets.values() for place in places_in(target)})
        left = {number: without(target, gone) for number, target in targets.items()}
        freed = {number: some for number, some in left.items() if some != targets[number] and places_in(some)}
        await write_targets(session, freed)

    async def _gone_of(self, session: AsyncSession, places: Collection[Place]) -> set[Place]:
        found = set[Place]()
        for model, gone in self._gone.items():
            ids = [place.row_id for place in places if place.model is model]
            found |= {
                Place(model, number)
                for number in await session.scalars(select(model.id).where(model.id == _any(ids), model.id.in_(gone)))
            }
        return found
