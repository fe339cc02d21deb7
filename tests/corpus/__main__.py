"""`make score`: both halves of docs/accuracy.md, measured on the labelled corpus."""

from __future__ import annotations

from tests.corpus import score_findings, score_payments

if __name__ == "__main__":
    score_payments.main([])
    score_findings.main([])
