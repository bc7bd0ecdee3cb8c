"""One operation on its way through a plan."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import asyncpg
from graphql.execution.values import VariableValues
from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError

from genji_graphql.access.viewer import Viewer
from genji_graphql.driver import Connections, Lent, Loan, Slot, Values
from genji_graphql.errors import TimedOut
from genji_graphql.plans.refusal import GaveUp
from genji_graphql.plans.slots import PARENTS, kind_of, numbers_of
from genji_graphql.plans.statements import Statements

Row = Sequence[Any]
"""A row as the driver gives it: values in the order of their columns."""

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, OSError)


@dataclass(slots=True)
class Run:
    """What it takes, within `async with`: a connection is borrowed with the first statement and kept until the end.

    Where the database fails within it, it raises TimedOut and GaveUp.
    """

    viewer: Viewer
    variables: VariableValues
    statements: Statements
    connections: Connections
    largest_page: int
    event: Mapping[str, Any] = field(default_factory=dict)
    """Of what happened, where that is told: values, and the numbers of rows, by the names of its fields."""
    kind: Viewer = field(init=False)
    """The viewer as statements are built for: with slots in the place of numbers."""
    loaded: int = field(default=0, init=False)
    """How many rows the database has given so far."""
    _values: dict[Slot, Any] = field(init=False)
    _loan: Loan | None = field(default=None, init=False)
    _lent: Lent = field(init=False)

    def __post_init__(self) -> None:
        self.kind = kind_of(self.viewer)
        self._values = numbers_of(self.viewer)

    async def __aenter__(self) -> "Run":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loan is not None:
            await self._loan.__aexit__(kind, error, trace)
        if isinstance(error, asyncpg.QueryCanceledError):
            raise TimedOut("This took longer than it may take.") from None
        if isinstance(error, _FAILURES):
            raise GaveUp("the database failed") from error

    async def fetch(
        self,
        key: Hashable,
        build: Callable[[], Select[Any]],
        parents: Collection[int] = (),
        values: Values | None = None,
    ) -> Sequence[Row]:
        """The rows of a statement; the key says which, whoever asks."""
        filled = {**self._values, PARENTS: list(parents), **(values or {})}
        if self._loan is None:
            # Not before: there are answers that need no database.
            loan = self.connections.lent()
            self._lent = await loan.__aenter__()
            self._loan = loan
        rows: Any = await self._lent.fetch(self.statements.get((key, self.kind), build), filled)
        self.loaded += len(rows)
        return rows  # type: ignore[no-any-return]
