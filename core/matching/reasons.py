"""Why a match was made, in words a bookkeeper can check."""

from __future__ import annotations

from core.matching.likelihood import Evidence
from core.matching.search import Hypothesis


def kind_of(hypothesis: Hypothesis) -> str:
    """The kind of evidence for calibration: how it was named, and how the amount fits."""
    if hypothesis.cited == len(hypothesis.bills):
        said = "misnamed" if hypothesis.slips else ("named faintly" if hypothesis.faint else "named")
    elif hypothesis.cited:
        said = "partly named"
    else:
        said = "stretch" if hypothesis.listed else ("unnamed" if len(hypothesis.bills) == 1 else "unnamed sum")
    if hypothesis.contradicted:
        said += " against words"
    fit = "exact" if hypothesis.exact else ("short" if hypothesis.explained.evidence in _SHORT else hypothesis.explained.evidence)
    return f"{said}, {fit}"


_SHORT = frozenset({Evidence.DISCOUNT, Evidence.WITHHOLDING, Evidence.FEE, Evidence.NEAR, Evidence.CREDIT})
_AMOUNT = {
    Evidence.EXACT: "amount equal",
    Evidence.DISCOUNT: "amount less a discount of",
    Evidence.WITHHOLDING: "amount less",
    Evidence.FEE: "amount short by a small deduction",
    Evidence.NEAR: "amount nearly equal",
    Evidence.CREDIT: "amount less the open credit note",
    Evidence.PART: "part of the amount",
    Evidence.OVER: "more than is open, the rest stays unapplied",
}


def reason_of(hypothesis: Hypothesis, number: str, *, rivals: bool, twice: bool = False) -> str:
    """One sentence: what names the invoice, how the amount fits, and what speaks against it."""
    count = len(hypothesis.bills)
    amount = " ".join(filter(None, (_AMOUNT.get(hypothesis.explained.evidence, ""), hypothesis.explained.detail)))
    if count > 1:
        amount = f"one of {count} invoices whose sum fits ({amount})"
    parts = [_words(hypothesis, number), amount]
    if twice:
        parts.append("another payment would fit as well: perhaps paid twice")
    if hypothesis.contradicted:
        parts.append("although the memo names another invoice as well")
    if rivals:
        parts.append("another choice fits nearly as well")
    if hypothesis.stopped:
        parts.append("the search for sums stopped at its limit")
    return "; ".join(parts)


def _words(hypothesis: Hypothesis, number: str) -> str:
    if hypothesis.cited == 0:
        return "not named, found by client, amount and date"
    whose = f"memo names {number}" if hypothesis.cited == len(hypothesis.bills) else "memo names some of the invoices"
    return whose if hypothesis.slips == 0 else f"{whose}, {hypothesis.slips} character(s) corrected"
