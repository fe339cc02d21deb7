"""What `duesync doctor` learns of a Xero connection: sign-in, organisation, rights, limits, and Xero's own reminders.

Costs three calls. Rights are told from the scopes of the token, not by trying every list.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors.oauth import expiry_warnings
from connectors.xero import scopes
from connectors.xero.api import XeroApi
from connectors.xero.dates import parse_instant
from core.errors import ConnectorError
from core.ports import Check, OtherSender, Probe

# Xero's names of time zones (Windows names without spaces) and what they are called elsewhere.
ZONES = {
    "AUSCENTRALSTANDARDTIME": "Australia/Darwin",
    "AUSEASTERNSTANDARDTIME": "Australia/Sydney",
    "CENAUSTRALIASTANDARDTIME": "Australia/Adelaide",
    "EAUSTRALIASTANDARDTIME": "Australia/Brisbane",
    "TASMANIASTANDARDTIME": "Australia/Hobart",
    "WAUSTRALIASTANDARDTIME": "Australia/Perth",
    "NEWZEALANDSTANDARDTIME": "Pacific/Auckland",
    "FIJISTANDARDTIME": "Pacific/Fiji",
    "GMTSTANDARDTIME": "Europe/London",
    "GREENWICHSTANDARDTIME": "Atlantic/Reykjavik",
    "UTC": "UTC",
    "WEUROPESTANDARDTIME": "Europe/Berlin",
    "ROMANCESTANDARDTIME": "Europe/Paris",
    "EASTERNSTANDARDTIME": "America/New_York",
    "CENTRALSTANDARDTIME": "America/Chicago",
    "MOUNTAINSTANDARDTIME": "America/Denver",
    "USMOUNTAINSTANDARDTIME": "America/Phoenix",
    "PACIFICSTANDARDTIME": "America/Los_Angeles",
    "ALASKANSTANDARDTIME": "America/Anchorage",
    "HAWAIIANSTANDARDTIME": "Pacific/Honolulu",
    "ATLANTICSTANDARDTIME": "America/Halifax",
    "NEWFOUNDLANDSTANDARDTIME": "America/St_Johns",
    "CANADACENTRALSTANDARDTIME": "America/Regina",
    "SOUTHAFRICASTANDARDTIME": "Africa/Johannesburg",
    "SINGAPORESTANDARDTIME": "Asia/Singapore",
    "CHINASTANDARDTIME": "Asia/Shanghai",
    "INDIASTANDARDTIME": "Asia/Kolkata",
    "ARABIANSTANDARDTIME": "Asia/Dubai",
}


def probe(api: XeroApi, now: datetime) -> Probe:
    """Ask Xero who it is. A connection that cannot be used is said in a check, with what to do, never raised."""
    try:
        body = api.get("Organisation").json()
    except ConnectorError as error:
        sign_in = Check(name="sign-in", ok=False, detail=error.message, remedy=error.remedy)
        return Probe(ok=False, checks=(sign_in, *_scopes(api)))
    organisation: dict[str, Any] = (body.get("Organisations") or [{}])[0]
    checks = [Check(name="sign-in", ok=True, detail="Xero accepts our token"), *_scopes(api), _zone(organisation)]
    checks += [*_demo(organisation), *_limits(api), *_expiry(api, now)]
    reminders = _reminders(api)
    if isinstance(reminders, Check):
        checks.append(reminders)
    return Probe(
        ok=all(check.ok is not False for check in checks),
        company=organisation.get("Name"),
        timezone=ZONES.get(str(organisation.get("Timezone"))),
        currency=organisation.get("BaseCurrency"),
        vendor_now=_vendor_now(body),
        checks=tuple(checks),
        other_senders=(reminders,) if isinstance(reminders, OtherSender) else (),
    )


def _scopes(api: XeroApi) -> Iterator[Check]:
    tokens = api.tokens()
    if tokens is None or not tokens.scope:
        yield Check(name="scopes", ok=None, detail="Xero did not say which scopes were granted")
        return
    lacking = scopes.missing(api.settings.asked_scopes, tokens.scope.split())
    if not lacking:
        yield Check(name="scopes", ok=True, detail=tokens.scope)
        return
    names = " ".join(lacking)
    remedy = scopes.remedy(names, api.connection, custom=api.custom)
    yield Check(name="scopes", ok=False, detail=f"missing: {names}", remedy=remedy)


def _zone(organisation: dict[str, Any]) -> Check:
    name = str(organisation.get("Timezone"))
    zone = ZONES.get(name)
    return Check(
        name="time zone", ok=True if zone else None, detail=zone or f"{name} is not known here; the configured one is used"
    )


def _demo(organisation: dict[str, Any]) -> Iterator[Check]:
    if organisation.get("IsDemoCompany"):
        yield Check(name="organisation", ok=None, detail="this is a Demo Company: Xero resets it and sends no mail from it")


def _limits(api: XeroApi) -> Iterator[Check]:
    if api.day_left is None:
        return
    enough = api.day_left > api.settings.day_reserve
    remedy = "" if enough else "Pulling waits until Xero renews the day's calls; sync less often, or get a higher tier."
    yield Check(name="calls", ok=enough, detail=f"{api.day_left} calls left today, {api.minute_left} this minute", remedy=remedy)


def _expiry(api: XeroApi, now: datetime) -> Iterator[Check]:
    tokens = api.tokens()
    if tokens is None or api.custom:
        return
    for text in expiry_warnings(tokens, now, connection=api.connection):
        yield Check(name="consent", ok=None, detail=text)


def _reminders(api: XeroApi) -> OtherSender | Check | None:
    """Xero's own invoice reminders, which would double ours."""
    try:
        rows = api.get("InvoiceReminders/Settings").json().get("InvoiceReminders") or []
    except ConnectorError as error:
        return Check(name="reminders of Xero", ok=None, detail=error.message, remedy=error.remedy)
    if any(row.get("Enabled") for row in rows):
        return OtherSender(what="Xero's invoice reminders are switched on", certain=True)
    return None


def _vendor_now(body: dict[str, Any]) -> datetime | None:
    try:
        return parse_instant(body.get("DateTimeUTC"))
    except ValueError:
        return None
