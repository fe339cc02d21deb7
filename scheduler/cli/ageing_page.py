"""What is open by days past due, as one HTML file: a chart and a table for every currency."""

from __future__ import annotations

from core.analytics.ageing import BUCKETS, Ageing, AgeingRow
from core.money import Money
from scheduler.cli.health_charts import bars
from scheduler.cli.report_page import amount, page, rows_table, safe


def ageing_page(found: Ageing, organisation: str) -> str:
    """The page as text. Currencies stand apart: they are never added up."""
    title = f"Open invoices of {organisation}"
    when = f"On {found.as_of:%-d %B %Y}, by days past the due date; current is not past due."
    head = f"<h1>{safe(title)}</h1><p class='soft'>{when} Net is what is open less unapplied cash and credits.</p>"
    parts = [_currency(code, sums, found) for code, sums in found.totals().items()]
    return page(title, head + ("".join(parts) or "<p>Nothing is open.</p>"))


def _currency(code: str, sums: dict[str, int], found: Ageing) -> str:
    amounts = [sums[name] for name in BUCKETS]
    words = [f"{name}: {Money(minor, code)}" for name, minor in zip(BUCKETS, amounts, strict=True)]
    figures = [f"{Money(minor, code).decimal:,.0f}" if minor > 0 else "" for minor in amounts]
    title = f"Open in {code} by days past due"
    chart = bars(BUCKETS, amounts, limit=None, words=words, title=title, figures=figures, marked=None)
    columns = ("client", *BUCKETS, "total", "unapplied", "net")
    mine = [row for row in found.rows if row.currency == code]
    rows = [(row.name, *(amount(minor, code) for minor in _figures(row))) for row in mine]
    everything = ("all clients", *(amount(sums[name], code) for name in columns[1:]))
    told = (
        f"Open: <b>{safe(str(Money(sums['total'], code)))}</b>; less what is not applied: "
        f"<b>{safe(str(Money(sums['net'], code)))}</b>."
    )
    table = rows_table(columns, [everything, *rows], sums=1)
    return f"<h2>{safe(code)}</h2><div class='card wide long'><p>{told}</p>{chart}{table}</div>"


def _figures(row: AgeingRow) -> tuple[int, ...]:
    return (*row.buckets.values(), row.total, row.unapplied, row.net)
