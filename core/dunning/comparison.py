"""Two replays side by side: what each policy would have cost clients and gained, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from core.dunning.backtest import Replay, Said
from core.dunning.policy import StageKind, Way
from core.records import RecordKey

_CHASES = frozenset({StageKind.REMINDER, StageKind.STATEMENT, StageKind.FINAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one policy comes to. Calls are counted apart from messages.

    `paid`: messages about an invoice whose money had come by then; `held`: about one under a hold or dispute; `soon`: messages
    whose invoices were all paid within three days anyway. `first_contact`: the median days past due at which an invoice was
    chased first; None when none was.
    """

    messages: int
    calls: int
    clients: int
    most: int
    by_stage: Mapping[str, int] = field(hash=False)
    paid: int
    held: int
    soon: int
    invoices: int
    first_contact: float | None
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientChange:
    """One client who would have heard more or less often: messages under the present and under the proposed policy."""

    account: str
    present: int
    proposed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The present and the proposed policy over the same past."""

    present: Cost
    proposed: Cost
    changed: tuple[ClientChange, ...]
    dropped: int  # invoices only the present policy would have chased
    added: int  # invoices only the proposed one would have


def cost_of(replay: Replay) -> Cost:
    """Everything countable about one replay."""
    mails = _messages(replay.said)
    first = _first_chased(replay.said)
    per_client = Counter(item.account for item in mails)
    return Cost(
        messages=len(mails),
        calls=len(replay.said) - len(mails),
        clients=len(per_client),
        most=max(per_client.values(), default=0),
        by_stage=dict(sorted(Counter(item.stage for item in replay.said).items())),
        paid=sum(1 for item in mails if item.paid),
        held=sum(1 for item in mails if item.held),
        soon=sum(1 for item in mails if item.soon),
        invoices=len(first),
        first_contact=median(first.values()) if first else None,
        kept=len(replay.kept),
    )


def compare(present: Replay, proposed: Replay) -> Comparison:
    """What changes. Clients come with the largest change first."""
    before = Counter(item.account for item in _messages(present.said))
    after = Counter(item.account for item in _messages(proposed.said))
    changed = [
        ClientChange(account=name, present=before[name], proposed=after[name])
        for name in before.keys() | after.keys()
        if before[name] != after[name]
    ]
    old, new = _first_chased(present.said).keys(), _first_chased(proposed.said).keys()
    return Comparison(
        present=cost_of(present),
        proposed=cost_of(proposed),
        changed=tuple(sorted(changed, key=lambda item: (-abs(item.proposed - item.present), item.account))),
        dropped=len(old - new),
        added=len(new - old),
    )


def _messages(said: Iterable[Said]) -> Sequence[Said]:
    return [item for item in said if item.way is not Way.CALL]


def _first_chased(said: Iterable[Said]) -> dict[RecordKey, int]:
    """Days past due at which each invoice was chased first. `said` is in order of days."""
    first: dict[RecordKey, int] = {}
    for item in said:
        if item.kind in _CHASES and item.way is not Way.CALL:
            for key, days in item.late.items():
                first.setdefault(key, days)
    return first
