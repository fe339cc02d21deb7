"""To whom a message goes: the contact with the right role, never an address that bounced (product notes A56, E23)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.books import AccountBooks
from core.dunning.policy import Policy
from core.messages.clean import addresses
from core.outbox import ContactKind, PastContact
from core.records import Contact, Invoice

CONFIRMED = "address confirmed"  # outcome of a note after which a bounced address is used again
SOFT_BOUNCE = "soft"  # outcome of a bounce that was only temporary begins so
_SOFT_LIMIT = 3  # temporary failures in a row that count as a dead address


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Addresses of one message, the name to greet, and what was noticed on the way to them."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    name: str | None = None
    bounced: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Said where an address was passed over, or none was left."""
        if self.bounced and self.to:
            return f"{', '.join(self.bounced)} bounced; writing to {self.to[0]} instead"
        if self.bounced:
            return f"every known address bounced ({', '.join(self.bounced)})"
        return "" if self.to else "no e-mail address is known"


def dead_addresses(history: Iterable[PastContact]) -> frozenset[str]:
    """Addresses not to use: the last that is known of them is a bounce."""
    strikes: dict[str, int] = {}
    for item in sorted(history, key=lambda contact: contact.at):
        for address in item.to:
            key = address.casefold()
            if item.kind is ContactKind.BOUNCE:
                soft = item.outcome.casefold().startswith(SOFT_BOUNCE)
                strikes[key] = strikes.get(key, 0) + (1 if soft else _SOFT_LIMIT)
            elif item.kind is ContactKind.REPLY or item.outcome == CONFIRMED:
                strikes.pop(key, None)
    return frozenset(address for address, count in strikes.items() if count >= _SOFT_LIMIT)


def _with_role(contacts: Sequence[Contact], roles: Sequence[str]) -> Iterator[Contact]:
    for role in roles:
        yield from (item for item in contacts if role.casefold() in (item.role or "").casefold())


def _candidates(books: AccountBooks, policy: Policy, lead: Invoice) -> Iterator[tuple[str, str | None]]:
    """(address, name), best first: the role, the invoice's own address, the primary contact, the client's record, anybody."""
    contacts = sorted(
        (item for item in books.contacts if item.active and item.email),
        key=lambda item: (item.connection not in books.ledger_connections, not item.primary, item.connection, item.ref),
    )
    parties = sorted(
        (item for item in books.parties if item.email),
        key=lambda item: (item.connection != lead.connection or item.ref != lead.party_ref, item.connection, item.ref),
    )
    for contact in _with_role(contacts, policy.roles):
        yield from ((address, contact.name) for address in addresses(contact.email))
    yield from ((address, None) for address in addresses(lead.bill_email))
    for contact in contacts:
        if contact.primary:
            yield from ((address, contact.name) for address in addresses(contact.email))
    for party in parties:
        yield from ((address, None) for address in addresses(party.email))
    for contact in contacts:
        yield from ((address, contact.name) for address in addresses(contact.email))


def choose(books: AccountBooks, *, policy: Policy, history: Sequence[PastContact], lead: Invoice, escalate: bool) -> Recipient:
    """The recipient of a message led by `lead`; `escalate` copies whoever decides. `to` is empty where nobody can be reached."""
    dead = dead_addresses(history)
    passed: list[str] = []
    for address, name in _candidates(books, policy, lead):
        if address.casefold() in dead:
            passed.append(address)
            continue
        copies = _copies(books, policy, dead | {address.casefold()}) if escalate else ()
        return Recipient(to=(address,), cc=copies, name=name, bounced=tuple(dict.fromkeys(passed)))
    return Recipient(bounced=tuple(dict.fromkeys(passed)))


def _copies(books: AccountBooks, policy: Policy, without: frozenset[str]) -> tuple[str, ...]:
    contacts = [item for item in books.contacts if item.active and item.email]
    found = [address for item in _with_role(contacts, policy.escalate_roles) for address in addresses(item.email)]
    return tuple(dict.fromkeys(address for address in found if address.casefold() not in without))[:2]
