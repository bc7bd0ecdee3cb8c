"""What was written stays known: versions of notes, revisions of texts, and the answers to repeated requests.

Revision: 7b0c94d2e61f
Revises: e3b7d15f8a26
Created: 2026-11-27 15:10:00.000000+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "7b0c94d2e61f"
down_revision = "e3b7d15f8a26"
branch_labels = None
depends_on = None

# By triggers, so that whoever writes is remembered: the server, an import, psql. What is kept is what was there
# before; the row itself is the last version.
HISTORY = """
CREATE FUNCTION app.keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.annotation_versions (
        annotation_id, version, motivation, body, target, other, status, document_element_id, modified, modified_by_id
    ) VALUES (
        OLD.id, OLD.version, OLD.motivation, OLD.body, OLD.target, OLD.other, OLD.status, OLD.document_element_id,
        OLD.modified, coalesce(OLD.modified_by_id, OLD.creator_id)
    );
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;

CREATE FUNCTION app.keep_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.element_revisions (element_id, revision, content, modified, modified_by_id)
    VALUES (OLD.id, OLD.revision, OLD.content, OLD.modified, OLD.modified_by_id);
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_version BEFORE UPDATE ON app.annotations
    FOR EACH ROW WHEN (
        (OLD.motivation, OLD.body, OLD.target, OLD.other, OLD.status, OLD.document_element_id)
        IS DISTINCT FROM (NEW.motivation, NEW.body, NEW.target, NEW.other, NEW.status, NEW.document_element_id)
    ) EXECUTE FUNCTION app.keep_version();

CREATE TRIGGER keep_revision BEFORE UPDATE ON app.document_elements
    FOR EACH ROW WHEN (OLD.content IS DISTINCT FROM NEW.content) EXECUTE FUNCTION app.keep_revision();
"""

# A vote is one a person. Of several the first stays.
ONE_VOTE = """
UPDATE app.annotations SET status = 'deleted' WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY parent_id, creator_id ORDER BY created, id) AS place
        FROM app.annotations
        WHERE motivation = 'upvoting' AND status <> 'deleted' AND parent_id IS NOT NULL AND creator_id IS NOT NULL
    ) AS vote WHERE place > 1
)
"""


def upgrade() -> None:
    op.execute(ONE_VOTE)
    for column in (
        sa.Column("other", JSONB()),
        sa.Column("modified_by_id", sa.Integer()),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_orphan", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("annotations", column, schema="app")
    op.add_column("document_elements", sa.Column("modified_by_id", sa.Integer()), schema="app")
    op.add_column(
        "document_elements", sa.Column("revision", sa.Integer(), server_default="1", nullable=False), schema="app"
    )
    for table in ("annotations", "document_elements"):
        op.create_foreign_key(
            f"fk_{table}_modified_by_id",
            table,
            "users",
            ["modified_by_id"],
            ["id"],
            source_schema="app",
            referent_schema="app",
            ondelete="RESTRICT",
        )
        op.create_index(f"idx_{table}_modified_by_id", table, ["modified_by_id"], schema="app")
    op.create_index(
        "idx_annotations_one_upvote",
        "annotations",
        ["parent_id", "creator_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("motivation = 'upvoting' AND status <> 'deleted'"),
    )
    op.create_index(
        "idx_annotations_orphans",
        "annotations",
        ["created", "id"],
        schema="app",
        postgresql_where=sa.text("is_orphan"),
    )
    op.create_table(
        "annotation_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("motivation", sa.String(length=100)),
        sa.Column("body", JSONB()),
        sa.Column("target", JSONB()),
        sa.Column("other", JSONB()),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("document_element_id", sa.Integer()),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_versions"),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["app.annotations.id"],
            name="fk_annotation_versions_annotation_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["app.users.id"], name="fk_annotation_versions_modified_by_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("annotation_id", "version", name="uq_annotation_versions_annotation_id_version"),
        sa.CheckConstraint(
            "status IN ('active', 'private', 'hidden', 'deleted')", name=op.f("ck_annotation_versions_annotationstatus")
        ),
        schema="app",
    )
    op.create_table(
        "element_revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", JSONB()),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_element_revisions"),
        sa.ForeignKeyConstraint(
            ["element_id"], ["app.document_elements.id"], name="fk_element_revisions_element_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["app.users.id"], name="fk_element_revisions_modified_by_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("element_id", "revision", name="uq_element_revisions_element_id_revision"),
        schema="app",
    )
    for table in ("annotation_versions", "element_revisions"):
        op.create_index(f"idx_{table}_modified_by_id", table, ["modified_by_id"], schema="app")
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_ids", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_keys"),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_idempotency_keys_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("user_id", "key", name="uq_idempotency_keys_user_id_key"),
        schema="app",
    )
    op.create_index("idx_idempotency_keys_created_at", "idempotency_keys", ["created_at"], schema="app")
    for statement in HISTORY.strip().split(";\n\n"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_revision ON app.document_elements")
    op.execute("DROP TRIGGER keep_version ON app.annotations")
    for function in ("keep_revision", "keep_version"):
        op.execute(f"DROP FUNCTION app.{function}()")
    for table in ("idempotency_keys", "element_revisions", "annotation_versions"):
        op.drop_table(table, schema="app")
    op.drop_index("idx_annotations_one_upvote", "annotations", schema="app")
    op.drop_column("document_elements", "revision", schema="app")
    op.drop_column("document_elements", "modified_by_id", schema="app")
    for column in ("deleted_at", "is_orphan", "version", "modified_by_id", "other"):
        op.drop_column("annotations", column, schema="app")
