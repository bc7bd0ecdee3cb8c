"""People, and how they prove who they are."""

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from genji_graphql.models.base import Base, JsonColumn, LastChange, Now


class User(Base):
    """A person's account. Its password, if it has one, is kept apart."""

    __tablename__ = "users"

    first_name: Mapped[str | None] = mapped_column(String(255))
    last_name: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255), unique=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    # A person who leaves is made inactive; what they wrote stays.
    is_active: Mapped[bool] = mapped_column(server_default="true")
    user_metadata: Mapped[JsonColumn | None]

    __table_args__ = (Index("idx_users_metadata", "user_metadata", postgresql_using="gin"),)

    # The name others see: first and last name, or the user name where both are missing.
    display_name: Mapped[str] = column_property(
        func.coalesce(func.nullif(func.btrim(func.concat_ws(" ", first_name, last_name)), ""), username)
    )


class UserPassword(Base):
    """One person's password, hashed with bcrypt. Who signs in through CAS has none."""

    __tablename__ = "user_passwords"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[Now]
    updated_at: Mapped[LastChange]

    __table_args__ = (Index("idx_user_passwords_user_id", "user_id"),)
