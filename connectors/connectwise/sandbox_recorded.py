"""Recorded answers of a real tenant as the sandbox's data. Decides by a file's name which list its rows belong to."""

from __future__ import annotations

from pathlib import Path

from connectors.connectwise.sandbox_books import Doc, Tenant
from connectors.testing.recordings import recorded_bodies

# Beginning of a file's name → list. "__" in a name marks the same row asked for differently; it is left out.
_TABLES = {
    "company_status": "company/companies/statuses",
    "company_company": "company/companies",
    "company.": "company/companies",
    "company_contact": "company/contacts",
    "contacts": "company/contacts",
    "finance_invoice": "finance/invoices",
    "finance_agreement": "finance/agreements",
    "agreement": "finance/agreements",
    "service_ticket": "service/tickets",
    "time_entry": "time/entries",
    # Lists as a client of the API would name what it saved.
    "statuses": "company/companies/statuses",
    "companies": "company/companies",
    "company_companies": "company/companies",
    "company_contacts": "company/contacts",
    "invoices": "finance/invoices",
    "tickets": "service/tickets",
    "time_entries": "time/entries",
}


def seed_recorded(tenant: Tenant, folder: Path) -> int:
    """Put the rows of every JSON file of `folder` that is known by name into `tenant`, as they are; how many there were."""
    count = 0
    for path, body in recorded_bodies(folder):
        table = next((table for start, table in _TABLES.items() if path.name.startswith(start)), None)
        if table is None or "__" in path.name:
            continue
        rows: list[Doc] = body if isinstance(body, list) else [body]
        for row in (row for row in rows if "id" in row):
            tenant.add(table, row)
            count += 1
    return count
