"""Is the claim right? Both systems agree, no finding is open, service was in order, bills came in time (A20-A23)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.collections.case_words import counted
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, failed, label, listed, passed, unknown
from core.dunning.arrangements import plan_state
from core.dunning.calls import own_tickets
from core.findings import FindingKind
from core.holds import HoldKind
from core.linking.invoices import link_invoices
from core.money import Money
from core.records import DocumentStatus, Invoice, PaymentStatus, Role, key_of

_LATE_BILL = 30  # days from service to invoice that already are late (product notes A70)
_COPIES = frozenset({FindingKind.DUPLICATE_INVOICE, FindingKind.DUPLICATE_PAYMENT})


def charges_agree(facts: CaseFacts) -> Found:
    """What was billed is the same in the PSA and in the books, and recurring bills match their agreement or the bill before."""
    books = facts.client
    ours = [item for item in books.invoices if item.connection in books.ledger_connections]
    others = [item for item in books.invoices if books.roles.get(item.connection) is Role.PSA and item not in ours]
    links = {key_of(item): link for link in link_invoices(ours, others).links for item in link.left}
    wrong, alone = [], []
    for invoice in facts.invoices:
        link = links.get(key_of(invoice))
        if link is not None and _sum(link.left) != _sum(link.right):
            wrong.append(f"{label(invoice)}: the books say {_sum(link.left)}, the PSA {_sum(link.right)}")
        usual = _usual(invoice, facts)
        if usual and invoice.total not in usual:
            wrong.append(f"{label(invoice)}: billed {invoice.total}, agreed {usual[0]}")
        if link is None and not usual:
            alone.append(label(invoice))
    if wrong:
        return failed(listed(wrong), "Correct the invoice, or say why it differs.", *wrong)
    if alone:
        return unknown(f"in one system only: {listed(alone)}", "Compare them with your own records, then waive.", *alone)
    return passed(f"{counted(len(facts.invoices), 'invoice')} compared, all alike")


def _sum(invoices: Sequence[Invoice]) -> Money:
    """The total of invoices that are one bill; in the first one's currency, as links never join two."""
    return Money(sum(item.total.minor for item in invoices), invoices[0].total.currency)


def _usual(invoice: Invoice, facts: CaseFacts) -> list[Money]:
    """What this agreement is billed at: its price, and its other bills (taxes make them differ from the price)."""
    if invoice.agreement_ref is None:
        return []
    mine = (invoice.connection, invoice.agreement_ref)
    prices = [item.amount for item in facts.client.agreements if (item.connection, item.ref) == mine and item.amount is not None]
    bills = [
        item.total
        for item in facts.client.invoices
        if (item.connection, item.agreement_ref) == mine and item.ref != invoice.ref and item.status is not DocumentStatus.VOID
    ]
    return [*prices, *bills]


def no_open_finding(facts: CaseFacts) -> Found:
    """No fault in this client's books is waiting to be mended."""
    found = [f"{item.finding.kind.replace('_', ' ')} ({item.finding.at_stake})" for item in facts.open_findings]
    if found:
        marks = (item.finding.fingerprint for item in facts.open_findings)
        return failed(f"{len(found)} open: {listed(found)}", "Settle them: duesync findings list", *marks)
    return passed("the books of this client have no open finding")


def really_owed(facts: CaseFacts) -> Found:
    """After unapplied cash and credits the client still owes what is claimed, and no promise or plan is being kept."""
    net = facts.client.balance(facts.currency).net
    clearing = [item for item in facts.client.payments if item.status is PaymentStatus.PENDING]
    kept = [plan for plan in facts.plans if not plan_state(plan, facts.client, facts.today).breached]
    ahead = [item for item in facts.promises if item.due_on >= facts.today and item.invoice in (None, *facts.keys)]
    if facts.claimed.minor <= 0 or net < facts.claimed:
        return failed(f"{facts.claimed} is claimed, but on balance {net} is owed", "Apply its payments and credits first.")
    if clearing:
        return failed(f"a payment of {clearing[0].amount} is still clearing", "Wait for it.", *(str(i.ref) for i in clearing))
    if kept or ahead:
        said = "a payment plan is being kept" if kept else f"payment is promised for {ahead[-1].due_on}"
        return failed(said, "Wait until it is broken.", said)
    return passed(f"{net} is owed on balance, {facts.claimed} of it claimed")


