"""What duesync says a client owes is what QuickBooks says, whatever is posted to the receivable account and applied since."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.quickbooks.sandbox_wire import Refusal
from core.books import Account, AccountBooks
from core.money import Money
from core.records import RecordKey, Ref, Role, Stream
from tests.unit.connectors.quickbooks.rig import Rig, records

KINDS = ["invoice", "payment", "credit", "journal-up", "journal-down", "deposit", "apply", "pay-journal", "void", "delete"]
KINDS += ["cheque", "card-credit", "settle-cheque"]
STEP = st.tuples(st.sampled_from(KINDS), st.integers(1, 500), st.integers(0, 20))


def books_of(rig: Rig, customer: str) -> AccountBooks:
    """Everything pulled, as the account of the one client."""
    found = {stream: tuple(records(pages)) for stream, pages in rig.pull_all().items()}
    key = RecordKey("qbo", Stream.PARTIES, Ref(customer))
    names = ("parties", "invoices", "credit_notes", "payments", "deposits", "adjustments", "sales", "refunds")
    parts: dict[str, Any] = {name: found[Stream(name)] for name in names}
    return AccountBooks(account=Account(id="a", name="Client", parties=(key,)), roles={"qbo": Role.BOOKS}, **parts)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, max_size=14))
def test_the_net_balance_is_the_customer_s_own(steps):
    rig = Rig()
    try:
        customer = rig.customer()
        for kind, amount, pick in steps:
            try:
                act(rig, customer, kind, amount, pick)
            except Refusal:
                continue  # QuickBooks would not have it either
        books = books_of(rig, customer)
        assert books.balance("USD").net == books.parties[0].balance
    finally:
        rig.close()


def act(rig: Rig, customer: str, kind: str, amount: int, pick: int) -> None:
    """One thing a bookkeeper does."""
    form = {"CustomerRef": {"value": customer}}
    line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    if kind == "invoice":
        rig.books.create("Invoice", {**form, "Line": [line]})
    elif kind == "credit":
        rig.books.create("CreditMemo", {**form, "Line": [line]})
    elif kind == "payment":
        rig.payment(customer, amount)
    elif kind == "deposit":
        detail = {"AccountRef": {"value": "84"}, "Entity": {"value": customer, "type": "Customer"}}
        direct = {"Amount": amount, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}
        rig.books.create("Deposit", {"DepositToAccountRef": {"value": "35"}, "Line": [direct]})
    elif kind.startswith("journal"):
        sides = ("Debit", "Credit") if kind == "journal-up" else ("Credit", "Debit")
        entity = {"Entity": {"Type": "Customer", "EntityRef": {"value": customer}}}
        details = [("84", sides[0], entity), ("90", sides[1], {})]
        lines = [
            {"Amount": amount, "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}, **more}}
            for account, side, more in details
        ]
        rig.books.create("JournalEntry", {"Line": lines})
    elif kind in ("cheque", "card-credit"):
        detail = {"AccountRef": {"value": "84"}}
        given = {"Amount": amount, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail}
        how = {"PaymentType": "CreditCard", "Credit": True} if kind == "card-credit" else {"PaymentType": "Check"}
        payee = {"EntityRef": {"value": customer, "type": "Customer"}, "AccountRef": {"value": "35"}}
        rig.books.create("Purchase", {**how, **payee, "Line": [given]})
    elif kind == "settle-cheque":
        settle_cheque(rig, form, amount, pick)
    elif kind == "pay-journal":
        charges = [item for item in rig.books.all("JournalEntry") if side_of(item) == "Debit" and left(rig, "JournalEntry", item)]
        if charges:
            entry = charges[pick % len(charges)]
            part = min(Decimal(amount), left(rig, "JournalEntry", entry))
            link = {"Amount": part, "LinkedTxn": [{"TxnId": entry["Id"], "TxnType": "JournalEntry"}]}
            rig.books.create("Payment", {**form, "TotalAmt": amount, "Line": [link]})
    elif kind == "apply":
        apply(rig, customer, amount, pick)
    else:
        undo(rig, kind, pick)


def settle_cheque(rig: Rig, form: dict[str, Any], amount: int, pick: int) -> None:
    """A credit memo is given back by a cheque, the two linked by a payment of nothing."""
    cheques = [item for item in rig.books.all("Purchase") if not item.get("Credit") and left(rig, "Check", item) > 0]
    memos = [item for item in rig.books.all("CreditMemo") if item["RemainingCredit"] > 0]
    if cheques and memos:
        cheque, memo = cheques[pick % len(cheques)], memos[pick % len(memos)]
        part = min(Decimal(amount), left(rig, "Check", cheque), Decimal(memo["RemainingCredit"]))
        links = (("Check", cheque["Id"]), ("CreditMemo", memo["Id"]))
        lines = [{"Amount": part, "LinkedTxn": [{"TxnId": name, "TxnType": of}]} for of, name in links]
        rig.books.create("Payment", {**form, "TotalAmt": 0, "Line": lines})


def apply(rig: Rig, customer: str, amount: int, pick: int) -> None:
    """Carry a credit of some kind to an open invoice, as far as both go, by a payment of nothing."""
    bills = [item for item in rig.books.all("Invoice") if item["Balance"] > 0]
    sources = [("CreditMemo", item["Id"], item["RemainingCredit"]) for item in rig.books.all("CreditMemo")]
    sources += [("Deposit", item["Id"], left(rig, "Deposit", item)) for item in rig.books.all("Deposit")]
    sources += [
        ("JournalEntry", item["Id"], left(rig, "JournalEntry", item))
        for item in rig.books.all("JournalEntry")
        if side_of(item) == "Credit"
    ]
    if not bills or not sources:
        return
    bill, (kind, ref, room) = bills[pick % len(bills)], sources[pick % len(sources)]
    part = min(Decimal(amount), Decimal(bill["Balance"]), Decimal(room))
    if part > 0:
        links = (("Invoice", bill["Id"]), (kind, ref))
        lines = [{"Amount": part, "LinkedTxn": [{"TxnId": name, "TxnType": of}]} for of, name in links]
        rig.books.create("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": 0, "Line": lines})


def side_of(entry: dict[str, Any]) -> str:
    """Whether a journal entry raises (Debit) or lowers (Credit) what the client owes."""
    return str(entry["Line"][0]["JournalEntryLineDetail"]["PostingType"])


def left(rig: Rig, kind: str, item: dict[str, Any]) -> Decimal:
    """What no payment has used yet of a deposit or journal entry."""
    used = sum(
        Decimal(line["Amount"])
        for payment in rig.books.all("Payment")
        for line in payment["Line"]
        if line["LinkedTxn"][0] == {"TxnId": item["Id"], "TxnType": kind}
    )
    return Decimal(item["Line"][0]["Amount"]) - used


def undo(rig: Rig, kind: str, pick: int) -> None:
    """Void or delete something; QuickBooks refuses some of it."""
    entities = ("Invoice", "Payment", "CreditMemo") if kind == "void" else ("Payment", "Invoice")
    entity = entities[pick % len(entities)]
    refs = list(rig.books.objects[entity])
    if refs and (kind, entity) != ("void", "CreditMemo"):
        (rig.void if kind == "void" else rig.delete)(entity, refs[pick % len(refs)])


def test_a_direct_deposit_applied_later_counts_once(rig):
    customer = rig.customer()
    bill = rig.invoice(customer, 100)
    act(rig, customer, "deposit", 100, 0)
    assert books_of(rig, customer).balance("USD").net == Money(0, "USD")
    apply(rig, customer, 100, 0)
    balance = books_of(rig, customer).balance("USD")
    assert rig.books.get("Invoice", bill)["Balance"] == 0
    assert (balance.net, balance.direct_deposits) == (Money(0, "USD"), Money(0, "USD"))
