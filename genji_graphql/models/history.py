"""What notes and texts were before they were changed. Triggers write it; the row itself is the last version."""

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from genji_graphql.database import Json
from genji_graphql.models.base import Base, JsonColumn, Timestamp, words
from genji_graphql.vocabulary import AnnotationStatus


class AnnotationVersion(Base):
    """An annotation as it was from `modified` until the next version."""

    __tablename__ = "annotation_versions"

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id", ondelete="CASCADE"))
    version: Mapped[int]
    motivation: Mapped[str | None] = mapped_column(String(100))
    body: Mapped[JsonColumn | None]
    target: Mapped[JsonColumn | None]
    other: Mapped[JsonColumn | None]
    status: Mapped[AnnotationStatus] = mapped_column(words(AnnotationStatus, 50))
    # Where it stood. No foreign key: the element may be gone.
    document_element_id: Mapped[int | None]
    modified: Mapped[Timestamp]
    modified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))

    __table_args__ = (
        UniqueConstraint("annotation_id", "version"),
        Index("idx_annotation_versions_modified_by_id", "modified_by_id"),
    )


class ElementRevision(Base):
    """The text of an element as it was from `modified` until the next revision."""

    __tablename__ = "element_revisions"

    element_id: Mapped[int] = mapped_column(ForeignKey("document_elements.id", ondelete="CASCADE"))
    revision: Mapped[int]
    content: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    modified: Mapped[Timestamp]
    modified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))

    __table_args__ = (
        UniqueConstraint("element_id", "revision"),
        Index("idx_element_revisions_modified_by_id", "modified_by_id"),
    )

    text: Mapped[str | None] = column_property(content["text"].astext)
