"""Letters by post: each message as a PDF in a folder, for somebody to print and post. Nothing is pulled from it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec


class LetterSettings(BaseModel):
    """A folder of letters to post. Move a letter into a folder inside it (such as "posted") once it is on its way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="folder the PDFs are written to, relative to this file; it must exist")
    sender: str = Field("", max_length=500, description="your name and address at the head of each letter, lines separated by |")


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
