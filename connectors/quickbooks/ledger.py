"""The chart of accounts and what is posted straight to it: deposits and journal entries. Also what every object has in common.

Decides which side of the books a line went to. Pure; sources: Intuit's API reference, Account, Deposit and JournalEntry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.quickbooks.reading import Row, Unreadable
from core.money import Money, MoneyError, check_currency
from core.records import Adjustment, Deposit, DepositLine, Posting, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAccount:
    """A row of the chart of accounts, as far as it decides where a deposit line went."""

    ref: str
    name: str
    posting: Posting
    bank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What the mapping must know beside the row itself. `currency` stands in where a row names none."""

    connection: str
    currency: str
    accounts: Mapping[str, LedgerAccount] = field(default_factory=dict)


def currency_of(row: Row, company: Company) -> str:
    """The ISO code of the row's currency, or the company's where it names none (companies with one currency may omit it)."""
    code = row.find_ref("CurrencyRef")
    if code is None:
        return company.currency
    try:
        return check_currency(code)
    except MoneyError as error:
        raise row.fail("CurrencyRef.value", str(error)) from error


def changed_at(row: Row) -> datetime | None:
    """When QuickBooks last touched the object; moves also where its SyncToken does not (a customer's balance)."""
    meta = row.find_row("MetaData")
    return meta.find_instant("LastUpdatedTime") if meta else None


def version_of(row: Row) -> str | None:
    """SyncToken and the time of the last change, and the deposit a payment is in: depositing moves neither of the two."""
    token, at = row.find_text("SyncToken"), changed_at(row)
    deposits = [link.find_text("TxnId") or "" for link in row.rows("LinkedTxn") if link.find_text("TxnType") == "Deposit"]
    parts = (token or "", f"{at.timestamp():.0f}" if at else "", *deposits)
    return "@".join(parts) if any(parts) else None


def is_gone(row: Row) -> bool:
    """Is this the stub QuickBooks leaves of a deleted object? The word's case differs between answers."""
    return str(row.data.get("status")).lower() == "deleted"


def ref_of(row: Row) -> str:
    """The object's id, empty where even that cannot be read."""
    value = row.data.get("Id")
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def is_void(row: Row, total: Money) -> bool:
    """Voiding leaves no flag: the amounts become 0 and "Voided" is put before the private note (API reference, Invoice, void)."""
    return not total and (row.find_text("PrivateNote") or "").lower().startswith("voided")


def deposit(row: Row, company: Company) -> Deposit:
    """Money put in the bank. A line with a link moves a recorded payment; any other was posted directly to its account."""
    currency = currency_of(row, company)
    return Deposit(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        amount=row.amount("TotalAmt", currency),
        deposited_on=row.day("TxnDate"),
        lines=tuple(_deposit_line(line, company, currency) for line in row.rows("Line")),
        memo=row.find_text("PrivateNote"),
    )


def _deposit_line(line: Row, company: Company, currency: str) -> DepositLine:
    amount = line.amount("Amount", currency)
    memo = line.find_text("Description")
    for link in line.rows("LinkedTxn"):
        kind, ref = link.text("TxnType"), link.text("TxnId")
        payment_ref = Ref(ref) if kind == "Payment" else None
        return DepositLine(amount=amount, posting=Posting.UNDEPOSITED, posted_to=kind, payment_ref=payment_ref, memo=memo)
    detail = line.find_row("DepositLineDetail")
    if detail is None:
        raise line.fail("DepositLineDetail", "is missing, and so is LinkedTxn: nobody can say where the money went")
    account = company.accounts.get(detail.ref("AccountRef"))
    return DepositLine(
        amount=amount,
        posting=account.posting if account else Posting.OTHER,
        posted_to=account.name if account else detail.find_in("AccountRef", "name"),
        party_ref=_customer(detail.find_row("Entity")),
        memo=memo,
    )


def _customer(entity: Row | None) -> Ref | None:
    """The customer a deposit or journal line names. Deposits write {value, type}, journals {Type, EntityRef{value}}."""
    if entity is None:
        return None
    kind = entity.find_text("type") or entity.find_text("Type") or "Customer"
    ref = entity.find_text("value") or entity.find_ref("EntityRef")
    return Ref(ref) if ref and kind.lower() in ("customer", "job") else None


