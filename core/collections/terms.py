"""What a person knows of a client's contract that no system says: `[accounts.NAME.contract]` and its neighbours.

Every field may stay unset, and unset means unknown, not no: an unknown term never passes a check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LAW = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
# A country and region as systems write them -> the code of its law. Regions are ISO 3166-2 already, except these.
_UK = {"ENG": "GB-EAW", "WLS": "GB-EAW", "EAW": "GB-EAW", "SCT": "GB-SCT", "NIR": "GB-NIR"}
_BY_REGION = frozenset({"US", "CA", "AU", "GB"})  # countries whose parts each have a law of their own


def _law(value: str) -> str:
    upper = value.strip().upper()
    if not _LAW.fullmatch(upper):
        raise ValueError('write the law as a code such as "US-TX", "GB-EAW" (England and Wales) or "NZ"')
    return upper


LawCode = Annotated[str, AfterValidator(_law)]


class ContractTerms(BaseModel):
    """What the signed contract with this client says. Read it before a hand-over; what is not set here counts as unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    governing_law: LawCode | None = Field(None, description='law the contract names, such as "US-TX" or "GB-EAW"')
    venue: str | None = Field(None, description="court or place the contract names")
    signed: bool | None = Field(None, description="is there a contract signed by the client?")
    signed_on: date | None = Field(None, description="the day it was signed")
    deed: bool = Field(False, description="made as a deed (a longer period in some laws)")
    goods: bool = Field(False, description="mostly goods such as hardware, not services")
    net_days: int | None = Field(None, ge=0, le=365, description="days to pay that the contract states")
    late_fee: str | None = Field(None, description="its clause on late fees, in a few words")
    interest_percent: Decimal | None = Field(None, ge=0, le=100, description="interest a year it allows, in percent")
    collection_costs: bool | None = Field(None, description="does it let you recover the costs of collecting?")
    suspension_notice_days: int | None = Field(None, ge=0, le=365, description="days of notice before service may be suspended")
    guarantee: bool | None = Field(None, description="did a person guarantee the debt?")

    def unstated(self) -> tuple[str, ...]:
        """The terms on late payment that nobody has looked up yet, in words."""
        return tuple(_unstated(self))


def _unstated(terms: ContractTerms) -> Iterator[str]:
    if terms.net_days is None:
        yield "days to pay"
    if terms.late_fee is None and terms.interest_percent is None:
        yield "late fee or interest"
    if terms.collection_costs is None:
        yield "who bears the costs of collecting"
    if terms.governing_law is None:
        yield "governing law"


def law_of(country: str | None, region: str | None, names: Mapping[str, str] | None = None) -> str | None:
    """The law of an address, as the table names it: US and TX are US-TX. None where the region is needed and missing.

    `names` are laws by code with the region's full name, for systems that write "Texas".
    """
    land, part = (country or "").strip().upper(), (region or "").strip().upper()
    whole = {f"{code.partition('-')[0]}/{name.upper()}": code for code, name in (names or {}).items()}
    if f"{land}/{part}" in whole:
        return whole[f"{land}/{part}"]
    if not re.fullmatch(r"[A-Z]{2}", land):
        return None
    if land == "GB":
        return _UK.get(part)
    if land not in _BY_REGION:
        return land
    part = part.removeprefix(f"{land}-")
    return f"{land}-{part}" if re.fullmatch(r"[A-Z]{2,3}", part) else None
