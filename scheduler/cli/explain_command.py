"""`duesync account explain`: why the PSA, the books and duesync state different balances for one client, cent by cent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import typer

from core.books import AccountBooks
from core.clock import local_date
from core.findings import FindingKind, FindingState
from core.reconcile.explain import Cause, Difference, Explanation, explain
from core.records import Invoice, RecordKey
from core.store import StoredFinding
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, chosen, opened

MEANING: dict[Cause, str] = {
    Cause.UNAPPLIED_PAYMENT: "a payment in the books that is applied to nothing",
    Cause.UNAPPLIED_CREDIT: "a credit note in the books with something left",
    Cause.DIRECT_DEPOSIT: "a deposit booked straight to receivables",
    Cause.ADJUSTMENT: "a journal entry or write-off on receivables",
    Cause.ONLY_IN_PSA: "an invoice that only the PSA has",
    Cause.ONLY_IN_BOOKS: "an invoice that only the books have",
    Cause.TAX_ROUNDING: "tax rounded per line in one system, per bill in the other",
    Cause.AMOUNT_DIFFERS: "one invoice with two totals",
    Cause.PAYMENT_NOT_IN_PSA: "a payment the PSA was never told of",
    Cause.CREDIT_NOT_IN_PSA: "a credit the PSA was never told of",
    Cause.PAID_ONLY_IN_PSA: "paid in the PSA, not in the books",
    Cause.VOID_ON_ONE_SIDE: "void in one system, owed in the other",
    Cause.AMBIGUOUS: "an invoice number that stands for two invoices",
    Cause.FUTURE_DATED: "a payment dated in the future",
}


def explain_account(account: AccountArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show why the PSA, the books and duesync state different balances for a client, cent by cent.

    What cannot be explained is shown with its age and is never made to fit. Exit 1 while something is unexplained.
    """
    with opened(config, json) as app:
        account_id = find_account(app, account)
        now = app.clock.now()
        books = app.store.load_books(now=now, accounts=[account_id])
        today = local_date(now, app.zone)
        found = explain(books, account_id, today=today, rules=app.settings.reconcile)
        findings = app.store.findings(states=[FindingState.OPEN, FindingState.ACCEPTED], account=account_id)
        since = _open_since(findings, app, now)
    one = books.accounts[account_id]
    if chosen.json:
        console.print_json(_document(one, found, today, since))
    else:
        _tell(one, found, today, since)
        if findings:
            console.note(f"{len(findings)} open finding(s) say what to do: duesync findings list --account {account_id}")
    if any(item.unexplained or item.unexplained_stated for item in found):
        raise typer.Exit(PROBLEM_FOUND)


def _open_since(findings: Sequence[StoredFinding], app: App, now: datetime) -> date:
    """The day on which a balance of the client was first seen not to add up: today where no review has seen it yet."""
    seen = [item.first_seen_at for item in findings if item.finding.kind is FindingKind.BALANCE_MISMATCH]
    return local_date(min(seen, default=now), app.zone)


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _document(books: AccountBooks, found: Sequence[Explanation], today: date, since: date) -> dict[str, Any]:
    return {
        "account": books.account.id,
        "name": books.account.name,
        "as_of": today.isoformat(),
        "currencies": [_currency(item, today, since) for item in found],
    }


def _currency(item: Explanation, today: date, since: date) -> dict[str, Any]:
    return {
        "currency": item.currency,
        "psa": console.plain(item.psa) if item.psa is not None else None,
        "books": console.plain(item.stated) if item.stated is not None else None,
        "ours": console.plain(item.ours),
        "differences": [
            {
                "cause": str(one.cause),
                "meaning": MEANING[one.cause],
                "amount": console.plain(one.amount),
                "on": one.on.isoformat(),
                "age_days": (today - one.on).days,
                "records": [console.plain(key) for key in one.records],
            }
            for one in item.differences
        ],
        "unexplained": {
            "psa": console.plain(item.unexplained),
            "books": console.plain(item.unexplained_stated),
            "since": since.isoformat() if item.unexplained or item.unexplained_stated else None,
            "age_days": (today - since).days if item.unexplained or item.unexplained_stated else None,
            "records_of_that_amount": [console.plain(key) for key in item.hints],
        },
    }


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell(books: AccountBooks, found: Sequence[Explanation], today: date, since: date) -> None:
    console.say(f"{console.one_line(books.account.name, 80)} ({books.account.id}) on {today}")
    if not found:
        console.say("  no invoice, payment or credit yet: nothing to explain")
    for item in found:
        console.say("")
        console.table("", (f"owed in {item.currency}, by", ""), _totals(books, item), right=("",))
        if item.differences:
            columns = ("why the PSA differs from duesync", "amount", "since", "days", "records")
            rows = [_row(books, one, today) for one in item.differences]
            rows.append(("together", str(item.psa - item.ours if item.psa is not None else ""), "", "", ""))
            console.table("", columns, rows, right=("amount", "days"))
        for line in _unexplained(books, item, today, since):
            console.say(line)


def _totals(books: AccountBooks, item: Explanation) -> Iterator[tuple[str, str]]:
    balance = books.balance(item.currency)
    if item.psa is not None:
        yield "the PSA's open invoices", str(item.psa)
    yield "the books' own customer balance", str(item.stated) if item.stated is not None else "not stated"
    yield "duesync", str(item.ours)
    parts = (
        ("  open invoices", balance.open_invoices),
        ("  unapplied payments", -balance.unapplied_payments),
        ("  credits left", -balance.remaining_credits),
        ("  deposits on receivables", -balance.direct_deposits),
        ("  journal entries", balance.adjustments),
    )
    yield from ((name, str(amount)) for name, amount in parts if amount)


def _row(books: AccountBooks, one: Difference, today: date) -> tuple[str, str, str, str, str]:
    names = ", ".join(_called(books, key) for key in one.records)
    return MEANING[one.cause], str(one.amount), str(one.on), str((today - one.on).days), console.one_line(names, 120)


def _called(books: AccountBooks, key: RecordKey) -> str:
    """As people say it: "invoice INV-71 (cw)"."""
    found = next((item for item in books.invoices if (item.connection, item.ref) == (key.connection, key.ref)), None)
    number = found.number if isinstance(found, Invoice) and str(key.stream) == "invoices" else None
    return f"{str(key.stream).removesuffix('s').replace('_', ' ')} {number or key.ref} ({key.connection})"


def _unexplained(books: AccountBooks, item: Explanation, today: date, since: date) -> Iterator[str]:
    age = f"open since {since}, {(today - since).days} days"
    if item.unexplained:
        yield f"unexplained between the PSA and duesync: {item.unexplained} ({age})"
    if item.unexplained_stated:
        yield f"unexplained between the books' own balance and their transactions: {item.unexplained_stated} ({age})"
        if item.hints:
            yield f"  records of that amount, worth a look: {', '.join(_called(books, key) for key in item.hints[:5])}"
    if not item.unexplained and not item.unexplained_stated:
        yield "every cent is explained"
