"""One list of the bank for many clients: any row may be anybody's, and duesync reviews them all together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from core.books import Account, AccountBooks, Books
from core.findings import Finding
from core.reconcile.engine import reconcile
from core.records import Payment, Role
from tests.simulation.detours import BANK
from tests.simulation.world import PSA, VENDOR

ROLES = {VENDOR: Role.BOOKS, PSA: Role.PSA, BANK: Role.BANK}


@dataclass
class Review:
    """What duesync's reconciler found about some clients and the bank's rows, done again only where something is different."""

    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)  # by account
    _went_by: list[object] = field(default_factory=list)

    def look(self, seen: list[AccountBooks], rows: tuple[Payment, ...], now: datetime) -> None:
        """Look at the books of these clients as they were pulled, and at the rows that name no client."""
        goes_by = [*seen, rows, now.date()]
        if len(goes_by) == len(self._went_by) and all(map(_same, goes_by, self._went_by)):
            return
        self._went_by = goes_by
        nobody = AccountBooks(account=Account(id="", name="", parties=()), payments=rows, roles=ROLES)
        books = Books(as_of=now, accounts={item.account.id: item for item in seen}, unassigned=nobody, roles=ROLES)
        found = reconcile(books, today=now.date())
        about = [(item, books.billed(item.subjects) | {item.account}) for item in found]
        self.findings = {name: tuple(item for item, names in about if name in names) for name in books.accounts}


def _same(one: object, other: object) -> bool:
    return one is other or (not isinstance(one, AccountBooks) and one == other)
