"""Why a requirement has no test yet. Keys are requirement ids, or reliability cases such as "quickbooks:24"."""

from __future__ import annotations


def _all(reason: str, *ids: str) -> dict[str, str]:
    return dict.fromkeys(ids, reason)


OPEN: dict[str, str] = {
    **_all("a client page with a signed link is not built yet; replies by mail are read", "D13"),
    **_all("needs no test: the licence is Apache-2.0 and nothing is charged", "D14"),
    "quickbooks:22": "proven at the sandbox; duesync never voids an invoice",
    "connectwise:30": "linking pairs invoices across prefixes (tests/unit/linking/test_invoices.py); no test carries the mark",
}
