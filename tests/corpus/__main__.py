"""Measure everything: the score of matching and of reconciling, into docs/accuracy.md."""

from tests.corpus import score_findings, score_payments

score_payments.main([])
score_findings.main([])
