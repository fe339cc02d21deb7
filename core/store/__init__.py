"""Where everything is kept: what was pulled, what was found, what was decided, what was sent. SQLite, or PostgreSQL by URL.

    page ──► records, payloads, change log, cursor: one commit          books ◄── load_books: one moment, grouped by account
    review ─► findings, outbox rows: one unit                           dispatch ─► reserve, start_sending, settle

Only the names below are for others; the tables are the store's own.
"""

from core.store.engine import Pools
from core.store.journal import GENESIS
from core.store.migrate import RELEASE
from core.store.outbox import Held
from core.store.personal import Erasure
from core.store.restoring import Restored, restore_backup
from core.store.store import Store, open_store
from core.store.values import (
    Blocked,
    ContactCheck,
    CopiedTable,
    EnqueueOutcome,
    FindingsOutcome,
    JournalCheck,
    JournalEntry,
    OutboxCount,
    PageOutcome,
    Pause,
    Resolution,
    Run,
    SchemaState,
    SchemaStatus,
    StoredFinding,
    StreamState,
)
from core.store.vault import Vault, is_vault_key, new_vault_key

__all__ = [
    "GENESIS",
    "RELEASE",
    "Blocked",
    "ContactCheck",
    "CopiedTable",
    "EnqueueOutcome",
    "Erasure",
    "FindingsOutcome",
    "Held",
    "JournalCheck",
    "JournalEntry",
    "OutboxCount",
    "PageOutcome",
    "Pause",
    "Pools",
    "Resolution",
    "Restored",
    "Run",
    "SchemaState",
    "SchemaStatus",
    "Store",
    "StoredFinding",
    "StreamState",
    "Vault",
    "is_vault_key",
    "new_vault_key",
    "open_store",
    "restore_backup",
]
