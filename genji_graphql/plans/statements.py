"""Statements as the driver takes them: compiled once, then asked with one set of values after another."""

from collections.abc import Callable, Hashable
from typing import Any

from sqlalchemy import Select

from genji_graphql.driver import Statement, compiled
from genji_graphql.plans.cache import Cache

_OVERHEAD = 2000
"""Bytes that a statement weighs beside its text, roughly."""


class Statements:
    """The statements of all plans, as long as they are in use."""

    def __init__(self, *, entries: int = 2000, weight: int = 20_000_000) -> None:
        self._cache: Cache[Hashable, Statement] = Cache(entries=entries, weight=weight)

    def get(self, key: Hashable, build: Callable[[], Select[Any]]) -> Statement:
        """The statement of this key, which is built where there is none."""
        statement = self._cache.get(key)
        if statement is None:
            statement = compiled(build())
            self._cache.put(key, statement, len(statement.sql) + _OVERHEAD)
        return statement

    def __len__(self) -> int:
        return len(self._cache)
