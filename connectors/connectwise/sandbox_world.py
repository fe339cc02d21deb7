"""A story in duesync's own words, put into the sandbox's tenant, and the handles by which a contract moves it.

The generic description of a world is a row of core records (connectors.testing.plain makes plain ones): clients, people,
agreements, invoices, credit notes, payments, tickets, sums of work. Refs inside a record name earlier records. What ConnectWise
cannot hold is left out: unapplied cash has no place there, and a payment over two invoices is two payments.

Records were last changed at noon of their own day, those without a day one minute apart 400 days ago: a seeded world looks as old
as its dates, and a pull right after seeding does not take all of it for news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connectors.connectwise.sandbox_books import CYCLES, Doc, Tenant, wire_day, wire_instant
from core.records import (
    STREAM_OF,
    Agreement,
    Contact,
    CreditNote,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Record,
    Ref,
    Stream,
    Ticket,
    Work,
)

World = dict[tuple[Stream, str], tuple[str, ...]]
TABLES = {
    Stream.PARTIES: "company/companies",
    Stream.CONTACTS: "company/contacts",
    Stream.INVOICES: "finance/invoices",
    Stream.CREDIT_NOTES: "finance/invoices",
    Stream.AGREEMENTS: "finance/agreements",
    Stream.TICKETS: "service/tickets",
}


class Seeder:
    """Puts records into a tenant and remembers what each became."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._ago = tenant.clock.now() - timedelta(days=400)
        self.made: World = {}

    def seed(self, records: Iterable[Record]) -> World:
        """Create these records, in order; the refs each became."""
        adders: dict[type[Record], Callable[[Any], Iterable[str]]] = {
            Party: self._party,
            Contact: self._contact,
            Agreement: self._agreement,
            Invoice: self._invoice,
            CreditNote: self._credit,
            Payment: self._payment,
            Ticket: self._ticket,
            Work: self._work,
        }
        fresh: World = {}
        for record in records:
            refs = tuple(adders[type(record)](record))
            fresh[STREAM_OF[type(record)], record.ref] = refs
            self.made[STREAM_OF[type(record)], record.ref] = refs
        return fresh

    def _number(self, stream: Stream, ref: Ref) -> int:
        """The id of an earlier record, or the number itself where the ref is one of ours."""
        known = self.made.get((stream, ref))
        return int(known[0] if known else ref)

    def _then(self, on: date | datetime | None = None) -> datetime:
        """When a record of a day was last changed."""
        self._ago += timedelta(minutes=1)
        if on is None:
            return self._ago
        at = on if isinstance(on, datetime) else datetime.combine(on, time(12), UTC)
        return min(at, self._tenant.clock.now())

    def _party(self, record: Party) -> Iterable[str]:
        fields: Doc = {"invoiceToEmailAddress": record.email, "phoneNumber": record.phone, "state": record.region}
        fields["types"] = [{"id": number, "name": name} for number, name in enumerate(record.tags, 1)]
        if record.parent_ref is not None:
            fields["parentCompany"] = self._tenant.company_ref(self._number(Stream.PARTIES, record.parent_ref))
        if record.country:
            fields["country"] = {"id": 1, "identifier": record.country, "name": record.country}
        status = record.status or ("Active" if record.active else "Inactive")
        currency = record.currency or self._tenant.currency
        row = self._tenant.add_company(record.name, at=self._then(), status=status, currency=currency, **fields)
        return (str(row["id"]),)

    def _contact(self, record: Contact) -> Iterable[str]:
        first, _, last = record.name.partition(" ")
        row = self._tenant.add_contact(
            self._number(Stream.PARTIES, record.party_ref),
            first,
            last,
            email=record.email,
            phone=record.phone,
            title=record.role,
            defaultBillingFlag=record.role == "accounts payable",
            defaultFlag=record.primary,
            inactiveFlag=not record.active,
            at=self._then(),
        )
        return (str(row["id"]),)

    def _agreement(self, record: Agreement) -> Iterable[str]:
        company = self._tenant.company_ref(self._number(Stream.PARTIES, record.party_ref))
        number, name = CYCLES.get(record.cycle_months or 1, CYCLES[1])
        body: Doc = {
            "name": record.name,
            "type": {"id": 1, "name": "Managed services"},
            "company": company,
            "billToCompany": company,
            "contact": {"id": 1, "name": "Contact"},
            "billingCycle": {"id": number, "name": name},
            "billAmount": record.amount.decimal if record.amount else Decimal(0),
            "agreementStatus": "Active" if record.active else "Inactive",
            "cancelledFlag": False,
            "noEndingDateFlag": record.ends_on is None,
        }
        days = {"startDate": record.starts_on, "endDate": record.ends_on, "nextInvoiceDate": record.next_invoice_on}
        body |= {field: wire_day(day) for field, day in days.items() if day is not None}
        row = self._tenant.add("finance/agreements", body, at=self._then(record.starts_on))
        return (str(row["id"]),)

    def _invoice(self, record: Invoice) -> Iterable[str]:
        status = {DocumentStatus.DRAFT: "New"}.get(record.status, "Disputed" if record.disputed else "Closed")
        fields: Doc = {"number": record.number, "reference": record.reference, "status": status}
        if record.agreement_ref is not None:
            fields |= {"agreement": self._number(Stream.AGREEMENTS, record.agreement_ref), "type": "Agreement"}
        row = self._tenant.add_invoice(
            self._number(Stream.PARTIES, record.party_ref),
            record.total.decimal,
            record.issued_on,
            record.due_on,
            currency=record.total.currency,
            at=self._then(record.issued_on),
            **fields,
        )
        return (str(row["id"]),)

    def _credit(self, record: CreditNote) -> Iterable[str]:
        row = self._tenant.add_invoice(
            self._number(Stream.PARTIES, record.party_ref),
            -record.total.decimal,
            record.issued_on,
            record.issued_on,
            type="CreditMemo",
            number=record.number,
            reference=record.reference,
            currency=record.total.currency,
            at=self._then(record.issued_on),
        )
        for part in record.allocations:
            self._apply(part.invoice_ref, part.amount.decimal, part.applied_on or record.issued_on, credit=int(row["id"]))
        return (str(row["id"]),)

    def _payment(self, record: Payment) -> Iterable[str]:
        credit = record.credits_used[0] if record.credits_used else None
        memo = self._number(Stream.CREDIT_NOTES, credit.ref) if credit else None
        kind = record.method or "Check"
        return [
            self._apply(part.invoice_ref, part.amount.decimal, part.applied_on or record.paid_on, credit=memo, type=kind)
            for part in record.allocations
        ]

    def _apply(self, invoice: Ref, amount: Decimal, on: date, *, credit: int | None, **fields: Any) -> str:
        number = self._number(Stream.INVOICES, invoice)
        self._tenant.restore("finance/invoices", number)  # a story may pay what it deleted before
        row = self._tenant.pay(number, amount, on, credit=credit, **fields)
        row["_info"]["lastUpdated"] = wire_instant(self._then(on))
        for document in filter(None, (number, credit)):
            moment = self._tenant.table("finance/invoices")[document]["_info"]
            moment["lastUpdated"] = max(moment["dateEntered"], wire_instant(self._then(on)))
        return f"{number}-{row['id']}"

    def _ticket(self, record: Ticket) -> Iterable[str]:
        board = self._tenant.reference("service/boards", record.board or "Help Desk") or {"id": 1, "name": "Help Desk"}
        statuses = f"service/boards/{board['id']}/statuses"
        status = self._tenant.reference(statuses, record.status or "") or self._tenant.reference(
            statuses, ">Closed" if record.closed else "New"
        )
        body: Doc = {
            "summary": record.summary,
            "recordType": "ServiceTicket",
            "company": self._tenant.company_ref(self._number(Stream.PARTIES, record.party_ref)),
            "board": board,
            "status": status,
            "priority": {"id": 3, "name": record.priority or "Medium", "sort": 3},
            "closedFlag": record.closed,
            "isInSla": None if record.sla_breached is None else not record.sla_breached,
            "closedDate": wire_instant(record.closed_at) if record.closed_at else None,
        }
        row = self._tenant.add("service/tickets", body, at=self._then(record.opened_at))
        return (str(row["id"]),)

    def _work(self, record: Work) -> Iterable[str]:
        """As many time entries as the sum has, the minutes spread over them, all on its last day."""
        day = record.last_worked_on or record.period_start
        at = datetime.combine(day, time(12), UTC)
        company, refs = self._number(Stream.PARTIES, record.party_ref), []
        for number in range(max(1, record.entries)):
            minutes = record.minutes // record.entries + (number < record.minutes % record.entries)
            agreement = self._number(Stream.AGREEMENTS, record.agreement_ref) if record.agreement_ref else None
            invoice = self._number(Stream.INVOICES, record.invoice_ref) if record.invoice_ref else None
            hours = Decimal(minutes) / 60
            row = self._tenant.add_time(company, hours, at, agreement=agreement, invoice=invoice, changed_at=self._then(at))
            refs.append(str(row["id"]))
        return refs
