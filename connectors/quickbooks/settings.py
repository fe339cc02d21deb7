"""The keys of [connections.NAME] with type = "quickbooks".

Every kind of write has its own switch, off by default. Budgets stay below Intuit's limits (10 calls a second, 500 a minute per
company; Intuit, "Limits and throttles").
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

WRITABLE_FIELDS = ("BillEmail", "CustomerMemo", "Notes", "PrivateNote")


def _address(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback)):
        raise ValueError("write a full https:// address (http only on this machine)")
    return value.rstrip("/")


def _realm(value: str) -> str:
    bare = value.replace(" ", "")
    if not bare.isdigit() or len(bare) > 40:
        raise ValueError("write the company id (realm id): only digits, shown under Settings > Account and settings > Billing")
    return bare


def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in WRITABLE_FIELDS:
            raise ValueError(f"{name!r} is not a field duesync may write; choose from {', '.join(WRITABLE_FIELDS)}")
    return names


Address = Annotated[str | None, AfterValidator(_address)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Push(_Section):
    """What duesync may write in QuickBooks; each kind by itself."""

    send_invoice: bool = Field(False, description="let QuickBooks mail an invoice with its own template")
    mark_sends: bool = Field(
        True, description="leave a note on the invoice before each mail, by which a lost answer is read back"
    )
    note: bool = Field(False, description="attach notes to invoices, credit memos, payments and customers")
    fields: Annotated[tuple[str, ...], AfterValidator(_fields)] = Field(
        (), description="header fields duesync may set: BillEmail, CustomerMemo, Notes, PrivateNote"
    )


class QuickBooksSettings(_Section):
    """One QuickBooks Online company."""

    realm_id: Annotated[str, AfterValidator(_realm)] = Field(description="company id (realm id), only digits")
    client_id: str = Field(min_length=1, max_length=200, description="client id of your app at developer.intuit.com")
    client_secret: SecretStr = Field(description="client secret of your app, by reference")
    environment: Literal["production", "sandbox"] = Field("production", description="which world the keys are for")
    refresh_token: SecretStr | None = Field(None, description="first refresh token, by reference; used while none is stored")
    webhook_verifier: SecretStr | None = Field(None, description="verifier token of the app's webhooks, by reference")
    base_url: Address = Field(None, description="address used instead of Intuit's, for a sandbox or a proxy")
    token_url: Address = Field(None, description="the same for the token endpoint")
    authorize_url: Address = Field(None, description="the same for the page that asks for consent")
    page_size: int = Field(1000, ge=2, le=1000, description="rows asked for at once; QuickBooks allows 1000")
    calls_per_second: float = Field(8.0, gt=0, le=10, description="own limit; QuickBooks allows 10 per company and app")
    calls_per_minute: int = Field(450, ge=1, le=500, description="own limit; QuickBooks allows 500 per company")
    relist_days: float = Field(7.0, gt=0, description="how often everything is listed again, to find what no change said")
    overlap_minutes: float = Field(10.0, ge=1, le=1440, description="how far each pull reaches back behind the last one")
    push: Push = Push.model_validate({})
