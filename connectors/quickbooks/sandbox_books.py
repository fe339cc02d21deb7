"""The sandbox's company: its objects, their numbers and tokens, and what happens when one is created, changed, voided or deleted.

Sources: Intuit's API reference per entity, "Minor versions" and "Manage linked transactions"; error codes from Intuit's list.
Amounts are Decimal. What a change does to other objects (invoices, balances, deposits) is in sandbox_effects.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.quickbooks.sandbox_effects import Effects
from connectors.quickbooks.sandbox_wire import PACIFIC, Refusal, amount_of, business_error, instant_text, number
from core.clock import Clock

Json = dict[str, Any]
NAMED = frozenset({"Customer", "Vendor", "Account", "Item", "Term", "PaymentMethod", "Class", "Department", "Employee"})
TRANSACTIONS = frozenset(
    {
        "Invoice",
        "Payment",
        "CreditMemo",
        "Deposit",
        "JournalEntry",
        "SalesReceipt",
        "RefundReceipt",
        "Estimate",
        "Bill",
        "BillPayment",
        "Purchase",
        "PurchaseOrder",
        "Transfer",
        "VendorCredit",
        "TimeActivity",
    }
)
ENTITIES = NAMED | TRANSACTIONS | {"Attachable", "CompanyInfo", "Preferences"}
_BY_LOWER = {name.lower(): name for name in ENTITIES}
# Sent back by clients that save whole objects, but decided by QuickBooks alone (API reference, "read only").
_READ_ONLY = frozenset(
    {
        "Balance",
        "BalanceWithJobs",
        "DeliveryInfo",
        "HomeBalance",
        "HomeTotalAmt",
        "InvoiceLink",
        "LinkedTxn",
        "MetaData",
        "RemainingCredit",
        "SyncToken",
        "UnappliedAmt",
        "domain",
        "sparse",
        "status",
    }
)
_SALES = frozenset({"Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt", "Estimate"})
_LIMITS = {"DocNumber": 21, "PrivateNote": 4000, "PaymentRefNum": 21, "DisplayName": 500, "Note": 2000}


@dataclass(frozen=True, slots=True)
class Change:
    """What the webhook service would hear of."""

    entity: str
    ref: str
    operation: str
    at: datetime


@dataclass(slots=True)
class SandboxBooks:
    """One company. `home` is its currency; `custom_numbers` is the preference that turns automatic numbers off."""

    clock: Clock
    home: str = "USD"
    custom_numbers: bool = False
    refuse_void_of_paid: bool = False
    lacking: set[str] = field(default_factory=set)  # entities the company's plan does not have: 5030
    objects: dict[str, dict[str, Json]] = field(default_factory=lambda: {name: {} for name in ENTITIES})
    deleted: list[tuple[str, str, datetime]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    next_document: int = 1001
    _last_ids: dict[str, int] = field(default_factory=dict)
    effects: Effects = field(init=False)

    def __post_init__(self) -> None:
        self.effects = Effects(self.objects)

    # ── looking up ──────────────────────────────────────────────────────────────────────────────────────────────────────
    @staticmethod
    def entity_named(name: str) -> str:
        """The entity's own spelling; Refusal when there is none of that name."""
        found = _BY_LOWER.get(name.lower())
        if found is None:
            raise Refusal("4001", "Invalid query", f"QueryValidationError: unknown entity '{name}'")
        return found

    def refuse_if_lacking(self, entity: str) -> None:
        """5030 for an entity that needs another plan."""
        if entity in self.lacking:
            raise Refusal("5030", "Feature Not Supported Error", f"The {entity} feature is not supported by this company's plan.")

    def get(self, entity: str, ref: str) -> Json:
        """The object, or Refusal 610."""
        found = self.objects[entity].get(ref)
        if found is None:
            detail = "Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts, "
            raise Refusal("610", "Object Not Found", detail + "customers, items, vendors or employees.")
        return found

    def all(self, entity: str) -> Iterator[Json]:
        """Every object of an entity."""
        yield from self.objects[entity].values()

    def _next_id(self, entity: str) -> str:
        """Transactions share one sequence, each list of names has its own."""
        sequence = "transactions" if entity in TRANSACTIONS else entity
        if sequence not in self._last_ids:
            names = TRANSACTIONS if entity in TRANSACTIONS else (entity,)
            self._last_ids[sequence] = max((int(ref) for name in names for ref in self.objects[name]), default=0)
        self._last_ids[sequence] += 1
        return str(self._last_ids[sequence])

    def forget_numbers(self) -> None:
        """Find the next free ids anew, after objects were put in from outside."""
        self._last_ids.clear()

    def note(self, entity: str, ref: str, operation: str, at: datetime) -> None:
        """Let the webhook service hear of a change."""
        self.changes.append(Change(entity, ref, operation, at))

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def create(self, entity: str, body: Mapping[str, Any], *, at: datetime | None = None, ref: str | None = None) -> Json:
        """A new object as QuickBooks would complete it; `at` and `ref` let a seed choose its past and its id."""
        at = at or self.clock.now()
        fields = _writable(body)
        _check_lengths(fields)
        item: Json = {**_blank(entity), **fields, "domain": "QBO", "sparse": False}
        item["Id"] = ref or self._next_id(entity)
        item["SyncToken"] = "0"
        item["MetaData"] = {"CreateTime": instant_text(at), "LastUpdatedTime": instant_text(at)}
        self._complete(entity, item, at)
        self.effects.enter(entity, item, at)
        self.objects[entity][item["Id"]] = item
        self.note(entity, item["Id"], "Create", at)
        return item

    def update(self, entity: str, body: Mapping[str, Any]) -> Json:
        """A full update (what is omitted is cleared) or a sparse one; lists are replaced whole in both."""
        at = self.clock.now()
        old = self._current(entity, body)
        fields = _writable(body)
        _check_lengths(fields)
        kept = old if body.get("sparse") in (True, "true") else {key: old[key] for key in old if key in _keeps(entity)}
        item: Json = {**copy.deepcopy(kept), **fields, "domain": "QBO", "sparse": False}
        if entity in TRANSACTIONS and _touches_money(old, item):
            self.effects.refuse_if_deposited(entity, old)
            self.effects.leave(entity, old, at)
            self._complete(entity, item, at)
            self.effects.enter(entity, item, at)
        elif entity == "Customer":
            self._rename(old, item)
        self._stored(entity, item, old, at)
        return item

    def _stored(self, entity: str, item: Json, old: Json, at: datetime, operation: str = "Update") -> None:
        item["Id"] = old["Id"]
        item["SyncToken"] = str(int(self.objects[entity][old["Id"]]["SyncToken"]) + 1)
        item["MetaData"] = {**old["MetaData"], "LastUpdatedTime": instant_text(at)}
        self.objects[entity][old["Id"]] = item
        self.note(entity, old["Id"], operation, at)

    def _current(self, entity: str, body: Mapping[str, Any]) -> Json:
        """The object a write names, if the writer has seen its latest version; else Refusal 5010."""
        old = self.get(entity, str(body.get("Id") or ""))
        if str(body.get("SyncToken")) != old["SyncToken"]:
            detail = "Stale Object Error : You and root were working on this at the same time. root finished before you did, so"
            raise Refusal("5010", "Stale Object Error", f"{detail} your work was not saved.")
        return old

    def delete(self, entity: str, body: Mapping[str, Any]) -> Json:
        """Transactions vanish; lists of names can only be made inactive (Active false)."""
        if entity in NAMED:
            raise Refusal("500", "Unsupported Operation", "Operation delete is not supported.")
        old, at = self._current(entity, body), self.clock.now()
        self.effects.refuse_if_deposited(entity, old)
        if entity == "Invoice" and self.effects.payments_of(old["Id"]):
            raise business_error("Unlink payments first.")
        self.effects.leave(entity, old, at)
        del self.objects[entity][old["Id"]]
        self.deleted.append((entity, old["Id"], at))
        self.note(entity, old["Id"], "Delete", at)
        return {"status": "Deleted", "domain": "QBO", "Id": old["Id"]}

    def void(self, entity: str, body: Mapping[str, Any]) -> Json:
        """Amounts go to zero, links go, "Voided" is put before the private note; there is no flag."""
        if entity not in ("Invoice", "Payment", "SalesReceipt", "CreditMemo", "RefundReceipt"):
            raise Refusal("500", "Unsupported Operation", "Operation void is not supported.")
        old, at = self._current(entity, body), self.clock.now()
        self.effects.refuse_if_deposited(entity, old)
        if entity == "Invoice" and self.refuse_void_of_paid and self.effects.payments_of(old["Id"]):
            detail = "QuickBooks will not void an invoice that has a payment applied."
            raise business_error(detail)
        item = copy.deepcopy(old)
        if entity == "Invoice":
            self.effects.unlink_invoice(old, at)
        self.effects.leave(entity, old, at)
        _zero(entity, item)
        self._stored(entity, item, old, at, operation="Void")
        return item

    def touch(self, entity: str, ref: str, **changes: Any) -> Json:
        """A person edits an object in the browser: its token and time move, whatever `changes` says is set."""
        return self.update(entity, {"Id": ref, "SyncToken": self.get(entity, ref)["SyncToken"], "sparse": True, **changes})

    # ── completing what a client left out ───────────────────────────────────────────────────────────────────────────────
    def _complete(self, entity: str, item: Json, at: datetime) -> None:
        if entity == "Customer":
            self._complete_customer(item)
        elif entity in TRANSACTIONS:
            self._complete_transaction(entity, item, at)
        elif entity == "Attachable":
            self._complete_attachment(item)

    def _complete_attachment(self, item: Json) -> None:
        if not item.get("Note") and not item.get("FileName"):
            raise business_error("An attachment needs a note or a file.")
        for link in item.get("AttachableRef", ()):
            target = link.get("EntityRef", {})
            if str(target.get("value")) not in self.objects[self.entity_named(str(target.get("type")))]:
                raise Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {target.get('value')} not found")

    def _complete_customer(self, item: Json) -> None:
        name = item.get("DisplayName") or " ".join(filter(None, (item.get("GivenName"), item.get("FamilyName"))))
        if not name:
            raise _required("DisplayName")
        item["DisplayName"] = name
        self._refuse_taken_name(name)
        parent = self.objects["Customer"].get(str((item.get("ParentRef") or {}).get("value")))
        item["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{name}" if parent else name
        if parent:
            item.update(Job=True, Level=int(parent.get("Level", 0)) + 1)
        item.setdefault("PrintOnCheckName", name)
        item.setdefault("CurrencyRef", {"value": self.home})

    def _refuse_taken_name(self, name: str, *, but: str | None = None) -> None:
        taken = {item["DisplayName"].lower() for item in self.all("Customer") if item["Id"] != but}
        if name.lower() in taken:
            detail = "The name supplied already exists. : Another customer, vendor or employee is already using this \nname."
            raise Refusal("6240", "Duplicate Name Exists Error", detail + " Please use a different name.")

    def _rename(self, old: Json, item: Json) -> None:
        """Deactivating puts " (deleted)" behind the name; a new name must be free."""
        mark = " (deleted)"
        name = str(item.get("DisplayName", "")).removesuffix(mark)
        self._refuse_taken_name(name, but=old["Id"])
        item["DisplayName"] = name if item.get("Active", True) else name + mark
        parent = old["FullyQualifiedName"].rpartition(":")[0]
        item["FullyQualifiedName"] = f"{parent}:{item['DisplayName']}" if parent else item["DisplayName"]

    def _complete_transaction(self, entity: str, item: Json, at: datetime) -> None:
        item.setdefault("TxnDate", at.astimezone(PACIFIC).date().isoformat())
        customer = self._customer(entity, item)
        item.setdefault("CurrencyRef", (customer or {}).get("CurrencyRef") or {"value": self.home})
        for index, line in enumerate(item.get("Line", ())):
            line.setdefault("Id", str(index if entity == "JournalEntry" else index + 1)) if "DetailType" in line else None
        if entity in _SALES:
            self._complete_sales_form(entity, item)
        elif entity == "Payment":
            item.setdefault("DepositToAccountRef", {"value": self.effects.undeposited_funds()})
            item["TotalAmt"] = number(amount_of(item.get("TotalAmt")))
        elif entity == "Purchase" and not (item.get("PaymentType") and item.get("AccountRef")):
            raise _required("PaymentType" if item.get("AccountRef") else "AccountRef")
        elif entity in ("Deposit", "Purchase"):
            item["TotalAmt"] = number(sum((amount_of(line.get("Amount")) for line in item.get("Line", ())), Decimal(0)))
        elif entity == "JournalEntry":
            self._check_balanced(item)

    def _customer(self, entity: str, item: Json) -> Json | None:
        ref = (item.get("CustomerRef") or {}).get("value")
        if ref is None:
            if entity in ("Invoice", "Payment", "CreditMemo"):
                raise _required("CustomerRef")
            return None
        customer = self.objects["Customer"].get(str(ref))
        if customer is None:
            raise Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : Names element id {ref} not found")
        if not customer.get("Active", True):
            raise Refusal("610", "Object Not Found", "Object Not Found : Something you're trying to use has been made inactive.")
        item["CustomerRef"] = {"value": customer["Id"], "name": customer["DisplayName"]}
        return customer

    def _complete_sales_form(self, entity: str, item: Json) -> None:
        lines = [line for line in item.get("Line", ()) if line.get("DetailType") != "SubTotalLineDetail"]
        if not lines:
            raise _required("Line")
        subtotal = sum((_line_amount(line) for line in lines), Decimal(0))
        item["Line"] = [*lines, {"Amount": number(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}]
        tax = item.setdefault("TxnTaxDetail", {"TotalTax": 0})
        item["TotalAmt"] = number(subtotal + amount_of(tax.get("TotalTax")))
        if not item.get("DocNumber") and not self.custom_numbers:
            item["DocNumber"] = str(self.next_document)
        if str(item.get("DocNumber", "")).isdigit():
            self.next_document = max(self.next_document, int(item["DocNumber"]) + 1)
        if entity == "Invoice":
            item.setdefault("DueDate", self._due(item))

    def _due(self, item: Json) -> str:
        term = self.objects["Term"].get(str((item.get("SalesTermRef") or {}).get("value")), {"DueDays": 30})
        return (date.fromisoformat(item["TxnDate"]) + timedelta(days=int(term.get("DueDays", 30)))).isoformat()

    @staticmethod
    def _check_balanced(item: Json) -> None:
        sides = {"Debit": Decimal(0), "Credit": Decimal(0)}
        for line in item.get("Line", ()):
            side = line.get("JournalEntryLineDetail", {}).get("PostingType")
            if side not in sides:
                raise _required("PostingType")
            sides[side] += amount_of(line.get("Amount"))
        if sides["Debit"] != sides["Credit"]:
            raise business_error("Debits are not credits.")
        item["TotalAmt"] = 0


def _required(name: str) -> Refusal:
    return Refusal(
        "2020", "Required param missing, need to supply the required value for the API", f"Required parameter {name} is missing"
    )


def _writable(body: Mapping[str, Any]) -> Json:
    """What a client may set. Clients that know every field send empty ones along; those count as absent."""
    return {key: copy.deepcopy(value) for key, value in body.items() if key not in _READ_ONLY and value not in ("", None, {})} | {
        key: "" for key, value in body.items() if key in ("PrivateNote", "Notes") and value == "" and body.get("sparse") is True
    }


def _check_lengths(fields: Mapping[str, Any]) -> None:
    for name, most in _LIMITS.items():
        if len(str(fields.get(name) or "")) > most:
            raise Refusal(
                "2050", "String length is either shorter or longer than supported by specification", f"{name}: max {most}"
            )


def _blank(entity: str) -> Json:
    """Fields QuickBooks always shows on a new object, as recorded."""
    form: Json = {"CustomField": [], "ApplyTaxAfterDiscount": False, "PrintStatus": "NeedToPrint", "EmailStatus": "NotSet"}
    online = {"AllowIPNPayment": False, "AllowOnlinePayment": False}
    blanks: dict[str, Json] = {
        "Customer": {"Taxable": False, "Job": False, "BillWithParent": False, "Balance": 0, "BalanceWithJobs": 0, "Active": True}
        | {"PreferredDeliveryMethod": "None", "IsProject": False},
        "Invoice": online | {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False, "LinkedTxn": []} | form,
        "CreditMemo": form,
        "SalesReceipt": form | {"Balance": 0},
        "RefundReceipt": form | {"Balance": 0},
        "Payment": {"ProcessPayment": False, "Line": []},
        "Deposit": {"TxnTaxDetail": {}},
        "JournalEntry": {"Adjustment": False, "TxnTaxDetail": {}},
    }
    return copy.deepcopy(blanks.get(entity, {"Active": True} if entity in NAMED else {}))


def _keeps(entity: str) -> frozenset[str]:
    """What a full update leaves alone: what QuickBooks decides, and what it sets when a client says nothing."""
    own = {"Customer": {"FullyQualifiedName", "Active", "Job", "Level", "CurrencyRef", "DisplayName"}, "Payment": {"LinkedTxn"}}
    return _READ_ONLY | {"Id", "TotalAmt", "DocNumber", "CurrencyRef", *_blank(entity), *own.get(entity, set())}


def _touches_money(old: Json, new: Json) -> bool:
    return any(old.get(key) != new.get(key) for key in ("Line", "TotalAmt", "CustomerRef", "TxnTaxDetail", "Deposit"))


def _line_amount(line: Json) -> Decimal:
    amount = amount_of(line.get("Amount"))
    return -amount if line.get("DetailType") == "DiscountLineDetail" else amount


def _zero(entity: str, item: Json) -> None:
    for line in item.get("Line", ()):
        line["Amount"] = 0
        detail = line.get("SalesItemLineDetail")
        if isinstance(detail, dict):
            detail.pop("UnitPrice", None)
            detail["Qty"] = 0
    item.update(TotalAmt=0, PrivateNote=f"Voided - {note}" if (note := item.get("PrivateNote")) else "Voided")
    zeroed = {"Invoice": ("Balance",), "CreditMemo": ("Balance", "RemainingCredit"), "Payment": ("UnappliedAmt",)}
    item.update(dict.fromkeys(zeroed.get(entity, ()), 0))
    if entity == "Payment":
        item["Line"] = []
    if entity == "Invoice":
        item["LinkedTxn"] = []
        item["TxnTaxDetail"] = {"TotalTax": 0}
