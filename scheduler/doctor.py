"""Start-up checks: each says whether something is well and, where it is not, what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from connectors.smtp.nameservers import NameServers, NoAnswer
from connectors.smtp.sender_domain import examine_sender, unasked
from connectors.smtp.settings import SmtpSettings
from core.errors import DuesyncError
from core.lost_span import lost_span
from core.ports import Capability, Check, OtherSender
from core.records import DocumentStatus
from core.senders import remember_senders
from core.settings import unreadable_secrets
from scheduler.app import MAIL, App
from scheduler.doctor_machine import machine
from scheduler.previewing import settings_for_nobody

_LARGEST_SKEW = timedelta(minutes=2)
_SOON = timedelta(days=14)  # a consent that ends this soon is said so in time for a working week


def examine(app: App) -> Iterator[Check]:
    """Every check, the machine first, then the store, then each connection. Reaches out to the vendors; writes nothing there."""
    yield from map(_with_remedy, _everything(app))


def _everything(app: App) -> Iterator[Check]:
    yield from machine(app)
    yield from _restored(app)
    for name in [*app.settings.connections, *([MAIL] if MAIL in app.loaded.connectors else [])]:
        yield from _connection(app, name)
        yield from _consent(app, name)
    yield from sender(app)
    yield from _modes(app)
    yield from _meant_for_nobody(app)


def _restored(app: App) -> Iterator[Check]:
    """A store that came from a backup, until a person says that everything of the lost span was seen to."""
    span = lost_span(app.store)
    if span is not None:
        detail = (
            f"restored from {span.backup}: what happened before {span.until:%Y-%m-%d %H:%M} UTC and after the backup is unknown"
        )
        yield Check(
            name="restored", ok=None, detail=detail, remedy="See `duesync restored show`, then `duesync restored finish`."
        )


def _with_remedy(check: Check) -> Check:
    """Every line that is no pass says what to do, also a connector's that left it out."""
    if check.ok is True or check.remedy:
        return check
    remedy = "Nothing, if that is as you mean it." if check.ok is None else "Put it right there, then run doctor again."
    return replace(check, remedy=remedy)


def _connection(app: App, name: str) -> Iterator[Check]:
    part = app.loaded.connectors.get(name)
    unreadable = unreadable_secrets(part, name) if part is not None else []
    if unreadable:
        yield Check(name=name, ok=False, detail="; ".join(unreadable), remedy="Put the secret where the reference says.")
        return
    try:
        with app.connection(name) as connector:
            probe = connector.probe()
    except DuesyncError as error:
        yield Check(name=name, ok=False, detail=error.message, remedy=error.remedy)
        return
    about = f" as {probe.company}" if probe.company else ""
    where = "" if probe.ok else "See the lines below it."
    yield Check(name=name, ok=probe.ok, detail=f"reached{about}" if probe.ok else "cannot be used as it is", remedy=where)
    for check in probe.checks:
        yield Check(name=f"{name} {check.name}", ok=check.ok, detail=check.detail, remedy=check.remedy)
    if probe.vendor_now is not None:
        skew = abs(probe.vendor_now - app.clock.now())
        remedy = "" if skew <= _LARGEST_SKEW else "Set this machine's clock (NTP)."
        yield Check(name=f"{name} clock", ok=skew <= _LARGEST_SKEW, detail=f"{skew.total_seconds():.0f} s apart", remedy=remedy)
    if name != MAIL:
        remember_senders(app.store, name, probe.other_senders, app.clock.now())
    yield from _other_senders(name, probe.other_senders, allowed=app.settings.dunning.allow_other_senders)


def _consent(app: App, name: str) -> Iterator[Check]:
    """Until when a person's consent lasts, where a connection needs one. Nothing where tokens are got without a person."""
    if not app.can(name, Capability.OAUTH):
        return
    try:
        tokens = app.store.vault.read(name)
    except DuesyncError as error:
        yield Check(name=f"{name} consent", ok=False, detail=error.message, remedy=error.remedy)
        return
    ends = [at for at in (tokens.refresh_expires_at, tokens.consent_expires_at) if at is not None] if tokens else []
    if not ends:
        return
    soon = min(ends) - app.clock.now() < _SOON
    remedy = f"Run `duesync auth {name}` before then: afterwards nothing is pulled and nothing is sent." if soon else ""
    yield Check(name=f"{name} consent ends", ok=None if soon else True, detail=f"{min(ends):%Y-%m-%d}", remedy=remedy)


def sender(app: App) -> Iterator[Check]:
    """Will mail from our address be believed: SPF, DKIM, DMARC, and a way back for answers. Asks name servers only."""
    part = app.loaded.connectors.get(MAIL)
    if not isinstance(part, SmtpSettings):
        return
    try:
        servers = NameServers(part.name_servers)
    except NoAnswer as error:
        yield unasked(f"{MAIL} sender domain", str(error))
        return
    found = examine_sender(
        servers,
        sender=part.from_address,
        envelope=part.bounce_address,
        answers_to=part.reply_to or app.settings.organisation.email or part.from_address,
        selectors=part.dkim_selectors,
    )
    for check in found:
        yield replace(check, name=f"{MAIL} {check.name}")


def _other_senders(name: str, senders: tuple[OtherSender, ...], *, allowed: bool) -> Iterator[Check]:
    """Who else reminds the same clients (product notes D10): certain evidence stops our own reminders unless that is allowed."""
    for sender_ in senders:
        if allowed:
            detail, remedy = f"{sender_.what}; dunning.allow_other_senders accepts that", ""
        elif sender_.certain:
            detail = f"{sender_.what}, so no reminder of ours goes out about its invoices"
            remedy = "Switch it off there, or set dunning.allow_other_senders = true and clients hear everything twice."
        else:
            detail = f"{sender_.what}; whether clients get it cannot be told from here"
            remedy = "Look there, and switch one of the two off: otherwise clients hear everything twice."
        verdict = None if allowed or not sender_.certain else False
        yield Check(name=f"{name} other sender", ok=verdict, detail=detail, remedy=remedy)


def _modes(app: App) -> Iterator[Check]:
    mode = app.settings.dunning.mode
    detail = {
        "observe": "observe: nothing is sent",
        "draft": "draft: each message waits for duesync outbox approve",
        "active": "active: messages are sent",
    }[mode]
    yield Check(name="dunning", ok=True, detail=detail)
    if mode != "observe" and MAIL not in app.loaded.connectors:
        yield Check(name="mail", ok=False, detail="there is no [mail] section", remedy="Add one, or use the vendor's own mail.")


def _meant_for_nobody(app: App) -> Iterator[Check]:
    """Settings for a client, segment or invoice that nobody knows, and open invoices whose client nobody knows."""
    for said in settings_for_nobody(app):
        remedy = "Write the name as `duesync preview` shows it, or CONNECTION:REF; take the setting out if the client is gone."
        yield Check(name="settings", ok=None, detail=said, remedy=remedy)
    books = app.store.load_books(now=app.clock.now()).unassigned
    owed = [item for item in books.invoices if item.status is DocumentStatus.OPEN and item.open.minor > 0]
    if owed:
        named = ", ".join(f"{item.connection} {item.number or item.ref}" for item in owed[:_TOLD])
        more = f" and {len(owed) - _TOLD} more" if len(owed) > _TOLD else ""
        detail = f"nobody is reminded of {len(owed)} open invoice(s), for no system lists their client: {named}{more}"
        remedy = "See whether the client was deleted or is filtered out at the source, and pull again with `duesync sync --full`."
        yield Check(name="clients", ok=None, detail=detail, remedy=remedy)


_TOLD = 5  # of many invoices so many are named
