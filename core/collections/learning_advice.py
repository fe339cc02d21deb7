"""Changes to terms and policy that the cases suggest: each with the figures behind it, and plain words where they are few (A115).

A suggestion is made only from enough cases and a clear difference; below that it is a hint to watch, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from core.books import AccountBooks, Books
from core.collections.learning import ENOUGH, Cause, Lessons, Score
from core.collections.recovery import Curve

FEW = 5  # cases below which nothing is suggested
_LARGE = 1 / 3  # share of cases that makes a cause worth a change
_TWICE = 2.0  # how much more often clients with a trait end up as cases
_SLOW = 30  # days after the policy's own day on which cases are placed
_RECENT = timedelta(days=730)

CHANGES: Mapping[Cause, str] = {
    Cause.CASH: "check credit before the first invoice, ask for a deposit or automatic payment, and watch credit limits",
    Cause.SERVICE: "settle complaints before the due date: hold reminders on open tickets and answer them within a week",
    Cause.PRICE: "state prices and changes in the agreement, and confirm extra work in writing before it is billed",
    Cause.TERMS: "put days to pay, late fees and what follows into every contract, and remind clients of them once a year",
    Cause.LATE_BILL: "bill within 30 days of the service: see billing hygiene in duesync report health",
    Cause.LOST: "keep billing addresses current: see bounces, and name a second contact for bills",
    Cause.INSOLVENT: "look for early signs (duesync report health) and shorten terms when they show",
    Cause.GONE: "keep postal address, phone and a decision maker of every client",
    Cause.UNWILLING: "act sooner: the share that can be recovered falls with every month",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One change. `firm` False: too few cases, only to be watched. `why` holds the figures."""

    change: str
    why: str
    cases: int
    firm: bool


def suggestions(found: Lessons, books: Books, curve: Curve, ready_days: int) -> tuple[Suggestion, ...]:
    """What the cases suggest, the firm ones first. Empty only when there is no case at all."""
    made = [*_from_causes(found), *_from_delay(found, curve, ready_days), *_from_traits(found, books), *_from_agencies(found)]
    return tuple(sorted(made, key=lambda item: (not item.firm, -item.cases)))


def _from_causes(found: Lessons) -> Iterator[Suggestion]:
    closed = sum(count for _, count, _ in found.by_cause)
    for cause, count, claimed in found.by_cause:
        change = CHANGES.get(cause)
        if change is not None and (count >= closed * _LARGE or count >= FEW):
            why = f"{count} of {closed} closed cases ({claimed}) came from {cause.replace('_', ' ')}"
            yield Suggestion(change=change, why=_doubt(why, count), cases=count, firm=count >= FEW)


def _doubt(why: str, count: int) -> str:
    return why if count >= FEW else f"{why}; {count} is too few to change anything for, watch it"


def _from_delay(found: Lessons, curve: Curve, ready_days: int) -> Iterator[Suggestion]:
    """Cases are placed later than the policy asks for: what that costs by the curve."""
    ages = [item.days_past_due for item in found.results if item.days_past_due is not None]
    if not ages:
        return
    usual = int(median(ages))
    if usual > ready_days + _SLOW:
        lost = curve.share(ready_days) - curve.share(usual)
        why = (
            f"the median case was {usual} days past due when placed, the policy says {ready_days}: {lost:.0%} of it by the curve"
        )
        yield Suggestion(
            change=f"prepare cases when they become ready, at {ready_days} days", why=_doubt(why, len(ages)), cases=len(ages),
            firm=len(ages) >= FEW,
        )  # fmt: skip


def _unsigned(books: AccountBooks) -> bool | None:
    known = [item.signed for item in books.agreements if item.signed is not None]
    return not any(known) if known else None


def _no_autopay(books: AccountBooks) -> bool | None:
    return not any(item.autopay_on for item in books.invoices) if books.invoices else None


def _long_terms(books: AccountBooks) -> bool | None:
    terms = [(item.due_on - item.issued_on).days for item in books.invoices if item.due_on is not None]
    return median(terms) > 30 if terms else None


TRAITS: Mapping[str, tuple[Callable[[AccountBooks], bool | None], str]] = {
    "no signed agreement": (_unsigned, "have every client sign before the first invoice"),
    "no automatic payment": (_no_autopay, "offer automatic payment to every client, and make it usual for new ones"),
    "more than 30 days to pay": (_long_terms, "shorten terms to 30 days or fewer for new clients"),
}


def _from_traits(found: Lessons, books: Books) -> Iterator[Suggestion]:
    """Clients with a trait end up as cases more often than those without."""
    referred = {item.account for item in found.results}
    clients = {name: account for name, account in books.accounts.items() if _recent(account, found.as_of) or name in referred}
    for trait, (has, change) in TRAITS.items():
        known = {name: value for name, account in clients.items() if (value := has(account)) is not None}
        with_it, without = [name for name, value in known.items() if value], [name for name, value in known.items() if not value]
        if not with_it or not without:
            continue
        some, others = len(referred & set(with_it)), len(referred & set(without))
        more, less = some / len(with_it), others / len(without)
        if some and more >= _TWICE * less:
            why = f"{some} of {len(with_it)} clients with {trait} became a case, {others} of {len(without)} without"
            yield Suggestion(change=change, why=_doubt(why, some), cases=some, firm=some >= FEW)


def _recent(books: AccountBooks, as_of: date) -> bool:
    return any(as_of - _RECENT < item.issued_on <= as_of for item in books.invoices)


def _from_agencies(found: Lessons) -> Iterator[Suggestion]:
    """One agency is better than another beyond what chance would do."""
    ranked = sorted((item for item in found.by_agency if item.enough), key=_rate, reverse=True)
    if len(ranked) < 2:
        return
    best, last = ranked[0], ranked[-1]
    if best.success.beats(last.success):
        why = f"{best.name} brought half or more of {_of(best)} ended cases, {last.name} of {_of(last)}; at least {ENOUGH} each"
        yield Suggestion(change=f"give new cases to {best.name}", why=why, cases=best.ended + last.ended, firm=True)


def _rate(score: Score) -> float:
    return score.success.rate or 0.0


def _of(score: Score) -> str:
    return f"{score.success.some} of {score.success.of}"


def small_numbers(found: Lessons, rows: Sequence[Score]) -> str:
    """A plain word on how much these figures bear; "" when every row has enough."""
    few = [item.name for item in rows if not item.enough]
    if not found.results:
        return "No case was placed yet: there is nothing to learn from."
    return f"Fewer than {ENOUGH} ended cases: {', '.join(few)}. Do not compare these." if few else ""
