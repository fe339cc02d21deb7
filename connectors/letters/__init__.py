"""Letters by post: each message as a PDF in a folder, for somebody to print and post. Nothing is pulled from it."""

from __future__ import annotations

from connectors.letters.settings import LetterSettings
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec


def _build(context: ConnectionContext) -> Connector:
    from connectors.letters.connector import LetterConnector

    return LetterConnector(context)


SPEC = ConnectorSpec(
    name="letters",
    capabilities=frozenset({Capability.SEND_REMINDER}),
    settings=LetterSettings,
    build=_build,
    sandbox=None,
    streams=(),
    summary="Letters: messages as PDFs in a folder, to print and post, for stages with the channel letter; use role channel",
)