def old_enough(facts: CaseFacts) -> Found:
    """Every invoice is past due for as long as the policy asks."""
    young = [label(item) for item in facts.invoices if (facts.today - (item.due_on or item.issued_on)).days < facts.ready_days]
    if young or not facts.invoices:
        said = f"less than {facts.ready_days} days past due: {listed(young)}" if young else "nothing is past due"
        return failed(said, "Wait, or leave them out of the case.", *young)
    oldest = min(item.due_on or item.issued_on for item in facts.invoices)
    return passed(f"all more than {facts.ready_days} days past due, the oldest since {oldest}")


def service_levels(facts: CaseFacts) -> Found:
    """No service level was missed in the months that are billed."""
    if not facts.has_psa:
        return unknown(
            "no system with tickets knows this client", "Say how it was: duesync collections answer CASE service_levels TEXT"
        )
    seen = {ticket.ref: ticket for invoice in facts.invoices for ticket in facts.tickets_of(invoice)}
    missed = [f"{ref} {ticket.summary[:40]}" for ref, ticket in sorted(seen.items()) if ticket.sla_breached]
    untold = [ref for ref, ticket in sorted(seen.items()) if ticket.sla_breached is None]
    if missed:
        return failed(
            f"{len(missed)} of {len(seen)} tickets past their service level: {listed(missed, 3)}", "Sign it off.", *missed
        )
    if untold:
        return unknown(f"{len(untold)} of {len(seen)} tickets do not say whether they kept their service level", "Look at them.")
    return passed(f"{counted(len(seen), 'ticket')} in the months billed, none past its service level", *sorted(seen))


def no_unresolved_ticket(facts: CaseFacts) -> Found:
    """Nothing the client asked for is still open: it might be why it does not pay."""
    if not facts.has_psa:
        return unknown(
            "no system with tickets knows this client", "Say how it is: duesync collections answer CASE no_unresolved_ticket TEXT"
        )
    ours = {key for key, _ in own_tickets(facts.contacts)}  # tasks we opened ourselves: a call to make, a bounced address
    still = [item for item in facts.client.tickets if not item.closed and key_of(item) not in ours]
    if still:
        names = [f'{item.ref} "{item.summary[:40]}"' for item in still]
        return failed(f"{len(still)} open: {listed(names, 3)}", "Settle them first.", *(str(item.ref) for item in still))
    return passed(f"no ticket is open, of {len(facts.client.tickets)}")


def invoiced_on_time(facts: CaseFacts) -> Found:
    """No bill came half a year after the service; from a month on it is told."""
    lags = {label(item): lag for item in facts.invoices if (lag := _lag(item, facts)) is not None}
    far = [f"{name} {days} days" for name, days in lags.items() if days > facts.checks.bill_late_days]
    late = [f"{name} {days} days" for name, days in lags.items() if days > _LATE_BILL]
    if far:
        return failed(f"billed long after the service: {listed(far)}", "Explain it to the client, then waive.", *far)
    if len(lags) < len(facts.invoices):
        rest = [label(item) for item in facts.invoices if label(item) not in lags]
        return unknown(f"nothing says when the service was given for {listed(rest)}", "Look it up, then waive.", *rest)
    return passed(f"billed late, but within {facts.checks.bill_late_days} days: {listed(late)}" if late else "billed in time")


def _lag(invoice: Invoice, facts: CaseFacts) -> int | None:
    """Days from the end of the service to the invoice; 0 where it was billed in advance."""
    worked = max((item.last_worked_on or item.period_end for item in facts.work_of(invoice)), default=None)
    served: date | None = worked or invoice.period_end
    return None if served is None else max((invoice.issued_on - served).days, 0)


