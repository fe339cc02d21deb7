"""`duesync plan …`: agreements to pay in instalments. Reminders rest while the plan is kept, and resume when it is broken."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any

import typer

from core.books import AccountBooks
from core.clock import local_date
from core.dunning.arrangements import Instalment, PaymentPlan, PlanState, plan_state
from core.errors import UsageError
from core.money import Money, MoneyError, total
from core.store.plans import StoredPlan
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account, invoice_key
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, opened

app = typer.Typer(help="Payment plans: agreements to pay in instalments.", no_args_is_help=True)


def currency_for(app: App, books: AccountBooks, given: str | None) -> str:
    """The currency an amount of this client is meant in; UsageError when it has several and none was named."""
    if given is not None:
        return given.upper()
    found = books.currencies or (app.settings.organisation.currency,)
    if len(found) > 1:
        raise UsageError(f"this client has documents in {', '.join(found)}", remedy="Say which with --currency.")
    return found[0]


def read_amount(text: str, currency: str) -> Money:
    """An amount above zero in major units, as typed; UsageError when it is none."""
    try:
        amount = Money.parse(text, currency)
    except MoneyError as error:
        raise UsageError(str(error)) from error
    if amount.minor <= 0:
        raise UsageError(f"an amount is more than zero, not {text}")
    return amount


def read_instalment(text: str, currency: str) -> Instalment:
    """One instalment from "2026-03-01=500.00"."""
    day, _, amount = text.partition("=")
    try:
        due_on = date.fromisoformat(day.strip())
    except ValueError:
        raise UsageError(f'write an instalment as DATE=AMOUNT, such as 2026-03-01=500.00, not "{text}"') from None
    return Instalment(due_on=due_on, amount=read_amount(amount.strip(), currency))


@app.command(name="add")
def add_plan(
    account: AccountArgument,
    instalment: Annotated[list[str], typer.Option("--instalment", "-i", help="DATE=AMOUNT, such as 2026-03-01=500.00; repeat.")],
    invoice: Annotated[list[str] | None, typer.Option("--invoice", help="Only this invoice; repeat. None: everything.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Where the client has several.")] = None,
    breach_days: Annotated[int, typer.Option("--breach-days", min=0, max=90, help="Days late that break the plan.")] = 5,
    breach_rest: Annotated[str | None, typer.Option("--breach-rest", help="Amount that may be missing.")] = None,
    note: Annotated[str, typer.Option("--note", "-n", help="What was agreed, for whoever asks later.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Agree to a payment plan. It counts from now; money received from today on keeps it."""
    with opened(config, json) as app_now:
        account_id = find_account(app_now, account)
        now = app_now.clock.now()
        books = app_now.store.load_books(now=now, accounts=[account_id]).accounts[account_id]
        code = currency_for(app_now, books, currency)
        parts = sorted((read_instalment(text, code) for text in instalment), key=lambda item: item.due_on)
        today = local_date(now, app_now.zone)
        if parts[-1].due_on < today:
            raise UsageError(f"every instalment is before today ({today})")
        plan = PaymentPlan(
            account=account_id,
            invoices=tuple(invoice_key(app_now, account_id, name) for name in invoice or ()),
            instalments=tuple(parts),
            agreed_at=now,
            agreed_on=today,
            breach_days=breach_days,
            breach_rest=read_amount(breach_rest, code) if breach_rest else None,
        )
        name = hashlib.sha256(f"{plan!r}".encode()).hexdigest()[:10]
        stored = StoredPlan(id=name, plan=plan, agreed_by=actor(), note=note)
        app_now.store.add_plan(stored)
        state = plan_state(plan, books, today)
    _warn_of_rest(books, plan, code)
    _show([(stored, state)])


def _warn_of_rest(books: AccountBooks, plan: PaymentPlan, code: str) -> None:
    """Say so when the instalments do not add up to what is open."""
    keys = {(key.connection, key.ref) for key in plan.invoices}
    covered = [item for item in books.open_invoices(code) if not keys or (item.connection, item.ref) in keys]
    owed, agreed = total((item.open for item in covered), code), total((item.amount for item in plan.instalments), code)
    if owed != agreed:
        console.note(f"the instalments add up to {agreed}; {owed} is open")


@app.command(name="list")
def list_plans(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    cancelled: Annotated[bool, typer.Option("--cancelled", help="Also those cancelled.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List payment plans, what should have been paid by today, and what was."""
    with opened(config, json) as app_now:
        account_id = find_account(app_now, account) if account else None
        now = app_now.clock.now()
        found = app_now.store.plans(account_id, include_cancelled=cancelled)
        books = app_now.store.load_books(now=now, accounts=sorted({item.plan.account for item in found})).accounts
        today = local_date(now, app_now.zone)
    _show([(item, plan_state(item.plan, books[item.plan.account], today)) for item in found if item.plan.account in books])


@app.command(name="cancel")
def cancel_plan(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")], config: ConfigOption = None, json: JsonOption = False
) -> None:
    """End a payment plan. Reminders resume one step at a time."""
    with opened(config, json) as app_now:
        app_now.store.cancel_plan(plan_id, by=actor(), now=app_now.clock.now())
    if chosen.json:
        console.print_json({"id": plan_id, "cancelled": True})
    else:
        console.say(f"{plan_id} cancelled")


def word_of(stored: StoredPlan, state: PlanState) -> str:
    """How a plan stands in one word."""
    return "cancelled" if stored.cancelled_at else "broken" if state.breached else "kept"


def plan_json(stored: StoredPlan, state: PlanState) -> dict[str, Any]:
    """A plan and how it stands, plain JSON values."""
    plan = stored.plan
    return {
        "id": stored.id,
        "account": plan.account,
        "state": word_of(stored, state),
        "invoices": [console.plain(key) for key in plan.invoices],
        "instalments": [{"due_on": item.due_on.isoformat(), "amount": console.plain(item.amount)} for item in plan.instalments],
        "expected": console.plain(state.expected),
        "paid": console.plain(state.paid),
        "next_due_on": state.next_due_on.isoformat() if state.next_due_on else None,
        "breach_days": plan.breach_days,
        "note": stored.note,
        "agreed_at": plan.agreed_at.isoformat(),
        "agreed_by": stored.agreed_by,
    }


def _show(found: list[tuple[StoredPlan, PlanState]]) -> None:
    if chosen.json:
        console.print_json([plan_json(stored, state) for stored, state in found])
        return
    rows = [
        (
            stored.id,
            stored.plan.account,
            word_of(stored, state),
            f"{state.paid} of {total((item.amount for item in stored.plan.instalments), state.paid.currency)}",
            str(state.expected),
            state.next_due_on or "",
            ", ".join(f"{item.due_on} {item.amount}" for item in stored.plan.instalments),
        )
        for stored, state in found
    ]
    columns = ("id", "client", "state", "paid", "due by today", "next", "instalments")
    console.table(f"{len(found)} payment plan{'' if len(found) == 1 else 's'}", columns, rows)
