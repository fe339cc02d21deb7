"""Runs revisions on the connection, and in the transaction, that core.store.migrate hands over."""

from __future__ import annotations

from alembic import context

from core.store.migrate import VERSION_TABLE
from core.store.record_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
