"""What books and case say to the clocks: which law, whether signed, when the client last paid or owned up to the debt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from core.books import COUNTED_PAYMENTS, AccountBooks
from core.collections.case import Attachment, AttachmentKind
from core.collections.clocks import Bond, Reading, Restarts, read_clock
from core.collections.clocks_table import LimitTable
from core.collections.terms import ContractTerms, law_of
from core.dunning.calendars import Place
from core.outbox import Promise
from core.records import Invoice, key_of

ACKNOWLEDGED = "acknowledg"  # how the note of an attached letter says that the client owns up to the debt in it


def bond_of(
    books: AccountBooks,
    terms: ContractTerms,
    *,
    natural: bool | None,
    default_law: str | None,
    home: str | None,
    attachments: Sequence[Attachment] = (),
    names: Mapping[str, str] | None = None,
) -> Bond:
    """What ties the claim to a law. `default_law` is that of all contracts, `home` the law where we are,
    `names` the laws of the table with their names.

    Without a stated law the client's address and ours come into question. A signed agreement counts where one is attached, a
    person says so, or a system does.
    """
    signed = terms.signed
    if signed is None and (any(item.kind is AttachmentKind.AGREEMENT for item in attachments) or _signed(books)):
        signed = True
    places = [law_of(item.country, item.region, names) for item in books.parties]
    candidates = tuple(dict.fromkeys(law for law in (*places, home) if law))
    return Bond(
        law=terms.governing_law or default_law,
        candidates=candidates,
        written=signed,
        signed_on=terms.signed_on,
        deed=terms.deed,
        goods=terms.goods,
        consumer=natural,
    )


def _signed(books: AccountBooks) -> bool:
    return any(item.signed for item in books.agreements)


def restarts_of(
    invoice: Invoice, books: AccountBooks, promises: Sequence[Promise], attachments: Sequence[Attachment], place: Place
) -> Restarts:
    """The last part payment on the invoice, and the last promise or letter in which the client owns up to it."""
    key = key_of(invoice)
    paid = [
        item.applied_on or payment.paid_on
        for payment in books.payments
        if payment.connection == invoice.connection and payment.status in COUNTED_PAYMENTS
        for item in payment.allocations
        if item.invoice_ref == invoice.ref
    ]
    word = [place.today(item.made_at) for item in promises if item.invoice in (None, key)]
    letters = [place.today(item.at) for item in attachments if item.note.casefold().startswith(ACKNOWLEDGED)]
    said = max((*word, *letters), default=None)
    return Restarts(paid_on=max(paid, default=None), acknowledged_on=said, in_writing=bool(letters) and said == max(letters))


def readings_of(
    invoices: Sequence[Invoice],
    bond: Bond,
    restarts: Mapping[str, Restarts],
    table: LimitTable,
    *,
    today: date,
    warn_days: int,
) -> tuple[Reading, ...]:
    """The clock of every invoice. `restarts` by the invoice's name."""
    return tuple(
        read_clock(
            key_of(item),
            item.due_on or item.issued_on,
            bond,
            restarts.get(str(key_of(item)), Restarts()),
            table,
            today=today,
            warn_days=warn_days,
        )
        for item in invoices
    )
