"""Statements without SQLAlchemy between: it compiles them once, and the driver runs them.

A session costs more than a small statement takes. So what is asked with every request, who is asking and whatever a
plan answers, goes by connections of its own, to which nobody else does anything.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any

import asyncpg
from sqlalchemy import Boolean, Executable, Integer, String
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi, dialect
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.settings import Settings

DriverError = AsyncAdapt_asyncpg_dbapi.Error
"""What is raised where no connection could be opened: by a dialect that isn't asked by way of SQLAlchemy's engine."""

Driver = Any  # asyncpg's connection, whose stubs know nothing of what its methods return

_FAREWELL = 5.0
"""Seconds that a connection has to say goodbye, and to give up what it was doing."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Where a statement that is compiled once has a value put in each time that it is asked. Each is itself alone."""

    name: str
    number: int = 0
    several: bool = False
    """Is it the place of a whole list? Such a slot stands in a list, alone."""
    column: str | None = None
    """Is the value in a column of the statement that the condition becomes part of, rather than put in?"""


Values = Mapping[Slot, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    arguments: tuple[Any, ...]
    """In the order of `$1`, `$2` …: values that are always the same, and slots."""

    def filled(self, values: Values) -> list[Any]:
        return [values[argument] if type(argument) is Slot else argument for argument in self.arguments]


def compiled(statement: Executable) -> Statement:
    """The statement's text. What is put in from one time to the next is a parameter; words and numbers that never
    change stand in it, where PostgreSQL's planner sees them: or else it plans the statement anew each time.

    SQLAlchemy would run each value through its type's processor. Ours need none: the driver takes words, moments,
    numbers, lists of them and JSON as text for what they are.
    """
    made: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    return Statement(str(made), tuple(_argument(made.params[name]) for name in made.positiontup or ()))


def _argument(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Slot) and value[0].several:
        return value[0]
    return value


_PLAIN_TYPES = (String, Integer, Boolean)
_PLAIN = re.compile(r"[\w .:/-]{0,100}", re.ASCII)
"""Words that need no quotation marks but those around them, however a server reads them."""


def _is_plain(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and _PLAIN.fullmatch(value) is not None)


_SQLCompiler: Any = dialect.statement_compiler


class _Compiler(_SQLCompiler):  # type: ignore[misc] # its dialect tells no type
    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._places: dict[tuple[Slot, str], Any] = {}
        super().__init__(*arguments, **options)

    def visit_bindparam(self, bindparam: Any, **options: Any) -> str:
        values = bindparam.value if bindparam.expanding else [bindparam.value]
        if (column := _column(bindparam.value)) is not None:
            return column
        if isinstance(bindparam.type, _PLAIN_TYPES) and values and all(map(_is_plain, values)):
            options["literal_binds"] = True
        text: str = super().visit_bindparam(self._placed(bindparam), **options)
        return text

    def _placed(self, bindparam: Any) -> Any:
        """One parameter for a slot, however often it comes: rules of sight ask again and again who is asking.

        Each costs the driver and the server something; three lists of classrooms cost a third of a small statement.
        """
        slot = _argument(bindparam.value)
        if not isinstance(slot, Slot) or bindparam.expanding:
            return bindparam
        return self._places.setdefault((slot, bindparam.type.compile(self.dialect)), bindparam)


def _column(value: Any) -> str | None:
    """The column that stands for a value, if it has one."""
    slot = value[0] if isinstance(value, list) and len(value) == 1 else value
    return slot.column if isinstance(slot, Slot) else None


_DIALECT: Any = dialect()  # type: ignore[no-untyped-call]
_DIALECT.statement_compiler = _Compiler


class Connections:
    """Connections of the engine's kind that are kept open and lent, to one asker at a time."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._unlent = settings.db_pool_size
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._patience = settings.db_pool_timeout
        self._age = settings.db_pool_recycle
        self._idle: list[tuple[Driver, float]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self.on_statement: Callable[[str], None] = _nobody
        """Is told of each statement."""

    def lent(self) -> "Loan":
        """A connection, within `async with`. Raises SQLAlchemy's TimeoutError where none becomes free in time."""
        return Loan(self)

    async def take(self) -> tuple[Driver, float]:
        """A connection that somebody gives back, and when it was opened."""
        if self._unlent:
            self._unlent -= 1
        else:
            await self._turn()
        try:
            return self._kept() or await self._opened()
        except BaseException:
            self._call_next()
            raise

    def give_back(self, driver: Driver, opened: float, *, unharmed: bool) -> None:
        if unharmed:
            self._idle.append((driver, opened))
        else:
            # It may be in the midst of a statement, or broken: nobody else shall wait for it.
            self._dismiss(driver)
        self._call_next()

    async def close(self) -> None:
        while self._idle:
            self._dismiss(self._idle.pop()[0])
        await asyncio.gather(*self._leaving)

    async def _turn(self) -> None:
        """Waits to be called. Under load nearly everybody does: asyncio's own semaphore and timeout cost twice this."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        patience = loop.call_later(self._patience, _lose, turn)
        try:
            called = await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():
                # They were called just as they left.
                self._call_next()
            raise
        finally:
            patience.cancel()
        if not called:
            raise PoolTimeoutError(f"No connection became free within {self._patience:g} seconds.")

    def _call_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._unlent += 1

    def _kept(self) -> tuple[Driver, float] | None:
        # The one that was used last: those that nobody needs grow old.
        while self._idle:
            driver, opened = self._idle.pop()
            if not driver.is_closed() and not 0 <= self._age < monotonic() - opened:
                return driver, opened
            self._dismiss(driver)
        return None

    async def _opened(self) -> tuple[Driver, float]:
        connection = await self._engine.raw_connection()
        driver: Driver = connection.driver_connection
        # The engine, which knows how to connect, forgets it.
        connection.detach()
        # Our statements are long, and what is put in changes little about them: planning them anew each time takes
        # longer than many of them do (docs/decisions/0012).
        try:
            await driver.execute("SET plan_cache_mode = force_generic_plan")
        except BaseException:
            # Nobody else knows of it.
            driver.terminate()
            raise
        return driver, monotonic()

    def _dismiss(self, driver: Driver) -> None:
        leaving = asyncio.get_running_loop().create_task(_farewell(driver))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


class Loan:
    """A connection's way to whoever asks and back."""

    __slots__ = ("_connections", "_driver", "_opened")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> "Lent":
        self._driver, self._opened = await self._connections.take()
        return Lent(self._driver, self._connections.on_statement)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.give_back(self._driver, self._opened, unharmed=kind is None)


@dataclass(slots=True)
class Lent:
    """A connection for as long as it is lent."""

    driver: Driver
    told: Callable[[str], None]

    async def fetch(self, statement: Statement, values: Values) -> list[asyncpg.Record]:
        self.told(statement.sql)
        try:
            rows: list[asyncpg.Record] = await self.driver.fetch(statement.sql, *statement.filled(values))
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # To the driver it is a mistake to ask a connection that the server has closed, or is just closing.
            if self.driver.is_closed() or isinstance(error, asyncpg.InternalClientError):
                raise ConnectionResetError(str(error)) from error
            raise
        return rows


def _nobody(_sql: str) -> None:
    pass


def _lose(turn: "asyncio.Future[bool]") -> None:
    if not turn.done():
        turn.set_result(False)


async def _farewell(driver: Driver) -> None:
    try:
        await driver.close(timeout=_FAREWELL)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        driver.terminate()
