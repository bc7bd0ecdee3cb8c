"""Single sign-on: the CAS server that the site trusts, and whom it has vouched for."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from genji_graphql.models.base import Base, JsonColumn, LastChange, Now


class SsoConfiguration(Base):
    """The one row that says whether people sign in through a CAS server, and through which."""

    __tablename__ = "sso_configuration"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default="1", sort_order=-1)
    enabled: Mapped[bool] = mapped_column(server_default="false")
    server_url: Mapped[str] = mapped_column(Text)
    protocol_version: Mapped[int] = mapped_column(SmallInteger, server_default="3")
    # Which of the server's attributes are our username, email, first_name and last_name.
    attribute_mapping: Mapped[JsonColumn] = mapped_column(server_default="{}")
    # Whoever comes without an e-mail address gets their user name at this domain.
    email_domain: Mapped[str | None] = mapped_column(String(255))
    updated_by_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    updated_at: Mapped[LastChange]

    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("protocol_version IN (2, 3)", name="protocol_version"),
        Index("idx_sso_configuration_updated_by", "updated_by_id"),
    )


class SsoIdentity(Base):
    """Who a person is to the CAS server. Names may change on either side; this is what they are known by."""

    __tablename__ = "sso_identities"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    subject: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[Now]
