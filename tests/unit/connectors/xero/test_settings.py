"""The keys of a Xero connection: what is refused, and which scopes follow from what is switched on."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors import registry
from connectors.xero import SPEC
from connectors.xero.api import provider_of
from connectors.xero.settings import XeroSettings
from core.ports import Capability
from tests.unit.connectors.xero.kit import Stage

KEYS: dict[str, Any] = {"client_id": "id", "client_secret": "env:XERO_SECRET"}


def test_the_smallest_configuration_is_a_custom_connection() -> None:
    settings = XeroSettings.model_validate(KEYS)
    provider = provider_of(settings)
    assert provider.client_credentials
    assert (provider.token_url, settings.base_url) == (
        "https://identity.xero.com/connect/token",
        "https://api.xero.com/api.xro/2.0",
    )
    assert settings.connections_url == "https://api.xero.com/connections"
    assert "offline_access" not in provider.scope
    assert "env:XERO_SECRET" not in repr(settings)
    assert SPEC.writes is not None
    assert SPEC.writes(settings) == frozenset()


def test_scopes_follow_from_what_is_switched_on() -> None:
    reading = XeroSettings.model_validate(KEYS).asked_scopes
    assert all(scope.endswith(".read") for scope in reading)
    assert "accounting.banktransactions.read" not in XeroSettings.model_validate(KEYS | {"deposits": False}).asked_scopes
    consent = XeroSettings.model_validate({"client_id": "id", "grant": "authorization_code", "push": {"fields": True}})
    assert {"offline_access", "accounting.invoices"} <= set(consent.asked_scopes)
    assert not provider_of(consent).basic_auth
    own = XeroSettings.model_validate(KEYS | {"scopes": ["accounting.transactions.read"]})
    assert provider_of(own).scope == "accounting.transactions.read"


@pytest.mark.parametrize(
    "change",
    [
        {"client_secret": None},
        {"client_id": ""},
        {"tenant_id": "my company"},
        {"page_size": 5000},
        {"page_size": 0},
        {"base_url": "http://api.xero.com"},
        {"identity_url": "localhost"},
        {"tenant": "x"},
        {"push": {"everything": True}},
        {"grant": "password"},
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        XeroSettings.model_validate(KEYS | change)


def test_deposits_can_be_left_out() -> None:
    stage = Stage(deposits=False)
    assert set(SPEC.streams) - set(stage.connector.streams()) == {"deposits"}
    stage.close()


def test_it_is_registered_under_its_name() -> None:
    spec = registry.load("xero")
    assert spec is SPEC
    assert Capability.OAUTH in spec.capabilities
    assert spec.provider is not None
