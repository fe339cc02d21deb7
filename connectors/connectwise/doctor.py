"""What a ConnectWise connection says of itself: keys, rights one by one, its time and zone, and who else mails clients.

Each right is tried with the cheapest call that needs it, because ConnectWise has no call that lists a role. `/system/info` is no
test of the keys: some servers answer it to anybody (brief 1.2). Only reads.
"""

from __future__ import annotations

import email.utils
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from connectors.connectwise.api import Api, Company
from connectors.connectwise.pulls import Walker
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.verdicts import role_for
from core.errors import AuthExpired, ConnectorError, PermissionMissing
from core.ports import Check, ConnectionContext, OtherSender, Probe

_READS = (  # what is read, and what is lost without the right
    ("companies", "/company/companies", "clients"),
    ("contacts", "/company/contacts", "people at clients"),
    ("agreements", "/finance/agreements", "agreements"),
    ("tickets", "/service/tickets", "tickets"),
    ("work", "/time/entries", "proof of work"),
    ("billing terms", "/finance/billingTerms", "due dates of invoices that have none"),
    ("billing statuses", "/finance/billingStatuses", "telling sent invoices from drafts"),
    ("company statuses", "/company/companies/statuses", "telling former clients and credit holds"),
)
_SENDS = ("past due", "paid in full", "overdue", "invoice")


def examine(api: Api, walker: Walker, context: ConnectionContext) -> Probe:
    """Every check. A connection that cannot sign in says so and skips the rest."""
    settings: ConnectwiseSettings = context.settings
    try:
        company = api.company(again=True)
        answer = api.call("GET", "/finance/invoices", params={"pageSize": 1, "fields": "id,_info"})
    except (AuthExpired, PermissionMissing) as error:
        return Probe(ok=False, checks=(_failed("sign in", error),))
    except ConnectorError as error:
        return Probe(ok=False, checks=(Check(name="sign in", ok=None, detail=error.message, remedy=error.remedy),))
    vendor_now = _server_time(answer.headers.get("date"))
    checks = [
        Check(name="sign in", ok=True, detail=f"{company.name} ({company.version}), invoices may be read"),
        *_rights(api, settings),
        *_writes(api, settings),
        _zone(walker, answer.json()),
        *_callbacks(api, settings),
    ]
    return Probe(
        ok=all(check.ok is not False for check in checks),
        company=company.name,
        timezone=_zone_name(api, company),
        vendor_now=vendor_now,
        checks=tuple(checks),
        other_senders=tuple(_other_senders(api)),
    )


def _failed(name: str, error: ConnectorError) -> Check:
    return Check(name=name, ok=False, detail=error.message, remedy=error.remedy)


def _try(api: Api, name: str, path: str, lost: str) -> Check:
    try:
        api.rows(path, fields="id", pageSize=1, page=1)
    except PermissionMissing as error:
        return Check(name=name, ok=False, detail=f"may not be read; without it: no {lost}", remedy=error.remedy)
    except ConnectorError as error:
        return Check(name=name, ok=None, detail=error.message, remedy=error.remedy)
    return Check(name=name, ok=True, detail="may be read")


def _rights(api: Api, settings: ConnectwiseSettings) -> Iterable[Check]:
    return [_try(api, name, path, lost) for name, path, lost in _READS if name not in settings.leave_out]


def _writes(api: Api, settings: ConnectwiseSettings) -> list[Check]:
    """What is switched on to be written. The right itself shows only when writing: it is named, not tried."""
    wanted = {
        "ticket": ("POST", "/service/tickets"),
        "ticket_note": ("POST", "/service/tickets"),
        "company_note": ("POST", "/company/companies"),
        "custom_field": ("PATCH", "/company/companies"),
        "company_status": ("PATCH", "/company/companies"),
        "payment": ("POST", "/finance/invoices"),
    }
    on = {name: call for name, call in wanted.items() if getattr(settings.push, name)}
    checks = [
        Check(name=f"write {name}", ok=None, detail=f'needs "{role_for(*call)}", which only a write can show')
        for name, call in on.items()
    ]
    if settings.push.ticket:
        checks.append(_board(api, settings))
    if settings.push.payment:
        checks.append(_second_writer(api))
    return checks


