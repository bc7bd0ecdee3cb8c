"""The connection to PostgreSQL: engine, sessions, the wait at start, and JSON as it stands."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from genji_graphql.errors import Unavailable
from genji_graphql.settings import DatabaseProfile, Settings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10  # seconds for one connection, to a host that swallows packets

Sessions = async_sessionmaker[AsyncSession]


class Turn(IntEnum):
    """What is done by one transaction at a time. Each number is a key of PostgreSQL's advisory locks."""

    FIRST_ACCOUNT = 7_336_453
    """Whoever registers first becomes administrator."""
    FIRST_SIGN_IN = 7_336_454
    """Somebody whom the CAS server vouches for gets an account once."""
    STANDING = 7_336_455
    """Of two administrators who go at once, the second sees that they are the last."""
    COLLECTIONS = 7_336_456
    """Whoever gives collections their places sees the places that others have."""
    PURGE = 7_336_457
    """What was deleted long ago is purged by one process."""
    IMPORT = 7_336_458
    """An import that was asked for is done by one process. Of each its own."""
    IMPORT_INTO = 7_336_459
    """Two files are brought into a collection one after the other: they may hold the same document."""
    EVENTS = 7_336_460
    """The partitions of the log of events are made and dropped by one process."""
    RELAY = 7_336_461
    """The log of events is read for all processes by one. It has its turn for as long as its connection lasts."""


async def take_turn(session: AsyncSession, turn: Turn, of: int | None = None) -> None:
    """Wait until nobody else is at it, and keep others waiting until the end of the transaction.

    What there are many of has a turn for each, by its number.
    """
    await session.execute(select(func.pg_advisory_xact_lock(*_keys(turn, of))))


async def took_turn(session: AsyncSession, turn: Turn, of: int | None = None) -> bool:
    """Take the turn, unless somebody else is at it; tells whether it was taken."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(*_keys(turn, of)))))


def _keys(turn: Turn, of: int | None) -> list[int]:
    return [turn.value] if of is None else [turn.value, of]


class Json(str):
    """A JSON document as PostgreSQL wrote it.

    Most of it goes from the database to the client without a look inside, so it stays text: nothing is lost (a
    number keeps all its digits) and nothing is paid for.
    """

    __slots__ = ()

    def decoded(self) -> Any:
        """Its values; a number that a float or 64 bits can't hold to its last digit is a Decimal."""
        return json.loads(self, parse_float=Decimal, parse_int=_whole)

    @classmethod
    def of(cls, value: Any) -> "Json":
        """The document of these values. A Decimal is a number with all its digits, as it was decoded."""
        if isinstance(value, cls):
            return value
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_marked)
        return cls(_MARKED.sub(r"\1", text) if _MARK in text else text)


# The encoder writes no number of a kind that it doesn't know; so a Decimal goes through it as a string of a kind that
# nobody can guess, and loses its quotes afterwards.
_MARK = f"decimal-{uuid4().hex}:"
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value}"
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 19 else Decimal(digits)


def create_engine(settings: Settings, deadline: float | None = None) -> AsyncEngine:
    """The engine of these settings; with a deadline, for statements that are ended after so many seconds."""
    # Beside those that are kept for plans.
    kept = max(1, settings.db_max_overflow // 2)
    return create_async_engine(
        settings.sqlalchemy_url,
        echo=settings.db_echo,
        # An error that is logged quotes its statement, whose values may be a password's hash or the link of a class.
        hide_parameters=not settings.db_echo,
        pool_size=kept,
        max_overflow=max(0, settings.db_max_overflow - kept),
        pool_timeout=settings.db_pool_timeout,
        pool_recycle=settings.db_pool_recycle,
        pool_pre_ping=settings.db_pool_pre_ping,
        json_serializer=Json.of,
        json_deserializer=Json,
        connect_args={
            "timeout": CONNECT_TIMEOUT,
            "server_settings": _server_settings(settings, deadline),
            # A long statement is the last that should be prepared each time.
            "max_cacheable_statement_size": 0,
        },
    )


def _server_settings(settings: Settings, deadline: float | None) -> dict[str, str]:
    told = {"application_name": "genji", "timezone": "UTC"}
    # A pooler would refuse to be told more.
    if settings.db_profile is not DatabaseProfile.SERVERLESS:
        # JIT compiles for longer than any statement of ours runs.
        told["jit"] = "off"
        if deadline is not None:
            told["statement_timeout"] = f"{max(1, round(1000 * deadline))}"
    return told


def reading_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions for reads: each statement stands alone, so BEGIN and ROLLBACK are two round trips saved."""
    return async_sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False)


def writing_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


async def wait_until_ready(engine: AsyncEngine, settings: Settings, say: Callable[[str], None] = log.warning) -> None:
    """Return once the database answers; a database may come up after us. Raises Unavailable when it doesn't."""
    for attempt in range(settings.db_max_retries + 1):
        if attempt:
            await asyncio.sleep(settings.db_retry_delay_seconds)
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (OSError, TimeoutError, DBAPIError) as error:
            reason = plain_reason(error)
            say(f"The database doesn't answer yet ({reason}); attempt {attempt + 1} of {settings.db_max_retries + 1}.")
        else:
            return
    raise Unavailable(
        f"Gave up on the database at attempt {settings.db_max_retries + 1}: {reason}. "
        "Is it running, and are DATABASE_URL or DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD right?"
    )


def was_in_the_way(error: BaseException) -> bool:
    """Did PostgreSQL end a transaction so that another may go on? Nothing of it stays, and the next try may go well."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (getattr(cause, "sqlstate", None) or "") in _IN_THE_WAY


# serialization_failure, deadlock_detected
_IN_THE_WAY = ("40001", "40P01")


def plain_reason(error: BaseException) -> str:
    """Why the database can't be reached, in one line without SQL or a password."""
    cause = error.orig.__cause__ or error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).strip().splitlines()[0].rstrip(".") if str(cause).strip() else type(cause).__name__
