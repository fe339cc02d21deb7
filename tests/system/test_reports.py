"""Reports from a shell: JSON for machines, a page for people, and figures that agree with each other."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from core.analytics.flows import months_before
from tests.system.commands import books, duesync
from tests.system.inline import inline

DAY = date(2026, 6, 30)
SIGN_KEYS = {"name", "value", "unit", "trend", "threshold", "alert", "clients", "formula"}
HOSTILE = '<script>alert(1)</script> & "Söhne"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A year of monthly bills of two clients: one pays in time, the other fifty days late and no longer."""
    quoted = HOSTILE.replace('"', '""')
    parties = f'ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\nP2,"{quoted}",,USD,true\n'
    invoices = ["ref,party_ref,number,currency,total,open,issued_on,due_on,status,agreement_ref"]
    payments = ["ref,party_ref,currency,amount,unapplied,paid_on,status"]
    applied = ["source_stream,source_ref,invoice_ref,amount,currency,applied_on"]
    for back in range(12):
        for party, amount, wait in (("P1", "1000.00", 20), ("P2", "400.00", 80)):
            ref = f"{party}-{back}"
            issued = months_before(DAY.replace(day=1), back)
            paid = issued + timedelta(days=wait)
            left = amount if paid > DAY else "0.00"
            status = "open" if paid > DAY else "paid"
            invoices.append(f"{ref},{party},{ref},USD,{amount},{left},{issued},{issued + timedelta(days=30)},{status},A-{party}")
            if paid <= DAY:
                payments.append(f"Y{ref},{party},USD,{amount},0.00,{paid},received")
                applied.append(f"payments,Y{ref},{ref},{amount},USD,{paid}")
    made = books(
        tmp_path_factory.mktemp("reports"),
        parties=parties,
        invoices="\n".join(invoices) + "\n",
        payments="\n".join(payments) + "\n",
        allocations="\n".join(applied) + "\n",
    )
    pulled = duesync(made, "sync", "--json")
    assert pulled.code == 0, pulled.err
    assert duesync(made, "reconcile", "--json").code == 0
    return made


@pytest.fixture(scope="module")
def health(folder):
    ran = duesync(folder, "report", "health", "--as-of", str(DAY), "--json")
    assert ran.code == 0, ran.err
    return ran.json


@pytest.mark.req("A44", "A46", "A49")
def test_health_has_six_signs_each_complete(health):
    assert len(health["signs"]) == 6
    for sign in health["signs"]:
        assert set(sign) >= SIGN_KEYS
        assert isinstance(sign["alert"], bool)
        assert sign["formula"]
        assert len(sign["trend"]) >= 6
        assert {"month", "value"} <= set(sign["trend"][0])
        for client in sign["clients"]:
            assert {"account", "name", "figure"} <= set(client)


@pytest.mark.req("A55")
def test_the_late_client_is_behind_the_sign_of_habit(health):
    (sign,) = [item for item in health["signs"] if item["name"] == "miscommunication"]
    assert sign["alert"]
    assert sign["clients"][0]["name"] == HOSTILE


@pytest.mark.req("E47")
def test_key_figures_follow_from_the_inputs_printed_with_them(health):
    by_name = {item["name"]: item for item in health["kpis"]}
    dso = by_name["dso"]
    assert dso["value"] == round(dso["inputs"]["receivables"] / dso["inputs"]["sales"] * dso["inputs"]["days"], 2)
    assert {"dso_countback", "best_possible_dso", "average_days_delinquent", "collection_effectiveness", "at_risk_rate"} < set(
        by_name
    )
    assert all(item["formula"] and item["convention"] for item in by_name.values())


def test_health_and_ageing_agree_about_what_is_open(folder, health):
    ageing = duesync(folder, "report", "ageing", "--as-of", str(DAY), "--json").json
    assert ageing["totals"]["USD"]["total"] == health["months"][-1]["receivables"] == 80_000
    past_due = sum(ageing["totals"]["USD"][name] for name in ageing["buckets"] if name != "current")
    assert past_due == health["months"][-1]["past_due"]


def test_a_past_day_is_told_as_it_was(folder):
    then = duesync(folder, "report", "health", "--as-of", "2026-03-31", "--json").json
    assert then["as_of"] == "2026-03-31"
    assert then["signs"][0]["trend"][-1]["month"] == "2026-03"


