"""An agency's door: cases go out and reports come in through a folder, an SFTP server or HTTPS. The format is open and ours."""

from __future__ import annotations

from connectors.agency.settings import AgencyDoorSettings
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec


def _build(context: ConnectionContext) -> Connector:
    from connectors.agency.connector import AgencyConnector

    return AgencyConnector(context)


SPEC = ConnectorSpec(
    name="agency",
    capabilities=frozenset({Capability.HAND_OVER}),
    settings=AgencyDoorSettings,
    build=_build,
    sandbox=None,
    streams=(),
    summary="Hands collections cases to an agency through a folder, SFTP or HTTPS, and reads what it reports.",
)
