"""`[agencies.NAME]` in duesync.toml: who collects for you, over which connection, for which share, and when silence is too long.

Shares are percentages of what the client pays, as decimals; rates are read from the first row that fits, as in economics.toml.
The guides' ranges (30-50 %, market pages 10-50 %) are in product notes F.5; nothing is assumed for an agency you did not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.collections.statuses import MEANINGS
from core.messages.clean import addresses
from core.money import Money

SHORTEST_ALIAS = 4  # letters by which an agency is known in a payment's text
Percent = Annotated[Decimal, Field(ge=0, le=100)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(_Section):
    """One row of a rate card: the share of a claim at least `age_from` days past due and at least `from` large."""

    age_from: int = Field(0, ge=0, description="days past due, at least")
    amount_from: Decimal = Field(Decimal(0), ge=0, description="amount of the claim in major units, at least")
    percent: Percent = Field(description="share of what is collected")
    legal: Percent | None = Field(None, description="share once a lawyer or court is needed; none: the same")


class AgencySettings(_Section):
    """A collection agency or lawyer you may hand cases to. Nothing goes there before a person places a case."""

    name: str = Field(min_length=1, max_length=120, description="its name, as clients and notes will read it")
    connection: str = Field(description='connection of type "agency", or "mail"')
    to: tuple[str, ...] = Field((), description="addresses that take placements, where connection is mail")
    rates: tuple[Rate, ...] = Field((), description="its rate card, best fitting row first")
    direct_percent: Percent | None = Field(
        None, description="share it takes of payments made straight to you; none: as of those it collects"
    )
    tell_within_hours: int = Field(48, ge=1, le=720, description="a payment made straight to you is told within so many hours")
    acknowledge_days: int = Field(3, ge=1, le=60, description="days without an acknowledgement until it is asked after")
    silence_days: int = Field(30, ge=1, le=365, description="days without a word on a case until it is asked after")
    licensed_in: tuple[str, ...] = Field(
        (), description="states or countries it may collect in, such as TX or GB; none: not checked"
    )
    memberships: tuple[str, ...] = Field((), description="associations it belongs to, for your own records")
    reports_from: tuple[str, ...] = Field(
        (), description="addresses its reports come from by mail, attached as CSV or JSON; needs [mail] inbox and verified_by"
    )
    aliases: tuple[str, ...] = Field((), description="names under which its remittances appear in bank and books")
    codes: dict[str, str] = Field(default_factory=dict, description="its status codes, each with one of duesync's meanings")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unknown = sorted(set(self.codes.values()) - set(MEANINGS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no meaning of a status; known: {', '.join(sorted(MEANINGS))}")
        wrong = [item for item in (*self.to, *self.reports_from) if addresses(item) != (item,)]
        if wrong:
            raise ValueError(f'"{wrong[0]}" is not an e-mail address')
        short = [item for item in self.aliases if len(item.strip()) < SHORTEST_ALIAS]
        if short:
            raise ValueError(
                f'the alias "{short[0]}" is too short to be told from other words: {SHORTEST_ALIAS} letters at least'
            )
        if self.connection == "mail" and not self.to:
            raise ValueError("an agency reached by mail needs an address in `to`")
        return self

    def share(self, claim: Money, days_past_due: int, *, legal: bool = False) -> Decimal | None:
        """Its percentage of a claim of this size and age; None where its card has no row that fits."""
        for rate in self.rates:
            if days_past_due >= rate.age_from and claim.decimal >= rate.amount_from:
                return rate.legal if legal and rate.legal is not None else rate.percent
        return None

    def may_collect_in(self, region: str | None, country: str | None) -> bool | None:
        """Is it licensed where the client is? None where that is not known, or nothing was said about licences."""
        places = {item.upper() for item in (region, country) if item}
        if not self.licensed_in or not places:
            return None
        return bool(places & {item.upper() for item in self.licensed_in})


def fee_of(amount: Money, percent: Decimal | None) -> Money:
    """The fee on an amount, half a minor unit rounded up; zero where no share is known."""
    share = Decimal(amount.minor) * (percent or Decimal(0)) / 100
    return Money(int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP)), amount.currency)


def connection_problems(agencies: Mapping[str, AgencySettings], known: Mapping[str, str], *, mail: bool) -> list[str]:
    """One line per agency whose connection is missing or of another kind. `known` are connections with their types."""
    lines = []
    for name, agency in agencies.items():
        if agency.connection == "mail":
            lines += [] if mail else [f"agencies.{name}.connection: there is no [mail] section"]
        elif agency.connection not in known:
            lines.append(f"agencies.{name}.connection: there is no connection called {agency.connection}")
    return lines
