"""A small genuine PDF for sandboxes to hand over where the vendor would print an invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=64)
def printed(*lines: str) -> bytes:
    """One A4 page with `lines` (Latin letters; others are replaced), the same bytes each time."""
    from fpdf import FPDF

    page = FPDF(format="A4")
    page.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
    page.add_page()
    page.set_font("Helvetica", size=12)
    for line in lines:
        page.multi_cell(0, 8, line.encode("latin-1", "replace").decode("latin-1"), new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())
