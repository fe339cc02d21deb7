"""`duesync report statement`: what one client owes on a day, invoice by invoice, as words, a page or a PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.analytics.rewind import Rewind
from core.books import AccountBooks
from core.clock import local_date
from core.errors import UsageError
from core.messages.alphabets import Faces
from core.messages.render import MessageIncomplete
from core.messages.statement import AccountStatement, StatementRow, statement_html, statement_of, statement_text
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, chosen, day_option, opened
from scheduler.jobs import rules


def statement(
    account: AccountArgument,
    as_of: Annotated[datetime | None, day_option("--as-of", "The day [default: today].")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page to this file.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write a PDF to this file.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Where the client has several.")] = None,
    locale: Annotated[
        str | None, typer.Option("--locale", help="Language and country, such as de-AT [default: client's].")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Statement of account for one client: the balance of the ledger, or none. Exit 1 where the two differ."""
    with opened(config, json) as app:
        account_id = find_account(app, account)
        now = app.clock.now()
        today = local_date(now, app.zone)
        day = as_of.date() if as_of else today
        if day > today:
            raise UsageError(f"a statement is of today ({today}) or a day before")
        books = app.store.load_books(now=now, accounts=[account_id]).accounts[account_id]
        organisation = rules(app).organisation
        faces = app.faces
    books = books if day == today else stood_on(books, day)
    codes = (
        [currency.upper()] if currency else [code for code in books.currencies if _has(books, code)] or [organisation.currency]
    )
    if len(codes) > 1 and (html or pdf):
        raise UsageError(f"this client owes in {', '.join(codes)}", remedy="Write one file for each, with --currency.")
    found = [statement_of(books, currency=code, as_of=day, organisation=organisation, locale=locale) for code in codes]
    for code, item in zip(codes, found, strict=True):
        if isinstance(item, MessageIncomplete):
            console.complain(f"no statement in {code}: {item}")
            raise typer.Exit(PROBLEM_FOUND)
    _write([item for item in found if isinstance(item, AccountStatement)], html, pdf, faces)


def stood_on(books: AccountBooks, day: date) -> AccountBooks:
    """The books at the end of a past day. What a vendor says is owed is today's word, so it is not compared."""
    then = Rewind(books).on(day)
    return replace(then, parties=tuple(replace(party, balance=None) for party in then.parties))


def _has(books: AccountBooks, code: str) -> bool:
    balance = books.balance(code)
    return bool(balance.net or balance.open_invoices)


def _write(found: list[AccountStatement], html: Path | None, pdf: Path | None, faces: Faces) -> None:
    if html is not None:
        html.write_text(statement_html(found[0]), encoding="utf-8")
    if pdf is not None:
        from core.messages.statement_pdf import statement_pdf

        pdf.write_bytes(statement_pdf(found[0], faces))
    if chosen.json:
        console.print_json([statement_json(item) for item in found])
    elif html is not None or pdf is not None:
        console.say("Written: " + ", ".join(str(path) for path in (html, pdf) if path is not None))
    else:
        for item in found:
            typer.echo(statement_text(item), nl=False)


def statement_json(item: AccountStatement) -> dict[str, Any]:
    """A statement in minor units."""
    return {
        "client": item.client,
        "as_of": item.as_of.isoformat(),
        "currency": item.currency,
        "net": item.net.minor,
        "open_invoices": item.balance.open_invoices.minor,
        "unapplied_payments": item.balance.unapplied_payments.minor,
        "remaining_credits": item.balance.remaining_credits.minor,
        "buckets": [amount.minor for amount in item.buckets],
        "invoices": [_row(row) for row in item.invoices],
        "credits": [_row(row) for row in item.credits],
    }


def _row(row: StatementRow) -> dict[str, Any]:
    return {
        "number": row.label,
        "on": row.on.isoformat(),
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "total": row.total.minor,
        "open": row.open.minor,
        "days_past_due": row.days_past_due,
    }
