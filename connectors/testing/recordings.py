"""Recorded answers of a vendor, read from a folder to seed its sandbox with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.errors import UsageError


def recorded_bodies(folder: Path) -> Iterator[tuple[Path, Any]]:
    """Every JSON document below `folder` with its path, in the order of the paths; numbers with a point are Decimal.

    UsageError: there is no such folder, or a file of it is no JSON.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder of recorded answers")
    for path in sorted(folder.rglob("*.json")):
        try:
            yield path, json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except ValueError as error:
            raise UsageError(f"{path} cannot be read as JSON: {error}", remedy="Mend the file or take it away.") from error
