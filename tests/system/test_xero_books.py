"""From Xero's answers to findings: the ways money goes astray in Xero, and what looks like it but is not.

Every case goes the whole way: sandbox, connector, store, linking, reconciler. Cases R1-R18 are those of the notes on Xero
(how money gets misapplied or duplicated); the organisation of the last tests is Xero's own Demo Company as recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.testing.serve import serve
from connectors.xero import SPEC
from connectors.xero.connector import XeroConnector
from core.actions import idempotency_key
from core.errors import OutcomeUnknown
from core.findings import Finding, FindingKind
from core.linking import link_accounts
from core.ports import ConnectionContext
from core.pull import pull_connection
from core.reconcile.engine import reconcile
from core.records import Role, Stream
from core.store import open_store
from tests.unit.connectors.xero.kit import WRITES, Stage, note

TODAY = date(2026, 5, 5)


@dataclass
class Case:
    """A stage with two clients, and what the reconciler says of it."""

    stage: Stage
    folder: Path

    @property
    def books(self) -> Any:
        return self.stage.books

    def clients(self) -> tuple[Any, Any]:
        return self.stage.client("Acme Dental"), self.books.add_contact("Borealis Legal", EmailAddress="ap@borealis.example")

    def invoice(self, contact: Any, total: str, month: int = 4, **fields: Any) -> Any:
        return self.books.add_invoice(contact, total, date(2026, month, 1), date(2026, month, 15), **fields)

    def pay(self, invoice: Any, total: str, on: date, reference: str = "", **fields: Any) -> Any:
        return self.books.pay(invoice, total, on, reference=reference, IsReconciled=True, **fields)

    def findings(self, *, today: date = TODAY) -> tuple[Finding, ...]:
        store = open_store(f"sqlite:///{self.folder / 'store.db'}", clock=self.stage.clock)
        store.migrate()
        try:
            report = pull_connection(
                self.stage.connector, store, connection="xero", clock=self.stage.clock, run_id="run", full=True
            )
            assert report.errors == []
            books = store.load_books(now=self.stage.clock.now())
            parties = [party for account in books.all() for party in account.parties]
            linked = link_accounts(parties, [invoice for account in books.all() for invoice in account.invoices])
            store.save_accounts(linked.accounts)
            return reconcile(store.load_books(now=self.stage.clock.now()), today=today)
        finally:
            store.close()


@pytest.fixture
def case(tmp_path: Path):
    stage = Stage()
    yield Case(stage, tmp_path)
    stage.close()


# ── what must be found ──────────────────────────────────────────────────────────────────────────────────────────────────
def paid_twice_the_second_parked_as_overpayment(case: Case) -> None:
    """R1"""
    acme, _ = case.clients()
    case.pay(case.invoice(acme, "500.00"), "500.00", date(2026, 4, 10), "INV-0001")
    case.books.add_credit("Overpayments", acme, "500.00", date(2026, 4, 12), Reference="INV-0001")


def one_charge_booked_by_gateway_and_by_hand(case: Case) -> None:
    """R2"""
    acme, _ = case.clients()
    older, newer = case.invoice(acme, "500.00", 3), case.invoice(acme, "500.00", 4)
    case.pay(newer, "500.00", date(2026, 4, 10), "ch_3Nq", account="091")
    case.pay(older, "500.00", date(2026, 4, 11), "ch_3Nq")


def receipt_coded_as_new_income(case: Case) -> None:
    """R3"""
    acme, _ = case.clients()
    case.invoice(acme, "1234.50")
    case.books.add_bank_transaction(acme, "1234.50", date(2026, 4, 12))


def receipt_on_another_clients_invoice_of_the_same_amount(case: Case) -> None:
    """R4"""
    acme, borealis = case.clients()
    case.invoice(acme, "777.00")
    case.pay(case.invoice(borealis, "777.00"), "777.00", date(2026, 4, 10), "INV-0001 Acme Dental")


def right_client_wrong_month(case: Case) -> None:
    """R5"""
    acme, _ = case.clients()
    first, second, _ = (case.invoice(acme, "500.00", month) for month in (2, 3, 4))
    case.pay(first, "500.00", date(2026, 3, 10), "INV-0001")
    case.pay(second, "500.00", date(2026, 4, 10), "INV-0003")


def credit_note_never_applied(case: Case) -> None:
    """R6"""
    acme, _ = case.clients()
    case.invoice(acme, "500.00")
    case.books.add_credit("CreditNotes", acme, "100.00", date(2026, 4, 5))


def overpayment_on_a_second_record_of_the_client(case: Case) -> None:
    """R8"""
    acme, _ = case.clients()
    twin = case.books.add_contact("Acme Dental-1", EmailAddress="ap@acme.example")
    case.invoice(acme, "500.00")
    case.books.add_credit("Overpayments", twin, "500.00", date(2026, 4, 5))


def invoice_made_again_after_a_timeout(case: Case) -> None:
    """R13"""
    acme, _ = case.clients()
    for number, day in (("INV-0001", 10), ("INV-0001-1", 14)):
        invoice = case.invoice(acme, "311.11", InvoiceNumber=number, Description="April support")
        case.pay(invoice, "311.11", date(2026, 4, day))


def prepayment_whose_invoice_now_exists(case: Case) -> None:
    """R14"""
    acme, _ = case.clients()
    case.books.add_credit("Prepayments", acme, "500.00", date(2026, 3, 5), InvoiceNumber="INV-0001", Reference="INV-0001")
    case.invoice(acme, "500.00", InvoiceNumber="INV-0001")


@pytest.mark.parametrize(
    ("story", "kind", "minor"),
    [
        (paid_twice_the_second_parked_as_overpayment, FindingKind.DUPLICATE_PAYMENT, 50_000),
        (one_charge_booked_by_gateway_and_by_hand, FindingKind.DUPLICATE_PAYMENT, 50_000),
        (receipt_coded_as_new_income, FindingKind.DEPOSIT_TO_INCOME, 123_450),
        (receipt_on_another_clients_invoice_of_the_same_amount, FindingKind.MISAPPLIED_PARTY, 77_700),
        (right_client_wrong_month, FindingKind.MISAPPLIED_PAYMENT, 50_000),
        (credit_note_never_applied, FindingKind.UNAPPLIED_CREDIT, 10_000),
        (overpayment_on_a_second_record_of_the_client, FindingKind.DUPLICATE_PARTY, 50_000),
        (invoice_made_again_after_a_timeout, FindingKind.DUPLICATE_INVOICE, 31_111),
        (prepayment_whose_invoice_now_exists, FindingKind.UNAPPLIED_PAYMENT, 50_000),
    ],
)
def test_money_that_went_astray_is_found(case: Case, story: Callable[[Case], None], kind: FindingKind, minor: int) -> None:
    story(case)
    found = {item.kind: item for item in case.findings()}
    assert kind in found
    assert found[kind].at_stake.minor == minor


# ── what must not be ────────────────────────────────────────────────────────────────────────────────────────────────────
def payment_removed_and_redone(case: Case) -> None:
    """R10"""
    acme, _ = case.clients()
    invoice = case.invoice(acme, "42.00")
    case.books.delete_payment(case.pay(invoice, "42.00", date(2026, 4, 10), "CS815"))
    case.pay(invoice, "42.00", date(2026, 4, 10), "CS815")


def credit_note_paid_out(case: Case) -> None:
    """R18"""
    acme, _ = case.clients()
    credit = case.books.add_credit("CreditNotes", acme, "100.00", date(2026, 4, 5))
    case.books.refund("CreditNotes", credit, "100.00", date(2026, 4, 6))


def equal_retainers_each_paid_with_its_number(case: Case) -> None:
    acme, _ = case.clients()
    for month in (1, 2, 3, 4):
        invoice = case.invoice(acme, "500.00", month)
        case.pay(invoice, "500.00", date(2026, month, 20), invoice["InvoiceNumber"])


def one_bank_file_reference_on_many_payers(case: Case) -> None:
    for name in ("Acme Dental", "Borealis Legal", "Cedar Vets", "Dune Optics"):
        contact = case.books.add_contact(name, EmailAddress=f"ap@{name.split()[0].lower()}.example")
        case.pay(case.invoice(contact, "550.00"), "550.00", date(2026, 4, 20), "DD Ref 112974")


def part_payments_without_reference(case: Case) -> None:
    acme, _ = case.clients()
    invoice = case.invoice(acme, "300.00")
    case.pay(invoice, "100.00", date(2026, 4, 5), "Part 1")
    case.pay(invoice, "100.00", date(2026, 4, 25), "Part 2")


@pytest.mark.parametrize(
    "story",
    [
        payment_removed_and_redone,
        credit_note_paid_out,
        equal_retainers_each_paid_with_its_number,
        one_bank_file_reference_on_many_payers,
        part_payments_without_reference,
    ],
)
def test_what_only_looks_astray_is_left_alone(case: Case, story: Callable[[Case], None]) -> None:
    story(case)
    assert case.findings() == ()


def test_xeros_recorded_demo_company_is_clean(tmp_path: Path, shared: Path) -> None:
    stage = Stage(start=datetime(2020, 5, 5, tzinfo=UTC))
    stage.box.seed_recorded(shared / "fixtures" / "xero" / "derived_demo_nz")
    try:
        assert Case(stage, tmp_path).findings(today=date(2020, 5, 5)) == ()
    finally:
        stage.close()


# ── over a real wire ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T17")
def test_over_loopback_a_torn_connection_leaves_one_note(case: Case) -> None:
    acme, _ = case.clients()
    ref = case.invoice(acme, "500.00")["InvoiceID"]
    stage = case.stage
    with serve(stage.box) as base_url:
        settings = SPEC.settings.model_validate(stage.box.settings(base_url) | WRITES)
        context = ConnectionContext(
            name="xero",
            role=Role.BOOKS,
            settings=settings,
            clock=stage.clock,
            vault=stage.vault,
            timezone="UTC",
            currency="USD",
        )
        connector = SPEC.build(context)
        assert isinstance(connector, XeroConnector)
        (page,) = connector.pull(Stream.INVOICES, None)
        assert [record.ref for record in page.records] == [ref]
        action = note(ref)
        stage.box.levers.lose_reply()
        with pytest.raises(OutcomeUnknown):
            connector.push(action, idempotency_key(action))
        found = connector.find_pushed(action, idempotency_key(action))
        connector.close()
    assert found is not None
    assert len(stage.box.notes(ref)) == 1
