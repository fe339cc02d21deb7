"""The documents behind a claim: agreement, invoices, delivery, what was said, what was agreed by word of mouth (A1-A8)."""

from __future__ import annotations

from core.collections.case import AttachmentKind
from core.collections.case_words import counted
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, failed, label, listed, passed
from core.outbox import ContactKind
from core.records import DocumentStatus, Invoice, key_of

VERBAL = "verbal agreement"  # how a note begins that records one: duesync contacts add note CLIENT -o "verbal agreement: …"
_OURS = (ContactKind.MESSAGE, ContactKind.STATEMENT, ContactKind.CALL)


def agreement(facts: CaseFacts) -> Found:
    """A copy of the signed agreement is attached. What a system says of a signature is no copy."""
    copies = facts.attached(AttachmentKind.AGREEMENT)
    if copies:
        return passed(f"attached: {listed([item.filename for item in copies])}", *(item.sha256 for item in copies))
    told = [item.name for item in facts.client.agreements if item.signed]
    said = f"{listed(told)} is marked as signed, but no copy is attached" if told else "no signed agreement is attached"
    todo = "Attach it: duesync collections attach CASE agreement FILE"
    if facts.terms.signed is False:
        return failed(
            "there is no signed contract with this client", "Without one the period for open accounts may apply; waive."
        )
    return failed(said, todo, agreements=[str(item.ref) for item in facts.client.agreements])


def invoices(facts: CaseFacts) -> Found:
    """Every invoice is in the ledger, numbered, issued and open, and its copy is attached or can be fetched from its system."""
    faulty = [f"{label(item)}: {fault}" for item in facts.invoices if (fault := _fault(item, facts))]
    if not facts.invoices:
        return failed("no open invoice is past due", "There is nothing to hand over.")
    marks = [str(key) for key in sorted(facts.keys)]
    if faulty:
        return failed(listed(faulty), "Attach a copy: duesync collections attach CASE invoice FILE --invoice NUMBER", *marks)
    return passed(f"{counted(len(facts.invoices), 'invoice')}, {facts.claimed} open, each with a copy at hand", *marks)


def _fault(invoice: Invoice, facts: CaseFacts) -> str:
    if invoice.status is not DocumentStatus.OPEN or invoice.open.minor <= 0:
        return "nothing is open on it"
    if invoice.connection not in facts.client.ledger_connections:
        return "it is not in the ledger"
    if not invoice.number or invoice.due_on is None:
        return "it has no number or no due date"
    copies = {item.invoice for item in facts.attached(AttachmentKind.INVOICE)}
    fetched = invoice.connection in facts.copies_from
    return "" if fetched or key_of(invoice) in copies or None in copies else "no copy of it"


def delivery(facts: CaseFacts) -> Found:
    """For every invoice something shows that the service was given: time worked, tickets closed, or a document."""
    papers = facts.attached(AttachmentKind.DELIVERY)
    whole = any(item.invoice is None for item in papers)
    shown: dict[str, str] = {}
    bare = []
    for invoice in facts.invoices:
        work, tickets = facts.work_of(invoice), [item for item in facts.tickets_of(invoice) if item.closed]
        minutes = sum(item.minutes for item in work)
        own = [item.filename for item in papers if item.invoice == key_of(invoice)]
        told = [f"{minutes} minutes worked"] * bool(minutes) + [f"{len(tickets)} tickets closed"] * bool(tickets) + own
        if told:
            shown[label(invoice)] = ", ".join(told)
        elif not whole:
            bare.append(label(invoice))
    marks = [item.sha256 for item in papers]
    if bare:
        todo = "Attach a delivery note or report: duesync collections attach CASE delivery FILE --invoice NUMBER"
        return failed(f"nothing shows what was delivered for {listed(bare)}", todo, *bare, shown=shown)
    every = "; ".join(f"{name}: {words}" for name, words in shown.items()) or listed([item.filename for item in papers])
    return passed(every or "delivered", *marks, shown=shown)


def communication(facts: CaseFacts) -> Found:
    """What was said is on record: messages with the hash of what went out, calls and replies with what came of them."""
    ours, theirs = facts.said(*_OURS), facts.said(ContactKind.REPLY)
    kept = [item for item in ours if item.content_hash or item.kind is ContactKind.CALL]
    extra = facts.attached(AttachmentKind.COMMUNICATION)
    if not ours and not extra:
        todo = (
            "Record what was said (duesync contacts add), or attach letters (duesync collections attach CASE communication FILE)"
        )
        return failed("no contact with this client is on record", todo)
    words = f"{len(ours)} contacts from us ({len(kept)} with their content or outcome), {len(theirs)} replies"
    return passed(f"{words}, {len(extra)} documents", *(item.sha256 for item in extra))


def verbal_agreements(facts: CaseFacts) -> Found:
    """Every agreement by word of mouth was confirmed in writing afterwards; else it might as well not exist."""
    notes = [item for item in facts.said(*ContactKind) if item.outcome.casefold().startswith(VERBAL)]
    papers = facts.attached(AttachmentKind.AGREEMENT, AttachmentKind.COMMUNICATION)
    loose = []
    for note in notes:
        in_writing = any(item.at > note.at for item in papers)
        replied = any(item.at > note.at for item in facts.said(ContactKind.REPLY))
        if not in_writing and not replied:
            loose.append(f"{facts.place.today(note.at)}: {note.outcome[:80]}")
    if loose:
        todo = "Have it confirmed in writing (duesync collections confirmation CLIENT drafts the mail), then attach the answer"
        return failed(f"not confirmed in writing: {listed(loose)}", todo, *loose)
    return passed(f"{len(notes)} on record, each confirmed in writing" if notes else "none is on record")


CHECKS = (
    Check(
        id="signed_agreement",
        title="Signed agreement",
        group=Group.DOCUMENTS,
        requirements=("A2", "A7", "A20"),
        look=agreement,
    ),
    Check(
        id="invoice_records",
        title="Invoices, complete and in the ledger",
        group=Group.DOCUMENTS,
        requirements=("A4", "A40"),
        look=invoices,
    ),
    Check(
        id="proof_of_delivery",
        title="Proof that the service was delivered",
        group=Group.DOCUMENTS,
        requirements=("A1", "A6"),
        look=delivery,
    ),
    Check(
        id="communication",
        title="Record of what was said",
        group=Group.DOCUMENTS,
        requirements=("A3", "A108"),
        look=communication,
    ),
    Check(
        id="verbal_agreements",
        title="Agreements by word of mouth confirmed in writing",
        group=Group.DOCUMENTS,
        requirements=("A5", "A8"),
        look=verbal_agreements,
    ),
)
