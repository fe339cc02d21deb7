"""Gathers what the checklist and the economics of one client are worked out from: store, settings and the user's own tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from core.books import AccountBooks, Books
from core.collections.case import Attachment, Case
from core.collections.checklist_facts import CaseFacts
from core.collections.clocks import Bond, Reading
from core.collections.clocks_from_books import bond_of, readings_of, restarts_of
from core.collections.clocks_table import LimitTable, read_limits, shipped_limits, shipped_text
from core.collections.debtor_rules import rules_for
from core.collections.economics import Claim, Economics, Owed, economics
from core.collections.learning import placed_cases, results_of
from core.collections.recovery import Expectation
from core.collections.routes import Courts, Tariff, card_of, read_courts, read_tariff, shipped_courts, shipped_tariff
from core.collections.terms import law_of
from core.dunning.arrangements import PaymentPlan, plan_state, word_on
from core.dunning.calendars import Place, place_of
from core.dunning.resolve import resolve_policy
from core.errors import ConfigError
from core.holds import Hold, HoldKind
from core.money import Money, total
from core.outbox import PastContact, Promise
from core.ports import Capability
from core.records import Invoice, RecordKey, key_of
from core.settings import AccountSettings
from core.store import StoredFinding, StreamState
from scheduler.app import App
from scheduler.jobs import rules

_Table = TypeVar("_Table")
_HOURS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables of this installation: the shipped ones with the user's own rows over them."""

    limits: LimitTable
    courts: Courts
    tariff: Tariff


def tables(app: App) -> Tables:
    """Read the user's own files where the settings name some. ConfigError when one cannot be read or is wrong."""
    chosen = app.settings.collections

    def own(name: str | None, read: Callable[[str, str], _Table], shipped: _Table) -> _Table:
        return shipped if name is None else read(_text(app, name), name)

    return Tables(
        limits=own(chosen.limits_file, lambda text, name: shipped_limits().overlaid(read_limits(text, name)), shipped_limits()),
        courts=own(
            chosen.small_claims_file, lambda text, name: {**shipped_courts(), **read_courts(text, name)}, shipped_courts()
        ),
        tariff=own(
            chosen.economics_file,
            lambda text, name: read_tariff(shipped_text("economics.toml"), "economics.toml", own=text, own_where=name),
            shipped_tariff(),
        ),
    )


def _text(app: App, name: str) -> str:
    path = app.loaded.folder / name
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"collections: {path} cannot be read: {error}"], source="configuration") from None


def account_settings(app: App, books: AccountBooks) -> AccountSettings:
    """What the configuration says of a client, by its name or one of its records; nothing where it says nothing."""
    names = {books.account.name, books.account.id, *(f"{key.connection}:{key.ref}" for key in books.account.parties)}
    found = (item for name, item in app.settings.accounts.items() if name in names or names & set(item.parties))
    return next(found, AccountSettings.model_validate({}))


def credit_limits(app: App, books: Books) -> dict[str, dict[str, Money]]:
    """The credit limits set in the configuration, by account and currency."""
    if not any(item.credit_limit for item in app.settings.accounts.values()):
        return {}
    found = {name: account_settings(app, account).credit_limit for name, account in books.accounts.items()}
    return {name: {code: Money.parse(amount, code) for code, amount in mine.items()} for name, mine in found.items() if mine}


