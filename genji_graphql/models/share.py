"""Who else may see, edit or manage a collection or a document."""

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, Now, words
from genji_graphql.vocabulary import AccessLevel, Recipient, SharedObject


class ObjectShare(Base):
    """One object, shared with one person or one group at one level.

    Both ends are an id and a type, so the database can't hold them as foreign keys. Triggers take a share away with
    either of its ends.
    """

    __tablename__ = "object_sharing"

    object_id: Mapped[int] = mapped_column(Integer)
    object_type: Mapped[SharedObject] = mapped_column(words(SharedObject, 50))
    shared_with_id: Mapped[int] = mapped_column(Integer)
    shared_with_type: Mapped[Recipient] = mapped_column(words(Recipient, 10))
    access_level: Mapped[AccessLevel] = mapped_column(words(AccessLevel, 20))
    created_at: Mapped[Now]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))

    __table_args__ = (
        Index("idx_object_sharing_object", "object_id", "object_type"),
        Index("idx_object_sharing_shared_with", "shared_with_id", "shared_with_type"),
        Index("idx_object_sharing_created_by", "created_by_id"),
        # Sharing again changes the level. The name that is made from four columns would be too long for PostgreSQL.
        UniqueConstraint(
            "object_type",
            "object_id",
            "shared_with_type",
            "shared_with_id",
            name="uq_object_sharing_object_shared_with",
        ),
    )
