"""Somebody else reminds too: doctor says so, and from then on a preview shows what the gate would answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connectors.testing.serve import serve
from connectors.xero.sandbox import XeroSandbox
from core.clock import ManualClock
from scheduler.app import App, open_app
from scheduler.doctor import examine
from scheduler.jobs import sync_connection
from scheduler.previewing import preview

NOW = datetime(2026, 5, 5, 15, 0, tzinfo=UTC)
CONFIG = """
[organisation]
name = "Bright IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[vault]
key = "file:{vault}"

[dunning]
allow_other_senders = {allowed}

[connections.xero]
type = "xero"
role = "books"
{keys}
"""


def opened(folder: Path, box: XeroSandbox, base_url: str, clock: ManualClock, *, allowed: bool) -> App:
    lines = []
    vault = folder / "vault.key"
    vault.write_bytes(Fernet.generate_key())
    vault.chmod(0o600)
    for name, value in box.settings(base_url).items():
        if name in ("client_secret", "webhook_key"):
            (folder / name).write_text(str(value))
            (folder / name).chmod(0o600)
            value = f"file:{folder / name}"
        if isinstance(value, str):
            lines.append(f'{name} = "{value}"')
    (folder / "duesync.toml").write_text(CONFIG.format(vault=vault, keys="\n".join(lines), allowed=str(allowed).lower()))
    return open_app(folder / "duesync.toml", clock=clock, quiet=True)


@pytest.mark.req("D10")
@pytest.mark.parametrize("allowed", [False, True])
def test_xeros_own_reminders_stop_ours_unless_the_policy_accepts_both(tmp_path, allowed):
    clock = ManualClock(NOW)
    box = XeroSandbox(clock)
    contact = box.books.add_contact("Acme Dental", EmailAddress="ap@acme.example")
    box.books.add_invoice(contact, "120.00", date(2026, 4, 1), (NOW - timedelta(days=7)).date())
    box.books.reminders = True
    with serve(box) as base_url, opened(tmp_path, box, base_url, clock, allowed=allowed) as app:
        assert sync_connection(app, "xero").errors == []
        assert any(entry.would_send for entry in preview(app)), "nobody asked Xero yet"
        (found,) = [check for check in examine(app) if check.name == "xero other sender"]
        assert found.ok is (None if allowed else False)
        assert "reminders" in found.detail
        after = preview(app)
        assert any(entry.would_send for entry in after) is allowed
        assert any("somebody else reminds" in why for entry in after for why in entry.reasons) is not allowed
        box.books.reminders = False
        clock.advance(timedelta(days=2))
        assert [check for check in examine(app) if check.name == "xero other sender"] == []
        assert any(entry.would_send for entry in preview(app))
