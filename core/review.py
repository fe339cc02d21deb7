"""Review: link the parties, reconcile, decide, and keep it all. Loads, calls the pure rooms, commits once per account.

One account's findings and its outbox rows are one commit, so that a crash leaves either both or neither. What a review would do
can be had without doing it: `look` is what `duesync preview` shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

import structlog

from core.books import AccountBooks, Books
from core.calling import record_closed_calls
from core.clock import local_date
from core.dunning.arrangements import PaymentPlan
from core.dunning.decide import decide
from core.dunning.decision import Channels, Decision, to_queued
from core.dunning.pay_links import PayLink, with_links
from core.dunning.policy import DunningSettings
from core.dunning.pushback import Target
from core.dunning.resolve import resolve_policy
from core.errors import DuesyncError, StoreBusy
from core.findings import Finding, FindingState
from core.holds import Hold
from core.linking import link_accounts
from core.messages.letter import Organisation
from core.messages.render import MessageIncomplete, render
from core.outbox import LIVE_STATES, OutboxRow, PastContact, Promise, Queued
from core.reconcile.engine import reconcile
from core.reconcile.rules import ReconcileRules
from core.reconcile.scope import habits, touched_accounts
from core.records import Role, key_of
from core.senders import certain_senders
from core.store import Store
from core.telling import tell
from core.unread import owner_of

log = structlog.get_logger()
_T = TypeVar("_T")

HABITS = "review.habits"  # what each connection was seen to do at the last review; when it differs, everything is examined
WATERMARK = "review.watermark"  # the store setting that says up to which change a review has looked
_WAIT_SECONDS = 120.0
FAILED = "review.failed"  # the store setting with the accounts that could not be examined, to be tried again next time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a review goes by: everything from the settings, nothing from a vendor."""

    organisation: Organisation
    reconcile: ReconcileRules
    dunning: DunningSettings
    channels: Channels
    systems: Mapping[str, str]
    roles: Mapping[str, Role]
    explicit: Mapping[str, Sequence[str]] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  # mode of each connection that takes notes
    pushback: tuple[Target, ...] = ()  # connections that are told of holds, promises and stages
    fresh_for: Mapping[str, float] = field(default_factory=dict)  # seconds a source may be old, by connection
    modes: Mapping[str, str] = field(default_factory=dict)  # of each connection


