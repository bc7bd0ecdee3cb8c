"""Classrooms and teams."""

from datetime import date

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, String, Table, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, Now
from genji_graphql.models.user import folded


class Group(Base):
    """People who read together, such as a class for a semester."""

    __tablename__ = "groups"

    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[Now]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]

    # What the link to join by holds. Kept as it is, unlike a password: its instructors look it up again and again, to
    # show it in class, and all that it lets a person do is join. The database makes it, whoever writes the row.
    join_token: Mapped[str] = mapped_column(Text, unique=True, server_default=text("(gen_random_uuid())::text"))

    __table_args__ = (
        Index("idx_groups_created_by", "created_by_id"),
        Index("idx_groups_name_folded", folded(name), unique=True),
    )


group_members = Table(
    "group_members",
    Base.metadata,
    Column("group_id", Integer, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("joined_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Index("idx_group_members_user_id", "user_id"),
)
