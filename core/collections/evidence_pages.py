"""The pages of an evidence pack as PDF: cover letter, account history, and a sheet for an invoice nobody has a copy of.

Written with the same writer as statements, so the same case gives the same bytes. Every text passes the redaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.collections.case_words import counted
from core.collections.evidence import Completeness, Evidence
from core.collections.evidence_tables import ledger_lines
from core.collections.redaction import strip_secrets
from core.messages.alphabets import Faces, no_faces
from core.messages.clean import one_line
from core.messages.pdf import Column, Sheet
from core.money import Money
from core.outbox import ContactKind
from core.records import Invoice, key_of

_NO_ADVICE = "Put together from the books by duesync. No legal advice."


def _sheet(evidence: Evidence, title: str) -> Sheet:
    sheet = Sheet(made_on=evidence.today, footer=f"{_safe(evidence.organisation.name)} · {evidence.reference}")
    sheet.title(title)
    sheet.line(_safe(evidence.organisation.name))
    if evidence.organisation.address:
        sheet.line(_safe(evidence.organisation.address, 300), small=True)
    return sheet


def _safe(text: str | None, limit: int = 200) -> str:
    return one_line(strip_secrets(text or ""), limit)


def cover_letter(evidence: Evidence, complete: Completeness, files: Sequence[str], faces: Faces = no_faces) -> bytes:
    """Who claims what from whom, since when, what was tried, and what lies with it."""
    sheet = _sheet(evidence, "Placement for collection")
    agency = evidence.agency.name if evidence.agency else "the agency"
    sheet.gap()
    sheet.line(f"To: {_safe(agency)}", bold=True)
    sheet.line(f"Reference: {evidence.reference} · Date: {evidence.today}")
    sheet.heading("The client")
    sheet.line(_safe(evidence.client), bold=True)
    for text in _reach(evidence):
        sheet.line(text)
    sheet.heading("The claim")
    columns = (
        Column("Invoice", 3),
        Column("Issued", 2),
        Column("Due", 2),
        Column("Days late", 1.4, True),
        Column("Open", 2.4, True),
    )
    rows = [
        (
            _safe(item.number or item.ref, 40),
            str(item.issued_on),
            str(item.due_on or ""),
            str(max((evidence.today - item.due_on).days, 0)) if item.due_on else "",
            str(item.open),
        )
        for item in evidence.invoices
    ]
    sheet.table(columns, [*rows, ("Claimed", "", "", counted(len(rows), "invoice"), str(evidence.claimed))], strong=(-1,))
    sheet.heading("What was tried")
    for text in _tried(evidence):
        sheet.line(text)
    sheet.heading("What lies with it")
    for name in files:
        sheet.line(name, small=True)
    sheet.gap()
    sheet.line(f"Complete to {complete.score} %." + (f" Missing: {'; '.join(complete.missing)}." if complete.missing else ""))
    sheet.heading("How to reply")
    sheet.line(
        f"Please acknowledge reference {evidence.reference} with the count ({len(rows)}) and amount ({evidence.claimed}) taken."
        " While you work on it we do not write to the client; payments made to us are told to you."
    )
    contact = ", ".join(filter(None, (evidence.organisation.email, evidence.organisation.phone)))
    sheet.line(f"Questions: {_safe(contact)}")
    sheet.gap()
    sheet.line(_NO_ADVICE, small=True)
    return sheet.pdf(faces)


def _reach(evidence: Evidence) -> list[str]:
    party = evidence.debtor
    place = ", ".join(filter(None, (party.region, party.country))) if party else ""
    reach = ", ".join(filter(None, (party.email, party.phone))) if party else ""
    people = [", ".join(filter(None, (item.name, item.role, item.email, item.phone))) for item in evidence.people]
    found = [evidence.address or "", place, reach, *people]
    return [_safe(text, 300) for text in found if text]


def _tried(evidence: Evidence) -> list[str]:
    said = [item for item in evidence.contacts if not item.waived]
    messages = [item for item in said if item.kind in (ContactKind.MESSAGE, ContactKind.STATEMENT)]
    calls = [item for item in said if item.kind is ContactKind.CALL]
    replies = [item for item in said if item.kind is ContactKind.REPLY]
    due = {key_of(item): item.due_on or item.issued_on for item in evidence.invoices}
    late = sum(any(due[key] <= item.at.date() for key in item.invoices if key in due) for item in messages)
    sent = f"{counted(len(messages), 'message')}{_span([str(item.at.date()) for item in messages])}"
    lines = [f"{sent}, {late} about what was due by then"]
    lines.append(f"{counted(len(calls), 'call')}{_span([str(item.at.date()) for item in calls])}")
    answers = counted(len(replies), "answer")
    lines.append(f"{answers} of the client{_span([str(item.at.date()) for item in replies])}")
    notice = evidence.case.notice
    lines.append(f"final notice sent on {notice.sent_at.date()}" if notice else "no final notice is on record")
    open_disputes = sum(not item.lifted_at for item in evidence.disputes)
    lines.append(f"{counted(len(evidence.disputes), 'dispute')} on record, {open_disputes} open")
    broken = sum(state.breached for _, state in evidence.plans)
    promises, plans = counted(len(evidence.promises), "promise"), counted(len(evidence.plans), "payment plan")
    lines.append(f"{promises} to pay, {plans}, {broken} broken")
    return lines


def _bare(amount: Money | None) -> str:
    """An amount without its currency, which the page names once: "2,780.00"; "" for none."""
    return str(amount).rpartition(" ")[0] if amount else ""


def _span(days: Sequence[str]) -> str:
    if not days:
        return ""
    return f", {days[0]}" if len(set(days)) == 1 else f", {min(days)} to {max(days)}"


def account_history(evidence: Evidence, faces: Faces = no_faces) -> bytes:
    """Every invoice, payment and credit of the client's ledger with its running balance, then every contact."""
    sheet = _sheet(evidence, "Account history")
    sheet.gap()
    sheet.line(_safe(evidence.client), bold=True)
    sheet.line(f"As of {evidence.today}, in {evidence.currency}. Reference: {evidence.reference}")
    sheet.heading("Ledger")
    columns = (
        Column("Date", 2), Column("Entry", 3), Column("Number", 2.6),
        Column("Charged", 2.2, True), Column("Received", 2.2, True), Column("Balance", 2.4, True),
    )  # fmt: skip
    rows = [
        (
            str(day),
            what,
            _safe(number, 40),
            _bare(debit),
            _bare(credit),
            str(balance),
        )
        for day, what, number, debit, credit, balance in ledger_lines(evidence)
    ]
    sheet.table(columns, rows, strong=(-1,), small=True)
    sheet.heading("Contacts")
    contacts = [
        (
            f"{item.at:%Y-%m-%d %H:%M}",
            item.kind.value,
            (item.stage or "").replace("_", " "),
            _safe(item.subject or item.outcome, 160),
        )
        for item in evidence.contacts
    ]
    names = (Column("When (UTC)", 2), Column("What", 1.4), Column("Stage", 1.8), Column("Subject or outcome", 5))
    sheet.table(names, contacts or [("", "none", "", "")], small=True)
    sheet.gap()
    sheet.line(_NO_ADVICE, small=True)
    return sheet.pdf(faces)


def invoice_sheet(evidence: Evidence, invoice: Invoice, faces: Faces = no_faces) -> bytes:
    """What the books say of one invoice. It says plainly that it is no copy of the invoice the client got."""
    sheet = _sheet(evidence, f"Invoice sheet {_safe(invoice.number or invoice.ref, 40)}")
    sheet.gap()
    sheet.line(
        "This is not the invoice. It is a sheet made from the books because no copy of the vendor could be had.", bold=True
    )
    sheet.gap()
    facts = [
        ("Client", _safe(evidence.client)),
        ("Reference", _safe(invoice.reference)),
        ("Issued", str(invoice.issued_on)),
        ("Due", str(invoice.due_on or "")),
        ("Period", " to ".join(str(day) for day in (invoice.period_start, invoice.period_end) if day)),
        ("Text", _safe(invoice.memo, 500)),
        ("Total", str(invoice.total)),
        ("Received so far", str(invoice.total - invoice.open)),
        ("Open", str(invoice.open)),
        ("Record", f"{invoice.connection}/{invoice.ref}"),
    ]
    sheet.table((Column("", 1), Column("", 3)), [row for row in facts if row[1]])
    return sheet.pdf(faces)
