"""The reading graph: people, classrooms, shares, collections, documents, elements, annotations.

Revision: b249ad24fe78
Revises:
Created: 2026-11-20 09:03:25.181594+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "b249ad24fe78"
down_revision = None
branch_labels = None
depends_on = None


def words(name: str, length: int, *members: str) -> sa.Enum:
    """A VARCHAR with a CHECK that takes only these words."""
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=length)


# A row that comes without a position goes last among its siblings. Positions are wide apart, so that another row
# can come between two without moving any.
PLACING = """
CREATE FUNCTION app.place_collection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.position := coalesce((SELECT max(position) FROM app.document_collections), 0) + 65536;
    RETURN NEW;
END $$;

CREATE FUNCTION app.place_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.position := 65536 + coalesce(
        (SELECT max(position) FROM app.documents WHERE document_collection_id = NEW.document_collection_id), 0);
    RETURN NEW;
END $$;

CREATE FUNCTION app.place_element() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(NEW.hierarchy -> 'element_order') = 'number'
       AND abs((NEW.hierarchy ->> 'element_order')::numeric) < 1e9 THEN
        NEW.position := round((NEW.hierarchy ->> 'element_order')::numeric * 65536);
    ELSE
        NEW.position := 65536 + coalesce(
            (SELECT max(position) FROM app.document_elements WHERE document_id = NEW.document_id), 0);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER place BEFORE INSERT ON app.document_collections
    FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION app.place_collection();

CREATE TRIGGER place BEFORE INSERT ON app.documents
    FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION app.place_document();

CREATE TRIGGER place BEFORE INSERT ON app.document_elements
    FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION app.place_element();
