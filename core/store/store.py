"""The Store.

Every verb the use-cases need, over one database. Domain values go in and come out; no driver's exception leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from core.clock import Clock
from core.errors import StoreBusy
from core.store import migrate
from core.store.accounts import AccountVerbs
from core.store.arrivals import ArrivalVerbs
from core.store.books import ReadVerbs
from core.store.calls import CallVerbs
from core.store.cases import CaseVerbs
from core.store.contact_proofs import ContactProofVerbs
from core.store.contacts import ContactVerbs
from core.store.copying import CopyVerbs
from core.store.engine import Database, Pools
from core.store.findings import FindingVerbs
from core.store.holds import HoldVerbs
from core.store.journal import JournalVerbs
from core.store.journal_proofs import JournalProofVerbs
from core.store.locks import Check, across_processes
from core.store.notices import NoticeVerbs
from core.store.outbox import OutboxVerbs
from core.store.pages import PullVerbs
from core.store.personal import PrivacyVerbs
from core.store.plans import PlanVerbs
from core.store.retention import RetentionVerbs
from core.store.runs import RunVerbs
from core.store.values import SchemaState
from core.store.vault import Vault


class Store(
    PullVerbs,
    ReadVerbs,
    ArrivalVerbs,
    AccountVerbs,
    FindingVerbs,
    OutboxVerbs,
    ContactVerbs,
    ContactProofVerbs,
    HoldVerbs,
    PlanVerbs,
    CaseVerbs,
    JournalVerbs,
    JournalProofVerbs,
    RunVerbs,
    CallVerbs,
    NoticeVerbs,
    CopyVerbs,
    PrivacyVerbs,
    RetentionVerbs,
):
    """One store, shared by all threads of a process. `vault` keeps tokens; it asks for its key only when used."""

    def __init__(self, database: Database, clock: Clock, vault_keys: Sequence[bytes] = ()) -> None:
        super().__init__(database, clock)
        self.vault = Vault(database, clock, vault_keys)

    @property
    def where(self) -> str:
        """The store's place, without any password: for messages."""
        return self._db.where

    def migrate(self) -> list[str]:
        """Bring the tables to this release; the names of the revisions that ran."""
        return migrate.migrate(self._db)

    def schema(self) -> SchemaState:
        """How the tables relate to this release."""
        return migrate.state_of(self._db)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One transaction for everything this thread does inside: committed at the end, rolled back when it raises."""
        with self._db.write():
            yield

    @contextmanager
    def alone(self, what: str, *, wait: float, busy: StoreBusy) -> Iterator[Check]:
        """Nobody else does `what` on this store meanwhile, in no thread, process or machine; `busy` after `wait` seconds.

        What is given raises StoreError once that can no longer be vouched for. Whoever dies leaves the place free.
        """
        with across_processes(self._db, what, wait=wait, busy=busy) as check:
            yield check

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads of this thread inside see one moment of the store. A write inside is refused."""
        with self._db.read():
            yield

    def close(self) -> None:
        """Give the database back. May be called twice."""
        self._db.close()


def open_store(
    url: str,
    *,
    clock: Clock,
    vault_key: bytes | Sequence[bytes] | None = None,
    busy_seconds: float = 10.0,
    pools: Pools | None = None,
) -> Store:
    """Open the store at `sqlite:///FILE` or `postgresql://…` (`?schema=NAME` for one of several in a database).

    Does not migrate. `vault_key` is one Fernet key or several, the current one first. With `pools` many stores of a process
    share its connections to PostgreSQL. StoreError when it cannot be reached or read, SchemaMismatch when a newer release wrote
    it, each with what to do.
    """
    keys = (vault_key,) if isinstance(vault_key, bytes) else tuple(vault_key or ())
    database = Database(url, busy_seconds=busy_seconds, pools=pools)
    try:
        migrate.refuse_newer(database)
        return Store(database, clock, keys)
    except BaseException:
        database.close()
        raise
