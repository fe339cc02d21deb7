"""What the store answers with, where the domain has no word for it yet: outcomes of writes, and stored things with their history.

All are frozen; instants are aware and UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.findings import Finding, FindingState
from core.outbox import OutboxRow, OutboxState
from core.records import Stream


class SchemaStatus(StrEnum):
    """How the tables in the store relate to this release."""

    EMPTY = "empty"  # nothing there yet: `duesync migrate`
    BEHIND = "behind"  # written by an older release: `duesync migrate`
    CURRENT = "current"
    NEWER = "newer"  # written by a newer release: this one must not touch it


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """`found` is the revision in the store (None: no tables), `wanted` the one this release writes."""

    status: SchemaStatus
    found: str | None
    wanted: str
    pending: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether this release can work with the store as it is."""
        return self.status is SchemaStatus.CURRENT

    @property
    def current(self) -> str | None:
        """The revision in the store."""
        return self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOutcome:
    """Rows of one page by what became of them. `restamped` ones have the same content under a newer vendor version."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    restamped: int = 0
    deleted: int = 0
    revived: int = 0
    malformed: int = 0

    @property
    def changed(self) -> int:
        """Rows a review would see differently."""
        return self.inserted + self.updated + self.deleted + self.revived


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """How fresh a stream is. `rows` counts the live records; `error` is the last pull's, None after a good one."""

    connection: str
    stream: Stream
    last_ok_at: datetime | None
    last_try_at: datetime | None
    error: str | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """A finding with its history. `id` is short, stable and made from the fingerprint. `last_seen_at` is true to the day."""

    id: str
    finding: Finding
    state: FindingState
    first_seen_at: datetime
    last_seen_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsOutcome:
    """Ids by what a review did to them. `updated` ones have new evidence; `unchanged` ones cost no write."""

    opened: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """An action that was not enqueued, and the row that already has its key or one of its steps."""

    key: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueOutcome:
    """What became of the actions: rows `added`, and those `blocked` because the same was decided before."""

    added: tuple[OutboxRow, ...] = ()
    blocked: tuple[Blocked, ...] = ()


class Resolution(StrEnum):
    """A person's word on an ambiguous or parked row.

    NOT_SENT drops it, so that the next review decides again; RETRY queues it.
    """

    SENT = "sent"
    NOT_SENT = "not-sent"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCount:
    """Rows in one state, and the oldest moment one of them was due."""

    state: OutboxState
    rows: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One line of the journal. `detail` is None once it was erased (the chain holds without it)."""

    seq: int
    at: datetime
    kind: str
    subject: str
    actor: str
    detail: Mapping[str, Any] | None
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCheck:
    """Whether the contact log and what was done say what the journal says they said.

    `entries` of the contact log were looked at; `earlier` of them are older than their lines in the journal, which cannot tell.
    """

    entries: int
    earlier: int = 0
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing was changed, removed or put in by hand."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCheck:
    """Whether the chain holds over `entries`; otherwise the first entry that breaks it and why."""

    ok: bool
    entries: int
    broken_at: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job. `outcome` None means it is still going, or its process died."""

    id: str
    job: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A switch thrown by a person or a safety catch. `scope` is "all", a connection, a policy or a job."""

    scope: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTable:
    """One table after a copy: rows and a hash over all of them, equal on both sides."""

    table: str
    rows: int
    digest: str
