"""Only a reply, tag, upvote or flag answers another annotation.

Revision: c6e2a9d41f73
Revises: a41c7e9d5b20
Created: 2026-11-20 12:20:00.000000+00:00
"""

from alembic import op

revision = "c6e2a9d41f73"
down_revision = "a41c7e9d5b20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_check_constraint(
        op.f("ck_annotations_responses"),
        "annotations",
        "parent_id IS NULL OR coalesce(motivation, '') IN ('replying', 'tagging', 'upvoting', 'flagging')",
        schema="app",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_annotations_responses"), "annotations", schema="app", type_="check")
