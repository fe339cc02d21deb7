"""Setting one field of a record if a person has not changed it meanwhile: company status, custom fields, a missing payment.

`SetField.field` is "status" (of a company, by the status's name), "custom:CAPTION" (of a company, ticket or invoice) or "payment"
(of an invoice: value "2026-05-01 100.00", expected its balance before). What the record has is compared with `expected` first,
what it has afterwards with `value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.connectwise import rows
from connectors.connectwise.api import Api
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.streams import INVOICES, PATHS
from connectors.connectwise.tables import COMPANY_STATUSES, Tables
from core.actions import Receipt, SetField
from core.errors import Conflict, NotFound, OutcomeUnknown, Rejected
from core.ports import ConnectionContext
from core.records import Stream

CUSTOM = "custom:"
PAYMENT = "payment"
STATUS = "status"
_CUSTOM_STREAMS = (Stream.PARTIES, Stream.TICKETS, Stream.INVOICES)
_PACKAGE = "/finance/accountingPackageSetup"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A payment to record, as the action's value says it: a day and an amount."""

    on: date
    amount: Decimal


class FieldWriter:
    """Writes fields of one connection."""

    def __init__(self, api: Api, tables: Tables, context: ConnectionContext) -> None:
        settings: ConnectwiseSettings = context.settings
        self._api = api
        self._tables = tables
        self._connection = context.name
        self._zone = context.timezone
        self._payment_type = settings.push.payment_type

    def switch(self, action: SetField) -> str | None:
        """Which switch allows it; None when there is no such field to set."""
        if action.field == STATUS and action.stream is Stream.PARTIES:
            return "company_status"
        if action.field.startswith(CUSTOM) and action.stream in _CUSTOM_STREAMS:
            return "custom_field"
        return "payment" if action.field == PAYMENT and action.stream is Stream.INVOICES else None

    def find(self, action: SetField) -> Receipt | None:
        """The receipt when the record has the value already; None when it has another. A gone record has none."""
        try:
            if action.field == PAYMENT:
                return self._find_payment(action)
            now = self._value(action, self._get(action))
        except NotFound:
            return None
        return self._receipt(action, found=True) if _same(now, action.value) else None

    def write(self, action: SetField) -> Receipt:
        """Set it if it is still as expected, then read back. Conflict when it is not, or when the write did not take."""
        if action.field == PAYMENT:
            return self._pay(action)
        row = self._get(action)
        now = self._value(action, row)
        if not _same(now, action.expected):
            raise self._conflict(action, f"is {now!r} and not {action.expected!r}; somebody changed it")
        self._api.call("PATCH", self._path(action), json=[self._operation(action, row)], idempotent=False)
        after = self._get(action)
        if not _same(self._value(action, after), action.value):
            raise self._conflict(action, "did not take the new value, although ConnectWise said yes")
        self._check_neighbours(action, row, after)
        return self._receipt(action, found=False)

    # ── status and custom fields ────────────────────────────────────────────────────────────────────────────────────────
    def _path(self, action: SetField) -> str:
        if not (action.ref.isascii() and action.ref.isdigit()):
            raise NotFound(f"{self._connection}: {action.ref!r} is no record of ConnectWise.", connection=self._connection)
        return f"{PATHS[action.stream]}/{action.ref}"

    def _get(self, action: SetField) -> dict[str, Any]:
        row = self._api.find(self._path(action))
        if row is None or row.get("deletedFlag") is True:
            raise NotFound(f"{self._connection}: {action.stream}/{action.ref} is gone.", connection=self._connection)
        return row

    def _value(self, action: SetField, row: Mapping[str, Any]) -> str | None:
        if action.field == STATUS:
            return rows.text(row, "status.name")
        value = self._custom(action, row).get("value")
        return None if value is None else _plain(value)

    def _custom(self, action: SetField, row: Mapping[str, Any]) -> Mapping[str, Any]:
        caption = action.field.removeprefix(CUSTOM).strip().lower()
        for item in row.get("customFields") or ():
            if isinstance(item, Mapping) and str(item.get("caption", "")).strip().lower() == caption:
                return item
        raise Rejected(
            f'{self._connection}: {action.stream}/{action.ref} has no custom field "{action.field.removeprefix(CUSTOM)}".',
            connection=self._connection,
            remedy="Create it in System > Setup Tables > Custom Fields, or correct its caption.",
        )

    def _operation(self, action: SetField, row: Mapping[str, Any]) -> dict[str, Any]:
        """One whole reference, or the whole array with one value changed (guide: "you must pass the entire array")."""
        if action.field == STATUS:
            return {"op": "replace", "path": "status", "value": {"id": self._status(action.value)}}
        target = self._custom(action, row)
        value = _typed(action.value, str(target.get("type")))
        array = [{**item, "value": value} if item is target else item for item in row.get("customFields") or ()]
        return {"op": "replace", "path": "customFields", "value": array}

    def _status(self, name: str | None) -> int:
        found = self._tables.find_id(COMPANY_STATUSES, name or "")
        if found is None:
            raise Rejected(
                f'{self._connection}: there is no company status "{name}".',
                connection=self._connection,
                remedy="Create it in System > Setup Tables > Company Status; duesync makes none itself.",
            )
        return found

    def _check_neighbours(self, action: SetField, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Custom fields beside ours must be as they were (brief case 17)."""
        if not action.field.startswith(CUSTOM):
            return
        mine = self._custom(action, before).get("id")
        old, new = _values(before), _values(after)
        lost = [number for number, value in old.items() if number != mine and new.get(number) != value]
        if lost:
            raise self._conflict(action, f"was set, but custom fields {lost} beside it changed at the same moment")

    # ── payments ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _wanted(self, action: SetField) -> Wanted:
        match = re.fullmatch(r"(\d{4}-\d\d-\d\d) (\d{1,12}(?:\.\d{1,4})?)", action.value or "")
        try:
            wanted = Wanted(date.fromisoformat(match[1]), Decimal(match[2])) if match else None
        except (ValueError, InvalidOperation):
            wanted = None
        if wanted is None or wanted.amount <= 0:
            raise Rejected(f"{self._connection}: {action.value!r} is no payment.", connection=self._connection)
        return wanted

    def _payments(self, action: SetField) -> list[Mapping[str, Any]]:
        found = self._api.all_pages(f"{self._path(action)}/payments")
        return [row for row in found if isinstance(row, Mapping)]

    def _find_payment(self, action: SetField) -> Receipt | None:
        """A payment of this amount on this day on this invoice: there is no field for our own reference (brief 2.2)."""
        wanted = self._wanted(action)
        for row in self._payments(action):
            day = rows.day(row, "paymentDate", self._zone)
            if rows.number(row, "amount") == wanted.amount and day == wanted.on and not row.get("credit"):
                return Receipt(ref=f"{action.ref}-{row['id']}", found=True, detail=f"payment on invoice {action.ref}")
        return None

    def _pay(self, action: SetField) -> Receipt:
        """Add what is missing; never remove. Not where the tenant's own accounting sync writes payments (brief 2.3)."""
        wanted = self._wanted(action)
        self._refuse_second_writer()
        row = self._get(action)
        balance = rows.number(row, "balance")
        if balance is None or action.expected is None or balance != _decimal(action.expected):
            raise self._conflict(action, f"has a balance of {balance} and not {action.expected}; decide again")
        if wanted.amount > balance:
            raise self._conflict(action, f"owes only {balance}, less than the payment of {wanted.amount}")
        body: dict[str, Any] = {"amount": wanted.amount, "paymentDate": f"{wanted.on}T00:00:00Z"}
        body["invoice"] = {"id": int(action.ref)}
        if self._payment_type:
            body["type"] = self._payment_type
        self._api.call("POST", f"{INVOICES}/{action.ref}/payments", json=body, idempotent=False)
        found = self._find_payment(action)
        if found is None:
            raise OutcomeUnknown(
                f"{self._connection}: the payment on invoice {action.ref} cannot be read back.", connection=self._connection
            )
        return Receipt(ref=found.ref, detail=found.detail)

    def _refuse_second_writer(self) -> None:
        for row in self._tables.rows(_PACKAGE):
            if row.get("syncPaymentInfoFlag") is True:
                raise Rejected(
                    f"{self._connection}: ConnectWise's own accounting sync writes payments there.",
                    connection=self._connection,
                    remedy="Switch push.payment off, or that sync; two writers would record every payment twice.",
                )

    # ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _conflict(self, action: SetField, what: str) -> Conflict:
        where = f"{action.stream}/{action.ref}"
        return Conflict(f"{self._connection}: {action.field} of {where} {what}.", connection=self._connection)

    def _receipt(self, action: SetField, *, found: bool) -> Receipt:
        return Receipt(ref=f"{action.stream}/{action.ref}/{action.field}", found=found, detail=f"now {action.value!r}")


def _same(one: str | None, two: str | None) -> bool:
    return (one or "").strip() == (two or "").strip()


def _plain(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _typed(value: str | None, kind: str) -> Any:
    """The value in the type of its field: a checkbox takes a boolean, numbers stay numbers (brief case 17: falsy values)."""
    if value is None:
        return None
    if kind == "Checkbox":
        return value.strip().lower() in ("true", "yes", "1")
    if kind in ("Number", "Currency", "Percent"):
        found = _decimal(value)
        return value if found is None else found
    return value


def _values(row: Mapping[str, Any]) -> dict[Any, Any]:
    return {item.get("id"): item.get("value") for item in row.get("customFields") or () if isinstance(item, Mapping)}


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
