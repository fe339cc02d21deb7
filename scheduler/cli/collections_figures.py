"""`duesync collections economics|learn`: what a claim is worth by each route, and what closed cases teach."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from core.clock import local_date
from core.collections.case_words import counted
from core.collections.clocks import NOT_ADVICE, ClockState
from core.collections.economics import HORIZONS, Economics, Worth
from core.collections.learning import Lessons, Score, lessons
from core.collections.learning_advice import Suggestion, small_numbers, suggestions
from core.collections.procedures import procedures
from core.errors import UsageError
from scheduler.casefacts import gather, tables
from scheduler.cli import console
from scheduler.cli.collections_checks import TargetArgument, find_target
from scheduler.cli.report_commands import currency_code
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, chosen, day_option, opened
from scheduler.clockwatch import Watched, watch_clocks

_ASSUMED = "* rests on figures nobody confirmed: put your own in a file named by [collections] economics_file"


# ── what it is worth ────────────────────────────────────────────────────────────────────────────────────────────────────
def show_economics(target: TargetArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """What collecting from a client is expected to bring, after fees and costs: now and in 30, 60 and 90 days, by each route.

    Shows the arithmetic, what waiting costs, and what it recommends. A person decides.
    """
    with opened(config, json) as app:
        account, case = find_target(app, target)
        facts = gather(app, account, case)
    found = facts.economics
    if found is None:
        raise UsageError("this client has nothing past due", remedy="See: duesync account show")
    if chosen.json:
        console.print_json({"account": account, "case": case.id if case else None, **economics_json(found)})
    else:
        _show_economics(found, facts.client.account.name)


def economics_json(found: Economics) -> dict[str, Any]:
    """The comparison; amounts in minor units."""
    waiting = {str(days): cost.minor if (cost := found.waiting(days)) is not None else None for days in HORIZONS[1:]}
    return {
        "as_of": found.as_of.isoformat(),
        "claimed": console.plain(found.claimed),
        "basis": found.basis,
        "routes": [_worth_json(item) for item in found.worths],
        "closed": dict(found.closed),
        "recommended": {**_worth_json(found.recommended), "reasons": list(found.reasons)},
        "waiting_costs": waiting,
        "fee_sensitivity": [{"percent": str(percent), "net": net.minor} for percent, net in found.sensitivity],
        "recovery_curve": [{"days_past_due": days, "share": str(share)} for days, share in found.curve],
    }


def _worth_json(item: Worth) -> dict[str, Any]:
    return {
        "route": str(item.route),
        "who": item.who,
        "in_days": item.in_days,
        "gross": item.gross.minor,
        "fee": item.fee.minor,
        "costs": item.costs.minor,
        "net": item.net.minor,
        "confirmed": item.confirmed,
        "arithmetic": list(item.lines),
    }


def _show_economics(found: Economics, name: str) -> None:
    console.say(f"{console.one_line(name, 60)}: {found.claimed} past due on {found.as_of}. Expected net after fees and costs:")
    whos = dict.fromkeys((item.route, item.who) for item in found.worths)
    rows = []
    for route, who in whos:
        nets = [next((i for i in found.worths if (i.route, i.who, i.in_days) == (route, who, days)), None) for days in HORIZONS]
        sure = all(item.confirmed for item in nets if item is not None)
        word = f"{route.replace('_', ' ')} ({console.one_line(who, 30)}){'' if sure else ' *'}"
        rows.append((word, *(str(item.net) if item is not None else "closed" for item in nets)))
    columns = ("route", "now", *(f"in {days} days" for days in HORIZONS[1:]))
    console.table("", columns, rows, right=columns[1:])
    for name_of_route, why in found.closed.items():
        console.say(f"  not open: {name_of_route.replace('_', ' ')}: {why}")
    console.say(f"\nRecommended: {found.recommended.route.replace('_', ' ')} ({found.recommended.who}).")
    for line in found.reasons:
        console.say(f"  {line}")
    for days in HORIZONS[1:]:
        cost = found.waiting(days)
        if cost is not None and days != HORIZONS[1]:
            console.say(f"  Waiting {days} days costs {cost}.")
    console.say("\nHow it comes about:")
    for line in found.recommended.lines:
        console.say(f"  {line}")
    console.say("\nIf an agency kept " + ", ".join(f"{percent} %: {net}" for percent, net in found.sensitivity))
    ages = ", ".join(f"{days} d {share * 100:.0f} %" for days, share in found.curve)
    console.say(f"Recovered by days past due when placed: {ages} ({found.basis}).")
    console.say(_ASSUMED)


# ── what cases teach ────────────────────────────────────────────────────────────────────────────────────────────────────
def show_lessons(
    as_of: Annotated[datetime | None, day_option("--as-of", "The day [default: today].")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="The currency [default: that of most cases].")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """What cases teach: why it came to them, what agencies brought by age, referrals per 1,000 invoices, what to change."""
    with opened(config, json) as app:
        now = app.clock.now()
        day = as_of.date() if as_of else local_date(now, app.zone)
        with app.store.snapshot():
            books, cases = app.store.load_books(now=now), app.store.cases()
        curve = tables(app).tariff.recovery
        found = lessons(cases, books, day, curve, currency_code(currency))
        advice = suggestions(found, books, curve, app.settings.dunning.ready_days)
    if chosen.json:
        console.print_json(lessons_json(found, advice))
    else:
        _show_lessons(found, advice)


def lessons_json(found: Lessons, advice: tuple[Suggestion, ...]) -> dict[str, Any]:
    """The lessons; amounts in minor units."""
    return {
        "as_of": found.as_of.isoformat(),
        "currency": found.currency,
        "other_currencies": list(found.other_currencies),
        "placed_cases": len(found.results),
        "recovered": {"gross": found.gross.minor, "fee": found.fee.minor, "net": found.net.minor, "if_written_off": 0},
        "by_cause": [{"cause": str(cause), "cases": count, "claimed": claimed.minor} for cause, count, claimed in found.by_cause],
        "by_agency": [_score_json(item) for item in found.by_agency],
        "by_age": [_score_json(item) for item in found.by_age],
        "referrals": [
            {
                "quarter": item.name,
                "invoices_referred": item.referred,
                "invoices_issued": item.invoices,
                "per_1000": item.per_1000,
                "claimed": item.claimed.minor,
            }
            for item in found.quarters
        ],
        "still_clients_after_a_year": {"some": found.retained.some, "of": found.retained.of},
        "note": small_numbers(found, (*found.by_agency, *found.by_age)),
        "suggestions": [{"change": i.change, "why": i.why, "cases": i.cases, "firm": i.firm} for i in advice],
    }


def _score_json(item: Score) -> dict[str, Any]:
    low, high = item.success.interval
    return {
        "name": item.name,
        "cases": item.cases,
        "ended": item.ended,
        "claimed": item.claimed.minor,
        "recovered": item.recovered.minor,
        "fee": item.fee.minor,
        "share": None if item.share is None else round(item.share, 4),
        "expected_by_curve": item.expected,
        "success": {"some": item.success.some, "of": item.success.of, "low": round(low, 3), "high": round(high, 3)},
        "days_to_first_status": item.days_to_status,
        "days_to_first_money": item.days_to_money,
        "enough_to_compare": item.enough,
    }


def _show_lessons(found: Lessons, advice: tuple[Suggestion, ...]) -> None:
    console.say(f"{counted(len(found.results), 'case')} placed by {found.as_of} in {found.currency}.")
    console.say(f"Recovered {found.gross}, fees {found.fee}, net {found.net}; writing them off would have brought nothing.")
    causes = [(cause.replace("_", " "), count, claimed) for cause, count, claimed in found.by_cause]
    if causes:
        console.table("\nWhy it came to a case", ("cause", "cases", "claimed"), causes, right=("cases", "claimed"))
    for title, rows in (("By agency", found.by_agency), ("By days past due when placed", found.by_age)):
        if rows:
            columns = ("", "cases", "ended", "claimed", "recovered", "share", "curve", "half or more", "days to money")
            console.table(f"\n{title}", columns, [_score_row(item) for item in rows], right=columns[1:])
    quarters = [
        (i.name, i.referred, i.invoices, "" if i.per_1000 is None else f"{i.per_1000:g}", i.claimed) for i in found.quarters
    ]
    heads = ("quarter", "invoices referred", "issued", "per 1,000", "claimed")
    console.table("\nReferrals", heads, quarters, right=heads[1:])
    kept = found.retained
    if kept.of:
        console.say(f"\n{kept.some} of {kept.of} clients were still billed a year after their case.")
    note = small_numbers(found, (*found.by_agency, *found.by_age))
    if note:
        console.say(f"\n{note}")
    for item in advice:
        console.say(f"\n{'Change' if item.firm else 'Watch'}: {item.change}.\n  {item.why}.")


def _score_row(item: Score) -> tuple[object, ...]:
    low, high = item.success.interval
    share = "" if item.share is None else f"{item.share:.0%}"
    curve = "" if item.expected is None else f"{item.expected:.0%}"
    success = f"{item.success.some} of {item.success.of} ({low:.0%}-{high:.0%})" if item.success.of else ""
    money = "" if item.days_to_money is None else f"{item.days_to_money:g}"
    return (console.one_line(item.name, 30), item.cases, item.ended, item.claimed, item.recovered, share, curve, success, money)


# ── clocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def show_clocks(
    every: Annotated[bool, typer.Option("--all", help="Also those with time enough.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Claims that may soon be too old to sue for, over all clients. No legal advice. Exit 1 while there are any.

    Without a governing law a claim is listed as unknown, by the earliest day of the laws that come into question.
    """
    with opened(config, json) as app:
        found = watch_clocks(app)
    shown = [item for item in found if every or item.reading.state is not ClockState.RUNNING]
    if chosen.json:
        console.print_json([_clock_json(item) for item in shown])
    else:
        columns = ("client", "invoice", "open", "state", "law", "last day at the earliest", "days left", "at the latest")
        rows = [_clock_row(item) for item in shown]
        console.table(f"{len(shown)} of {len(found)} claims past due", columns, rows, right=("open", "days left"))
        console.say(NOT_ADVICE)
    if any(item.pressing for item in found):
        raise typer.Exit(PROBLEM_FOUND)


