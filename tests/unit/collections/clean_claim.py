"""A claim in perfect order, so that each test spoils one thing: two systems, a signed agreement, calls, and all facts known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from core.books import Account, AccountBooks, Books
from core.collections.case import Answer, Approval, Attachment, AttachmentKind, Waiver
from core.collections.checklist_facts import CaseFacts
from core.collections.checklist_rules import CheckRules
from core.collections.clocks import Bond
from core.collections.clocks_from_books import readings_of
from core.collections.clocks_table import shipped_limits
from core.collections.debtor_rules import rules_for
from core.collections.economics import Claim, Owed, economics
from core.collections.recovery import Expectation
from core.collections.routes import shipped_courts, shipped_tariff
from core.collections.terms import ContractTerms
from core.dunning.calendars import Place
from core.money import Money
from core.outbox import ContactKind, PastContact, Promise
from core.records import (
    Agreement,
    DocumentStatus,
    Invoice,
    Party,
    RecordKey,
    Ref,
    Role,
    Stream,
    Ticket,
    Work,
)

TODAY = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 17, tzinfo=UTC)
ACCOUNT = "books:p"
PLACE = Place(zone="America/Chicago", country="US", region="TX")
KEY = RecordKey("books", Stream.INVOICES, Ref("i1"))
TERMS = ContractTerms(
    governing_law="US-TX",
    signed=True,
    signed_on=date(2024, 1, 1),
    net_days=30,
    late_fee="1.5 % a month",
    collection_costs=True,
    suspension_notice_days=10,
)


def usd(minor):
    return Money(minor, "USD")


def at(day, hour=18):
    """An instant on a day; 18 h UTC is early afternoon in Chicago."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def bill(ref="i1", connection="books", *, open_minor=500_000, **more):
    given = {
        "number": "1001",
        "total": usd(500_000),
        "open": usd(open_minor),
        "issued_on": date(2026, 2, 1),
        "due_on": date(2026, 3, 3),
        "status": DocumentStatus.OPEN,
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 1, 31),
        **more,
    }
    return Invoice(connection=connection, ref=Ref(ref), party_ref=Ref("p"), **given)


def ticket(ref="t1", **more):
    given = {
        "summary": "Printer",
        "closed": True,
        "opened_at": at(date(2026, 1, 5)),
        "closed_at": at(date(2026, 1, 6)),
        "sla_breached": False,
    }
    return Ticket(connection="psa", ref=Ref(ref), party_ref=Ref("p"), **{**given, **more})


def contact(kind, day, outcome="", **more):
    hashed = "" if kind in (ContactKind.CALL, ContactKind.NOTE, ContactKind.REPLY) else "ab" * 32
    return PastContact(
        account=ACCOUNT, kind=kind, at=at(day), channel="mail", outcome=outcome, content_hash=hashed, invoices=(KEY,), **more
    )


def paper(kind=AttachmentKind.AGREEMENT, sha="1" * 64, name="msa.pdf", **more):
    return Attachment(kind=kind, sha256=sha, filename=name, by="kim", at=more.pop("at", NOW - timedelta(days=1)), **more)


def said(item, text="done", *, ok=True, by="kim"):
    return Answer(item=item, ok=ok, text=text, by=by, at=NOW - timedelta(hours=2))


def waived(item, reason="agreed with the owner", by="kim"):
    return Waiver(item=item, by=by, reason=reason, at=NOW - timedelta(hours=1))


def approved(by, digest, when=NOW):
    return Approval(by=by, at=when, digest=digest)


def promised(day=date(2026, 4, 1)):
    return Promise(
        account=ACCOUNT,
        invoice=None,
        amount_minor=None,
        currency=None,
        due_on=day,
        made_at=at(day - timedelta(days=7)),
        made_by="kim",
    )


CONTACTS = (
    contact(ContactKind.MESSAGE, date(2026, 3, 10)),
    contact(ContactKind.MESSAGE, date(2026, 3, 17)),
    contact(ContactKind.CALL, date(2026, 3, 20), "spoke to Ann: cash is short, will pay in April"),
    contact(ContactKind.STATEMENT, date(2026, 4, 20)),
)


def client(**changes):
    """The account: one invoice in the books and its twin in the PSA, a closed ticket, time worked, an ended agreement."""
    parties = (
        Party(connection="books", ref=Ref("p"), name="Late Inc", legal_name="Late Incorporated", email="ap@late.example",
              phone="555 0100", country="US", region="TX"),
        Party(connection="psa", ref=Ref("p"), name="Late Inc"),
    )  # fmt: skip
    account = Account(
        id=ACCOUNT, name="Late Inc", parties=tuple(RecordKey(item.connection, Stream.PARTIES, item.ref) for item in parties)
    )
    given = {
        "parties": parties,
        "invoices": (bill(), bill("c1", "psa")),
        "tickets": (ticket(),),
        "work": (
            Work(connection="psa", ref=Ref("w"), party_ref=Ref("p"), invoice_ref=Ref("c1"), period_start=date(2026, 1, 1),
                 period_end=date(2026, 1, 31), minutes=600, entries=9),
        ),
        "agreements": (Agreement(connection="psa", ref=Ref("a"), party_ref=Ref("p"), name="MSA", active=False, signed=True),),
        "roles": {"books": Role.BOOKS, "psa": Role.PSA},
        **changes,
    }  # fmt: skip
    return AccountBooks(account=account, **given)


def worth(invoices, **more):
    """The economics of these invoices."""
    tariff = shipped_tariff()
    owed = tuple(Owed(label=item.number or item.ref, open=item.open, due_on=item.due_on or item.issued_on) for item in invoices)
    claim = Claim(owed=owed, currency="USD", as_of=TODAY, law="US-TX", days_left=900, **more)
    return economics(claim, tariff, Expectation(curve=tariff.recovery), courts=shipped_courts())


def claim_facts(books=None, **changes):
    """The facts of the claim; everything passes unless something is changed."""
    account = books or client()
    roles = {"books": Role.BOOKS, "psa": Role.PSA}
    nobody = AccountBooks(account=Account(id="", name="", parties=()), roles=roles)
    whole = Books(as_of=NOW, accounts={ACCOUNT: account}, unassigned=nobody, roles=roles)
    invoices = changes.pop("invoices", tuple(account.open_invoices()))
    terms = changes.pop("terms", TERMS)
    bond = changes.pop(
        "bond", Bond(law=terms.governing_law, candidates=("US-TX",), written=True, signed_on=terms.signed_on, consumer=False)
    )
    natural = changes.pop("natural_person", False)
    given = {
        "attachments": (paper(),),
        "answers": (said("bankruptcy_search"), said("reputation")),
        "contacts": CONTACTS,
        "promises": (promised(),),
        "address": "1 Main St, Austin TX",
        "source_ages": {"books": 1.0, "psa": 1.0},
        "copies_from": frozenset({"books"}),
        "economics": worth(invoices) if invoices else None,
        "rules": rules_for(frozenset({bond.law or "US-TX"}), natural, usd(500_000), TODAY),
        "readings": readings_of(invoices, bond, {}, shipped_limits(), today=TODAY, warn_days=180),
        **changes,
    }
    return CaseFacts(
        books=whole,
        account=ACCOUNT,
        invoices=tuple(invoices),
        currency="USD",
        now=NOW,
        today=TODAY,
        place=PLACE,
        checks=given.pop("checks", CheckRules()),
        ready_days=60,
        terms=terms,
        bond=bond,
        natural_person=natural,
        **given,
    )
