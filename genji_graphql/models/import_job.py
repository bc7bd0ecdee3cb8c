"""Files that people send to be imported, and what came of them."""

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, JsonColumn, Now, Timestamp, words
from genji_graphql.vocabulary import ImportFormat, ImportStatus


class ImportJob(Base):
    """One file, from when it was sent until a while after it was imported. Any process of the server may do that."""

    __tablename__ = "import_jobs"

    # NULL where the collection has gone since.
    document_collection_id: Mapped[int | None] = mapped_column(
        ForeignKey("document_collections.id", ondelete="SET NULL")
    )
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # What the access token that it was sent with was good for; NULL is a person, who may do whatever they may.
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    file_name: Mapped[str] = mapped_column(String(255))
    format: Mapped[ImportFormat] = mapped_column(words(ImportFormat, 20))
    # In bytes.
    size: Mapped[int] = mapped_column(BigInteger)

    status: Mapped[ImportStatus] = mapped_column(words(ImportStatus, 20), server_default=ImportStatus.QUEUED)
    # How often somebody set to it. Who does holds an advisory lock of its number, which ends with their process.
    attempts: Mapped[int] = mapped_column(server_default="0")
    elements_read: Mapped[int] = mapped_column(server_default="0")
    bytes_read: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # What it did, in numbers; or why it did nothing.
    outcome: Mapped[JsonColumn | None]
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)

    created: Mapped[Now]
    started: Mapped[Timestamp | None]
    finished: Mapped[Timestamp | None]

    __table_args__ = (
        Index("idx_import_jobs_document_collection_id", "document_collection_id"),
        Index("idx_import_jobs_created_by_id", "created_by_id"),
        Index("idx_import_jobs_waiting", "id", postgresql_where=text("status IN ('queued', 'running')")),
        Index("idx_import_jobs_finished", "finished", postgresql_where=text("finished IS NOT NULL")),
    )


class ImportPart(Base):
    """A piece of a file that waits to be imported: so that it is never wholly in memory."""

    __tablename__ = "import_parts"

    job_id: Mapped[int] = mapped_column(ForeignKey("import_jobs.id", ondelete="CASCADE"))
    place: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (UniqueConstraint("job_id", "place"),)
