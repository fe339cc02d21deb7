"""What the PSA says for a hold: a client's custom fields and a ticket's severity. Both come with the next full listing.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; until a client or ticket is read again it has none of either."""
    op.add_column("parties", sa.Column("fields", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("tickets", sa.Column("severity", sa.Text(), nullable=True))
