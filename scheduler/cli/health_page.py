"""The health of receivables as one HTML file: charts inside, no script, nothing loaded from anywhere; phone, desktop or paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from core.analytics.health import Health
from core.analytics.signs import Measure, Sign
from core.money import Money
from scheduler.cli.health_charts import bars, pairs
from scheduler.cli.health_report import behind, plain_lines, quantity, sign_state
from scheduler.cli.report_page import amount, page, rows_table, safe

_TAGS = {
    "alert": '<span class="tag on">look at this</span>',
    "unknown": '<span class="tag none">not known</span>',
    "fine": '<span class="tag off">fine</span>',
}


def health_page(found: Health, organisation: str) -> str:
    """The page as text. Everything from outside is escaped; the policy in its head forbids whatever could be loaded."""
    title = f"Receivables of {organisation}"
    body = "".join(
        [
            f"<h1>{safe(title)}</h1><p class='soft'>As of {found.as_of:%-d %B %Y}, in {safe(found.currency)}</p>",
            f"<p><b>{found.alerts} of {len(found.signs)} warning signs are on.</b></p>",
            f"<h2>Warning signs</h2><div class='cards'>{''.join(_sign(sign, found.currency) for sign in found.signs)}</div>",
            f"<h2>Key figures of the last three months</h2><div class='kpis'>{''.join(_kpis(found))}</div>",
            _months(found),
            _recurring(found),
            "<h2>Billing</h2><div class='card'>",
            *(f"<p>{safe(line)}</p>" for line in plain_lines(found)),
            f"{_items(found)}</div>",
        ]
    )
    return page(title, body)


def _month_name(day: date) -> str:
    return f"{day:%b}"


def _sign(sign: Sign, currency: str) -> str:
    main = sign.main
    limit = f"limit {quantity(main.threshold, main.unit, currency)}" if main.threshold is not None else "no limit yet"
    clients = "".join(f"<li><b>{safe(item.name, 60)}</b>: {safe(behind(item, currency))}</li>" for item in sign.clients[:5])
    who = f"<p class='soft'>Clients behind it</p><ul>{clients}</ul>" if clients else ""
    return (
        f"<section class='card'><div class='head'><h3>{sign.number}. {safe(sign.title)}</h3>{_TAGS[sign_state(sign)]}</div>"
        f"<p class='soft'>{safe(main.title)}</p><p><span class='big'>{safe(quantity(main.value, main.unit, currency))}</span> "
        f"<span class='soft'>{safe(limit)}</span></p>{_chart(main, currency)}{_others(sign.others, currency)}{who}"
        f"<p>{safe(sign.advice) if sign.alert and sign.clients else ''}</p>"
        f"<details><summary>How it is measured</summary><p class='soft'>{safe(main.formula, 400)}</p></details></section>"
    )


def _chart(item: Measure, currency: str) -> str:
    """Its months; the last is marked where it is today's value, for that may not be known."""
    if len(item.trend) < 2:
        return ""
    told = [quantity(point.value, item.unit, currency) for point in item.trend]
    words = [f"{point.on:%b %Y}: {value}" for point, value in zip(item.trend, told, strict=True)]
    chart = bars(
        [_month_name(point.on) for point in item.trend],
        [point.value for point in item.trend],
        limit=item.threshold,
        words=words,
        title=item.title,
        figures=[*[""] * (len(told) - 1), told[-1]],
        marked=None if item.value is None else -1,
    )
    span = f"{item.trend[0].on:%b %Y} to {item.trend[-1].on:%b %Y}"
    if not chart:
        return f"<p class='soft'>None in any month from {span}.</p>"
    return chart if item.value is not None else f"{chart}<p class='soft'>Known only from {span}.</p>"


def _others(items: Sequence[Measure], currency: str) -> str:
    rows = "".join(
        f"<li>{safe(item.title)}: <b{' class=on' if item.alert else ''}>{safe(quantity(item.value, item.unit, currency))}</b>"
        f" {safe(_limit(item, currency))}</li>"
        for item in items
    )
    return f"<ul class='soft'>{rows}</ul>" if rows else ""


def _limit(item: Measure, currency: str) -> str:
    """What it is held against; that it is over says so in words, for colours are lost on paper."""
    if item.threshold is None:
        return ""
    limit = quantity(item.threshold, item.unit, currency)
    return f"(over the limit of {limit})" if item.alert else f"(limit {limit})"


def _kpis(found: Health) -> Iterable[str]:
    for kpi in found.kpis:
        value = quantity(None if kpi.value is None else float(kpi.value), kpi.unit, found.currency)
        inputs = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in kpi.inputs.items())
        yield (
            f"<div class='card'><p class='soft'>{safe(kpi.title)}</p><p class='big'>{safe(value)}</p>"
            f"<p class='soft'>{safe(kpi.note)}</p><details><summary>How it is measured</summary>"
            f"<p class='soft'>{safe(kpi.formula, 300)}</p><p class='soft'>{safe(kpi.convention, 300)}</p>"
            f"<p class='soft'>Inputs (amounts in minor units): {safe(inputs, 300)}</p></details></div>"
        )


def _months(found: Health) -> str:
    if not found.months:
        return ""
    rows = [(item.month, item.sales, item.collected, item.receivables, item.past_due) for item in found.months]
    return "<h2>Month by month</h2>" + _pair_card(
        rows, ("month", "invoiced", "collected", "open at its end", "of it past due"), found.currency
    )


def _recurring(found: Health) -> str:
    rows = [(item.month, item.billed, item.collected, item.still_open) for item in found.recurring]
    if not rows:
        return "<h2>Recurring revenue</h2><div class='card'><p>Not known: no invoice names an agreement.</p></div>"
    return "<h2>Recurring revenue</h2>" + _pair_card(rows, ("month", "billed", "collected", "of it still open"), found.currency)


def _pair_card(rows: Sequence[tuple[str, int, int, *tuple[int, ...]]], columns: Sequence[str], currency: str) -> str:
    """A chart of the first two amounts and a table of all."""
    names = [_month_name(date(int(row[0][:4]), int(row[0][5:7]), 1)) for row in rows]
    words = [(f"{columns[1]}: {Money(row[1], currency)}", f"{columns[2]}: {Money(row[2], currency)}") for row in rows]
    chart = pairs(names, [row[1] for row in rows], [row[2] for row in rows], words, f"{columns[1]} and {columns[2]} by month")
    table = rows_table(columns, [(row[0], *(amount(minor, currency) or "0" for minor in row[1:])) for row in rows])
    legend = f"<p class='soft'>Light: {columns[1]}. Dark: {columns[2]}. Amounts in {safe(currency)}.</p>"
    return f"<div class='card wide'>{chart}{legend}{table}</div>"


def _items(found: Health) -> str:
    rows = "".join(
        f"<li>{safe(item.what)} ({safe(str(Money(item.minor, found.currency)))})</li>" for item in found.hygiene.items[:10]
    )
    return f"<ul>{rows}</ul>" if rows else ""
