"""The log of what happened, as triggers write it. Nothing but the server's reader reads it, so it has no ORM classes.

Rows are in order by `(xid, seq)`: the transaction that wrote them, and their place in it. A sequence alone is no order,
since a number is taken before its transaction commits.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Sequence, String, Table, func, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from genji_graphql.models.base import SCHEMA, Base


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit number of a transaction, which SQLAlchemy doesn't know."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


# So that a table that has one can be compared with its model.
ischema_names["xid8"] = Xid8

event_numbers = Sequence("event_seq", schema=SCHEMA, metadata=Base.metadata)


def _log(name: str, *columns: Column[Any], **options: Any) -> Table:
    return Table(
        name,
        Base.metadata,
        Column("seq", BigInteger, server_default=text("nextval('app.event_seq')"), nullable=False),
        Column("xid", Xid8, server_default=func.pg_current_xact_id(), nullable=False),
        Column("at", DateTime(timezone=True), server_default=func.clock_timestamp(), nullable=False),
        *columns,
        Index(f"idx_{name}_order", "xid", "seq"),
        **options,
    )


# What happened to an annotation, and what it was: its row may be gone by the time that somebody asks. Partitioned by
# day; the partitions are in the schema `app_events`.
annotation_events = _log(
    "annotation_events",
    Column("kind", String(20), nullable=False),
    Column("annotation_id", Integer, nullable=False),
    Column("motivation", String(100)),
    Column("document_element_id", Integer),
    Column("document_id", Integer),
    Column("document_collection_id", Integer),
    Column("classroom_id", Integer),
    Column("classroom_gone", Boolean, nullable=False),
    Column("parent_id", Integer),
    # Whose it is: its owner, or who wrote it.
    Column("owner_id", Integer),
    # NULL before it was there, and after it has gone.
    Column("status_before", String(50)),
    Column("status_after", String(50)),
    postgresql_partition_by="RANGE (at)",
)

# Who came into a classroom, and who left.
membership_events = _log(
    "membership_events",
    Column("kind", String(20), nullable=False),
    Column("group_id", Integer, nullable=False),
    Column("user_id", Integer, nullable=False),
)

# Whose roles, classrooms, sessions or tokens changed; NULL is everybody's. Who listens is asked again who they are.
standing_changes = _log("standing_changes", Column("user_id", Integer))

# After which position all is there: what was before has been dropped. One row.
event_floor = Table(
    "event_floor",
    Base.metadata,
    Column("xid", Xid8, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
