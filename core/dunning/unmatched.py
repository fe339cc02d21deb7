"""Settings that mean nobody: a client, segment or invoice written otherwise than any that is known.

Such an override changes nothing, and a misspelt `follow = false` would let its client be chased.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from core.books import Account
from core.dunning.policy import DunningSettings


def unmatched(
    settings: DunningSettings, clients: Iterable[str], accounts: Collection[Account], connections: Collection[str]
) -> tuple[str, ...]:
    """Each key of `settings.accounts`, `settings.segments` and `clients` (the keys of [accounts]) that means none of `accounts`,
    and each of `settings.invoices` that names none of `connections`, as a sentence with what was perhaps meant.
    """
    known = {name: True for account in accounts for name in _names(account)}
    folded = {name.casefold() for name in known}
    segments = sorted({account.segment for account in accounts if account.segment})
    found = [_said(f'dunning.accounts."{key}"', key, known) for key in settings.accounts if key.casefold() not in folded]
    found += [_said(f'accounts."{key}"', key, known) for key in clients if key.casefold() not in folded]
    found += [_said(f'dunning.segments."{key}"', key, segments) for key in settings.segments if key not in segments]
    elsewhere = [key for key in settings.invoices if key.partition(":")[0] not in connections]
    found += [_said(f'dunning.invoices."{key}"', key, [f"{name}:REF" for name in connections]) for key in elsewhere]
    return tuple(found)


def _names(account: Account) -> Iterable[str]:
    yield account.id
    yield account.name
    yield from (f"{party.connection}:{party.ref}" for party in account.parties)


def _said(place: str, key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key, list(known), n=1, cutoff=0.75)
    meant = f'; perhaps "{close[0]}" is meant' if close else ""
    return f"{place} matches nothing that is known{meant}"
