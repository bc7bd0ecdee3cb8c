"""What every table shares: the schema `app`, the names of constraints, the types of columns."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from sqlalchemy import DateTime, Enum, Index, MetaData, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from genji_graphql.database import Json

SCHEMA = "app"

SPACING = 65536
"""Between the positions of neighbours, so that another can come between them."""

Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""A moment, in UTC."""

Now = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
"""The moment a row is written."""

LastChange = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now(), onupdate=func.now())]
"""The moment a row was last written."""

JsonColumn = Annotated[Json, mapped_column(JSONB(none_as_null=True))]
"""A JSONB column; read as text that is decoded only where somebody looks inside."""


class Base(DeclarativeBase):
    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        },
    )

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


def deleted_index(table: str) -> Index:
    """The few rows of a table that are deleted: what visibility asks for, and the purge."""
    return Index(f"idx_{table}_deleted", "deleted_at", "id", postgresql_where=text("deleted_at IS NOT NULL"))


def words(vocabulary: type[StrEnum], length: int) -> Enum:
    """A VARCHAR that takes only the words of one vocabulary."""
    return Enum(
        vocabulary,
        name=vocabulary.__name__.lower(),
        native_enum=False,
        create_constraint=True,
        length=length,
        values_callable=lambda members: [member.value for member in members],
    )
