"""Reports as pages: what is unknown is not called fine, figures are there without pointing at bars, nothing runs off a phone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.analytics.ageing import ageing
from core.analytics.flows import months_before
from core.analytics.forecast import forecast
from core.analytics.health import health
from scheduler.cli.ageing_page import ageing_page
from scheduler.cli.forecast_page import forecast_page
from scheduler.cli.health_charts import bars, pairs
from scheduler.cli.health_page import health_page
from scheduler.cli.health_report import sign_state
from scheduler.cli.report_page import amount, rows_table
from tests.unit.analytics.ledgers import TODAY, books, client, monthly
from tests.unit.messages.test_in_a_browser import BROWSER, LONG, laid_out

LATER = months_before(TODAY, -6)  # long after the last bill


@pytest.fixture(scope="module")
def ledger():
    late = client("late", bills=monthly("late", months=14, late=70))
    slow = client("slow", bills=monthly("slow", months=14, late=20, total=123_456_789))
    account = replace(slow.account, name=LONG * 2)
    return books(late, replace(slow, account=account), *(client(f"c{n}", bills=monthly(f"c{n}", late=n)) for n in range(8)))


def cards(page):
    return re.findall(r"<section class='card'>.*?</section>", page, re.DOTALL)


def test_a_sign_that_nobody_can_measure_is_not_called_fine(ledger):
    found = health(ledger, LATER)
    unknown = [sign for sign in found.signs if sign.main.value is None and not sign.alert]
    assert unknown
    assert {sign_state(sign) for sign in unknown} == {"unknown"}
    shown = cards(health_page(found, "N"))
    for sign in unknown:
        assert "not known</span>" in shown[sign.number - 1]
        assert ">fine<" not in shown[sign.number - 1]


def test_a_past_value_is_not_drawn_as_todays(ledger):
    first = cards(health_page(health(ledger, LATER), "N"))[0]
    assert 'class="bar"' in first
    assert 'class="now"' not in first
    assert "Known only from" in first
    assert 'class="now"' in cards(health_page(health(ledger, TODAY), "N"))[0]


def test_an_alert_says_so_in_words_not_by_colour_alone(ledger):
    found = health(ledger, LATER)
    over = [(sign, item) for sign in found.signs for item in sign.others if item.alert]
    assert over
    shown = cards(health_page(found, "N"))
    assert all("over the limit of" in shown[sign.number - 1] for sign, _ in over)


def test_a_chart_has_its_figures_on_it_and_none_is_drawn_of_nothing():
    drawn = bars(["a", "b"], [1.0, 3.0], limit=2.0, words=["one", "three"], title="t", figures=["", "3 %"])
    assert re.findall(r'class="figure"[^>]*>([^<]*)', drawn) == ["3 %"]
    assert ">limit</text>" in drawn
    heights = [float(top) for top in re.findall(r'<text[^>]* y="([0-9.]+)"', drawn)]
    assert all(12 <= top <= 190 for top in heights), "a word would be cut off"
    assert bars(["a"], [0.0], limit=1.0, words=["none"], title="t") == ""
    assert pairs(["a"], [0.0], [0.0], [("", "")], "t") == ""


def test_a_table_names_every_figure_for_the_phone_and_its_head_for_every_sheet_of_paper():
    table = rows_table(("client", 'a"b', "net"), [("all", 1, 2), ("x", "", 3)], sums=1)
    assert "<thead>" in table
    assert '<td data-label="a&quot;b">1</td>' in table
    assert re.findall(r"<tr[^>]*>", table) == ["<tr>", '<tr class="sum">', "<tr>"]
    assert "<td>x</td>" in table


def test_amounts_in_a_table_have_the_decimals_of_their_currency():
    assert [amount(123_456, code) for code in ("USD", "JPY", "KWD")] == ["1,234.56", "123,456", "123.456"]
    assert amount(0, "USD") == ""


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed here")
def test_no_report_runs_out_of_a_phone_or_a_desktop_sideways(ledger, tmp_path):
    pages = {
        "health": health_page(health(ledger, TODAY), LONG),
        "health later": health_page(health(ledger, LATER), "N"),
        "ageing": ageing_page(ageing(ledger, TODAY), LONG),
        "forecast": forecast_page(forecast(ledger, TODAY), "N"),
        "nothing": forecast_page(forecast(ledger, LATER), "N"),
    }
    found = laid_out(pages, tmp_path)
    assert [item for item in found if item[2] > item[1]] == []
    assert all(height > 300 for *_, height in found), "a page stayed empty"