def _board(api: Api, settings: ConnectwiseSettings) -> Check:
    name, remedy = "ticket board", "Set push.ticket_board to the name of a service board."
    try:
        found = {str(row.get("name", "")).lower() for page in api.all_rows("/service/boards", fields="id,name") for row in page}
    except ConnectorError as error:
        return Check(name=name, ok=None, detail=error.message, remedy=error.remedy)
    wanted = settings.push.ticket_board
    if wanted and wanted.lower() in found:
        return Check(name=name, ok=True, detail=wanted)
    return Check(name=name, ok=False, detail=f'there is no board "{wanted}"' if wanted else "none is named", remedy=remedy)


def _second_writer(api: Api) -> Check:
    """Another sync that writes payments makes ours a second one (brief 2.3)."""
    try:
        busy = any(row.get("syncPaymentInfoFlag") is True for row in api.rows("/finance/accountingPackageSetup", pageSize=25))
    except ConnectorError as error:
        return Check(name="payment writer", ok=None, detail=error.message, remedy=error.remedy)
    if busy:
        remedy = "Switch push.payment off, or the payment part of ConnectWise's accounting sync."
        return Check(name="payment writer", ok=False, detail="ConnectWise's accounting sync writes payments too", remedy=remedy)
    return Check(name="payment writer", ok=True, detail="no other one is switched on in ConnectWise")


# ── time and zone ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _server_time(header: str | None) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(header or "")
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _zone(walker: Walker, page: object) -> Check:
    """Do filters read instants as UTC? Where not, pulls reach a day back: dearer, not wrong (brief 1.9, case 10)."""
    row = page[0] if isinstance(page, list) and page and isinstance(page[0], Mapping) else None
    if row is None:
        return Check(name="time filters", ok=None, detail="no invoice to try them with")
    try:
        shifted = walker.is_shifted("/finance/invoices", row)
    except ConnectorError as error:
        return Check(name="time filters", ok=None, detail=error.message, remedy=error.remedy)
    if shifted:
        return Check(name="time filters", ok=True, detail="read instants in another zone; pulls reach back a day to be safe")
    return Check(name="time filters", ok=True, detail="read instants as UTC")


def _zone_name(api: Api, company: Company) -> str | None:
    """The zone of a self-hosted server, as it names it ("GMT Standard Time")."""
    if company.cloud:
        return None
    try:
        found = api.call("GET", "/system/info").json()
    except ConnectorError:
        return None
    name = found.get("serverTimeZone") if isinstance(found, Mapping) else None
    return name if isinstance(name, str) else None


# ── callbacks and other senders ─────────────────────────────────────────────────────────────────────────────────────────
def _callbacks(api: Api, settings: ConnectwiseSettings) -> list[Check]:
    if settings.webhook.url is None:
        return []
    try:
        found = [row for page in api.all_rows("/system/callbacks") for row in page]
    except ConnectorError as error:
        return [_failed("callbacks", error)]
    ours = [row for row in found if row.get("url") == settings.webhook.url]
    dead = [str(row.get("type")) for row in ours if row.get("inactiveFlag") is True]
    if dead:
        remedy = "Set webhook.keep_registered = true to switch them on again daily; ConnectWise disables them after three days."
        return [Check(name="callbacks", ok=False, detail=f"switched off by ConnectWise: {', '.join(dead)}", remedy=remedy)]
    return [Check(name="callbacks", ok=bool(ours) or None, detail=f"{len(ours)} registered")]


def _other_senders(api: Api) -> list[OtherSender]:
    """Workflow rules that run on invoices may mail clients; their conditions are text, so this only hints (product notes B.5)."""
    try:
        rules = [row for page in api.all_rows("/system/workflows") for row in page]
        events = [row for page in api.all_rows("/system/workflows/events") for row in page]
    except ConnectorError:
        return [OtherSender(what="workflow rules cannot be seen with this role; one may mail clients", certain=False)]
    texts: dict[object, str] = {}
    for event in events:
        texts[event.get("parentId")] = f"{texts.get(event.get('parentId'), '')} {event.get('eventCondition', '')}".lower()
    found = []
    for rule in rules:
        table = rule.get("tableType") if isinstance(rule.get("tableType"), Mapping) else {}
        words = f"{table.get('name', '')} {texts.get(rule.get('id'), '')}".lower()
        if rule.get("activateFlag") is True and any(word in words for word in _SENDS):
            found.append(OtherSender(what=f'workflow rule "{str(rule.get("name", ""))[:80]}" runs on invoices', certain=False))
    return found
