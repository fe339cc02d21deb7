"""One fault, one finding: what a fault in one system makes the other look like is not told beside it."""

from __future__ import annotations

from core.records import Record, Ref
from tests.corpus.books_words import bill, credit, found, pay
from tests.unit.reconcile.test_two_systems import PARTIES, mirror, psa


def test_a_month_that_only_the_other_system_holds_is_told_once() -> None:
    plan = {"agreement_ref": Ref("AG"), "due_on": None}
    theirs = [psa(f"X{n}", "850", f"2025-{n:02}-01", number=f"80{n}", **plan) for n in (1, 2, 3, 5, 6, 7, 8)]
    ours = [bill(f"A{n}", "850", f"2025-{n:02}-01", number=f"80{n}", **plan) for n in range(1, 9)]
    assert found([*PARTIES, *ours, *theirs]) == {("missing_in_psa", ("A4",))}


def test_a_psa_that_hears_of_credits_but_not_of_payments_is_not_asked_about_each_payment() -> None:
    records: list[Record] = [*PARTIES, bill("C1", "80", "03-02", "0", number="700"), credit("N1", "80", "03-03", {"C1": "80"})]
    records.append(psa("XC", "80", "03-02", "0", number="700"))
    for number in range(10):
        name, total = f"M{number}", f"{211 + number}.50"
        records += [bill(name, total, "03-01", "0", number=f"{5000 + number}"), pay(f"P{number}", total, "04-01", {name: total})]
        records.append(psa(f"X{name}", total, "03-01", number=f"{5000 + number}"))
    assert found(records) == set()


def test_a_bill_whose_number_is_claimed_twice_is_no_copy_of_its_neighbour() -> None:
    records = mirror(
        *(bill(f"A{n}", "95", "04-01", number=f"90{n}", reference=f"call {n}") for n in (1, 2)),
        *(psa(f"X{n}", "95", "04-01", number=f"90{n}") for n in (1, 2)),
        bill("B", "215.03", "03-20", number="1935", reference="902"),
    )
    assert found(records) == {("ambiguous_link", ("X2", "A2", "B"))}


def test_the_bill_of_the_next_day_is_not_a_copy_of_a_copy() -> None:
    records = [
        *mirror(bill("A1", "95", "04-01", "0", number="996"), psa("XA", "95", "04-01", "0", number="996")),
        *(
            bill("A2", "95", "04-01", number="996A"),
            bill("A3", "95", "04-03", number="997"),
            psa("XC", "95", "04-03", number="997"),
        ),
        pay("P1", "95", "04-20", {"A1": "95"}),
    ]
    assert found(records) == {("duplicate_invoice", ("A2", "A1"))}
