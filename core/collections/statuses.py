"""What an agency reports about a case: status codes with one meaning each, read from a CSV or JSON file it drops.

Codes differ between agencies; those in common use are known (sample status tables of agencies, product notes B.12), others are
named in `[agencies.NAME] codes`. A code nobody knows is kept and shown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from core.collections.case import AgencyStatus
from core.collections.reports import BadRow, Table, cell, day_in
from core.holds import HoldKind
from core.messages.clean import one_line

# Every meaning a status can have, in words.
MEANINGS: Mapping[str, str] = {
    "received": "the agency has it",
    "active": "the agency works on it",
    "contacted": "the client was reached",
    "promise": "the client promised to pay",
    "paying": "the client pays in instalments",
    "paid_in_full": "the agency says it is paid in full",
    "settled": "the agency says it was settled for less",
    "disputed": "the client disputes it",
    "documents_wanted": "the agency wants more documents",
    "not_found": "the client cannot be found",
    "bankrupt": "the client is bankrupt",
    "deceased": "the client has died",
    "cease": "the client wants no contact",
    "legal_review": "a lawyer looks at it",
    "suit": "suit was filed",
    "judgment": "there is a judgment",
    "satisfied": "the judgment was paid",
    "returned": "the agency gives it back uncollected",
    "unknown": "a code nobody explained",
}
_CODES: Mapping[str, str] = {
    "NEW": "received", "REC": "received", "RCV": "received", "ACK": "received",
    "ACT": "active", "OPN": "active", "WIP": "active", "CON": "contacted",
    "PTP": "promise", "PRM": "promise", "PPA": "paying", "PAY": "paying", "INS": "paying",
    "PIF": "paid_in_full", "SIF": "settled", "STL": "settled",
    "DIS": "disputed", "DSP": "disputed", "DOC": "documents_wanted", "VAL": "documents_wanted",
    "SKP": "not_found", "SKIP": "not_found", "NLF": "not_found",
    "BKY": "bankrupt", "BAN": "bankrupt", "DEC": "deceased", "CND": "cease", "CAD": "cease",
    "LEG": "legal_review", "ATY": "legal_review", "SUI": "suit", "SUIT": "suit", "JDG": "judgment", "JUD": "judgment",
    "SAT": "satisfied",
    "CLO": "returned", "UNC": "returned", "RTN": "returned", "CAN": "returned", "CXL": "returned",
}  # fmt: skip
# Meanings that a person must answer, and how: shown beside the case, never acted on by itself.
ASKS: Mapping[str, str] = {
    "documents_wanted": "send what it asks for: duesync collections attach, then tell --documents",
    "disputed": "look into the dispute and tell the agency (duesync collections tell); a hold keeps our own reminders back",
    "not_found": "send an address or contact: duesync collections tell",
    "unknown": "explain the code in [agencies.NAME] codes",
    "paid_in_full": "expect the remittance: duesync collections remit",
    "settled": "say whether you agreed to it: duesync collections tell",
    "deceased": "look at the claim with a lawyer; a hold keeps our own reminders back",
    "cease": "nobody but the agency contacts the client; a hold keeps our own reminders back, also after it gives the case back",
}
# Meanings after which we ourselves keep back, until a person lifts the hold: a stay, a dispute (product notes E11), no contact
# wanted (12 CFR 1006.14(h), followed for everybody: A97), a death.
HOLDS: Mapping[str, HoldKind] = {
    "bankrupt": HoldKind.BANKRUPTCY,
    "disputed": HoldKind.DISPUTE,
    "cease": HoldKind.DO_NOT_CONTACT,
    "deceased": HoldKind.DO_NOT_CONTACT,
}
DOCUMENTS_DUE_DAYS = 10  # business practice, not law: what agencies commonly give a client to answer a request


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One status of one case, as the agency's file has it."""

    reference: str
    status: AgencyStatus


def meaning_of(code: str, own: Mapping[str, str]) -> str:
    """What a code means: the agency's own table first, then the codes in common use, then a meaning written out."""
    key = code.strip()
    mine = {name.casefold(): meaning for name, meaning in own.items()}
    word = key.casefold().replace(" ", "_").replace("-", "_")
    return mine.get(key.casefold()) or _CODES.get(key.upper()) or (word if word in MEANINGS else "unknown")


def read_statuses(table: Table, *, own: Mapping[str, str], now: datetime, today: date) -> tuple[list[StatusLine], list[BadRow]]:
    """Every status of a file, and the rows that could not be read. Columns: reference, code, on, note."""
    found: list[StatusLine] = []
    bad: list[BadRow] = []
    for number, row in enumerate(table.rows, start=1):
        try:
            found.append(_line(row, own, now, today))
        except ValueError as error:
            bad.append(BadRow(number=number, problem=str(error)))
    return found, bad


def _line(row: Mapping[str, str], own: Mapping[str, str], now: datetime, today: date) -> StatusLine:
    code = cell(row, "code", "status")
    on = day_in(row, "on", "date", default=today)
    if on > today:
        raise ValueError(f"its day {on} is in the future")
    status = AgencyStatus(
        code=one_line(code, 40),
        meaning=meaning_of(code, own),
        on=on,
        received_at=now,
        note=one_line(row.get("note") or row.get("notes") or "", 500),
        reference=one_line(row.get("agency_reference") or "", 80),
    )
    return StatusLine(reference=cell(row, "reference", "case"), status=status)
