"""Who else reminds the clients of a connection: what each vendor last said of it, and for how long that is believed.

The gate asks again once a day. Between two askings a review holds back what the gate would refuse, instead of writing it anew at
every run; after a day it lets one message through to the gate, which asks the vendor, so that nobody stays silent for what ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.ports import OtherSender
from core.store import Store

KNOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownSenders:
    """Who else reminds the clients of a connection, as it said at `at`."""

    at: datetime
    found: tuple[OtherSender, ...]

    def believed(self, now: datetime) -> bool:
        """Is it young enough to go by?"""
        return self.at + KNOWN_FOR > now


def known_senders(store: Store, name: str) -> KnownSenders | None:
    """What a connection last said of others who remind; None when it was never asked."""
    kept = store.setting(f"senders.{name}")
    if kept is None:
        return None
    found = tuple(OtherSender(what=what, certain=certain) for what, certain in kept["found"])
    return KnownSenders(datetime.fromisoformat(kept["at"]), found)


def remember_senders(store: Store, name: str, senders: tuple[OtherSender, ...], now: datetime) -> None:
    """Keep what a connection said of others who remind, for previews and for the gate."""
    found = [(item.what, item.certain) for item in senders]
    store.put_setting(f"senders.{name}", {"at": now.isoformat(), "found": found})


def certain_senders(store: Store, names: Iterable[str], now: datetime | None) -> Mapping[str, Sequence[str]]:
    """What certainly reminds too, by connection; with `now` only what is still believed."""
    kept = {name: known_senders(store, name) for name in names}
    return {
        name: [item.what for item in known.found if item.certain]
        for name, known in kept.items()
        if known is not None and (now is None or known.believed(now)) and any(item.certain for item in known.found)
    }
