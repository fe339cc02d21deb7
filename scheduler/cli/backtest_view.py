"""How a back-test is shown: both policies side by side, what changes for whom, and what should not have been sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.dunning.backtest import Kept, Replay, Said
from core.dunning.comparison import Comparison, Cost
from scheduler.backtesting import Backtest
from scheduler.cli import console

_COUNTED = ("messages", "calls", "clients", "paid", "held", "soon")
_MOST = 15  # clients listed in words; JSON has them all
_ROWS = (
    ("messages", "messages"),
    ("calls", "calls for a person"),
    ("clients", "clients written to"),
    ("most", "most to one client"),
    ("invoices", "invoices chased"),
    ("first_contact", "days past due at the first reminder (median)"),
    ("paid", "messages about an invoice whose money had come"),
    ("held", "messages about an invoice on hold or in dispute"),
    ("soon", "messages whose invoices were paid within 3 days"),
    ("kept", "messages kept back, with reasons"),
)


def backtest_json(found: Backtest) -> dict[str, Any]:
    """The whole back-test, plain JSON values."""
    change = found.comparison
    return {
        "since": found.present.since.isoformat(),
        "until": found.present.until.isoformat(),
        "known_since": {name: day.isoformat() for name, day in found.known_since.items()},
        "present": _policy_json(change.present, found.present),
        "proposed": _policy_json(change.proposed, found.proposed),
        "difference": {
            **_difference_json(change),
            "changed": [{"account": item.account, "present": item.present, "proposed": item.proposed} for item in change.changed],
            "each": [
                {"setting": item.setting, "present": item.present, "proposed": item.proposed, **_difference_json(alone)}
                for item, alone in found.each
            ],
        },
    }


def _difference_json(change: Comparison) -> dict[str, Any]:
    """How much more or less the proposed policy would have done."""
    return {
        **{name: getattr(change.proposed, name) - getattr(change.present, name) for name in _COUNTED},
        "invoices_no_longer_chased": change.dropped,
        "invoices_newly_chased": change.added,
        "first_contact_days": _days_between(change.present, change.proposed),
    }


def _days_between(present: Cost, proposed: Cost) -> float | None:
    if present.first_contact is None or proposed.first_contact is None:
        return None
    return proposed.first_contact - present.first_contact


def _policy_json(cost: Cost, replay: Replay) -> dict[str, Any]:
    figures = {name: getattr(cost, name) for name, _ in _ROWS}
    return {
        **figures,
        "by_stage": dict(cost.by_stage),
        "said": [_said_json(item) for item in replay.said],
        "kept_back": [_kept_json(item) for item in replay.kept],
    }


def _said_json(item: Said) -> dict[str, Any]:
    return {
        "account": item.account,
        "on": item.on.isoformat(),
        "stage": item.stage,
        "channel": str(item.way),
        "invoices": [console.plain(key) for key in item.invoices],
        "asked": [console.plain(amount) for amount in item.asked.values()],
        "paid": [console.plain(key) for key in item.paid],
        "held": [console.plain(key) for key in item.held],
        "paid_soon": item.soon,
    }


def _kept_json(item: Kept) -> dict[str, Any]:
    return {
        "account": item.account,
        "on": item.on.isoformat(),
        "stage": item.stage,
        "invoices": [console.plain(key) for key in item.invoices],
        "reasons": list(item.why),
    }


def show_backtest(found: Backtest, names: Mapping[str, str], *, compared: bool) -> None:
    """The back-test in words."""
    change = found.comparison
    period = f"{found.present.since} to {found.present.until}"
    if compared:
        rows: list[tuple[str, ...]] = []
        rows += [(label, _cell(change.present, name), _cell(change.proposed, name)) for name, label in _ROWS]
        stages = sorted({*change.present.by_stage, *change.proposed.by_stage})
        rows += [
            (f"stage {name}", *(str(cost.by_stage.get(name, 0)) for cost in (change.present, change.proposed))) for name in stages
        ]
        console.table(
            f"What each policy would have said, {period}", ("", "present", "proposed"), rows, right=("present", "proposed")
        )
        _show_each(found)
        _show_changes(found, names)
    else:
        alone = [(label, _cell(change.present, name)) for name, label in _ROWS]
        alone += [(f"stage {name}", str(count)) for name, count in change.present.by_stage.items()]
        console.table(f"What the present policy would have said, {period}", ("", "present"), alone, right=("present",))
    _show_doubtful(found.proposed, names)
    _show_reach(found)


def _show_reach(found: Backtest) -> None:
    """From when on the store itself knows what was known, and what stands in for it before."""
    if not found.known_since:
        console.complain("the store holds no books yet, so nothing could be tried: run duesync sync first")
        return
    later = [f"{name} since {day}" for name, day in found.known_since.items() if day > found.present.since]
    if later:
        console.say(f"The store does not reach back to {found.present.since}: it has pulled {', '.join(later)}.")
        console.say("For the days before, the records' own dates say what was known: entered late counts as in time.")


def _cell(cost: Cost, name: str) -> str:
    value = getattr(cost, name)
    return "-" if value is None else f"{value:g}"


def _show_each(found: Backtest) -> None:
    """What every difference between the policies comes to alone; together they may come to less or more."""
    if not found.each:
        return
    columns = ("messages", "calls", "paid", "held")
    rows = []
    for item, alone in found.each:
        change = _difference_json(alone)
        days = change["first_contact_days"]
        counts = [f"{change[name]:+d}" for name in columns]
        invoices = f"{change['invoices_newly_chased'] - change['invoices_no_longer_chased']:+d}"
        first = "-" if days is None else f"{days:+g}"
        rows.append((f"{item.setting}: {item.present} > {item.proposed}", *counts, invoices, first))
    heads = ("messages", "calls", "about paid", "on hold", "invoices", "first reminder, days")
    console.table("Each difference alone, against the present policy", ("difference", *heads), rows, right=heads)


def _show_changes(found: Backtest, names: Mapping[str, str]) -> None:
    change = found.comparison
    rows = [
        (console.one_line(names.get(item.account, item.account), 40), item.present, item.proposed)
        for item in change.changed[:_MOST]
    ]
    title = f"{len(change.changed)} clients would have heard from you more or less often"
    console.table(title, ("client", "present", "proposed"), rows, right=("present", "proposed"))
    console.say(f"{change.dropped} invoices no longer chased, {change.added} newly chased")


def _show_doubtful(replay: Replay, names: Mapping[str, str]) -> None:
    """Messages that should not have gone, had everything been known then."""
    rows = [
        (item.on, console.one_line(names.get(item.account, item.account), 40), item.stage.replace("_", " "), _why(item))
        for item in replay.said
        if item.paid or item.held
    ]
    if rows:
        console.table(f"{len(rows)} messages to look at", ("on", "client", "stage", "why"), rows[:_MOST])


def _why(item: Said) -> str:
    paid = f"money had come for {', '.join(key.ref for key in item.paid)}" if item.paid else ""
    held = f"on hold or in dispute: {', '.join(key.ref for key in item.held)}" if item.held else ""
    return "; ".join(part for part in (paid, held) if part)
