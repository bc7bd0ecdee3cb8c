"""Requests that are sent again, since their sender doesn't know whether they arrived, and make nothing twice.

A person's key stands for one request. The second of two with the same key waits for the first and is given what that
made; with another input it is refused. What failed has made nothing and is forgotten with its transaction.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import Invalid
from genji_graphql.models import IdempotencyKey

LONGEST_KEY = 255


class Attempt:
    """One request of a key, or of none."""

    def __init__(self, session: AsyncSession, key_id: int | None, made: Sequence[int] | None) -> None:
        self._session = session
        self._key_id = key_id
        self.made = made
        """The ids of what was made when it came first; None where this is the first time."""

    async def has_made(self, ids: Sequence[int]) -> None:
        """Remember what was made, for when it comes again."""
        if self._key_id is not None:
            remembered = update(IdempotencyKey).where(IdempotencyKey.id == self._key_id)
            await self._session.execute(remembered.values(created_ids=list(ids)))


async def attempt(
    session: AsyncSession, viewer: Viewer, key: str | None, what: str, given: Mapping[str, Any]
) -> Attempt:
    """Begin the request of this key. Raises Invalid where the key came with something else before."""
    if key is None:
        return Attempt(session, None, None)
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(f"A key has 1 to {LONGEST_KEY} characters.", field="idempotency_key", code="TOO_LONG")
    input_hash = _hash(what, given)
    # Where another is at it, this waits until that is done or has failed.
    claimed = insert(IdempotencyKey).values(user_id=viewer.user_id, key=key, input_hash=input_hash)
    key_id = await session.scalar(claimed.on_conflict_do_nothing().returning(IdempotencyKey.id))
    if key_id is not None:
        return Attempt(session, key_id, None)
    first = await session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.user_id == viewer.user_id, IdempotencyKey.key == key)
    )
    if first is None or first.input_hash != input_hash:
        raise Invalid(
            "This key was used for another request before; take a new one for each.",
            field="idempotency_key",
            code="KEY_REUSED",
        )
    return Attempt(session, None, first.created_ids)


def _hash(what: str, given: Mapping[str, Any]) -> bytes:
    text = json.dumps([what, given], sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()