@dataclass(slots=True)
class ReviewReport:
    """What a review found and decided."""

    accounts: int = 0
    opened: int = 0
    seen: int = 0
    resolved: int = 0
    queued: int = 0
    kept_back: int = 0
    told: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)  # accounts that something nobody foresaw kept from being served

    def summary(self) -> dict[str, int]:
        """The counts, for the run's record."""
        return {
            "accounts": self.accounts,
            "opened": self.opened,
            "seen": self.seen,
            "resolved": self.resolved,
            "queued": self.queued,
            "kept_back": self.kept_back,
            "told": self.told,
            "set_aside": len(self.set_aside),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The books at one moment with what does not add up in them; `examined` None means every account."""

    books: Books
    findings: tuple[Finding, ...]
    examined: frozenset[str | None] | None  # None in it: what belongs to no account
    failed: frozenset[str] = frozenset()  # accounts that could not be examined: nothing is decided about them


Changed = Collection[str] | Callable[[], Collection[str]]


def look(store: Store, rules: Rules, *, now: datetime, today: date, changed: Changed | None = None) -> View:
    """Load, link and reconcile without writing anything but new accounts. `changed` None examines every account.

    Given as a function it is asked after linking: a record of a new party belongs to the account it was joined to.
    """
    books = linked_books(store, rules, now)
    names = changed() if callable(changed) else changed
    wanted = None if names is None else _reached(store, rules, books, names, today)
    try:
        findings = reconcile(books, today=today, rules=rules.reconcile, accounts=wanted, systems=rules.systems)
    except Exception as error:
        some = books.accounts.keys() if wanted is None else books.accounts.keys() & wanted
        view = _look_around(books, rules, today, [None, *sorted(some)])
        if not view.examined:
            raise  # not the fault of one account
        log.exception("account.failed", accounts=sorted(view.failed), error=str(error))
        gone = frozenset(wanted or ()) - books.accounts.keys()
        return replace(view, examined=view.examined | (gone - {None}))
    return View(books=books, findings=findings, examined=wanted)


def _reached(store: Store, rules: Rules, books: Books, changed: Collection[str], today: date) -> frozenset[str | None] | None:
    """Every account whose findings a change may alter; None for all of them, where more changed than records.

    A new day, other rules, or a connection that turned out to have other habits can alter any finding.
    """
    if store.setting(HABITS) != _habits(books, rules, today):
        return None
    open_findings = (item.finding for item in store.findings(states=[FindingState.OPEN, FindingState.ACCEPTED]))
    return touched_accounts(books, changed, rules=rules.reconcile, open_findings=open_findings)


def _habits(books: Books, rules: Rules, today: date) -> dict[str, list[str]]:
    held = {name: list(values) for name, values in habits(books, today, rules.reconcile).items()}
    going_by = [rules.reconcile.model_dump_json(), *(f"{name} {kind}" for name, kind in sorted(rules.systems.items()))]
    return {**held, "today": [today.isoformat()], "rules": going_by}


def _look_around(books: Books, rules: Rules, today: date, names: Sequence[str | None]) -> View:
    """Some account of `names` cannot be examined: find it by halves, and examine all the others."""
    try:
        some = frozenset(names)
        findings = reconcile(books, today=today, rules=rules.reconcile, accounts=some, systems=rules.systems)
        return View(books=books, findings=findings, examined=some)
    except Exception:
        if len(names) <= 1:
            failed = frozenset(name for name in names if name is not None)
            return View(books=books, findings=(), examined=frozenset(), failed=failed)
    half = len(names) // 2
    left, right = (_look_around(books, rules, today, part) for part in (names[:half], names[half:]))
    return View(
        books=books,
        findings=tuple({item.fingerprint: item for item in (*left.findings, *right.findings)}.values()),
        examined=(left.examined or frozenset()) | (right.examined or frozenset()),
        failed=left.failed | right.failed,
    )


def linked_books(store: Store, rules: Rules, now: datetime) -> Books:
    """The books with every party in its account. Accounts that changed are saved first: ids must never depend on who asks."""
    books = store.load_books(now=now)
    existing = store.accounts()
    everything = tuple(books.all())
    result = link_accounts(
        (party for account in everything for party in account.parties),
        (invoice for account in everything for invoice in account.invoices),
        explicit=rules.explicit,
        existing=existing,
        roles=rules.roles,
        segments=rules.segments,
    )
    for name in result.unknown:
        log.warning("account.unknown_party", party=name)
    if {item.id: item for item in result.accounts} == {item.id: item for item in existing}:
        return books
    store.save_accounts(result.accounts)
    return store.load_books(now=now)


def review(
    store: Store,
    rules: Rules,
    *,
    now: datetime,
    run_id: str,
    full: bool = False,
    enqueue: bool = True,
    pay_link: PayLink | None = None,
) -> ReviewReport:
    """Examine what changed (or everything), keep the findings, decide for every account and enqueue what is due.

    `pay_link` asks a vendor where an invoice can be paid, for those that do not say so in their lists. Reviews of one store
    never overlap, whichever process they are in: an older look must not undo a newer. StoreBusy when one is under way for long.
    """
    busy = StoreBusy("Another review of this store is under way.", remedy="It ends by itself; try again then.")
    with store.alone("review", wait=_WAIT_SECONDS, busy=busy) as still_alone:
        return _Review(store, rules, now, run_id, enqueue, still_alone).run(full=full, pay_link=pay_link)


@dataclass(slots=True)
class _Review:
    """One review while nobody else reviews; `still_alone` raises when that can no longer be vouched for."""

    store: Store
    rules: Rules
    now: datetime
    run_id: str
    enqueue: bool
    still_alone: Callable[[], None]
    report: ReviewReport = field(default_factory=ReviewReport)

    def run(self, *, full: bool, pay_link: PayLink | None) -> ReviewReport:
        """Everything, in this order: look, decide, keep account by account, tell, and only then forget what was asked."""
        store, report = self.store, self.report
        today = local_date(self.now, self.rules.organisation.timezone)
        seen = int(store.setting(WATERMARK) or 0)
        _, watermark = store.changed_accounts(seen)  # before the books are read: what comes meanwhile is new next time

        def changed() -> frozenset[str]:
            return store.changed_accounts(seen)[0] | frozenset(store.setting(FAILED) or ())

        everything = full or store.lost_since(seen)  # what was deleted may have been named by anybody
        view = look(store, self.rules, now=self.now, today=today, changed=None if everything else changed)
        every = view.books.accounts.keys()
        report.accounts = len(every if view.examined is None else every & view.examined)
        report.by_kind = dict(sorted(Counter(str(item.kind) for item in view.findings).items()))
        made = decisions(store, self.rules, view, now=self.now) if self.enqueue else []
        record_closed_calls(self.store, made, self.now)
        self._keep_with_messages(view, made, pay_link)
        self.still_alone()
        self._keep(view.findings, view.examined)
        untold = self._tell(view, made, today)
        self._finish(view, watermark, today)
        report.kept_back = sum(1 for item in made for entry in item.entries if not entry.would_send)
        undecided = set(view.books.accounts) - {item.account for item in made} if self.enqueue else set()
        report.set_aside = sorted({*view.failed, *undecided, *untold})
        log.info("review.done", full=full, **report.summary())
        return report

    def _keep_with_messages(self, view: View, made: Sequence[Decision], pay_link: PayLink | None) -> None:
        """One commit per account that is to be written to: its findings and its messages, both or neither."""
        for decision in (item for item in made if item.outgoing):
            account = decision.account
            queued = _written(self.store, self.rules, decision, pay_link)  # before the unit: it may ask vendors
            self.still_alone()
            with self.store.unit():
                if view.examined is None or account in view.examined:
                    self._keep([item for item in view.findings if item.account == account], [account])
                _enqueue(self.store, account, queued, self.report, self.now, self.run_id)

    def _keep(self, findings: Sequence[Finding], scope: Collection[str | None] | None) -> None:
        outcome = self.store.save_findings(findings, scope=scope, now=self.now, run_id=self.run_id)
        self.report.opened += len(outcome.opened) + len(outcome.reopened)
        self.report.resolved += len(outcome.resolved)
        self.report.seen = len(outcome.updated) + outcome.unchanged

    def _tell(self, view: View, made: Sequence[Decision], today: date) -> Sequence[str]:
        """The accounts that could not be told of."""
        if not self.enqueue:
            return ()
        told = tell(self.store, self.rules.pushback, view.books, made, now=self.now, today=today, run_id=self.run_id)
        self.report.told = told.enqueued
        return told.failed

    def _finish(self, view: View, watermark: int, today: date) -> None:
        self.store.put_setting(WATERMARK, watermark)
        self.store.put_setting(HABITS, _habits(view.books, self.rules, today))
        if view.failed or self.store.setting(FAILED):
            self.store.put_setting(FAILED, sorted(view.failed))


def decisions(store: Store, rules: Rules, view: View, *, now: datetime) -> list[Decision]:
    """What would be said to each account now, and what not. Reads the store, writes nothing."""
    memory = remember(store, view)
    senders = certain_senders(store, rules.roles, now)
    made = []
    for name, books in view.books.accounts.items():
        if name in view.failed:
            continue
        try:
            made.append(_decided(rules, books, memory, senders, now))
        except Exception as error:
            log.exception("account.failed", accounts=[name], error=str(error))
    return made


def _decided(rules: Rules, books: AccountBooks, memory: Memory, senders: Mapping[str, Sequence[str]], now: datetime) -> Decision:
    name = books.account.id
    return decide(
        books,
        policy=resolve_policy(rules.dunning, books.account),
        history=memory.contacts.get(name, ()),
        waiting=memory.waiting.get(name, ()),
        holds=memory.holds.get(name, ()),
        promises=memory.promises.get(name, ()),
        plans=memory.plans.get(name, ()),
        findings=memory.findings.get(name, ()),
        organisation=rules.organisation,
        channels=rules.channels,
        senders=senders,
        now=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the store remembers of each account that no vendor knows. `findings` are those open that nobody dismissed."""

    contacts: Mapping[str, Sequence[PastContact]]
    waiting: Mapping[str, Sequence[OutboxRow]]
    holds: Mapping[str, Sequence[Hold]]
    promises: Mapping[str, Sequence[Promise]]
    findings: Mapping[str, Sequence[Finding]]
    plans: Mapping[str, Sequence[PaymentPlan]] = field(default_factory=dict)


def remember(store: Store, view: View) -> Memory:
    """Contacts, waiting messages, holds, promises, plans and findings by account."""
    stored = store.findings()
    dismissed = {item.finding.fingerprint: item.finding.at_stake for item in stored if item.state is FindingState.DISMISSED}
    fresh = [item for item in view.findings if dismissed.get(item.fingerprint) != item.at_stake]
    if view.examined is not None:
        known = (item for item in stored if item.state in (FindingState.OPEN, FindingState.ACCEPTED))
        fresh += [item.finding for item in known if item.finding.account not in view.examined]
    return Memory(
        contacts=store.contacts(),
        waiting=_grouped(store.outbox(states=LIVE_STATES), lambda row: row.action.account),
        holds=_grouped(store.holds(), lambda hold: hold.account),
        promises=_grouped(store.promises(), lambda promise: promise.account),
        plans=_grouped((item.plan for item in store.plans()), lambda plan: plan.account),
        findings=_by_owner(fresh, view.books),
    )


def _by_owner(findings: Iterable[Finding], books: Books) -> dict[str, list[Finding]]:
    """By the account of each and of every invoice it is about: money booked under another client counts too (E1, E36)."""
    named = ((name, item) for item in findings for name in books.billed(item.subjects) | {owner_of(item, books)})
    return {name: [item for _, item in some] for name, some in _grouped(named, lambda pair: pair[0]).items()}


def _grouped(items: Iterable[_T], account_of: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for item in items:
        groups.setdefault(account_of(item), []).append(item)
    return groups


def _written(store: Store, rules: Rules, decision: Decision, pay_link: PayLink | None) -> list[Queued]:
    """The messages of one account in words; an account that cannot be written to for a reason nobody foresaw stops no other."""
    try:
        return _letters(store, rules, decision, pay_link)
    except DuesyncError:
        raise
    except Exception as error:
        log.exception("account.failed", accounts=[decision.account], error=str(error))
        return []


def _letters(store: Store, rules: Rules, decision: Decision, pay_link: PayLink | None) -> list[Queued]:
    """The messages of one account in words; one that lacks a fact is told, not sent."""
    queued: list[Queued] = []
    for entry in decision.outgoing:
        letter = entry.letter if entry.letter is None or pay_link is None else with_links(entry, entry.letter, pay_link)
        message = render(letter, rules.templates) if letter is not None else None
        if isinstance(message, MessageIncomplete):
            log.error("message.incomplete", account=entry.account, stage=entry.stage, problems=list(message.problems))
            continue
        digests = store.digests([key_of(invoice) for invoice in entry.invoices])
        queued.append(to_queued(entry, message, digests=digests))
    return queued


def _enqueue(store: Store, account: str, queued: Sequence[Queued], report: ReviewReport, now: datetime, run_id: str) -> None:
    outcome = store.enqueue(queued, now=now, run_id=run_id)
    report.queued += len(outcome.added)
    for blocked in outcome.blocked:
        log.info("outbox.blocked", account=account, by=blocked.by, reason=blocked.reason)
