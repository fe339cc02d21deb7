"""Gathers what is known of a case: the client's records, what was said, kept documents, the vendors' copies of invoices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime

import structlog

from core.actions import SendReminder
from core.books import AccountBooks
from core.clock import local_date
from core.collections.after import Signals
from core.collections.agencies import AgencySettings
from core.collections.case import Attached, Attachment, AttachmentKind, Case
from core.collections.evidence import Evidence, JournalEnd, SentMessage
from core.collections.pack import Pack, build_pack
from core.dunning.arrangements import plan_state
from core.errors import ConnectorError, UsageError
from core.fonts import faces_of
from core.outbox import PastContact
from core.ports import Capability, Document, Documents
from core.records import Invoice, RecordKey, Stream, key_of
from scheduler.app import App
from scheduler.casefacts import account_settings
from scheduler.jobs import rules

log = structlog.get_logger()


def books_of(app: App, case: Case, now: datetime) -> AccountBooks:
    """The books of the case's client. UsageError when the client has none any more."""
    books = app.store.load_books(now=now, accounts=[case.account]).accounts.get(case.account)
    if books is None:
        raise UsageError(f"the client of case {case.id} ({case.account}) is not in the books", remedy="Run: duesync sync")
    return books


def open_invoices(books: AccountBooks, case: Case) -> tuple[Invoice, ...]:
    """The case's invoices that are still open, oldest due first."""
    wanted = set(case.invoices)
    return tuple(item for item in books.open_invoices(case.currency) if key_of(item) in wanted)


def fetch_copies(app: App, case: Case, *, now: datetime) -> Case:
    """Ask the vendors for their own PDF of every invoice that has no copy yet, and keep it. What cannot be had is passed over."""
    have = {item.invoice for item in case.attachments if item.kind is AttachmentKind.INVOICE}
    missing = [key for key in case.invoices if key not in have and key.connection in app.settings.connections]
    for key, document in _vendor_files(app, missing):
        with app.store.unit():
            sha256 = app.store.put_document(document.content, now=now)
            copy = Attachment(
                kind=AttachmentKind.INVOICE,
                sha256=sha256,
                filename=document.filename,
                by="duesync",
                at=now,
                invoice=key,
                note=document.source,
            )
            case = app.store.append_case_event(case.id, Attached(attachment=copy), by="duesync", now=now)
    return case


def _vendor_files(app: App, keys: Sequence[RecordKey]) -> Iterator[tuple[RecordKey, Document]]:
    """The vendor's file of each of these, where it has one and answers."""
    with ExitStack() as stack:
        opened = {}
        for key in keys:
            if not app.can(key.connection, Capability.DOCUMENTS):
                continue
            try:
                if key.connection not in opened:
                    opened[key.connection] = stack.enter_context(app.connection(key.connection))
                connector = opened[key.connection]
                document = connector.document(Stream.INVOICES, key.ref) if isinstance(connector, Documents) else None
            except ConnectorError as error:
                log.info("evidence.unfetched", connection=key.connection, ref=key.ref, error=error.message)
                continue
            if document is not None:
                yield key, document


def evidence_of(app: App, case: Case, *, reference: str, agency: AgencySettings | None, now: datetime) -> Evidence:
    """Everything about a case at this moment. UsageError when none of its invoices is open."""
    books = books_of(app, case, now)
    invoices = open_invoices(books, case)
    if not invoices:
        raise UsageError(f"nothing of case {case.id} is open any more", remedy="See: duesync collections show")
    today = local_date(now, app.zone)
    store = app.store
    contacts = tuple(store.contacts([case.account]).get(case.account, ()))
    about = _about(contacts, case)
    entries, last = store.journal_end()
    sent = [item.outbox_id for item in about if item.outbox_id]
    return Evidence(
        case=case,
        reference=reference,
        organisation=rules(app).organisation,
        agency=agency,
        books=books,
        invoices=invoices,
        contacts=contacts,
        messages=tuple(_messages(app, about)),
        holds=store.holds(account=case.account, include_lifted=True),
        promises=store.promises(account=case.account),
        plans=tuple((item.plan, plan_state(item.plan, books, today)) for item in store.plans(case.account)),
        documents=_documents(app, case),
        journal=store.journal_lines([f"case/{case.id}", *(f"outbox/{name}" for name in sent)]),
        journal_end=JournalEnd(entries=entries, hash=last),
        address=account_settings(app, books).address,
        legal_name=account_settings(app, books).legal_name,
        made_at=now,
        today=today,
    )


def _about(contacts: Sequence[PastContact], case: Case) -> list[PastContact]:
    """Contacts about an invoice of the case, or about everything."""
    wanted = set(case.invoices)
    return [item for item in contacts if not item.invoices or wanted & set(item.invoices)]


def _messages(app: App, contacts: Sequence[PastContact]) -> Iterator[SentMessage]:
    for item in contacts:
        row = app.store.outbox_row(item.outbox_id) if item.outbox_id else None
        if row is not None and isinstance(row.action, SendReminder):
            action = row.action
            yield SentMessage(outbox_id=row.id, at=item.at, to=action.to, subject=action.subject, text=action.text)


def _documents(app: App, case: Case) -> dict[str, bytes]:
    found = {item.sha256: app.store.document(item.sha256) for item in case.attachments}
    return {name: content for name, content in found.items() if content is not None}


def pack_of(app: App, case: Case, *, reference: str, agency: AgencySettings | None, now: datetime) -> Pack:
    """The evidence pack of a case as it stands."""
    return build_pack(evidence_of(app, case, reference=reference, agency=agency, now=now), faces_of())


def signals_of(app: App, case: Case, *, now: datetime) -> Signals:
    """What is known of a case at this moment."""
    store = app.store
    books = store.load_books(now=now, accounts=[case.account]).accounts.get(case.account)
    mine = [case.placement.outbox_id] if case.placement else []
    rows = [store.outbox_row(name) for name in dict.fromkeys([*mine, *(item.outbox_id for item in case.told)]) if name]
    came = [key_of(item) for item in (*books.payments, *books.credit_notes)] if books is not None and case.placed_at else []
    return Signals(
        case=case,
        books=books,
        holds=store.holds(account=case.account),
        rows={row.id: row for row in rows if row is not None},
        first_seen=store.first_seen(came),
        agency=app.settings.agencies.get(case.placement.agency) if case.placement else None,
        now=now,
        today=today_of(app, now),
    )


def next_reference(app: App, case: Case) -> str:
    """What the next placement of a case will be called: CASE-1, CASE-2 after a try that failed."""
    tries = sum(type(event.fact).__name__ == "PlacementQueued" for event in app.store.case_events(case.id))
    return f"{case.id}-{tries + 1}"


def today_of(app: App, now: datetime) -> date:
    """The organisation's day."""
    return local_date(now, app.zone)
