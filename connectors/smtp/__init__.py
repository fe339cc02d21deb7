"""Our own mail: delivers reminders through an SMTP server and reads back its own copies. It has no records to pull."""

from __future__ import annotations

from connectors.smtp.settings import SmtpSettings
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec


def _build(context: ConnectionContext) -> Connector:
    from connectors.smtp.connector import SmtpConnector

    return SmtpConnector(context)


SPEC = ConnectorSpec(
    name="smtp",
    capabilities=frozenset({Capability.SEND_REMINDER, Capability.ENCLOSES, Capability.HAND_OVER}),
    settings=SmtpSettings,
    build=_build,
    sandbox=None,
    streams=(),
    summary="Sends reminders as mail through an SMTP server of yours.",
)
