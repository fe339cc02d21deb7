"""What idle cash most likely pays: the proposal, its parts and its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.corpus.books_words import bill, findings, found, party, pay
from tests.unit.reconcile.test_faults import told

C = party()


def test_idle_cash_is_proposed_to_the_invoices_it_adds_up_to_with_the_reason() -> None:
    bills = (bill("A1", "300.10", "03-01"), bill("A2", "512", "03-02"), bill("A3", "77.05", "04-02"))
    (finding,) = findings([C, *bills, pay("P1", "589.05", "04-10")], systems={"books": "quickbooks"})
    likely = [(item["invoice"], item["amount"]["minor"]) for item in finding.evidence["likely"]]
    assert likely == [("INV-A2", 51200), ("INV-A3", 7705)]
    assert "tick invoice INV-A2 with 512.00 USD, INV-A3 with 77.05 USD" in finding.proposal
    assert "2 invoices whose sum fits" in finding.proposal
    assert all(0 < item["confidence"] <= 1 for item in finding.evidence["likely"])


def test_idle_cash_a_fee_short_of_the_invoice_it_names_is_proposed_to_it() -> None:
    records = [C, bill("7001", "300.10", "03-01"), bill("7002", "290.40", "03-01"), pay("P1", "285.10", "04-10", memo="INV-7001")]
    (finding,) = findings(records)
    assert [item["invoice"] for item in finding.evidence["likely"]] == ["INV-7001"]


@pytest.mark.req("E41")
def test_idle_cash_that_fits_two_invoices_alike_is_left_to_a_person() -> None:
    (finding,) = findings(
        [C, bill("A1", "300", "03-01"), bill("A2", "300", "03-01", reference="PO 2"), pay("P1", "300", "04-10")]
    )
    assert "INV-A1 or INV-A2" in finding.proposal or finding.evidence["likely"][0]["confidence"] < 0.99


def test_idle_cash_proposals_give_no_invoice_more_than_it_wants() -> None:
    records = [C, bill("A1", "300.10", "03-01"), *(pay(f"P{n}", "300.10", f"04-1{n}", memo="INV-A1") for n in (1, 2, 3))]
    given = [part["amount"]["minor"] for item in findings(records) for part in item.evidence.get("likely", ())]
    assert sum(given) <= 30010


@pytest.mark.req("E27")
def test_a_check_number_used_on_two_payments_is_told_and_on_the_parts_of_one_check_is_not() -> None:
    bills = (bill("A1", "300.10", "03-01", "0"), bill("A2", "120.40", "03-01", "0"))
    parts = (pay("P1", "300.10", "04-01", {"A1": "300.10"}), pay("P2", "120.40", "04-01", {"A2": "120.40"}))
    check = {"reference": "4471", "method": "Check"}
    assert found([C, *bills, *(replace(item, **check) for item in parts)]) == set()
    again = pay("P3", "120.40", "04-03", **check)
    assert found([C, *bills, *(replace(item, **check) for item in parts), again]) == told("duplicate_payment", "P3", "P2")
