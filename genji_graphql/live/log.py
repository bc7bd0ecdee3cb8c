"""The log of events in the database: what to ask it.

Triggers write it (`models/event.py`). It is read in the order of `(xid, seq)`, and only below the oldest transaction
that is still open: whatever is there then has committed, and nothing can come before it any more. A reader that goes
by the sequence alone loses what commits late.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from genji_graphql.database import Turn
from genji_graphql.live.event import Event
from genji_graphql.live.position import Position, Snapshot

log = logging.getLogger(__name__)

Driver = Any  # asyncpg's connection, whose stubs know nothing of what its methods return

PAGE = 500
"""Events that are read at once."""
DAYS_AHEAD = 2
_SCHEMA = "app_events"
_STANDING_KEPT = timedelta(hours=1)
"""Longer than any reader is away without asking everybody anew."""
_PATIENCE = "200ms"
"""How long keeping the partitions waits for a lock: whoever writes would wait behind it."""

_OF_ANNOTATIONS = (
    "annotation_id, motivation, document_element_id, document_id, document_collection_id, classroom_id, "
    "classroom_gone, parent_id, owner_id, status_before, status_after"
)
_OF_MEMBERS = "group_id, user_id"
_NO_ANNOTATION = (
    "NULL::integer, NULL::varchar, NULL::integer, NULL::integer, NULL::integer, NULL::integer, false, NULL::integer, "
    "NULL::integer, NULL::varchar, NULL::varchar"
)
_ANNOTATIONS = f"{_OF_ANNOTATIONS}, NULL::integer AS group_id, NULL::integer AS user_id FROM app.annotation_events"
_MEMBERS = f"{_NO_ANNOTATION}, {_OF_MEMBERS} FROM app.membership_events"
_PART = """(SELECT xid, seq, at, kind, {what}
WHERE (xid, seq) > ($1::text::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()){only}
ORDER BY xid, seq LIMIT $3::integer)"""


def _reading(annotations: str | None, members: str | None) -> str:
    """The statement of a page of those events for which the conditions hold; of a kind that has none, no event."""
    parts = [
        _PART.format(what=what, only=only)
        for what, only in ((_ANNOTATIONS, annotations), (_MEMBERS, members))
        if only is not None
    ]
    return (
        f"SELECT e.xid::text AS xid, seq, at, kind, {_OF_ANNOTATIONS if annotations is not None else _NO_ANNOTATION}, "
        f"{_OF_MEMBERS} FROM ({' UNION ALL '.join(parts)}) AS e ORDER BY e.xid, seq LIMIT $3::integer"
    )


_EVERYTHING = _reading("", "")

# Of these the order doesn't matter, but the moment does: what committed since the snapshot before, whoever else is
# still at something.
_STANDING = """
SELECT pg_current_snapshot()::text AS snapshot, ARRAY(
    SELECT coalesce(user_id, 0) FROM app.standing_changes
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
) AS changed
"""

# The last that is there, rather than the horizon itself: after a crash, numbers of transactions that wrote nothing may
# be given anew, and a cursor of such a number would be one too far.
_NOW = """
SELECT xid::text AS xid, seq, pg_current_snapshot()::text AS snapshot FROM (
    (SELECT xid, seq FROM app.annotation_events WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid DESC, seq DESC LIMIT 1)
    UNION ALL
    (SELECT xid, seq FROM app.membership_events WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid DESC, seq DESC LIMIT 1)
    UNION ALL
    SELECT xid, seq FROM app.event_floor
) AS last (xid, seq) ORDER BY last.xid DESC, seq DESC LIMIT 1
"""

_MORE = """
SELECT EXISTS (SELECT FROM app.annotation_events WHERE (xid, seq) > ($1::text::xid8, $2::bigint))
    OR EXISTS (SELECT FROM app.membership_events WHERE (xid, seq) > ($1::text::xid8, $2::bigint))
"""

_IDENTITY = """
SELECT concat_ws('-', (SELECT oid FROM pg_database WHERE datname = current_database()),
    (SELECT system_identifier FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint()))
