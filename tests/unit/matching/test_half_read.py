"""Words that were read in part only: what is written beside the part may say that another invoice is meant."""

from __future__ import annotations

import pytest

from core.matching import Tier, match
from core.matching.references import DATE_COST, OTHERWISE, UNKNOWN_YEAR, keys_of, otherwise, read_words
from tests.unit.matching.scene import invoice, only, pairs, payment


def _cost(memo: str, text: str, number: str) -> float:
    word = next(word for word in read_words(memo) if word.text == text)
    return otherwise(word, keys_of(number), {"INV", "RE"})


@pytest.mark.parametrize(
    ("memo", "text", "number", "cost"),
    [
        ("INV-2025-00386", "00386", "INV-2024-00386", OTHERWISE),
        ("INV-2025-00386", "00386", "INV-2025-00386", 0.0),
        ("25-00386", "00386", "INV-2025-00386", 0.0),
        ("RE-00386", "00386", "INV-2025-00386", OTHERWISE),
        ("2025/10432", "10432", "10432", UNKNOWN_YEAR),
        ("10431/10432", "10432", "10432", 0.0),
        ("00385/00386", "00386", "INV-2025-00386", 0.0),
        ("RG 00386", "00386", "INV-2025-00386", 0.0),
    ],
)
def test_another_year_or_prefix_before_a_number_speaks_against_it(memo: str, text: str, number: str, cost: float) -> None:
    assert _cost(memo, text, number) == cost


def test_money_for_an_invoice_of_next_year_is_for_a_person_to_look_at() -> None:
    """RE23/2263 is RE23/2236 with two digits swapped, or a year early for RE24/2263: the words alone do not tell."""
    meant, same = invoice("a", "75.00", "RE26/2236"), invoice("b", "75.00", "RE27/2263", day=366)
    assert only([meant, same], [payment("p", "75.00", "RE26/2263", day=35)]).invoice_id == "a"
    assert only([same], [payment("p", "75.00", "RE27/2263", day=35)]).tier is Tier.SUGGESTED
    assert only([same], [payment("p", "75.00", "RE27/2263", day=361)]).tier is Tier.CERTAIN


def test_a_counter_with_leading_zeros_is_not_a_year() -> None:
    assert "2025" not in keys_of("INV-2024-02025")
    assert "INV2025" not in keys_of("INV-2024-02025")
    both = [invoice("a", "99.00", "INV-2026-01146", day=3), invoice("b", "99.00", "INV-2025-02026", day=-60)]
    assert pairs(both, [payment("p", "99.00", "INV-2026-0114", day=31)]).keys() == {("p", "a")}


def test_the_counter_before_a_year_names_the_invoice() -> None:
    assert "2278" in keys_of("2278/2025")
    both = [invoice("a", "240.00", "2278/2026", day=3), invoice("b", "240.00", "2279/2026", day=3)]
    assert pairs(both, [payment("p", "240.00", "Rechnung 2278", day=31)]).keys() == {("p", "a")}


def test_one_place_of_a_memo_names_one_invoice() -> None:
    owed = [
        invoice("a", "1582.71", "INV-2025-01967"),
        invoice("b", "99.00", "INV-2026-01967", day=3),
        invoice("c", "99.00", "INV-2025-01978", day=1),
        invoice("d", "412.30", "INV-2025-01988", day=2),
    ]
    found = match(owed, [payment("p", "2094.01", "INV-2025-01967 INV-2025-0978 INV-2025-01988", day=30)])
    assert {item.invoice_id for item in found} == {"a", "c", "d"}


def test_several_invoices_of_one_order_are_all_named_by_it() -> None:
    owed = [invoice(name, amount, reference="PO88123") for name, amount in (("a", "100.00"), ("b", "55.20"))]
    found = match(owed, [payment("p", "155.20", "PO88123")])
    assert {item.invoice_id for item in found} == {"a", "b"}


