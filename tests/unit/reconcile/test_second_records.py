"""Idle money under a client's second record: the invoices of the first that it may pay are told beside it."""

from __future__ import annotations

import pytest

from tests.corpus.books_words import bill, credit, findings, party, pay

FIRST = party("C1", "Harbor Dental")
SECOND = party("C2", "Harbor Dental (2)")
OTHER = party("C3", "Ridge Law")


def idle(*records, of_kind: str = "unapplied_payment") -> list[tuple[str, ...]]:
    """The refs of the subjects of each finding of idle money."""
    return [tuple(key.ref for key in item.subjects) for item in findings([*records]) if item.kind == of_kind]


CASES = {
    "one invoice of that amount": ([bill("A1", "450", "03-01", of="C1")], ("P1", "A1")),
    "which of two nobody can tell": (
        [bill("A1", "450", "03-01", of="C1"), bill("A2", "450", "04-01", of="C1")],
        ("P1", "A1", "A2"),
    ),
    "two that add up to it": ([bill("A1", "150", "03-01", of="C1"), bill("A2", "300", "03-01", of="C1")], ("P1", "A1", "A2")),
    "more than the other record owes": ([bill("A1", "120", "03-01", of="C1")], ("P1", "A1")),
    "its own record owes that": ([bill("A1", "450", "03-01", of="C1"), bill("B1", "450", "03-01", of="C2")], ("P1",)),
    "less than any invoice": ([bill("A1", "451", "03-01", of="C1")], ("P1",)),
    "an invoice of long after": ([bill("A1", "450", "04-21", of="C1")], ("P1",)),
    "another client's invoice": ([bill("A1", "450", "03-01", of="C3")], ("P1",)),
    "nothing is owed": ([bill("A1", "450", "03-01", "0", of="C1")], ("P1",)),
    "another currency": ([bill("A1", "450", "03-01", of="C1", code="CAD")], ("P1",)),
}


@pytest.mark.req("E1", "E36")
@pytest.mark.parametrize("case", CASES)
def test_money_under_the_second_record_is_told_with_what_the_first_owes(case: str):
    bills, subjects = CASES[case]

    assert idle(FIRST, SECOND, OTHER, *bills, pay("P1", "450", "04-10", of="C2")) == [subjects]


@pytest.mark.req("E36")
def test_an_invoice_of_its_own_record_that_comes_near_does_not_explain_it_one_that_it_names_does():
    """A fee short of its own record's invoice is likelier than nothing, not likelier than to the cent what the other owes."""
    records = (FIRST, SECOND, bill("A1", "450", "03-01", of="C1"), bill("B1", "462.03", "03-01", of="C2"))

    assert idle(*records, pay("P1", "450", "04-10", of="C2")) == [("P1", "A1")]
    assert idle(*records, pay("P1", "450", "04-10", of="C2", memo="INV-B1")) == [("P1",)]


def test_money_under_the_first_record_may_pay_what_the_second_owes():
    assert idle(FIRST, SECOND, bill("A1", "450", "03-01", of="C2"), pay("P1", "450", "04-10", of="C1")) == [("P1", "A1")]


def test_it_is_no_copy_of_an_equal_payment_where_the_other_record_owes_that_amount():
    paid = bill("B1", "450", "03-01", "0", of="C2")
    records = (FIRST, SECOND, paid, pay("P0", "450", "04-08", {"B1": "450"}, of="C2"), pay("P1", "450", "04-10", of="C2"))

    assert [item.kind for item in findings([*records]) if item.kind != "duplicate_party"] == ["duplicate_payment"]
    assert idle(*records, bill("A1", "450", "04-01", of="C1")) == [("P1", "A1")]


def test_what_a_payment_left_over_is_no_overpayment_where_the_other_record_owes_that_amount():
    paid = bill("B1", "200", "03-01", "0", of="C2")
    records = (FIRST, SECOND, paid, pay("P1", "650", "04-10", {"B1": "200"}, of="C2"))

    assert [item.kind for item in findings([*records]) if item.kind != "duplicate_party"] == ["overpayment"]
    assert idle(*records, bill("A1", "450", "04-01", of="C1")) == [("P1", "A1")]


def test_a_credit_under_the_second_record_is_told_so_too():
    records = (FIRST, SECOND, bill("A1", "450", "03-01", of="C1"), credit("N1", "450", "04-10", of="C2"))

    assert idle(*records, of_kind="unapplied_credit") == [("N1", "A1")]


def test_it_says_whose_invoice_it_is_and_where_to_move_the_money():
    found = findings([FIRST, SECOND, bill("A1", "450", "03-01", of="C1"), pay("P1", "450", "04-10", of="C2")])
    (finding,) = [item for item in found if item.kind == "unapplied_payment"]

    assert "Harbor Dental, which seems to be the same client entered twice, owes that: INV-A1." in finding.evidence["what"]
    assert "move payment P1 from 2026-04-10 to Harbor Dental and apply it to invoice INV-A1" in finding.proposal
    assert finding.severity == "high"
