"""People, and how they prove who they are."""

from sqlalchemy import ColumnElement, ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from genji_graphql.models.base import Base, JsonColumn, LastChange, Now


def folded(name: ColumnElement[str | None] | Mapped[str] | Mapped[str | None] | str) -> ColumnElement[str]:
    """A user name or an e-mail address without its case and its Unicode form, by which it is unique and looked up.

    The database does this for both sides of a comparison, with a function of its own: `lower()` depends on the
    collation, which knows only ASCII in some databases, and Python's `casefold()` would have to agree with it.
    """
    return func.app.folded(name)


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

    __table_args__ = (
        Index("idx_users_metadata", "user_metadata", postgresql_using="gin"),
        Index("idx_users_email_folded", folded(email), unique=True),
        Index("idx_users_username_folded", folded(username), unique=True),
    )

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
