"""What a claim is worth: the published example to the cent, exact sums, honest assumptions, a recommendation with its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.collections.agencies import AgencySettings
from core.collections.clocks_table import shipped_text
from core.collections.economics import HORIZONS, Claim, Owed, economics
from core.collections.recovery import Curve, Expectation, PlacedCase, part_of
from core.collections.routes import Rate, RateCard, Route, card_of, read_courts, read_tariff, shipped_courts, shipped_tariff
from core.errors import ConfigError
from core.money import Money
from tests.unit.collections.clean_claim import TODAY, usd

TARIFF = shipped_tariff()
CURVE = TARIFF.recovery


def owed(days, minor=1_000_000, name="1001", currency="USD"):
    return Owed(label=name, open=Money(minor, currency), due_on=TODAY - timedelta(days=days))


def compare(*items, cards=(), expectation=None, kept=(0, 0), currency="USD", tariff=TARIFF, **more):
    claim = Claim(owed=items, currency=currency, as_of=TODAY, **{"law": "US-TX", "days_left": 900, **more})
    made = expectation or Expectation(curve=CURVE)
    return economics(claim, tariff, made, cards=cards, courts=shipped_courts(), kept=kept)


# ── the curve ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A80")
def test_the_curve_is_the_published_one_at_its_points_and_falls_between_them():
    assert [CURVE.share(days) for days in (0, 90, 180, 360, 720)] == [
        Decimal(x) for x in ("0.94", "0.70", "0.51", "0.23", "0.10")
    ]
    assert CURVE.share(135) == Decimal("0.5975")  # the geometric mean of 0.70 and 0.51
    assert CURVE.share(-5) == Decimal("0.94")
    assert CURVE.share(1080) < Decimal("0.05")


@given(st.integers(0, 4000), st.integers(0, 400))
def test_the_curve_never_rises_with_age(days, more):
    assert 0 <= CURVE.share(days + more) <= CURVE.share(days) <= 1


@pytest.mark.parametrize(
    "points", [[("0", "0.9")], [("3", "0.7"), ("0", "0.9")], [("0", "0.5"), ("3", "0.7")], [("0", "1.1"), ("1", "0.5")]]
)
def test_points_that_are_no_curve_are_refused(points):
    assert Curve(points=tuple((Decimal(month), Decimal(share)) for month, share in points)).problems()


# ── the published example (product notes F.5) ───────────────────────────────────────────────────────────────────────────
@pytest.mark.req("D7", "A24", "A28")
@pytest.mark.parametrize(("days", "net"), [(90, 525_000), (180, 357_000), (360, 115_000)])
def test_the_published_example_comes_out_to_the_cent(days, net):
    found = compare(owed(days)).at(Route.AGENCY)
    assert found.net == usd(net)
    assert found.gross - found.fee - found.costs == found.net


@pytest.mark.req("D7")
def test_waiting_from_three_months_to_six_costs_what_the_example_says():
    found = compare(owed(90))
    assert found.recommended.route is Route.AGENCY
    assert found.waiting(90) == usd(168_000)
    assert found.waiting(30) == usd(525_000 - 440_930)
    assert "Waiting 30 days costs 840.70 USD." in found.reasons
    assert found.reasons[0].endswith("next: small claims (court of US-TX) 5,090.00 USD, attorney (a lawyer) 4,190.00 USD.")


@pytest.mark.req("D7", "A24")
def test_the_arithmetic_is_shown_line_by_line():
    lines = compare(owed(90)).recommended.lines
    assert lines == (
        "1001: 10,000.00 USD, 90 days past due: x 70 % = 7,000.00 USD",
        "1001: fee 25 % of 7,000.00 USD = 1,750.00 USD",
        "net 7,000.00 USD - 1,750.00 USD - 0.00 USD = 5,250.00 USD",
    )


@pytest.mark.req("A28")
def test_the_range_of_fees_the_guide_names_is_shown_as_a_table():
    assert compare(owed(90)).sensitivity == (
        (Decimal(30), usd(490_000)),
        (Decimal(40), usd(420_000)),
        (Decimal(50), usd(350_000)),
    )


@pytest.mark.req("A25", "A29")
def test_what_is_not_worth_it_is_written_off_and_that_brings_nothing():
    found = compare(owed(700, 20_000))
    assert found.recommended.route is Route.WRITE_OFF
    assert found.recommended.net == usd(0)
    assert "No route is expected to bring" in found.reasons[0]


@pytest.mark.req("A32")
def test_costs_are_spent_whether_or_not_it_pays_so_a_net_can_be_negative():
    found = compare(owed(700, 20_000)).at(Route.ATTORNEY)
    assert found.costs == usd(50_000)
    assert found.net.minor < 0


@pytest.mark.req("A25")
def test_small_claims_only_where_a_limit_is_known_and_kept():
    assert compare(owed(90)).at(Route.SMALL_CLAIMS) is not None
    for more, words in (
        ({"law": None}, "governing law is not known"),
        ({"law": "PL"}, "no small-claims limit is known for PL"),
        ({"law": "US-KY"}, "above the limit of 2,500.00 USD"),
        ({"law": "GB-EAW"}, "counts in GBP"),
    ):
        found = compare(owed(90), **more)
        assert found.at(Route.SMALL_CLAIMS) is None
        assert words in found.closed["small_claims"]


@pytest.mark.req("A33")
def test_routes_to_court_close_when_the_time_to_sue_may_be_over_by_then():
    found = compare(owed(90), days_left=45)
    assert found.at(Route.ATTORNEY, 30) is not None
    assert found.at(Route.ATTORNEY, 60) is None
    assert found.at(Route.SMALL_CLAIMS, 60) is None
    over = compare(owed(90), days_left=-1)
    assert "time to sue" in over.closed["attorney"]


def test_a_broken_plan_is_not_offered_again_and_plans_kept_move_the_share():
    assert compare(owed(90), plan_broken=True).at(Route.PLAN) is None
    assumed = compare(owed(90)).at(Route.PLAN)
    assert assumed.gross == usd(600_000)
    assert compare(owed(90), kept=(1, 2)).at(Route.PLAN).gross == usd(600_000)  # two are too few
    assert compare(owed(90), kept=(3, 3)).at(Route.PLAN).gross == usd(692_308)  # (3 + 0.6 x 10) of 13
    assert "3 of 3 plans kept, drawn to 60 %" in compare(owed(90), kept=(3, 3)).at(Route.PLAN).lines[0]
    assert "x 69.23 % (3 of 3" in compare(owed(90), kept=(3, 3)).at(Route.PLAN).lines[0], "exact, two places where it never ends"
    assert " x 89.99 % as the curve falls" in compare(owed(90)).at(Route.PLAN, 30).lines[0]
    assert compare(owed(90), kept=(10, 10)).at(Route.PLAN).gross == usd(800_000)
    assert "offer them first" in " ".join(compare(owed(90)).reasons)


# ── agencies ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def named(name, percent, *, laws=(), legal=None, **more):
    rows = (Rate(percent=Decimal(percent), legal=legal, **more),)
    return RateCard(agency=name, rates=rows, laws=frozenset(laws))


@pytest.mark.req("A41")
def test_several_agencies_are_compared_by_their_own_rates_and_where_they_may_collect():
    cards = (named("Dear", "40"), named("Cheap", "20"), named("Far", "10", laws=("OK",)))
    found = compare(owed(90), cards=cards)
    assert (found.recommended.who, found.recommended.net) == ("Cheap", usd(560_000))
    assert found.recommended.confirmed
    assert found.at(Route.AGENCY, who="Dear").net == usd(420_000)
    assert found.at(Route.AGENCY).who == "Cheap"
    assert found.closed["Far"] == "collects only in OK"


def test_a_rate_depends_on_age_size_and_whether_a_lawyer_is_needed():
    rates = (
        Rate(percent=Decimal(45), age_from=181),
        Rate(percent=Decimal(15), least=Decimal(50_000)),
        Rate(percent=Decimal(25), legal=Decimal(40)),
    )
    card = RateCard(agency="A", rates=rates)
    assert card.percent(200, usd(6_000_000)) == 45
    assert card.percent(90, usd(5_000_000)) == 15
    assert card.percent(90, usd(4_999_999)) == 25
    assert card.percent(90, usd(100), legal=True) == 40
    assert RateCard(agency="B", rates=rates[:1]).percent(90, usd(100)) is None
    assert compare(owed(90), cards=(card,), legal=True).at(Route.AGENCY).fee == usd(280_000)


@pytest.mark.req("A41", "A75")
def test_the_card_of_an_agency_in_the_settings_is_read_exactly():
    agency = AgencySettings(
        name="Fair & Co", connection="mail", to=("in@fair.example",), licensed_in=("tx",), memberships=("CLLA",),
        rates=({"percent": "22.5", "amount_from": "1000"},),
    )  # fmt: skip
    card = card_of(agency)
    assert card.percent(10, usd(100_000)) == Decimal("22.5")
    assert card.percent(10, usd(99_999)) is None
    assert [card.covers(law) for law in ("US-TX", "US-OK", None)] == [True, False, True]


@pytest.mark.req("A87")
def test_few_open_cases_make_a_lawyer_worth_a_thought():
    assert any("collections lawyer" in line for line in compare(owed(90), open_cases=2).reasons)
    assert not any("collections lawyer" in line for line in compare(owed(90), open_cases=9).reasons)
    small = " ".join(compare(owed(130, 90_000), open_cases=2).reasons)
    assert "collections lawyer" not in small, "its fees would eat this claim"
    assert "no other route that you decide on alone is" in small


# ── own cases ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def case(days, share):
    return PlacedCase(days_past_due=days, claimed=usd(100_000), recovered=usd(int(100_000 * share)))


@pytest.mark.req("A80", "D7")
def test_own_cases_move_the_curve_only_once_there_are_enough_and_only_so_far():
    few = Expectation(curve=CURVE, cases=(case(90, 0), case(90, 0)))
    assert few.share(90) == Decimal("0.7000")
    assert "too few (3 needed)" in few.words
    ten = Expectation(curve=CURVE, cases=tuple(case(90, 0.35) for _ in range(10)))
    assert ten.factor == Fraction(3, 4)  # ten cases of half the curve beside ten of the curve itself
    assert ten.share(90) == Decimal("0.5250")
    assert "your 10 closed cases brought 0.5 of" in ten.words
    assert compare(owed(90), expectation=ten).at(Route.AGENCY).gross == usd(525_000)


def test_better_than_the_curve_never_means_more_than_everything():
    lucky = Expectation(curve=CURVE, cases=tuple(case(360, 1) for _ in range(50)))
    assert lucky.share(0) == 1


# ── exactness ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 10**10)), min_size=1, max_size=6),
    st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_sums_hold_to_the_minor_unit_whatever_is_owed(rows, currency):
    found = compare(*(owed(days, minor, currency=currency) for days, minor in rows), currency=currency)
    total = sum(minor for _, minor in rows)
    assert found.claimed == Money(total, currency)
    for item in found.worths:
        assert item.net == item.gross - item.fee - item.costs
        assert 0 <= item.gross.minor <= total
        assert 0 <= item.fee.minor <= item.gross.minor
    now = [item.net.minor for item in found.worths if item.in_days == 0 and item.route not in (Route.PLAN, Route.WRITE_OFF)]
    assert found.recommended.net.minor in (max(now), 0)
    gross = [found.at(Route.AGENCY, days).gross.minor for days in HORIZONS]
    assert gross == sorted(gross, reverse=True)


@pytest.mark.parametrize(
    ("minor", "share", "part"), [(5, "0.5", 3), (-5, "0.5", -2), (1, "0.4999", 0), (3, "0.3333", 1), (10**15, "0.1", 10**14)]
)
def test_a_part_is_rounded_half_up_in_whole_minor_units(minor, share, part):
    assert part_of(usd(minor), Decimal(share)) == usd(part)


# ── the user's own figures ──────────────────────────────────────────────────────────────────────────────────────────────
def own(text):
    return read_tariff(shipped_text("economics.toml"), "economics.toml", own=text, own_where="mine.toml")


@pytest.mark.req("D7")
def test_a_table_of_the_users_replaces_the_shipped_one():
    mine = own('[curve]\npoints = [["0", "1"], ["12", "0.5"]]\nconfirmed = true')
    assert mine.recovery.share(360) == Decimal("0.5")
    assert mine.agency == TARIFF.agency
    assert compare(owed(360), tariff=mine, expectation=Expectation(curve=mine.recovery)).at(Route.AGENCY).gross == usd(500_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[curve]\npoints = [["0", "0.5"], ["3", "0.9"]]', "do not rise"),
        ("[agency]\nrates = []", "one row of rates"),
        ('[plan]\nkept = "1.5"\nhours = "1"\nhourly = "1"', "between 0 and 1"),
        ("[typo]\nx = 1", "typo"),
        ("[curve", "not valid TOML"),
    ],
)
def test_a_wrong_table_is_named_with_its_file(text, words):
    with pytest.raises(ConfigError) as caught:
        own(text)
    assert words in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_court_limit_that_cannot_be_read_is_named():
    with pytest.raises(ConfigError, match="US-TX"):
        read_courts('court = [{ law = "US-TX", limit = "many dollars" }]', "mine.toml")


def test_a_court_limit_of_your_own_says_who_checked_it_and_holds_only_in_its_days():
    text = """
    [[court]]
    law = "US-TX"
    limit = "10000 USD"
    until = 2026-08-31
    confirmed = true
    checked_by = "J. Roe"
    checked_on = 2026-05-01
    [[court]]
    law = "US-TX"
    limit = "25000 USD"
    from = 2026-09-01
    source = ["bar journal"]
    """
    old, new = read_courts(text, "mine.toml")["US-TX"]
    assert old.words == "10,000.00 USD (checked by J. Roe on 2026-05-01)"
    assert new.words == "25,000.00 USD since 2026-09-01 (bar journal, unconfirmed)"
    assert (old.holds(date(2026, 8, 31)), old.holds(date(2026, 9, 1)), new.holds(date(2026, 9, 1))) == (True, False, True)


def test_every_figure_without_a_source_says_that_it_is_an_assumption():
    assert TARIFF.attorney.source == TARIFF.small_claims.source == "assumption"
    assert not any(table.confirmed for table in (TARIFF.curve, TARIFF.agency, TARIFF.attorney, TARIFF.small_claims, TARIFF.plan))
    assert any("nobody confirmed" in line for line in compare(owed(90)).reasons)
    assert all(rate.source for rate in TARIFF.agency.rates)


def test_a_claim_due_only_tomorrow_is_worth_the_fresh_share():
    fresh = replace(owed(0), due_on=date(2026, 7, 1))
    assert compare(fresh).at(Route.AGENCY).gross == usd(940_000)
