"""The section that says who you are, and what a time zone, a currency, a country and a language are in the settings."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.messages.texts import LANGUAGES
from core.money import MoneyError, check_currency


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f'"{value}" is not a time zone; write an IANA name such as "America/Chicago"')
    return value


def _currency(value: str) -> str:
    try:
        return check_currency(value)
    except MoneyError as error:
        raise ValueError(str(error)) from error


def _country(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", value):
        raise ValueError('write the two-letter country code, such as "US"')
    return value.upper()


def _locale(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}(?:[-_][A-Za-z]{2})?", value) or value[:2].lower() not in LANGUAGES:
        spoken = ", ".join(sorted(LANGUAGES))
        raise ValueError(f'write a language ({spoken}) and, after a hyphen, the country, such as "de-AT"')
    return value.replace("_", "-")


Zone = Annotated[str, AfterValidator(_zone)]
Currency = Annotated[str, AfterValidator(_currency)]
Country = Annotated[str, AfterValidator(_country)]
Locale = Annotated[str, AfterValidator(_locale)]


class Organisation(BaseModel):
    """Who you are: the name your clients know, your time zone and the currency of your books."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200, description="the name clients know you by; signs every message")
    timezone: Zone = Field(description="IANA zone in which your days begin and end, such as America/Chicago")
    currency: Currency = Field(description="ISO 4217 code of your books, such as USD")
    country: Country = Field(description="two-letter country code; decides business days")
    region: str | None = Field(None, description="state or province, for its holidays, such as TX")
    locale: str = Field("en", description="language of messages to clients who have none of their own")
    locales: dict[Country, Locale] = Field(
        default_factory=dict, description='language of messages by the client\'s country, such as { DE = "de-DE", MX = "es-MX" }'
    )
    email: str | None = Field(None, description="where clients write to; named in messages")
    phone: str | None = Field(None, description="where clients call; named in messages")
    address: str | None = Field(None, description="postal address, for statements and letters")
    payment: str | None = Field(
        None,
        max_length=1000,
        description="how clients can pay, such as your bank details; lines are kept; said in messages",
    )
