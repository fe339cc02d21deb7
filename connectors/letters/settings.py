"""[connections.NAME] of a folder of letters."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class LetterSettings(BaseModel):
    """A folder of letters to post. Move a letter into a folder inside it (such as "posted") once it is on its way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="folder the PDFs are written to, relative to this file; it must exist")
    sender: str = Field("", max_length=500, description="your name and address at the head of each letter, lines separated by |")
