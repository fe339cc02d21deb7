"""What cases teach: causes, agencies, ages and quarters counted right, and nothing suggested from a handful of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.books import Account, AccountBooks, Books
from core.collections.case import AgencyStatus, Case, CaseClosed, CaseState, DirectPayment, Outcome, Placement, Remittance
from core.collections.learning import Cause, Share, age_band, cause_of, lessons, placed_cases, quarter_of
from core.collections.learning_advice import small_numbers, suggestions
from core.collections.routes import shipped_tariff
from core.money import Money
from core.records import Agreement, DocumentStatus, Invoice, Party, RecordKey, Ref, Role, Stream

TODAY = date(2026, 6, 30)
CURVE = shipped_tariff().recovery
PLACED = date(2026, 2, 1)


def usd(minor):
    return Money(minor, "USD")


def at(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def key(name):
    return RecordKey("books", Stream.INVOICES, Ref(name))


def invoice(name, party, issued_on=PLACED - timedelta(days=130), **more):
    given = {
        "total": usd(100_000),
        "open": usd(100_000),
        "status": DocumentStatus.OPEN,
        "due_on": issued_on + timedelta(days=30),
        **more,
    }
    return Invoice(connection="books", ref=Ref(name), party_ref=Ref(party), number=name, issued_on=issued_on, **given)


def case(
    n, *, agency="Fair", cause="cash trouble", recovered=0, fee=0, placed_on=PLACED, state=CaseState.CLOSED, paid_on=None, **more
):
    came = Remittance(
        reference=f"r{n}", remitted_on=paid_on or placed_on + timedelta(days=40), gross=usd(recovered), fee=usd(fee),
        net=usd(recovered - fee), residual=usd(0),
    )  # fmt: skip
    placement = Placement(
        agency=agency, reference=f"p{n}", placed_on=placed_on, count=1, amount=usd(100_000), pack_sha256="0" * 64
    )
    given = {
        "closing": CaseClosed(outcome=Outcome.PART_PAID, cause=cause) if state is CaseState.CLOSED else None,
        "placement": placement,
        "placed_at": at(placed_on),
        "remittances": (came,) if recovered else (),
        **more,
    }
    return Case(
        id=f"case{n:04d}", account=f"books:c{n}", opened_at=at(placed_on), opened_by="kim", state=state, invoices=(key(f"i{n}"),),
        currency="USD", changed_at=at(TODAY), **given,
    )  # fmt: skip


def client(name, invoices, **more):
    account = Account(id=f"books:{name}", name=name, parties=(RecordKey("books", Stream.PARTIES, Ref(name)),))
    party = Party(connection="books", ref=Ref(name), name=name)
    return AccountBooks(account=account, parties=(party,), invoices=tuple(invoices), roles={"books": Role.BOOKS}, **more)


def books(count, *others, traits=None):
    """`count` clients, each with the invoice of its case."""
    mine = [client(f"c{n}", [invoice(f"i{n}", f"c{n}")], **(traits(n) if traits else {})) for n in range(count)]
    named = {item.account.id: item for item in (*mine, *others)}
    nobody = AccountBooks(account=Account(id="", name="", parties=()))
    return Books(as_of=at(TODAY), accounts=named, unassigned=nobody, roles={"books": Role.BOOKS})


def learn(cases, ledger=None, as_of=TODAY):
    return lessons(cases, ledger or books(len(cases)), as_of, CURVE)


def advice(cases, ledger=None, ready_days=60):
    ledger = ledger or books(len(cases))
    return suggestions(lessons(cases, ledger, TODAY, CURVE), ledger, CURVE, ready_days)


# ── counting ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A29")
def test_gross_fee_and_net_add_up_against_writing_off():
    found = learn([case(0, recovered=60_000, fee=15_000), case(1), case(2, recovered=40_000, fee=12_000)])
    assert (found.gross, found.fee, found.net) == (usd(100_000), usd(27_000), usd(73_000))


@pytest.mark.req("A43", "A115")
def test_causes_are_counted_the_commonest_first_and_unknown_words_are_other():
    found = learn([case(0), case(1), case(2, cause="Service dispute"), case(3, cause="the moon"), case(4, cause="")])
    assert [(str(cause), count) for cause, count, _ in found.by_cause] == [
        ("cash_trouble", 2), ("other", 1), ("service_dispute", 1), ("unknown", 1),
    ]  # fmt: skip
    assert cause_of(case(0, state=CaseState.PLACED)) is None


@pytest.mark.req("A43", "A109")
def test_an_agency_is_scored_by_what_it_brought_of_ended_cases_and_how_long_it_took():
    word = AgencyStatus(code="NEW", meaning="received", on=PLACED + timedelta(days=3), received_at=at(PLACED))
    cases = [
        case(0, agency="Fair", recovered=70_000, fee=20_000, statuses=(word,)),
        case(1, agency="Fair", recovered=10_000, fee=3_000),
        case(2, agency="Fair", state=CaseState.PLACED, recovered=5_000),
        case(3, agency="Slow"),
    ]
    fair, slow = learn(cases).by_agency
    assert (fair.cases, fair.ended, fair.recovered, fair.fee) == (3, 2, usd(80_000), usd(23_000))
    assert fair.share == pytest.approx(0.4)
    assert (fair.success.some, fair.success.of) == (1, 2)
    assert (fair.days_to_status, fair.days_to_money) == (3.0, 40.0)
    assert (slow.recovered, slow.days_to_money) == (usd(0), None)


@pytest.mark.req("A43", "A80")
def test_recovery_is_shown_by_age_at_placement_beside_the_curve():
    found = learn([case(0, recovered=50_000)])
    (band,) = found.by_age
    assert (band.name, band.share, band.expected) == ("91-180", 0.5, float(CURVE.share(100)))
    assert [age_band(days) for days in (0, 90, 91, 365, 730, 731, None)] == [
        "0-90", "0-90", "91-180", "181-365", "366-730", "over 730", "unknown",
    ]  # fmt: skip


def test_money_straight_to_us_counts_and_another_currency_does_not():
    direct = DirectPayment(
        payment=RecordKey("books", Stream.PAYMENTS, Ref("q")), amount=usd(30_000), paid_on=PLACED + timedelta(days=5),
        seen_at=at(PLACED), fee=usd(7_500), tell_by=at(PLACED),
    )  # fmt: skip
    foreign = replace(direct, amount=Money(99, "EUR"), fee=Money(9, "EUR"))
    (result,) = learn([case(0, direct_payments=(direct, foreign))]).results
    assert (result.recovered, result.fee, result.days_to_money) == (usd(30_000), usd(7_500), 5)
    (both,) = learn([case(0, direct_payments=(direct,), recovered=10_000)]).results
    assert (both.recovered, both.days_to_money) == (usd(40_000), 5)  # the agency's came on day 40


@pytest.mark.req("A76", "A116")
def test_referrals_are_counted_per_thousand_invoices_by_quarter():
    other = client("big", [invoice(f"b{n}", "big", date(2026, 1, 5)) for n in range(400)])
    drafts = client("d", [invoice("x", "d", date(2026, 1, 5), status=DocumentStatus.DRAFT)])
    found = learn([case(0), case(1)], books(2, other, drafts))
    quarters = {item.name: item for item in found.quarters}
    assert quarters["2026-Q1"].referred == 2
    assert quarters["2026-Q1"].invoices == 400
    assert quarters["2026-Q1"].per_1000 == 5.0
    assert quarters["2026-Q1"].claimed == usd(200_000)
    assert quarters["2026-Q2"].per_1000 is None
    assert [item.name for item in found.quarters][-2:] == ["2026-Q1", "2026-Q2"]
    assert quarter_of(date(2026, 12, 31)) == "2026-Q4"


@pytest.mark.req("A103")
def test_who_is_still_billed_a_year_after_the_case_is_still_a_client():
    long_ago = date(2025, 3, 1)
    ledger = books(2, client("c2", [invoice("i2", "c2"), invoice("new", "c2", date(2026, 5, 1))]))
    found = learn([case(0, placed_on=long_ago), case(1), case(2, placed_on=long_ago)], ledger)
    assert (found.retained.some, found.retained.of) == (1, 2)


def test_cases_that_were_never_placed_or_only_later_teach_nothing_yet():
    never = case(0, placement=None, placed_at=None)
    assert learn([never, case(1)], as_of=PLACED - timedelta(days=1)).results == ()
    assert learn([]).currency == "USD"


def test_currencies_are_never_added_up():
    euro = replace(case(1), currency="EUR", placement=replace(case(1).placement, amount=Money(5_000, "EUR")))
    found = learn([case(0), case(2), euro])
    assert (found.currency, found.other_currencies, len(found.results)) == ("USD", ("EUR",), 2)


def test_ended_cases_feed_the_recovery_curve_and_running_ones_do_not():
    found = learn([case(0, recovered=20_000), case(1, state=CaseState.ACKNOWLEDGED, recovered=90_000)])
    (placed,) = placed_cases(found.results, "USD")
    assert (placed.days_past_due, placed.recovered) == (100, usd(20_000))
    assert placed_cases(found.results, "EUR") == ()


def test_a_day_before_everything_is_no_fault():
    assert learn([case(0)], as_of=date(1, 1, 1)).results == ()


def test_a_claim_of_nothing_says_nothing_about_recovery():
    nothing = replace(case(0), placement=replace(case(0).placement, amount=usd(0)))
    assert placed_cases(learn([nothing]).results, "USD") == ()


def test_a_case_counts_from_the_day_it_was_placed():
    assert len(learn([case(0)], as_of=PLACED).results) == 1


# ── honest about few ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_interval_of_a_rate_is_wide_for_few_and_narrow_for_many():
    few, many = Share(some=2, of=3).interval, Share(some=200, of=300).interval
    assert few[1] - few[0] > 0.5
    assert many[1] - many[0] < 0.1
    assert few[0] < 2 / 3 < few[1]
    assert Share(some=0, of=0).interval == (0.0, 1.0)
    low, high = Share(some=0, of=5).interval
    assert low == 0
    assert 0.2 < high < 0.4


@pytest.mark.req("A115")
def test_two_cases_suggest_nothing_firm_and_say_why():
    found = advice([case(0), case(1)])
    assert found
    assert not any(item.firm for item in found)
    assert all("too few" in item.why for item in found)
    lessons_now = learn([case(0), case(1)])
    assert "Do not compare" in small_numbers(lessons_now, lessons_now.by_agency)
    assert "nothing to learn" in small_numbers(learn([]), ())


@pytest.mark.req("A43", "A115")
def test_a_common_cause_suggests_its_change_once_there_are_enough_cases():
    cases = [case(n, cause="service dispute") for n in range(6)] + [case(n, cause="gone away") for n in range(6, 8)]
    first = next(item for item in advice(cases) if "service dispute" in item.why)
    assert first.firm
    assert "open tickets" in first.change
    assert "6 of 8 closed cases (6,000.00 USD) came from service dispute" in first.why
    assert not any("postal address" in item.change for item in advice(cases))


def test_five_cases_are_enough_to_suggest_and_four_are_not():
    for count, firm in ((4, False), (5, True)):
        found = [item for item in advice([case(n) for n in range(count)]) if "cash trouble" in item.why]
        assert [(item.firm, "too few" in item.why) for item in found] == [(firm, not firm)]


@pytest.mark.parametrize(("days", "told"), [(30, False), (31, True)])
def test_terms_are_long_from_the_thirty_first_day(days, told):
    start = PLACED - timedelta(days=130)
    late = [client(f"c{n}", [invoice(f"i{n}", f"c{n}", start, due_on=start + timedelta(days=days))]) for n in range(6)]
    prompt = [client(f"s{n}", [invoice(f"s{n}", f"s{n}", due_on=start + timedelta(days=14))]) for n in range(10)]
    found = advice([case(n) for n in range(6)], books(0, *late, *prompt))
    assert any("shorten terms" in item.change for item in found) is told


@pytest.mark.req("A115")
def test_placing_late_suggests_placing_at_the_policys_day_with_what_it_costs():
    (found,) = [item for item in advice([case(n) for n in range(6)]) if "become ready" in item.change]
    assert found.firm
    lost = CURVE.share(60) - CURVE.share(100)
    assert f"the median case was 100 days past due when placed, the policy says 60: {lost:.0%}" in found.why
    assert not [item for item in advice([case(n) for n in range(6)], ready_days=90) if "become ready" in item.change]


@pytest.mark.req("A43", "A115")
def test_clients_without_a_signature_who_become_cases_more_often_suggest_signing():
    def deal(n, signed):
        return {"agreements": (Agreement(connection="books", ref=Ref(f"a{n}"), party_ref=Ref("x"), name="MSA", signed=signed),)}

    safe = [client(f"s{n}", [invoice(f"s{n}", f"s{n}")], **deal(n, True)) for n in range(10)]
    ledger = books(6, *safe, traits=lambda n: deal(n, n == 0))
    (found,) = [item for item in advice([case(n) for n in range(6)], ledger) if "sign" in item.change]
    assert found.firm
    assert "5 of 5 clients with no signed agreement became a case, 1 of 11 without" in found.why
    even = books(
        6, *[client(f"u{n}", [invoice(f"u{n}", f"u{n}")], **deal(n, False)) for n in range(20)], traits=lambda n: deal(n, True)
    )
    assert not [item for item in advice([case(n) for n in range(6)], even) if "sign" in item.change]


@pytest.mark.req("A109", "A115")
def test_an_agency_is_preferred_only_when_both_have_enough_cases_and_chance_would_not_do():
    good = [case(n, agency="Good", recovered=80_000) for n in range(12)]
    poor = [case(n, agency="Poor", recovered=5_000) for n in range(12, 24)]
    assert any(item.change == "give new cases to Good" for item in advice(good + poor))
    assert not any("give new cases" in item.change for item in advice(good + poor[:9]))
    close = [case(n, agency="Poor", recovered=80_000 if n % 3 else 0) for n in range(12, 24)]
    assert not any("give new cases" in item.change for item in advice(good[:10] + close[:10]))


def test_causes_have_a_change_or_need_none():
    from core.collections.learning_advice import CHANGES

    assert set(Cause) - set(CHANGES) == {Cause.OTHER, Cause.UNKNOWN}
