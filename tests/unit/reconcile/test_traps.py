"""What looks like a fault and is none: each of these ledgers gives no finding at all (issue 4 item 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from core.money import Money
from core.reconcile.engine import reconcile
from core.records import Allocation, CreditUse, DocumentStatus, PaymentStatus, Posting, Record, Ref, Stream
from tests.corpus.books import clean_books
from tests.corpus.books_assembly import assemble
from tests.corpus.books_drafts import ROLES as DRAFT_ROLES
from tests.corpus.books_words import bill, credit, deposit, found, party, pay

C = party()
D = party("D", "Ridge Law Partners")
VOID = DocumentStatus.VOID


def months(count: int) -> list[str]:
    return [f"{2025 + (number + 4) // 12}-{(number + 4) % 12 + 1:02}-01" for number in range(count)]


def retainers(count: int = 12, **more: object) -> list[Record]:
    """One bill of 850 a month from May 2025, each paid the month it is due."""
    made: list[Record] = []
    for number, start in enumerate(months(count)):
        made += [bill(f"R{number}", "850", start, "0", **more), pay(f"P{number}", "850", start[:8] + "20", {f"R{number}": "850"})]  # type: ignore[arg-type]
    return made


def link_payment() -> list[Record]:
    """A credit memo applied by a payment of zero, as QuickBooks does it, twice."""
    made: list[Record] = []
    for number in "12":
        note = replace(credit(f"N{number}", "100", "03-01"), remaining=Money(0, "USD"), status=DocumentStatus.CLOSED)
        use = CreditUse(stream=Stream.CREDIT_NOTES, ref=note.ref, amount=Money(10000, "USD"))
        link = replace(pay(f"L{number}", "0", "03-01", {f"A{number}": "100"}), credits_used=(use,), unapplied=Money(0, "USD"))
        made += [bill(f"A{number}", f"{100 + int(number) * 5}", "02-1" + number, f"{int(number) * 5}"), note, link]
        made.append(pay(f"P{number}", f"{int(number) * 5}", "03-09", {f"A{number}": f"{int(number) * 5}"}))
    return [
        replace(item, open=Money(0, "USD"), status=DocumentStatus.CLOSED) if item.ref in ("A1", "A2") else item for item in made
    ]  # type: ignore[call-arg]


def quarters() -> list[Record]:
    days = [("2025-07-01", "2025-09-30"), ("2025-10-01", "2025-12-31"), ("2026-01-01", "2026-03-31")]
    return [
        bill(
            f"Q{n}",
            "2400",
            "2026-04-20",
            agreement_ref=Ref("AG"),
            period_start=date.fromisoformat(a),
            period_end=date.fromisoformat(b),
        )
        for n, (a, b) in enumerate(days)
    ]


TRAPS: dict[str, Sequence[Record]] = {
    "twelve equal monthly invoices": [C, *retainers()],
    "equal monthly invoices nobody paid yet": [C, *(bill(f"R{n}", "850", start) for n, start in enumerate(months(6)))],
    "weekly equal invoices": [C, *(bill(f"W{n}", "80", on) for n, on in enumerate(("03-23", "03-30", "04-06", "04-13")))],
    "periods billed together": [C, *quarters()],
    "two agreements of one price": [
        C,
        bill("A1", "1234.56", "04-01", agreement_ref=Ref("X")),
        bill("A2", "1234.56", "04-01", agreement_ref=Ref("Y")),
    ],
    "two orders of one price": [
        C,
        bill("A1", "1234.56", "04-01", reference="PO 77"),
        bill("A2", "1234.56", "04-02", reference="PO 78"),
    ],
    "link payments of zero": [C, *link_payment()],
    "a link payment that does not say which credit it carried": [
        C,
        bill("A1", "100", "02-01", "0"),
        replace(credit("N1", "100", "03-01"), remaining=Money(0, "USD"), status=DocumentStatus.CLOSED),
        pay("L1", "0", "03-01", {"A1": "100"}, unapplied=Money(0, "USD")),
        bill("A2", "30", "02-01", "0"),
        credit("N2", "30", "03-01", {"A2": "30"}),
    ],
    "one payment over three invoices with a credit memo": [
        C,
        *(bill(f"A{n}", f"{n}00.50", "03-01", "0") for n in (1, 2, 3)),
        replace(credit("N1", "50.50", "03-05"), remaining=Money(0, "USD"), status=DocumentStatus.CLOSED),
        replace(
            pay("P", "551", "04-01", {"A1": "100.50", "A2": "200.50", "A3": "300.50"}),
            unapplied=Money(0, "USD"),
            credits_used=(CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref("N1"), amount=Money(5050, "USD")),),
        ),
    ],
    "zero invoices": [C, bill("Z1", "0", "04-01"), bill("Z2", "0", "04-01")],
    "void copy": [C, bill("A1", "512.34", "04-01"), bill("A2", "512.34", "04-01", "0", status=VOID)],
    "bounced and paid again": [
        C,
        bill("A1", "512.34", "03-01", "0"),
        pay("P1", "512.34", "04-01", status=PaymentStatus.REVERSED, unapplied=Money(0, "USD"), reference="INV-A1"),
        pay("P2", "512.34", "04-03", {"A1": "512.34"}, reference="INV-A1"),
    ],
    "bounced and reopened": [
        C,
        bill("A1", "512.34", "03-01"),
        pay("P1", "512.34", "04-01", {"A1": "512.34"}, status=PaymentStatus.REVERSED),
        bill("A2", "99.10", "03-01", "0"),
        pay("P2", "99.10", "04-01", {"A2": "99.10"}),
    ],
    "one deposit of several payments": [
        C,
        bill("A1", "300.10", "03-01", "0"),
        bill("A2", "200.20", "03-02", "0"),
        pay("P1", "300.10", "04-01", {"A1": "300.10"}),
        pay("P2", "200.20", "04-01", {"A2": "200.20"}),
        deposit("B1", "500.30", "04-02", posting=Posting.OTHER, posted_to="Checking"),
    ],
    "credit and rebill": [
        C,
        bill("A1", "512.34", "04-01", "0"),
        credit("N1", "512.34", "04-02", {"A1": "512.34"}),
        bill("A2", "512.34", "04-02"),
    ],
    "shared direct-debit reference": [
        party("C", "Harbor Dental"),
        D,
        party("E", "Oak Freight"),
        *(bill(f"A{who}", "550", "02-01", "0", of=who) for who in "CDE"),
        *(pay(f"P{who}", "550", "02-25", {f"A{who}": "550"}, of=who, reference="DD Ref 112974") for who in "CDE"),
    ],
    "four clients pay one price on one day": [
        *(party(who, f"{name} Works") for who, name in zip("CDEF", ("Alder", "Birch", "Cedar", "Elm"), strict=True)),
        *(bill(f"A{who}", "550", "02-01", "0", of=who) for who in "CDEF"),
        *(pay(f"P{who}", "550", "02-25", {f"A{who}": "550"}, of=who) for who in "CDEF"),
    ],
    "one payment over many invoices": [
        C,
        *(bill(f"A{n}", f"{n}00.50", "03-01", "0") for n in (1, 2, 3)),
        pay("P", "601.50", "04-01", {"A1": "100.50", "A2": "200.50", "A3": "300.50"}, memo="INV-A1, INV-A2 and INV-A3"),
    ],
    "two equal invoices, two equal payments, one day": [
        C,
        bill("A1", "850", "02-01", "0"),
        bill("A2", "850", "03-01", "0"),
        pay("P1", "850", "04-01", {"A1": "850"}),
        pay("P2", "850", "04-01", {"A2": "850"}),
    ],
    "instalments that carry the invoice's number": [
        C,
        bill("A1", "900", "02-01", "0"),
        *(pay(f"P{n}", "300", on, {"A1": "300"}, reference="INV-A1") for n, on in enumerate(("03-01", "03-08", "03-15"))),
    ],
    "the next instalment is to come": [C, bill("A1", "1000", "03-01", "250"), pay("P1", "750", "04-01", {"A1": "750"})],
    "a check numbered like an invoice": [
        C,
        bill("1053", "412.00", "04-01", number="1053"),
        bill("A1", "175", "03-01", "0"),
        pay("P1", "175", "04-01", {"A1": "175"}, reference="1053", method="check"),
    ],
    "a number that no invoice had yet": [
        C,
        bill("A1", "100", "2025-07-01", "0"),
        pay("P1", "100", "2025-07-23", {"A1": "100"}, memo="Your account 1013"),
        bill("A2", "100", "05-01", number="INV-01013"),
    ],
    "a number inside another number": [
        C,
        bill("12", "300", "04-01", number="12"),
        bill("512", "90", "03-01", "0", number="512"),
        pay("P1", "90", "04-01", {"512": "90"}, memo="invoice 512"),
    ],
    "payment on its way": [C, bill("A1", "300.10", "04-01"), pay("P1", "300.10", "05-04", status=PaymentStatus.PENDING)],
    "payment of next week": [C, bill("A1", "300.10", "04-01"), pay("P1", "300.10", "05-12")],
    "void credit note": [C, bill("A1", "300.10", "04-01"), replace(credit("N1", "50", "04-02"), status=VOID)],
    "call-outs at one round price, two on some days": [
        C,
        *(bill(f"V{n}", "150", on) for n, on in enumerate(("02-03", "02-03", "02-19", "03-02", "03-09", "03-09", "04-21"))),
    ],
    "old bills imported on one day without their payments": [
        C,
        *(bill(f"O{n}", "1200", "2025-01-01", "0", due_on=None) for n in (1, 2)),
        bill("A1", "90", "03-01", "0"),
        pay("P1", "90", "04-01", {"A1": "90"}),
        pay("P0", "1200", "03-28", status=PaymentStatus.REVERSED, unapplied=Money(0, "USD")),
    ],
    "one transfer booked as a payment for each invoice, its text cut off": [
        C,
        *(bill(f"A{n}", f"{n}00.50", "03-01", "0" if n < 4 else None) for n in (1, 2, 3, 4)),
        *(pay(f"P{n}", f"{n}00.50", "04-01", {f"A{n}": f"{n}00.50"}, memo="INV-A4, INV-A1, INV") for n in (1, 2, 3)),
    ],
    "two bills of the PSA at one price on one day": [
        C,
        party("PC", "HARBOR DENTAL, INC.", "psa"),
        *(bill(f"A{n}", "480", "04-01", number=f"QB-{n}", reference=f"70{n}") for n in (1, 2)),
        *(bill(f"X{n}", "480", "04-01", of="PC", connection="psa", number=f"70{n}") for n in (1, 2)),
    ],
    "exchange documented": [
        C,
        bill("A1", "100", "03-01", "0", code="EUR"),
        replace(
            pay("P1", "108", "04-01", memo="converted at rate 1.08"),
            unapplied=Money(0, "USD"),
            allocations=(Allocation(invoice_ref=Ref("A1"), amount=Money(10000, "EUR")),),
        ),
    ],
    "exchange documented by the other currency and the rate": [
        C,
        bill("A1", "100", "03-01", "0", code="EUR"),
        pay("P1", "108", "04-01", {"A1": "100"}, memo="INV-A1 EUR 100.00 @ 1.0800", unapplied=Money(0, "USD")),
    ],
    "one amount billed twice in a week, and the client paid both": [
        C,
        bill("A1", "566.13", "03-01", "0"),
        bill("A2", "566.13", "03-09", "0"),
        pay("P1", "1132.26", "04-01", {"A1": "566.13", "A2": "566.13"}),
    ],
    "an account number that is also the reference of another client's bill": [
        C,
        D,
        bill("A1", "750", "03-01", number="INV-219", reference="2495"),
        bill("B1", "750", "03-01", "0", of="D"),
        pay("P1", "750", "04-02", {"B1": "750"}, of="D", memo="Your account 2495"),
    ],
    "income that is income": [C, bill("A1", "300.10", "04-01"), deposit("B1", "17.23", "04-05", memo="interest")],
    "tax cents between the systems": [
        C,
        party("PC", "HARBOR DENTAL, INC.", "psa"),
        bill("A1", "1082.50", "04-01"),
        bill("X1", "1082.52", "04-01", of="PC", connection="psa", number="INV-A1"),
    ],
    "sub-customers share an address": [
        party("C", "Freeman Goods", email="ap@freeman.example"),
        party("S", "Freeman Goods North", email="ap@freeman.example", parent_ref=Ref("C")),
        bill("A1", "300.10", "04-01"),
        bill("A2", "300.10", "04-01", of="S"),
    ],
}


@pytest.mark.req("E5", "E7", "E29", "E50", "E51")
@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_gives_no_finding(name: str) -> None:
    assert found(TRAPS[name]) == set()


@pytest.mark.req("E50")
def test_ten_thousand_clean_invoices_give_no_finding() -> None:
    drafts = clean_books(2026, clients=270)
    findings = reconcile(assemble(drafts.records(), roles=DRAFT_ROLES), today=drafts.today)
    assert len(drafts.bills) >= 10_000
    assert [item.evidence["what"] for item in findings] == []
