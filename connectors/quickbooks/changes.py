"""What changed since a pull, by change data capture. Decides when one call may serve all streams and which deletes to believe.

QuickBooks bills reads, so the first stream of a pass asks for every stream's entities at once and its neighbours use the same
answer, as long as they come in order and at once. Its own limit is 1000 objects in all; beyond it each stream asks for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.quickbooks.api import Changes, QuickBooksApi, RawRow
from connectors.quickbooks.applications import PURCHASES
from connectors.quickbooks.faults import FeatureMissing
from connectors.quickbooks.ledger import changed_at, is_gone
from connectors.quickbooks.reading import Row, Unreadable
from core.clock import Clock
from core.records import Stream

MOST_OBJECTS = 1000  # of one answer, over all its entities; more are cut off without a word
LOOK_BACK = timedelta(days=29)  # the service refuses more than 30
_SHARED_FOR = timedelta(seconds=60)

# What each stream must hear of. Depositing a payment changes the payment without moving its time, and how much of a journal entry
# is left stands only on payments.
HEARD: Mapping[Stream, tuple[str, ...]] = {
    Stream.PARTIES: ("Customer",),
    Stream.INVOICES: ("Invoice",),
    Stream.CREDIT_NOTES: ("CreditMemo",),
    Stream.PAYMENTS: ("Payment", "Deposit"),
    Stream.DEPOSITS: ("Deposit",),
    Stream.ADJUSTMENTS: ("JournalEntry", "Payment", "Purchase"),
    Stream.SALES: ("SalesReceipt",),
    Stream.REFUNDS: ("RefundReceipt",),
}
_ALL = tuple(dict.fromkeys(entity for names in HEARD.values() for entity in names))


class ChangeFeed:
    """Change data capture for the streams of one connection, in the order they are pulled."""

    def __init__(self, api: QuickBooksApi, clock: Clock, order: Sequence[Stream]) -> None:
        self._api = api
        self._clock = clock
        self._order = list(order)
        self._shared: tuple[datetime, datetime, Changes] | None = None  # (since, asked at, answer)
        self._served = 0

    def spoil(self) -> None:
        """Something else was asked or done meanwhile: the shared answer may be out of date."""
        self._shared = None

    def since(self, stream: Stream, since: datetime) -> Changes:
        """Everything the stream must hear of since an instant. `count` at MOST_OBJECTS or above means that some is missing."""
        place = self._order.index(stream)
        if place == 0:
            together = self._together(since)
            self._shared, self._served = ((since, self._clock.now(), together) if together else None), place
            return _only(together, HEARD[stream]) if together else self._alone(stream, since)
        shared = self._shared
        if shared is not None and place > self._served and shared[0] <= since and self._clock.now() - shared[1] <= _SHARED_FOR:
            self._served = place
            return _only(shared[2], HEARD[stream])
        self.spoil()
        return self._alone(stream, since)

    def _together(self, since: datetime) -> Changes | None:
        """Every stream's entities in one answer; None where that would be cut off, or where the company lacks one of them."""
        try:
            answer = self._api.changes(_ALL, since)
        except FeatureMissing:
            return None
        return answer if answer.count < MOST_OBJECTS else None

    def _alone(self, stream: Stream, since: datetime) -> Changes:
        """The stream's entities; its own one where the company lacks the other. FeatureMissing when it lacks that too."""
        try:
            return self._api.changes(HEARD[stream], since)
        except FeatureMissing:
            if len(HEARD[stream]) == 1:
                raise
        return self._api.changes(HEARD[stream][:1], since)


def _only(answer: Changes, entities: tuple[str, ...]) -> Changes:
    found = {name: answer.by_entity.get(name, ()) for name in entities}
    return Changes(by_entity=found, at=answer.at, count=sum(len(rows) for rows in found.values()))


def moved_unnamed(stream: Stream, rows: Iterable[RawRow], others: Iterable[RawRow], listed_at: datetime) -> bool:
    """Did something change rows of `stream` that the answer does not name? Then only a listing brings the truth.

    `others` are the rows of the other entity the stream hears of. A deposit edited or deleted frees payments it no longer names;
    a journal entry deleted takes as many adjustments with it as it had; a payment deleted, or applied to an entry, changes what
    is left of it.
    """
    if stream is Stream.PAYMENTS:
        return any(_is_since(item.row, listed_at) and _is_edited(item.row) for item in others)
    if stream is not Stream.ADJUSTMENTS:
        return False
    if any(_is_since(item.row, listed_at) and is_gone(item.row) for item in rows):
        return True
    return any(_is_since(item.row, listed_at) and (is_gone(item.row) or _uses_journal(item.row)) for item in others)


def links(row: Row) -> Iterator[tuple[str, str]]:
    """Type and id of each transaction that a row's lines name; those that cannot be read are left out."""
    try:
        found = [link for line in row.rows("Line") for link in line.rows("LinkedTxn")]
        yield from [(link.text("TxnType"), link.text("TxnId")) for link in found]
    except Unreadable:
        return


def _is_since(row: Row, at: datetime) -> bool:
    try:
        changed = changed_at(row)
    except Unreadable:
        return True
    return changed is None or changed >= at.replace(microsecond=0)


def _is_edited(row: Row) -> bool:
    return is_gone(row) or str(row.data.get("SyncToken")) != "0"


def _uses_journal(row: Row) -> bool:
    return any(kind == "JournalEntry" or kind in PURCHASES for kind, _ in links(row))
