"""Why a requirement has no test yet. Keys are requirement ids, or reliability cases such as "quickbooks:24"."""

from __future__ import annotations


def _all(reason: str, *ids: str) -> dict[str, str]:
    return dict.fromkeys(ids, reason)


_COLLECTIONS = "the road to collections (checklist, evidence, placement, economics) is not built yet"
_HEALTH = "A/R health reports beyond ageing are not built yet"
_ADVICE = "advice to people, not something software decides"

OPEN: dict[str, str] = {
    **_all(_COLLECTIONS, *(f"A{n}" for n in (*range(1, 9), *range(19, 44), *range(69, 73), *range(75, 89), *range(104, 117)))),
    **_all(_HEALTH, *(f"A{n}" for n in range(44, 69))),
    **_all(_COLLECTIONS, "D5", "D6", "D7", "D8"),
    **_all("billing hygiene beyond the billing_gap finding is not built yet", "D11"),
    **_all(_ADVICE, "A89", "A93", "A96", "A102", "A103"),
    **_all("a client page with a signed link is not built yet; replies by mail are read", "D13", "A57"),
    **_all("needs no test: the licence is Apache-2.0 and nothing is charged", "D14"),
}
