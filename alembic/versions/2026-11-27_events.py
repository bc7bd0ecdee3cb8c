"""What happens to annotations is written down in order, and who gained or lost what they may see.

Revision: 8e41c7d09b35
Revises: 5d2e8f0a1c94
Created: 2026-11-27 21:40:00.000000+00:00
"""

import sqlalchemy as sa
from alembic import op

from genji_graphql.models.event import Xid8

revision = "8e41c7d09b35"
down_revision = "5d2e8f0a1c94"
branch_labels = None
depends_on = None

# Partitions come and go with the days, so they have a schema to themselves. The server makes them; what is written
# where there is none yet goes into the one for all else, since a log must never keep anybody from writing.
PARTITIONS = """
CREATE SCHEMA app_events;

CREATE TABLE app_events.other PARTITION OF app.annotation_events DEFAULT;
"""

# By triggers, so that psql and imports are heard as well. For each statement rather than each row: a thousand notes at
# once are one INSERT more.
EVENTS = """
CREATE FUNCTION app.tell_of_annotations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO app.annotation_events (
            kind, annotation_id, motivation, document_element_id, document_id, document_collection_id,
            classroom_id, classroom_gone, parent_id, owner_id, status_after
        )
        SELECT 'created', id, motivation, document_element_id, document_id, document_collection_id,
            classroom_id, classroom_gone, parent_id, coalesce(owner_id, creator_id), status
        FROM written ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO app.annotation_events (
            kind, annotation_id, motivation, document_element_id, document_id, document_collection_id,
            classroom_id, classroom_gone, parent_id, owner_id, status_before
        )
        SELECT 'deleted', id, motivation, document_element_id, document_id, document_collection_id,
            classroom_id, classroom_gone, parent_id, coalesce(owner_id, creator_id), status
        FROM gone ORDER BY id;
    ELSE
        INSERT INTO app.annotation_events (
            kind, annotation_id, motivation, document_element_id, document_id, document_collection_id,
            classroom_id, classroom_gone, parent_id, owner_id, status_before, status_after
        )
        SELECT
            CASE
                WHEN gone.status <> 'deleted' AND written.status = 'deleted' THEN 'deleted'
                WHEN gone.status IN ('deleted', 'hidden') AND written.status IN ('active', 'private') THEN 'restored'
                WHEN gone.status <> 'hidden' AND written.status = 'hidden' THEN 'hidden'
                -- Whose text changed moved without being changed.
                WHEN gone.modified = written.modified AND gone.status = written.status
                    AND (gone.target, gone.is_orphan) IS DISTINCT FROM (written.target, written.is_orphan) THEN 'moved'
                ELSE 'updated'
            END,
            id, written.motivation, written.document_element_id, written.document_id, written.document_collection_id,
            written.classroom_id, written.classroom_gone, written.parent_id,
            coalesce(written.owner_id, written.creator_id), gone.status, written.status
        FROM written JOIN gone USING (id)
        WHERE (
            gone.document_collection_id, gone.document_id, gone.document_element_id, gone.creator_id, gone.owner_id,
            gone.classroom_id, gone.classroom_gone, gone.type, gone.generator, gone.generated, gone.motivation,
            gone.body, gone.target, gone.status, gone.annotation_type, gone.context, gone.parent_id, gone.other,
            gone.is_orphan
        ) IS DISTINCT FROM (
            written.document_collection_id, written.document_id, written.document_element_id, written.creator_id,
            written.owner_id, written.classroom_id, written.classroom_gone, written.type, written.generator,
            written.generated, written.motivation, written.body, written.target, written.status,
            written.annotation_type, written.context, written.parent_id, written.other, written.is_orphan
        )
        ORDER BY id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell_of_new AFTER INSERT ON app.annotations
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION app.tell_of_annotations();

CREATE TRIGGER tell_of_changed AFTER UPDATE ON app.annotations
    REFERENCING OLD TABLE AS gone NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION app.tell_of_annotations();

CREATE TRIGGER tell_of_gone AFTER DELETE ON app.annotations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.tell_of_annotations();

CREATE FUNCTION app.tell_of_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO app.membership_events (kind, group_id, user_id) VALUES ('joined', NEW.group_id, NEW.user_id);
    ELSE
        INSERT INTO app.membership_events (kind, group_id, user_id) VALUES ('left', OLD.group_id, OLD.user_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell_of_members AFTER INSERT OR DELETE ON app.group_members
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_members();
"""

