"""Every message and statement laid out by a browser at phone and desktop width: nothing runs out of the page sideways."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from core.messages.letter import LetterGroup, LetterKind
from core.messages.render import Rendered, render
from core.messages.statement import statement_html
from core.money import Money
from tests.unit.messages.samples import _line, account_statement, sample, samples

WIDTHS = (320, 390, 1000)  # the narrowest phone in use, a usual one, a desktop
BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
ARABIC = "شركة النور للتجارة والمقاولات العامة"
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenbestellung"
MEASURE = """
<script>
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument.documentElement;
    return [frame.title, frame.clientWidth, page.scrollWidth, page.scrollHeight];
  });
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>
"""


def hostile() -> dict[str, str]:
    """Names, numbers and amounts as long as they can be, some written from right to left."""
    letter = sample(LetterKind.FIRM, "de")
    due = (
        _line("RE-2026-" + "9" * 60, 1_234_567_890, 40, "EUR", reference=ARABIC),
        _line("4711", 99, 3, "EUR", received=50, reference=LONG * 3),
    )
    yen = LetterGroup(currency="JPY", due=(_line("J1", 500_000, 9, "JPY"),), credit=Money(0, "JPY"))
    organisation = replace(letter.organisation, name=LONG * 2, address="Unter den Linden " + "1" * 200)
    groups = (replace(letter.groups[0], due=due), yen)
    message = render(replace(letter, client=ARABIC * 4, contact=LONG, groups=groups, organisation=organisation))
    assert isinstance(message, Rendered), str(message)
    statement = account_statement("nl")
    rows = tuple(replace(row, label="X" * 200, open=Money(1_234_567_890, "EUR")) for row in statement.invoices)
    return {"hostile": message.html, "hostile statement": statement_html(replace(statement, client=LONG * 3, invoices=rows))}


def laid_out(pages: dict[str, str], folder) -> list[tuple[str, int, int, int]]:
    """(page, width given, width taken, height) of every page at every width, as the browser lays it out."""
    frames = [
        f'<iframe title="{name}" srcdoc="{html.escape(page)}" style="width:{width}px;height:2600px;border:0"></iframe>'
        for name, page in pages.items()
        for width in WIDTHS
    ]
    (folder / "all.html").write_text(f'<meta charset="utf-8"><pre id="found"></pre>{"".join(frames)}{MEASURE}', encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [str(BROWSER), *options, "--virtual-time-budget=4000", f"file://{folder / 'all.html'}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None
    return [tuple(item) for item in json.loads(html.unescape(found[1]))]


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed here")
def test_nothing_runs_out_of_a_page_on_a_phone_or_a_desktop(tmp_path):
    pages = {name: page for name, page in samples().items() if name.endswith(".html")} | hostile()
    found = laid_out(pages, tmp_path)
    assert len(found) == len(pages) * len(WIDTHS)
    assert [item for item in found if item[2] > item[1]] == []
    assert all(height > 300 for *_, height in found), "a page stayed empty"