"""

# A reply, tag, upvote or flag names what it answers in its target: "Annotation/1", or "annotation:1".
ANSWERING = r"""
CREATE FUNCTION app.find_parent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    target jsonb := CASE jsonb_typeof(NEW.target) WHEN 'array' THEN NEW.target -> 0 ELSE NEW.target END;
    source text := coalesce(
        target #>> '{source,id}', target ->> 'source', target ->> 'id', target #>> '{}');
    named text := (regexp_match(source, '^annotations?[/:]([0-9]{1,9})$', 'i'))[1];
BEGIN
    IF named IS NOT NULL THEN
        SELECT id INTO NEW.parent_id FROM app.annotations WHERE id = named::integer;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER find_parent BEFORE INSERT ON app.annotations
    FOR EACH ROW WHEN (NEW.parent_id IS NULL AND NEW.motivation IN ('replying', 'tagging', 'upvoting', 'flagging'))
    EXECUTE FUNCTION app.find_parent();
"""


def run(statements: str) -> None:
    """Statements one by one: asyncpg prepares each, and can prepare no script."""
    for statement in statements.strip().split(";\n\n"):
        op.execute(statement)


def upgrade() -> None:
    op.create_table(
        "permissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=255)),
        sa.PrimaryKeyConstraint("id", name="pk_permissions"),
        sa.UniqueConstraint("name", name="uq_permissions_name"),
        schema="app",
    )
    op.create_table(
        "roles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.String(length=255)),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("name", name="uq_roles_name"),
        schema="app",
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=255)),
        sa.Column("last_name", sa.String(length=255)),
        sa.Column("email", sa.String(length=255)),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("user_metadata", JSONB()),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("username", name="uq_users_username"),
        schema="app",
    )
    op.create_index("idx_users_metadata", "users", ["user_metadata"], schema="app", postgresql_using="gin")
    op.create_table(
        "document_collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column(
            "visibility",
            words("visibility", 50, "public", "shared", "private"),
            server_default="private",
            nullable=False,
        ),
        sa.Column(
            "text_direction",
            words("textdirection", 50, "ltr", "rtl", "vertical-rl"),
            server_default="ltr",
            nullable=False,
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Integer()),
        sa.Column("modified_by_id", sa.Integer()),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("language", sa.String(length=50)),
        sa.Column("hierarchy", JSONB()),
        sa.Column("collection_metadata", JSONB()),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["app.users.id"], name="fk_document_collections_created_by_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["app.users.id"], name="fk_document_collections_modified_by_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["app.users.id"], name="fk_document_collections_owner_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_collections"),
        schema="app",
    )
    op.create_index("idx_document_collections_created_by", "document_collections", ["created_by_id"], schema="app")
    op.create_index(
        "idx_document_collections_hierarchy",
        "document_collections",
        ["hierarchy"],
        schema="app",
        postgresql_using="gin",
    )
    op.create_index(
        "idx_document_collections_metadata",
        "document_collections",
        ["collection_metadata"],
        schema="app",
        postgresql_using="gin",
    )
    op.create_index("idx_document_collections_modified_by", "document_collections", ["modified_by_id"], schema="app")
    op.create_index("idx_document_collections_order", "document_collections", ["position", "id"], schema="app")
    op.create_index("idx_document_collections_owner", "document_collections", ["owner_id"], schema="app")
    op.create_table(
        "groups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=255)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Integer()),
        sa.Column("start_date", sa.Date()),
        sa.Column("end_date", sa.Date()),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["app.users.id"], name="fk_groups_created_by_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
        schema="app",
    )
    op.create_index("idx_groups_created_by", "groups", ["created_by_id"], schema="app")
    op.create_table(
        "object_sharing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("object_type", words("sharedobject", 50, "collection", "document"), nullable=False),
        sa.Column("shared_with_id", sa.Integer(), nullable=False),
        sa.Column("shared_with_type", words("recipient", 10, "user", "group"), nullable=False),
        sa.Column("access_level", words("accesslevel", 20, "view", "edit", "manage"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["app.users.id"], name="fk_object_sharing_created_by_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_object_sharing"),
        schema="app",
    )
    op.create_index("idx_object_sharing_created_by", "object_sharing", ["created_by_id"], schema="app")
    op.create_index("idx_object_sharing_object", "object_sharing", ["object_id", "object_type"], schema="app")
    op.create_index(
        "idx_object_sharing_shared_with", "object_sharing", ["shared_with_id", "shared_with_type"], schema="app"
    )
    op.create_table(
        "role_permissions",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["app.permissions.id"], name="fk_role_permissions_permission_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["app.roles.id"], name="fk_role_permissions_role_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "permission_id", name="pk_role_permissions"),
        schema="app",
    )
    op.create_index("idx_role_permissions_permission_id", "role_permissions", ["permission_id"], schema="app")
    op.create_table(
        "site_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_title", sa.String(length=50), nullable=False),
        sa.Column("site_logo_enabled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("site_logo_data", sa.Text()),
        sa.Column("site_logo_mime_type", sa.String(length=50)),
        sa.Column("site_favicon_data", sa.Text()),
        sa.Column("site_favicon_mime_type", sa.String(length=50)),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["app.users.id"], name="fk_site_settings_updated_by_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_site_settings"),
        schema="app",
    )
    op.create_index("idx_site_settings_updated_by", "site_settings", ["updated_by_id"], schema="app")
    op.create_table(
        "user_passwords",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("hashed_password", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_user_passwords_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_user_passwords"),
        sa.UniqueConstraint("user_id", name="uq_user_passwords_user_id"),
        schema="app",
    )
    op.create_index("idx_user_passwords_user_id", "user_passwords", ["user_id"], schema="app")
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["app.roles.id"], name="fk_user_roles_role_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_user_roles_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_user_roles"),
        schema="app",
    )
    op.create_index("idx_user_roles_role_id", "user_roles", ["role_id"], schema="app")
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_collection_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["document_collection_id"],
            ["app.document_collections.id"],
            name="fk_documents_document_collection_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["app.users.id"], name="fk_documents_owner_id", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint(
            "document_collection_id", "source_id", name="uq_documents_document_collection_id_source_id"
        ),
        schema="app",
    )
    op.create_index("idx_documents_collection_id", "documents", ["document_collection_id"], schema="app")
    op.create_index("idx_documents_order", "documents", ["document_collection_id", "position", "id"], schema="app")
    op.create_index("idx_documents_owner", "documents", ["owner_id"], schema="app")
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["app.groups.id"], name="fk_group_members_group_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_group_members_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_group_members"),
        schema="app",
    )
    op.create_index("idx_group_members_user_id", "group_members", ["user_id"], schema="app")
    op.create_table(
        "document_elements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("hierarchy", JSONB()),
        sa.Column("content", JSONB()),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["document_id"], ["app.documents.id"], name="fk_document_elements_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_elements"),
        sa.UniqueConstraint("document_id", "source_id", name="uq_document_elements_document_id_source_id"),
        schema="app",
    )
    op.create_index(
        "idx_document_elements_content", "document_elements", ["content"], schema="app", postgresql_using="gin"
    )
    op.create_index("idx_document_elements_document_id", "document_elements", ["document_id"], schema="app")
    op.create_index(
        "idx_document_elements_hierarchy", "document_elements", ["hierarchy"], schema="app", postgresql_using="gin"
    )
    op.create_index("idx_document_elements_order", "document_elements", ["document_id", "position", "id"], schema="app")
    op.create_table(
        "annotations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_collection_id", sa.Integer()),
        sa.Column("document_id", sa.Integer()),
        sa.Column("document_element_id", sa.Integer()),
        sa.Column("creator_id", sa.Integer()),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("classroom_id", sa.Integer()),
        sa.Column("type", sa.String(length=100)),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("generator", sa.String(length=255)),
        sa.Column("generated", sa.DateTime(timezone=True)),
        sa.Column("motivation", sa.String(length=100)),
        sa.Column("body", JSONB()),
        sa.Column("target", JSONB()),
        sa.Column(
            "status",
            words("annotationstatus", 50, "active", "private", "hidden", "deleted"),
            server_default="active",
            nullable=False,
        ),
        sa.Column("annotation_type", sa.String(length=100)),
        sa.Column("context", sa.String(length=255)),
        sa.Column("parent_id", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["classroom_id"], ["app.groups.id"], name="fk_annotations_classroom_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["app.users.id"], name="fk_annotations_creator_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["document_collection_id"],
            ["app.document_collections.id"],
            name="fk_annotations_document_collection_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["document_element_id"],
            ["app.document_elements.id"],
            name="fk_annotations_document_element_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["app.documents.id"], name="fk_annotations_document_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["app.users.id"], name="fk_annotations_owner_id", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["app.annotations.id"], name="fk_annotations_parent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_annotations"),
        schema="app",
    )
    op.create_index("idx_annotations_body", "annotations", ["body"], schema="app", postgresql_using="gin")
    op.create_index("idx_annotations_classroom_id", "annotations", ["classroom_id"], schema="app")
    op.create_index("idx_annotations_classroom_order", "annotations", ["classroom_id", "created", "id"], schema="app")
    op.create_index("idx_annotations_collection_id", "annotations", ["document_collection_id"], schema="app")
    op.create_index(
        "idx_annotations_collection_order", "annotations", ["document_collection_id", "created", "id"], schema="app"
    )
    op.create_index("idx_annotations_created", "annotations", ["created"], schema="app")
    op.create_index("idx_annotations_creator_id", "annotations", ["creator_id"], schema="app")
    op.create_index("idx_annotations_creator_order", "annotations", ["creator_id", "created", "id"], schema="app")
    op.create_index("idx_annotations_document_element_id", "annotations", ["document_element_id"], schema="app")
    op.create_index("idx_annotations_document_id", "annotations", ["document_id"], schema="app")
    op.create_index("idx_annotations_document_order", "annotations", ["document_id", "created", "id"], schema="app")
    op.create_index(
        "idx_annotations_element_order", "annotations", ["document_element_id", "created", "id"], schema="app"
    )
    op.create_index("idx_annotations_motivation", "annotations", ["motivation"], schema="app")
    op.create_index("idx_annotations_order", "annotations", ["created", "id"], schema="app")
    op.create_index("idx_annotations_owner_id", "annotations", ["owner_id"], schema="app")
    op.create_index(
        "idx_annotations_parent_order", "annotations", ["parent_id", "motivation", "created", "id"], schema="app"
    )
    op.create_index("idx_annotations_target", "annotations", ["target"], schema="app", postgresql_using="gin")
    op.create_index("idx_annotations_type", "annotations", ["type"], schema="app")
    op.execute(sa.schema.CreateSequence(sa.Sequence("annotation_body_id_seq", schema="app")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("annotation_target_id_seq", schema="app")))
    run(PLACING)
    run(ANSWERING)


def downgrade() -> None:
    op.execute(sa.schema.DropSequence(sa.Sequence("annotation_target_id_seq", schema="app")))
    op.execute(sa.schema.DropSequence(sa.Sequence("annotation_body_id_seq", schema="app")))
    op.drop_table("annotations", schema="app")
    op.drop_table("document_elements", schema="app")
    op.drop_table("group_members", schema="app")
    op.drop_table("documents", schema="app")
    op.drop_table("user_roles", schema="app")
    op.drop_table("user_passwords", schema="app")
    op.drop_table("site_settings", schema="app")
    op.drop_table("role_permissions", schema="app")
    op.drop_table("object_sharing", schema="app")
    op.drop_table("groups", schema="app")
    op.drop_table("document_collections", schema="app")
    op.drop_table("users", schema="app")
    op.drop_table("roles", schema="app")
    op.drop_table("permissions", schema="app")
    for function in ("find_parent", "place_element", "place_document", "place_collection"):
        op.execute(f"DROP FUNCTION app.{function}()")
