"""Clocks: the shortest reading warns, what is not known stays unknown, and the shipped table says what it rests on."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collections.case import AttachmentKind
from core.collections.clocks import Bond, ClockState, Restarts, read_clock, years_after
from core.collections.clocks_from_books import bond_of, restarts_of
from core.collections.clocks_table import read_limits, shipped_limits
from core.collections.debtor_rules import rules_for
from core.collections.routes import shipped_courts
from core.collections.terms import ContractTerms, law_of
from core.errors import ConfigError
from core.records import Agreement, Allocation, Payment, PaymentStatus, Ref
from tests.unit.collections.clean_claim import KEY, PLACE, TODAY, at, bill, client, paper, promised, usd

STATES = [
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD",
    "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD",
    "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
]  # fmt: skip
COMPANY = {"consumer": False}


def clock(law, due_on, *, today=TODAY, restarts=None, written=True, table=None, **more):
    bond = Bond(law=law, written=written, **{**COMPANY, **more})
    return read_clock(KEY, due_on, bond, restarts or Restarts(), table or shipped_limits(), today=today)


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A30", "A33", "D8")
def test_every_state_and_the_other_jurisdictions_have_a_row_with_its_source_and_only_what_was_seen_is_confirmed():
    table = shipped_limits()
    laws = table.laws()
    assert {f"US-{state}" for state in STATES} <= set(laws)
    assert {"GB-EAW", "GB-SCT", "GB-NIR", "IE", "NZ", "CA-ON", "CA-QC", "AU-NSW", "AU-NT", "DE", "FR", "NL"} <= set(laws)
    for row in table.limits:
        assert row.statute
        assert row.source
        assert set(row.source) <= set(table.sources)
    assert {row.law for row in table.limits if row.confirmed} == {"US-KY"}


@pytest.mark.req("A33")
@pytest.mark.parametrize(
    ("law", "years"),
    [("US-CA", 4), ("US-NC", 3), ("US-IL", 10), ("GB-EAW", 6), ("GB-SCT", 5), ("CA-ON", 2), ("AU-NT", 3), ("NZ", 6), ("AT", 3)],
)
def test_the_period_of_a_law_counts_from_the_due_date(law, years):
    found = clock(law, date(2026, 3, 3))
    assert (found.earliest, found.latest) == (date(2026 + years, 3, 3), date(2026 + years, 3, 3))
    assert found.state is ClockState.RUNNING
    assert not found.confirmed
    assert "unconfirmed" in found.words


@pytest.mark.req("D8")
@pytest.mark.parametrize(
    ("due_on", "earliest"),
    [
        (date(2010, 1, 1), date(2020, 9, 28)),  # 15 years, but not beyond 8 from the change
        (date(2013, 1, 1), date(2021, 1, 1)),  # 8 years
        (date(2020, 1, 1), date(2027, 6, 16)),  # 8 years, but not beyond 6 from the change
        (date(2022, 1, 1), date(2028, 1, 1)),  # 6 years
    ],
)
def test_a_law_that_changed_counts_by_the_day_the_claim_arose(due_on, earliest):
    assert clock("US-OH", due_on).earliest == earliest


@pytest.mark.req("D8")
def test_kentucky_counts_by_the_day_the_contract_was_made_and_without_it_by_both():
    due = date(2020, 5, 1)
    assert clock("US-KY", due, signed_on=date(2012, 1, 1)).earliest == date(2035, 5, 1)
    new = clock("US-KY", due, signed_on=date(2019, 1, 1))
    assert (new.earliest, new.confirmed) == (date(2030, 5, 1), True)
    both = clock("US-KY", due)
    assert (both.earliest, both.latest) == (date(2030, 5, 1), date(2035, 5, 1))


@pytest.mark.req("A33")
def test_where_sources_differ_there_is_a_span_and_the_shorter_end_warns():
    found = clock("US-CO", date(2023, 9, 1))
    assert (found.earliest, found.latest) == (date(2026, 9, 1), date(2029, 9, 1))
    assert found.state is ClockState.WARNING
    assert found.days_left == 63
    assert clock("US-CO", date(2023, 6, 1)).state is ClockState.PERHAPS_OVER
    assert clock("US-CO", date(2020, 6, 1)).state is ClockState.OVER


@pytest.mark.parametrize(
    ("due_on", "today", "state"),
    [
        (date(2022, 6, 30), date(2026, 6, 30), ClockState.WARNING),  # the last day is still in time
        (date(2022, 6, 29), date(2026, 6, 30), ClockState.OVER),
        (date(2023, 6, 30), date(2029, 6, 30), None),
    ],
)
def test_the_last_day_itself_is_in_time(due_on, today, state):
    law = "US-TX" if state else "US-CO"
    assert clock(law, due_on, today=today).state is (state or ClockState.PERHAPS_OVER)


def test_without_a_signed_contract_the_shorter_period_of_open_accounts_counts_and_when_unsure_both():
    due = date(2026, 1, 1)
    assert clock("US-IL", due, written=False).earliest == date(2031, 1, 1)
    unsure = clock("US-IL", due, written=None)
    assert (unsure.earliest, unsure.latest) == (date(2031, 1, 1), date(2036, 1, 1))
    assert "not known" in unsure.words


def test_goods_may_have_a_shorter_period_and_consumers_their_own():
    assert clock("US-IL", date(2026, 1, 1), goods=True).earliest == date(2030, 1, 1)
    person = clock("US-NY", date(2026, 1, 1), consumer=True)
    assert (person.earliest, person.latest) == (date(2029, 1, 1), date(2029, 1, 1))
    unknown = clock("US-NY", date(2026, 1, 1), consumer=None)
    assert (unknown.earliest, unknown.latest) == (date(2029, 1, 1), date(2032, 1, 1))


def test_a_period_that_runs_from_the_end_of_the_year_does():
    assert clock("DE", date(2026, 3, 3)).earliest == date(2029, 12, 31)


@pytest.mark.req("A33")
def test_an_unknown_law_stays_unknown_and_shows_the_earliest_of_what_comes_into_question():
    bond = Bond(law=None, candidates=("US-TX", "US-NC"), written=True, consumer=False)
    found = read_clock(KEY, date(2026, 3, 3), bond, Restarts(), shipped_limits(), today=TODAY)
    assert found.state is ClockState.UNKNOWN
    assert not found.passes
    assert found.earliest == date(2029, 3, 3)
    nowhere = clock("US-ZZ", date(2026, 3, 3))
    assert (nowhere.state, nowhere.earliest) == (ClockState.UNKNOWN, None)


# ── restarts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A33")
def test_a_payment_starts_the_clock_again_where_the_law_says_so_and_only_perhaps_where_nobody_said():
    paid = Restarts(paid_on=date(2026, 6, 1))
    sure = clock("GB-EAW", date(2022, 1, 1), restarts=paid)
    assert (sure.earliest, sure.latest) == (date(2032, 6, 1), date(2032, 6, 1))
    unsure = clock("US-TX", date(2024, 1, 1), restarts=paid)
    assert (unsure.earliest, unsure.latest) == (date(2028, 1, 1), date(2030, 6, 1))


def test_a_word_counts_only_in_writing_where_the_law_wants_that():
    day = date(2026, 6, 1)
    assert clock("IE", date(2022, 1, 1), restarts=Restarts(acknowledged_on=day)).earliest == date(2028, 1, 1)
    assert clock("IE", date(2022, 1, 1), restarts=Restarts(acknowledged_on=day, in_writing=True)).earliest == date(2032, 6, 1)
    assert clock("CA-QC", date(2025, 1, 1), restarts=Restarts(acknowledged_on=day)).earliest == date(2029, 6, 1)


def test_the_last_of_several_restarts_counts():
    both = Restarts(paid_on=date(2026, 6, 1), acknowledged_on=date(2025, 6, 1))
    assert clock("CA-QC", date(2025, 1, 1), restarts=both).earliest == date(2029, 6, 1)
    other = Restarts(paid_on=date(2025, 6, 1), acknowledged_on=date(2026, 6, 1))
    assert clock("CA-QC", date(2025, 1, 1), restarts=other).earliest == date(2029, 6, 1)


def test_spans_of_one_law_follow_each_other_without_gap_or_overlap():
    dated = {}
    for row in shipped_limits().limits:
        dated.setdefault((row.law, row.kind), []).append(row)
    for rows in dated.values():
        if len(rows) == 1:
            continue
        spans = sorted(
            (row.accrued_from or row.signed_from or date.min, row.accrued_until or row.signed_until or date.max) for row in rows
        )
        assert (spans[0][0], spans[-1][1]) == (date.min, date.max)
        assert all(later[0] - earlier[1] == timedelta(days=1) for earlier, later in itertools.pairwise(spans))


def test_one_signed_agreement_among_several_makes_the_contract_written():
    signed, not_signed = (
        Agreement(connection="psa", ref=Ref(name), party_ref=Ref("p"), name=name, signed=name == "a") for name in "ab"
    )

    def written(*agreements):
        return bond_of(client(agreements=agreements), ContractTerms(), natural=None, default_law=None, home=None).written

    assert written(signed, not_signed) is True
    assert written(not_signed) is None
    assert written() is None


def test_what_was_over_is_not_revived_by_a_late_payment():
    found = clock("GB-SCT", date(2020, 1, 1), restarts=Restarts(paid_on=date(2026, 1, 1)))
    assert found.state is ClockState.OVER
    assert found.extinguishes


def test_payments_promises_and_letters_of_the_books_restart_the_clock_of_their_own_invoice_only():
    part = Payment(
        connection="books", ref=Ref("q"), party_ref=Ref("p"), amount=usd(100), unapplied=usd(0), paid_on=date(2026, 5, 1),
        allocations=(Allocation(invoice_ref=Ref("i1"), amount=usd(100)),),
    )  # fmt: skip
    books = client(payments=(part,))
    found = restarts_of(bill(), books, (promised(date(2026, 4, 1)),), (), PLACE)
    assert (found.paid_on, found.acknowledged_on, found.in_writing) == (date(2026, 5, 1), date(2026, 3, 25), False)
    letter = paper(AttachmentKind.COMMUNICATION, "2" * 64, note="acknowledges the debt", at=at(date(2026, 6, 2)))
    assert restarts_of(bill(), books, (), (letter,), PLACE).in_writing
    assert restarts_of(bill("other"), books, (), (), PLACE).paid_on is None
    bounced = client(payments=(Payment(**{**_fields(part), "status": PaymentStatus.REVERSED}),))
    assert restarts_of(bill(), bounced, (), (), PLACE).paid_on is None


def _fields(payment):
    return {name: getattr(payment, name) for name in payment.__slots__ if not name.startswith("_")} | {
        name: getattr(payment, name) for name in ("connection", "ref", "version", "updated_at")
    }


@given(
    st.dates(date(2005, 1, 1), date(2026, 1, 1)),
    st.sampled_from(sorted(shipped_limits().laws())),
    st.none() | st.dates(date(2005, 1, 1), date(2026, 1, 1)),
    st.sampled_from([True, False, None]),
    st.sampled_from([True, False, None]),
)
def test_the_earliest_day_never_lies_after_the_latest_and_knowing_less_never_promises_more_time(due, law, paid, written, person):
    found = clock(law, due, restarts=Restarts(paid_on=paid), written=written, consumer=person)
    vague = clock(law, due, restarts=Restarts(paid_on=paid), written=None, consumer=None)
    if found.earliest is None:
        return
    assert due < found.earliest <= found.latest
    assert vague.earliest <= found.earliest
    assert vague.latest >= found.latest


def test_leap_days_and_the_end_of_the_calendar():
    assert years_after(date(2024, 2, 29), 3) == date(2027, 2, 28)
    assert years_after(date(9998, 1, 1), 6).year == 9999


# ── the user's own rows, and what ties a claim to a law ─────────────────────────────────────────────────────────────────
@pytest.mark.req("A30", "D8")
def test_a_row_of_the_users_replaces_the_shipped_one_and_leaves_the_others():
    own = read_limits('limit = [{ law = "US-TX", kind = "written", years = 5, confirmed = true, statute = "x" }]', "own.toml")
    table = shipped_limits().overlaid(own)
    found = clock("US-TX", date(2026, 1, 1), table=table)
    assert (found.earliest, found.confirmed) == (date(2031, 1, 1), True)
    assert clock("US-CA", date(2026, 1, 1), table=table).earliest == date(2030, 1, 1)


@pytest.mark.req("D8")
def test_a_row_of_the_users_takes_the_place_of_every_dated_row_of_that_law_and_kind():
    own = read_limits('limit = [{ law = "US-OH", kind = "written", years = 7, confirmed = true }]', "own.toml")
    found = clock("US-OH", date(2010, 1, 1), table=shipped_limits().overlaid(own))
    assert (found.earliest, found.latest, found.confirmed) == (date(2017, 1, 1), date(2017, 1, 1), True)
    assert clock("US-OH", date(2010, 1, 1), written=False, table=shipped_limits().overlaid(own)).earliest == date(2014, 1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limit = [{ law = 'US-TX', kind = 'written', years = 0 }]", "years are 1 to 30"),
        ("limit = [{ law = 'US-TX', kind = 'spoken', years = 4 }]", "spoken"),
        ("limit = [{ law = 'US-TX', kind = 'any', years = 4, yeras = 5 }]", "yeras"),
        ("limit = [{ law = 'texas', kind = 'any', years = 4 }]", "not a law code"),
        (
            "limit = [{ law = 'US-TX', kind = 'any', years = 4, accrued_from = 2020-01-01, accrued_until = 2019-01-01 }]",
            "before it begins",
        ),
        ("limit = [", "own.toml"),
    ],
)
def test_a_wrong_row_is_named_with_its_file(text, words):
    with pytest.raises(ConfigError) as caught:
        read_limits(text, "own.toml")
    assert words in str(caught.value)
    assert "own.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("country", "region", "law"),
    [
        ("US", "TX", "US-TX"), ("us", "US-TX", "US-TX"), ("US", None, None), ("US", "Texas", None), ("GB", "SCT", "GB-SCT"),
        ("GB", "ENG", "GB-EAW"), ("GB", None, None), ("DE", "BY", "DE"), ("NZ", None, "NZ"),
        (None, "TX", None), ("USA", "TX", None),
    ],
)  # fmt: skip
def test_the_law_of_an_address(country, region, law):
    assert law_of(country, region) == law


def test_a_region_written_in_full_is_found_by_its_name_in_the_table():
    names = shipped_limits().laws()
    assert law_of("US", "Texas", names) == "US-TX"
    assert law_of("CA", "british columbia", names) == "CA-BC"
    assert law_of("GB", "Scotland", names) == "GB-SCT"
    assert law_of("US", "Ontario", names) is None


@pytest.mark.req("A30", "A35")
def test_the_contract_names_the_law_first_then_the_settings_and_an_address_only_suggests():
    books = client()

    def bond(terms=None, default=None):
        return bond_of(books, terms or ContractTerms(), natural=None, default_law=default, home="US-OK")

    assert bond(ContractTerms(governing_law="gb-eaw"), "US-TX").law == "GB-EAW"
    assert bond(default="US-TX").law == "US-TX"
    assert (bond().law, bond().candidates) == (None, ("US-TX", "US-OK"))
    assert bond().written is True  # the PSA says it was signed
    assert bond(ContractTerms(signed=False)).written is False


# ── rules by who the client is, and courts ──────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A30", "A34", "D8")
def test_rules_hold_by_person_place_day_and_amount():
    def cited(law, natural, minor=100_000, day=TODAY, currency="USD"):
        money = usd(minor) if currency == "USD" else type(usd(1))(minor, currency)
        return {rule.citation for rule in rules_for(frozenset({law}), natural, money, day)}

    bill_1286 = "Cal. S.B. 1286 (2024)"
    assert bill_1286 in cited("US-CA", True)
    assert bill_1286 in cited("US-CA", None)
    assert bill_1286 not in cited("US-CA", False)
    assert bill_1286 not in cited("US-CA", True, 50_000_001)
    assert bill_1286 not in cited("US-CA", True, day=date(2025, 6, 30))
    assert bill_1286 not in cited("US-TX", True)
    assert "Pre-Action Protocol for Debt Claims, para. 3" in cited("GB-EAW", True)
    assert "Directive 2011/7/EU art. 3, 6" in cited("DE", False)
    assert all(not rule.confirmed for rule in rules_for(frozenset({"US-CA", "GB-EAW"}), None, usd(1), TODAY))


def test_every_court_limit_can_be_read_and_none_claims_to_be_confirmed():
    courts = shipped_courts()
    assert len(courts) > 70
    rows = [court for dated in courts.values() for court in dated]
    assert not any(court.confirmed for court in rows)
    assert all("unconfirmed" in court.words and "general knowledge" in court.words for court in rows), "each says who says so"
    assert all(court.first or court.last or "as of 2026-11-23" in court.words for court in rows), "and since or as of when"
    (texas,) = courts["US-TX"]
    assert (texas.limit, texas.first) == (usd(2_000_000), date(2020, 9, 1))
    limits = [
        next(court.limit.minor for court in courts["CA-ON"] if court.holds(day)) for day in (date(2025, 9, 30), date(2025, 10, 1))
    ]
    assert limits == [3_500_000, 5_000_000]
    assert shipped_limits().gathered_on == date(2026, 11, 23)
    assert "unconfirmed, as of 2026-11-23" in clock("GB-EAW", date(2026, 3, 3)).words


def test_the_warning_window_is_the_users():
    bond = Bond(law="US-TX", written=True, consumer=False)
    due = TODAY.replace(year=TODAY.year - 4) + timedelta(days=200)
    for days, state in ((180, ClockState.RUNNING), (200, ClockState.WARNING)):
        assert read_clock(KEY, due, bond, Restarts(), shipped_limits(), today=TODAY, warn_days=days).state is state
