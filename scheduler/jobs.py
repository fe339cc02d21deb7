"""The table of jobs: which use-case runs how often. Each frames a core function and gives its counts for the run record."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import structlog

from core.clock import local_date
from core.dispatch import DispatchReport, dispatch
from core.dunning.decision import Channels, Referral
from core.dunning.pushback import Target
from core.errors import RateLimited
from core.log import bound
from core.messages.letter import Organisation
from core.ports import Capability
from core.pull import Progress, PullReport, pull_connection
from core.records import Role
from core.review import ReviewReport, Rules, review
from core.settings import Loaded
from scheduler.app import MAIL, App
from scheduler.housekeeping import EVERY, keep_house, tell_of_returned
from scheduler.incoming import read_mailbox, reads_mail
from scheduler.paylinks import LinkDesk
from scheduler.runner import Job, current_run

log = structlog.get_logger()


def rules(app: App) -> Rules:
    """What reviews go by, from the settings."""
    settings = app.settings
    section = settings.organisation
    organisation = Organisation(
        name=section.name,
        timezone=section.timezone,
        currency=section.currency,
        country=section.country,
        region=section.region,
        locale=section.locale,
        email=section.email,
        phone=section.phone,
        address=section.address,
        payment=section.payment,
        locales=section.locales,
        client_locales={
            key: item.locale for name, item in settings.accounts.items() if item.locale for key in (name, *item.parties)
        },
    )
    return Rules(
        organisation=organisation,
        reconcile=settings.reconcile,
        dunning=settings.dunning,
        channels=channels(app),
        systems=app.systems,
        roles=app.roles,
        explicit={name: item.parties for name, item in settings.accounts.items()},
        segments={name: item.segment for name, item in settings.accounts.items() if item.segment},
        templates=settings.dunning.templates,
        notes={name: item.mode for name, item in settings.connections.items() if app.writes(name, Capability.POST_NOTE)},
        pushback=pushback_targets(app),
        modes={name: item.mode for name, item in settings.connections.items()},
        fresh_for={name: 2 * (item.sync_every or settings.daemon.sync_every) for name, item in settings.connections.items()},
    )


def pushback_targets(app: App) -> tuple[Target, ...]:
    """The connections told of holds, promises and stages; one in observe mode is never written to."""
    sections = app.settings.connections
    return tuple(
        Target(
            connection=name,
            settings=wanted,
            draft=sections[name].mode == "draft",
            may_set=app.writes(name, Capability.SET_FIELD),
            may_note=app.writes(name, Capability.POST_NOTE),
            may_open=app.writes(name, Capability.OPEN_TICKET),
            by_account=not app.spec(name).streams,
        )
        for name, wanted in app.settings.pushback.items()
        if name in sections and sections[name].mode != "observe"
    )


def channels(app: App) -> Channels:
    """By which connections clients can be reached. A connection in observe mode is never written to, so it is none.

    While everything only observes, mail is taken for granted: a preview should show what would be said before a server is set up.
    """
    dunning = app.settings.dunning
    layers = (*dunning.segments.values(), *dunning.accounts.values(), *dunning.invoices.values())
    observing = dunning.mode == "observe" and all(item.mode in (None, "observe") for item in layers)
    writable = [name for name, item in app.settings.connections.items() if item.mode != "observe"]
    calls = [name for name in writable if app.writes(name, Capability.OPEN_TICKET)]
    calls.sort(key=lambda name: not app.spec(name).streams)  # a PSA before a webhook
    return Channels(
        mail=MAIL if observing or MAIL in app.loaded.connectors else None,
        vendor=frozenset(name for name in writable if app.writes(name, Capability.SEND_INVOICE)),
        webhook=_own_words(app, writable, "webhook"),
        letter=_own_words(app, writable, "letters"),
        call=calls[0] if calls else None,
        call_by_account=bool(calls) and not app.spec(calls[0]).streams,
        referral=_referral(app),
        drafts=frozenset(name for name in writable if app.settings.connections[name].mode == "draft"),
        addresses={
            key: item.address for name, item in app.settings.accounts.items() if item.address for key in (name, *item.parties)
        },
    )


def _referral(app: App) -> Referral:
    """The agencies that a case could go to now: those whose door may be written to. Only then a final notice speaks of it."""
    sections, own = app.settings.connections, app.settings.dunning.mode
    agencies = app.settings.agencies.values()
    able = [item for item in agencies if (sections[item.connection].mode if item.connection in sections else own) != "observe"]
    return Referral(places=tuple(frozenset(place.upper() for place in item.licensed_in) for item in able))


def _own_words(app: App, names: list[str], kind: str) -> str | None:
    """The first connection of this type that takes our own messages."""
    taking = (name for name in names if app.settings.connections[name].type == kind)
    return next((name for name in taking if app.writes(name, Capability.SEND_REMINDER)), None)


def sync_connection(
    app: App, name: str, *, full: bool = False, accept_deletes: bool = False, progress: Progress | None = None, run_id: str = ""
) -> PullReport:
    """Pull one connection."""
    with bound(connection=name), app.connection(name) as connector:
        return pull_connection(
            connector,
            app.store,
            connection=name,
            clock=app.clock,
            run_id=run_id or current_run() or app.store.start_run(f"sync:{name}", app.clock.now()),
            full=full,
            accept_deletes=accept_deletes,
            progress=progress,
            told=app.told,
        )


def review_accounts(app: App, *, full: bool, enqueue: bool = True, run_id: str = "") -> ReviewReport:
    """Examine the accounts and, unless told otherwise, decide and enqueue."""
    with app.reviewing, ExitStack() as stack:
        now = app.clock.now()
        name = run_id or current_run() or app.store.start_run("review", now)
        links = LinkDesk(app, stack)
        return review(app.store, rules(app), now=now, run_id=name, full=full, enqueue=enqueue, pay_link=links.of)


def dispatch_outbox(app: App) -> DispatchReport:
    """Send what is queued and due."""
    rest = timedelta(seconds=app.settings.daemon.read_back_after)
    return dispatch(
        app.store,
        rules(app),
        app.connection,
        clock=app.clock,
        by=worker_name(),
        rest=rest,
        should_stop=app.stopping.is_set,
    )


def recover_outbox(app: App) -> None:
    """Put right what a dead worker held, wherever it ran; a lease that still runs is left alone."""
    recovered = app.store.recover(app.clock.now())
    if recovered:
        log.warning("outbox.recovered", rows=recovered)


def resume_sending(app: App, by: str) -> list[str]:
    """Lift every pause. If the breaker had paused for volume, today's volume is thereby accepted. Gives the scopes lifted."""
    now = app.clock.now()
    scopes = sorted(app.store.paused())
    for scope in scopes:
        app.store.unpause(scope, by=by, now=now)
    if "volume" in scopes:
        app.store.put_setting("volume.accepted", str(local_date(now, app.zone)))
    return scopes


