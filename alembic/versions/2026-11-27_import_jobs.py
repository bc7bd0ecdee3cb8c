"""Texts are imported over the API: files that were sent, and how far each has come.

Revision: 5d2e8f0a1c94
Revises: c41f9a83b7d2
Created: 2026-11-27 18:20:00.000000+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "5d2e8f0a1c94"
down_revision = "c41f9a83b7d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_collection_id", sa.Integer()),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text())),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("elements_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outcome", JSONB()),
        sa.Column("error_code", sa.String(length=50)),
        sa.Column("error_message", sa.Text()),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True)),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_import_jobs"),
        sa.ForeignKeyConstraint(
            ["document_collection_id"],
            ["app.document_collections.id"],
            name="fk_import_jobs_document_collection_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["app.users.id"], name="fk_import_jobs_created_by_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("format IN ('tei', 'plain_text', 'word')", name=op.f("ck_import_jobs_importformat")),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_import_jobs_importstatus"),
        ),
        schema="app",
    )
    for column in ("document_collection_id", "created_by_id"):
        op.create_index(f"idx_import_jobs_{column}", "import_jobs", [column], schema="app")
    op.create_index(
        "idx_import_jobs_waiting",
        "import_jobs",
        ["id"],
        schema="app",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(
        "idx_import_jobs_finished",
        "import_jobs",
        ["finished"],
        schema="app",
        postgresql_where=sa.text("finished IS NOT NULL"),
    )
    op.create_table(
        "import_parts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_import_parts"),
        sa.ForeignKeyConstraint(["job_id"], ["app.import_jobs.id"], name="fk_import_parts_job_id", ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", "place", name="uq_import_parts_job_id_place"),
        schema="app",
    )


def downgrade() -> None:
    for table in ("import_parts", "import_jobs"):
        op.drop_table(table, schema="app")
