"""What the contract allows and whether it is worth it: terms, costs, the client's worth, whom to write to (A24-A35)."""

from __future__ import annotations

from datetime import timedelta

from core.analytics.history import UNCOUNTED
from core.collections.case_words import counted
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, failed, label, listed, passed, unknown
from core.collections.recovery import decimal_text, part_of
from core.collections.routes import Route
from core.money import Money, total, totals
from core.records import Contact, Party

_YEAR = timedelta(days=365)
_OUTSIDE = frozenset({Route.AGENCY, Route.ATTORNEY, Route.SMALL_CLAIMS})


def contract_terms(facts: CaseFacts) -> Found:
    """What the contract says of late payment was looked up: days to pay, fees, costs, law."""
    missing, terms = facts.terms.unstated(), facts.terms
    if missing:
        return unknown(f"not looked up: {listed(missing)}", "Read the contract and set accounts.NAME.contract.", *missing)
    fee = terms.late_fee or (f"{terms.interest_percent} % a year" if terms.interest_percent is not None else "none")
    costs = "the client bears the costs of collecting" if terms.collection_costs else "we bear the costs of collecting"
    notice = terms.suspension_notice_days
    stop = f"service may be suspended after {notice} days' notice" if notice is not None else "no clause on suspending service"
    venue = f", venue {terms.venue}" if terms.venue else ""
    return passed(f"net {terms.net_days} days; late fee: {fee}; {costs}; {stop}; law {terms.governing_law}{venue}")


def terms_followed(facts: CaseFacts) -> Found:
    """The invoices give the days to pay that the contract states."""
    agreed = facts.terms.net_days
    if agreed is None:
        return unknown("the contract's days to pay are not known", "Set accounts.NAME.contract.net_days.")
    given = {label(item): (item.due_on - item.issued_on).days for item in facts.invoices if item.due_on is not None}
    short = [f"{name}: {days} days" for name, days in given.items() if days < agreed]
    if short:
        return failed(f"the contract gives {agreed} days: {listed(short)}", "Count the lateness from the contract's day.", *short)
    return passed(f"net {agreed} days, as agreed")


def worth_it(facts: CaseFacts) -> Found:
    """What an agency, a lawyer or a court is expected to bring is worth the trouble."""
    found = facts.economics
    if found is None:
        return unknown("not worked out", "See: duesync collections economics CLIENT")
    best = found.recommended
    waiting = found.waiting(30)
    cost = f"; waiting 30 days costs {waiting}" if waiting is not None and waiting.minor > 0 else ""
    words = f"{best.route.replace('_', ' ')} ({best.who}): {best.net} net of {found.claimed}{cost}"
    if best.route not in _OUTSIDE:
        return failed(f"{words}. {' '.join(found.reasons)}", "Write it off, or agree to instalments.", str(best.route))
    return passed(words, recommended=str(best.route))


def client_value(facts: CaseFacts) -> Found:
    """What the client has been worth, and whether it still is one: a hand-over ends that for good."""
    issued = [item for item in facts.client.invoices if item.connection in facts.client.ledger_connections]
    bills = [item for item in issued if item.status not in UNCOUNTED and item.issued_on <= facts.today]
    last_year = totals(item.total for item in bills if item.issued_on > facts.today - _YEAR)
    ever = totals(item.total for item in bills)
    since = min((item.issued_on for item in bills), default=None)
    live = [item for item in facts.client.agreements if item.active and (item.ends_on is None or item.ends_on >= facts.today)]
    monthly = total(
        (_monthly(item.amount, item.cycle_months) for item in live if item.amount and _here(item.amount, facts)), facts.currency
    )
    told = f"billed {_sums(last_year)} in twelve months, {_sums(ever)} since {since or 'never'}; {_margin(facts, last_year)}"
    details = {"last_year": _plain(last_year), "lifetime": _plain(ever), "monthly_agreements": monthly.minor, "since": str(since)}
    names = [str(item.ref) for item in live]
    if live:
        words = f"{counted(len(live), 'active agreement')}, {monthly} a month; {told}"
        todo = "Say that it is worth losing: duesync collections answer CASE client_value TEXT"
        return unknown(words, todo, *names, **details)
    return passed(f"no active agreement; {told}", **details)


def _margin(facts: CaseFacts, last_year: dict[str, Money]) -> str:
    """What of a year's billing stayed with us, by the margin a person set: no system says what work and licences cost."""
    percent = facts.margin_percent
    if percent is None:
        return "margin not known (set accounts.NAME.margin_percent or collections.margin_percent)"
    kept = {code: part_of(amount, percent / 100) for code, amount in last_year.items()}
    return f"at the margin of {decimal_text(percent)} % you set, {_sums(kept)} of that year's stayed with you"


def _here(amount: Money, facts: CaseFacts) -> bool:
    return amount.currency == facts.currency


def _monthly(amount: Money, months: int | None) -> Money:
    return Money(amount.minor // max(months or 1, 1), amount.currency)


def _sums(amounts: dict[str, Money]) -> str:
    return ", ".join(str(amount) for amount in amounts.values()) or "nothing"


def _plain(amounts: dict[str, Money]) -> dict[str, int]:
    return {code: amount.minor for code, amount in amounts.items()}


def reputation(facts: CaseFacts) -> Found:
    """A person weighed what the client's word to others may do."""
    del facts
    todo = "Weigh it: duesync collections answer CASE reputation TEXT"
    return unknown("nobody weighed what it may do to your reputation", todo)


def debtor_details(facts: CaseFacts) -> Found:
    """What an agency needs to find the client: full name, postal address, telephone or mail."""
    parties = facts.client.parties
    name = facts.legal_name or next((item.legal_name for item in parties if item.legal_name), None)
    people: tuple[Party | Contact, ...] = (*parties, *facts.client.contacts)
    phone = next((item.phone for item in people if item.phone), None)
    mail = next((item.email for item in people if item.email), None)
    missing = [
        word
        for word, value in (("legal name", name), ("postal address", facts.address), ("telephone", phone or mail))
        if not value
    ]
    if missing:
        todo = "Complete the client in your systems, or set accounts.NAME.legal_name and .address."
        return failed(f"missing: {listed(missing)}", todo, *missing)
    return passed(f"{name}, {facts.address}, {phone or mail}")


CHECKS = (
    *(
        Check(id=name, title=title, group=Group.CONTRACT, requirements=ids, look=look)
        for name, title, ids, look in (
            ("contract_terms", "Contract terms looked up", ("A35", "A105"), contract_terms),
            ("terms_followed", "Days to pay as agreed", ("A105",), terms_followed),
        )
    ),
    *(
        Check(id=name, title=title, group=Group.VALUE, requirements=ids, look=look, asks=asks)
        for name, title, ids, look, asks in (
            ("worth_it", "Worth collecting", ("A24", "A25", "A28", "A32"), worth_it, ""),
            ("client_value", "Value of the client", ("A26",), client_value, "It is still a client: is it worth losing?"),
            ("reputation", "Reputation weighed", ("A27",), reputation, "What may it do to your reputation?"),
            ("debtor_details", "Details an agency needs", ("A110",), debtor_details, ""),
        )
    ),
)
