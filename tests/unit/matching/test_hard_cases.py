"""Damaged references, guessed habits and claims taken back: what cash application does when the easy ways fail."""

from __future__ import annotations

import pytest

from core.matching import match
from core.matching.claims import Claims
from core.matching.damage import WORST, damage, nearest, readable
from core.matching.habits import NO_RIVAL, Habit, guess
from core.matching.references import read_words
from tests.unit.matching.scene import invoice, pairs, payment


# ── damaged references ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "target", "cost"),
    [("20240012", "20240012", 0.0), ("0240012", "20240012", 3.0), ("024001", "20240012", 5.0), ("024010", "20240012", 9.5)],
)
def test_cuts_and_slips_add_up(text: str, target: str, cost: float) -> None:
    assert damage(text, target) == cost


def test_what_is_too_far_apart_or_costs_the_limit_is_no_reading() -> None:
    assert damage("99999", "12345") == WORST
    assert damage("0240012", "20240012", 3.0) == WORST
    assert nearest(readable(read_words("thank you")), {"12345": 8.5}, -1.5) == (-WORST, 0)


def test_a_word_twice_damaged_decides_between_invoices_that_the_amount_leaves_open() -> None:
    two = [invoice("a", "500.00", "INV-2026-04158", day=1), invoice("b", "500.00", "INV-2026-03127", day=2)]
    found = match(two, [payment("p", "491.30", "NV-2026-0415", day=31)])
    assert [item.invoice_id for item in found] == ["a"]


@pytest.mark.req("E29")
def test_an_invoice_nobody_can_read_is_found_by_what_the_others_leave_after_tax_was_withheld() -> None:
    owed = [invoice(f"i{n}", f"{130 + 97 * n}.40", f"R{160 + n}", day=n) for n in range(12)]
    meant = [owed[2], owed[5], owed[7]]
    paid = sum(item.open.minor for item in meant) * 9 // 10
    found = pairs(owed, [payment("p", f"{paid / 100:.2f}", "R162, R165, R1", day=34)])
    assert {invoice_id for _, invoice_id in found} == {"i2", "i5", "i7"}


# ── habits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_year_of_equal_invoices_fits_one_delay_only() -> None:
    issued, paid = [30 * n for n in range(12)], [30 * n + 45 + n % 3 for n in range(12)]
    habit = guess([[day - start for start in issued] for day in paid])
    assert 44 <= habit.centre <= 48
    assert habit.fit(1000, 1030, 1046) > habit.fit(1000, 1030, 1016)


def test_two_delays_that_fit_as_well_are_both_kept() -> None:
    habit = guess([[15, 45] for _ in range(8)])
    assert habit.odds > NO_RIVAL
    assert habit.fit(1000, 0, 1015) == pytest.approx(habit.fit(1000, 0, 1045), abs=1.0)


def test_two_payments_show_no_habit() -> None:
    assert guess([[45], [45]]) == Habit()


@pytest.mark.req("E41")
def test_silent_retainers_paid_late_go_to_their_own_months() -> None:
    owed = [invoice(f"i{n:02d}", "1200.00", f"{500 + n}", day=30 * n) for n in range(10)]
    paid = [payment(f"p{n:02d}", "1200.00", day=30 * n + 44 + n % 3) for n in range(10)]
    assert {(item.payment_id[1:], item.invoice_id[1:]) for item in match(owed, paid)} == {(f"{n:02d}",) * 2 for n in range(10)}


# ── claims taken back ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_is_released_can_be_claimed_again() -> None:
    claims = Claims([500], [300])
    claims.claim(0, [(0, 300)])
    claims.release(0, [(0, 300)])
    assert (claims.bill_left, claims.cash_left) == ([500], [300])


def test_two_payments_with_crossed_slips_each_find_their_own_invoice() -> None:
    owed = [invoice(f"o{n}", f"{431 + 17 * n}.{n:02d}", f"0{2200 + 7 * n}", day=n) for n in range(20)]
    owed += [invoice("a", "450.00", "02119", day=3), invoice("b", "500.00", "02128", day=4)]
    paid = [payment("p1", "445.50", "20119", day=33), payment("p2", "450.00", "42128", day=34)]
    assert pairs(owed, paid).keys() == {("p1", "a"), ("p2", "b")}


def test_an_equal_amount_without_a_word_waits_for_the_payment_that_names_the_invoice() -> None:
    owed = [invoice("a", "950.00", "4401", day=0), invoice("b", "1000.00", "4402", day=1)]
    owed += [invoice(f"o{n}", f"{310 + 13 * n}.20", f"{4500 + n}", day=n) for n in range(8)]
    silent = payment("p1", "950.00", "", day=30)
    spoken = payment("p2", "931.00", "inv 4401", day=30)
    found = {(item.payment_id, item.invoice_id) for item in match(owed, [silent, spoken])}
    assert ("p2", "a") in found


def test_a_trade_name_once_learned_is_known_in_its_variants() -> None:
    owed = [invoice(f"i{n}", f"{100 + 7 * n}.10", f"INV-{3000 + n}", party="Willow Dental LLP", day=n) for n in range(6)]
    owed += [invoice(f"x{n}", f"{100 + 7 * n}.10", f"INV-{9000 + n}", party="Cedar Foods Inc", day=n) for n in range(6)]
    paid = [payment(f"p{n}", f"{100 + 7 * n}.10", f"INV-{3000 + n}", payer="Crescent Technologies", day=30 + n) for n in range(5)]
    paid.append(payment("p5", "135.10", "", payer="CRESCNET TECHNOLOGIES", day=35))
    assert [item.invoice_id for item in match(owed, paid) if item.payment_id == "p5"] == ["i5"]


# ── credit notes ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("E4")
def test_an_open_credit_note_explains_what_was_paid_less_and_is_used_once() -> None:
    owed = [invoice("a", "500.00", "1008", day=1), invoice("b", "480.00", "1020", day=2), invoice("c", "-137.00", "CN7", day=3)]
    first, second = match(owed, [payment("p", "363.00", "1008 less CN7", day=30), payment("q", "343.00", "1020", day=32)])
    assert (first.invoice_id, first.amount.minor) == ("a", 36_300)
    assert "less the open credit note CN7" in first.reason
    assert "credit note" not in second.reason
