"""Every body recorded at Xero, and every example of its specification, is read without a malformed record."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from connectors.xero.mapping import Tenant, map_rows
from connectors.xero.streams import SOURCES
from core.records import Invoice, Payment, PaymentStatus, Stream
from tests.unit.connectors.xero.kit import stage

TENANT = Tenant(connection="xero", currency="NZD")
# Not a list of contacts but the answer to adding some to a group: ids only.
_IDS_ONLY = {"createContactGroupContacts.200.json"}


def _bodies(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if path.parent.name not in ("openapi_requests", "errors"))


def test_recorded_bodies_have_no_malformed_record(shared: Path) -> None:
    read: Counter[Stream] = Counter()
    for path in _bodies(shared / "fixtures" / "xero"):
        try:
            members = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            continue  # the list of connections, and metadata
        for stream, sources in SOURCES.items():
            for source in sources:
                if source.table not in members or path.name in _IDS_ONLY:
                    continue
                rows = [bytes(row) for row in msgspec.json.decode(members[source.table], type=list[msgspec.Raw])]
                mapped = map_rows(stream, rows, TENANT, source.reader, source.id_field)
                assert mapped.malformed == (), path.name
                read[stream] += len(mapped.entries)
    assert read[Stream.INVOICES] >= 38 + 38
    assert read[Stream.PAYMENTS] >= 26 + 3
    assert read[Stream.CREDIT_NOTES] >= 4
    assert read[Stream.PARTIES] >= 29
    assert read[Stream.REFUNDS] >= 1
    assert read[Stream.AGREEMENTS] >= 2


def test_a_recorded_organisation_adds_up(shared: Path) -> None:
    """Demo Company (NZ): what is open is the total less what was paid and credited, on every live invoice."""
    with stage() as at_xero:
        at_xero.box.seed_recorded(shared / "fixtures" / "xero" / "derived_demo_nz")
        records = at_xero.pull_all()
    invoices = {item.ref: item for item in records[Stream.INVOICES] if isinstance(item, Invoice)}
    applied: Counter[str] = Counter()
    for record in (*records[Stream.PAYMENTS], *records[Stream.CREDIT_NOTES]):
        if isinstance(record, Payment) and record.status is PaymentStatus.VOID:
            continue
        for allocation in getattr(record, "allocations", ()):
            applied[allocation.invoice_ref] += allocation.amount.minor
    assert len(invoices) == 38
    assert len(records[Stream.PARTIES]) == 29
    parties = {party.ref for party in records[Stream.PARTIES]}
    for invoice in invoices.values():
        assert invoice.open.minor == invoice.total.minor - applied[invoice.ref], invoice.number
        assert invoice.party_ref in parties


@pytest.mark.reliability("xero:T14")
def test_raw_rows_are_what_xero_sent(shared: Path) -> None:
    path = shared / "fixtures" / "xero" / "derived_demo_nz" / "payments.json"
    members = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    rows = [bytes(row) for row in msgspec.json.decode(members["Payments"], type=list[msgspec.Raw])]
    source = SOURCES[Stream.PAYMENTS][-1]
    sent = {row["PaymentID"]: row for row in json.loads(path.read_text())["Payments"]}
    for entry in map_rows(Stream.PAYMENTS, rows, TENANT, source.reader, source.id_field).entries:
        assert json.loads(entry.raw) == sent[entry.record.ref]
