"""A system of yours that is told of reminders, tasks and notes: signed JSON to one https address. Nothing is pulled from it."""

from __future__ import annotations

from connectors.webhook.settings import WebhookSettings
from core.clock import Clock
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec, Sandbox


def _build(context: ConnectionContext) -> Connector:
    from connectors.webhook.connector import WebhookConnector

    return WebhookConnector(context)


def _sandbox(clock: Clock) -> Sandbox:
    from connectors.webhook.sandbox import WebhookReceiver

    return WebhookReceiver(clock)


def _writes(settings: WebhookSettings) -> frozenset[Capability]:
    switched = {
        Capability.SEND_REMINDER: settings.reminders,
        Capability.OPEN_TICKET: settings.tasks,
        Capability.POST_NOTE: settings.notes,
    }
    return frozenset(capability for capability, on in switched.items() if on)


SPEC = ConnectorSpec(
    name="webhook",
    capabilities=frozenset({Capability.SEND_REMINDER, Capability.OPEN_TICKET, Capability.POST_NOTE}),
    settings=WebhookSettings,
    build=_build,
    sandbox=_sandbox,
    streams=(),
    writes=_writes,
    summary="Webhook: reminders, tasks and notes as signed JSON to a system of yours (docs/webhook.md); use role channel",
)
