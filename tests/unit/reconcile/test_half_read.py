"""A record that cannot be read is told once: what then seems missing or paid by nothing around it is no fault of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.money import Money
from core.records import Malformed, Posting, Record, Ref, Stream
from core.unread import called_in, calling_itself, client_of, owner_of
from tests.corpus.books_assembly import assemble
from tests.corpus.books_words import TODAY, bill, deposit, findings, found, party, pay
from tests.unit.reconcile.test_two_systems import mirror, monthly, psa

C = party()
SMALL = (bill("A9", "9", "03-01", "0"), pay("P9", "9", "04-01", {"A9": "9"}))


def row(stream: Stream, ref: str, problem: str = "is not a day") -> tuple[str, Malformed]:
    return ("books", Malformed(stream=stream, ref=Ref(ref), where=f"{stream}.csv:7", problem=problem))


@pytest.mark.req("E49")
def test_the_invoice_of_an_unreadable_payment_is_not_told_as_paid_by_nothing() -> None:
    records = [C, *SMALL, bill("A1", "300.10", "03-01", "0")]
    rows = [row(Stream.PAYMENTS, "P1"), row(Stream.ALLOCATIONS, "P1>A1")]
    assert found(records, malformed=rows) == {("malformed_record", ("P1",))}


@pytest.mark.req("E49")
def test_a_payment_whose_allocation_is_unreadable_is_neither_idle_nor_a_copy() -> None:
    records = [C, *SMALL, bill("A1", "300.10", "03-01", "0"), bill("A2", "300.10", "02-01", "0")]
    records += [pay("P1", "300.10", "04-01"), pay("P2", "300.10", "04-02", {"A2": "300.10"})]
    assert found(records, malformed=[row(Stream.ALLOCATIONS, "P1>A1")]) == {("malformed_record", ("P1>A1",))}


@pytest.mark.req("E49")
def test_an_invoice_that_is_there_and_unreadable_is_not_missing() -> None:
    problem = calling_itself("is not a day", number="8001", reference="INV-5004")
    assert found(mirror(skip_books="M4"), malformed=[row(Stream.INVOICES, "M4", problem)]) == {("malformed_record", ("M4",))}


@pytest.mark.req("E49")
def test_what_a_client_owes_is_not_checked_while_one_of_its_records_is_unreadable() -> None:
    records = [replace(C, balance=Money(80000, "USD")), bill("A1", "400", "03-01")]
    problem = calling_itself("is not a day", number="INV-A2", client="C")
    assert found(records, malformed=[row(Stream.INVOICES, "A2", problem)]) == {("malformed_record", ("A2",))}
    assert ("balance_mismatch", ("C",)) in found(records, malformed=[row(Stream.INVOICES, "A2")])


@pytest.mark.req("E49")
@pytest.mark.parametrize(
    ("bad", "client"),
    [
        (row(Stream.PAYMENTS, "P1", calling_itself("is not a day", client="C")), "C"),
        (row(Stream.ALLOCATIONS, "P9>A9"), "C"),
        (row(Stream.ALLOCATIONS, "P0>A9"), "C"),
        (row(Stream.ALLOCATIONS, "P0>A0"), None),
        (row(Stream.PAYMENTS, "P1"), None),
        (row(Stream.TICKETS, "T1", calling_itself("is not a day", client="C")), None),
    ],
    ids=["a payment", "a payment's allocation", "an invoice's allocation", "of nothing known", "of nobody", "no money"],
)
def test_an_unreadable_row_of_money_says_whose_it_is(bad: tuple[str, Malformed], client: str | None) -> None:
    (told,) = findings([C, *SMALL], malformed=[bad])
    whose = client_of(told)
    assert (whose.ref if whose else None) == client
    known = assemble([C, *SMALL], as_of=TODAY)
    assert owner_of(told, known) == ("" if whose is None else known.account_of_party[whose])


@pytest.mark.req("A69")
def test_a_month_whose_bill_cannot_be_read_is_no_gap() -> None:
    records: list[Record] = [C, *monthly(1, 2, 3, 5, 6)]
    problem = calling_itself('"x" is not an amount', agreement="AG")
    assert found(records, malformed=[row(Stream.INVOICES, "R4", problem)]) == {("malformed_record", ("R4",))}
    two = [C, *monthly(1, 2, 3, 5, 6, 8, 9)]
    assert ("billing_gap", ("AG", "R3", "R5")) in found(two, malformed=[row(Stream.INVOICES, "R4", problem)])


def test_a_problem_says_what_the_row_calls_itself() -> None:
    for names in ({"number": "INV (2)", "agreement": "AG, 3"}, {"number": "7"}, {"reference": "PO 1", "agreement": "A"}, {}):
        assert called_in(calling_itself("is (odd)", **names)) == names
    every = {"number": "1", "reference": "2", "agreement": "3", "client": "4"}
    assert called_in(calling_itself("is bad", **every)) == every


def test_deposits_that_name_where_money_came_from_leave_nothing_undeposited() -> None:
    records: list[Record] = [C]
    for number in range(12):
        records += [bill(f"A{number}", f"{100 + number}", "02-01", "0")]
        records += [pay(f"P{number}", f"{100 + number}", "03-01", {f"A{number}": f"{100 + number}"})]
        line = {"posting": Posting.UNDEPOSITED, "payment_ref": Ref(f"P{number}")}
        records += [deposit(f"B{number}", f"{100 + number}", "03-04", **line)]  # type: ignore[arg-type]
    assert found(records) == set()
    few = [item for item in records if item.ref not in {f"B{number}" for number in range(2, 12)}]
    assert found(few) == {("stale_undeposited", ("P0",)), ("stale_undeposited", ("P1",))}


def test_an_invoice_of_the_psa_named_in_brackets_is_still_missing_under_another_number() -> None:
    problem = calling_itself("is not a day", number="INV-9999")
    said = found([*mirror(skip_books="M4"), psa("XZ", "5", "03-02", number="1")], malformed=[row(Stream.INVOICES, "Z", problem)])
    assert ("missing_in_books", ("XM4",)) in said
