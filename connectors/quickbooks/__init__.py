"""QuickBooks Online (Intuit's Accounting API v3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.quickbooks.settings import QuickBooksSettings
from core.clock import Clock
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec, Sandbox
from core.records import Stream

if TYPE_CHECKING:
    from connectors.oauth import Provider


def _build(context: ConnectionContext) -> Connector:
    from connectors.quickbooks.connector import QuickBooksConnector

    return QuickBooksConnector(context)


def _sandbox(clock: Clock) -> Sandbox:
    from connectors.quickbooks.sandbox import QuickBooksSandbox

    return QuickBooksSandbox(clock)


def _writes(settings: QuickBooksSettings) -> frozenset[Capability]:
    switched = {
        Capability.SEND_INVOICE: settings.push.send_invoice,
        Capability.POST_NOTE: settings.push.note,
        Capability.SET_FIELD: bool(settings.push.fields),
    }
    return frozenset(capability for capability, on in switched.items() if on)


def _provider(settings: QuickBooksSettings) -> Provider:
    from connectors.quickbooks.api import provider_of

    return provider_of(settings)


SPEC = ConnectorSpec(
    name="quickbooks",
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
    settings=QuickBooksSettings,
    build=_build,
    sandbox=_sandbox,
    streams=(
        Stream.PARTIES,
        Stream.INVOICES,
        Stream.CREDIT_NOTES,
        Stream.PAYMENTS,
        Stream.DEPOSITS,
        Stream.ADJUSTMENTS,
        Stream.SALES,
        Stream.REFUNDS,
    ),
    writes=_writes,
    provider=_provider,
    summary="QuickBooks Online: customers, invoices, credit memos, payments, deposits and journal entries on A/R",
)
