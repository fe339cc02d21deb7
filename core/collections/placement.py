"""The open format of a placement: `placement.json`, version 1. Its JSON Schema is docs/placement.schema.json.

Amounts are decimal text in major units beside their currency, days YYYY-MM-DD, instants RFC 3339 in UTC. Everything an agency
asks for first is in it (product notes A110: contact details, amount owed, documents); fields are only added within a version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.collections.evidence import Completeness, Evidence
from core.collections.manifest import PackFile
from core.collections.redaction import strip_all
from core.money import Money
from core.records import Contact, Invoice

FORMAT = "duesync-placement"
VERSION = 1


def placement_document(evidence: Evidence, complete: Completeness, files: Sequence[PackFile]) -> bytes:
    """The document, as canonical JSON text."""
    case = evidence.case
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "reference": evidence.reference,
        "case": case.id,
        "placed_on": evidence.today.isoformat(),
        "agency": evidence.agency.name if evidence.agency else None,
        "creditor": _creditor(evidence),
        "debtor": _debtor(evidence),
        "claim": {"currency": evidence.currency, "count": len(evidence.invoices), "amount": _plain(evidence.claimed)},
        "invoices": [_invoice(evidence, item, files) for item in evidence.invoices],
        "final_notice": {"sent_at": case.notice.sent_at.isoformat()} if case.notice else None,
        "approved_by": [item.by for item in case.approvals],
        "waived": [{"item": item.item, "by": item.by, "reason": item.reason} for item in case.waivers],
        "disputes": [
            {"raised_at": item.placed_at.isoformat(), "reason": item.reason, "open": item.lifted_at is None}
            for item in evidence.disputes
        ],
        "completeness": {"percent": complete.score, "missing": list(complete.missing)},
        "files": [{"path": item.path, "kind": item.kind, "sha256": item.sha256, "bytes": len(item.content)} for item in files],
    }
    return (json.dumps(strip_all(document), ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _plain(amount: Money) -> str:
    return str(amount.decimal)


def _creditor(evidence: Evidence) -> dict[str, Any]:
    ours = evidence.organisation
    return {
        "name": ours.name,
        "address": ours.address,
        "email": ours.email,
        "phone": ours.phone,
        "country": ours.country,
        "region": ours.region,
    }


def _debtor(evidence: Evidence) -> dict[str, Any]:
    party = evidence.debtor
    return {
        "account": evidence.books.account.id,
        "name": evidence.client,
        "address": evidence.address,
        "email": party.email if party else None,
        "phone": party.phone if party else None,
        "country": party.country if party else None,
        "region": party.region if party else None,
        "contacts": [_contact(item) for item in evidence.people],
    }


def _contact(person: Contact) -> dict[str, Any]:
    return {"name": person.name, "role": person.role, "email": person.email, "phone": person.phone}


def _invoice(evidence: Evidence, invoice: Invoice, files: Sequence[PackFile]) -> dict[str, Any]:
    return {
        "number": invoice.number or str(invoice.ref),
        "record": f"{invoice.connection}/{invoice.ref}",
        "reference": invoice.reference,
        "issued_on": invoice.issued_on.isoformat(),
        "due_on": invoice.due_on.isoformat() if invoice.due_on else None,
        "days_past_due": max((evidence.today - invoice.due_on).days, 0) if invoice.due_on else None,
        "total": _plain(invoice.total),
        "open": _plain(invoice.open),
        "documents": [item.path for item in files if item.invoice == f"{invoice.connection}/{invoice.ref}"],
    }
