"""What lets people in, beside their password: sessions, personal access tokens, links to reset a password.

Each is an opaque random token. Only its SHA-256 is kept, so that whoever reads the database can't use it; a token has
far too many possibilities for a slow hash to be needed.
"""

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, Now, Timestamp


class UserSession(Base):
    """One sign-in of one person, until they sign out or it expires."""

    __tablename__ = "sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Now]
    expires_at: Mapped[Timestamp]

    __table_args__ = (Index("idx_sessions_user_id", "user_id"),)


class AccessToken(Base):
    """A token that a person made for a program of theirs, which may do no more than its scopes."""

    __tablename__ = "access_tokens"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[Now]
    expires_at: Mapped[Timestamp | None]
    last_used_at: Mapped[Timestamp | None]

    __table_args__ = (Index("idx_access_tokens_user_id", "user_id"),)


class PasswordReset(Base):
    """A link that was mailed to a person who forgot their password. It works once, and not for long."""

    __tablename__ = "password_resets"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Now]
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]

    __table_args__ = (Index("idx_password_resets_user_id", "user_id"),)
