"""ConnectWise PSA (Manage): clients, invoices, payments, agreements, tickets and time; notes, tickets and holds written back."""

from __future__ import annotations

from connectors.connectwise.settings import ConnectwiseSettings
from core.clock import Clock
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec, Sandbox
from core.records import Stream


def _build(context: ConnectionContext) -> Connector:
    from connectors.connectwise.connector import build

    return build(context)


def _sandbox(clock: Clock) -> Sandbox:
    from connectors.connectwise.sandbox import ConnectwiseSandbox

    return ConnectwiseSandbox(clock)


SPEC = ConnectorSpec(
    name="connectwise",
    capabilities=frozenset(
        {
            Capability.DELETES,
            Capability.CHANGES,
            Capability.REREAD,
            Capability.POST_NOTE,
            Capability.SET_FIELD,
            Capability.OPEN_TICKET,
            Capability.WEBHOOKS,
            Capability.DOCUMENTS,
        }
    ),
    settings=ConnectwiseSettings,
    build=_build,
    sandbox=_sandbox,
    streams=(
        Stream.PARTIES,
        Stream.CONTACTS,
        Stream.AGREEMENTS,
        Stream.INVOICES,
        Stream.CREDIT_NOTES,
        Stream.PAYMENTS,
        Stream.TICKETS,
        Stream.WORK,
    ),
    summary="ConnectWise PSA: clients, invoices, payments, agreements, tickets and time; tickets, notes and holds written back",
)
