"""Shares that neither double nor outlive their ends; one row of site settings, with the schema of metadata.

Revision: a41c7e9d5b20
Revises: 8d2f4b6c1a03
Created: 2026-11-20 10:30:00.000000+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "a41c7e9d5b20"
down_revision = "8d2f4b6c1a03"
branch_labels = None
depends_on = None

OBJECTS = {"documents": "document", "document_collections": "collection"}
RECIPIENTS = {"users": "user", "groups": "group"}


def keep_one_of_each() -> None:
    """Of several shares of a thing with the same recipient the highest level counted, so that one stays."""
    op.execute("""
        DELETE FROM app.object_sharing AS share USING (
            SELECT id, row_number() OVER (
                PARTITION BY object_type, object_id, shared_with_type, shared_with_id
                ORDER BY array_position(ARRAY['manage', 'edit', 'view'], access_level::text), created_at, id
            ) AS place
            FROM app.object_sharing
        ) AS ranked
        WHERE share.id = ranked.id AND ranked.place > 1
    """)
    # The row with the lowest id is the one that the site has been showing.
    op.execute("DELETE FROM app.site_settings WHERE id > (SELECT min(id) FROM app.site_settings)")


def end_shares_with_their_ends() -> None:
    """What foreign keys would do, were the ends of a share not an id and a type."""
    op.execute("""
        CREATE FUNCTION app.end_shares_of() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM app.object_sharing WHERE object_type = TG_ARGV[0] AND object_id = OLD.id;
            RETURN NULL;
        END
        $$
    """)
    op.execute("""
        CREATE FUNCTION app.end_shares_with() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM app.object_sharing WHERE shared_with_type = TG_ARGV[0] AND shared_with_id = OLD.id;
            RETURN NULL;
        END
        $$
    """)
    for function, ends in (("end_shares_of", OBJECTS), ("end_shares_with", RECIPIENTS)):
        for table, word in ends.items():
            op.execute(
                f"CREATE TRIGGER end_shares AFTER DELETE ON app.{table} "
                f"FOR EACH ROW EXECUTE FUNCTION app.{function}('{word}')"
            )


def upgrade() -> None:
    keep_one_of_each()
    op.create_unique_constraint(
        "uq_object_sharing_object_shared_with",
        "object_sharing",
        ["object_type", "object_id", "shared_with_type", "shared_with_id"],
        schema="app",
    )
    end_shares_with_their_ends()
    op.create_index("idx_site_settings_one_row", "site_settings", [sa.text("(true)")], unique=True, schema="app")
    op.add_column(
        "site_settings",
        sa.Column("collection_metadata_schema", JSONB(), server_default="[]", nullable=False),
        schema="app",
    )


def downgrade() -> None:
    op.drop_column("site_settings", "collection_metadata_schema", schema="app")
    op.drop_index("idx_site_settings_one_row", "site_settings", schema="app")
    for table in (*OBJECTS, *RECIPIENTS):
        op.execute(f"DROP TRIGGER end_shares ON app.{table}")
    op.execute("DROP FUNCTION app.end_shares_of()")
    op.execute("DROP FUNCTION app.end_shares_with()")
    op.drop_constraint("uq_object_sharing_object_shared_with", "object_sharing", schema="app")
