"""Addresses a channel refused for good while it was handed a message: on the client's record they are bounces (notes A56, E23).

So the next message goes to another contact, and a person is asked to find the right address.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.actions import Refusal, SendReminder
from core.messages.clean import one_line
from core.outbox import ContactKind, OutboxRow, PastContact
from core.records import RecordKey, Stream


def bounces_of(row: OutboxRow, refused: Iterable[Refusal], now: datetime) -> list[PastContact]:
    """An entry of the contact log for each refused address of a message."""
    action = row.action
    if not isinstance(action, SendReminder):
        return []
    return [
        PastContact(
            account=action.account,
            kind=ContactKind.BOUNCE,
            at=now,
            channel=action.connection,
            invoices=tuple(RecordKey(item.connection, Stream.INVOICES, item.ref) for item in action.invoices),
            to=(item.address,),
            subject=action.subject,
            outcome=one_line(item.reply, 200) or "refused",
        )
        for item in refused
    ]
