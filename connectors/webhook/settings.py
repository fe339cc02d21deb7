"""The keys of a connection of type "webhook": where to, signed with what, and what is sent there."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
        raise ValueError("write a whole address, such as https://hooks.example.com/duesync")
    if parts.username or parts.password:
        raise ValueError("an address holds no name or password: use token")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("clients' debts are not sent unencrypted: use https")
    return value


Address = Annotated[str, AfterValidator(_address)]


class WebhookSettings(BaseModel):
    """A receiver of yours. Its host is the only one anything is sent to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Address = Field(description="address that takes the messages by POST; https")
    secret: SecretStr = Field(description="signing secret by reference, 24 characters or more (Standard Webhooks: whsec_...)")
    previous_secret: SecretStr | None = Field(None, description="the secret before it, while the receiver changes over")
    token: SecretStr | None = Field(None, description="sent as a bearer token, by reference, where the receiver wants one")
    receipt: Literal["id", "status"] = Field(
        "id", description='what proves delivery: "id", an answer that names the message; "status", any 2xx'
    )
    read_back: bool = Field(False, description="GET url/ID tells whether a message arrived; else a lost answer waits for you")
    reminders: bool = Field(True, description="send reminders, for stages with the channel webhook")
    tasks: bool = Field(False, description="send call tasks, where no other connection takes tickets")
    notes: bool = Field(False, description="send notes about what happened")
    timeout: float = Field(20.0, gt=0, le=120, description="seconds to wait for the receiver")
    calls_per_minute: int = Field(60, ge=1, le=6000, description="messages sent there in a minute at most")

    @model_validator(mode="after")
    def _something_to_send(self) -> Self:
        if not (self.reminders or self.tasks or self.notes):
            raise ValueError("nothing is sent there: switch on reminders, tasks or notes")
        return self
