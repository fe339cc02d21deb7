"""Which scope each part of the Accounting API needs, and what to say when it is missing. Pure.

Granular scopes (since March 2026) and the broad ones they replace (until September 2027), from Xero's granular scopes FAQ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_AREA = {
    "Invoices": "invoices",
    "CreditNotes": "invoices",
    "RepeatingInvoices": "invoices",
    "Payments": "payments",
    "Overpayments": "payments",
    "Prepayments": "payments",
    "BankTransactions": "banktransactions",
    "Contacts": "contacts",
    "Organisation": "settings",
    "Accounts": "settings",
    "InvoiceReminders": "settings",
}
_BROAD = {
    "invoices": "accounting.transactions",
    "payments": "accounting.transactions",
    "banktransactions": "accounting.transactions",
}
PORTAL = "Add it to the app at Xero's developer portal"


def needed(table: str, *, write: bool) -> str:
    """The scope a call on `table` (first part of the path) needs; empty when none is known."""
    area = _AREA.get(table)
    return "" if area is None else f"accounting.{area}{'' if write else '.read'}"


def granted(scope: str, given: Collection[str]) -> bool:
    """Does one of the given scopes allow what `scope` does? Writing includes reading, a broad scope its granular parts."""
    plain = scope.removesuffix(".read")
    broad = _BROAD.get(plain.removeprefix("accounting."))
    allowing = {plain} | ({broad} if broad else set())
    if scope != plain:
        allowing |= {f"{name}.read" for name in tuple(allowing)}
    return bool(allowing & set(given))


def missing(wanted: Iterable[str], given: Collection[str]) -> tuple[str, ...]:
    """The accounting scopes that were asked for and are not given."""
    return tuple(scope for scope in wanted if scope.startswith("accounting.") and not granted(scope, given))


def remedy(scope: str, connection: str, *, custom: bool) -> str:
    """What a person does about a missing scope; refreshing a token never helps."""
    if custom:
        return f"{PORTAL} (custom connection, scopes: {scope}) and have the organisation authorise it again."
    return f"Ask for it in [connections.{connection}] and run `duesync auth {connection}`: scopes are granted by consent only."
