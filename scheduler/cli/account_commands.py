"""`duesync hold …`, `account …`, `journal …`: clients, and reasons not to remind them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from core.books import AccountBooks
from core.clock import local_date
from core.errors import UsageError
from core.holds import Hold, HoldKind
from core.outbox import Promise
from core.records import RecordKey, Stream
from core.store import ContactCheck
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, chosen, day_option, opened

holds_app = typer.Typer(help="Reasons not to remind a client: disputes, promises, legal holds.", no_args_is_help=True)
accounts_app = typer.Typer(help="Clients: what they owe, and what is known of them.", no_args_is_help=True)
_MOST_PROBLEMS = 20  # named on a terminal; JSON has them all
journal_app = typer.Typer(help="The record of everything duesync decided and did.", no_args_is_help=True)

AccountArgument = Annotated[str, typer.Argument(help="The client: id, name, or the ref of its customer record.")]


def find_account(app: App, wanted: str) -> str:
    """The account id for an id, a name or a party's ref; UsageError when none or several fit."""
    accounts = app.store.accounts()
    folded = wanted.casefold().strip()
    exact = [item.id for item in accounts if item.id == wanted]
    found = exact or [
        item.id
        for item in accounts
        if item.name.casefold() == folded
        or any(wanted in (party.ref, f"{party.connection}:{party.ref}") for party in item.parties)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f'{len(found)} clients are called "{wanted}"', remedy=f"Give the id of one: {', '.join(sorted(found))}.")
    meant = _meant(folded, [item.name for item in accounts])
    remedy = f"Did you mean {' or '.join(meant)}?" if meant else "See them with: duesync account list"
    raise UsageError(f'no client is called "{wanted}"', remedy=remedy)


def _meant(folded: str, names: Sequence[str]) -> list[str]:
    """Names that hold what was typed, else those most like it; three at most. Never taken unasked: a hold on another is harm."""
    holding = sorted({name for name in names if folded and folded in name.casefold()})
    like = {name.casefold(): name for name in names}
    close = [like[name] for name in get_close_matches(folded, like, n=3)]
    return [f'"{console.one_line(name)}"' for name in (holding or close)[:3]]


# ── holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
@holds_app.command(name="add")
def add_hold(
    kind: Annotated[HoldKind, typer.Argument(help="Why.")],
    account: AccountArgument,
    invoice: Annotated[str | None, typer.Option("--invoice", help="Only this invoice: its number or ref.")] = None,
    until: Annotated[datetime | None, day_option("--until", "Last day it holds.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for whoever asks later.")] = "",
    amount: Annotated[str | None, typer.Option("--amount", help="What is promised; none: everything open.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Of the amount, where the client has several.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Stop reminders for a client or one invoice, at once; what is already queued will not go either.

    A promise needs --until. It holds to the end of that day; if it is not kept, reminders resume on the next business day.
    """
    if kind is HoldKind.PROMISE and until is None:
        raise UsageError("a promise is for a day", remedy="Say which with --until YYYY-MM-DD.")
    if amount is not None and kind is not HoldKind.PROMISE:
        raise UsageError("only a promise has an amount")
    with opened(config, json) as app:
        account_id = find_account(app, account)
        now = app.clock.now()
        if until is not None and until.date() < local_date(now, app.zone):
            raise UsageError(f"{until.date()} is over: such a hold would hold nothing", remedy="Say a day from today on.")
        key = invoice_key(app, account_id, invoice) if invoice else None
        name = hashlib.sha256(f"{kind}|{account_id}|{key}|{now.isoformat()}".encode()).hexdigest()[:10]
        hold = Hold(
            id=name,
            kind=kind,
            account=account_id,
            invoice=key,
            reason=reason,
            placed_at=now,
            placed_by=actor(),
            until=until.date() if until else None,
        )
        promised = _promise(app, hold, amount, currency)
        with app.store.unit():
            app.store.place_hold(hold)
            if promised is not None:
                app.store.add_promise(promised)
    _show_holds([hold])


def _promise(app: App, hold: Hold, amount: str | None, currency: str | None) -> Promise | None:
    """The client's word behind a hold; None where the hold is no promise."""
    if hold.kind is not HoldKind.PROMISE or hold.until is None:
        return None
    from scheduler.cli.plan_commands import currency_for, read_amount

    money = None
    if amount is not None:
        books = app.store.load_books(now=hold.placed_at, accounts=[hold.account]).accounts[hold.account]
        money = read_amount(amount, currency_for(app, books, currency))
    return Promise(
        account=hold.account,
        invoice=hold.invoice,
        amount_minor=money.minor if money else None,
        currency=money.currency if money else None,
        due_on=hold.until,
        made_at=hold.placed_at,
        made_by=hold.placed_by,
    )


def invoice_key(app: App, account_id: str, wanted: str) -> RecordKey:
    """The one invoice of a client that has this number or ref; UsageError when none or several do."""
    books = app.store.load_books(now=app.clock.now(), accounts=[account_id]).accounts[account_id]
    found = [item for item in books.invoices if wanted in (item.ref, item.number)]
    if len(found) != 1:
        problem = "no invoice" if not found else f"{len(found)} invoices"
        raise UsageError(f'{problem} of this client answer to "{wanted}"')
    return RecordKey(found[0].connection, Stream.INVOICES, found[0].ref)


@holds_app.command(name="list")
def list_holds(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Also those lifted.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List holds."""
    with opened(config, json) as app:
        account_id = find_account(app, account) if account else None
        found = list(app.store.holds(account=account_id, include_lifted=lifted))
    _show_holds(found)


@holds_app.command()
def lift(
    hold_id: Annotated[str, typer.Argument(help="The hold's id.")], config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Lift a hold, and take back the promise behind it. Reminders resume one step at a time, never in a burst.

    Exit 1 where it was lifted before.
    """
    with opened(config, json) as app:
        now = app.clock.now()
        with app.store.unit():
            before = next((item for item in app.store.holds(include_lifted=True) if item.id == hold_id), None)
            hold = app.store.lift_hold(hold_id, by=actor(), now=now)
            earlier = before.lifted_at if before is not None else None
            if earlier is None and hold.kind is HoldKind.PROMISE and hold.until is not None:
                app.store.withdraw_promises(hold.account, hold.invoice, hold.until, by=actor(), now=now)
    lifted_at = (earlier or now).isoformat()
    if chosen.json:
        console.print_json({"id": hold_id, "lifted": earlier is None, "lifted_at": lifted_at})
    elif earlier is None:
        console.say(f"{hold_id} lifted")
    else:
        console.complain(f"{hold_id} was lifted already, on {earlier.date()}")
    if earlier is not None:
        raise typer.Exit(PROBLEM_FOUND)


def _show_holds(found: list[Hold]) -> None:
    if chosen.json:
        console.print_json(
            [
                {
                    "id": item.id,
                    "kind": str(item.kind),
                    "account": item.account,
                    "invoice": console.plain(item.invoice) if item.invoice else None,
                    "reason": item.reason,
                    "placed_at": item.placed_at.isoformat(),
                    "placed_by": item.placed_by,
                    "until": item.until.isoformat() if item.until else None,
                    "lifted_at": item.lifted_at.isoformat() if item.lifted_at else None,
                }
                for item in found
            ]
        )
        return
    columns = ("id", "why", "client", "invoice", "until", "reason")
    rows = [
        (item.id, str(item.kind), item.account, item.invoice.ref if item.invoice else "all", _end(item), item.reason)
        for item in found
    ]
    console.table(f"{len(found)} holds", columns, rows)


def _end(hold: Hold) -> str:
    if hold.lifted_at is not None:
        return f"lifted {hold.lifted_at.date()}"
    return str(hold.until or "you lift it")


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def account_json(books: AccountBooks) -> dict[str, Any]:
    """An account with its balance per currency and how it comes about."""
    return {
        "account": books.account.id,
        "name": books.account.name,
        "segment": books.account.segment,
        "party_refs": [f"{key.connection}:{key.ref}" for key in books.account.parties],
        "balances": [_balance(books, code) for code in books.currencies],
        "open_invoices": [
            {
                "connection": item.connection,
                "ref": item.ref,
                "number": item.number,
                "open": console.plain(item.open),
                "due_on": item.due_on.isoformat() if item.due_on else None,
            }
            for item in books.open_invoices()
        ],
    }


def _balance(books: AccountBooks, code: str) -> dict[str, Any]:
    balance = books.balance(code)
    return {
        "currency": code,
        "net": balance.net.minor,
        "open_invoices": balance.open_invoices.minor,
        "unapplied_payments": balance.unapplied_payments.minor,
        "remaining_credits": balance.remaining_credits.minor,
        "direct_deposits": balance.direct_deposits.minor,
        "adjustments": balance.adjustments.minor,
    }


@accounts_app.command(name="list")
def list_accounts(
    late: Annotated[bool, typer.Option("--late", help="Only those with an invoice past its due date.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List clients with what they owe, how late the oldest invoice is, and what holds reminders back."""
    with opened(config, json) as app:
        now = app.clock.now()
        today = local_date(now, app.zone)
        books = app.store.load_books(now=now)
        held = [item for item in app.store.holds() if item.stands(today)]
    kinds: dict[str, list[str]] = {}
    for hold in held:
        kinds.setdefault(hold.account, []).append(str(hold.kind))
    found = [item for item in books.accounts.values() if not late or _days_late(item, today) > 0]
    if chosen.json:
        more = [{"days_late": _days_late(item, today), "held": sorted(kinds.get(item.account.id, ()))} for item in found]
        console.print_json([{**account_json(item), **extra} for item, extra in zip(found, more, strict=True)])
        return
    rows = [
        (
            item.account.id,
            console.one_line(item.account.name, 40),
            len(item.open_invoices()),
            ", ".join(str(item.balance(code).net) for code in item.currencies),
            _days_late(item, today) or "",
            ", ".join(sorted(set(kinds.get(item.account.id, ())))),
        )
        for item in found
    ]
    columns = ("id", "client", "open", "owes", "days late", "held")
    console.table(f"{len(rows)} clients", columns, rows, right=("open", "owes", "days late"))


def _days_late(books: AccountBooks, today: date) -> int:
    """Days past due of the oldest open invoice; 0 where none is late."""
    return max((max((today - item.due_on).days, 0) for item in books.open_invoices() if item.due_on is not None), default=0)


@accounts_app.command(name="show")
def show_account(account: AccountArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one client: balance, open invoices, what was agreed, what comes next and when, fees, tasks, policy, contacts."""
    from scheduler.cli.account_view import account_document, look_at, show

    with opened(config, json) as app:
        seen = look_at(app, find_account(app, account))
    if chosen.json:
        console.print_json({**account_json(seen.books), **account_document(seen)})
    else:
        show(seen)


# ── journal ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@journal_app.command()
def verify(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check that nobody changed the journal, the contact log or what was done by hand. Exit 1 if somebody did.

    The contact log and the actions in the outbox are compared with what the journal says of each; every difference is named.
    """
    with opened(config, json) as app:
        check, said = app.store.verify_journal(), app.store.verify_contacts()
    whole = check.ok and said.ok
    if chosen.json:
        chain = {"ok": whole, "entries": check.entries, "broken_at": check.broken_at, "problem": check.problem}
        log = {"entries": said.entries, "earlier": said.earlier, "problems": list(said.problems)}
        console.print_json({**chain, "contact_log": log})
    elif check.ok:
        console.say(f"{check.entries} entries, chain intact.")
    else:
        console.complain(f"the journal is broken at entry {check.broken_at}: {check.problem}")
    if not chosen.json:
        _say_contacts(said)
    if not whole:
        raise typer.Exit(PROBLEM_FOUND)


def _say_contacts(said: ContactCheck) -> None:
    for problem in said.problems[:_MOST_PROBLEMS]:
        console.complain(problem)
    if len(said.problems) > _MOST_PROBLEMS:
        console.complain(f"and {len(said.problems) - _MOST_PROBLEMS} more: see them with --json")
    if said.ok:
        console.say(f"{said.entries} entries of the contact log, each as it was entered.")
    if said.earlier:
        console.say(f"{said.earlier} of them were older than their place in the journal: it cannot tell about those.")
