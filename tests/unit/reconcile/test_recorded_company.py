"""The recorded QuickBooks company: what a bookkeeper would point at, and nothing that only looks odd."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.quickbooks import mapping
from connectors.quickbooks.ledger import Company, account
from connectors.quickbooks.reading import Row
from core.findings import Finding, FindingKind
from core.reconcile.engine import reconcile
from core.records import Malformed, Record, Stream
from tests.corpus.books_assembly import assemble

FILES = {
    Stream.PARTIES: ("customers", "Customer"),
    Stream.INVOICES: ("invoices", "Invoice"),
    Stream.PAYMENTS: ("list-payments", "Payment"),
    Stream.CREDIT_NOTES: ("credit-memos", "CreditMemo"),
    Stream.DEPOSITS: ("deposits", "Deposit"),
}


def rows(folder: Path, name: str, entity: str) -> list[Row]:
    data = json.loads((folder / f"{name}.response.json").read_text(), parse_float=Decimal)
    return [Row(item) for item in data["QueryResponse"].get(entity, [])]


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[FindingKind, list[Finding]]:
    folder = shared / "fixtures/quickbooks/sandbox-craigs-2026-05/query"
    chart = {item.ref: item for item in map(account, rows(folder, "accounts", "Account"))}
    company = Company(connection="qbo", currency="USD", accounts=chart)
    records: list[Record] = []
    for stream, (name, entity) in FILES.items():
        for row in rows(folder, name, entity):
            read = mapping.read(stream, row, company)
            assert not isinstance(read, Malformed), read
            records += read
    findings = reconcile(assemble(records), today=date(2026, 5, 5), systems={"qbo": "quickbooks"})
    by_kind: dict[FindingKind, list[Finding]] = defaultdict(list)
    for item in findings:
        by_kind[item.kind].append(item)
    return by_kind


def refs(findings: list[Finding]) -> set[str]:
    return {str(subject.ref) for item in findings for subject in item.subjects}


def test_the_four_unapplied_payments_are_found(found: dict[FindingKind, list[Finding]]) -> None:
    unapplied = found[FindingKind.UNAPPLIED_PAYMENT]
    assert refs(unapplied) == {"170", "172", "174", "180"}
    assert sum(item.at_stake.minor for item in unapplied) == 400_00


def test_the_eight_unused_credits_are_found(found: dict[FindingKind, list[Finding]]) -> None:
    assert sum(item.at_stake.minor for item in found[FindingKind.UNAPPLIED_CREDIT]) == 800_00
    assert len(found[FindingKind.UNAPPLIED_CREDIT]) == 8


def test_the_invoice_entered_six_times_is_one_original_and_five_copies(found: dict[FindingKind, list[Finding]]) -> None:
    duplicates = found[FindingKind.DUPLICATE_INVOICE]
    assert refs(duplicates) == {"145", "146", "149", "152", "155", "161"}
    assert {str(item.subjects[1].ref) for item in duplicates} == {"145"}
    assert sum(item.at_stake.minor for item in duplicates) == 500_00


def test_three_equal_payments_of_one_day_are_looked_at_together(found: dict[FindingKind, list[Finding]]) -> None:
    assert refs(found[FindingKind.DUPLICATE_PAYMENT]) == {"172", "174", "180"}


def test_payments_left_in_undeposited_funds_are_found(found: dict[FindingKind, list[Finding]]) -> None:
    stale = found[FindingKind.STALE_UNDEPOSITED]
    assert refs(stale) == {"120", "128"}
    assert sum(item.at_stake.minor for item in stale) == 2062_52


def test_the_link_payment_of_zero_is_nobodys_fault(found: dict[FindingKind, list[Finding]]) -> None:
    subjects = {key for items in found.values() for item in items for key in item.subjects}
    assert "74" not in {str(key.ref) for key in subjects if key.stream is Stream.PAYMENTS}


def test_every_identity_holds_to_the_cent(found: dict[FindingKind, list[Finding]]) -> None:
    assert found[FindingKind.BALANCE_MISMATCH] == []


def test_nothing_else_is_reported(found: dict[FindingKind, list[Finding]]) -> None:
    expected = {
        FindingKind.UNAPPLIED_PAYMENT,
        FindingKind.UNAPPLIED_CREDIT,
        FindingKind.DUPLICATE_INVOICE,
        FindingKind.DUPLICATE_PAYMENT,
        FindingKind.STALE_UNDEPOSITED,
        FindingKind.SHORT_PAYMENT,
        FindingKind.DUPLICATE_PARTY,
    }
    assert {kind for kind, items in found.items() if items} <= expected
    assert refs(found[FindingKind.SHORT_PAYMENT]) == {"13", "33"}
    assert refs(found[FindingKind.DUPLICATE_PARTY]) == {"59", "60"}  # test customers with one mail address and nearly one name
