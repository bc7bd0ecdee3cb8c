"""What a client is told when something fails.

Mistakes in a request and the errors of `genji_graphql.errors` are told in full. Whatever else is raised is a fault
of ours: it is logged once, with an id, and only the id is told.
"""

import logging
from collections.abc import Iterable
from uuid import uuid4

import asyncpg
from graphql import GraphQLError, GraphQLFormattedError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from strawberry.exceptions import StrawberryInputCoercionError

from genji_graphql.database import plain_reason, was_in_the_way
from genji_graphql.driver import DriverError
from genji_graphql.errors import Conflict, GenjiError, Invalid, NotAllowed, NotFound, TimedOut, TooMany, Unavailable
from genji_graphql.live.live import CursorExpired

log = logging.getLogger(__name__)

CODES: dict[type[GenjiError], str] = {
    CursorExpired: "CURSOR_EXPIRED",
    Invalid: "BAD_USER_INPUT",
    NotFound: "NOT_FOUND",
    NotAllowed: "FORBIDDEN",
    Conflict: "CONFLICT",
    TooMany: "TOO_MANY_REQUESTS",
    TimedOut: "TIMEOUT",
    Unavailable: "UNAVAILABLE",
    GenjiError: "BAD_USER_INPUT",
}
INTERNAL = "INTERNAL"

UNREACHABLE = "The database can't be reached at the moment."
BUSY = "So many are asking that the server can't keep up. Try again in a moment."
IN_THE_WAY = "Others are changing the same at the moment, and nothing of this change was made. Try again."
TOO_LONG = "This took longer than it may take."
RETRY_AFTER = 1  # seconds
OUR_FAULT = "Something went wrong on our side. If it keeps happening, tell whoever runs this server the error id."

# SQLSTATEs of a server that is going, coming, full or closed to us: connection exceptions, operator intervention, too
# many connections, no such role or database. A statement that was cancelled (57014) is none of them.
_AWAY = ("08", "57P", "53300", "28", "3D")


def format_errors(errors: Iterable[GraphQLError]) -> list[GraphQLFormattedError]:
    """The errors as they go to the client; ours are logged here."""
    seen: dict[int, GraphQLFormattedError] = {}
    formatted: list[GraphQLFormattedError] = []
    for error in errors:
        fault = _cause(error)
        if fault is None:
            formatted.append(error.formatted)
            continue
        # One failed batch comes back as an error of every row that waited for it: it is still one fault.
        if id(fault) not in seen:
            seen[id(fault)] = describe(fault)
        formatted.append({**error.formatted, **seen[id(fault)]})
    return formatted


def describe(fault: Exception) -> GraphQLFormattedError:
    """The message and code for an exception; one that nobody planned for is logged."""
    if isinstance(fault, GenjiError):
        extensions: dict[str, object] = {"code": _code(fault)}
        if isinstance(fault, TooMany):
            extensions["retryAfter"] = fault.retry_after
        return {"message": str(fault), "extensions": extensions}
    if is_cancelled(fault):
        return {"message": TOO_LONG, "extensions": {"code": CODES[TimedOut]}}
    if isinstance(fault, PoolTimeoutError):
        return {"message": BUSY, "extensions": {"code": CODES[Unavailable], "retryAfter": RETRY_AFTER}}
    if was_in_the_way(fault):
        return {"message": IN_THE_WAY, "extensions": {"code": CODES[Unavailable], "retryAfter": RETRY_AFTER}}
    if is_unreachable(fault):
        log.error("The database can't be reached: %s", plain_reason(fault))
        return {"message": UNREACHABLE, "extensions": {"code": CODES[Unavailable]}}
    error_id = str(uuid4())
    log.error("Unexpected error %s", error_id, exc_info=fault)
    return {"message": OUR_FAULT, "extensions": {"code": INTERNAL, "errorId": error_id}}


def is_unreachable(fault: BaseException) -> bool:
    """Whether the database is away, rather than asked the wrong thing."""
    if isinstance(fault, DBAPIError | asyncpg.PostgresError | DriverError):
        return _sqlstate(fault).startswith(_AWAY) or getattr(fault, "connection_invalidated", False)
    # asyncpg lets the operating system's own errors through when it can't connect, and is confused by a connection that
    # is just being closed.
    return isinstance(fault, OSError | PoolTimeoutError | asyncpg.InternalClientError)


def is_cancelled(fault: BaseException) -> bool:
    """Whether the database gave a statement up, which took longer than statements may."""
    return _sqlstate(fault) == "57014"


def _sqlstate(fault: BaseException) -> str:
    """What the driver says, whether SQLAlchemy stands between or not."""
    said = fault.orig if isinstance(fault, DBAPIError) else fault
    return getattr(said, "sqlstate", None) or ""


def _code(error: GenjiError) -> str:
    return next(code for kind, code in CODES.items() if isinstance(error, kind))


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised beneath an error, or None where the request is to blame.

    GraphQL's own errors carry the part of the document they speak of. One that is raised without, while a field is
    resolved, is about our data: a value that doesn't fit its type in the schema.
    """
    cause = error.original_error
    if isinstance(cause, GraphQLError):
        to_blame = error.path is None or cause.nodes or isinstance(cause, StrawberryInputCoercionError)
        return None if to_blame else cause
    if error.path is None and error.nodes:
        return None  # a scalar that refused a variable
    return cause
