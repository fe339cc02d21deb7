"""The health of receivables as JSON, as CSV and as words on a terminal."""

from __future__ import annotations

import csv
import sys
from typing import Any

from core.analytics.exposure import Exposure
from core.analytics.health import Health
from core.analytics.kpis import Kpi
from core.analytics.signs import ClientFigure, Measure, Sign
from core.money import Money
from scheduler.cli import console

_BARS = "▁▂▃▄▅▆▇█"
_MARKS = {"alert": "!!", "unknown": "?", "fine": "ok"}


def health_json(found: Health) -> dict[str, Any]:
    """The whole report; every amount in minor units of `currency`."""
    clean = found.hygiene
    return {
        "as_of": found.as_of.isoformat(),
        "currency": found.currency,
        "other_currencies": list(found.other_currencies),
        "alerts": found.alerts,
        "signs": [_sign(sign) for sign in found.signs],
        "kpis": [_kpi(kpi) for kpi in found.kpis],
        "months": [
            {
                "month": item.month,
                "sales": item.sales,
                "collected": item.collected,
                "receivables": item.receivables,
                "past_due": item.past_due,
            }
            for item in found.months
        ],
        "recurring_revenue": [
            {"month": item.month, "billed": item.billed, "collected": item.collected, "still_open": item.still_open}
            for item in found.recurring
        ],
        "autopay": {"coverage": found.autopay.coverage, "clients": found.autopay.clients, "of": found.autopay.of, "unit": "%"},
        "credit_limits": {
            "over": len(found.exposure.over),
            "owed_without_a_limit": found.exposure.unlimited.minor,
            "clients": [_exposure(item) for item in found.exposure.rows],
        },
        "billing_hygiene": {
            "clean": clean.clean,
            "agreement_months_unbilled": clean.unbilled_months,
            "agreement_months_unbilled_minor": clean.unbilled_minor,
            "billed_late": clean.billed_late,
            "billed_over_180_days_late": clean.billed_far_too_late,
            "billed_irregularly": clean.irregular,
            "drafts": clean.drafts,
            "drafts_minor": clean.drafts_minor,
            "unsent": clean.unsent,
            "unsent_minor": clean.unsent_minor,
            "service_to_invoice_days_median": clean.lag_median,
            "service_to_invoice_known": clean.lag_known,
            "invoice_to_paid_days_median": clean.paid_median,
            "items": [{"account": item.account, "what": item.what, "minor": item.minor} for item in clean.items],
        },
    }


def _sign(sign: Sign) -> dict[str, Any]:
    return {
        **_measure(sign.main),
        "number": sign.number,
        "name": sign.name,
        "title": sign.title,
        "measured": sign.main.name,
        "measured_title": sign.main.title,
        "alert": sign.alert,
        "measures": [_measure(item) for item in sign.others],
        "clients": [_client(item) for item in sign.clients],
        "advice": sign.advice,
        "details": dict(sign.details),
    }


def _measure(item: Measure) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": item.title,
        "value": item.value,
        "unit": item.unit,
        "threshold": item.threshold,
        "alert": item.alert,
        "trend": [{"month": point.month, "on": point.on.isoformat(), "value": point.value} for point in item.trend],
        "formula": item.formula,
    }


def _client(item: ClientFigure) -> dict[str, Any]:
    return {"account": item.account, "name": item.name, "figure": item.figure, "unit": item.unit, "words": item.words}


def _exposure(item: Exposure) -> dict[str, Any]:
    used = None if item.used is None else float(item.used)  # a ratio to two places, never money
    amounts = {"limit": item.limit.minor, "owed": item.owed.minor, "over": item.over.minor}
    return {"account": item.account, "name": item.name, **amounts, "used_percent": used}


def _kpi(item: Kpi) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": item.title,
        "value": None if item.value is None else float(item.value),  # a ratio to two places, never money
        "unit": item.unit,
        "formula": item.formula,
        "inputs": dict(item.inputs),
        "convention": item.convention,
        "note": item.note,
    }


def quantity(value: float | None, unit: str, currency: str) -> str:
    """A figure with its unit as people write it: "12.5 %", "1,200.00 USD", "not known"."""
    if value is None:
        return "not known"
    if unit == "minor":
        return str(Money(int(value), currency))
    return f"{value:,.1f} {unit}" if value != int(value) else f"{int(value):,} {unit}"


def sign_state(sign: Sign) -> str:
    """ "alert", "fine", or "unknown" where nothing can be measured: what nobody knows is not fine."""
    if sign.alert:
        return "alert"
    return "unknown" if sign.main.value is None else "fine"


def behind(item: ClientFigure, currency: str) -> str:
    """What one client has to do with a sign, with its amount where the figure is one."""
    return f"{quantity(item.figure, 'minor', currency)} {item.words}" if item.unit == "minor" else item.words


def sparkline(values: list[float]) -> str:
    """A trend as one character a month."""
    if not values or max(values) <= 0:
        return "▁" * len(values)
    return "".join(_BARS[min(int(max(value, 0) / max(values) * 7.999), 7)] for value in values)


