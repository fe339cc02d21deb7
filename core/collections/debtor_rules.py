"""Rules that bind a creditor or agency by who the client is and where: pointers with their citation, never advice (A30, A34)."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

import msgspec

from core.collections.clocks_table import read_toml, shipped_text
from core.money import Money


class DebtorRule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"first": "from", "last": "until"}
):
    """One rule: for whom (`who`), where (`law`), when, up to which amount, and whether somebody has to sign it off."""

    law: str
    who: Literal["natural", "company", "any"]
    text: str
    citation: str
    needs: Literal["", "sign-off"] = ""
    first: date | None = None
    last: date | None = None
    at_most: str = ""
    source: str = ""
    confirmed: bool = False

    def holds(self, laws: frozenset[str], natural: bool | None, claimed: Money, today: date) -> bool:
        """Does it concern a claim of `claimed` against this client? Where it is not known who the client is, every rule does."""
        person = natural is None or self.who in ("any", "natural" if natural else "company")
        dated = (self.first is None or today >= self.first) and (self.last is None or today <= self.last)
        return self.law in laws and person and dated and self._within(claimed)

    def _within(self, claimed: Money) -> bool:
        if not self.at_most:
            return True
        amount, _, currency = self.at_most.partition(" ")
        return claimed.currency != currency or claimed <= Money.parse(amount, currency)


class _Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[DebtorRule, ...]
    members_of_eu: frozenset[str]


@cache
def _shipped() -> _Page:
    page: _Page = read_toml(shipped_text("debtor_rules.toml"), _Page, "debtor_rules.toml")
    return page


def rules_for(laws: frozenset[str], natural: bool | None, claimed: Money, today: date) -> tuple[DebtorRule, ...]:
    """The shipped rules that concern this claim. `laws` are codes such as US-TX; their country's rules count too."""
    page = _shipped()
    countries = {law.partition("-")[0] for law in laws}
    near = frozenset({*laws, *countries, *({"EU"} if countries & page.members_of_eu else ())})
    return tuple(rule for rule in page.rule if rule.holds(near, natural, claimed, today))
