"""The keys of [connections.NAME] with type = "connectwise".

Every kind of write has its own switch, off by default (design section 4: nothing leaves the machine unasked).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from connectors.connectwise import conditions

_HOST = re.compile(r"(?=.{4,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_CODEBASE = re.compile(r"v[0-9]{1,4}_[0-9a-z_]{1,12}/?")


def _site(value: str) -> str:
    bare = value.strip().lower().removeprefix("https://").rstrip("/").removeprefix("api-")
    if not _HOST.fullmatch(bare):
        raise ValueError('write the host you sign in at, such as "na.myconnectwise.net"')
    return bare


def _base_url(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback)):
        raise ValueError("write a full https:// address (http only on this machine)")
    return value.rstrip("/")


def _codebase(value: str | None) -> str | None:
    if value is None:
        return None
    if not _CODEBASE.fullmatch(value):
        raise ValueError('write a codebase such as "v4_6_release"')
    return value.rstrip("/") + "/"


def _askable(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        conditions.text(name)
    return names


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Push(_Section):
    """What duesync may write in ConnectWise; each kind by itself."""

    ticket: bool = Field(False, description="open service tickets")
    ticket_note: bool = Field(False, description="write internal notes on tickets")
    company_note: bool = Field(False, description="write notes on companies")
    custom_field: bool = Field(False, description="set custom fields of companies, tickets and invoices")
    company_status: bool = Field(False, description="change a company's status, for a credit hold")
    payment: bool = Field(False, description="record payments that your books have and ConnectWise lacks; never removes one")
    ticket_board: str | None = Field(None, description="board that new tickets go to; needed for ticket")
    ticket_status: str | None = Field(None, description="status of new tickets on that board; its default without")
    payment_type: str | None = Field(None, description="payment type written with a payment, as your ConnectWise names it")
    note_type: str | None = Field(None, description="note type of company notes; ConnectWise's default without")
    notify: bool = Field(False, description="let ConnectWise's own workflow mails go out for tickets and notes written here")


class Webhook(_Section):
    """Callbacks: ConnectWise tells of changes at once. Without them, or when they fail, the next pull brings everything."""

    url: str | None = Field(None, description='public address of this daemon\'s webhook, ending in "recordId="')
    keep_registered: bool = Field(False, description="create missing callbacks and switch disabled ones on again, once a day")


class ConnectwiseSettings(_Section):
    """One ConnectWise PSA company."""

    site: Annotated[str, AfterValidator(_site)] = Field(description='host you sign in at, such as "na.myconnectwise.net"')
    company_id: str = Field(min_length=1, max_length=100, description="company name you type when signing in")
    public_key: SecretStr = Field(description="public key of the API member, by reference")
    private_key: SecretStr = Field(description="private key of the API member, by reference")
    client_id: str = Field(min_length=1, max_length=100, description="client id from developer.connectwise.com/ClientID")
    version: str = Field("2025.8", pattern=r"^20\d\d\.\d{1,2}$", description="version of the API models asked for")
    codebase: Annotated[str | None, AfterValidator(_codebase)] = Field(None, description="fixed codebase; found out without")
    base_url: Annotated[str | None, AfterValidator(_base_url)] = Field(
        None, description="address used instead of https://SITE and https://api-SITE, for a sandbox or a proxy"
    )
    boards: Annotated[tuple[str, ...], AfterValidator(_askable)] = Field((), description="service boards to read; all without")
    leave_out: tuple[Literal["contacts", "agreements", "payments", "tickets", "work"], ...] = Field(
        (), description="what not to read, where the API member may not see it"
    )
    since: date | None = Field(None, description="read no invoice, ticket or time entry from before; open invoices always")
    closed_ticket_statuses: tuple[str, ...] = Field((), description="ticket statuses that mean done although not marked closed")
    dispute_statuses: tuple[str, ...] = Field((), description="billing statuses that mean the client disputes the invoice")
    page_size: int = Field(1000, ge=1, le=1000, description="rows asked for at once; ConnectWise allows 1000")
    calls_per_minute: int = Field(500, ge=1, le=1000, description="own limit; ConnectWise slows callers down above 1000")
    sweep_hours: float = Field(24.0, gt=0, description="how often companies, contacts, invoices, agreements are listed in full")
    slow_sweep_hours: float = Field(168.0, gt=0, description="the same for payments, tickets and time, which are many")
    overlap_minutes: float = Field(15.0, ge=1, le=1440, description="how far each pull reaches back behind the last change seen")
    push: Push = Push.model_validate({})
    webhook: Webhook = Webhook.model_validate({})