def adjustments(row: Row, company: Company) -> tuple[Adjustment, ...]:
    """The lines of a journal entry on the receivable account, summed per customer: debits raise what is owed, credits lower it.

    The first customer's adjustment carries the entry's own id as ref, the second "id:2" and so on. `remaining` is the full
    amount; `with_remaining` takes off what payments used.
    """
    currency = currency_of(row, company)
    sums: dict[Ref | None, Money] = {}
    notes: dict[Ref | None, str] = {}
    for line in row.rows("Line"):
        detail = line.find_row("JournalEntryLineDetail")
        if detail is None or not _on_receivable(detail, company):
            continue
        customer = _customer(detail.find_row("Entity"))
        sums[customer] = sums.get(customer, Money.zero(currency)) + _signed(line, detail, currency)
        notes.setdefault(customer, line.find_text("Description") or "")
    return _summed(row, company, row.text("Id"), sums, notes)


def purchases(row: Row, company: Company) -> tuple[Adjustment, ...]:
    """The lines of a cheque, expense or card credit on the receivable account: money given back raises what is owed.

    A card credit (`Credit` true) turns the sign. The customer is the line's, or the payee where that is a customer. QuickBooks
    calls all of them Purchase, whose ids are not those of journal entries: the ref says which it is. Source: Intuit's API
    reference, Purchase; "Manage linked transactions" (a credit is refunded by such a cheque, linked by a payment).
    """
    currency = currency_of(row, company)
    payee = _customer(row.find_row("EntityRef"))
    sums: dict[Ref | None, Money] = {}
    notes: dict[Ref | None, str] = {}
    for line in row.rows("Line"):
        detail = line.find_row("AccountBasedExpenseLineDetail")
        if detail is None or not _on_receivable(detail, company):
            continue
        named = detail.find_ref("CustomerRef")
        customer = Ref(named) if named else payee
        amount = line.amount("Amount", currency)
        sums[customer] = sums.get(customer, Money.zero(currency)) + (-amount if row.find_flag("Credit") else amount)
        notes.setdefault(customer, line.find_text("Description") or "refund or expense on receivables")
    return _summed(row, company, purchase_ref(row.text("Id")), sums, notes)


def _summed(
    row: Row, company: Company, entry: str, sums: Mapping[Ref | None, Money], notes: Mapping[Ref | None, str]
) -> tuple[Adjustment, ...]:
    found = [customer for customer, amount in sums.items() if amount]
    return tuple(
        Adjustment(
            connection=company.connection,
            ref=place_of(entry, index + 1),
            version=version_of(row),
            updated_at=changed_at(row),
            party_ref=customer,
            amount=sums[customer],
            remaining=sums[customer],
            adjusted_on=row.day("TxnDate"),
            number=row.find_text("DocNumber"),
            memo=row.find_text("PrivateNote") or notes[customer] or None,
            reason=notes[customer] or None,
        )
        for index, customer in enumerate(found)
    )


def _on_receivable(detail: Row, company: Company) -> bool:
    account = company.accounts.get(detail.find_ref("AccountRef") or "")
    return account is not None and account.posting is Posting.RECEIVABLE


def _signed(line: Row, detail: Row, currency: str) -> Money:
    side = (detail.find_text("PostingType") or "").lower()
    if side not in ("debit", "credit"):
        raise detail.fail("PostingType", f"{detail.find_text('PostingType')!r} is neither Debit nor Credit")
    amount = line.amount("Amount", currency)
    return amount if side == "debit" else -amount


def account(row: Row) -> LedgerAccount:
    """A row of the chart of accounts. Unknown account types post to OTHER: they are neither receivable nor income."""
    kind, subtype = row.text("AccountType"), row.find_text("AccountSubType")
    posting = {"Accounts Receivable": Posting.RECEIVABLE, "Income": Posting.INCOME, "Other Income": Posting.INCOME}.get(kind)
    if posting is None:
        posting = Posting.UNDEPOSITED if subtype == "UndepositedFunds" else Posting.OTHER
    return LedgerAccount(ref=row.text("Id"), name=row.text("Name"), posting=posting, bank=kind == "Bank")


_PURCHASE = "purchase-"


def purchase_ref(ref: str) -> str:
    """What a Purchase is called among adjustments."""
    return f"{_PURCHASE}{ref}"


def purchase_id(entry: str) -> str | None:
    """The id of the Purchase behind an adjustment's entry; None for a journal entry."""
    return entry.removeprefix(_PURCHASE) if entry.startswith(_PURCHASE) else None


def place_of(entry: str, place: int) -> Ref:
    """The ref of an entry's n-th adjustment."""
    return Ref(entry if place == 1 else f"{entry}:{place}")


def find_account(row: Row) -> LedgerAccount | None:
    """The account, None where the row cannot be read: lines on it then post to OTHER."""
    try:
        return account(row)
    except Unreadable:
        return None
