"""Fill a sandbox from a plain description of an MSP's clients, so that one story can be told to several vendors.

    {"companies": [{"key": "alder", "name": "Alder & Co", "email": "ap@alder.example", "types": ["Client"], "parent": "birch"}],
     "contacts": [{"company": "alder", "first": "Ann", "last": "Lee", "email": "ann@alder.example", "billing": true}],
     "agreements": [{"key": "a1", "company": "alder", "name": "Managed", "amount": "900.00", "months": 1, "start": date}],
     "invoices": [{"key": "i1", "company": "alder", "number": "INV-1001", "total": "900.00", "on": date, "due": date,
                   "agreement": "a1", "status": "Closed", "type": "Standard", "reference": "PO 7"}],
     "payments": [{"invoice": "i1", "amount": "400.00", "on": date, "credit": None}],
     "tickets": [{"key": "t1", "company": "alder", "summary": "Printer", "closed": false, "in_sla": true, "opened": datetime}],
     "time": [{"company": "alder", "hours": "1.5", "at": datetime, "agreement": "a1", "invoice": "i1"}]}

Keys are the describer's own; credits are invoices of type "CreditMemo" with a negative total, applied by a payment with "credit".
Every record was last changed at noon of its own day, unless that lies ahead of the sandbox's clock; records without a day were
changed one minute apart, long ago: a fresh world looks as old as its dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connectors.connectwise.sandbox_books import CYCLES, Doc, Tenant, wire_day, wire_instant

Made = dict[str, dict[str, int]]


def seed_world(tenant: Tenant, world: Mapping[str, Any]) -> Made:
    """Put everything `world` describes into `tenant`; gives the ids made: made["invoices"]["i1"]."""
    seeder = _Seeder(tenant)
    for kind, add in (
        ("companies", seeder.company),
        ("contacts", seeder.contact),
        ("agreements", seeder.agreement),
        ("invoices", seeder.invoice),
        ("payments", seeder.payment),
        ("tickets", seeder.ticket),
        ("time", seeder.entry),
    ):
        for place, item in enumerate(world.get(kind, ())):
            number = add(dict(item))
            seeder.made.setdefault(kind, {})[str(item.get("key", place))] = number
    return seeder.made


class _Seeder:
    """One seeding. Ids are looked up by the describer's keys."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._ago = tenant.clock.now() - timedelta(days=400)
        self.made: Made = {}

    def _then(self, on: date | datetime | None = None) -> datetime:
        """When a record of a day was last changed."""
        self._ago += timedelta(minutes=1)
        if on is None:
            return self._ago
        at = on if isinstance(on, datetime) else datetime.combine(on, time(12), UTC)
        return min(at, self._tenant.clock.now())

    def _id(self, kind: str, key: Any) -> int:
        return self.made[kind][str(key)]

    def company(self, item: Doc) -> int:
        """A client."""
        item.pop("key", None)
        parent = item.pop("parent", None)
        types = [{"id": number, "name": name} for number, name in enumerate(item.pop("types", ("Client",)), 1)]
        fields = {"types": types, "invoiceToEmailAddress": item.pop("email", None), "phoneNumber": item.pop("phone", None)}
        if parent is not None:
            fields["parentCompany"] = self._tenant.company_ref(self._id("companies", parent))
        name = item.pop("name")
        return int(self._tenant.add_company(name, at=self._then(), **fields, **item)["id"])

    def contact(self, item: Doc) -> int:
        """A person."""
        company = self._id("companies", item["company"])
        row = self._tenant.add_contact(
            company,
            item.get("first", ""),
            item.get("last", ""),
            email=item.get("email"),
            phone=item.get("phone"),
            defaultBillingFlag=bool(item.get("billing")),
            defaultFlag=bool(item.get("primary")),
            at=self._then(),
        )
        return int(row["id"])

    def agreement(self, item: Doc) -> int:
        """A contract; `months` is its billing cycle."""
        company = self._tenant.company_ref(self._id("companies", item["company"]))
        number, name = CYCLES[item.get("months", 1)]
        body: Doc = {
            "name": item["name"],
            "type": {"id": 1, "name": item.get("type", "Managed services")},
            "company": company,
            "billToCompany": company,
            "contact": {"id": 1, "name": "Contact"},
            "billingCycle": {"id": number, "name": name},
            "billAmount": Decimal(str(item.get("amount", 0))),
            "agreementStatus": item.get("status", "Active"),
            "cancelledFlag": item.get("status") == "Cancelled",
            "noEndingDateFlag": item.get("end") is None,
        }
        days = {"startDate": "start", "endDate": "end", "nextInvoiceDate": "next"}
        body |= {field: wire_day(item[key]) for field, key in days.items() if item.get(key)}
        return int(self._tenant.add("finance/agreements", body, at=self._then(item.get("start")))["id"])

    def invoice(self, item: Doc) -> int:
        """An invoice or credit memo with its whole total open."""
        company, on = self._id("companies", item["company"]), item["on"]
        kept = ("number", "status", "type", "reference", "customerPO", "tax", "currency")
        fields = {name: item[name] for name in kept if name in item}
        if "agreement" in item:
            fields["agreement"] = self._id("agreements", item["agreement"])
        row = self._tenant.add_invoice(company, item["total"], on, item.get("due"), at=self._then(on), **fields)
        return int(row["id"])

    def payment(self, item: Doc) -> int:
        """Money or a credit memo applied."""
        invoice = self._id("invoices", item["invoice"])
        credit = None if item.get("credit") is None else self._id("invoices", item["credit"])
        row = self._tenant.pay(invoice, item["amount"], item["on"], credit=credit, type=item.get("type", "Check"))
        for number in filter(None, (invoice, credit)):
            moment = self._tenant.table("finance/invoices")[number]["_info"]
            moment["lastUpdated"] = max(moment["dateEntered"], wire_instant(self._then(item["on"])))
        return int(row["id"])

    def ticket(self, item: Doc) -> int:
        """A service request."""
        opened = self._then(item.get("opened"))
        board = self._tenant.reference("service/boards", item.get("board", "Help Desk")) or {}
        status = ">Closed" if item.get("closed") else item.get("status", "New")
        body: Doc = {
            "summary": item["summary"],
            "recordType": "ServiceTicket",
            "company": self._tenant.company_ref(self._id("companies", item["company"])),
            "board": board,
            "status": self._tenant.reference(f"service/boards/{board.get('id')}/statuses", status),
            "priority": {"id": 3, "name": item.get("priority", "Medium"), "sort": 3},
            "closedFlag": bool(item.get("closed")),
            "isInSla": item.get("in_sla"),
            "closedDate": wire_instant(item["closed_at"]) if item.get("closed_at") else None,
        }
        return int(self._tenant.add("service/tickets", body, at=opened)["id"])

    def entry(self, item: Doc) -> int:
        """A time entry."""
        at = item["at"]
        hours = Decimal(str(item["hours"]))
        body: Doc = {
            "company": self._tenant.company_ref(self._id("companies", item["company"])),
            "chargeToType": "Company",
            "member": {"id": 156, "identifier": "tech", "name": "Technician"},
            "timeStart": wire_instant(at),
            "timeEnd": wire_instant(at + timedelta(minutes=int(hours * 60))),
            "actualHours": hours,
            "billableOption": "Billable",
            "status": "Open",
        }
        if "agreement" in item:
            body["agreement"] = {"id": self._id("agreements", item["agreement"])}
        if "invoice" in item:
            body |= {"invoice": {"id": self._id("invoices", item["invoice"])}, "status": "Billed"}
        return int(self._tenant.add("time/entries", body, at=self._then(at))["id"])
