"""The paragraphs, lines and headings of a document."""

from sqlalchemy import BigInteger, FetchedValue, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from genji_graphql.database import Json
from genji_graphql.models.base import Base, JsonColumn, LastChange, Now, Timestamp, deleted_index

LONGEST_TEXT = 250_000
"""In characters. No paragraph comes near it, so that one can always be held in memory."""


class DocumentElement(Base):
    """A unit of text that people read and write on."""

    __tablename__ = "document_elements"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    created: Mapped[Now]
    modified: Mapped[LastChange]
    # Chapter, page, line … as the source counts them. `element_order` may be missing: `position` decides.
    hierarchy: Mapped[JsonColumn | None]
    content: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))

    # The reading order within the document. Left out of an INSERT, the database takes `element_order`, or puts it last.
    position: Mapped[int] = mapped_column(BigInteger)
    # What the imported file calls this element, so that importing it again updates it.
    source_id: Mapped[str | None] = mapped_column(Text)

    # Who changed the text last, and how often it was changed. What it said before stands in element_revisions.
    modified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    revision: Mapped[int] = mapped_column(server_default="1", server_onupdate=FetchedValue())

    # Out of sight since then, with the notes on it.
    deleted_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("idx_document_elements_document_id", "document_id"),
        Index("idx_document_elements_hierarchy", "hierarchy", postgresql_using="gin"),
        Index("idx_document_elements_content", "content", postgresql_using="gin"),
        # A document's elements, page by page.
        Index("idx_document_elements_order", "document_id", "position", "id"),
        # It also makes whoever moves one wait for notes that are being written on it, and they for it.
        UniqueConstraint("document_id", "source_id"),
        Index("idx_document_elements_modified_by_id", "modified_by_id"),
        deleted_index("document_elements"),
    )

    text: Mapped[str | None] = column_property(content["text"].astext)