# Whose standing it is stands in the column that the trigger names; without one it is everybody's.
STANDING = """
CREATE FUNCTION app.tell_of_standing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
    INSERT INTO app.standing_changes (user_id)
    VALUES (CASE WHEN TG_NARGS > 0 THEN (changed ->> TG_ARGV[0])::integer END);
    RETURN NULL;
END $$;

CREATE TRIGGER tell_of_standing AFTER UPDATE OF is_active OR DELETE ON app.users
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('id');

CREATE TRIGGER tell_of_standing AFTER UPDATE OF expires_at OR DELETE ON app.sessions
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('user_id');

CREATE TRIGGER tell_of_standing AFTER UPDATE OF expires_at, scopes OR DELETE ON app.access_tokens
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('user_id');

CREATE TRIGGER tell_of_standing AFTER INSERT OR DELETE ON app.group_members
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('user_id');

CREATE TRIGGER tell_of_standing AFTER INSERT OR DELETE ON app.user_roles
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('user_id');

CREATE TRIGGER tell_of_standing AFTER INSERT OR DELETE ON app.groups
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing('created_by_id');

CREATE TRIGGER tell_of_other_standing AFTER UPDATE OF created_by_id ON app.groups
    FOR EACH ROW WHEN (OLD.created_by_id IS DISTINCT FROM NEW.created_by_id)
    EXECUTE FUNCTION app.tell_of_standing();

CREATE TRIGGER tell_of_standing AFTER UPDATE OF name ON app.roles
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing();

CREATE TRIGGER tell_of_standing AFTER UPDATE OF name ON app.permissions
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing();

CREATE TRIGGER tell_of_standing AFTER INSERT OR DELETE ON app.role_permissions
    FOR EACH ROW EXECUTE FUNCTION app.tell_of_standing();
"""

_TOLD_OF = {
    "annotations": ("tell_of_new", "tell_of_changed", "tell_of_gone"),
    "group_members": ("tell_of_members", "tell_of_standing"),
    "groups": ("tell_of_standing", "tell_of_other_standing"),
    "users": ("tell_of_standing",),
    "sessions": ("tell_of_standing",),
    "access_tokens": ("tell_of_standing",),
    "user_roles": ("tell_of_standing",),
    "roles": ("tell_of_standing",),
    "permissions": ("tell_of_standing",),
    "role_permissions": ("tell_of_standing",),
}


def _log(name: str, *columns: sa.Column, **options: str) -> None:
    op.create_table(
        name,
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("nextval('app.event_seq')"), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        *columns,
        schema="app",
        **options,
    )
    op.create_index(f"idx_{name}_order", name, ["xid", "seq"], schema="app")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE app.event_seq")
    _log(
        "annotation_events",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("motivation", sa.String(length=100)),
        sa.Column("document_element_id", sa.Integer()),
        sa.Column("document_id", sa.Integer()),
        sa.Column("document_collection_id", sa.Integer()),
        sa.Column("classroom_id", sa.Integer()),
        sa.Column("classroom_gone", sa.Boolean(), nullable=False),
        sa.Column("parent_id", sa.Integer()),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("status_before", sa.String(length=50)),
        sa.Column("status_after", sa.String(length=50)),
        postgresql_partition_by="RANGE (at)",
    )
    _log(
        "membership_events",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
    )
    _log("standing_changes", sa.Column("user_id", sa.Integer()))
    op.create_table(
        "event_floor",
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        schema="app",
    )
    op.execute("INSERT INTO app.event_floor VALUES ('0', 0)")
    for statement in (PARTITIONS + EVENTS + STANDING).strip().split(";\n\n"):
        op.execute(statement)


def downgrade() -> None:
    for table, triggers in _TOLD_OF.items():
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON app.{table}")
    for function in ("tell_of_standing", "tell_of_members", "tell_of_annotations"):
        op.execute(f"DROP FUNCTION app.{function}()")
    for table in ("event_floor", "standing_changes", "membership_events", "annotation_events"):
        op.drop_table(table, schema="app")
    op.execute("DROP SCHEMA app_events")
    op.execute("DROP SEQUENCE app.event_seq")