def show(found: Health) -> None:
    """The report in words."""
    console.say(
        f"Receivables in {found.currency} as of {found.as_of}: {found.alerts} of {len(found.signs)} warning signs are on."
    )
    columns = ("", "sign", "measured", "now", "limit", "trend")
    rows = [
        (
            _MARKS[sign_state(sign)],
            sign.title,
            sign.main.title,
            quantity(sign.main.value, sign.main.unit, found.currency),
            quantity(sign.main.threshold, "", found.currency).strip(),
            sparkline([point.value for point in sign.main.trend]),
        )
        for sign in found.signs
    ]
    console.table("", columns, rows, right=("now", "limit"))
    for sign in found.signs:
        if sign.alert:
            _show_alert(sign, found.currency)
    _show_figures(found)


def _show_alert(sign: Sign, currency: str) -> None:
    console.say(f"\n{sign.number}. {sign.title}")
    for item in (sign.main, *sign.others):
        if item.alert:
            limit = quantity(item.threshold, item.unit, currency)
            console.say(f"  {item.title}: {quantity(item.value, item.unit, currency)}, more than {limit} ({item.formula})")
    for client in sign.clients[:5]:
        console.say(f"  - {console.one_line(client.name, 40)}: {console.one_line(behind(client, currency), 90)}")
    console.say(f"  {sign.advice}")


def _show_figures(found: Health) -> None:
    rows = [(kpi.title, quantity(_plain(kpi), kpi.unit, found.currency), kpi.note or kpi.formula) for kpi in found.kpis]
    console.table("\nKey figures (last three months)", ("figure", "value", "how"), rows, right=("value",))
    money = [
        (item.month, *(str(Money(minor, found.currency)) for minor in (item.billed, item.collected, item.still_open)))
        for item in found.recurring
    ]
    if money:
        columns = ("month", "billed", "collected", "still open")
        console.table("\nRecurring revenue", columns, money, right=columns[1:])
    console.say("")
    for line in plain_lines(found):
        console.say(line)


def _plain(kpi: Kpi) -> float | None:
    return None if kpi.value is None else float(kpi.value)


def plain_lines(found: Health) -> list[str]:
    """Automatic payment, billing hygiene and credit limits, a sentence each."""
    pay, clean = found.autopay, found.hygiene
    known = (
        f"{pay.coverage:g} % ({pay.clients} of {pay.of} clients)" if pay.coverage is not None else "not known: no system tells"
    )
    lag = f"{clean.lag_median:g} days (median)" if clean.lag_median is not None else "not known: no invoice says what it bills"
    late = f"{clean.billed_late} billed more than 30 days late, {clean.billed_far_too_late} more than 180"
    unbilled = f"{clean.unbilled_months} agreement months ({Money(clean.unbilled_minor, found.currency)})"
    drafts = f"{clean.drafts} ({Money(clean.drafts_minor, found.currency)})"
    lines = [
        f"Automatic payment: {known}.",
        f"From service to invoice: {lag}; {late}.",
        f"Not billed: {unbilled}; billed off their beat: {clean.irregular}.",
        f"Drafts: {drafts}; never sent: {clean.unsent} ({Money(clean.unsent_minor, found.currency)}).",
    ]
    lines.append(_limits(found))
    if found.other_currencies:
        lines.append(f"Not in this report: {', '.join(found.other_currencies)}; see them with --currency.")
    return lines


def _limits(found: Health) -> str:
    """Credit limits in a sentence."""
    exposure = found.exposure
    if not exposure.rows:
        return "Credit limits: none is set (accounts.NAME.credit_limit)."
    named = (
        ", ".join(f"{console.one_line(item.name, 40)} by {item.over}" for item in exposure.over[:5]) or "nobody is over theirs"
    )
    return f"Credit limits: {named}; {exposure.unlimited} is owed by clients without one."


def write_csv(found: Health) -> None:
    """One row per measure and month, then one per key figure, on stdout. Amounts in major units."""
    writer = csv.writer(sys.stdout)
    writer.writerow(("kind", "name", "on", "value", "unit", "threshold", "alert", "formula"))
    for sign in found.signs:
        for item in (sign.main, *sign.others):
            for point in item.trend:
                last = point is item.trend[-1]
                limit = _figure(item.threshold, item.unit, found.currency) if last else ""
                alert = str(item.alert).lower() if last else ""
                unit = found.currency if item.unit == "minor" else item.unit
                value = _figure(point.value, item.unit, found.currency)
                writer.writerow((sign.name, item.name, point.on, value, unit, limit, alert, item.formula))
    for kpi in found.kpis:
        writer.writerow(("kpi", kpi.name, found.as_of, "" if kpi.value is None else kpi.value, kpi.unit, "", "", kpi.formula))


def _figure(value: float | None, unit: str, currency: str) -> str:
    if value is None:
        return ""
    return str(Money(int(value), currency).decimal) if unit == "minor" else f"{value:g}"
