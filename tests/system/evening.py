"""The operator's evening: the demo's company, a daemon's jobs on a fast clock, the alerts of deploy/alerts.yml, and every mail.

Alerts are judged as Prometheus would: an expression that holds at every scrape for its `for` fires. A mail is judged when it
arrives, by what the vendor itself says of the invoices it names.
"""

from __future__ import annotations

import mailbox
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from scheduler.app import App, open_app
from scheduler.demo.days import FastClock
from scheduler.demo.vendor import ZONE, DemoVendor
from scheduler.http.metrics import exposition
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Runner
from tests.conftest import ROOT

_SAMPLE = re.compile(r"^(duesync_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SELECTOR = re.compile(r"(duesync_\w+)(?:\{([^}]*)\})?")
_WORD = re.compile(r"[\w-]+")
_LENGTHS = {"m": 60, "h": 3600, "d": 86400}

HOURS = (9, 12, 15, 18)  # local: before, in and after the hours in which clients are written to
Labels = frozenset[tuple[str, str]]


class Alerts:
    """The rules of deploy/alerts.yml over the metrics of one daemon. Rules in words this judge does not know are left out."""

    def __init__(self) -> None:
        loaded = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
        self._rules = [rule for group in loaded["groups"] for rule in group["rules"] if "up{" not in rule["expr"]]
        self._since: dict[tuple[str, Labels], datetime] = {}
        self.firing: set[str] = set()

    def scrape(self, text: str, now: datetime) -> None:
        """Judge every rule at this moment."""
        samples = [(name, frozenset(_LABEL.findall(labels)), float(value)) for name, labels, value in _SAMPLE.findall(text)]
        holding = {
            (rule["alert"], labels): _seconds(rule.get("for", "0m"))
            for rule in self._rules
            for labels in _true(rule["expr"], samples)
        }
        self._since = {key: self._since.get(key, now) for key in holding}
        self.firing = {key[0] for key, since in self._since.items() if (now - since).total_seconds() >= holding[key]}


def _seconds(text: str) -> int:
    return int(text[:-1]) * _LENGTHS[text[-1]]


def _true(expression: str, samples: list[tuple[str, Labels, float]]) -> list[Labels]:
    """The label sets for which a comparison of one or two metrics holds; a second metric is matched by its labels."""
    expression = expression.replace("and on()", "and")
    names = _SELECTOR.findall(expression)
    if not names or re.search(r"by|delta|increase|rate|offset|absent|time\(", expression):
        return []
    first, wanted = names[0][0], set(_LABEL.findall(names[0][1]))
    found = []
    for name, labels, _ in samples:
        if name != first or not wanted <= labels:
            continue
        values = {other: value for other, others, value in samples if others == labels}
        sum_text = _SELECTOR.sub(lambda match, known=values: repr(known.get(match[1], float("nan"))), expression)
        if eval(sum_text, {"__builtins__": {}, "nan": float("nan")}):  # our own rules, numbers put in
            found.append(labels)
    return found


def _looks(after: datetime, before: datetime) -> list[datetime]:
    """The moments strictly between two instants at which the daemon looks."""
    first = after.astimezone(ZoneInfo(ZONE)).date()
    days = [first + timedelta(days=day) for day in range((before - after).days + 2)]
    moments = [datetime.combine(day, time(hour), ZoneInfo(ZONE)) for day in days for hour in HOURS]
    return [moment for moment in moments if after < moment < before]


class Evening:
    """One operator's hours with one daemon. `wrong` collects every mail that named nothing open, `mails` every mail by day."""

    def __init__(self, config: Path, clock: FastClock, vendor: DemoVendor, maildir: Path) -> None:
        self.config, self.clock, self.vendor, self.maildir = config, clock, vendor, maildir
        self.keys: Counter[str] = Counter()
        self.reopen()
        self.alerts = Alerts()
        self.fired: list[str] = []
        self.wrong: list[str] = []
        self._seen: set[str] = set()

    def reopen(self) -> None:
        """The service is started, over the store that is there."""
        self.app: App = open_app(self.config, clock=self.clock, quiet=True)
        self.runner = Runner(self.app)

    def until(self, moment: datetime) -> list[str]:
        """Let time pass with the daemon's jobs running at HOURS and at the end; what was mailed, as address and subject."""
        sent: list[str] = []
        for look in (*_looks(self.clock.now(), moment), moment):
            self.clock.set(look)
            self.vendor.advance(self.clock.now())
            for job in jobs(self.app):
                if job.name != "review:full":
                    self.runner.run(job)
            if "volume" in self.app.store.paused():
                resume_sending(self.app, "the bookkeeper")
            sent += self._arrived()
            self.alerts.scrape(exposition(self.app, self.runner).decode(), self.clock.now())
            self.fired += sorted(self.alerts.firing - set(self.fired))
        return sent

    def _arrived(self) -> list[str]:
        box = mailbox.Maildir(self.maildir, create=False)
        fresh = []
        for key in sorted(set(box.keys()) - self._seen):
            self._seen.add(key)
            message = box[key]
            fresh.append(f"{message['To']} {message['Subject']}")
            self.keys[str(message["X-duesync-Key"])] += 1
            self._judge(message)
        box.close()
        return fresh

    def _judge(self, message: mailbox.MaildirMessage) -> None:
        part = next(item for item in message.walk() if item.get_content_type() == "text/plain")
        text = f"{message['Subject']}\n{part.get_payload(decode=True).decode()}"
        balances = self._balances()
        named = [number for number in set(_WORD.findall(text)) if number in balances]
        if not named or all(balances[number] <= 0 for number in named):
            self.wrong.append(text)

    def _balances(self) -> Mapping[str, Decimal]:
        invoices = self.vendor.sandbox.books.all("Invoice")
        return {str(item["DocNumber"]): Decimal(str(item["Balance"])) for item in invoices if item.get("DocNumber")}
