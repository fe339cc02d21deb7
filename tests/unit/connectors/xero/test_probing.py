"""What doctor hears of a Xero connection."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.xero import probing
from core.ports import OtherSender
from tests.unit.connectors.xero.kit import NOON, Stage, stage
from tests.unit.connectors.xero.test_access import agree


def checks(at_xero: Stage) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.ok, check.detail) for check in at_xero.connector.probe().checks}


def test_a_working_connection_says_as_whom_and_where(at_xero: Stage) -> None:
    probe = at_xero.connector.probe()
    assert (probe.ok, probe.company, probe.currency, probe.timezone) == (True, "Sandbox MSP", "USD", "America/New_York")
    assert probe.vendor_now == NOON.astimezone(UTC)
    assert probe.other_senders == ()


def test_xeros_own_reminders_are_another_sender(at_xero: Stage) -> None:
    at_xero.books.reminders = True
    assert at_xero.connector.probe().other_senders == (
        OtherSender(what="Xero's invoice reminders are switched on", certain=True),
    )


def test_a_missing_scope_is_named_with_where_to_grant_it(at_xero: Stage) -> None:
    at_xero.box.access.app_scopes = frozenset({"accounting.contacts.read", "accounting.settings.read"})
    with stage(scopes=["accounting.contacts.read", "accounting.settings.read"]) as narrow:
        assert checks(narrow)["scopes"][0] is True
        held = narrow.vault.read("xero")
        assert held is not None
        at_xero.vault.put("xero", held)
    found = next(check for check in at_xero.connector.probe().checks if check.name == "scopes")
    assert found.ok is False
    assert "accounting.invoices" in found.detail
    assert "developer portal" in found.remedy


def test_a_demo_company_and_a_used_up_day_are_said(at_xero: Stage) -> None:
    at_xero.books.profile["IsDemoCompany"] = True
    at_xero.books.profile["Timezone"] = "MARSSTANDARDTIME"
    at_xero.box.limits.day = 10
    found = checks(at_xero)
    assert found["organisation"][0] is None
    assert found["calls"] == (False, "9 calls left today, 59 this minute")
    assert found["time zone"][0] is None
    assert at_xero.connector.probe().timezone is None


def test_a_consent_that_ends_soon_is_said() -> None:
    with stage(grant="authorization_code") as made:
        agree(made)
        assert "consent" not in checks(made)
        made.connector.api.get("Organisation")
        held = made.vault.read("xero")
        assert held is not None
        assert held.refresh_expires_at == NOON + timedelta(days=60)


def test_a_dead_connection_is_said_and_not_raised(at_xero: Stage) -> None:
    at_xero.box.levers.fail_next(500, times=9)
    probe = at_xero.connector.probe()
    assert not probe.ok
    assert probe.checks[0].detail


def test_every_known_zone_exists() -> None:
    for zone in probing.ZONES.values():
        assert ZoneInfo(zone).key == zone


@pytest.mark.parametrize("name", ["test_get_organisations.0", "test_call_api_get_organisations.0"])
def test_a_recorded_organisation_is_understood(at_xero: Stage, shared: Path, name: str) -> None:
    import json

    recorded = json.loads((shared / f"fixtures/xero/xero_python_cassettes/{name}.body.json").read_text())
    at_xero.books.profile = recorded["Organisations"][0]
    probe = at_xero.connector.probe()
    assert (probe.company, probe.currency, probe.timezone) == ("Demo Company (NZ)", "NZD", "Pacific/Auckland")
