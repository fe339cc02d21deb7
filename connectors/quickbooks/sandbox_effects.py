"""What one transaction of the sandbox does to the others: balances, links, tokens, and the accounts they post to.

Recorded behaviour: applying a payment moves the invoice's SyncToken and time, and the customer's time without its token; putting
a payment into a deposit changes its LinkedTxn and nothing else. `enter` posts a transaction, `leave` takes exactly that back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.quickbooks.sandbox_wire import Refusal, amount_of, business_error, instant_text, number

Json = dict[str, Any]


def links_of(item: Json) -> Iterator[tuple[Json, str, str]]:
    """Each linked line of a payment or deposit with the type and id it names."""
    for line in item.get("Line", ()):
        for link in line.get("LinkedTxn", ()):
            yield line, str(link.get("TxnType")), str(link.get("TxnId"))


@dataclass(slots=True)
class Effects:
    """Acts on the objects of one company."""

    objects: dict[str, dict[str, Json]]

    # ── asked by the books ──────────────────────────────────────────────────────────────────────────────────────────────
    def payments_of(self, invoice: str) -> list[Json]:
        """Payments that are applied to an invoice."""
        return [
            payment
            for payment in self.objects["Payment"].values()
            if any(kind == "Invoice" and ref == invoice for _, kind, ref in links_of(payment))
        ]

    def refuse_if_deposited(self, entity: str, item: Json) -> None:
        """A payment in a deposit cannot be changed: 6540."""
        if entity == "Payment" and any(link.get("TxnType") == "Deposit" for link in item.get("LinkedTxn", ())):
            raise Refusal("6540", "Deposited Transaction cannot be changed", "Delete or edit the deposit first.")

    def undeposited_funds(self) -> str:
        """The id of the account that holds payments until they are deposited; "4" in a company without a chart of accounts."""
        return self._account_of("AccountSubType", "UndepositedFunds") or "4"

    def _account_of(self, key: str, value: str) -> str | None:
        return next((item["Id"] for item in self.objects["Account"].values() if item.get(key) == value), None)

    # ── posting ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def enter(self, entity: str, item: Json, at: datetime) -> None:
        """Post a transaction that was created or changed."""
        if entity in ("Invoice", "CreditMemo"):
            self._open_form(entity, item, at)
        elif entity == "Payment":
            self._apply(item, at)
        elif entity == "Deposit":
            self._deposit(item, at, sign=1)
        elif entity == "JournalEntry":
            self._journal(item, at, sign=1)
        elif entity == "Purchase":
            self._purchase(item, at, sign=1)

    def leave(self, entity: str, item: Json, at: datetime) -> None:
        """Take back what a transaction posted, before it is changed, voided or deleted."""
        if entity == "Invoice":
            self._owe(item, -amount_of(item.get("Balance")), at)
        elif entity == "CreditMemo":
            self._owe(item, amount_of(item.get("RemainingCredit")), at)
        elif entity == "Payment":
            self._unapply(item, at)
        elif entity == "Deposit":
            self._deposit(item, at, sign=-1)
        elif entity == "JournalEntry":
            self._journal(item, at, sign=-1)
        elif entity == "Purchase":
            self._purchase(item, at, sign=-1)

    def _open_form(self, entity: str, item: Json, at: datetime) -> None:
        """A new or changed invoice or credit memo: what was applied to it stays applied."""
        known = item["Id"] in self.objects[entity]  # nothing can be applied to what is only being created
        applied = sum((amount_of(line["Amount"]) for line in self._lines_to(entity, item["Id"])), Decimal(0)) if known else 0
        left = amount_of(item["TotalAmt"]) - amount_of(item.get("Deposit")) - applied
        item["Balance"] = number(left)
        if entity == "CreditMemo":
            item["RemainingCredit"] = number(left)
        self._owe(item, left if entity == "Invoice" else -left, at)

    def _lines_to(self, entity: str, ref: str) -> Iterator[Json]:
        for payment in self.objects["Payment"].values():
            for line, kind, linked in links_of(payment):
                if (kind, linked) == (entity, ref):
                    yield line

    def _apply(self, item: Json, at: datetime) -> None:
        total, charges, used = amount_of(item["TotalAmt"]), Decimal(0), Decimal(0)
        for line, kind, ref in links_of(item):
            amount = amount_of(line.get("Amount"))
            if self._is_charge(kind, ref):
                charges += amount
            else:
                used += amount
            self._check_line(kind, ref, amount)
        unapplied = total + used - charges
        if unapplied < 0:
            raise business_error("The amount applied is more than the payment and its credits.")
        item["UnappliedAmt"] = number(unapplied)
        for line, kind, ref in links_of(item):
            self._move(kind, ref, amount_of(line["Amount"]), item, at, sign=1)
        self._owe(item, -total, at)
        self._post(str((item.get("DepositToAccountRef") or {}).get("value")), total)

    def _is_charge(self, kind: str, ref: str) -> bool:
        if kind == "JournalEntry":
            return self._journal_owed(self.objects[kind].get(ref, {})) > 0
        return kind in ("Invoice", "Check", "Expense")

    def _check_line(self, kind: str, ref: str, amount: Decimal) -> None:
        if kind not in ("Invoice", "CreditMemo"):
            return
        linked = self.objects[kind].get(ref)
        if linked is None:
            raise Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {kind} {ref} not found")
        if amount > amount_of(linked["Balance"]):
            raise business_error(f"The amount applied to {kind} {ref} is more than its open balance.")

    def _unapply(self, item: Json, at: datetime) -> None:
        for line, kind, ref in links_of(item):
            self._move(kind, ref, amount_of(line["Amount"]), item, at, sign=-1)
        self._owe(item, amount_of(item["TotalAmt"]), at)
        self._post(str((item.get("DepositToAccountRef") or {}).get("value")), -amount_of(item["TotalAmt"]))

    def _move(self, kind: str, ref: str, amount: Decimal, payment: Json, at: datetime, *, sign: int) -> None:
        """Apply (+1) or take back (-1) one line. Only invoices show the link; both move in token or time."""
        linked = self.objects.get(kind, {}).get(ref)
        if linked is None or kind not in ("Invoice", "CreditMemo"):
            return
        left = number(amount_of(linked["Balance"]) - sign * amount)
        linked["Balance"] = left
        linked["MetaData"] = {**linked["MetaData"], "LastUpdatedTime": instant_text(at)}
        if kind == "CreditMemo":
            linked["RemainingCredit"] = left
            return
        linked["SyncToken"] = str(int(linked["SyncToken"]) + 1)
        others = [link for link in linked["LinkedTxn"] if (link["TxnType"], link["TxnId"]) != ("Payment", payment["Id"])]
        linked["LinkedTxn"] = [*others, {"TxnId": payment["Id"], "TxnType": "Payment"}] if sign > 0 else others

    def unlink_invoice(self, invoice: Json, at: datetime) -> None:
        """Voiding a paid invoice frees its payments: their lines go, their money becomes unapplied (Intuit's guide)."""
        for payment in self.payments_of(invoice["Id"]):
            freed = Decimal(0)
            kept = []
            for line in payment["Line"]:
                ours = any(link.get("TxnType") == "Invoice" and link.get("TxnId") == invoice["Id"] for link in line["LinkedTxn"])
                freed += amount_of(line["Amount"]) if ours else Decimal(0)
                kept += [] if ours else [line]
            payment["Line"] = kept
            payment["UnappliedAmt"] = number(amount_of(payment["UnappliedAmt"]) + freed)
            payment["SyncToken"] = str(int(payment["SyncToken"]) + 1)
            payment["MetaData"] = {**payment["MetaData"], "LastUpdatedTime": instant_text(at)}
            invoice["Balance"] = number(amount_of(invoice["Balance"]) + freed)
            self._owe(invoice, freed, at)
            self._owe(payment, -freed, at)

    def _deposit(self, item: Json, at: datetime, *, sign: int) -> None:
        for line, kind, ref in links_of(item):
            self._bank(line, kind, ref, item, sign=sign)
        for line in item.get("Line", ()):
            detail = line.get("DepositLineDetail", {})
            account = str((detail.get("AccountRef") or {}).get("value"))
            if account == self._account_of("AccountType", "Accounts Receivable"):
                self._owe({"CustomerRef": detail.get("Entity")}, -sign * amount_of(line.get("Amount")), at)

    def _bank(self, line: Json, kind: str, ref: str, deposit: Json, *, sign: int) -> None:
        payment = self.objects.get(kind, {}).get(ref)
        if payment is None:
            raise Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {kind} {ref} not found")
        others = [link for link in payment.get("LinkedTxn", ()) if link.get("TxnType") != "Deposit"]
        payment["LinkedTxn"] = [*others, {"TxnId": deposit["Id"], "TxnType": "Deposit"}] if sign > 0 else others
        if not payment["LinkedTxn"]:
            del payment["LinkedTxn"]
        self._post(self.undeposited_funds(), -sign * amount_of(line.get("Amount")))

    def _journal(self, item: Json, at: datetime, *, sign: int) -> None:
        for customer, amount in self._receivable_lines(item):
            self._owe({"CustomerRef": {"value": customer}}, sign * amount, at)

    def _purchase(self, item: Json, at: datetime, *, sign: int) -> None:
        """A cheque or expense on the receivable account gives money back: its customer owes more; after a card credit less."""
        receivable = self._account_of("AccountType", "Accounts Receivable")
        side = -sign if item.get("Credit") is True else sign
        for line in item.get("Line", ()):
            detail = line.get("AccountBasedExpenseLineDetail", {})
            if str((detail.get("AccountRef") or {}).get("value")) == receivable:
                customer = detail.get("CustomerRef") or item.get("EntityRef")
                self._owe({"CustomerRef": customer}, side * amount_of(line.get("Amount")), at)

    def _journal_owed(self, item: Json) -> Decimal:
        return sum((amount for _, amount in self._receivable_lines(item)), Decimal(0))

    def _receivable_lines(self, item: Json) -> Iterator[tuple[str, Decimal]]:
        receivable = self._account_of("AccountType", "Accounts Receivable")
        for line in item.get("Line", ()):
            detail = line.get("JournalEntryLineDetail", {})
            if str((detail.get("AccountRef") or {}).get("value")) != receivable:
                continue
            amount = amount_of(line.get("Amount"))
            customer = str(((detail.get("Entity") or {}).get("EntityRef") or {}).get("value"))
            yield customer, amount if detail.get("PostingType") == "Debit" else -amount

    # ── balances ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _owe(self, item: Json, amount: Decimal, at: datetime) -> None:
        """Add to what a customer owes: its own balance, those of its parents with jobs, and the receivable account."""
        receivable = self._account_of("AccountType", "Accounts Receivable")
        if receivable is not None:
            self._post(receivable, amount)
        ref = str((item.get("CustomerRef") or {}).get("value"))
        customer, own = self.objects["Customer"].get(ref), True
        while customer is not None:
            if own:
                customer["Balance"] = number(amount_of(customer.get("Balance")) + amount)
            customer["BalanceWithJobs"] = number(amount_of(customer.get("BalanceWithJobs")) + amount)
            customer["MetaData"] = {**customer["MetaData"], "LastUpdatedTime": instant_text(at)}
            customer, own = self.objects["Customer"].get(str((customer.get("ParentRef") or {}).get("value"))), False

    def _post(self, account: str, amount: Decimal) -> None:
        found = self.objects["Account"].get(account)
        if found is not None:
            found["CurrentBalance"] = number(amount_of(found.get("CurrentBalance")) + amount)
