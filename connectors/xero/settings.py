"""The keys of [connections.NAME] with type = "xero".

Two ways in: a custom connection (client id and secret, one organisation, nothing to click; for AU, NZ, UK and US organisations)
or a person's consent (`duesync auth`, with PKCE; without client_secret for PKCE apps). Every kind of write has its own switch,
off by default. Sources: Xero OAuth 2.0, granular scopes FAQ and limits guides.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _address(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback)):
        raise ValueError("write a full https:// address (http only on this machine)")
    return value.rstrip("/")


def _tenant(value: str) -> str:
    if not _GUID.fullmatch(value):
        raise ValueError("write the tenant id (a GUID), as `duesync doctor` lists it; it is not the connection id")
    return value.lower()


Address = Annotated[str, AfterValidator(_address)]
TenantId = Annotated[str, AfterValidator(_tenant)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Push(_Section):
    """What duesync may write in Xero; each kind by itself."""

    notes: bool = Field(False, description="write history notes on invoices, credit notes, payments and contacts")
    invoices: bool = Field(False, description="have Xero mail an invoice with its own template")
    fields: bool = Field(False, description="set an invoice's expected payment date, and mark it as sent")


class XeroSettings(_Section):
    """One Xero organisation."""

    client_id: str = Field(min_length=1, description="of your app at Xero's developer portal")
    client_secret: SecretStr | None = Field(None, description="by reference; a PKCE app has none")
    grant: Literal["client_credentials", "authorization_code"] = Field(
        "client_credentials", description="client_credentials: custom connection; authorization_code: `duesync auth`"
    )
    tenant_id: TenantId | None = Field(None, description="the organisation, where a consent covers several")
    scopes: tuple[str, ...] | None = Field(None, description="asked for instead of those that follow from the other keys")
    deposits: bool = Field(True, description="read bank transactions too, to find receipts coded past their invoices")
    expect_reconciled: bool = Field(False, description="read payments nobody matched to a bank line as not yet deposited")
    webhook_key: SecretStr | None = Field(None, description="signing key of your app's webhooks, by reference")
    push: Push = Push.model_validate({})
    page_size: int = Field(1000, ge=1, le=1000, description="rows a call; Xero allows up to 1000")
    full_read_hours: float = Field(24.0, gt=0, description="read every list whole this often: some edits leave no other trace")
    calls_per_minute: int = Field(60, ge=1, description="Xero allows 60 per organisation and app")
    calls_per_day: int = Field(5000, ge=10, description="5000 on Core and above, 1000 on Starter")
    day_reserve: int = Field(50, ge=0, description="calls of a day that pulling leaves for reminders and for looking before them")
    base_url: Address = Field("https://api.xero.com/api.xro/2.0", description="the Accounting API; another one for a sandbox")
    identity_url: Address | None = Field(None, description="serves sign-in and the list of organisations, for a sandbox")

    @model_validator(mode="after")
    def _secret_where_needed(self) -> XeroSettings:
        if self.grant == "client_credentials" and self.client_secret is None:
            raise ValueError("a custom connection needs client_secret; for consent by a person set grant = authorization_code")
        return self

    @property
    def token_url(self) -> str:
        """Where tokens come from."""
        return f"{self.identity_url or 'https://identity.xero.com'}/connect/token"

    @property
    def authorize_url(self) -> str:
        """What a person opens to consent."""
        return f"{self.identity_url or 'https://login.xero.com'}/identity/connect/authorize"

    @property
    def connections_url(self) -> str:
        """The list of organisations a consent covers."""
        return f"{self.identity_url or 'https://api.xero.com'}/connections"

    @property
    def asked_scopes(self) -> tuple[str, ...]:
        """The granular scopes what is switched on needs, unless `scopes` says otherwise."""
        if self.scopes is not None:
            return self.scopes
        writes = self.push.notes or self.push.invoices or self.push.fields
        return (
            *(("offline_access",) if self.grant == "authorization_code" else ()),
            "accounting.contacts" if self.push.notes else "accounting.contacts.read",
            "accounting.invoices" if writes else "accounting.invoices.read",
            "accounting.payments" if self.push.notes else "accounting.payments.read",
            *(("accounting.banktransactions.read",) if self.deposits else ()),
            "accounting.settings.read",
        )
