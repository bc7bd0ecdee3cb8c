"""Statements as the driver takes them: compiled once, then asked with one set of values after another."""

from collections.abc import Callable, Hashable
from typing import Any

import asyncpg
from sqlalchemy import Select

from genji_graphql.driver import Lent, Statement, Values, compiled
from genji_graphql.plans.cache import Cache

_OVERHEAD = 2000
"""Bytes that a statement weighs beside its text, roughly."""


class Statements:
    """The statements of all plans, as long as they are in use."""

    def __init__(self, *, entries: int = 2000, weight: int = 20_000_000) -> None:
        self._cache: Cache[Hashable, Statement] = Cache(entries=entries, weight=weight)

    async def fetch(
        self,
        lent: Lent,
        key: Hashable,
        build: Callable[[], Select[Any]],
        values: Values,
    ) -> list[asyncpg.Record]:
        """The rows of a statement, which is built where none has been built for this key."""
        statement = self._cache.get(key)
        if statement is None:
            statement = compiled(build())
            self._cache.put(key, statement, len(statement.sql) + _OVERHEAD)
        return await lent.fetch(statement, values)

    def __len__(self) -> int:
        return len(self._cache)
