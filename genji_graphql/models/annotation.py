"""What people write on the texts, after the W3C's Web Annotation model."""

from sqlalchemy import CheckConstraint, ColumnElement, FetchedValue, ForeignKey, Index, Sequence, String, func, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import SCHEMA, Base, JsonColumn, LastChange, Now, Timestamp, deleted_index, words
from genji_graphql.vocabulary import AnnotationStatus

# The ids of bodies and targets, which live inside the JSON of an annotation.
annotation_body_ids = Sequence("annotation_body_id_seq", schema=SCHEMA, metadata=Base.metadata)
annotation_target_ids = Sequence("annotation_target_id_seq", schema=SCHEMA, metadata=Base.metadata)


class Annotation(Base):
    """A comment, a scholarly note, a tag, a link … or a response to one of these.

    Web Annotation Data Model, section 3.
    """

    __tablename__ = "annotations"

    # What it is about. An annotation of a whole document or collection has no element. Triggers keep the collection and
    # the document those of the element, or the collection that of the document: whatever is written, whatever moves.
    document_collection_id: Mapped[int | None] = mapped_column(
        ForeignKey("document_collections.id", ondelete="SET NULL")
    )
    document_id: Mapped[int | None] = mapped_column(ForeignKey("documents.id", ondelete="SET NULL"))
    document_element_id: Mapped[int | None] = mapped_column(ForeignKey("document_elements.id", ondelete="CASCADE"))

    # Who wrote it, whose it is, and the classroom that it was written for.
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    classroom_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="SET NULL"))

    type: Mapped[str | None] = mapped_column(String(100))
    created: Mapped[Now]
    modified: Mapped[LastChange]
    generator: Mapped[str | None] = mapped_column(String(255))
    generated: Mapped[Timestamp | None]

    # Why it was made: an open vocabulary.
    motivation: Mapped[str | None] = mapped_column(String(100))
    body: Mapped[JsonColumn | None]
    target: Mapped[JsonColumn | None]
    status: Mapped[AnnotationStatus] = mapped_column(
        words(AnnotationStatus, 50), server_default=AnnotationStatus.ACTIVE
    )
    annotation_type: Mapped[str | None] = mapped_column(String(100))
    context: Mapped[str | None] = mapped_column(String(255))

    # The annotation that this one answers. Left out of an INSERT, the database reads it from the target.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("annotations.id", ondelete="CASCADE"))

    # Was it written for a classroom that has been deleted? The classroom is null then, which alone would say that it
    # was written for everybody. The database sets it.
    classroom_gone: Mapped[bool] = mapped_column(server_default="false")

    # What a Web Annotation says beside all this, such as its rights and its audience.
    other: Mapped[JsonColumn | None]
    # Who changed it last; null where nobody has since it was written. The versions before stand in
    # annotation_versions, and this one has the number after theirs. The database counts.
    modified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    version: Mapped[int] = mapped_column(server_default="1", server_onupdate=FetchedValue())
    # Has the passage that it was written on gone from the text? The quote in its target says what it was.
    is_orphan: Mapped[bool] = mapped_column(server_default="false")
    # Since when its status has been `deleted`. It can be restored until it is purged.
    deleted_at: Mapped[Timestamp | None]

    __table_args__ = (
        # What answers another is a reply, tag, upvote or flag; all else is a note by itself.
        CheckConstraint(
            "parent_id IS NULL OR coalesce(motivation, '') IN ('replying', 'tagging', 'upvoting', 'flagging')",
            name="responses",
        ),
        Index("idx_annotations_document_id", "document_id"),
        Index("idx_annotations_document_element_id", "document_element_id"),
        Index("idx_annotations_creator_id", "creator_id"),
        Index("idx_annotations_owner_id", "owner_id"),
        Index("idx_annotations_collection_id", "document_collection_id"),
        Index("idx_annotations_classroom_id", "classroom_id"),
        Index("idx_annotations_type", "type"),
        Index("idx_annotations_created", "created"),
        Index("idx_annotations_motivation", "motivation"),
        Index("idx_annotations_body", "body", postgresql_using="gin"),
        Index("idx_annotations_target", "target", postgresql_using="gin"),
        # The notes of one parent, page by page.
        Index("idx_annotations_element_order", "document_element_id", "created", "id"),
        Index("idx_annotations_document_order", "document_id", "created", "id"),
        Index("idx_annotations_collection_order", "document_collection_id", "created", "id"),
        Index("idx_annotations_classroom_order", "classroom_id", "created", "id"),
        Index("idx_annotations_creator_order", "creator_id", "created", "id"),
        Index("idx_annotations_order", "created", "id"),
        # An annotation's replies, tags, upvotes and flags.
        Index("idx_annotations_parent_order", "parent_id", "motivation", "created", "id"),
        Index("idx_annotations_modified_by_id", "modified_by_id"),
        deleted_index("annotations"),
        Index("idx_annotations_orphans", "created", "id", postgresql_where=text("is_orphan")),
        # A vote is one a person.
        Index(
            "idx_annotations_one_upvote",
            "parent_id",
            "creator_id",
            unique=True,
            postgresql_where=text("motivation = 'upvoting' AND status <> 'deleted'"),
        ),
    )

    @hybrid_property
    def keeper_id(self) -> int | None:
        """Whose it is: its owner, or where none is set, who wrote it."""
        return self.creator_id if self.owner_id is None else self.owner_id

    @keeper_id.inplace.expression
    @classmethod
    def _keeper_id(cls) -> ColumnElement[int | None]:
        return func.coalesce(cls.owner_id, cls.creator_id)
