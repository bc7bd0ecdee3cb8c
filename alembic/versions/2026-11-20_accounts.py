"""Accounts: sessions, access tokens, password resets, single sign-on, and the roles that every site begins with.

Revision: 5c1d0e7fa2b4
Revises: b249ad24fe78
Created: 2026-11-20 10:05:12.402118+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "5c1d0e7fa2b4"
down_revision = "b249ad24fe78"
branch_labels = None
depends_on = None

PERMISSIONS = {
    "manage_all_content": "Sees and changes everything on the site.",
    "create_collection": "Creates collections.",
    "create_group": "Creates classrooms.",
    "create_scholarly_annotation": "Writes scholarly notes.",
    "list_users": "Looks people up.",
    "manage_users": "Changes and deactivates accounts.",
    "assign_roles": "Gives and takes roles.",
    "manage_site_settings": "Changes the site's title, logo and metadata schema.",
    "manage_sso": "Sets up single sign-on.",
    "manage_flags": "Moderates whatever they see, and handles the flags of the whole site.",
}

ROLES = {
    "admin": ("Looks after the whole site.", list(PERMISSIONS)),
    "instructor": (
        "Creates collections and classrooms.",
        ["create_collection", "create_group", "create_scholarly_annotation", "list_users"],
    ),
    "verified_scholar": ("Writes scholarly notes.", ["create_scholarly_annotation"]),
    "student": ("Reads and annotates.", []),
}


def lower_case() -> tuple[str, str]:
    """Each letter that has another case, and what it is compared as."""
    pairs = {"İ": "i"}
    for letter in map(chr, range(0x110000)):
        compared = letter.casefold() if len(letter.casefold()) == 1 else letter.lower()
        if compared != letter and len(compared) == 1:
            pairs[letter] = compared
    return "".join(pairs), "".join(pairs.values())


def create_folded() -> None:
    """lower() would depend on the database's collation; in "C" it knows only ASCII."""
    upper, lower = lower_case()
    op.execute(
        sa.text(
            "CREATE FUNCTION app.folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ "
            f"SELECT normalize(replace(translate(normalize($1, NFKC), '{upper}', '{lower}'), 'ß', 'ss'), NFKC) $$"
        )
    )


def seed() -> None:
    """Roles that are there already keep what they let people do, unless that is nothing."""
    insert = "INSERT INTO app.{} (name, description) VALUES (:name, :what) ON CONFLICT (name) DO NOTHING"
    give = sa.text("""
        INSERT INTO app.role_permissions (role_id, permission_id)
        SELECT roles.id, permissions.id
        FROM app.roles JOIN app.permissions ON permissions.name = ANY (:permissions)
        WHERE roles.name = :role AND NOT EXISTS (SELECT FROM app.role_permissions WHERE role_id = roles.id)
    """)
    for name, what in PERMISSIONS.items():
        op.execute(sa.text(insert.format("permissions")).bindparams(name=name, what=what))
    for name, (what, permissions) in ROLES.items():
        op.execute(sa.text(insert.format("roles")).bindparams(name=name, what=what))
        op.execute(
            give.bindparams(sa.bindparam("permissions", permissions, ARRAY(sa.String)), sa.bindparam("role", name))
        )


def upgrade() -> None:
    create_folded()
    op.create_index("idx_users_email_folded", "users", [sa.text("app.folded(email)")], unique=True, schema="app")
    op.create_index("idx_users_username_folded", "users", [sa.text("app.folded(username)")], unique=True, schema="app")
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
        schema="app",
    )
    op.create_index("idx_sessions_user_id", "sessions", ["user_id"], schema="app")
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_access_tokens_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_access_tokens_token_hash"),
        schema="app",
    )
    op.create_index("idx_access_tokens_user_id", "access_tokens", ["user_id"], schema="app")
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_password_resets_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_password_resets"),
        sa.UniqueConstraint("token_hash", name="uq_password_resets_token_hash"),
        schema="app",
    )
    op.create_index("idx_password_resets_user_id", "password_resets", ["user_id"], schema="app")
    op.create_table(
        "sso_configuration",
        sa.Column("id", sa.Integer(), autoincrement=False, server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("server_url", sa.Text(), nullable=False),
        sa.Column("protocol_version", sa.SmallInteger(), server_default="3", nullable=False),
        sa.Column("attribute_mapping", JSONB(), server_default="{}", nullable=False),
        sa.Column("email_domain", sa.String(length=255)),
        sa.Column("updated_by_id", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sso_configuration_one_row")),
        sa.CheckConstraint("protocol_version IN (2, 3)", name=op.f("ck_sso_configuration_protocol_version")),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["app.users.id"], name="fk_sso_configuration_updated_by_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sso_configuration"),
        schema="app",
    )
    op.create_index("idx_sso_configuration_updated_by", "sso_configuration", ["updated_by_id"], schema="app")
    op.create_table(
        "sso_identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app.users.id"], name="fk_sso_identities_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sso_identities"),
        sa.UniqueConstraint("subject", name="uq_sso_identities_subject"),
        sa.UniqueConstraint("user_id", name="uq_sso_identities_user_id"),
        schema="app",
    )
    seed()


def downgrade() -> None:
    # The roles and permissions stay: people may hold them, and a later upgrade finds them again.
    op.drop_table("sso_identities", schema="app")
    op.drop_table("sso_configuration", schema="app")
    op.drop_table("password_resets", schema="app")
    op.drop_table("access_tokens", schema="app")
    op.drop_table("sessions", schema="app")
    op.drop_index("idx_users_username_folded", "users", schema="app")
    op.drop_index("idx_users_email_folded", "users", schema="app")
    op.execute("DROP FUNCTION app.folded(text)")
