"""Collections of documents."""

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, func
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, JsonColumn, LastChange, Now, Timestamp, deleted_index, words
from genji_graphql.vocabulary import TextDirection, Visibility


class DocumentCollection(Base):
    """Related documents: a book and its chapters, a course and its readings."""

    __tablename__ = "document_collections"

    title: Mapped[str] = mapped_column(String(255))
    visibility: Mapped[Visibility] = mapped_column(words(Visibility, 50), server_default=Visibility.PRIVATE)
    text_direction: Mapped[TextDirection] = mapped_column(words(TextDirection, 50), server_default=TextDirection.LTR)
    created: Mapped[Now]
    modified: Mapped[LastChange]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    modified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    language: Mapped[str | None] = mapped_column(String(50))
    hierarchy: Mapped[JsonColumn | None]
    collection_metadata: Mapped[JsonColumn | None]

    # Where it stands among the collections. Left out of an INSERT, the database puts it last.
    position: Mapped[int] = mapped_column(BigInteger)
    # Out of sight since then, with all that hangs on it.
    deleted_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("idx_document_collections_created_by", "created_by_id"),
        Index("idx_document_collections_modified_by", "modified_by_id"),
        Index("idx_document_collections_owner", "owner_id"),
        Index("idx_document_collections_hierarchy", "hierarchy", postgresql_using="gin"),
        Index("idx_document_collections_metadata", "collection_metadata", postgresql_using="gin"),
        Index("idx_document_collections_order", "position", "id"),
        deleted_index("document_collections"),
    )

    @hybrid_property
    def keeper_id(self) -> int | None:
        """Whose it is: its owner, or where none is set, who created it."""
        return self.created_by_id if self.owner_id is None else self.owner_id

    @keeper_id.inplace.expression
    @classmethod
    def _keeper_id(cls) -> ColumnElement[int | None]:
        return func.coalesce(cls.owner_id, cls.created_by_id)
