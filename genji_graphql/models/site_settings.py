"""How the site presents itself."""

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, JsonColumn, LastChange


class SiteSettings(Base):
    """The one row of settings that administrators edit. Images are base64 text."""

    __tablename__ = "site_settings"

    site_title: Mapped[str] = mapped_column(String(50))
    site_logo_enabled: Mapped[bool] = mapped_column(server_default="false")
    updated_by_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    updated_at: Mapped[LastChange]
    site_logo_data: Mapped[str | None] = mapped_column(Text)
    site_logo_mime_type: Mapped[str | None] = mapped_column(String(50))
    site_favicon_data: Mapped[str | None] = mapped_column(Text)
    site_favicon_mime_type: Mapped[str | None] = mapped_column(String(50))
    # What is asked about each collection: a list of {"key", "label", "required", "type"}.
    collection_metadata_schema: Mapped[JsonColumn] = mapped_column(server_default="[]")

    __table_args__ = (
        Index("idx_site_settings_updated_by", "updated_by_id"),
        # Of a constant: a second row would be the first one's duplicate.
        Index("idx_site_settings_one_row", text("(true)"), unique=True),
    )
