"""The health of receivables as one HTML file: charts inside, no script, nothing loaded from anywhere; phone, desktop or paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape

from core.analytics.health import Health
from core.analytics.signs import Measure, Sign
from core.money import Money
from scheduler.cli import console
from scheduler.cli.health_charts import bars, pairs
from scheduler.cli.health_report import behind, plain_lines, quantity

_STYLE = """
:root{--ink:#1b2430;--soft:#5a6675;--line:#d9dfe6;--card:#fff;--page:#f4f6f8;
--bar:#9db4cc;--now:#2b6cb0;--bad:#b3261e;--good:#1d7a46}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#a3afbd;--line:#36414e;--card:#1d252e;--page:#12181f;--bar:#4a617a;
--now:#6aa9e9;--bad:#ff8a80;--good:#6fd39b}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink)}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:20px 16px 48px}h1{font-size:1.6rem;line-height:1.2;margin:.2em 0}h2{font-size:1.2rem;
margin:2em 0 .6em}h3{font-size:1.05rem;margin:0}p{margin:.4em 0}.soft{color:var(--soft);font-size:.88rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:16px}
.kpis{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,210px),1fr));gap:12px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;min-width:0;break-inside:avoid}
.head{display:flex;gap:10px;justify-content:space-between;align-items:flex-start}.tag{border-radius:99px;padding:1px 10px;
font-size:.82rem;font-weight:600;white-space:nowrap;border:1px solid currentColor}.on{color:var(--bad)}.off{color:var(--good)}
.big{font-size:1.5rem;font-weight:650;line-height:1.2}svg{display:block;width:100%;height:auto;margin:.6em 0}
svg text{fill:var(--soft);font-size:17px}.bar{fill:var(--bar)}.now{fill:var(--now)}.axis{stroke:var(--line)}
.wide svg{max-width:640px}
.limit{stroke:var(--bad);stroke-width:2;stroke-dasharray:7 5}ul{margin:.4em 0;padding-left:1.1em}li{overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:5px 10px;
border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}
details summary{cursor:pointer;color:var(--soft);font-size:.88rem}
@media print{:root{--page:#fff}body{font-size:11pt}main{max-width:none;padding:0}.cards{grid-template-columns:1fr 1fr}}
"""


def health_page(found: Health, organisation: str) -> str:
    """The page as text. Everything from outside is escaped; the policy in its head forbids whatever could be loaded."""
    title = f"Receivables of {organisation}"
    body = "".join(
        [
            f"<h1>{_safe(title)}</h1><p class='soft'>As of {found.as_of:%-d %B %Y}, in {_safe(found.currency)}</p>",
            f"<p><b>{found.alerts} of {len(found.signs)} warning signs are on.</b></p>",
            f"<h2>Warning signs</h2><div class='cards'>{''.join(_sign(sign, found.currency) for sign in found.signs)}</div>",
            f"<h2>Key figures of the last three months</h2><div class='kpis'>{''.join(_kpis(found))}</div>",
            _months(found),
            _recurring(found),
            "<h2>Billing</h2><div class='card'>",
            *(f"<p>{_safe(line)}</p>" for line in plain_lines(found)),
            f"{_items(found)}</div>",
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _safe(text: str, width: int = 200) -> str:
    return escape(console.one_line(text, width))


def _month_name(day: date) -> str:
    return f"{day:%b}"


def _sign(sign: Sign, currency: str) -> str:
    main = sign.main
    tag = '<span class="tag on">look at this</span>' if sign.alert else '<span class="tag off">fine</span>'
    limit = f"limit {quantity(main.threshold, main.unit, currency)}" if main.threshold is not None else "no limit yet"
    clients = "".join(f"<li><b>{_safe(item.name, 60)}</b>: {_safe(behind(item, currency))}</li>" for item in sign.clients[:5])
    who = f"<p class='soft'>Clients behind it</p><ul>{clients}</ul>" if clients else ""
    return (
        f"<section class='card'><div class='head'><h3>{sign.number}. {_safe(sign.title)}</h3>{tag}</div>"
        f"<p class='soft'>{_safe(main.title)}</p><p><span class='big'>{_safe(quantity(main.value, main.unit, currency))}</span> "
        f"<span class='soft'>{_safe(limit)}</span></p>{_chart(main, currency)}{_others(sign.others, currency)}{who}"
        f"<p>{_safe(sign.advice) if sign.alert else ''}</p>"
        f"<details><summary>How it is measured</summary><p class='soft'>{_safe(main.formula, 400)}</p></details></section>"
    )


def _chart(item: Measure, currency: str) -> str:
    if len(item.trend) < 2:
        return ""
    words = [f"{point.on:%b %Y}: {quantity(point.value, item.unit, currency)}" for point in item.trend]
    values = [point.value for point in item.trend]
    return bars([_month_name(point.on) for point in item.trend], values, limit=item.threshold, words=words, title=item.title)


def _others(items: Sequence[Measure], currency: str) -> str:
    rows = "".join(
        f"<li>{_safe(item.title)}: <b{' class=on' if item.alert else ''}>{_safe(quantity(item.value, item.unit, currency))}</b>"
        f" {_safe(f'(limit {quantity(item.threshold, item.unit, currency)})') if item.threshold is not None else ''}</li>"
        for item in items
    )
    return f"<ul class='soft'>{rows}</ul>" if rows else ""


def _kpis(found: Health) -> Iterable[str]:
    for kpi in found.kpis:
        value = quantity(None if kpi.value is None else float(kpi.value), kpi.unit, found.currency)
        inputs = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in kpi.inputs.items())
        yield (
            f"<div class='card'><p class='soft'>{_safe(kpi.title)}</p><p class='big'>{_safe(value)}</p>"
            f"<p class='soft'>{_safe(kpi.note)}</p><details><summary>How it is measured</summary>"
            f"<p class='soft'>{_safe(kpi.formula, 300)}</p><p class='soft'>{_safe(kpi.convention, 300)}</p>"
            f"<p class='soft'>Inputs (amounts in minor units): {_safe(inputs, 300)}</p></details></div>"
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
    head = "".join(f"<th>{_safe(name)}</th>" for name in columns)
    body = "".join(
        f"<tr><td>{row[0]}</td>{''.join(f'<td>{_safe(str(Money(minor, currency)))}</td>' for minor in row[1:])}</tr>"
        for row in rows
    )
    legend = f"<p class='soft'>Light: {columns[1]}. Dark: {columns[2]}.</p>"
    return f"<div class='card wide'>{chart}{legend}<div class='scroll'><table><tr>{head}</tr>{body}</table></div></div>"


def _items(found: Health) -> str:
    rows = "".join(
        f"<li>{_safe(item.what)} ({_safe(str(Money(item.minor, found.currency)))})</li>" for item in found.hygiene.items[:10]
    )
    return f"<ul>{rows}</ul>" if rows else ""
