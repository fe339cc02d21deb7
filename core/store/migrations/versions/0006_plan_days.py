"""The organisation's own day on which a payment plan was agreed; of older plans it is the day in UTC.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is not known there is read from the instant."""
    op.add_column("payment_plans", sa.Column("agreed_on", sa.Date(), nullable=True))
