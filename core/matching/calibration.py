"""Calibration fitted on the labelled corpus; written by `python -m tests.corpus.score_payments --fit`, not by hand.

Kind of evidence → ((log-odds of the raw chance from which on, share of matches that were right), ...), rising.
"""

TABLE: dict[str, tuple[tuple[float, float], ...]] = {}
