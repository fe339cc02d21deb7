"""What cash application decides, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from core.matching import IncomingPayment, MatchSettings, OpenInvoice, Tier, match, solve
from core.money import Money
from tests.unit.matching.scene import DAY, invoice, only, pairs, payment

OTHERS = [invoice(f"o{n}", f"{431 + 17 * n}.{n:02d}", f"INV-2026-{200 + n:04d}", day=n) for n in range(20)]
MEANT = invoice("m", "815.40", "INV-2026-0158", day=3)


@pytest.mark.parametrize(
    "memo",
    [
        "INV-2026-0158",
        "inv 2026 0158 thank you",
        "Rechnung 20260158",
        "INV-20 26-0158",
        "0158",
        "IN V-2026-0158",
        "INV-2026-O158",
        "PO 44781 / INV-2026-0158 / TEL 555-0199",
        "INV-2026-158",
    ],
)
def test_a_reference_is_read_however_it_is_written(memo: str) -> None:
    found = only([*OTHERS, MEANT], [payment("p", "815.40", memo)])
    assert (found.invoice_id, found.tier) == ("m", Tier.CERTAIN)
    assert "INV-2026-0158" in found.reason


@pytest.mark.parametrize(
    "memo", ["INV-2026-058", "INV-2026-01558", "INV-2026-0518", "NV-2026-0158", "INV-2026-015", "26-0158", "INV-2026-0159"]
)
def test_a_slip_in_a_reference_does_not_hide_the_invoice(memo: str) -> None:
    assert only([*OTHERS, MEANT], [payment("p", "815.40", memo)]).invoice_id == "m"


@pytest.mark.req("E51")
def test_a_number_inside_a_longer_one_is_not_a_reference() -> None:
    invoices = [invoice("a", "100.00", "12", day=0), invoice("b", "100.00", "77", day=1)]
    for item in match(invoices, [payment("p", "100.00", "order 51277301 of 512")]):
        assert item.tier is Tier.SUGGESTED
        assert "memo names" not in item.reason
    assert "memo names 12" in match(invoices, [payment("p", "100.00", "invoice 12")])[0].reason


@pytest.mark.req("E29")
@pytest.mark.parametrize("separator", [", ", "/", " + ", ";", " and ", "|", " ", "-", "\n"])
def test_one_payment_settles_several_invoices(separator: str) -> None:
    three = [invoice(f"i{n}", f"{100 + 31 * n}.50", f"1042{n}", day=n) for n in range(3)]
    memo = separator.join(item.number or "" for item in three)
    found = pairs([*OTHERS, *three], [payment("p", "394.50", memo)])
    assert found == {("p", "i0"): 10_050, ("p", "i1"): 13_150, ("p", "i2"): 16_250}


def test_a_list_may_state_only_the_ends_of_further_numbers() -> None:
    three = [invoice(f"i{n}", f"{100 + 31 * n}.50", f"1042{3 + n}", day=n) for n in range(3)]
    assert set(pairs([*OTHERS, *three], [payment("p", "394.50", "10423/24/25")])) == {("p", "i0"), ("p", "i1"), ("p", "i2")}


def test_a_memo_cut_at_the_bank_leaves_the_rest_to_the_amount() -> None:
    three = [invoice(f"i{n}", f"{100 + 31 * n}.50", f"INV-1042{3 + n}", day=n) for n in range(3)]
    memo = "INV-10423, INV-10424, INV-10425"[:18]
    assert set(pairs([*OTHERS, *three], [payment("p", "394.50", memo)])) == {("p", "i0"), ("p", "i1"), ("p", "i2")}


def test_instalments_named_each_settle_one_invoice_and_no_more() -> None:
    parts = [payment("p1", "300.00", "INV-2026-0158", day=20), payment("p2", "300.00", "0158 2/3", day=50)]
    parts.append(payment("p3", "215.40", "INV-2026-0158 final", day=80))
    found = pairs([*OTHERS, MEANT], parts)
    assert found == {("p1", "m"): 30_000, ("p2", "m"): 30_000, ("p3", "m"): 21_540}


def test_who_pays_in_parts_is_expected_to_go_on_so_a_part_hard_to_read_is_no_other_invoice_nearly_of_its_amount() -> None:
    whole, other = invoice("m", "480.00", "INV-2026-2787", day=3), invoice("x", "160.00", "INV-2026-3007", day=70)
    parts = [payment(f"p{n}", "120.00", "INV-2026-2787", day=30 + 30 * n) for n in range(3)]
    parts.append(payment("p3", "105.00", "Zahlung 2021427 PO 16850", day=95))
    found = {item.payment_id: item for item in match([*OTHERS, whole, other], parts)}
    assert {item.invoice_id for item in found.values()} == {"m"}
    assert found["p3"].tier is Tier.SUGGESTED


def test_a_part_of_the_same_amount_that_is_not_named_as_it_stands_is_never_certain() -> None:
    whole = invoice("m", "375.27", "INV-2026-48600", day=3)
    parts = [payment(f"p{n}", f"{25 + 31 * n}.37", "INV-2026-48600", day=30 + 14 * n) for n in range(3)]
    again = payment("p9", "56.37", "Fact nr INV-2026-4860", day=58)
    found = {item.payment_id: item for item in match([*OTHERS, whole], [*parts, again])}
    assert all(found[part.id].tier is Tier.CERTAIN for part in parts)
    assert found["p9"].tier is Tier.SUGGESTED


def test_equal_instalments_without_a_word_add_up() -> None:
    whole = invoice("m", "900.00", "INV-2026-0158", day=3)
    parts = [payment(f"p{n}", "300.00", day=30 + 30 * n) for n in range(3)]
    assert set(pairs([*OTHERS, whole], parts)) == {("p0", "m"), ("p1", "m"), ("p2", "m")}


@pytest.mark.parametrize(
    ("paid", "words"),
    [("799.09", "discount of 2 %"), ("733.86", "less 10 %"), ("800.40", "small deduction"), ("815.38", "nearly equal")],
)
def test_what_is_kept_back_is_named(paid: str, words: str) -> None:
    found = only([*OTHERS, MEANT], [payment("p", paid, "INV-2026-0158")])
    assert found.invoice_id == "m"
    assert words in found.reason


def test_a_discount_on_several_invoices_is_shared_in_proportion() -> None:
    two = [invoice("a", "1000.00", "10423"), invoice("b", "500.00", "10424")]
    assert pairs([*OTHERS, *two], [payment("p", "1470.00", "10423 10424")]) == {("p", "a"): 98_000, ("p", "b"): 49_000}


def test_money_above_what_is_open_stays_unapplied() -> None:
    found = only([*OTHERS, MEANT], [payment("p", "900.00", "INV-2026-0158")])
    assert (found.invoice_id, found.amount) == ("m", Money(81_540, "USD"))
    assert "unapplied" in found.reason


@pytest.mark.req("E41")
def test_equal_amounts_of_two_clients_are_never_certain() -> None:
    two = [invoice("a", "250.00", "", party="Acme Dental Inc"), invoice("b", "250.00", "", party="Beta Law LLP")]
    assert all(item.tier is Tier.SUGGESTED for item in match(two, [payment("p", "250.00", "", payer="")]))


def test_two_equal_invoices_of_one_client_are_never_certain() -> None:
    two = [invoice("a", "250.00", "1001"), invoice("b", "250.00", "1002")]
    assert all(item.tier is Tier.SUGGESTED for item in match(two, [payment("p", "250.00")]))


@pytest.mark.req("E40")
def test_a_second_payment_of_the_same_invoice_takes_nothing() -> None:
    twice = [payment("p1", "815.40", "INV-2026-0158", day=30), payment("p2", "815.40", "INV-2026-0158", day=33)]
    found = match([*OTHERS, MEANT], twice)
    assert [(item.payment_id, item.invoice_id, item.tier) for item in found] == [("p1", "m", Tier.SUGGESTED)]


@pytest.mark.req("E52")
def test_two_bank_rows_never_settle_the_same_money() -> None:
    rows = [payment(f"p{n}", "815.40", "INV-2026-0158") for n in range(5)]
    assert sum(item.amount.minor for item in match([*OTHERS, MEANT], rows)) == 81_540


@pytest.mark.req("E42")
def test_money_never_crosses_currencies() -> None:
    euro = invoice("e", "815.40", "INV-2026-0158", currency="EUR")
    assert match([euro], [payment("p", "815.40", "INV-2026-0158")]) == ()


@pytest.mark.req("E50")
def test_twelve_equal_retainers_are_paid_in_order() -> None:
    months = [date(2026, month, 1) for month in range(1, 13)]
    owed = [replace(invoice(f"i{day.month:02d}", "1500.00", f"INV-{day.month}"), issued_on=day) for day in months]
    paid = [replace(payment(f"p{day.month:02d}", "1500.00"), paid_on=date(2026, day.month, 20)) for day in months]
    assert set(pairs(owed, paid)) == {(f"p{n:02d}", f"i{n:02d}") for n in range(1, 13)}


def test_an_account_seen_once_tells_who_paid_next_time() -> None:
    invoices = [*OTHERS, MEANT, invoice("b1", "64.00", "INV-2026-0301", party="Beta Law LLP")]
    invoices.append(invoice("b2", "815.40", "INV-2026-0302", party="Beta Law LLP", day=2))
    paid = [payment("p1", "64.00", "INV-2026-0301", payer="BL HOLDING", account="DE123")]
    paid.append(payment("p2", "815.40", "", payer="", account="DE123"))
    assert ("p2", "b2") in pairs(invoices, paid)


@pytest.mark.parametrize(
    "payer", ["ACME DENTAL", "Acme Dental, L.L.C.", "ACH ACME DENTAL INC PAYMENT", "Acmed Ental", "AcmeDental", "Acme Dent"]
)
def test_a_client_is_known_by_any_form_of_its_name(payer: str) -> None:
    invoices = [MEANT, invoice("b", "815.40", "", party="Beta Law LLP"), invoice("c", "815.40", "", party="Cedar Foods Ltd")]
    assert only(invoices, [payment("p", "815.40", "", payer=payer)]).invoice_id == "m"


def test_a_known_client_is_not_left() -> None:
    mine = replace(invoice("a", "64.00", "INV-7001"), client="acme")
    other = replace(invoice("b", "64.00", "INV-7002", party="Beta Law LLP"), client="beta")
    assert match([mine, other], [replace(payment("p", "64.00", "INV-7002"), client="acme")])[0].invoice_id == "a"
    assert match([mine, other], [replace(payment("p", "64.00", "INV-7002"), client="nobody")]) == ()


def test_money_for_nothing_here_is_left_alone() -> None:
    assert match([*OTHERS, MEANT], [payment("p", "77777.77", "PO 99121")]) == ()


def test_nothing_is_matched_where_nothing_is_open() -> None:
    assert match([], [payment("p", "1.00")]) == ()
    assert match([MEANT], []) == ()
    settled = replace(MEANT, open=Money(0, "USD"))
    assert match([settled], [payment("p", "815.40", "INV-2026-0158")]) == ()
    assert match([MEANT], [payment("p", "0.00", "INV-2026-0158"), payment("q", "-815.40", "INV-2026-0158")]) == ()


def test_missing_dates_names_and_numbers_still_leave_the_amount() -> None:
    bare = OpenInvoice(id="a", open=Money(12_345, "USD"), party="Acme")
    found = only([bare], [IncomingPayment(id="p", amount=Money(12_345, "USD"), payer="Acme")])
    assert found.invoice_id == "a"


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        match([MEANT, MEANT], [])
    with pytest.raises(ValueError, match="stands twice"):
        match([], [payment("p", "1.00"), payment("p", "2.00")])


def test_a_search_for_sums_says_when_it_stopped() -> None:
    many = [invoice(f"i{n}", f"{100 + n}.{n % 100:02d}", f"{10_000 + n}", day=n % 5) for n in range(120)]
    memo = " ".join(f"{10_000 + n}" for n in range(0, 120, 3))
    result = solve(many, [payment("p", "5000.01", memo)], settings=MatchSettings(states=50))
    assert result.stopped == ("p",)
    assert all(item.tier is Tier.SUGGESTED for item in result.matches)


def test_progress_runs_from_nothing_to_all() -> None:
    seen: list[float] = []
    solve([*OTHERS, MEANT], [payment("p", "815.40", "INV-2026-0158")], progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_an_order_number_on_the_invoice_is_a_reference() -> None:
    ordered = invoice("m", "815.40", "INV-2026-0158", day=3, reference="PO48812")
    assert "memo names" in only([*OTHERS, ordered], [payment("p", "815.40", "po 48812")]).reason


def test_the_day_an_invoice_was_made_is_respected() -> None:
    early, late = invoice("a", "500.00", "1001", day=0), invoice("b", "500.00", "1002", day=90)
    found = only([early, late], [replace(payment("p", "500.00"), paid_on=DAY.replace(month=2))])
    assert found.invoice_id == "a"
