"""Alerts, dashboard and runbook speak of metrics, alerts and commands that exist; the metrics say what the store knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from connectors.quickbooks.sandbox import QuickBooksSandbox
from core.actions import InvoiceMention, SendReminder
from core.errors import Transient
from core.money import Money
from core.outbox import Queued
from core.ports import Tokens
from core.records import Cursor, Malformed, Page, Ref, Stream
from core.store import open_store
from core.store.vault import new_vault_key
from scheduler.app import App, open_app
from scheduler.cli.commands import every_command
from scheduler.demo.days import FastClock
from scheduler.demo.setup import write_configuration
from scheduler.engine.schedule import Totals
from scheduler.http.cluster import ClusterCollector
from scheduler.http.metrics import exposition
from scheduler.runner import Job, Runner
from tests.conftest import ROOT
from tests.unit.shell.vendor import NOW

METRIC = re.compile(r"\bduesync_[a-z_]+")
COMMAND = re.compile(r"`duesync (?:--tenant NAME )?((?:[a-z][a-z-]* ?)+)")


@pytest.fixture
def app(tmp_path):
    sandbox = QuickBooksSandbox(FastClock(NOW))
    config = write_configuration(tmp_path, sandbox.settings("http://127.0.0.1:1"), smtp_port=1, maildir=tmp_path)
    with open_app(config, clock=FastClock(NOW), quiet=True) as opened:
        yield opened


@pytest.fixture
def exposed(app):
    """Names of all metrics of a daemon and of a worker, those without a sample too."""
    registry = CollectorRegistry()
    registry.register(ClusterCollector(lambda: Totals(2, 1, 1, 3.5, 7, 0, 1, 2)))
    text = exposition(app, Runner(app)).decode() + generate_latest(registry).decode()
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def alerts():
    loaded = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def runbook():
    return (ROOT / "docs" / "runbook.md").read_text()


def commands():
    """Every command line that can be given, without its arguments, and the name of each group of commands."""
    top = every_command()
    below = {f"{name} {sub}" for name, item in top.items() for sub in getattr(item, "commands", {})}
    return set(top) | below


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_alert_is_about_metrics_that_are_served(alerts, exposed):
    used = {name for rule in alerts for name in METRIC.findall(rule["expr"])}
    assert len(used) >= 10
    assert used <= exposed


def test_every_alert_has_a_section_that_says_what_to_do(alerts, runbook):
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", runbook, re.MULTILINE | re.DOTALL))
    assert {rule["alert"] for rule in alerts} == set(sections)
    for rule in alerts:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
        text = sections[rule["alert"]]
        assert "**Means**" in text
        assert "**Do not fear**" in text or "As [" in text


def test_every_rule_says_what_it_should_and_nothing_else(tmp_path):
    """Prometheus' own test of rules, over series of a healthy daemon, of dying workers, of failing tenants."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed on this machine (Debian: apt-get install prometheus)")
    for file in (ROOT / "deploy" / "alerts.yml", ROOT / "tests" / "unit" / "deploy" / "alerts.test.yml"):
        shutil.copy(file, tmp_path)
    done = subprocess.run(
        [promtool, "test", "rules", "alerts.test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_shows_metrics_that_are_served(exposed):
    board = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    targets = [target for panel in board["panels"] for target in panel.get("targets", [])]
    used = {name for target in targets for name in METRIC.findall(target["expr"])}
    assert len(used) >= 10
    assert used <= exposed
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize("page", ["runbook", "operations", "security", "scaling"])
def test_every_command_a_page_names_exists(page):
    known = commands()
    named = [found.strip() for found in COMMAND.findall((ROOT / "docs" / f"{page}.md").read_text())]
    assert named
    groups = {name.split()[0] for name in known if " " in name}
    unknown = {text for text in named if " ".join(text.split()[: 2 if text.split()[0] in groups else 1]) not in known}
    assert unknown == set()


# ── what is served ──────────────────────────────────────────────────────────────────────────────────────────────────────
def samples(app: App, runner: Runner) -> list[str]:
    return exposition(app, runner).decode().splitlines()


def test_a_job_that_never_worked_is_failing(app):
    def broken(_: App):
        raise Transient("no answer", connection="books")

    runner = Runner(app)
    runner.run(Job(name="sync:books", every=900.0, run=broken))
    assert 'duesync_job_failing{job="sync:books"} 1.0' in samples(app, runner)


def test_a_job_lags_from_its_last_success(app):
    runner = Runner(app, finished_at={"dispatch": (NOW - timedelta(minutes=5)).timestamp()})
    lines = samples(app, runner)
    assert 'duesync_job_lag_seconds{job="dispatch"} 300.0' in lines
    assert 'duesync_job_every_seconds{job="dispatch"} 60.0' in lines


def test_the_earlier_end_of_a_consent_is_told_and_no_token(app):
    with app.store.vault.locked("books") as slot:
        ends = {"refresh_expires_at": NOW + timedelta(days=3), "consent_expires_at": NOW + timedelta(days=900)}
        slot.write(Tokens(access="the-access-token", refresh="the-refresh-token", **ends))
    text = "\n".join(samples(app, Runner(app)))
    assert 'duesync_token_expires_in_seconds{connection="books"} 259200.0' in text
    assert 'duesync_token_readable{connection="books"} 1.0' in text
    assert "the-access-token" not in text
    assert "the-refresh-token" not in text


def test_tokens_of_another_key_are_told_as_unreadable(app, tmp_path):
    foreign = open_store(f"sqlite:///{tmp_path / 'duesync.db'}", clock=app.clock, vault_key=new_vault_key())
    with foreign.vault.locked("books") as slot:
        slot.write(Tokens(access="sealed-elsewhere"))
    foreign.close()
    assert 'duesync_token_readable{connection="books"} 0.0' in samples(app, Runner(app))


def test_rows_that_cannot_be_read_and_what_is_paused_are_told(app):
    bad = Malformed(stream=Stream.INVOICES, ref=Ref("7"), where="TotalAmt", problem="is not an amount")
    page = Page(stream=Stream.INVOICES, entries=(), cursor=Cursor("c"), more=False, malformed=(bad,))
    app.store.commit_page(page, connection="books", run_id="r", now=NOW)
    app.store.pause("volume", by="duesync", reason="a wave", now=NOW)
    lines = samples(app, Runner(app))
    assert 'duesync_malformed_rows{connection="books",stream="invoices"} 1.0' in lines
    assert 'duesync_paused_scope{scope="volume"} 1.0' in lines


@pytest.mark.req("E15")
def test_a_message_that_is_due_and_unsent_is_told_with_its_age_and_alerts_within_a_day(app, alerts):
    mention = InvoiceMention(connection="books", ref=Ref("1"), digest="d", number="1", open=Money(100, "USD"), due_on=NOW.date())
    action = SendReminder(
        connection="mail",
        account="a",
        stage="due",
        cycle="c",
        to=("a@b.example",),
        subject="s",
        text="t",
        html="h",
        invoices=(mention,),
    )
    for age in (timedelta(hours=-1), timedelta(hours=25)):
        app.store.enqueue(
            [Queued(action=replace(action, cycle=str(age)), reasons=("due",), not_before=NOW - age)], now=NOW, run_id=None
        )
    assert "duesync_outbox_due_unsent_seconds 90000.0" in samples(app, Runner(app))
    (rule,) = [item for item in alerts if "duesync_outbox_due_unsent_seconds >" in item["expr"]]
    assert int(re.search(r"> (\d+)", rule["expr"])[1]) <= 86400
