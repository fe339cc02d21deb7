"""Which open invoices idle cash most likely pays: cash application (`core.matching`) asked for one client's own papers.

Only the client's records are asked, never its neighbours', so that examining one account says what a full pass says. Cost is
bounded by `core.matching.MatchSettings`; a search that reached its bound is told as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.matching import solve
from core.matching.from_records import incoming_payment, open_invoice
from core.money import Money
from core.reconcile.desk import Desk
from core.records import Invoice, Payment, RecordKey, key_of


@dataclass(frozen=True, slots=True)
class Proposal:
    """`amount` of a payment would settle (part of) `invoice`; `confidence` is calibrated, `reason` is in words."""

    invoice: Invoice
    amount: Money
    confidence: float
    reason: str


def proposals(desk: Desk, payments: Sequence[Payment]) -> Mapping[RecordKey, tuple[Proposal, ...]]:
    """What each of these payments of the account most likely pays, by payment; one for which nothing fits is left out."""
    names = {(item.connection, item.ref): item.name for item in desk.books.parties}
    owed = {str(key_of(item)): item for item in desk.open_invoices if key_of(item) not in desk.extra_invoices}
    found: dict[RecordKey, list[Proposal]] = defaultdict(list)
    # An account with two companies of its own keeps each one's cash to its own invoices.
    for connection in sorted({item.connection for item in payments}):
        bills = [
            open_invoice(item, party=names.get((connection, item.party_ref), ""), account=desk.account)
            for item in owed.values()
            if item.connection == connection
        ]
        mine = {str(key_of(item)): item for item in payments if item.connection == connection}
        cash = [incoming_payment(replace(item, unapplied=desk.idle(item)), account=desk.account) for item in mine.values()]
        for match in solve(filter(None, bills), filter(None, cash)).matches:
            proposal = Proposal(owed[match.invoice_id], match.amount, match.confidence, match.reason)
            found[key_of(mine[match.payment_id])].append(proposal)
    return {key: tuple(items) for key, items in found.items()}
