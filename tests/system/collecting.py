"""An MSP's year in a test: ConnectWise and QuickBooks on loopback, a mail server, an agency's folder, one clock for all."""

from __future__ import annotations

import io
import json
import mailbox
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet
from httpx import create_ssl_context
from structlog.testing import capture_logs
from typer.main import get_command

from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.serve import serve
from core.money import Money
from core.records import Allocation, DocumentStatus, Invoice, Party, Payment, Ref
from scheduler.app import App, open_app
from scheduler.cli import app as commands
from scheduler.cli import session
from scheduler.demo.days import FastClock
from scheduler.demo.vendor import mail_sink
from scheduler.documents import toml_section
from scheduler.jobs import jobs
from scheduler.runner import Runner

ZONE = "America/Chicago"
STORY = date(2026, 3, 2)  # a Monday
CANARY = "Canary-Passw0rd-77"


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


class Office:
    """The office: its systems, its people at the command line, its days."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FastClock(datetime.combine(STORY, time(6), ZoneInfo(ZONE)).astimezone(UTC))
        self.books = QuickBooksSandbox(self.clock, zone=ZONE)
        self.psa = ConnectwiseSandbox(self.clock)
        self.companies: dict[str, int] = {}
        self.agency = folder / "agency"
        (self.agency / "from-agency").mkdir(parents=True)
        self.config = folder / "duesync.toml"
        self._app: App | None = None
        self._commands: Any = get_command(commands)  # made once: typer makes it anew for every call

    # ── the outside world ───────────────────────────────────────────────────────────────────────────────────────────────
    def client(self, name: str, mail: str) -> None:
        """A client in both systems."""
        self.companies[name] = self.psa.tenant.add_company(name, invoiceToEmailAddress=mail)["id"]
        self.books.world.add(
            [Party(connection="b", ref=Ref(name), name=name, email=mail, country="US", region="IL", currency="USD")]
        )

    def bill(self, name: str, number: str, amount: str, on: date) -> None:
        """An invoice made in the PSA for work done there, and carried to the books."""
        company = self.companies[name]
        start = datetime.combine(on - timedelta(days=3), time(15), UTC)
        made = self.psa.tenant.add_invoice(company, amount, on, on + timedelta(days=15), number=number, at=self.clock.now())
        self.psa.tenant.add_time(company, 6, start, invoice=made["id"], changed_at=self.clock.now())
        self.books.world.add(
            [
                Invoice(
                    connection="b",
                    ref=Ref(number),
                    party_ref=Ref(name),
                    number=number,
                    total=usd(amount),
                    open=usd(amount),
                    issued_on=on,
                    due_on=on + timedelta(days=15),
                    status=DocumentStatus.OPEN,
                    sent=True,
                    bill_email=f"ap@{name.partition(' ')[0].lower()}.example",
                    memo=f"managed services; vpn password: {CANARY}",
                    updated_at=self.clock.now(),
                )
            ]
        )

    def pay(self, name: str, amount: str, to: str, *, memo: str = "") -> None:
        """A payment typed into the books today, applied to one invoice."""
        today = self.today
        part = Allocation(invoice_ref=Ref(to), amount=usd(amount), applied_on=today)
        payment = Payment(
            connection="b",
            ref=Ref(f"{name}|{today}|{amount}"),
            party_ref=Ref(name),
            amount=usd(amount),
            unapplied=usd("0"),
            paid_on=today,
            allocations=(part,),
            reference=f"chq {amount}",
            memo=memo or None,
            updated_at=self.clock.now(),
        )
        self.books.world.add([payment])
        paid = next(row for row in self.psa.tenant.rows("finance/invoices") if row["invoiceNumber"] == to)
        self.psa.tenant.pay(paid["id"], amount, today)

    def reports(self, name: str, text: str) -> None:
        """The agency leaves a file."""
        (self.agency / "from-agency" / name).write_text(text)

    def handed_over(self) -> list[dict[str, Any]]:
        """What stands at the agency, each as its message."""
        found = sorted((self.agency / "to-agency").glob("*/message.json"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) | {"folder": path.parent} for path in found]

    def mails(self) -> list[Any]:
        box = mailbox.Maildir(self.folder / "mail", create=False)
        found = list(box)
        box.close()
        return found

    def notes_in_books(self) -> list[str]:
        return [str(item.get("Note", "")) for item in self.books.books.all("Attachable")]

    def notes_in_psa(self, name: str) -> list[str]:
        return [str(row["text"]) for row in self.psa.tenant.rows(f"company/companies/{self.companies[name]}/notes")]

    # ── days ────────────────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def today(self) -> date:
        return self.clock.now().astimezone(ZoneInfo(ZONE)).date()

    def day(self, on: date, *, hour: int = 10) -> None:
        """Go to a moment and let every job of the daemon run once."""
        moment = datetime.combine(on, time(hour), ZoneInfo(ZONE)).astimezone(UTC)
        if moment > self.clock.now():
            self.clock.set(moment)
        self.work()

    def work(self, *, without: tuple[str, ...] = ()) -> None:
        """Every job of the daemon once, in order; a job that fails fails the test."""
        with self.app() as app:
            runner = Runner(app)
            for job in jobs(app):
                if job.name not in ("review", *without):
                    assert runner.run(job), (job.name, runner.failing)

    @contextmanager
    def app(self) -> Iterator[App]:
        """The app, opened once: each command of a person opens its own, which would cost more than all it does."""
        if self._app is None:
            self._app = open_app(self.config, clock=self.clock, quiet=True)
        yield self._app

    def close(self) -> None:
        if self._app is not None:
            self._app.close()

    def run(self, *args: str, code: int | None = 0) -> Any:
        """A command, as a person types it; its JSON."""
        session.chosen.config, session.chosen.json = None, False
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, capture_logs(), redirect_stdout(out), redirect_stderr(err):
            patch.setattr(session, "open_app", lambda *_, **__: self.app())
            left = session.guard(self._commands, ["--config", str(self.config), *args, "--json"])
        session.chosen.config, session.chosen.json = None, False
        assert code is None or left == code, (args, left, out.getvalue()[-2000:], err.getvalue()[-2000:])
        return json.loads(out.getvalue()) if out.getvalue().strip() else err.getvalue()


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    """The office, running."""
    place = Office(folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        mail_sink(folder / "mail") as port,
        serve(place.books) as books,
        serve(place.psa) as psa,
    ):
        # a client on loopback needs no certificates: reading them anew for each would take longer than the story
        patch.setattr("httpx._transports.default.create_ssl_context", lru_cache(create_ssl_context))
        patch.setattr("connectors.registry.entry_points", lru_cache(entry_points))
        _configure(place, books, psa, port)
        try:
            yield place
        finally:
            place.close()


def _configure(place: Office, books: str, psa: str, port: int) -> None:
    folder = place.folder

    def secret(name: str, value: str) -> str:
        path = folder / name
        path.write_text(value)
        path.chmod(0o600)
        return f"file:{path}"

    ledger, desk = place.books.settings(books), place.psa.settings(psa)
    for name in ("client_secret", "refresh_token", "webhook_verifier"):
        ledger[name] = secret(f"qb-{name}", str(ledger[name]))
    for name in ("public_key", "private_key"):
        desk[name] = secret(f"cw-{name}", str(desk[name]))
    pushes = {"books": ledger.pop("push"), "psa": {**desk.pop("push"), "payment": False}}
    us = {
        "name": "Northwind IT",
        "timezone": ZONE,
        "currency": "USD",
        "country": "US",
        "region": "IL",
        "phone": "+1 312 555 0100",
    }
    mail = {"host": "127.0.0.1", "port": port, "security": "none", "from_address": "ar@northwind.example"}
    agency = {"name": "Acme Recovery", "connection": "acme", "aliases": ["ACME RECOVERY"], "licensed_in": ["IL"]}
    parts = [
        toml_section("organisation", {**us, "email": "ar@northwind.example", "address": "1 Lake St, Chicago"}),
        toml_section("store", {"url": "sqlite:///duesync.db"}),
        toml_section("vault", {"key": secret("vault-key", Fernet.generate_key().decode())}),
        toml_section("connections.books", {"type": "quickbooks", "role": "books", "mode": "active", **ledger}),
        toml_section("connections.books.push", pushes["books"]),
        toml_section("connections.psa", {"type": "connectwise", "role": "psa", "mode": "active", **desk}),
        toml_section("connections.psa.push", pushes["psa"]),
        toml_section(
            "connections.acme", {"type": "agency", "role": "agency", "mode": "active", "via": "folder", "path": "agency"}
        ),
        toml_section("mail", {**mail, "sent_maildir": str(folder / "mail")}),
        toml_section("dunning", {"mode": "active"}),
        toml_section("daemon", {"read_back_after": "0s"}),
        toml_section("agencies.acme", agency),
        '[[agencies.acme.rates]]\npercent = "25"\n',
        *(_client(name) for name in CLIENTS),
    ]
    place.config.write_text("\n".join(parts))


def _client(name: str) -> str:
    """What the configuration knows of a client: its address, and its contract as far as anybody read it."""
    about = {"legal_name": f"{name} LLC", "address": "12 Elm Rd, Springfield IL", "natural_person": False}
    contract = {"net_days": 15, "late_fee": "none", "governing_law": "US-IL", "collection_costs": True}
    return toml_section(f'accounts."{name}"', about) + toml_section(f'accounts."{name}".contract', contract)


CLIENTS = ("Alder Dental", "Birch Law", "Cedar Farms")
