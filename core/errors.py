"""Errors by remedy: what the engine or the operator should do, not where it happened.

Messages are for people: what happened, to which record, and what to do. They never hold a secret or a payload.
"""

from __future__ import annotations

from collections.abc import Sequence


class DuesyncError(Exception):
    """Anything duesync raises on purpose. `remedy` is one sentence saying what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


# ── the operator must edit something ────────────────────────────────────────────────────────────────────────────────────
class ConfigError(DuesyncError):
    """The configuration cannot be used. `problems` lists every one as "key: what is wrong"."""

    def __init__(self, problems: Sequence[str], *, source: str = "configuration") -> None:
        self.problems = tuple(problems)
        super().__init__(f"{source} has {len(self.problems)} problem(s):\n" + "\n".join(f"  - {item}" for item in self.problems))


class UsageError(DuesyncError):
    """A command was asked for something that does not exist or does not fit."""


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class StoreError(DuesyncError):
    """The store cannot be used now; nothing was lost, the unit of work was rolled back."""


class TakenUp(StoreError):
    """Somebody else moved this row of the outbox meanwhile: it is theirs, and nothing is to be done about it here."""


class StoreBusy(StoreError):
    """Another process holds the store; trying again later is enough."""


class SchemaMismatch(StoreError):
    """The store was written by another release of duesync."""


# ── a connection: try again, reconnect, or stop ─────────────────────────────────────────────────────────────────────────
class ConnectorError(DuesyncError):
    """Something between us and one vendor. `request_id` is the vendor's own, for its support."""

    def __init__(self, message: str, *, connection: str, remedy: str = "", request_id: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.connection = connection
        self.request_id = request_id


class Transient(ConnectorError):
    """Passing: the same call may work after `retry_after` seconds (None: the caller's own back-off)."""

    def __init__(
        self, message: str, *, connection: str, remedy: str = "", request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, connection=connection, remedy=remedy, request_id=request_id)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The vendor asks us to slow down. A `retry_after` of minutes or hours parks the connection, it does not block a thread."""


class OutcomeUnknown(Transient):
    """A push was sent and its answer lost: it may have acted. Read back before anything else."""


class AuthExpired(ConnectorError):
    """The vendor no longer accepts our credentials; a person must connect again (`duesync auth CONNECTION`)."""


class PermissionMissing(ConnectorError):
    """The credentials work but lack a role or scope; the message names it and where to grant it."""


class Rejected(ConnectorError):
    """The vendor understood and said no; the same request will never work."""

    def __init__(
        self, message: str, *, connection: str, remedy: str = "", request_id: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, connection=connection, remedy=remedy, request_id=request_id)
        self.code = code


class Undeliverable(Rejected):
    """Every address of a message is one that the channel knows not to exist. `refused`: (address, what was said of it)."""

    def __init__(self, message: str, *, connection: str, refused: Sequence[tuple[str, str]], code: str | None = None) -> None:
        super().__init__(message, connection=connection, remedy="Find another address for this client.", code=code)
        self.refused = tuple(refused)


class Conflict(Rejected):
    """The record changed since we decided; decide again."""


class NotFound(Rejected):
    """The record is gone at the vendor."""


class VendorEmptied(ConnectorError):
    """A vendor that had records suddenly has (almost) none. Looks exactly like a broken connection: a person must say which."""
