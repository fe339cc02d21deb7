"""An agency's acknowledgement of a placement, compared with what was placed: another count or amount blocks the case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.collections.case import Acknowledgement, Case
from core.collections.case_words import counted
from core.collections.reports import cell, count_in, money_in
from core.messages.clean import one_line


def reference_in(row: Mapping[str, str]) -> str:
    """Which placement a row acknowledges; ValueError when it does not say."""
    return cell(row, "reference", "case")


def read_acknowledgement(row: Mapping[str, str], case: Case, *, now: datetime) -> Acknowledgement:
    """What the agency says it received for this case. ValueError when the row cannot be read or nothing was placed.

    Columns: reference, count, amount, currency, agency_reference.
    """
    placed = case.placement
    if placed is None:
        raise ValueError(f"case {case.id} was never placed")
    count, amount = count_in(row, "count"), money_in(row, "amount", placed.amount.currency)
    problems = []
    if count != placed.count:
        problems.append(f"{counted(count, 'invoice')} instead of {placed.count}")
    if amount != placed.amount:
        problems.append(f"{amount} instead of {placed.amount}")
    problem = f"the agency acknowledged {' and '.join(problems)}" if problems else ""
    reference = one_line(row.get("agency_reference") or "", 80)
    return Acknowledgement(received_at=now, count=count, amount=amount, reference=reference, problem=problem)
