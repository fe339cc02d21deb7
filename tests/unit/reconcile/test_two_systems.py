"""PSA and books side by side: what is missing, differs or was never told, why the balances differ, and months nobody billed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.money import Money
from core.reconcile.engine import reconcile
from core.reconcile.explain import Cause, explain
from core.reconcile.rules import ReconcileRules
from core.reconcile.scope import habits, touched_accounts
from core.records import Agreement, CreditUse, DocumentStatus, Invoice, PaymentStatus, Posting, Record, Ref, Role, Stream
from tests.corpus.books_assembly import assemble
from tests.corpus.books_words import ROLES, TODAY, bill, credit, deposit, found, party, pay

PARTIES = (party("C", "Harbor Dental"), party("PC", "HARBOR DENTAL LLC", "psa"))
VOID, DRAFT = DocumentStatus.VOID, DocumentStatus.DRAFT


def psa(ref: str, total: str, on: str, owed: str | None = None, **more: object) -> Invoice:
    return bill(ref, total, on, owed, of="PC", connection="psa", **more)  # type: ignore[arg-type]


def mirror(*extra: Record, skip_books: str = "", skip_psa: str = "") -> list[Record]:
    """Ten invoices in both systems, the last paid; more records beside them."""
    made: list[Record] = [*PARTIES, *extra]
    for number in range(10):
        name, total = f"M{number}", f"{211 + number}.50"
        owed = "0" if number == 9 else None
        if name != skip_books:
            made.append(bill(name, total, f"03-1{number}", owed, number=f"INV-{5000 + number}"))
        if name != skip_psa:
            made.append(psa(f"X{name}", total, f"03-1{number}", owed, number=f"{5000 + number}"))
    return [*made, pay("PM", "220.50", "04-20", {"M9": "220.50"})]


CASES: dict[str, tuple[Sequence[Record], set[tuple[str, tuple[str, ...]]]]] = {
    "all in both": (mirror(), set()),
    "never reached the books": (mirror(skip_books="M4"), {("missing_in_books", ("XM4",))}),
    "never billed by the PSA": (mirror(skip_psa="M4"), {("missing_in_psa", ("M4",))}),
    "edited after the transfer": (
        mirror(bill("A1", "100", "04-01"), psa("XA", "110", "04-01", number="INV-A1")),
        {("amount_mismatch", ("A1", "XA"))},
    ),
    "cents of tax": (mirror(bill("A1", "100.00", "04-01"), psa("XA", "100.03", "04-01", number="INV-A1")), set()),
    "void in the PSA only": (
        mirror(bill("A1", "100", "04-01"), psa("XA", "100", "04-01", "0", number="INV-A1", status=VOID)),
        {("status_mismatch", ("A1", "XA"))},
    ),
    "still a draft in the books": (
        mirror(bill("A1", "100", "04-01", status=DRAFT), psa("XA", "100", "04-01", number="INV-A1")),
        {("status_mismatch", ("A1", "XA"))},
    ),
    "a draft of the PSA is nobody's loss": (mirror(psa("XA", "100", "04-01", status=DRAFT)), set()),
    "paid in the PSA only": (
        mirror(bill("A1", "100", "03-01"), psa("XA", "100", "03-01", "0", number="INV-A1")),
        {("status_mismatch", ("A1", "XA"))},
    ),
    "the PSA never heard of the payment": (
        mirror(
            bill("A1", "100", "03-01", "0"), pay("P", "100", "04-02", {"A1": "100"}), psa("XA", "100", "03-01", number="INV-A1")
        ),
        {("payment_missing_in_psa", ("P", "XA", "A1"))},
    ),
    "the PSA will hear of it tomorrow": (
        mirror(
            bill("A1", "100", "04-01", "0"), pay("P", "100", "05-04", {"A1": "100"}), psa("XA", "100", "04-01", number="INV-A1")
        ),
        set(),
    ),
    "credited in the books only": (
        mirror(
            bill("A1", "100", "03-01", "0"),
            credit("N", "100", "03-05", {"A1": "100"}),
            psa("XA", "100", "03-01", number="INV-A1"),
        ),
        {("status_mismatch", ("A1", "XA"))},
    ),
    "two currencies": (
        mirror(bill("A1", "100", "04-01", code="EUR"), psa("XA", "100", "04-01", number="INV-A1")),
        {("currency_mismatch", ("A1", "XA"))},
    ),
    "a copy in the books is not missing in the PSA": (
        mirror(
            bill("A1", "512.34", "04-01"), bill("B", "512.34", "04-01"), psa("XA", "512.34", "04-01", number="INV-A1")
        ),
        {("duplicate_invoice", ("B", "A1"))},
    ),
    "split by the books": (
        mirror(
            bill("A1", "40", "04-01", number="9000-1"),
            bill("B", "60", "04-01", number="9000-2"),
            psa("XA", "100", "04-01", number="9000"),
        ),
        set(),
    ),
    "made again under another number": (
        mirror(bill("A1", "512.34", "04-06", number="INV-9999"), psa("XA", "512.34", "04-01", number="7001")),
        set(),
    ),
    "the PSA holds the payment and shows the invoice as owed": (
        mirror(
            bill("A1", "100", "03-01", "0"), pay("P", "100", "04-02", {"A1": "100"}), psa("XA", "100", "03-01", number="INV-A1"),
            pay("XP", "100", "04-02", {"XA": "100"}, of="PC", connection="psa"),
        ),
        {("status_mismatch", ("A1", "XA"))},
    ),
    "billed in euros by the PSA, as the books say": (
        mirror(
            bill("A1", "108", "04-01", reference="EUR 100.00 at 1.08"),
            replace(psa("XA", "100", "04-01", number="INV-A1"), total=Money(10000, "EUR"), open=Money(10000, "EUR")),
        ),
        set(),
    ),
    "one number in two fields, and the totals seem to decide": (
        mirror(
            bill("A1", "43", "04-01", number="9000"), bill("B", "42", "04-01", number="X-1", reference="9000"),
            psa("XA", "43", "04-01", number="9000"),
        ),
        {("ambiguous_link", ("XA", "A1", "B"))},
    ),
    "a late fee that names the bill it is for": (
        mirror(
            bill("A1", "43", "04-01", number="9000"), bill("B", "2", "04-01", number="9001", reference="9000"),
            psa("XA", "43", "04-01", number="9000"), psa("XB", "2", "04-01", number="9001"),
        ),
        set(),
    ),
    "one number in two fields": (
        mirror(
            bill("A1", "41", "04-01", number="9000"), bill("B", "42", "04-01", number="9001", reference="9000"),
            psa("XA", "43", "04-01", number="9000"), psa("XB", "42", "04-01", number="9001"),
        ),
        {("ambiguous_link", ("XA", "A1", "B")), ("missing_in_books", ("XB",))},
    ),
}  # fmt: skip


@pytest.mark.req("E31", "E35", "E36", "E42")
@pytest.mark.parametrize("name", CASES)
def test_two_systems_differ_in_one_way(name: str) -> None:
    records, expected = CASES[name]
    if name == "one number in two fields":
        expected = {item for item in expected if item[0] == "ambiguous_link"}
        assert expected <= found(records)
    else:
        assert found(records) == expected


def test_what_one_of_two_companies_holds_is_not_missing() -> None:
    second = [
        party("C2", "Harbor Dental", "books2"),
        *(bill(f"N{n}", f"{700 + n}.25", f"03-1{n}", of="C2", connection="books2") for n in range(10)),
    ]
    theirs = [psa(f"Y{n}", f"{700 + n}.25", f"03-1{n}", number=f"INV-N{n}") for n in range(10)]
    said = found([*mirror(), *second, *theirs], roles={**ROLES, "books2": Role.BOOKS})
    assert {kind for kind, _ in said} & {"missing_in_books", "missing_in_psa"} == set()


def test_a_client_of_one_system_that_fits_two_of_the_other_is_asked_about() -> None:
    records = [party("C", "Harbor Dental"), party("D", "Harbor Dental, Inc."), party("PC", "Harbor Dental", "psa")]
    assert found(records) == {("duplicate_party", ("D", "C")), ("ambiguous_link", ("PC", "C", "D"))}


@pytest.mark.parametrize(
    ("name", "email", "same"),
    [
        ("Harbor Dental LLC", None, True),
        ("HARBOR DENTAL-1", None, True),
        ("Harbor Dentall", "ap@harbor.example.org", True),
        ("Harbor Dental Airport", "ap@harbor.example.org", False),
        ("Oak Freight", "ap@harbor.example.org", False),
        ("Harbour Dental", None, False),
    ],
)
def test_one_client_entered_twice(name: str, email: str | None, same: bool) -> None:
    records = [party("C", "Harbor Dental", email="ap@harbor.example.org"), party("D", name, email=email)]
    assert found(records) == ({("duplicate_party", ("D", "C"))} if same else set())


def monthly(*months: int, **more: object) -> list[Invoice]:
    return [
        bill(
            f"R{month}",
            "850",
            f"2025-{month:02}-01",
            agreement_ref=Ref("AG"),
            period_start=date(2025, month, 1),
            period_end=date(2025, month, 28),
            **more,  # type: ignore[arg-type]
        )
        for month in months
    ]


@pytest.mark.req("A69", "D11")
def test_a_month_nobody_billed_is_found() -> None:
    assert found([PARTIES[0], *monthly(1, 2, 3, 5, 6)]) == {("billing_gap", ("AG", "R3", "R5"))}


@pytest.mark.parametrize(
    "records",
    [
        monthly(1, 2, 3, 4, 5),
        monthly(1, 4, 7, 10),
        [*monthly(1, 2, 3, 5, 6), bill("X", "850", "2025-04-01")],
        monthly(1, 2),
        [replace(item, status=VOID, open=Money(0, "USD")) if item.ref == "R3" else item for item in monthly(1, 2, 3, 4)],
    ],
)
def test_a_billed_month_is_no_gap(records: list[Record]) -> None:
    assert found([PARTIES[0], *records]) == set()


@pytest.mark.req("A69")
def test_a_month_nobody_billed_is_found_where_periods_run_from_the_28th() -> None:
    start = [date(2025, month, 28) for month in range(1, 9)]
    made = [
        bill(f"R{day.month}", "850", str(day), agreement_ref=Ref("AG"), period_start=day, period_end=after - timedelta(days=1))
        for day, after in itertools.pairwise(start)
    ]
    assert found([PARTIES[0], *made]) == set()
    assert found([PARTIES[0], *(item for item in made if item.ref != "R4")]) == {("billing_gap", ("AG", "R3", "R5"))}


def test_an_active_agreement_is_expected_to_bill_until_now() -> None:
    agreement = Agreement(connection="books", ref=Ref("AG"), party_ref=Ref("C"), name="Care", cycle_months=1, active=True)
    gaps = found([PARTIES[0], agreement, *monthly(8, 9, 10, 11, 12)])
    assert {refs[0] for _, refs in gaps} == {"AG"}
    assert len(gaps) == 1  # one hole, however many months wide
    ended = replace(agreement, active=False)
    assert found([PARTIES[0], ended, *monthly(8, 9, 10, 11, 12)]) == set()


def test_a_client_is_known_by_its_invoices_with_and_without_letters_before_the_number() -> None:
    parties = (party("C", "Harbor Dental & Sons"), party("PC", "Harbor Dental", "psa"))
    own = [bill(f"A{n}", f"{n}00.25", "04-01", number=f"INV-0{n}") for n in (1, 2)]
    assert found([*parties, *own, *(psa(f"X{n}", f"{n}00.25", "04-01", number=f"0{n}") for n in (1, 2))]) == set()


def test_a_customer_record_laid_aside_makes_nobody_ambiguous() -> None:
    twin = party("D", "Harbor Dental", active=False)
    assert found([*PARTIES, twin, bill("A1", "100", "04-01"), psa("X1", "100", "04-01", number="INV-A1")]) == set()


def test_the_copy_is_told_once_and_its_original_stays_joined_to_the_psa() -> None:
    copies = [bill("A1", "480", "04-01", number="700"), bill("A2", "480", "04-02", number="701")]
    records = mirror(*copies, psa("X1", "480", "04-01", number="700"))
    assert found(records) == {("duplicate_invoice", ("A2", "A1"))}


# ── why the balances differ ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("D2", "E3", "E4", "E38")
def test_every_cent_between_the_systems_has_its_cause() -> None:
    records = mirror(
        bill("A1", "100", "03-01", "0"),
        pay("P", "100", "04-02", {"A1": "100"}),
        psa("XA", "100.02", "03-01", number="INV-A1"),
        psa("XB", "70", "04-01"),
        bill("B", "30", "04-01"),
        pay("U", "55.55", "04-20"),
        credit("N", "20", "04-21"),
        pay("F", "10", "05-20"),
    )
    (one,) = explain(assemble(records, roles=ROLES), "books:C", today=TODAY)
    causes = {item.cause: item.amount.minor for item in one.differences}
    assert causes == {
        Cause.PAYMENT_NOT_IN_PSA: 10000,
        Cause.TAX_ROUNDING: 2,
        Cause.ONLY_IN_PSA: 7000,
        Cause.ONLY_IN_BOOKS: -3000,
        Cause.UNAPPLIED_PAYMENT: 5555,
        Cause.UNAPPLIED_CREDIT: 2000,
        Cause.FUTURE_DATED: 1000,
    }
    assert one.psa is not None
    assert one.psa.minor - one.ours.minor == sum(causes.values())
    assert not one.unexplained
    assert one.oldest_on == date(2026, 3, 1)


@pytest.mark.req("E38")
def test_what_the_books_state_beyond_their_records_stays_unexplained() -> None:
    stated = replace(party("C", "Harbor Dental"), balance=Money(9000, "USD"))
    (one,) = explain(assemble([stated, bill("A1", "80", "04-01")], roles=ROLES), "books:C", today=TODAY)
    assert one.psa is None
    assert one.unexplained_stated == Money(1000, "USD")
    assert one.hints == ()


@pytest.mark.req("E38")
def test_an_unexplained_rest_names_the_records_of_its_amount_and_is_still_unexplained() -> None:
    stated = replace(party("C", "Harbor Dental"), balance=Money(9000, "USD"))
    bounced = pay("P1", "10", "04-02", status=PaymentStatus.REVERSED, unapplied=Money(0, "USD"))
    (one,) = explain(assemble([stated, bill("A1", "80", "04-01"), bounced], roles=ROLES), "books:C", today=TODAY)
    assert one.unexplained_stated == Money(1000, "USD")
    assert [key.ref for key in one.hints] == ["P1"]


@pytest.mark.req("D2", "E38")
def test_a_client_billed_in_two_companies_has_no_cent_explained_twice() -> None:
    roles = {**ROLES, "second": Role.BOOKS}
    records = [
        *PARTIES,
        party("SC", "Harbor Dental", "second"),
        bill("A1", "100", "03-01", number="INV-71"),
        bill("S1", "40", "03-02", of="SC", connection="second", number="INV-72"),
        psa("X1", "100", "03-01", number="INV-71"),
        psa("X2", "40", "03-02", number="INV-72"),
        psa("X3", "7", "03-03", number="INV-73"),
    ]
    (one,) = explain(assemble(records, roles=roles), "books:C", today=TODAY)
    assert [(item.cause, item.amount.minor) for item in one.differences] == [(Cause.ONLY_IN_PSA, 700)]
    assert not one.unexplained


@pytest.mark.req("D2", "E36")
def test_a_number_in_two_fields_is_its_own_cause() -> None:
    twins = [bill("A1", "100", "03-01", number="INV-71"), bill("A2", "90", "03-01", number="INV-80", reference="INV-71")]
    (one,) = explain(assemble([*PARTIES, *twins, psa("X1", "95", "03-01", number="INV-71")], roles=ROLES), "books:C", today=TODAY)
    assert [(item.cause, item.amount.minor) for item in one.differences] == [(Cause.AMBIGUOUS, -9500)]
    assert not one.unexplained


@pytest.mark.req("D2", "E4")
def test_a_deposit_that_a_payment_carried_to_an_invoice_counts_once() -> None:
    carried = CreditUse(stream=Stream.DEPOSITS, ref=Ref("B"), amount=Money(6000, "USD"))
    link = replace(pay("L", "0", "04-09", {"A1": "60"}), credits_used=(carried,), unapplied=Money(0, "USD"))
    records = [
        replace(party("C", "Harbor Dental"), balance=Money(3500, "USD")),
        PARTIES[1],
        bill("A1", "100", "03-01", "40", number="INV-71"),
        psa("X1", "100", "03-01", number="INV-71"),
        deposit("B", "65", "04-08", of="C", posting=Posting.RECEIVABLE),
        link,
    ]
    books = assemble(records, roles=ROLES)
    (one,) = explain(books, "books:C", today=TODAY)
    assert {item.cause: item.amount.minor for item in one.differences} == {
        Cause.CREDIT_NOT_IN_PSA: 6000,
        Cause.DIRECT_DEPOSIT: 500,
    }
    assert not one.unexplained
    assert not one.unexplained_stated
    assert "balance_mismatch" not in {str(item.kind) for item in reconcile(books, today=TODAY)}


# ── what a change reaches ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_change_reaches_whoever_names_it_or_pays_for_it() -> None:
    records = [
        *(
            party(ref, name)
            for ref, name in (("C", "Harbor Dental"), ("D", "Ridge Law"), ("E", "Oak Freight"), ("F", "Elm Foods"))
        ),
        bill("A1", "400", "03-01", number="INV-7001"),
        pay("P1", "33", "04-02", of="D", memo="for invoice 7001"),
        pay("P2", "44", "04-02", {"A1": "44"}, of="E"),
        bill("Z", "91", "04-01", of="F"),
    ]
    assert touched_accounts(assemble(records), ["books:C"]) == {None, "books:C", "books:D", "books:E"}
    assert touched_accounts(assemble(records), ["books:gone"]) >= {None, "books:F", "books:gone"}


def test_a_change_reaches_the_finding_that_named_what_is_gone() -> None:
    parties = [party("C", "Harbor Dental"), party("D", "Ridge Law")]
    before = assemble([*parties, bill("A1", "400", "03-01"), pay("P1", "400", "04-02", of="D", memo="INV-A1")])
    old = reconcile(before, today=TODAY)
    assert {str(item.kind) for item in old} == {"misapplied_party"}
    after = assemble([*parties, pay("P1", "400", "04-02", of="D", memo="INV-A1")])
    assert "books:D" in touched_accounts(after, ["books:C"], open_findings=old)


def test_habits_change_when_a_connection_begins_to_show_more() -> None:
    rules = ReconcileRules.model_validate({})
    bare = assemble([PARTIES[0], bill("A1", "400", "03-01"), pay("P1", "40", "04-02")])
    shown = assemble([PARTIES[0], bill("A1", "400", "03-01", "360"), pay("P1", "40", "04-02", {"A1": "40"})])
    assert habits(bare, TODAY, rules) != habits(shown, TODAY, rules)
    assert found([PARTIES[0], bill("A1", "400", "03-01", "0"), deposit("B", "1", "04-01")]) == set()
