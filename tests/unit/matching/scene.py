"""Invoices and payments in a line, for tests of matching."""

from __future__ import annotations

from datetime import date, timedelta

from core.matching import IncomingPayment, Match, MatchSettings, OpenInvoice, match
from core.money import Money

DAY = date(2026, 1, 5)


def invoice(
    identity: str, amount: str, number: str = "", party: str = "Acme Dental Inc", day: int = 0, **more: str
) -> OpenInvoice:
    """An invoice issued `day` days after DAY."""
    currency = more.pop("currency", "USD")
    issued = DAY + timedelta(days=day)
    return OpenInvoice(
        id=identity,
        open=Money.parse(amount, currency),
        party=party,
        number=number or None,
        reference=more.pop("reference", None),
        issued_on=issued,
        due_on=issued + timedelta(days=30),
    )


def payment(
    identity: str, amount: str, memo: str = "", payer: str = "Acme Dental Inc", day: int = 30, **more: str
) -> IncomingPayment:
    """A payment received `day` days after DAY."""
    return IncomingPayment(
        id=identity,
        amount=Money.parse(amount, more.pop("currency", "USD")),
        payer=payer,
        account=more.pop("account", ""),
        memo=memo,
        paid_on=DAY + timedelta(days=day),
    )


def pairs(invoices: list[OpenInvoice], payments: list[IncomingPayment]) -> dict[tuple[str, str], int]:
    """(payment, invoice) → minor units."""
    return {(item.payment_id, item.invoice_id): item.amount.minor for item in match(invoices, payments)}


def only(invoices: list[OpenInvoice], payments: list[IncomingPayment], settings: MatchSettings | None = None) -> Match:
    """The one match there must be."""
    (found,) = match(invoices, payments, settings=settings or MatchSettings())
    return found
