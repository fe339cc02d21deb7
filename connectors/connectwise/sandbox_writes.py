"""What POST and PATCH do in the sandbox, and how they are refused. Written from the vendor's guide and recorded answers.

PATCH takes an array of operations; references are replaced whole, a path into a reference gives a false 200 and changes nothing,
customFields not named stay as they are (brief 1.8). Refusals list every fault with its field, as the recorded ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from connectors.connectwise.sandbox_books import Doc, Tenant, wire_instant
from connectors.connectwise.sandbox_fields import LONGEST, NESTED, PLAIN, REQUIRED

_LEVELS = {  # callback type → its levels, of those duesync has a use for (brief 2.10)
    "agreement": {"owner", "type", "company", "agreement"},
    "company": {"owner", "status", "type", "territory", "company", "integratortag"},
    "contact": {"owner", "type", "territory", "company", "contact"},
    "invoice": {"owner", "status", "company", "invoice"},
    "ticket": {"owner", "board", "project", "phase", "status", "ticket", "integratortag"},
    "time": {"owner", "company", "time"},
}
_READ_ONLY = {
    "Invoice": {"payments", "credits", "balance", "total", "subtotal", "salesTax", "type"},
    "Company": {"types", "deletedFlag"},
}


class Refused(Exception):
    """The server says `status` with a body of `code`, message and inner errors."""

    def __init__(self, status: int, code: str, message: str, errors: list[Doc] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **({"errors": errors} if errors is not None else {})}


def invalid(entity: str, *faults: tuple[str, str, str]) -> Refused:
    """400 InvalidObject with (code, message, field) for every fault."""
    noun = noun_of(entity)
    errors = [{"code": code, "message": message, "resource": noun, "field": field} for code, message, field in faults]
    return Refused(400, "InvalidObject", f"{noun} object is invalid", errors)


def noun_of(entity: str) -> str:
    """How error bodies name an entity: callbackEntry, contact, ticket."""
    return entity[:1].lower() + entity[1:]


def check_members(entity: str, body: Any) -> Doc:
    """The body of a POST when every member is known, present and short enough; Refused otherwise."""
    if not isinstance(body, dict):
        raise Refused(400, "ConnectWiseApi", "The request body is not an object.")
    unknown = sorted(set(body) - PLAIN[entity] - NESTED[entity] - {"_info"})
    if unknown:
        message = f"Could not find member '{unknown[0]}' on object of type '{entity}'. Path '{unknown[0]}', line 1, position 1."
        raise Refused(400, "ConnectWiseApi", message + "Check your accept header to make sure you are using the correct version.")
    faults = [
        ("MissingRequiredField", f"The {name} field is required.", name)
        for name in REQUIRED.get(entity, ())
        if body.get(name) in (None, "", {})
    ]
    faults += [
        ("InvalidField", f"The field {name} must be a string with a maximum length of {most}.", name)
        for name, most in LONGEST.get(entity, {}).items()
        if isinstance(body.get(name), str) and len(body[name]) > most
    ]
    if faults:
        raise invalid(entity, *faults)
    return {key: value for key, value in body.items() if key not in ("id", "_info")}


class Writes:
    """POST and PATCH on one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.mails: list[Doc] = []  # workflow mails the vendor itself would have sent
        self.patched: list[tuple[str, str, str]] = []  # (collection, id, path) of every operation that took
        self._makers: dict[str, Callable[[str, Doc], Doc]] = {
            "Ticket": self._ticket,
            "ServiceNote": self._ticket_note,
            "CompanyNote": self._company_note,
            "InvoicePayment": self._payment,
            "CallbackEntry": self._callback,
        }

    def create(self, name: str, entity: str, body: Any) -> Doc:
        """The row a POST made."""
        maker = self._makers.get(entity)
        if maker is None:
            raise Refused(405, "ConnectWiseApi", "The requested resource does not support this method.")
        return maker(name, check_members(entity, body))

    def _reference(self, entity: str, field: str, table: str, value: Any) -> Doc:
        wanted = (value or {}).get("id") or (value or {}).get("name") if isinstance(value, dict) else None
        found = self._tenant.reference(table, wanted) if wanted is not None else None
        if found is None:
            raise invalid(entity, ("InvalidField", f"The {field} is not valid.", field))
        return found

    # ── POST ────────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _ticket(self, name: str, body: Doc) -> Doc:
        board = self._reference("Ticket", "board", "service/boards", body.get("board") or {"id": 1})
        statuses = f"service/boards/{board['id']}/statuses"
        default = next(row["id"] for row in self._tenant.rows(statuses) if row.get("defaultFlag"))
        status = self._reference("Ticket", "status", statuses, body.get("status") or {"id": default})
        company = self._reference("Ticket", "company", "company/companies", body["company"])
        texts = {key: body.pop(key, None) for key in ("initialDescription", "initialInternalAnalysis", "initialResolution")}
        notify = body.pop("processNotifications", True)
        row = {**body, "board": board, "status": status, "company": company, "recordType": "ServiceTicket", "closedFlag": False}
        made = self._tenant.add(name, row)
        for key, text in texts.items():
            if text:
                flags = {"detailDescriptionFlag": key.endswith("Description"), "internalAnalysisFlag": key.endswith("Analysis")}
                self._note(made["id"], {"text": text, "resolutionFlag": key.endswith("Resolution"), **flags})
        if notify:
            self.mails.append({"ticket": made["id"], "about": "new ticket"})
        return made

    def _note(self, ticket: int, body: Doc) -> Doc:
        entered = {"ticketId": ticket, "dateCreated": wire_instant(self._tenant.clock.now()), "createdBy": "sandbox"}
        return self._tenant.add(f"service/tickets/{ticket}/notes", {**body, **entered})

    def _ticket_note(self, name: str, body: Doc) -> Doc:
        if not body.get("text"):
            raise invalid("ServiceNote", ("MissingRequiredField", "The text field is required.", "text"))
        if body.pop("processNotifications", True):
            self.mails.append({"ticket": int(name.split("/")[2]), "about": "new note"})
        return self._note(int(name.split("/")[2]), body)

    def _company_note(self, name: str, body: Doc) -> Doc:
        company = self._tenant.company_ref(int(name.split("/")[2]))
        kind = self._reference("CompanyNote", "type", "company/noteTypes", body.get("type") or {"id": 1})
        return self._tenant.add(name, {**body, "type": kind, "company": company, "enteredBy": "sandbox"})

    def _payment(self, name: str, body: Doc) -> Doc:
        invoice = int(name.split("/")[2])
        amount = body.get("amount")
        if not isinstance(amount, int | Decimal) or amount <= 0:
            raise invalid("InvoicePayment", ("InvalidField", "The amount field is required.", "amount"))
        balance = self._tenant.table("finance/invoices")[invoice]["balance"]
        if amount > balance:
            raise invalid("InvoicePayment", ("OutOfRange", "The amount exceeds the balance of the invoice.", "amount"))
        on = str(body.get("paymentDate") or wire_instant(self._tenant.clock.now()))[:10]
        return self._tenant.pay(invoice, amount, on, type=body.get("type", "Payment"))

    def _callback(self, name: str, body: Doc) -> Doc:
        faults = []
        if not str(body["url"]).startswith("https://"):
            faults.append(("InvalidField", "Invalid URL", "url"))
        if body["level"] not in _LEVELS.get(str(body["type"]), set()):
            faults.append(
                (
                    "InvalidObject",
                    "Unrecognized level for type, see documentation for supported levels for each type",
                    "level",
                )
            )
        body["objectId"] = body["objectId"] or (1 if body["level"] == "owner" else 0)
        same = ("url", "type", "level", "objectId")
        if any(all(row[key] == body[key] for key in same) for row in self._tenant.rows(name)):
            faults.append(("ObjectExists", "A matching callback entry already exists", "objectId"))
        if faults:
            raise invalid("CallbackEntry", *faults)
        defaults = {"memberId": 243, "inactiveFlag": False, "isSoapCallbackFlag": False, "isSelfSuppressedFlag": False}
        return self._tenant.add(name, {**defaults, **body})

    # ── PATCH ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def patch(self, name: str, entity: str, number: int, operations: Any) -> Doc:
        """The row after the operations; Refused for a body that is no array of them."""
        if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
            raise Refused(400, "ConnectWiseApi", "The patch document is not an array of operations.")
        changes: Doc = {}
        for item in operations:
            self._apply(name, entity, number, item, changes)
        return self._tenant.touch(name, number, **changes)

    def _apply(self, name: str, entity: str, number: int, item: Mapping[str, Any], changes: Doc) -> None:
        path, op = str(item.get("path", "")).removeprefix("/"), item.get("op")
        head, _, rest = path.partition("/")
        if op not in ("add", "replace", "remove"):
            raise Refused(400, "ConnectWiseApi", f"'{op}' is not a valid operation.")
        if head not in PLAIN[entity] | NESTED[entity]:
            raise Refused(400, "ConnectWiseApi", f"'{head}' is not a valid path for {noun_of(entity)}.")
        if rest or head in _READ_ONLY.get(entity, ()):
            return  # a path into a reference, or a computed field: 200, and nothing changes (guide: "may return a false 200")
        value = None if op == "remove" else item.get("value")
        if head == "customFields":
            value = _merged(self._tenant.table(name)[number].get("customFields", []), value)
        elif head == "status" and value is not None:
            value = self._reference(entity, "status", self._statuses(name, number), value)
        self._check_lock(entity, number, head)
        self.patched.append((name, str(number), head))
        changes[head] = value

    def _check_lock(self, entity: str, number: int, head: str) -> None:
        """A closed invoice lets nothing change but its status (brief 2.1)."""
        if entity == "Invoice" and head != "status":
            row = self._tenant.table("finance/invoices")[number]
            if row["status"].get("isClosed") and head not in ("customFields", "internalNotes"):
                raise invalid("Invoice", ("InvalidObject", "The invoice is closed.", head))

    def _statuses(self, name: str, number: int) -> str:
        if name == "service/tickets":
            return f"service/boards/{self._tenant.table(name)[number]['board']['id']}/statuses"
        return {"company/companies": "company/companies/statuses", "finance/invoices": "finance/billingStatuses"}[name]

    # ── what the vendor does by itself ──────────────────────────────────────────────────────────────────────────────────
    def disable_callbacks(self, failing_for: timedelta) -> None:
        """After three days of failed deliveries a callback is switched off (brief 2.10, guide)."""
        if failing_for >= timedelta(days=3):
            for row in self._tenant.table("system/callbacks").values():
                row["inactiveFlag"] = True


def _merged(have: list[Doc], sent: Any) -> list[Doc]:
    """Custom fields after a write: those sent take their value, those left out stay (live tests, brief 1.8)."""
    if not isinstance(sent, list):
        raise Refused(400, "ConnectWiseApi", "customFields must be an array.")
    new = {item.get("id"): item for item in sent if isinstance(item, dict)}
    merged = []
    for item in have:
        kept = {key: value for key, value in item.items() if key != "value"}
        value = new[item["id"]].get("value") if item["id"] in new else item.get("value")
        merged.append({**kept, **({"value": value} if value is not None else {})})
    return merged
