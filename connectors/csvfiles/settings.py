"""The keys of [connections.NAME] with type = "csv"."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class CsvSettings(BaseModel):
    """Where the files are. Every file and every column but the refs may be missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(
        description="folder of parties.csv, invoices.csv, payments.csv, credit_notes.csv, allocations.csv, deposits.csv"
    )
    page_size: int = Field(1000, ge=1, le=10_000, description="rows kept at once; only a test needs another value")
