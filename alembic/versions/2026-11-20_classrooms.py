"""Classrooms: names that are told apart, links to join by, and comments that outlive their classroom unseen.

Revision: 8d2f4b6c1a03
Revises: 5c1d0e7fa2b4
Created: 2026-11-20 10:24:41.730266+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "8d2f4b6c1a03"
down_revision = "5c1d0e7fa2b4"
branch_labels = None
depends_on = None

# Of groups that have the same name the first keeps it, and the others get their number behind it.
TELL_APART = """
DO $$
DECLARE
    again record;
    suffix text;
BEGIN
    FOR again IN
        SELECT id, name FROM (
            SELECT id, name, row_number() OVER (PARTITION BY app.folded(name) ORDER BY id) AS place FROM app.groups
        ) AS named WHERE place > 1 ORDER BY id
    LOOP
        suffix := format(' (%s)', again.id);
        WHILE EXISTS (
            SELECT FROM app.groups
            WHERE app.folded(name) = app.folded(left(again.name, 100 - length(suffix)) || suffix)
        ) LOOP
            suffix := format(' (%s)', trim(suffix, ' ()') || '-' || again.id);
        END LOOP;
        UPDATE app.groups SET name = left(name, 100 - length(suffix)) || suffix WHERE id = again.id;
    END LOOP;
END $$
"""

# The row is locked before the trigger runs, so no comment can be written for the classroom after this.
CLOSE_CLASSROOM = """
CREATE FUNCTION app.close_classroom() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE app.annotations SET classroom_gone = true WHERE classroom_id = OLD.id;
    RETURN OLD;
END $$
"""


def upgrade() -> None:
    op.execute("LOCK TABLE app.groups IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TELL_APART)
    op.create_index("idx_groups_name_folded", "groups", [sa.text("app.folded(name)")], unique=True, schema="app")
    op.add_column(
        "groups",
        sa.Column("join_token", sa.Text(), server_default=sa.text("(gen_random_uuid())::text"), nullable=False),
        schema="app",
    )
    op.create_unique_constraint("uq_groups_join_token", "groups", ["join_token"], schema="app")
    op.add_column(
        "annotations",
        sa.Column("classroom_gone", sa.Boolean(), server_default="false", nullable=False),
        schema="app",
    )
    op.execute(CLOSE_CLASSROOM)
    op.execute(
        "CREATE TRIGGER close_classroom BEFORE DELETE ON app.groups FOR EACH ROW EXECUTE FUNCTION app.close_classroom()"
    )


def downgrade() -> None:
    # What a classroom that is gone has left would be seen by everybody without the column that says so.
    op.execute("UPDATE app.annotations SET status = 'private' WHERE classroom_gone")
    op.execute("DROP TRIGGER close_classroom ON app.groups")
    op.execute("DROP FUNCTION app.close_classroom()")
    op.drop_column("annotations", "classroom_gone", schema="app")
    op.drop_column("groups", "join_token", schema="app")
    op.drop_index("idx_groups_name_folded", "groups", schema="app")
