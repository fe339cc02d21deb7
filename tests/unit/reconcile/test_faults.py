"""Each fault in the ways people really make it: the kind that is told, and the records it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from core.findings import Severity
from core.money import Money
from core.records import DocumentStatus, Malformed, PaymentStatus, Posting, Record, Ref, Sale, Stream
from tests.corpus.books_words import bill, credit, deposit, findings, found, party, pay

C = party()
D = party("D", "Ridge Law Partners")
NOTHING = Money(0, "USD")
VOID = DocumentStatus.VOID
PAID = (bill("A1", "512.34", "03-01", "0"), pay("P1", "512.34", "03-28", {"A1": "512.34"}, reference="INV-A1"))

PAID_LATER = pay("P1", "512.34", "03-28", {"A2": "512.34"}, reference="77")

Case = tuple[Sequence[Record], set[tuple[str, tuple[str, ...]]]]


def told(kind: str, *refs: str) -> set[tuple[str, tuple[str, ...]]]:
    return {(kind, refs)}


DUPLICATES: dict[str, Case] = {
    "same day, next number": (
        [C, bill("A1", "512.34", "04-01"), bill("A2", "512.34", "04-01")],
        told("duplicate_invoice", "A2", "A1"),
    ),
    "the number with a copy mark": (
        [C, bill("A1", "512.34", "03-01", number="INV-77"), bill("A2", "512.34", "04-10", number="INV77-copy")],
        told("duplicate_invoice", "A2", "A1"),
    ),
    "the number spelled otherwise, weeks later": (
        [C, bill("A1", "500", "03-01", number="INV-0077"), bill("A2", "500", "03-29", number="inv 77 ")],
        told("duplicate_invoice", "A2", "A1"),
    ),
    "one of them paid": ([C, *PAID, bill("A2", "512.34", "03-03")], told("duplicate_invoice", "A2", "A1")),
    "the create call repeated, and the numbers are missing or lower": (
        [C, bill("A9", "512.34", "04-01", number=None), bill("A10", "512.34", "04-01", number="INV-10")],
        told("duplicate_invoice", "A9", "A10"),
    ),
    "one number on two bills of one day, the later one paid": (
        [C, bill("A1", "512.34", "03-01", number="77"), bill("A2", "512.34", "03-01", "0", number="77"), PAID_LATER],
        told("duplicate_invoice", "A1", "A2"),
    ),
    "one period billed twice": (
        [
            C,
            bill("A1", "850", "03-01", agreement_ref=Ref("X"), period_start=date(2026, 3, 1), period_end=date(2026, 3, 31)),
            bill("A2", "850", "03-25", agreement_ref=Ref("X"), period_start=date(2026, 3, 1), period_end=date(2026, 3, 31)),
        ],
        told("duplicate_invoice", "A2", "A1"),
    ),
    "three of one": (
        [C, *(bill(f"A{n}", "512.34", "04-01") for n in (1, 2, 3))],
        told("duplicate_invoice", "A2", "A1") | told("duplicate_invoice", "A3", "A1"),
    ),
    "a payment booked again and left": (
        [C, *PAID, pay("P2", "512.34", "03-30", reference="INV-A1")],
        told("duplicate_payment", "P2", "P1"),
    ),
    "a payment row repeated without its application": (
        [C, *PAID, pay("P2", "512.34", "03-28", reference="INV-A1", unapplied=NOTHING)],
        told("duplicate_payment", "P2", "P1"),
    ),
    "a payment applied twice": (
        [C, *PAID, pay("P2", "512.34", "03-29", {"A1": "512.34"})],
        told("duplicate_payment", "P2", "P1"),
    ),
    "the gateway and the bank": (
        [C, *PAID, pay("P2", "512.34", "03-30", reference="ch_8812", method="card")],
        told("duplicate_payment", "P2", "P1"),
    ),
    "paid again three weeks later": (
        [C, *PAID, pay("P2", "512.34", "04-17", reference="wire 17")],
        told("duplicate_payment", "P2", "P1"),
    ),
    "keyed in again with the bank's own words, an equal bill waiting": (
        [
            C,
            bill("A1", "125", "03-01", "0"),
            bill("A2", "125", "03-01", reference="call 8"),
            pay("P1", "125", "04-01", {"A1": "125"}, memo="Your account 7015"),
            pay("P2", "125", "04-02", memo="Your account 7015"),
        ],
        told("duplicate_payment", "P2", "P1"),
    ),
    "again while next month's equal bill is open": (
        [
            C,
            bill("R1", "850", "02-01", "0"),
            pay("P1", "850", "03-01", {"R1": "850"}, reference="INV-R1"),
            bill("R2", "850", "03-01"),
            pay("P2", "850", "03-03", reference="INV-R1"),
        ],
        told("duplicate_payment", "P2", "P1"),
    ),
}

CASH: dict[str, Case] = {
    "nobody applied it": ([C, bill("A1", "300.10", "04-01"), pay("P1", "300.10", "05-02")], told("unapplied_payment", "P1")),
    "money on account": ([C, pay("P1", "77", "05-02")], told("unapplied_payment", "P1")),
    "half of it applied": (
        [C, bill("A1", "900", "04-01", "450"), pay("P1", "900", "05-02", {"A1": "450"})],
        told("unapplied_payment", "P1"),
    ),
    "one part of a transfer forgotten, its bill named": (
        [
            C,
            *(bill(f"A{n}", "800", "03-01", "0" if n < 2 else None, number=f"INV-70{n}", reference=f"site {n}") for n in (1, 2)),
            pay("P1", "800", "03-04", {"A1": "800"}, memo="INV-701, INV-702"),
            pay("P2", "800", "03-04", memo="INV-701, INV-702"),
        ],
        told("unapplied_payment", "P2"),
    ),
    "its second invoice forgotten": (
        [C, bill("A1", "400", "04-01", "0"), bill("A2", "250.25", "04-02"), pay("P1", "650.25", "05-02", {"A1": "400"})],
        told("unapplied_payment", "P1"),
    ),
    "a credit nobody used": ([C, credit("N1", "60", "04-01")], told("unapplied_credit", "N1")),
    "what is left of a credit": (
        [C, bill("A1", "40", "03-01", "0"), credit("N1", "60", "04-01", {"A1": "40"})],
        told("unapplied_credit", "N1"),
    ),
    "more than was owed": (
        [C, bill("A1", "400", "04-01", "0"), pay("P1", "450", "05-02", {"A1": "400"})],
        told("overpayment", "P1", "A1"),
    ),
    "more applied than the invoice bills": (
        [C, bill("A1", "400", "04-01", "0"), pay("P1", "450", "05-02", {"A1": "450"})],
        told("overpayment", "P1", "A1"),
    ),
    "more applied than the invoice bills, and more paid than applied": (
        [C, bill("A1", "400", "04-01", "0"), pay("P1", "500", "05-02", {"A1": "450"})],
        told("overpayment", "P1", "A1"),
    ),
    "more paid, and no figure for the rest": (
        [C, bill("A1", "400", "04-01", "0"), pay("P1", "450", "05-02", {"A1": "400"}, unapplied=NOTHING)],
        told("overpayment", "P1", "A1"),
    ),
    "bank fee": (
        [C, bill("A1", "400", "04-01", "25"), pay("P1", "375", "05-02", {"A1": "375"})],
        told("short_payment", "P1", "A1"),
    ),
    "discount": (
        [C, bill("A1", "8000", "04-01", "160"), pay("P1", "7840", "05-02", {"A1": "7840"})],
        told("short_payment", "P1", "A1"),
    ),
    "rounding": (
        [C, bill("A1", "99.99", "04-01", "0.99"), pay("P1", "99", "05-02", {"A1": "99"})],
        told("short_payment", "P1", "A1"),
    ),
    "tax withheld": (
        [C, bill("A1", "4000", "04-01", "400"), pay("P1", "3600", "05-02", {"A1": "3600"})],
        told("short_payment", "P1", "A1"),
    ),
    "in undeposited funds": (
        [C, bill("A1", "400", "03-01", "0"), pay("P1", "400", "04-02", {"A1": "400"}, deposited=False)],
        told("stale_undeposited", "P1"),
    ),
}

WRONG_PLACE: dict[str, Case] = {
    "the memo names another open invoice": (
        [
            C,
            bill("A1", "400", "03-01"),
            bill("A2", "400", "04-01", "0"),
            pay("P1", "400", "05-02", {"A2": "400"}, memo="for INV-A1"),
        ],
        told("misapplied_payment", "P1", "A2", "A1"),
    ),
    "its bare number, spelled out": (
        [
            C,
            bill("A1", "400", "03-01", number="INV-1005"),
            bill("A2", "700", "04-01", "300", number="INV-1006"),
            pay("P1", "400", "05-02", {"A2": "400"}, memo="Payment of invoice 1005"),
        ],
        told("misapplied_payment", "P1", "A2", "A1"),
    ),
    "two payments crossed": (
        [
            C,
            bill("A1", "400", "03-01", "0"),
            bill("A2", "400", "04-01", "0"),
            pay("P1", "400", "05-02", {"A2": "400"}, reference="INV-A1"),
            pay("P2", "400", "05-03", {"A1": "400"}, reference="INV-A2"),
        ],
        told("misapplied_payment", "P1", "A2", "A1") | told("misapplied_payment", "P2", "A1", "A2"),
    ),
    "only the link was moved": (
        [
            C,
            bill("A1", "400", "03-01", "0"),
            bill("A2", "400", "04-01"),
            pay("P1", "400", "05-02", {"A2": "400"}, reference="INV-A1"),
        ],
        told("misapplied_payment", "P1", "A2", "A1"),
    ),
    "booked on another client": (
        [C, D, bill("A1", "400", "03-01"), bill("B1", "90", "04-01", of="D"), pay("P1", "400", "05-02", of="D", memo="INV-A1")],
        told("misapplied_party", "P1", "A1"),
    ),
    "applied to another client's equal invoice": (
        [
            C,
            D,
            bill("A1", "400", "03-01"),
            bill("B1", "400", "04-01", "0", of="D"),
            pay("P1", "400", "05-02", {"B1": "400"}, of="D", memo="Invoice INV-A1"),
        ],
        told("misapplied_party", "P1", "A1"),
    ),
    "applied across clients": (
        [C, D, bill("A1", "400", "03-01", "0"), pay("P1", "400", "05-02", {"A1": "400"}, of="D")],
        told("misapplied_party", "P1", "A1"),
    ),
    "applied across clients, though it names its own": (
        [
            C,
            D,
            bill("A1", "400", "03-01"),
            bill("B1", "400", "03-02", "0", of="D"),
            pay("P1", "400", "05-02", {"B1": "400"}, memo="INV-A1"),
        ],
        told("misapplied_party", "P1", "B1"),
    ),
    "its reference is no more than another client's number, for what that still owes": (
        [
            C,
            D,
            bill("A1", "400", "03-01", number="20417"),
            bill("B1", "400", "03-02", "0", of="D", number="20455"),
            pay("P1", "400", "05-02", {"B1": "400"}, of="D", reference="20417"),
        ],
        told("misapplied_party", "P1", "A1"),
    ),
    "it names the PSA's number, which the books keep as the reference": (
        [
            C,
            bill("A1", "400", "03-01", number="812", reference="CW-20417"),
            bill("A2", "400", "04-01", "0", number="831", reference="CW-20455"),
            pay("P1", "400", "05-02", {"A2": "400"}, memo="CW-20417"),
        ],
        told("misapplied_payment", "P1", "A2", "A1"),
    ),
    "unapplied with a client that pays this amount too, and names the other's bill": (
        [
            C,
            D,
            bill("A1", "200", "03-20", number="INV-399"),
            bill("B1", "200", "03-01", "0", of="D"),
            pay("P1", "200", "04-02", {"B1": "200"}, of="D"),
            pay("P2", "200", "04-20", of="D", memo="Inv 399"),
        ],
        told("misapplied_party", "P2", "A1"),
    ),
    "paid by a name that two records bear, of which one owes": (
        [
            C,
            D,
            party("E", "Harbor Dental Inc", active=False),
            bill("A1", "400", "03-01"),
            pay("P1", "400", "05-02", of="D", payer="HARBOR DENTAL LLC"),
        ],
        told("misapplied_party", "P1", "A1"),
    ),
    "paid by the other client's name": (
        [C, D, bill("A1", "400", "03-01"), pay("P1", "400", "05-02", of="D", payer="HARBOR DENTAL LLC")],
        told("misapplied_party", "P1", "A1"),
    ),
    "a void invoice is paid": (
        [C, bill("A1", "400", "03-01", "0", status=VOID), pay("P1", "400", "05-02", {"A1": "400"})],
        told("allocation_to_void", "P1", "A1"),
    ),
    "a bounced payment still counts": (
        [C, bill("A1", "400", "03-01", "0"), pay("P1", "400", "05-02", {"A1": "400"}, status=PaymentStatus.REVERSED)],
        told("reversed_payment", "P1", "A1"),
    ),
    "another currency": (
        [C, bill("A1", "400", "03-01", "0", code="EUR"), pay("P1", "400", "05-02", {"A1": "400"})],
        told("currency_mismatch", "P1", "A1"),
    ),
    "booked as income": (
        [C, bill("A1", "400", "03-01"), deposit("B1", "400", "04-02", of="C")],
        told("deposit_to_income", "B1", "A1"),
    ),
    "booked as income, the client only in the memo": (
        [C, bill("A1", "400", "03-01"), deposit("B1", "400", "04-02", memo="ACH HARBOR DENTAL")],
        told("deposit_to_income", "B1", "A1"),
    ),
    "two invoices in one income deposit": (
        [C, bill("A1", "400", "03-01"), bill("A2", "250.25", "03-04"), deposit("B1", "650.25", "04-02", of="C")],
        told("deposit_to_income", "B1", "A1", "A2"),
    ),
}

FIGURES: dict[str, Case] = {
    "owed more than the payments leave": (
        [C, bill("A1", "400", "03-01", "50"), pay("P1", "400", "05-02", {"A1": "400"})],
        told("balance_mismatch", "A1"),
    ),
    "owed less": (
        [C, bill("A1", "400", "03-01", "363"), bill("A2", "9", "03-01", "0"), pay("P", "9", "04-01", {"A2": "9"})],
        told("balance_mismatch", "A1"),
    ),
    "a payment applied beyond its amount": (
        [C, bill("A1", "400", "03-01", "0"), pay("P1", "390", "05-02", {"A1": "400"}, unapplied=NOTHING)],
        told("balance_mismatch", "P1"),
    ),
    "the party record states something else": (
        [replace(C, balance=Money(50000, "USD")), bill("A1", "400", "03-01")],
        told("balance_mismatch", "C"),
    ),
}


@pytest.mark.req("A62", "D4", "E2", "E40", "E41")
@pytest.mark.parametrize("name", [*DUPLICATES, *CASH, *WRONG_PLACE, *FIGURES])
def test_a_fault_is_told_once_by_its_own_name(name: str) -> None:
    records, expected = {**DUPLICATES, **CASH, **WRONG_PLACE, **FIGURES}[name]
    assert found(records) == expected


@pytest.mark.req("E41")
def test_equal_amounts_of_two_clients_alone_move_no_money() -> None:
    records = [
        C,
        D,
        bill("A1", "400", "03-01"),
        bill("B1", "400", "03-01", "0", of="D"),
        pay("P1", "400", "04-02", {"B1": "400"}, of="D"),
    ]
    assert found(records) == set()


@pytest.mark.req("E52")
def test_one_invoice_answers_for_one_deposit_only() -> None:
    records = [C, bill("A1", "400", "03-01"), deposit("B1", "400", "04-02", of="C"), deposit("B2", "400", "04-03", of="C")]
    assert found(records) == told("deposit_to_income", "B1", "A1")


def test_a_sales_receipt_for_an_open_invoice_is_the_payment() -> None:
    sale = Sale(connection="books", ref=Ref("S1"), party_ref=Ref("C"), amount=Money(40000, "USD"), sold_on=date(2026, 4, 2))
    assert found([C, bill("A1", "400", "03-01"), sale]) == told("deposit_to_income", "S1", "A1")


@pytest.mark.req("E2")
@pytest.mark.parametrize(
    ("on", "of", "memo", "is_told"),
    [
        ("05-01", None, None, True),
        ("05-02", None, None, False),
        ("04-02", None, "TRANSFER FROM HARBOR DENTAL", True),
        ("04-02", None, "TRANSFER FROM RIDGE LAW PARTNERS", False),
    ],
)
def test_income_is_an_invoices_for_45_days_and_by_the_clients_name(
    on: str, of: str | None, memo: str | None, is_told: bool
) -> None:
    records = [C, D, bill("A1", "512.34", "02-15", due_on=date(2026, 3, 17)), deposit("B1", "512.34", on, of=of, memo=memo)]
    assert found(records) == (told("deposit_to_income", "B1", "A1") if is_told else set())


@pytest.mark.req("E49")
def test_a_row_nobody_can_read_is_a_finding_and_the_others_go_on() -> None:
    row = Malformed(stream=Stream.INVOICES, ref=None, where="invoices.csv:14:total", problem='"12,5O" is not an amount')
    said = findings([C, bill("A1", "300.10", "04-01"), pay("P1", "300.10", "05-02")], malformed=[("books", row)])
    assert {str(item.kind) for item in said} == {"malformed_record", "unapplied_payment"}
    assert next(item for item in said if item.account is None).evidence["where"] == "invoices.csv:14:total"


def test_a_finding_can_be_checked_from_its_evidence_alone() -> None:
    (finding,) = findings([C, *PAID, pay("P2", "512.34", "03-30", reference="INV-A1")], systems={"books": "quickbooks"})
    copy, original, paid = finding.evidence["records"]
    assert copy["amount"] == {"text": "512.34 USD", "minor": 51234, "currency": "USD"}
    assert (copy["paid_on"], original["paid_on"], paid["number"]) == ("2026-03-30", "2026-03-28", "INV-A1")
    assert finding.proposal.startswith("In QuickBooks: ")
    assert finding.severity is Severity.HIGH
    assert finding.at_stake == Money(51234, "USD")


def test_deposits_show_which_payment_never_reached_the_bank() -> None:
    records: list[Record] = [C]
    for number in range(12):
        records += [
            bill(f"A{number}", f"{100 + number}", "02-01", "0"),
            pay(f"P{number}", f"{100 + number}", "03-01", {f"A{number}": f"{100 + number}"}),
        ]
        if number != 7:
            records.append(
                deposit(f"B{number}", f"{100 + number}", "03-04", posting=Posting.OTHER, payment_ref=Ref(f"P{number}"))
            )
    assert found(records) == set()  # nothing later reached the bank either: the deposits may not be entered yet
    records += [bill("L", "77", "03-20", "0"), pay("PL", "77", "04-20", {"L": "77"})]
    records.append(deposit("BL", "77", "04-22", posting=Posting.OTHER, payment_ref=Ref("PL")))
    assert found(records) == told("stale_undeposited", "P7")