def test_a_word_that_is_read_with_a_slip_is_not_overlooked_for_an_equal_amount() -> None:
    owed = [invoice(f"i{n}", amount, f"R/{5040 + n}", day=n) for n, amount in ((0, "500.00"), (20, "500.00"), (27, "1730.00"))]
    owed.append(invoice("meant", "500.00", "R/5086", day=29))
    found = match(owed, [payment("p", "2730.00", "R/5040, R/5067, R/508", day=40)])
    assert {item.invoice_id for item in found} == {"i0", "i27", "meant"}


def test_a_word_that_names_an_invoice_is_no_damaged_name_of_another() -> None:
    """Ten names, one of them damaged: none of the nine others is given up for an equal amount."""
    numbers = [411, 441, 516, 540, 554, 570, 595, 668, 679, 715]
    owed = [invoice(f"i{n}", f"{n + 100 * (n % 7)}.00", f"INV-2026-0{n}", day=n // 50) for n in numbers]
    owed.append(invoice("other", str(owed[8].open.minor // 100), "INV-2026-0634", day=12))
    total = sum(item.open.minor for item in owed[:10])
    memo = "; ".join(item.number or "" for item in owed[:10]).replace("0679", "069")
    found = match(owed, [payment("p", f"{total / 100:.2f}", memo, day=30)])
    assert {item.invoice_id for item in found} == {item.id for item in owed[:10]}


# ── dates, and words that say hardly anything ───────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("day", ["01.12.25", "01.12.2025", "2025-12-01", "1/12/2025"])
def test_parts_of_a_date_are_hardly_read_as_a_number(day: str) -> None:
    dated = {word.text: word.cost for word in read_words(f"inv 258 dtd {day}")}
    assert dated["258"] == 0.0
    assert all(cost >= DATE_COST for text, cost in dated.items() if text.isdigit() and text != "258")


def test_what_only_looks_like_a_date_is_read_as_a_number() -> None:
    assert {word.text: word.cost for word in read_words("2025-03-0012 10432/33/34")}["2025030012"] < DATE_COST


def test_a_date_in_the_memo_does_not_name_an_old_invoice() -> None:
    owed = [invoice("old", "500.00", "NG-0112", day=-400), invoice("meant", "500.00", "NG-0258", day=5)]
    assert only(owed, [payment("p", "500.00", "INV NO NG-258 DTD 01.12.25", day=30)]).invoice_id == "meant"


def test_two_digits_are_no_name_beside_a_number_with_a_slip() -> None:
    owed = [
        invoice("one", "2628.38", "10891"),
        invoice("meant", "149.00", "INV-2026-00404", day=2),
        invoice("two", "149.00", "INV-2026-00406", day=2),
        invoice("faint", "149.00", "INV-2025-00067", day=-300),
    ]
    found = match(owed, [payment("p", "2926.38", "#10891; INV-2026-04004; INV-20 26-00406 MANDATE M-295-67", day=30)])
    assert {item.invoice_id for item in found} == {"one", "meant", "two"}


# ── what others hold ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_two_payments_that_could_change_places_are_both_for_a_person() -> None:
    """Each may be meant for either invoice: that the first took one does not make the other certain for the second."""
    owed = [
        invoice("a", "1250.00", "INV-2026-00414"),
        invoice("b", "1225.00", "INV-2026-00415"),
        invoice("c", "522.12", "INV-2026-00408"),
        invoice("d", "310.00", "INV-2026-00386"),
    ]
    money = [
        payment("first", "2057.12", "INV-2026-00386, INV-2026-00408, INV-2026-004", day=21),
        payment("second", "1188.25", "INV-2026-04015", day=22),
    ]
    assert {item.tier for item in match(owed, money) if item.invoice_id in "ab"} == {Tier.SUGGESTED}


def test_a_payment_is_not_lured_by_what_it_names_in_full() -> None:
    owed = [invoice(f"i{n}", "149.00", f"INV-2026-0{410 + n}", day=n) for n in range(6)]
    money = [payment(f"p{n}", "149.00", f"INV-2026-0{410 + n}", day=30 + n) for n in range(6)]
    assert {item.tier for item in match(owed, money)} == {Tier.CERTAIN}
