"""Xero: a connection to one organisation through the Accounting API 2.0, as custom connection or with a person's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.xero.settings import XeroSettings
from core.clock import Clock
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec, Sandbox
from core.records import Stream

if TYPE_CHECKING:
    from connectors.oauth import Provider


def _build(context: ConnectionContext) -> Connector:
    from connectors.xero.connector import XeroConnector

    return XeroConnector(context)


def _sandbox(clock: Clock) -> Sandbox:
    from connectors.xero.sandbox import XeroSandbox

    return XeroSandbox(clock)


def _writes(settings: XeroSettings) -> frozenset[Capability]:
    switched = {
        Capability.SEND_INVOICE: settings.push.invoices,
        Capability.POST_NOTE: settings.push.notes,
        Capability.SET_FIELD: settings.push.fields,
    }
    return frozenset(capability for capability, on in switched.items() if on)


def _provider(settings: XeroSettings) -> Provider:
    from connectors.xero.api import provider_of

    return provider_of(settings)


SPEC = ConnectorSpec(
    name="xero",
    capabilities=frozenset(
        {
            Capability.DELETES,
            Capability.CHANGES,
            Capability.REREAD,
            Capability.SEND_INVOICE,
            Capability.POST_NOTE,
            Capability.SET_FIELD,
            Capability.WEBHOOKS,
            Capability.OAUTH,
            Capability.DOCUMENTS,
            Capability.PAY_LINK,
        }
    ),
    settings=XeroSettings,
    build=_build,
    sandbox=_sandbox,
    streams=(
        Stream.PARTIES,
        Stream.CONTACTS,
        Stream.INVOICES,
        Stream.CREDIT_NOTES,
        Stream.PAYMENTS,
        Stream.REFUNDS,
        Stream.DEPOSITS,
        Stream.AGREEMENTS,
    ),
    writes=_writes,
    provider=_provider,
    summary="Xero: contacts, invoices, credits, payments and bank receipts; history notes, invoice mails and expected dates back",
)