def claimed_invoices(books: AccountBooks, case: Case | None, today: date) -> tuple[Invoice, ...]:
    """The open invoices of a case; without one, those past due, in the currency that most is owed in."""
    open_now = books.open_invoices()
    if case is not None:
        return tuple(item for item in open_now if key_of(item) in case.invoices)
    due = [item for item in open_now if item.due_on is not None and item.due_on < today]
    sums = {
        code: total((i.open for i in due if i.open.currency == code), code).minor
        for code in sorted({i.open.currency for i in due})
    }
    most = max(sums, key=lambda code: sums[code], default=None)
    return tuple(item for item in due if item.open.currency == most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the store knows of one client, of one moment."""

    books: Books
    holds: Sequence[Hold]
    plans: Sequence[PaymentPlan]
    promises: Sequence[Promise]
    contacts: Sequence[PastContact]
    findings: Sequence[StoredFinding]
    cases: Sequence[Case]
    states: Sequence[StreamState]


def _read(app: App, account: str, now: datetime) -> _Read:
    store = app.store
    with store.snapshot():
        return _Read(
            books=store.load_books(now=now, accounts=[account]),
            holds=store.holds(account=account),
            plans=[item.plan for item in store.plans(account)],
            promises=store.promises(account),
            contacts=store.contacts([account]).get(account, ()),
            findings=store.findings(),
            cases=store.cases(),
            states=store.stream_states(),
        )


def gather(app: App, account: str, case: Case | None = None) -> CaseFacts:
    """The facts of one client and, where there is one, of its case."""
    now, settings, going_by = app.clock.now(), app.settings, rules(app)
    read = _read(app, account, now)
    client = read.books.accounts[account]
    place = place_of(client, going_by.organisation)
    today = place.today(now)
    known, papers = account_settings(app, client), case.attachments if case is not None else ()
    invoices = claimed_invoices(client, case, today)
    currency = case.currency if case is not None else _currency(invoices, settings.organisation.currency)
    data, checks = tables(app), settings.collections.checks
    bond, readings = client_clocks(app, data, client, invoices, read.promises, papers, now)
    laws = frozenset(law for law in (bond.law, *bond.candidates) if law)
    claim = _claim(client, read, invoices, readings, bond, today, currency, place)
    return CaseFacts(
        books=read.books,
        account=account,
        invoices=invoices,
        currency=currency,
        now=now,
        today=today,
        place=place,
        checks=checks,
        ready_days=resolve_policy(settings.dunning, client.account).base.ready_days,
        terms=known.contract,
        legal_name=known.legal_name,
        address=known.address,
        natural_person=known.natural_person,
        margin_percent=settings.collections.margin_percent if known.margin_percent is None else known.margin_percent,
        bond=bond,
        readings=readings,
        rules=rules_for(laws, known.natural_person, claim.claimed, today),
        source_ages=_ages(read.states, now),
        copies_from=frozenset(name for name in settings.connections if app.can(name, Capability.DOCUMENTS)),
        economics=_economics(app, data, read.cases, claim, _kept(client, read, today)) if invoices else None,
        **_seen(read, case),
    )


def client_clocks(
    app: App,
    data: Tables,
    client: AccountBooks,
    invoices: Sequence[Invoice],
    promises: Sequence[Promise],
    papers: Sequence[Attachment],
    now: datetime,
) -> tuple[Bond, tuple[Reading, ...]]:
    """What ties a client's debts to a law, and the clock of each of these invoices."""
    settings, known = app.settings, account_settings(app, client)
    place = place_of(client, rules(app).organisation)
    names = data.limits.laws()
    bond = bond_of(
        client,
        known.contract,
        natural=known.natural_person,
        default_law=settings.collections.governing_law,
        home=law_of(settings.organisation.country, settings.organisation.region, names),
        attachments=papers,
        names=names,
    )
    restarts = {str(key_of(item)): restarts_of(item, client, promises, papers, place) for item in invoices}
    warn_days = settings.collections.checks.time_bar_warns
    readings = readings_of(invoices, bond, restarts, data.limits, today=place.today(now), warn_days=warn_days)
    return bond, readings


def _seen(read: _Read, case: Case | None) -> dict[str, Any]:
    """What was recorded of the client, and of the case where there is one."""
    found: dict[str, Any] = {
        "findings": read.findings,
        "holds": read.holds,
        "promises": read.promises,
        "plans": read.plans,
        "contacts": read.contacts,
    }
    if case is None:
        return found
    more = {"attachments": case.attachments, "waivers": case.waivers, "answers": case.answers, "approvals": case.approvals}
    return {**found, **more}


def _currency(invoices: Sequence[Invoice], otherwise: str) -> str:
    return next((item.open.currency for item in invoices), otherwise)


def _ages(states: Sequence[StreamState], now: datetime) -> dict[str, float | None]:
    """Hours since each connection was last read in full: its stalest stream counts; None where one never was."""
    found: dict[str, float | None] = {}
    for state in states:
        age = None if state.last_ok_at is None else (now - state.last_ok_at).total_seconds() / _HOURS
        before = found.get(state.connection, 0.0)
        found[state.connection] = None if age is None or before is None else max(age, before)
    return found


def _kept(client: AccountBooks, read: _Read, today: date) -> tuple[int, int]:
    """Plans of this client that were kept or are, and all of them."""
    states = [plan_state(plan, client, today) for plan in read.plans]
    return sum(not state.breached for state in states), len(states)


def _claim(
    client: AccountBooks,
    read: _Read,
    invoices: Sequence[Invoice],
    readings: Sequence[Reading],
    bond: Bond,
    today: date,
    currency: str,
    place: Place,
) -> Claim:
    left = [item.days_left for item in readings if item.days_left is not None]
    broken = any(plan_state(plan, client, today).breached for plan in read.plans)
    words = [word for item in invoices if (word := word_on(item, read.promises, place, today, client))]
    return Claim(
        owed=tuple(
            Owed(label=item.number or item.ref, open=item.open, due_on=item.due_on or item.issued_on) for item in invoices
        ),
        currency=currency,
        as_of=today,
        law=bond.law,
        days_left=min(left, default=None),
        plan_broken=broken or any(word.broken for word in words),
        legal=any(item.kind is HoldKind.DISPUTE and item.lifted_at is None for item in read.holds),
        open_cases=sum(case.open for case in read.cases),
    )


def _economics(app: App, data: Tables, cases: Sequence[Case], claim: Claim, kept: tuple[int, int]) -> Economics:
    own = data.tariff.own
    placed = placed_cases(results_of(cases, _invoices_of(app, cases)), claim.currency)
    expectation = Expectation(curve=data.tariff.recovery, cases=placed, weight=own.weight, fewest=own.fewest)
    cards = [card for agency in app.settings.agencies.values() if (card := card_of(agency)).rates]
    return economics(claim, data.tariff, expectation, cards=cards, courts=data.courts, kept=kept)


def _invoices_of(app: App, cases: Sequence[Case]) -> dict[RecordKey, Invoice]:
    """The invoices of cases that were placed: how old they were then."""
    keys = {key for case in cases if case.placement is not None for key in case.invoices}
    found = {key: app.store.find_record(key) for key in sorted(keys)}
    return {key: item for key, item in found.items() if isinstance(item, Invoice)}