"""
_DATABASE = "SELECT oid::text FROM pg_database WHERE datname = current_database()"

# Of a dump that was loaded into another server: there these transactions are still to come.
_FROM_THE_FUTURE = """
SELECT EXISTS (SELECT FROM app.{name} WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))
"""
_LOGS = ("annotation_events", "membership_events", "standing_changes")

# Of whatever database of the server: they count their transactions together, and so wait for each other here.
_OLDEST_WRITER = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8
FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""

_NEXT = " UNION ALL ".join(
    f"(SELECT at FROM app.{name} WHERE (xid, seq) > ($1::text::xid8, $2::bigint) ORDER BY xid, seq LIMIT 1)"
    for name in ("annotation_events", "membership_events")
)
_LAG = f"SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM ({_NEXT}) AS next"


Place = tuple[str, int]
"""Where events are looked for: a kind of thing, and its number."""

EVERYWHERE: Place = ("everywhere", 0)


def places_of(event: Event) -> Sequence[Place]:
    """Where an event can be found."""
    numbers = {
        "element": event.document_element_id,
        "document": event.document_id,
        "classroom": event.classroom_id,
        "collection": event.document_collection_id,
        "group": event.group_id,
    }
    return [EVERYWHERE, *((kind, number) for kind, number in numbers.items() if number is not None)]


@dataclass(frozen=True, slots=True)
class Only:
    """The part of the log that somebody wants: the places whose events they are, or a group's members."""

    element_id: int | None = None
    document_id: int | None = None
    collection_id: int | None = None
    classroom_id: int | None = None
    group_id: int | None = None

    @property
    def places(self) -> frozenset[Place]:
        """An event is wanted that can be found in all of them."""
        return frozenset(self._named)

    @property
    def place(self) -> Place:
        """The smallest of them."""
        return next(iter(self._named), EVERYWHERE)

    @property
    def _named(self) -> Sequence[Place]:
        numbers = {
            "element": self.element_id,
            "document": self.document_id,
            "classroom": self.classroom_id,
            "collection": self.collection_id,
            "group": self.group_id,
        }
        return [(kind, number) for kind, number in numbers.items() if number is not None]

    def statement(self) -> tuple[str, list[int]]:
        """What reads it, and its arguments after those of all."""
        if self.group_id is not None:
            return _reading(None, " AND group_id = $4::integer"), [self.group_id]
        columns = {
            "document_element_id": self.element_id,
            "document_id": self.document_id,
            "document_collection_id": self.collection_id,
            "classroom_id": self.classroom_id,
        }
        named = {column: value for column, value in columns.items() if value is not None}
        only = "".join(f" AND {column} = ${number}::integer" for number, column in enumerate(named, 4))
        return _reading(only, None), list(named.values())


async def events_after(
    driver: Driver, position: Position, only: Only | None = None, limit: int = PAGE
) -> Sequence[Event]:
    """What happened after a position, in order, as far as nothing can come in between any more."""
    statement, arguments = (_EVERYTHING, []) if only is None else only.statement()
    rows = await driver.fetch(statement, str(position.xid), position.seq, limit, *arguments)
    return [Event.of(row) for row in rows]


async def standing_since(driver: Driver, snapshot: str) -> tuple[str, frozenset[int]]:
    """Whose standing has changed since a snapshot, 0 being everybody, and the snapshot to ask with next."""
    row = await driver.fetchrow(_STANDING, snapshot)
    return row["snapshot"], frozenset(row["changed"])


async def current_snapshot(driver: Driver) -> str:
    snapshot: str = await driver.fetchval("SELECT pg_current_snapshot()::text")
    return snapshot


async def now(driver: Driver) -> tuple[Position, Snapshot]:
    """Where what is to come begins, and what was there already after it: whatever committed beside somebody who still
    writes.
    """
    row = await driver.fetchrow(_NOW)
    return _position(row), Snapshot.of(row["snapshot"])


async def has_more(driver: Driver, position: Position) -> bool:
    """Is there something after a position, even if it can't be read yet since somebody may still come before it?"""
    more: bool = await driver.fetchval(_MORE, str(position.xid), position.seq)
    return more


async def epoch(driver: Driver) -> str:
    """What tells this log from that of another database, or of this one brought back to an earlier state."""
    try:
        identity = await driver.fetchval(_IDENTITY)
    except asyncpg.InsufficientPrivilegeError:
        identity = await driver.fetchval(_DATABASE)
    return hashlib.sha256(identity.encode()).hexdigest()[:10]


async def oldest_writer(driver: Driver) -> float:
    """For how many seconds the oldest transaction that writes has been open: so long do events behind it wait."""
    seconds: float = await driver.fetchval(_OLDEST_WRITER)
    return seconds


