"""Requests that may come twice."""

from sqlalchemy import ARRAY, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, Now


class IdempotencyKey(Base):
    """What a person's request of this key has made, so that sending it again makes nothing more."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    # The SHA-256 of the mutation's name and its input: the same key with another input is a mistake.
    input_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    created_at: Mapped[Now]

    __table_args__ = (
        UniqueConstraint("user_id", "key"),
        Index("idx_idempotency_keys_created_at", "created_at"),
    )
