"""The samples people read are the messages the code writes."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.unit.messages.samples import samples


def test_the_samples_in_the_documentation_are_current():
    written = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "samples").glob("*.*") if path.suffix != ".md"
    }
    assert written == samples(), "run: python -m tests.unit.messages.samples"