@pytest.mark.req("A67", "A61")
def test_recurring_revenue_is_told_and_autopay_is_unknown_without_a_system_that_tells(health):
    assert health["recurring_revenue"][-1]["billed"] == 140_000
    assert health["autopay"]["coverage"] is None


@pytest.mark.req("A45")
def test_the_page_stands_alone_runs_nothing_and_escapes_names(folder):
    ran = duesync(folder, "report", "health", "--as-of", str(DAY), "--html", "health.html")
    assert ran.code == 0, ran.err
    page = (folder / "health.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"""(?:src|href)=|url\(|@import|https?:""", page)
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) >= 4
    for chart in drawn:
        assert ElementTree.fromstring(chart).findall(".//rect")


def test_words_and_csv_tell_the_same_signs(folder, health):
    told = duesync(folder, "report", "health", "--as-of", str(DAY)).out
    assert f"{health['alerts']} of 6 warning signs are on" in told
    rows = [*csv.DictReader(io.StringIO(duesync(folder, "report", "health", "--as-of", str(DAY), "--csv").out))]
    last = [row for row in rows if row["name"] == "receivables_share"][-1]
    assert float(last["value"]) == health["signs"][0]["value"]
    assert {row["name"] for row in rows if row["kind"] == "kpi"} == {item["name"] for item in health["kpis"]}


def test_what_is_no_currency_is_refused_in_words(folder):
    ran = duesync(folder, "report", "health", "--currency", "dollars")
    assert ran.code == 2
    assert "three-letter" in ran.err


def test_cash_is_forecast_by_client_and_adds_up_to_what_is_open(folder):
    found = duesync(folder, "report", "forecast", "--as-of", str(DAY), "--json").json
    opened = sum(item["open"] for item in found["invoices"])
    assert opened == 80_000
    for part in (found["cash"], *found["clients"]):
        assert {"months", "later", "unknown"} <= set(part)
    whole = found["cash"]
    assert sum(month["expected"] for month in whole["months"]) + whole["later"] + whole["unknown"] == opened
    assert all(item["earliest_on"] <= item["expected_on"] <= item["latest_on"] for item in found["invoices"])
    assert found["measured"]["held"] is not None
    told = duesync(folder, "report", "forecast", "--as-of", str(DAY))
    assert told.code == 0, told.err
    assert "Mean error in days" in told.out


@pytest.mark.req("A79")
def test_the_ageing_is_a_file_for_an_agency_and_a_page_for_people_with_the_same_sums(folder):
    found = inline(folder, "report", "ageing", "--as-of", str(DAY), "--json").json
    ran = inline(folder, "report", "ageing", "--as-of", str(DAY), "--csv", "--html", "ageing.html")
    assert ran.code == 0, ran.err
    rows = [*csv.DictReader(io.StringIO(ran.out))]
    assert {row["currency"] for row in rows} == {"USD"}
    assert sum(round(float(row["total"]) * 100) for row in rows) == found["totals"]["USD"]["total"]
    assert {(row["account"], row["1-30"]) for row in rows} == {
        (row["account"], f"{row['1-30'] / 100:.2f}") for row in found["accounts"]
    }
    page = (folder / "ageing.html").read_text()
    assert f"{found['totals']['USD']['net'] / 100:,.2f} USD" in page
    check_page(page)


def test_the_forecast_is_a_page_and_a_file_too(folder):
    found = inline(folder, "report", "forecast", "--as-of", str(DAY), "--json").json
    ran = inline(folder, "report", "forecast", "--as-of", str(DAY), "--csv", "--html", "cash.html")
    assert ran.code == 0, ran.err
    rows = [*csv.DictReader(io.StringIO(ran.out))]
    assert [(row["number"], row["expected_on"]) for row in rows] == [
        (item["number"], item["expected_on"]) for item in found["invoices"]
    ]
    page = (folder / "cash.html").read_text()
    assert "Mean error in days" in page
    check_page(page)


def check_page(page):
    """It stands alone, runs nothing, and names from outside stay text."""
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)
    assert [ElementTree.fromstring(chart) for chart in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
