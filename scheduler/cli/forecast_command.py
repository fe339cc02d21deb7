"""`duesync report forecast`: when open invoices will probably be paid, and what cash that makes by month."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.analytics.forecast import COVERAGE, CashForecast, Expected, Forecast, forecast
from core.clock import local_date
from core.money import Money
from core.store.collector import collector_paused
from scheduler.cli import console
from scheduler.cli.forecast_page import forecast_page, write_forecast_csv
from scheduler.cli.session import ConfigOption, JsonOption, chosen, day_option, opened

_METHOD = (
    "each client's mean days past due over its last 12 payments, drawn towards everybody's, with the deviations seen at all "
    "clients; an invoice already late keeps only what is still possible"
)


def forecast_report(
    as_of: Annotated[datetime | None, day_option("--as-of", "The day [default: today].")] = None,
    export: Annotated[bool, typer.Option("--csv", help="Write CSV on stdout, a row per open invoice.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts to this file.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="The currency [default: that of most invoices].")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """When each open invoice will probably be paid, and the cash of the next six months, from how clients paid so far."""
    from scheduler.cli.report_commands import currency_code

    with opened(config, json) as app:
        now = app.clock.now()
        day = as_of.date() if as_of else local_date(now, app.zone)
        books = app.store.load_books(now=now)
        with collector_paused():
            found = forecast(books, day, currency_code(currency))
        organisation = app.settings.organisation.name
    if html is not None:
        html.write_text(forecast_page(found, organisation), encoding="utf-8")
    if chosen.json:
        console.print_json(forecast_json(found))
    elif export:
        write_forecast_csv(found)
    elif html is not None:
        console.say(f"Written: {html}")
    else:
        _show(found)


def forecast_json(found: Forecast) -> dict[str, Any]:
    """The forecast; amounts in minor units."""
    return {
        "as_of": found.as_of.isoformat(),
        "currency": found.currency,
        "method": _METHOD,
        "interval": COVERAGE,
        "measured": {
            "forecasts": found.score.forecasts,
            "held": found.score.held,
            "mean_width_days": found.score.width,
            "mean_error_days": dict(found.score.errors),
        },
        "invoices": [_invoice(item, found) for item in found.expected],
        "cash": _cash(found.whole),
        "clients": [
            {"account": item.account, "name": found.names.get(item.account or "", ""), **_cash(item)} for item in found.clients
        ],
    }


def _invoice(item: Expected, found: Forecast) -> dict[str, Any]:
    invoice = item.line.invoice
    return {
        "account": item.line.account,
        "name": found.names[item.line.account],
        "connection": invoice.connection,
        "ref": invoice.ref,
        "number": invoice.number,
        "open": item.minor,
        "due_on": item.line.due_on.isoformat(),
        "expected_on": _iso(item.expected_on),
        "earliest_on": _iso(item.earliest_on),
        "latest_on": _iso(item.latest_on),
        "basis": item.basis,
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _cash(item: CashForecast) -> dict[str, Any]:
    months = [
        {"month": month.month, "expected": month.expected, "low_by_end": month.low, "high_by_end": month.high}
        for month in item.months
    ]
    return {"months": months, "later": item.later, "unknown": item.unknown}


def _show(found: Forecast) -> None:
    def money(minor: int) -> str:
        return str(Money(minor, found.currency))

    rows = [(item.month, money(item.expected), money(item.low), money(item.high)) for item in found.whole.months]
    rows += [("later", money(found.whole.later), "", ""), ("not known", money(found.whole.unknown), "", "")]
    columns = ("month", "expected", "by its end at least", "by its end at most")
    console.table(f"Cash expected from what is open on {found.as_of}", columns, rows, right=columns[1:])
    named = ("client", "invoice", "open", "due", "expected", "between", "and", "from")
    largest = [
        (
            console.one_line(found.names[item.line.account], 28),
            console.one_line(item.line.invoice.number or item.line.invoice.ref, 16),
            money(item.minor),
            item.line.due_on,
            item.expected_on or "not known",
            item.earliest_on or "",
            item.latest_on or "",
            item.basis,
        )
        for item in found.expected[:20]
    ]
    console.table("\nThe largest open invoices", named, largest, right=("open",))
    score = found.score
    if score.held is None:
        console.say("\nNot enough past to say how good this is.")
        return
    told = ", ".join(f"{name} {error:g}" for name, error in score.errors.items())
    console.say(f"\nMeasured on your own past: {score.forecasts} forecasts.")
    console.say(f"The interval is meant to hold {COVERAGE:.0%} and held {score.held:.0%}.")
    console.say(f"Mean error in days: {told}.")
