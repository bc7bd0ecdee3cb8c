"""The documents of a collection."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, LastChange, Now, Timestamp, deleted_index


class Document(Base):
    """One text of a collection; what it says stands in its elements."""

    __tablename__ = "documents"

    document_collection_id: Mapped[int] = mapped_column(ForeignKey("document_collections.id", ondelete="CASCADE"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    created: Mapped[Now]
    modified: Mapped[LastChange]

    # Where it stands in its collection. Left out of an INSERT, the database puts it last.
    position: Mapped[int] = mapped_column(BigInteger)
    # What the imported file calls itself, so that importing it again updates this document.
    source_id: Mapped[str | None] = mapped_column(Text)
    # Out of sight since then, with all that hangs on it.
    deleted_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("idx_documents_collection_id", "document_collection_id"),
        Index("idx_documents_owner", "owner_id"),
        # A collection's documents, page by page.
        Index("idx_documents_order", "document_collection_id", "position", "id"),
        # It also makes whoever moves one wait for notes that are being written on it, and they for it.
        UniqueConstraint("document_collection_id", "source_id"),
        deleted_index("documents"),
    )
