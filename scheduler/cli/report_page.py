"""The frame of every report's page: one HTML file, no script, nothing loaded from anywhere; phone, desktop or paper."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

from core.money import Money, exponent
from scheduler.cli import console

_SUM = ' class="sum"'

STYLE = """
:root{--ink:#1b2430;--soft:#5a6675;--line:#d9dfe6;--card:#fff;--page:#f4f6f8;
--bar:#9db4cc;--now:#2b6cb0;--bad:#b3261e;--good:#1d7a46}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#a3afbd;--line:#36414e;--card:#1d252e;--page:#12181f;--bar:#4a617a;
--now:#6aa9e9;--bad:#ff8a80;--good:#6fd39b}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);overflow-wrap:anywhere}
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
.none{color:var(--soft)}svg .figure{fill:var(--ink);font-weight:600}svg .told{fill:var(--bad)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:5px 10px;
border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child,.words{text-align:left}
td:first-child,td.words{white-space:normal;overflow-wrap:anywhere}td:first-child{min-width:11rem}.sum td{font-weight:650}
details summary{cursor:pointer;color:var(--soft);font-size:.88rem}
@media screen and (max-width:640px){svg text{font-size:25px}thead{display:none}table,tbody,tr,td{display:block}
tr{padding:8px 0;border-bottom:1px solid var(--line)}td{display:flex;justify-content:space-between;gap:16px;border:0;
padding:1px 0;white-space:normal}td:first-child{font-weight:600;min-width:0}td:empty{display:none}
td.words{text-align:right}td[data-label]::before{content:attr(data-label);color:var(--soft);text-align:left;font-weight:400;
white-space:nowrap}}
@media print{:root{--ink:#111;--soft:#444;--line:#bbb;--card:#fff;--page:#fff;--bar:#b9c4d0;--now:#27486b;--bad:#8c1c13;
--good:#14532d}body{font-size:10pt}main{max-width:none;padding:0}h2{margin-top:1.2em;break-after:avoid}details{display:none}
.cards{grid-template-columns:1fr 1fr;gap:10px}.card{padding:10px}.card.long{break-inside:auto;border:0;padding:0}
thead{display:table-header-group}tr{break-inside:avoid}.scroll{overflow:visible}table{font-size:8.5pt}th,td{padding:3px 5px}}
"""


def page(title: str, body: str) -> str:
    """A whole page around `body`, which is HTML already. The policy in its head forbids whatever could be loaded."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{safe(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def safe(text: str, width: int = 200) -> str:
    """Text from outside as one line that no browser reads as markup."""
    return escape(console.one_line(text, width))


def rows_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, words: Collection[str] = (), sums: int = 0) -> str:
    """A table; on a phone every row is a block with each figure beside its name, and what is empty is left out.

    The first column and those named in `words` are text, the others figures. The first `sums` rows are sums of the others.
    """
    kinds = [' class="words"' if name in words else "" for name in columns]
    labels = ["", *(f' data-label="{safe(name)}"' for name in columns[1:])]
    head = "".join(f"<th{kind}>{safe(name)}</th>" for name, kind in zip(columns, kinds, strict=True))
    body = []
    for number, row in enumerate(rows):
        cells = zip(row, kinds, labels, strict=True)
        body.append(f"<tr{_SUM if number < sums else ''}>")
        body += [f"<td{kind}{label}>{safe(str(cell))}</td>" for cell, kind, label in cells]
        body.append("</tr>")
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def amount(minor: int, currency: str) -> str:
    """An amount without its currency, for tables whose heading says it: "1,200.00"; nothing for zero."""
    return f"{Money(minor, currency).decimal:,.{exponent(currency)}f}" if minor else ""
