"""The parts of matching by themselves: claims, sums, names, references, habits, equal amounts, shares, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

import pytest

from core.matching import calibration, confidence, equal, habits, names, sums
from core.matching.citations import slips_between
from core.matching.claims import Claims, Overclaimed
from core.matching.likelihood import Evidence, Explained, explain
from core.matching.references import keys_of, read_words
from core.matching.search import Hypothesis
from core.matching.shares import shares_of
from core.matching.sums import CitedSums, Option
from core.matching.values import Tier


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("E52", "E31")
def test_claims_give_away_nothing_twice() -> None:
    claims = Claims([100, 50], [120, 100])
    claims.claim(0, [(0, 100), (1, 20)])
    for cash, shares in ((1, [(0, 1)]), (1, [(1, 31)]), (1, [(1, 20), (1, 20)]), (0, [(1, 1)]), (1, [(1, 0)])):
        with pytest.raises(Overclaimed):
            claims.claim(cash, shares)
    assert (claims.bill_left, claims.cash_left) == ([0, 30], [0, 100])


# ── sums ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
AMOUNTS = [500, 300, 800, 120, 500, 75, 999, 300]


@pytest.mark.parametrize("target", [800, 1000, 875, 420, 1, 1300])
def test_pairs_and_triples_are_all_found(target: int) -> None:
    for size, find in ((2, sums.pairs_worth), (3, sums.triples_worth)):
        wanted = {some for some in combinations(range(len(AMOUNTS)), size) if sum(AMOUNTS[place] for place in some) == target}
        assert set(find(AMOUNTS, target)) == wanted


def test_stretches_are_neighbours_with_the_right_sum() -> None:
    assert sums.runs_worth(AMOUNTS, 1100) == [(1, 3)]
    assert sums.runs_worth(AMOUNTS, 500) == []
    for first, end, out in sums.all_but_one(AMOUNTS, 920):
        assert sum(AMOUNTS[first:end]) - AMOUNTS[out] == 920
    assert (0, 4, 2) in sums.all_but_one(AMOUNTS, 920)


def test_named_sums_agree_with_trying_all() -> None:
    groups = [[Option(3 * place + n, 100 * (place + 1) + 7 * n, 5.0 - n, 1 << place) for n in range(3)] for place in range(5)]
    found = CitedSums(groups, 10_000, 5000)
    everything = {0: [()]} | {size: list(combinations(range(5), size)) for size in range(1, 6)}
    totals: dict[int, int] = {}
    for places in (places for some in everything.values() for places in some if places):
        for choice in _choices([groups[place] for place in places]):
            totals[choice] = totals.get(choice, 0) + 1
    for total, count in totals.items():
        assert len(found.worth(total)) == min(count, sums.MAX_FOUND)
    assert not found.stopped


def _choices(groups: Sequence[Sequence[Option]]) -> list[int]:
    if not groups:
        return [0]
    return [option.amount + rest for option in groups[0] for rest in _choices(groups[1:])]


def test_named_sums_say_when_they_dropped_some() -> None:
    groups = [[Option(10 * place + n, 100 + n, 1.0, 1 << place) for n in range(10)] for place in range(8)]
    assert CitedSums(groups, 10_000, 100).stopped


def test_one_stretch_of_text_names_one_invoice() -> None:
    groups = [[Option(0, 100, 5.0, 0b1)], [Option(1, 200, 5.0, 0b11)]]
    assert CitedSums(groups, 1000, 100).worth(300) == []


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("The Smith Group, L.L.C.", "SMITH GRP"),
        ("Müller & Söhne GmbH", "MUELLER SOEHNE".replace("UE", "U").replace("OE", "O")),
        ("Acme International Services Inc", "acme intl svcs"),
        ("O'Brien Law LLP", "OBRIEN LAW"),
    ],
)
def test_forms_of_one_name_have_one_key(one: str, two: str) -> None:
    assert names.key(one) == names.key(two)


@pytest.mark.parametrize("name", ["", "Inc", "& Co.", "株式会社アクメ", "...", "🙂"])
def test_odd_names_break_nothing(name: str) -> None:
    index = names.NameIndex([names.words(name), ("acme",)])
    assert all(0 <= score <= 1 for _, score in index.find(name))


def test_a_cut_or_mistyped_name_finds_its_client_first() -> None:
    index = names.NameIndex(
        [names.words(name) for name in ("Harbor Dental Group", "Harbor Law Partners", "Cedar Foods", "Acme Dental")]
    )
    for payer, client in (("HARBOR DENTAL GR", 0), ("Harobr Law Partners", 1), ("cedarfoods", 2), ("Dental Acme", 3)):
        assert index.find(payer)[0][0] == client


# ── references ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("number", "forms"),
    [
        ("INV-2024-0012", {"INV20240012", "20240012", "0012", "INV0012", "INV12"}),
        ("10423", {"10423"}),
        ("2025/003", {"2025003", "003"}),
        ("A1B2C3", {"A1B2C3"}),
        ("RE202400012", {"RE202400012", "202400012"}),
    ],
)
def test_the_forms_of_a_number(number: str, forms: set[str]) -> None:
    assert forms <= keys_of(number, common={"INV", "RE"}).keys()


@pytest.mark.req("E51")
def test_words_keep_to_the_borders_of_tokens() -> None:
    texts = {word.text for word in read_words("order 51277301 of 512")}
    assert "12" not in texts
    assert {"51277301", "512"} <= texts


@pytest.mark.parametrize(
    ("text", "target", "slips"),
    [
        ("1042", "10423", 1),
        ("104423", "10423", 1),
        ("10432", "10423", 1),
        ("10428", "10423", 1),
        ("2024001", "202400123", 2),
        ("99999", "10423", 3),
    ],
)
def test_slips_are_counted_as_people_make_them(text: str, target: str, slips: int) -> None:
    count, cost = slips_between(text, target)
    assert count == slips
    assert (cost > 20) == (slips > 2)


# ── habits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_habit_is_the_usual_delay_and_odd_dates_are_unlikely() -> None:
    habit = habits.learn([(1000 + 30 * n, 1030 + 30 * n, 1045 + 30 * n + n % 3) for n in range(12)])
    assert 44 <= habit.centre <= 47 or (habit.from_due and 14 <= habit.centre <= 17)
    usual, odd, before = habit.fit(2000, 2030, 2046), habit.fit(2000, 2030, 2100), habit.fit(2000, 2030, 1990)
    assert usual > odd > -12
    assert usual > before


def test_few_samples_leave_the_loose_default() -> None:
    assert habits.learn([(1000, 1030, 1001)]) == habits.Habit()


# ── amounts against each other ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("total", "paid", "evidence", "detail"),
    [
        (10_000, 10_000, Evidence.EXACT, ""),
        (10_000, 9_800, Evidence.DISCOUNT, "2 %"),
        (10_000, 9_000, Evidence.WITHHOLDING, "10 %"),
        (100_000, 78_400, Evidence.WITHHOLDING, "21.6 %"),
        (10_000, 8_500, Evidence.WITHHOLDING, "15 %"),
        (1_000_000, 998_500, Evidence.FEE, ""),
        (10_000, 9_999, Evidence.NEAR, ""),
        (90_000, 30_000, Evidence.PART, "1/3"),
        (90_000, 60_000, Evidence.PART, "2/3"),
        (10_000, 12_500, Evidence.OVER, ""),
    ],
)
def test_why_an_amount_differs(total: int, paid: int, evidence: Evidence, detail: str) -> None:
    found = explain(total, paid, 100)
    assert (found.evidence, found.detail) == (evidence, detail)


def _hypothesis(bills: tuple[int, ...], evidence: Evidence) -> Hypothesis:
    return Hypothesis(0, bills, 0, Explained(evidence, 0.0), 0.0, len(bills), 0, False, False, False)


@pytest.mark.parametrize("evidence", list(Evidence))
@pytest.mark.parametrize("amount", [1, 99, 100, 333, 599, 600, 601])
def test_shares_never_exceed_the_money_or_the_invoices(evidence: Evidence, amount: int) -> None:
    wants = [100, 200, 300]
    shares = shares_of(_hypothesis((0, 1, 2), evidence), wants, amount)
    assert sum(share for _, share in shares) == min(amount, 600)
    assert all(0 < share <= wants[bill] for bill, share in shares)


# ── equal amounts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_assignment_is_the_best_of_all() -> None:
    worth = {0: {0: 5.0, 1: 4.0, 2: 1.0}, 1: {0: 5.5, 1: 2.0}, 2: {1: 3.0, 2: 2.5}}
    found = equal.assign([0, 1, 2], worth, dict.fromkeys(worth, -50.0))
    best = max(sum(worth[cash].get(bill, -50.0) for cash, bill in enumerate(order)) for order in permutations(range(3)))
    assert sum(worth[cash][bill] for cash, (bill, _) in found.items()) == pytest.approx(best)


def test_two_that_fit_equally_have_half_a_chance_each() -> None:
    worth = {0: {0: 1.0, 1: 1.0}, 1: {0: 1.0, 1: 1.0}}
    assert all(chance <= 0.5 for _, chance in equal.assign([0, 1], worth, {0: -20.0, 1: -20.0}).values())


def test_a_payment_may_go_without() -> None:
    found = equal.assign([0, 1], {0: {0: 1.0}, 1: {0: 4.0}}, {0: 0.0, 1: 0.0})
    assert found.keys() == {1}


def test_groups_are_linked_payments_and_bounded() -> None:
    edges = {cash: {cash: 0.0, cash + 1: 0.0} for cash in range(300)} | {900: {900: 0.0}}
    found = equal.groups(edges, {cash: cash for cash in edges})
    assert sorted(cash for group in found for cash in group) == sorted(edges)
    assert max(map(len, found)) <= equal.LARGEST
    assert [900] in found


# ── confidence ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_calibration_never_falls_as_the_raw_chance_rises() -> None:
    for kind in (*calibration.TABLE, "a kind no corpus has seen"):
        stated = [confidence.calibrated(kind, chance / 1000) for chance in range(1, 1000)]
        assert stated == sorted(stated)
        assert all(0 <= share <= 1 for share in stated)


def test_doubt_keeps_a_match_from_being_certain() -> None:
    assert confidence.tier_of(0.9999, 0.99, doubtful=False) is Tier.CERTAIN
    assert confidence.tier_of(0.9999, 0.99, doubtful=True) is Tier.SUGGESTED
    assert confidence.tier_of(0.98, 0.99, doubtful=False) is Tier.SUGGESTED


def test_the_best_named_combination_may_leave_a_half_of_the_places_out() -> None:
    groups = [[Option(0, 100, 12.0, 1)], [Option(1 + n, 5000 + n, 2.2, 2) for n in range(9)]]
    assert (0,) in [pick.bills for pick in CitedSums(groups, 100_000, 700).best()]
