"""`make score`: the parts of docs/accuracy.md, measured on the labelled corpus."""

from __future__ import annotations

from tests.corpus import score_expected, score_findings, score_payments

if __name__ == "__main__":
    score_payments.main([])
    score_findings.main([])
    score_expected.main([])