def jobs(app: App) -> list[Job]:
    """Every job of this configuration: first the pulls, then what they feed."""
    return planned(app.loaded)


def planned(loaded: Loaded) -> list[Job]:
    """The same, from the settings alone: the clock of many machines needs no store to know what is due."""
    cadence = loaded.settings.daemon
    pulls = [
        Job(name=f"sync:{name}", every=item.sync_every or cadence.sync_every, run=_Sync(name), connection=name)
        for name, item in loaded.settings.connections.items()
        if item.role not in (Role.AGENCY, Role.CHANNEL)  # these have nothing to pull; an agency's reports have a job of their own
    ]
    mailbox = [Job(name="inbox", every=cadence.inbox_every, run=_inbox)] if reads_mail(loaded) else []
    return [
        *pulls,
        *mailbox,
        Job(name="review", every=min(cadence.sync_every, 900.0), run=_review_changed),
        Job(name="review:full", every=cadence.full_every, run=_review_all, at_start=False),
        *([Job(name="collections", every=cadence.sync_every, run=_collections)] if loaded.settings.agencies else []),
        Job(name="dispatch", every=cadence.dispatch_every, run=_dispatch),
        Job(name="housekeeping", every=EVERY, run=keep_house),
    ]


def worker_name() -> str:
    """Who holds a reserved row: this machine and process, so that an operator can find it."""
    return f"{socket.gethostname()}:{os.getpid()}"


class _Sync:
    """Pull one connection; a vendor that asked to be left alone is left alone until then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, app: App) -> Mapping[str, Any]:
        parked = app.store.setting(_parked_key(self._name))
        now = app.clock.now()
        if parked is not None and float(parked) > now.timestamp():
            return {"parked_until": parked}
        report = sync_connection(app, self._name)
        tell_of_returned(app.store)
        if report.retry_after:
            app.store.put_setting(_parked_key(self._name), now.timestamp() + report.retry_after)
        if report.errors and not any(item.read for item in report.streams):
            first = report.errors[0]
            raise RateLimited(first.error or "", connection=self._name, remedy=first.remedy)
        return {"changed": report.changed, "failed": [str(item.stream) for item in report.errors]}


def _parked_key(name: str) -> str:
    return f"parked.{name}"


def _review_changed(app: App) -> Mapping[str, Any]:
    return review_accounts(app, full=False).summary()


def _review_all(app: App) -> Mapping[str, Any]:
    return review_accounts(app, full=True).summary()


def _inbox(app: App) -> Mapping[str, Any]:
    return read_mailbox(app).summary()


def _collections(app: App) -> Mapping[str, Any]:
    from scheduler.following import follow_cases  # it goes by the rules that are made here

    return follow_cases(app).summary()


def _dispatch(app: App) -> Mapping[str, Any]:
    recover_outbox(app)
    return dispatch_outbox(app).summary()
