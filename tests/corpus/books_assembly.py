"""Loose records put together as the books the store would load: parties linked to accounts, everything under its client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from core.books import Account, AccountBooks, Books
from core.linking import link_accounts
from core.records import (
    STREAM_OF,
    Deposit,
    Invoice,
    Malformed,
    Party,
    Payment,
    Record,
    RecordKey,
    Ref,
    Role,
    Stream,
)

AS_OF = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
STRANGERS = Account(id="", name="", parties=())


def assemble(
    records: Iterable[Record],
    *,
    roles: Mapping[str, Role] | None = None,
    as_of: datetime = AS_OF,
    explicit: Mapping[str, Sequence[str]] | None = None,
    malformed: Sequence[tuple[str, Malformed]] = (),
) -> Books:
    """The books of `records`; every connection is "books" unless `roles` says otherwise."""
    everything = sorted(records, key=lambda item: (item.connection, item.ref))
    parties = [item for item in everything if isinstance(item, Party)]
    invoices = [item for item in everything if isinstance(item, Invoice)]
    places = roles or dict.fromkeys(sorted({item.connection for item in everything}), Role.BOOKS)
    linked = link_accounts(parties, invoices, explicit=explicit, roles=places)
    owner = {key: account.id for account in linked.accounts for key in account.parties}
    held: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    payers = {(item.connection, item.ref): item.party_ref for item in everything if isinstance(item, Payment)}
    for record in everything:
        for account in sorted(_owners(record, owner, payers)):
            held[account][STREAM_OF[type(record)].value].append(record)
    accounts = {item.id: _books(item, held[item.id], places) for item in linked.accounts}
    strangers = _books(STRANGERS, held[""], places)
    return Books(as_of=as_of, accounts=accounts, unassigned=strangers, roles=places, malformed=tuple(malformed))


def _books(account: Account, streams: Mapping[str, list[Record]], roles: Mapping[str, Role]) -> AccountBooks:
    return AccountBooks(account=account, roles=roles, **{name: tuple(items) for name, items in streams.items()})


def _owners(record: Record, owner: Mapping[RecordKey, str], payers: Mapping[tuple[str, Ref], Ref | None]) -> set[str]:
    if isinstance(record, Deposit):
        refs = [line.party_ref or payers.get((record.connection, line.payment_ref or Ref(""))) for line in record.lines]
    else:
        refs = [record.ref if isinstance(record, Party) else getattr(record, "party_ref", None)]
    found = {owner.get(RecordKey(record.connection, Stream.PARTIES, ref), "") for ref in refs if ref is not None}
    return found or {""}