async def lag(driver: Driver, position: Position) -> float:
    """How many seconds ago the next event after a position happened, whether or not it can be read yet."""
    seconds: float = await driver.fetchval(_LAG, str(position.xid), position.seq)
    return max(0.0, seconds)


# -- keeping it


async def floor(driver: Driver) -> Position:
    """After which position the log still has everything."""
    return _position(await driver.fetchrow("SELECT xid::text AS xid, seq FROM app.event_floor"))


def _position(row: Any) -> Position:
    return Position(int(row["xid"]), row["seq"])


async def forget_the_future(driver: Driver) -> None:
    """Empty a log that came with a dump from elsewhere."""
    for name in _LOGS:
        if await driver.fetchval(_FROM_THE_FUTURE.format(name=name)):
            log.warning("The log %s came from another server, and is begun anew.", name)
            await driver.execute(f"TRUNCATE app.{name}")


async def keep_days(driver: Driver, kept: timedelta) -> None:
    """Make the partitions of the days to come, and drop those whose time is over. Another process may be at the same.

    Raises asyncpg's LockNotAvailableError where somebody is in the way: then the next time will do.
    """
    for work in (_make_days, _drop_days):
        async with driver.transaction():
            if await driver.fetchval("SELECT pg_try_advisory_xact_lock($1)", Turn.EVENTS.value):
                await driver.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
                await work(driver, kept)


async def _make_days(driver: Driver, _kept: timedelta) -> None:
    # Not today's: whoever is just writing to the one for all else would find that their row doesn't belong there.
    today, there = datetime.now(UTC).date(), await _days(driver)
    for day in (today + timedelta(days=ahead) for ahead in range(1, DAYS_AHEAD + 1)):
        if day not in there:
            await _make(driver, day)


async def _drop_days(driver: Driver, kept: timedelta) -> None:
    oldest = datetime.now(UTC) - kept
    over = sorted(day for day in await _days(driver) if day < oldest.date())
    going = [f"SELECT xid, seq FROM {_SCHEMA}.{_name(day)}" for day in over]
    going += [f"SELECT xid, seq FROM {table} WHERE at < $1" for table in (f"{_SCHEMA}.other", "app.membership_events")]
    await driver.execute(
        f"UPDATE app.event_floor AS floor SET xid = last.xid, seq = last.seq "
        f"FROM (SELECT * FROM ({' UNION ALL '.join(going)}) AS going ORDER BY xid DESC, seq DESC LIMIT 1) AS last "
        f"WHERE (last.xid, last.seq) > (floor.xid, floor.seq)",
        oldest,
    )
    for day in over:
        await driver.execute(f"DROP TABLE {_SCHEMA}.{_name(day)}")
    for table in (f"{_SCHEMA}.other", "app.membership_events"):
        await driver.execute(f"DELETE FROM {table} WHERE at < $1", oldest)
    await driver.execute("DELETE FROM app.standing_changes WHERE at < $1", datetime.now(UTC) - _STANDING_KEPT)


async def _days(driver: Driver) -> set[date]:
    return {day for row in await driver.fetch(_PARTITIONS) if (day := _day(row["name"])) is not None}


_PARTITIONS = f"SELECT relname AS name FROM pg_class WHERE relnamespace = '{_SCHEMA}'::regnamespace AND relkind = 'r'"


async def _make(driver: Driver, day: date) -> None:
    """Beside the log and then into it, which locks out nobody who writes to it."""
    until = day + timedelta(days=1)
    bounds = f"FROM ('{day} 00:00:00+00') TO ('{until} 00:00:00+00')"
    here = f"at >= '{day} 00:00:00+00' AND at < '{until} 00:00:00+00'"
    if await driver.fetchval(f"SELECT EXISTS (SELECT FROM {_SCHEMA}.other WHERE {here})"):
        return  # of this day something was written before it had its own
    table = f"{_SCHEMA}.{_name(day)}"
    await driver.execute(f"CREATE TABLE {table} (LIKE app.annotation_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    await driver.execute(f"ALTER TABLE {table} ADD CHECK (at IS NOT NULL AND {here})")
    await driver.execute(f"ALTER TABLE app.annotation_events ATTACH PARTITION {table} FOR VALUES {bounds}")


def _name(day: date) -> str:
    return f"events_{day:%Y_%m_%d}"


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "events_%Y_%m_%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
