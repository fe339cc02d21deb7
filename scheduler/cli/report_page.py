"""The frame of every report's page: one HTML file, no script, nothing loaded from anywhere; phone, desktop or paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from scheduler.cli import console

STYLE = """
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
td:first-child{white-space:normal;overflow-wrap:anywhere;min-width:6.5rem;max-width:40vw}
details summary{cursor:pointer;color:var(--soft);font-size:.88rem}
@media print{:root{--page:#fff}body{font-size:11pt}main{max-width:none;padding:0}.cards{grid-template-columns:1fr 1fr}
.scroll{overflow:visible}table{font-size:8.5pt}th,td{padding:3px 5px}}
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


def rows_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that scrolls sideways on a phone; the first column is words, the others figures."""
    head = "".join(f"<th>{safe(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{safe(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"
