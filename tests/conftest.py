"""Fixtures every test may use: the shared recordings, and a clock that moves only when told."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import ManualClock

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Where the recorded vendor data and specs are: $DUESYNC_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("DUESYNC_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if not (folder / "fixtures").is_dir():
        message = f"recorded vendor data not found at {folder}: set DUESYNC_SHARED"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 5, 12, 0, tzinfo=UTC))
