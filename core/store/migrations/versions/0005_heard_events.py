"""Events that webhooks told of, so that a replay is known for one after a restart too.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; remembering begins with the next call."""
    op.create_table(
        "heard_events",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", "event", name="pk_heard_events"),
    )
    op.create_index("ix_heard_events_connection_heard_at", "heard_events", ["connection", "heard_at"])