def billing_in_order(facts: CaseFacts) -> Found:
    """Nothing of this client is unbilled, in draft or never sent: mend that before anybody else is sent after the money."""
    gaps = [item for item in facts.open_findings if item.finding.kind is FindingKind.BILLING_GAP]
    drafts = [label(item) for item in facts.client.invoices if item.status is DocumentStatus.DRAFT]
    unsent = [label(item) for item in facts.invoices if item.sent is False]
    wrong = [f"{counted(len(gaps), 'agreement period')} not billed"] * bool(gaps)
    wrong += [f"draft: {listed(drafts)}"] * bool(drafts) + [f"never sent: {listed(unsent)}"] * bool(unsent)
    if wrong:
        return failed("; ".join(wrong), "Bill, finish or send them first.", *drafts, *unsent)
    return passed("nothing unbilled, no draft, nothing unsent")


def books_ready(facts: CaseFacts) -> Found:
    """The books are tidy for this client: no cash waits to be applied or deposited, nothing stands twice."""
    balance, books = facts.client.balance(facts.currency), facts.client
    loose = {"unapplied": balance.unapplied_payments, "in credits": balance.remaining_credits}
    wrong = [f"{amount} {what}" for what, amount in loose.items() if amount.minor > 0]
    waiting = [item for item in books.payments if item.deposited is False and item.status is PaymentStatus.RECEIVED]
    wrong += [f"{counted(len(waiting), 'payment')} not deposited"] * bool(waiting)
    twice = [item for item in facts.open_findings if item.finding.kind in _COPIES]
    wrong += [f"{counted(len(twice), 'duplicate')}"] * bool(twice)
    if wrong:
        return failed("; ".join(wrong), "Tidy up the books first: duesync findings list", *wrong)
    return passed("no unapplied or undeposited money, no duplicates")


def sources_fresh(facts: CaseFacts) -> Found:
    """Every system that knows this client was read lately."""
    here = sorted({party.connection for party in facts.client.parties})
    ages = {name: facts.source_ages.get(name) for name in here}
    stale = [name for name, age in ages.items() if age is None or age > facts.checks.fresh_hours]
    if stale or not here:
        return failed(
            f"not read for {facts.checks.fresh_hours} hours: {listed(stale) or 'anything'}", "Run: duesync sync", *stale
        )
    return passed(f"read within {facts.checks.fresh_hours} hours: {', '.join(here)}")


def no_dispute(facts: CaseFacts) -> Found:
    """No dispute about these invoices is open, here or at a vendor."""
    held = facts.standing(HoldKind.DISPUTE)
    told = [label(item) for item in facts.invoices if item.disputed]
    if held or told:
        words = [item.reason or "disputed" for item in held] + [f"{name}: disputed at its vendor" for name in told]
        return failed(
            listed(words), "Answer the client first; a debt in dispute needs more papers.", *(item.id for item in held), *told
        )
    return passed("no dispute is open")


CHECKS = tuple(
    Check(id=name, title=title, group=Group.ACCOUNT, requirements=ids, look=look, asks=asks)
    for name, title, ids, look, asks in (
        ("charges_agree", "Charges agree across systems", ("A21", "A4"), charges_agree, ""),
        ("no_open_finding", "No open finding", ("A20", "A99"), no_open_finding, ""),
        ("really_owed", "Owed on balance", ("A99", "A12"), really_owed, ""),
        ("old_enough", "Old enough", ("A83",), old_enough, ""),
        (
            "service_levels",
            "Service levels kept",
            ("A22",),
            service_levels,
            "Were the service levels kept, or is the breach settled?",
        ),
        (
            "no_unresolved_ticket",
            "No unresolved ticket",
            ("A23",),
            no_unresolved_ticket,
            "Is nothing the client asked for still open?",
        ),
        ("no_dispute", "No open dispute", ("A94", "A85"), no_dispute, ""),
        ("invoiced_on_time", "Invoiced on time", ("A70",), invoiced_on_time, ""),
        ("billing_in_order", "Billing in order", ("A71",), billing_in_order, ""),
        ("books_ready", "Books ready", ("A77",), books_ready, ""),
        ("sources_fresh", "Systems read lately", ("A77", "A20"), sources_fresh, ""),
    )
)
