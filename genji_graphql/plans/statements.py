"""Statements as the driver takes them: compiled once, then asked with one set of values after another."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import Dialect, Select

from genji_graphql.plans.cache import Cache
from genji_graphql.plans.slots import Slot, Values

_OVERHEAD = 2000
"""Bytes that a statement weighs beside its text, roughly."""


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    arguments: tuple[Any, ...]
    """In the order of `$1`, `$2` …: values that are always the same, and slots."""

    def filled(self, values: Values) -> list[Any]:
        return [values[argument] if type(argument) is Slot else argument for argument in self.arguments]


class Statements:
    """The statements of all plans, as long as they are in use."""

    def __init__(self, dialect: Dialect, *, entries: int = 2000, weight: int = 20_000_000) -> None:
        self._dialect = dialect
        self._cache: Cache[Hashable, Statement] = Cache(entries=entries, weight=weight)
        self.on_statement: Callable[[str], None] | None = None
        """Is told of each statement that is sent."""

    async def fetch(
        self,
        driver: "asyncpg.Connection[asyncpg.Record]",
        key: Hashable,
        build: Callable[[], Select[Any]],
        values: Values,
    ) -> list[asyncpg.Record]:
        """The rows of a statement, which is built where none has been built for this key."""
        statement = self._cache.get(key)
        if statement is None:
            statement = compiled(build(), self._dialect)
            self._cache.put(key, statement, len(statement.sql) + _OVERHEAD)
        if self.on_statement is not None:
            self.on_statement(statement.sql)
        return await driver.fetch(statement.sql, *statement.filled(values))

    def __len__(self) -> int:
        return len(self._cache)


def compiled(select: Select[Any], dialect: Dialect) -> Statement:
    """The statement's text, every value of it a parameter.

    SQLAlchemy would run each value through its type's processor. Ours need none: the driver takes words, moments,
    numbers, lists of them and JSON as text for what they are.
    """
    made: Any = select.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return Statement(str(made), tuple(_argument(made.params[name]) for name in made.positiontup or ()))


def _argument(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Slot) and value[0].several:
        return value[0]
    return value
