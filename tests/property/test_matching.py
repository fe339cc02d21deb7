"""Laws of cash application, over any invoices and payments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.matching import IncomingPayment, Match, OpenInvoice, match
from core.matching.amounts import parse_amount
from core.money import Money

PARTIES = ("Acme Dental Inc", "Beta Law LLP", "Acme Dental Group", "")
CURRENCIES = ("USD", "EUR", "JPY")
DAY = date(2026, 1, 1)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Books = tuple[list[OpenInvoice], list[IncomingPayment]]

amounts = st.one_of(st.sampled_from([5000, 9900, 10_000, 15_000, 25_000]), st.integers(0, 60_000))
days = st.one_of(st.none(), st.integers(0, 90).map(lambda offset: DAY + timedelta(days=offset)))
numbers = st.one_of(st.none(), st.integers(1, 60).map(lambda n: f"INV-{n:04d}"), st.text(max_size=6))


@st.composite
def ledgers(draw: st.DrawFn) -> Books:
    invoices = [
        OpenInvoice(
            id=f"i{index}",
            open=Money(draw(amounts), draw(st.sampled_from(CURRENCIES))),
            party=draw(st.sampled_from(PARTIES)),
            number=draw(numbers),
            issued_on=draw(days),
            due_on=draw(days),
        )
        for index in range(draw(st.integers(0, 12)))
    ]
    payments = [_payment(draw, index, invoices) for index in range(draw(st.integers(0, 10)))]
    return invoices, payments


def _payment(draw: st.DrawFn, index: int, invoices: list[OpenInvoice]) -> IncomingPayment:
    """A payment of anything, or of one or two of the invoices, perhaps less something."""
    meant = draw(st.lists(st.sampled_from(invoices), max_size=2)) if invoices else []
    total = sum(item.open.minor for item in meant) - draw(st.sampled_from([0, 0, 0, 1500]))
    return IncomingPayment(
        id=f"p{index}",
        amount=Money(
            total if meant and total > 0 else draw(amounts),
            meant[0].open.currency if meant else draw(st.sampled_from(CURRENCIES)),
        ),
        payer=draw(st.sampled_from(PARTIES)),
        account=draw(st.sampled_from(["", "DE1", "DE2"])),
        memo=draw(st.one_of(st.just(" ".join(item.number or "" for item in meant)), st.text(max_size=20))),
        paid_on=draw(days),
    )


@pytest.mark.req("E4", "E31", "E52")
@QUICK
@given(ledgers())
def test_money_is_conserved_to_the_cent_in_every_currency(ledger: Books) -> None:
    invoices, payments = ledger
    owed, paid = {item.id: item.open for item in invoices}, {item.id: item.amount for item in payments}
    given_to: dict[str, int] = defaultdict(int)
    taken_from: dict[str, int] = defaultdict(int)
    for item in match(invoices, payments):
        assert item.amount.minor > 0
        assert item.amount.currency == owed[item.invoice_id].currency == paid[item.payment_id].currency
        given_to[item.invoice_id] += item.amount.minor
        taken_from[item.payment_id] += item.amount.minor
    assert all(amount <= owed[identity].minor for identity, amount in given_to.items())
    assert all(amount <= paid[identity].minor for identity, amount in taken_from.items())


@QUICK
@given(ledgers(), st.randoms(use_true_random=False))
def test_order_of_input_does_not_matter(ledger: Books, chance: object) -> None:
    invoices, payments = ledger
    expected = match(invoices, payments)
    mixed_invoices, mixed_payments = invoices[:], payments[:]
    chance.shuffle(mixed_invoices)  # type: ignore[attr-defined]
    chance.shuffle(mixed_payments)  # type: ignore[attr-defined]
    assert match(mixed_invoices, mixed_payments) == expected


@QUICK
@given(ledgers())
def test_matching_again_changes_nothing_and_every_match_says_why(ledger: Books) -> None:
    first = match(*ledger)
    assert match(*ledger) == first
    assert all(item.reason and 0 < item.confidence < 1.0001 for item in first)
    assert len({(item.payment_id, item.invoice_id) for item in first}) == len(first)


@QUICK
@given(ledgers(), st.integers(1, 10**6))
def test_a_clean_pair_of_a_stranger_changes_no_other_match(ledger: Books, minor: int) -> None:
    invoices, payments = ledger
    mine = OpenInvoice(id="z", open=Money(minor, "SEK"), party="Zebra Zoo AB", number="ZZTOP-771177", issued_on=DAY)
    theirs = IncomingPayment(
        id="z", amount=mine.open, payer="Zebra Zoo AB", account="SE9", memo="ZZTOP-771177", paid_on=DAY + timedelta(days=30)
    )
    found = match([*invoices, mine], [*payments, theirs])
    others = [_plain(item) for item in found if item.payment_id != "z"]
    assert others == [_plain(item) for item in match(invoices, payments)]
    assert [(item.invoice_id, item.amount) for item in found if item.payment_id == "z"] == [("z", mine.open)]


def _plain(item: Match) -> Match:
    """Without the confidence: a further client makes each of the others a little less likely by chance."""
    return replace(item, confidence=0.0, tier=item.tier, reason="")


@pytest.mark.req("E48")
@given(st.integers(0, 10**12), st.sampled_from(["EN", "DE", "CH", "FR", "IN", "PLAIN"]))
def test_an_amount_written_in_any_locale_reads_back(minor: int, locale: str) -> None:
    assert parse_amount(written(minor, locale), "USD") == Money(minor, "USD")


@given(st.text(alphabet="0123456789.,' -()$€", max_size=12))
def test_text_is_read_right_or_not_at_all(text: str) -> None:
    found = parse_amount(text, "USD")
    if found is not None:
        digits = "".join(char for char in text if char.isdigit()).lstrip("0")
        assert str(abs(found.minor)).startswith(digits.rstrip("0")) or abs(found.minor) == int(digits or "0")


def written(minor: int, locale: str) -> str:
    """An amount with two decimals as people of a locale write it."""
    whole, cents = divmod(minor, 100)
    grouped = {"EN": f"{whole:,}", "DE": f"{whole:,}".replace(",", "."), "CH": f"{whole:,}".replace(",", "’")}
    grouped |= {"FR": f"{whole:,}".replace(",", "\u202f"), "IN": _lakhs(whole), "PLAIN": str(whole)}
    return grouped[locale] + ("," if locale in ("DE", "FR") else ".") + f"{cents:02d}"


def _lakhs(whole: int) -> str:
    text = str(whole)
    head, tail = text[:-3], text[-3:]
    parts = []
    while head:
        parts.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*parts, tail])