def _clock_row(item: Watched) -> tuple[object, ...]:
    reading, bill = item.reading, item.invoice
    days = (reading.earliest or "not known", "" if reading.days_left is None else reading.days_left, reading.latest or "")
    state = reading.state.replace("_", " ")
    return (console.one_line(item.name, 30), bill.number or bill.ref, bill.open, state, reading.law or "not known", *days)


def _clock_json(item: Watched) -> dict[str, Any]:
    reading, bill = item.reading, item.invoice
    return {
        "account": item.account,
        "name": item.name,
        "invoice": {"connection": bill.connection, "ref": bill.ref, "number": bill.number, "open": console.plain(bill.open)},
        "state": str(reading.state),
        "law": reading.law,
        "earliest": reading.earliest.isoformat() if reading.earliest else None,
        "latest": reading.latest.isoformat() if reading.latest else None,
        "days_left": reading.days_left,
        "confirmed": reading.confirmed,
        "words": reading.words,
        "sources": list(reading.sources),
    }


# ── how late payers are handled ─────────────────────────────────────────────────────────────────────────────────────────
def show_procedures(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Write how you handle late payers, from the settings in force: the page an agency asks for before the first case."""
    with opened(config, json) as app:
        settings = app.settings
        text = procedures(
            settings.organisation.name,
            settings.dunning,
            settings.collections.checks,
            settings.agencies,
            as_of=local_date(app.clock.now(), app.zone),
        )
    if chosen.json:
        console.print_json({"markdown": text})
    else:
        sys.stdout.write(text)
