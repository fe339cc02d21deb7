"""Start-up checks: each says whether something is well and, where it is not, what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

from connectors import registry
from core.errors import DuesyncError
from core.ports import Check, OtherSender
from core.records import Role
from core.senders import remember_senders
from core.settings import unreadable_secrets
from core.store import SchemaStatus
from scheduler.app import MAIL, App, vault_keys

OURS = ("core", "connectors", "scheduler")
_LEAST_FREE = 512 * 1024 * 1024
_LARGEST_SKEW = timedelta(minutes=2)


def examine(app: App) -> Iterator[Check]:
    """Every check, the machine first, then the store, then each connection. Reaches out to the vendors; writes nothing there."""
    yield foreign_packages()
    for broken in registry.broken():
        yield Check(name=f"connector {broken.name}", ok=False, detail=broken.problem, remedy="Update or remove that package.")
    yield _disk(app)
    yield _schema(app)
    yield _journal(app)
    yield _vault(app)
    yield _roles(app)
    for name in [*app.settings.connections, *([MAIL] if MAIL in app.loaded.connectors else [])]:
        yield from _connection(app, name)
    yield from _modes(app)


def foreign_packages() -> Check:
    """Our three package names are plain words; another distribution that ships one of them would merge into our folder."""
    owners = packages_distributions()
    claims = {name: sorted(set(owners.get(name, [])) - {"duesync"}) for name in OURS}
    foreign = [f"{', '.join(who)} ships a package called {name}" for name, who in claims.items() if who]
    if not foreign:
        return Check(name="packages", ok=True, detail="no other distribution ships core, connectors or scheduler")
    return Check(name="packages", ok=False, detail="; ".join(foreign), remedy="Give duesync a virtual environment of its own.")


def _disk(app: App) -> Check:
    free = shutil.disk_usage(app.loaded.folder if app.loaded.folder.is_dir() else Path("/")).free
    detail = f"{free // (1024 * 1024):,} MiB free beside the configuration"
    return Check(name="disk", ok=free >= _LEAST_FREE, detail=detail, remedy="" if free >= _LEAST_FREE else "Make room.")


def _schema(app: App) -> Check:
    state = app.store.schema()
    return Check(name="store", ok=state.status is SchemaStatus.CURRENT, detail=f"schema {state.found} ({state.status})")


def _journal(app: App) -> Check:
    check = app.store.verify_journal()
    if check.ok:
        return Check(name="journal", ok=True, detail=f"{check.entries} entries, chain intact")
    detail = f"broken at entry {check.broken_at}: {check.problem}"
    return Check(name="journal", ok=False, detail=detail, remedy="Compare with a backup; somebody edited the store by hand.")


def _vault(app: App) -> Check:
    needs = sorted(name for name in app.settings.connections if "oauth" in app.spec(name).capabilities)
    try:
        keys = vault_keys(app.loaded)
    except DuesyncError as error:
        return Check(name="vault", ok=False, detail=error.message, remedy="Name a readable secret in [vault] key.")
    if keys or not needs:
        return Check(name="vault", ok=True, detail=f"{len(keys)} key(s)" if keys else "not needed")
    return Check(
        name="vault",
        ok=False,
        detail=f"no key, but {', '.join(needs)} keep tokens in it",
        remedy='Run `duesync config new-key`, keep it in a file of mode 0600 and set [vault] key = "file:PATH".',
    )


def _roles(app: App) -> Check:
    roles = list(app.roles.values())
    if Role.BOOKS in roles:
        return Check(name="roles", ok=True, detail=f"{roles.count(Role.BOOKS)} connection(s) with role books")
    remedy = 'Set role = "books" on the connection in which payments are recorded.'
    return Check(name="roles", ok=False, detail="no connection keeps the books: nobody can be reminded", remedy=remedy)


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
    yield Check(name=name, ok=probe.ok, detail=f"reached{about}" if probe.ok else "reached, but not usable")
    for check in probe.checks:
        yield Check(name=f"{name} {check.name}", ok=check.ok, detail=check.detail, remedy=check.remedy)
    if probe.vendor_now is not None:
        skew = abs(probe.vendor_now - app.clock.now())
        remedy = "" if skew <= _LARGEST_SKEW else "Set this machine's clock (NTP)."
        yield Check(name=f"{name} clock", ok=skew <= _LARGEST_SKEW, detail=f"{skew.total_seconds():.0f} s apart", remedy=remedy)
    if name != MAIL:
        remember_senders(app.store, name, probe.other_senders, app.clock.now())
    yield from _other_senders(name, probe.other_senders, allowed=app.settings.dunning.allow_other_senders)


def _other_senders(name: str, senders: tuple[OtherSender, ...], *, allowed: bool) -> Iterator[Check]:
    """Who else reminds the same clients (product notes D10): certain evidence stops our own reminders unless that is allowed."""
    for sender in senders:
        if allowed:
            detail, remedy = f"{sender.what}; dunning.allow_other_senders accepts that", ""
        elif sender.certain:
            detail = f"{sender.what}, so no reminder of ours goes out about its invoices"
            remedy = "Switch it off there, or set dunning.allow_other_senders = true and clients hear everything twice."
        else:
            detail = f"{sender.what}; whether clients get it cannot be told from here"
            remedy = "Look there, and switch one of the two off: otherwise clients hear everything twice."
        yield Check(
            name=f"{name} other sender", ok=None if allowed or not sender.certain else False, detail=detail, remedy=remedy
        )


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
