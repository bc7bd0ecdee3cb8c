"""What is deleted goes out of sight first: collections, documents and elements know when that was.

Revision: c41f9a83b7d2
Revises: 7b0c94d2e61f
Created: 2026-11-27 18:05:00.000000+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "c41f9a83b7d2"
down_revision = "7b0c94d2e61f"
branch_labels = None
depends_on = None

TABLES = ("document_collections", "documents", "document_elements", "annotations")


def upgrade() -> None:
    for table in TABLES:
        if table != "annotations":
            op.add_column(table, sa.Column("deleted_at", sa.DateTime(timezone=True)), schema="app")
        op.create_index(
            f"idx_{table}_deleted",
            table,
            ["deleted_at", "id"],
            schema="app",
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_index(f"idx_{table}_deleted", table, schema="app")
        if table != "annotations":
            op.drop_column(table, "deleted_at", schema="app")
