"""One client with a claim: books in two systems, contacts, a case, and the evidence of it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.books import Account, AccountBooks
from core.collections.agencies import AgencySettings
from core.collections.case import (
    Approval,
    Approved,
    Attached,
    Attachment,
    AttachmentKind,
    Case,
    CaseEvent,
    FinalNotice,
    NoticeGiven,
    Opened,
    Placement,
    PlacementDelivered,
    PlacementQueued,
)
from core.collections.case_moves import fold
from core.collections.evidence import Evidence, JournalEnd, SentMessage
from core.holds import Hold, HoldKind
from core.messages.letter import Organisation
from core.money import Money
from core.outbox import ContactKind, PastContact, Promise
from core.records import (
    Allocation,
    Contact,
    CreditNote,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    RecordKey,
    Ref,
    Role,
    Stream,
    Ticket,
    Work,
    key_of,
)

NOW = datetime(2026, 5, 20, 15, tzinfo=UTC)
TODAY = date(2026, 5, 20)
PDF = b"%PDF-1.4 agreement"
ORGANISATION = Organisation(
    name="Northwind IT",
    timezone="America/Chicago",
    currency="USD",
    country="US",
    region="IL",
    email="ar@northwind.example",
    phone="+1 312 555 0100",
    address="1 Lake St, Chicago",
)
AGENCY = AgencySettings.model_validate(
    {
        "name": "Acme Recovery",
        "connection": "acme",
        "rates": [{"age_from": 91, "percent": "30", "legal": "40"}, {"percent": "25"}],
        "aliases": ["ACME RECOV"],
        "codes": {"77": "promise"},
        "licensed_in": ["IL", "TX"],
    }
)


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def invoice(number: str, total: str, open_: str, issued: date, **rest: Any) -> Invoice:
    return Invoice(
        connection="books",
        ref=Ref(f"i{number}"),
        party_ref=Ref("c1"),
        number=number,
        total=usd(total),
        open=usd(open_),
        issued_on=issued,
        due_on=issued + timedelta(days=15),
        status=DocumentStatus.OPEN if open_ != "0" else DocumentStatus.CLOSED,
        **rest,
    )


FIRST = invoice("1001", "900.00", "800.00", date(2026, 1, 2), memo="January, firewall admin password: Hunter2!x")
SECOND = invoice("1002", "400.00", "400.00", date(2026, 2, 2), reference="=cmd|' /C calc'!A0")
PAID = invoice("0999", "50.00", "0", date(2025, 12, 2))
PAYMENTS = (
    Payment(
        connection="books",
        ref=Ref("p1"),
        party_ref=Ref("c1"),
        amount=usd("150.00"),
        unapplied=usd("0"),
        paid_on=date(2026, 1, 20),
        reference="chq 7",
        allocations=(
            Allocation(invoice_ref=FIRST.ref, amount=usd("100.00"), applied_on=date(2026, 1, 21)),
            Allocation(invoice_ref=PAID.ref, amount=usd("50.00")),
        ),
    ),
)
BOOKS = AccountBooks(
    account=Account(
        id="acct",
        name="Alder Dental",
        parties=(RecordKey("books", Stream.PARTIES, Ref("c1")), RecordKey("psa", Stream.PARTIES, Ref("9"))),
    ),
    parties=(
        Party(
            connection="books", ref=Ref("c1"), name="Alder Dental", legal_name="Alder Dental PC", email="ap@alder.example",
            country="US", region="IL", currency="USD",
        ),
        Party(connection="psa", ref=Ref("9"), name="Alder Dental"),
    ),
    contacts=(Contact(connection="psa", ref=Ref("k"), party_ref=Ref("9"), name="Dana Alder", role="owner", phone="+1 555 0101"),),
    invoices=(PAID, FIRST, SECOND),
    payments=PAYMENTS,
    tickets=(
        Ticket(
            connection="psa", ref=Ref("t1"), party_ref=Ref("9"), summary="VPN down, wifi psk: Sommer2024", closed=True,
            opened_at=datetime(2026, 2, 1, 12, tzinfo=UTC), closed_at=datetime(2026, 2, 2, 12, tzinfo=UTC),
        ),
    ),
    work=(
        Work(
            connection="psa", ref=Ref("w1"), party_ref=Ref("9"), period_start=date(2026, 1, 1), period_end=date(2026, 1, 31),
            minutes=600, entries=9,
        ),
    ),
    roles={"books": Role.BOOKS, "psa": Role.PSA},
)  # fmt: skip
CLAIM = tuple(key_of(item) for item in (FIRST, SECOND))


def attachment(kind: AttachmentKind = AttachmentKind.AGREEMENT, **rest: Any) -> Attachment:
    import hashlib

    made = {"kind": kind, "sha256": hashlib.sha256(PDF).hexdigest(), "filename": "../msa signed.pdf", "by": "ann", "at": NOW}
    return Attachment(**{**made, **rest})


def case_of(*facts: Any, invoices: tuple[RecordKey, ...] = CLAIM) -> Case:
    """A case with these facts after its opening, a minute apart."""
    given = (Opened(account="acct", invoices=invoices, currency="USD"), *facts)
    return fold(
        CaseEvent(case="5f0c11aa", number=number, at=NOW + timedelta(minutes=number), by="ann", fact=fact)
        for number, fact in enumerate(given, start=1)
    )


def noticed() -> tuple[Any, ...]:
    """The facts up to the final notice."""
    return (
        Attached(attachment=attachment()),
        Approved(approval=Approval(by="ann", at=NOW)),
        Approved(approval=Approval(by="bob", at=NOW)),
        NoticeGiven(notice=FinalNotice(sent_at=NOW - timedelta(days=12), outbox_id="fin", placeable_on=date(2026, 5, 18))),
    )


def placed() -> tuple[Any, ...]:
    """The facts up to a delivered placement."""
    placement = Placement(
        agency="acme",
        reference="5f0c11aa-1",
        placed_on=TODAY,
        count=2,
        amount=usd("1200.00"),
        pack_sha256="0" * 64,
        outbox_id="o",
    )
    return (*noticed(), PlacementQueued(placement=placement), PlacementDelivered(receipt="acme/5f0c11aa-1", at=NOW))


def contact(kind: ContactKind, day: date, **rest: Any) -> PastContact:
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    return PastContact(**{"account": "acct", "kind": kind, "at": at, "channel": "mail", "invoices": CLAIM, **rest})


def evidence(**changes: Any) -> Evidence:
    """Everything about the claim, a case ready to be placed."""
    made = Evidence(
        case=case_of(*noticed()),
        reference="5f0c11aa-1",
        organisation=ORGANISATION,
        agency=AGENCY,
        books=BOOKS,
        invoices=(FIRST, SECOND),
        contacts=(
            contact(ContactKind.MESSAGE, date(2026, 2, 1), stage="reminder_14", subject="Reminder", to=("ap@alder.example",)),
            contact(ContactKind.CALL, date(2026, 3, 3), outcome="spoke to Dana; card 4111 1111 1111 1111 offered"),
            contact(ContactKind.MESSAGE, date(2026, 5, 8), stage="final_notice", subject="Final notice", outbox_id="fin"),
        ),
        messages=(SentMessage(outbox_id="fin", at=NOW, to=("ap@alder.example",), subject="Final notice", text="Please pay."),),
        holds=(
            Hold(
                id="h",
                kind=HoldKind.DISPUTE,
                account="acct",
                reason="hours on 1001",
                placed_at=NOW - timedelta(days=60),
                placed_by="ann",
                lifted_at=NOW - timedelta(days=50),
            ),
        ),
        promises=(
            Promise(
                account="acct",
                invoice=None,
                amount_minor=30_000,
                currency="USD",
                due_on=date(2026, 4, 1),
                made_at=NOW,
                made_by="ann",
            ),
        ),
        documents={attachment().sha256: PDF},
        journal_end=JournalEnd(entries=7, hash="f" * 64),
        address="12 Elm Rd, Springfield IL",
        made_at=NOW,
        today=TODAY,
    )
    return replace(made, **changes)


def credit(amount: str) -> CreditNote:
    return CreditNote(
        connection="books", ref=Ref("cn"), party_ref=Ref("c1"), number="CN1", total=usd(amount), remaining=usd(amount),
        issued_on=TODAY, status=DocumentStatus.OPEN,
    )  # fmt: skip
