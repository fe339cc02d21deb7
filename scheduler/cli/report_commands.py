"""`duesync report …`: how receivables stand."""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.analytics.ageing import BUCKETS, Ageing, ageing
from core.analytics.health import health
from core.clock import local_date
from core.errors import UsageError
from core.money import Money, MoneyError, check_currency
from core.store.collector import collector_paused
from scheduler.cli import console
from scheduler.cli.ageing_page import ageing_page
from scheduler.cli.forecast_command import forecast_report
from scheduler.cli.health_page import health_page
from scheduler.cli.health_report import health_json, show, write_csv
from scheduler.cli.report_page import amount
from scheduler.cli.session import ConfigOption, JsonOption, chosen, day_option, opened

app = typer.Typer(help="How receivables stand: ageing, health, statements.", no_args_is_help=True)
AsOfOption = Annotated[datetime | None, day_option("--as-of", "The day [default: today].")]


@app.command(name="ageing")
def ageing_report(
    as_of: AsOfOption = None,
    export: Annotated[bool, typer.Option("--csv", help="Write CSV on stdout.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts to this file.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """What is open, by days past due, per client and currency, as of any day."""
    with opened(config, json) as opened_app:
        now = opened_app.clock.now()
        day = as_of.date() if as_of else local_date(now, opened_app.zone)
        found = ageing(opened_app.store.load_books(now=now), day)
        organisation = opened_app.settings.organisation.name
    if html is not None:
        html.write_text(ageing_page(found, organisation), encoding="utf-8")
    if chosen.json:
        console.print_json(ageing_json(found))
    elif export:
        _csv(found)
    elif html is not None:
        console.say(f"Written: {html}")
    else:
        _show(found, day)


@app.command(name="health")
def health_report(
    as_of: AsOfOption = None,
    export: Annotated[bool, typer.Option("--csv", help="Write CSV on stdout.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts to this file.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="The currency [default: that of most invoices].")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Six early warnings with their trend and the clients behind them, key figures, recurring revenue and billing hygiene."""
    from scheduler.casefacts import credit_limits  # what it stands on is loaded by this report alone

    with opened(config, json) as opened_app:
        now = opened_app.clock.now()
        day = as_of.date() if as_of else local_date(now, opened_app.zone)
        store = opened_app.store
        with store.snapshot():
            books, findings, contacts = store.load_books(now=now), store.findings(), store.contacts()
        with collector_paused():
            found = health(
                books,
                day,
                findings=findings,
                contacts=contacts,
                currency=currency_code(currency),
                limits=credit_limits(opened_app, books),
            )
        organisation = opened_app.settings.organisation.name
    if html is not None:
        html.write_text(health_page(found, organisation), encoding="utf-8")
    if chosen.json:
        console.print_json(health_json(found))
    elif export:
        write_csv(found)
    elif html is not None:
        console.say(f"Written: {html}")
    else:
        show(found)


app.command(name="forecast")(forecast_report)


def currency_code(text: str | None) -> str | None:
    """An ISO code as typed; UsageError when it is none."""
    try:
        return check_currency(text) if text else None
    except MoneyError as error:
        raise UsageError(str(error), remedy="Write a three-letter code, such as USD.") from error


def ageing_json(found: Ageing) -> dict[str, object]:
    """The ageing in minor units."""
    return {
        "as_of": found.as_of.isoformat(),
        "convention": "days past the due date; current is not past due; minor units; net = total - unapplied",
        "buckets": list(BUCKETS),
        "totals": found.totals(),
        "accounts": [
            {
                "account": row.account,
                "name": row.name,
                "currency": row.currency,
                **row.buckets,
                "total": row.total,
                "unapplied": row.unapplied,
                "net": row.net,
                "oldest_due_on": row.oldest_due_on.isoformat() if row.oldest_due_on else None,
            }
            for row in found.rows
        ],
    }


def _csv(found: Ageing) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(("as_of", "account", "name", "currency", *BUCKETS, "total", "unapplied", "net"))
    for row in found.rows:
        amounts = [Money(minor, row.currency).decimal for minor in (*row.buckets.values(), row.total, row.unapplied, row.net)]
        writer.writerow([found.as_of, console.cell(row.account), console.cell(row.name), row.currency, *amounts])


def _show(found: Ageing, day: date) -> None:
    """A table for each currency, so that no cell need name it and the figures fit beside the clients."""
    columns = ("client", *BUCKETS, "total", "unapplied", "net")
    for code, sums in found.totals().items():
        rows = [
            (console.one_line(row.name, 32), (*row.buckets.values(), row.total, row.unapplied, row.net))
            for row in found.rows
            if row.currency == code
        ]
        rows.append(("all clients", tuple(sums.values())))
        cells = [(name, *(amount(minor, code) for minor in figures)) for name, figures in rows]
        console.table(f"{code} open on {day}, by days past due", columns, cells, right=columns[1:])
    if not found.rows:
        console.say(f"Nothing was open on {day}.")
