"""Collections: making and changing them, and their order on the site."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import ARRAY, Integer, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Turn, take_turn
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.models import DocumentCollection
from genji_graphql.reads.settings import site_settings
from genji_graphql.vocabulary import PermissionName, TextDirection, Visibility
from genji_graphql.writes import metadata, places
from genji_graphql.writes.finding import check_list, check_unchanged, find, find_all, may
from genji_graphql.writes.idempotency import attempt
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.values import json_object, optional_line, required_line

MAX_TITLE, MAX_LANGUAGE, MAX_HIERARCHY = 255, 50, 100_000
MAX_REORDERED = 500


class CollectionChanges(TypedDict, total=False):
    """What is to be changed; what is left out stays."""

    title: str | None
    visibility: Visibility | None
    text_direction: TextDirection | None
    language: str | None
    hierarchy: Any
    collection_metadata: Any


async def create(session: AsyncSession, viewer: Viewer, given: CollectionChanges, key: str | None = None) -> int:
    """A new collection, the last on the site; gives its number. It belongs to whoever creates it."""
    if not viewer.may(PermissionName.CREATE_COLLECTION):
        raise NotAllowed("You may not create collections.")
    request = await attempt(session, viewer, key, "createCollection", given)
    if request.made is not None:
        return request.made[0]
    said = {name: value for name, value in given.items() if value is not None}
    # What the site asks for is asked for, whether anything was said or not.
    columns = await _columns(session, {"title": None, "collection_metadata": None} | said)
    await take_turn(session, Turn.COLLECTIONS)
    collection = DocumentCollection(**columns, owner_id=viewer.user_id, created_by_id=viewer.user_id)
    session.add(collection)
    await session.flush()
    await request.has_made([collection.id])
    return collection.id


async def update(
    session: AsyncSession,
    viewer: Viewer,
    collection_id: int | None,
    changes: CollectionChanges,
    expected: datetime | None = None,
) -> int:
    """Change what is given. What the site asks about collections is asked where their metadata is given anew."""
    collection = await find(session, viewer, DocumentCollection, collection_id, Action.EDIT, key_share=True)
    check_unchanged(collection, expected)
    columns = await _columns(session, changes)
    opens = columns.get("visibility", collection.visibility) != collection.visibility
    if opens and not await may(session, viewer, collection, Action.SHARE):
        raise NotAllowed("Only those who manage a collection say who may see it.", field="visibility")
    for name, value in columns.items():
        setattr(collection, name, value)
    collection.modified_by_id = viewer.user_id
    await session.flush()
    return collection.id


async def reorder(session: AsyncSession, viewer: Viewer, ids: Sequence[int | None]) -> None:
    """Put collections in this order, into the places that they have among themselves: all others stay where they are.

    One does it at a time, so that of two orders at once the later holds, and never a mixture.
    """
    await take_turn(session, Turn.COLLECTIONS)
    numbers = check_list(DocumentCollection, ids, "ids", MAX_REORDERED)
    await find_all(session, viewer, DocumentCollection, numbers, Action.EDIT, key_share=True)
    places_held = await _positions(session, numbers)
    if len(set(places_held)) < len(places_held):
        await places.spread(session, DocumentCollection, true())
        places_held = await _positions(session, numbers)
    await places.put(session, DocumentCollection, dict(zip(numbers, places_held, strict=True)))


async def _positions(session: AsyncSession, numbers: Sequence[int]) -> Sequence[int]:
    these = DocumentCollection.id == func.any(literal(numbers, ARRAY(Integer)))
    return (await session.scalars(select(DocumentCollection.position).where(these).order_by("position"))).all()


async def _columns(session: AsyncSession, given: CollectionChanges | dict[str, Any]) -> dict[str, Any]:
    """The columns that are given, as they are kept. All that is wrong is told at once."""
    columns: dict[str, Any] = {}
    mistakes = Mistakes()
    if "title" in given:
        with mistakes.noted():
            columns["title"] = required_line(given["title"], MAX_TITLE, "title", "title")
    for name, vocabulary in (("visibility", Visibility), ("text_direction", TextDirection)):
        if name in given:
            with mistakes.noted():
                columns[name] = _word(given.get(name), vocabulary, name)
    if "language" in given:
        with mistakes.noted():
            columns["language"] = optional_line(given["language"], MAX_LANGUAGE, "language", "language")
    if "hierarchy" in given:
        with mistakes.noted():
            columns["hierarchy"] = json_object(given["hierarchy"], MAX_HIERARCHY, "hierarchy", "hierarchy")
    if "collection_metadata" in given:
        asked = (await site_settings(session)).collection_metadata_schema.decoded()
        with mistakes.noted():
            columns["collection_metadata"] = metadata.checked(given["collection_metadata"], asked)
    mistakes.check()
    return columns


def _word(given: Any, vocabulary: type[Visibility] | type[TextDirection], field: str) -> Visibility | TextDirection:
    if given is None:
        raise Invalid("Choose one; there is none for a collection without.", field=field, code="REQUIRED")
    return vocabulary(given)
