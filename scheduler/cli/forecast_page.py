"""When open invoices will probably be paid, as one HTML file and as CSV: cash by month, clients, and how good it was so far."""

from __future__ import annotations

import csv
import sys
from datetime import date

from core.analytics.forecast import COVERAGE, CashForecast, Expected, Forecast
from core.money import Money
from scheduler.cli import console
from scheduler.cli.health_charts import bars
from scheduler.cli.report_page import amount, page, rows_table, safe

_LARGEST = 50  # invoices shown


def forecast_page(found: Forecast, organisation: str) -> str:
    """The page as text."""
    title = f"Cash expected by {organisation}"
    body = (
        f"<h1>{safe(title)}</h1><p class='soft'>From what is open on {found.as_of:%-d %B %Y}, in {safe(found.currency)}, by how "
        f"clients paid so far. The span is meant to hold {COVERAGE:.0%} of invoices.</p>{_months(found)}"
        f"<h2>Largest open invoices</h2><div class='card long'>{_invoices(found)}</div>"
        f"<h2>Clients</h2><div class='card long'>{_clients(found)}</div>"
        f"<h2>How good it was</h2><div class='card'>{_score(found)}</div>"
    )
    return page(title, body)


def _months(found: Forecast) -> str:
    months = found.whole.months
    names = [f"{date(int(item.month[:4]), int(item.month[5:7]), 1):%b}" for item in months]
    words = [f"{item.month}: {Money(item.expected, found.currency)}" for item in months]
    figures = [f"{Money(item.expected, found.currency).decimal:,.0f}" if item.expected > 0 else "" for item in months]
    expected = [item.expected for item in months]
    chart = bars(names, expected, limit=None, words=words, title="Cash expected by month", figures=figures, marked=None)
    code = found.currency
    rows = [(item.month, *(amount(minor, code) or "0" for minor in (item.expected, item.low, item.high))) for item in months]
    rest = (("later", found.whole.later), ("not known", found.whole.unknown))
    rows += [(name, amount(minor, code) or "0", "", "") for name, minor in rest]
    columns = ("month", "expected", "by its end at least", "by its end at most")
    nothing = "" if chart else "<p>No payment can be foretold for the next six months: see what each invoice is based on.</p>"
    return f"<h2>{safe(code)} by month</h2><div class='card wide'>{nothing}{chart}{rows_table(columns, rows)}</div>"


def _invoices(found: Forecast) -> str:
    columns = ("client", "invoice", "open", "due", "expected", "earliest", "latest", "based on")
    return rows_table(columns, [_row(item, found) for item in found.expected[:_LARGEST]], words=("invoice", "based on"))


def _row(item: Expected, found: Forecast) -> tuple[object, ...]:
    bill = item.line.invoice
    days = (item.line.due_on, item.expected_on or "not known", item.earliest_on or "", item.latest_on or "")
    return (found.names[item.line.account], bill.number or bill.ref, amount(item.minor, found.currency), *days, item.basis)


def _clients(found: Forecast) -> str:
    names = [item.month for item in found.whole.months]
    rows = [_client(item, found) for item in found.clients]
    return rows_table(("client", *names, "later", "not known"), rows)


def _client(item: CashForecast, found: Forecast) -> tuple[str, ...]:
    amounts = (*(month.expected for month in item.months), item.later, item.unknown)
    return (found.names.get(item.account or "", ""), *(amount(minor, found.currency) for minor in amounts))


def _score(found: Forecast) -> str:
    score = found.score
    if score.held is None:
        return "<p>Not enough past to say how good this is.</p>"
    told = ", ".join(f"{name} {error:g}" for name, error in score.errors.items())
    return (
        f"<p>Measured on your own past: {score.forecasts} forecasts. The span held {score.held:.0%} of invoices.</p>"
        f"<p>Mean error in days: {safe(told)}.</p>"
    )


def write_forecast_csv(found: Forecast) -> None:
    """One row per open invoice on stdout; the amount in major units."""
    writer = csv.writer(sys.stdout)
    writer.writerow(
        ("as_of", "account", "name", "number", "currency", "open", "due_on", "expected_on", "earliest_on", "latest_on", "basis")
    )
    for item in found.expected:
        bill = item.line.invoice
        named = (item.line.account, found.names[item.line.account], bill.number or bill.ref)
        days = (item.line.due_on, item.expected_on, item.earliest_on, item.latest_on)
        amount = Money(item.minor, found.currency).decimal
        cells = [console.cell(cell) for cell in named]
        writer.writerow([found.as_of, *cells, found.currency, amount, *(day or "" for day in days), item.basis])
