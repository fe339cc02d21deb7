"""Calls by people: what may come of one, which of them count, and what the service desk's ticket of a call says.

A call is part of the cadence only with a known outcome (seed 000: the first answer to a late payment is a call, and its outcome
is required; product notes A9, A10). Where the client was spoken to, the reason why it is late is asked for as well (A11, A94).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.outbox import ContactKind, PastContact
from core.records import RecordKey, Ref, Stream, Ticket, key_of


class CallOutcome(StrEnum):
    """What came of a call."""

    REACHED = "reached"
    PROMISED = "promised"
    DISPUTED = "disputed"
    ALREADY_PAID = "already_paid"
    HARDSHIP = "hardship"
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    WRONG_NUMBER = "wrong_number"


class LateReason(StrEnum):
    """Why the client says it is late: two roads part here, a plan for want of cash and a dispute for want of service (A94)."""

    LOST_INVOICE = "lost_invoice"
    APPROVAL = "approval"
    PURCHASE_ORDER = "purchase_order"
    CASH_FLOW = "cash_flow"
    SERVICE = "service"
    WRONG_AMOUNT = "wrong_amount"
    FORGOTTEN = "forgotten"
    NOT_SAID = "not_said"
    OTHER = "other"


SPOKEN = frozenset(
    {CallOutcome.REACHED, CallOutcome.PROMISED, CallOutcome.DISPUTED, CallOutcome.ALREADY_PAID, CallOutcome.HARDSHIP}
)
HANDED_OVER = re.compile(r"ticket (?P<ref>\S+) opened")  # the outcome of the log's entry for a ticket of ours
_IN_WORDS = re.compile(r"outcome\s*[:=]\s*(?P<word>[a-z][a-z_ -]*[a-z])(?:\s+(?P<day>\d{4}-\d{2}-\d{2}))?", re.IGNORECASE)
_CALL_LOG = "call-"  # begins the name of a log entry made from a closed ticket: one entry per ticket


def handed_over(ref: str) -> str:
    """The outcome of the log's entry for a ticket of ours."""
    return f"ticket {ref} opened"


def counts(contact: PastContact) -> bool:
    """Is it a call with an outcome, made to where the client can be reached? A wrong number is no attempt."""
    outcome = contact.outcome.strip().casefold()
    return contact.kind is ContactKind.CALL and bool(outcome) and not outcome.startswith(CallOutcome.WRONG_NUMBER)


def own_tickets(history: Iterable[PastContact]) -> Iterator[tuple[RecordKey, PastContact]]:
    """The tickets we opened for this client, with the log's entry of each."""
    for item in history:
        found = HANDED_OVER.fullmatch(item.outcome) if item.kind is ContactKind.NOTE else None
        if found is not None:
            yield RecordKey(item.channel, Stream.TICKETS, Ref(found["ref"])), item


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """A call's ticket that was closed at the service desk. `outcome` None: nobody said what came of it."""

    ticket: Ticket
    handed: PastContact
    outcome: CallOutcome | None
    promised_on: date | None = None

    @property
    def name(self) -> str:
        """What its entry in the contact log is called."""
        return f"{_CALL_LOG}{self.handed.outbox_id}"

    def entry(self, now: datetime) -> PastContact:
        """The call as the contact log has it; ValueError where no outcome was said."""
        if self.outcome is None:
            raise ValueError(f"ticket {self.ticket.ref} has no outcome")
        return PastContact(
            account=self.handed.account,
            kind=ContactKind.CALL,
            at=min(self.ticket.closed_at or now, now),
            channel=self.handed.channel,
            stage=self.handed.stage,
            cycle=self.handed.cycle,
            invoices=self.handed.invoices,
            subject=f"ticket {self.ticket.ref}: {self.ticket.status or 'closed'}"[:200],
            outbox_id=self.name,
            outcome=str(self.outcome),
        )


def read_outcome(ticket: Ticket) -> tuple[CallOutcome | None, date | None]:
    """What a closed ticket says came of the call, and the day promised.

    Read from "outcome: left message" in its summary or, where the desk has a closing status per outcome, from the status's name.
    A promise without its day is no promise: None, so that a person is asked.
    """
    found = _IN_WORDS.search(ticket.summary)
    text = found["word"] if found else ticket.status or ""
    day = _day(found["day"]) if found and found["day"] else None
    words = re.sub(r"[^a-z]+", "_", text.casefold()).strip("_")
    outcome = next((item for item in CallOutcome if item == words or (found is None and _ends(words, item))), None)
    return (None, None) if outcome is CallOutcome.PROMISED and day is None else (outcome, day)


def _ends(words: str, outcome: CallOutcome) -> bool:
    """Is the outcome the end of a status such as "Closed - No answer"?"""
    return words.endswith(f"_{outcome}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def closed_calls(history: Sequence[PastContact], tickets: Iterable[Ticket], stages: Iterable[str]) -> tuple[CallResult, ...]:
    """The calls' tickets that are closed and of which the log has no call yet. `stages` are the policy's call stages."""
    wanted, logged = set(stages), {item.outbox_id for item in history if item.kind is ContactKind.CALL}
    by_key = {key_of(item): item for item in tickets if item.closed}
    found = []
    for key, handed in own_tickets(history):
        ticket = by_key.get(key)
        if ticket is None or handed.stage not in wanted:
            continue
        outcome, day = read_outcome(ticket)
        result = CallResult(ticket=ticket, handed=handed, outcome=outcome, promised_on=day)
        later = any(counts(item) and item.at >= handed.at for item in history)
        if result.name not in logged and not (outcome is None and later):
            found.append(result)
    return tuple(found)
