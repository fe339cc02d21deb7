"""A statement of account: every open invoice, the money not yet applied, ageing and net balance, as values and as text or HTML.

It shows the balance the ledger shows, or it is not written (product notes A99): where the vendor states what the client owes and
that differs from ours, the answer is a MessageIncomplete that names both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel import Locale
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.analytics.ageing import BUCKETS, bucket_of
from core.books import COUNTED_PAYMENTS, AccountBooks, NetBalance
from core.messages.clean import one_line
from core.messages.client_locale import client_locale
from core.messages.context import date_text, known_language, locale_for, money_text
from core.messages.letter import Organisation
from core.messages.render import MessageIncomplete
from core.messages.statement_layout import HTML_STATEMENT, TEXT_STATEMENT
from core.messages.texts import late_words, statement_words
from core.money import Money
from core.records import DocumentStatus, Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One open invoice, or (`due_on` None) one payment or credit not yet applied, whose `open` is then what is left of it."""

    on: date
    label: str
    due_on: date | None
    total: Money
    open: Money
    days_past_due: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """What one client owes in one currency on a day. `buckets` are open amounts by days past due, in the order of BUCKETS."""

    organisation: Organisation
    client: str
    locale: str
    as_of: date
    currency: str
    invoices: tuple[StatementRow, ...]
    credits: tuple[StatementRow, ...]
    buckets: tuple[Money, ...]
    balance: NetBalance

    @property
    def net(self) -> Money:
        return self.balance.net


def statement_of(
    books: AccountBooks, *, currency: str, as_of: date, organisation: Organisation, locale: str | None = None
) -> AccountStatement | MessageIncomplete:
    """The statement of one account in `currency`; MessageIncomplete where the vendor's own balance says otherwise."""
    balance = books.balance(currency)
    stated = _stated(books, currency)
    if stated is not None and stated != balance.net:
        return MessageIncomplete(problems=(f"the ledger says {stated}, the records add up to {balance.net}",))
    invoices = tuple(_row(item, as_of) for item in books.open_invoices(currency))
    sums = dict.fromkeys(BUCKETS, 0)
    for row in invoices:
        sums[bucket_of(row.days_past_due)] += row.open.minor
    party = next((item for item in books.parties if item.connection in books.ledger_connections), None)
    return AccountStatement(
        organisation=organisation,
        client=(party.name if party else "") or books.account.name,
        locale=locale or client_locale(books, organisation, party),
        as_of=as_of,
        currency=currency,
        invoices=invoices,
        credits=tuple(sorted(_credits(books, currency), key=lambda row: (row.on, row.label))),
        buckets=tuple(Money(minor, currency) for minor in sums.values()),
        balance=balance,
    )


def _stated(books: AccountBooks, currency: str) -> Money | None:
    """The balance the vendor states for all of the client's ledger records; None where it states none for some."""
    parties = [item for item in books.parties if item.connection in books.ledger_connections]
    stated = [item.balance for item in parties if item.balance is not None and item.balance.currency == currency]
    return Money(sum(item.minor for item in stated), currency) if stated and len(stated) == len(parties) else None


def _row(invoice: Invoice, as_of: date) -> StatementRow:
    days = (as_of - invoice.due_on).days if invoice.due_on else 0
    return StatementRow(
        on=invoice.issued_on,
        label=invoice.number or invoice.ref,
        due_on=invoice.due_on or invoice.issued_on,
        total=invoice.total,
        open=invoice.open,
        days_past_due=days,
    )


def _credits(books: AccountBooks, currency: str) -> Iterator[StatementRow]:
    ledger = books.ledger_connections
    for payment in books.payments:
        counted = payment.connection in ledger and payment.status in COUNTED_PAYMENTS
        if counted and payment.unapplied.minor and payment.unapplied.currency == currency:
            name = payment.reference or payment.ref
            yield StatementRow(on=payment.paid_on, label=name, due_on=None, total=payment.amount, open=payment.unapplied)
    for note in books.credit_notes:
        counted = note.connection in ledger and note.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED)
        if counted and note.remaining.minor and note.remaining.currency == currency:
            yield StatementRow(
                on=note.issued_on, label=note.number or note.ref, due_on=None, total=note.total, open=note.remaining
            )


def statement_context(statement: AccountStatement) -> dict[str, Any]:
    """Plain strings for a layout, in the client's language."""
    language = known_language(statement.locale, statement.organisation.locale)
    locale = locale_for(statement.locale, language, statement.organisation.country)
    words = statement_words(language)
    parts = dict(balance_parts(statement))
    return {
        "language": language,
        "words": words,
        "organisation": one_line(statement.organisation.name),
        "address": one_line(statement.organisation.address, 300),
        "reply_to": one_line(statement.organisation.email, 200),
        "client": one_line(statement.client),
        "as_of": date_text(statement.as_of, locale),
        "invoices": _rows(statement.invoices, locale, language),
        "credits": _rows(statement.credits, locale, language),
        "buckets": list(zip(words["buckets"].split("|"), [money_text(item, locale) for item in statement.buckets], strict=True)),
        "open": money_text(parts["open"], locale),
        "applied": money_text(-parts["applied"], locale),
        "other": money_text(parts["other"], locale) if "other" in parts else "",
        "net": money_text(statement.net, locale),
    }


def balance_parts(statement: AccountStatement) -> list[tuple[str, Money]]:
    """What the balance is made of, by the name of its words; they add up to it. Other bookings only where there are some."""
    balance = statement.balance
    applied = -(balance.unapplied_payments + balance.remaining_credits)
    other = balance.net - balance.open_invoices - applied
    return [("open", balance.open_invoices), ("applied", applied), *([("other", other)] if other else [])]


def _rows(rows: Iterable[StatementRow], locale: Locale, language: str) -> list[dict[str, str]]:
    return [
        {
            "on": date_text(row.on, locale),
            "label": one_line(row.label, 40),
            "due_on": date_text(row.due_on, locale) if row.due_on else "",
            "total": money_text(row.total, locale),
            "open": money_text(row.open, locale),
            "late": late_words(language, row.days_past_due) if row.days_past_due > 0 else "",
        }
        for row in rows
    ]


def _fill(source: str, statement: AccountStatement, *, escape: bool) -> str:
    environment = ImmutableSandboxedEnvironment(
        autoescape=escape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(statement_context(statement)).strip() + "\n"


def statement_text(statement: AccountStatement) -> str:
    """The statement as plain text."""
    return _fill(TEXT_STATEMENT, statement, escape=False)


def statement_html(statement: AccountStatement) -> str:
    """The statement as a page."""
    return _fill(HTML_STATEMENT, statement, escape=True)
