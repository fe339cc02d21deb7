"""The tenant's own tables that rows are read with: billing terms, billing statuses, company statuses, boards.

Each is asked for when a row needs it and then kept until the next listing. A role that may not see a table costs only what the
table adds; `duesync doctor` names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.connectwise import rows
from connectors.connectwise.api import Api
from connectors.connectwise.mapping import BillingStatus, Reading
from connectors.connectwise.verdicts import NoSuchPath
from core.errors import PermissionMissing
from core.ports import ConnectionContext
from core.records import Stream

BILLING_TERMS = "/finance/billingTerms"
BILLING_STATUSES = "/finance/billingStatuses"
COMPANY_STATUSES = "/company/companies/statuses"


class Tables:
    """The tables of one connection."""

    def __init__(self, api: Api, context: ConnectionContext) -> None:
        self._api = api
        self._context = context
        self._kept: dict[str, list[Mapping[str, Any]]] = {}

    def forget(self) -> None:
        """Ask again from now on."""
        self._kept.clear()

    def rows(self, path: str) -> list[Mapping[str, Any]]:
        """Every readable row of a table; none where the role may not see it."""
        if path not in self._kept:
            try:
                pages = [row for page in self._api.all_rows(path) for row in page]
            except (PermissionMissing, NoSuchPath):
                pages = []
            self._kept[path] = [row for row in pages if isinstance(row, Mapping) and isinstance(row.get("id"), int)]
        return self._kept[path]

    def find_id(self, path: str, wanted: str) -> int | None:
        """The id of the row with this name (in any case) or this id as text."""
        for row in self.rows(path):
            if wanted == str(row["id"]) or wanted.strip().lower() == str(row.get("name", "")).strip().lower():
                return int(row["id"])
        return None

    def reading(self, stream: Stream, page: Iterable[Any]) -> Reading:
        """What to read the rows of a page with; asks for no table they do not need."""
        settings = self._context.settings
        found = [row for row in page if isinstance(row, Mapping)]
        documents = stream in (Stream.INVOICES, Stream.CREDIT_NOTES)
        return Reading(
            connection=self._context.name,
            zone=self._context.timezone,
            currency=self._context.currency,
            terms=self._terms() if documents and any(row.get("dueDate") is None for row in found) else {},
            billing=self._billing() if documents and any(_not_closed(row) for row in found) else {},
            inactive=self._inactive() if stream is Stream.PARTIES and found else frozenset(),
            closed_names=_lower(settings.closed_ticket_statuses),
            disputed_names=_lower(settings.dispute_statuses),
        )

    def _terms(self) -> dict[int, int]:
        days = {int(row["id"]): row.get("dueDays") for row in self.rows(BILLING_TERMS)}
        return {number: value for number, value in days.items() if isinstance(value, int)}

    def _billing(self) -> dict[int, BillingStatus]:
        return {
            int(row["id"]): BillingStatus(
                name=str(row.get("name") or ""), closed=row.get("closedFlag") is True, sent=row.get("sentFlag") is True
            )
            for row in self.rows(BILLING_STATUSES)
        }

    def _inactive(self) -> frozenset[int]:
        return frozenset(int(row["id"]) for row in self.rows(COMPANY_STATUSES) if row.get("inactiveFlag") is True)


def _not_closed(row: Mapping[str, Any]) -> bool:
    return rows.find(row, "status.isClosed") is not True


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in names)
