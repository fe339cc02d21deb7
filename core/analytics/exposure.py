"""Credit limits and what is owed against them, per client and currency (A47). No system read so far has the limits: you set them.

What is owed is the net balance: open invoices, due or not, less unapplied money and credits. A client without a limit is not
listed; the sum of what such clients owe stands beside the list, so that a short list does not look like little risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from core.analytics.ageing import Ageing
from core.analytics.kpis import as_decimal
from core.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One client in one currency. `used` is what is owed in % of the limit, None where the limit is zero."""

    account: str
    name: str
    limit: Money
    owed: Money

    @property
    def over(self) -> Money:
        """How much more is owed than the limit allows; zero within it."""
        rest = self.owed - self.limit
        return rest if rest.minor > 0 else Money.zero(rest.currency)

    @property
    def used(self) -> Decimal | None:
        return as_decimal(Fraction(self.owed.minor * 100, self.limit.minor)) if self.limit.minor > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """Clients with a limit, the furthest over it first, and what all clients without one owe."""

    rows: tuple[Exposure, ...]
    unlimited: Money

    @property
    def over(self) -> tuple[Exposure, ...]:
        """Those above their limit."""
        return tuple(item for item in self.rows if item.over.minor > 0)


def exposures(found: Ageing, limits: Mapping[str, Mapping[str, Money]], currency: str) -> Exposures:
    """What clients owe in `currency` against their limits. `limits` are by account id and currency."""
    owed = {row.account: row for row in found.rows if row.currency == currency}
    rows = []
    for account, mine in sorted(limits.items()):
        if currency in mine:
            row = owed.get(account)
            name, net = (row.name, row.net) if row is not None else (account, 0)
            rows.append(Exposure(account=account, name=name, limit=mine[currency], owed=Money(net, currency)))
    named = {item.account for item in rows}
    rest = sum(max(row.net, 0) for account, row in owed.items() if account not in named)
    return Exposures(
        rows=tuple(sorted(rows, key=lambda item: (-item.over.minor, -(item.used or Decimal(0)), item.account))),
        unlimited=Money(rest, currency),
    )
