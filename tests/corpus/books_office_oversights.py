"""What an office overlooks: a month nobody billed, a bill that answers to another's number, a paper nobody can read.

Beside the slips of `books_office_slips.py`, and under the same rule: no slip touches a paper that another one touched.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from core.findings import FindingKind
from core.records import Malformed, RecordKey, Ref, Stream
from core.unread import calling_itself
from tests.corpus.books_office import BOOKS, PSA, Office, Paper
from tests.corpus.books_office_slips import Desk

K = FindingKind
_LEAST_BILLS = 6  # bills of one agreement, so that its rhythm shows without the one that is left out


def month_forgotten(desk: Desk) -> bool:
    """The billing run left one month of an agreement out; nobody was billed and nobody paid."""
    office = desk.office
    series: dict[str, list[Paper]] = defaultdict(list)
    for paper in office.papers.values():
        if paper.agreement and not paper.void and paper.in_books:
            series[f"{paper.owner.ref} {paper.agreement}"].append(paper)
    for papers in desk.chance.sample([*series.values()], len(series)):
        papers.sort(key=lambda item: item.on)
        free = not any(item.ref in desk.touched or item.shows for item in papers)
        if not free or len(papers) < _LEAST_BILLS or len({item.on.month for item in papers}) < len(papers):
            continue
        paper = desk.chance.choice(papers[2:-2])
        if not (desk.is_open(paper) or desk.is_paid(paper)) or _billed_alone(office, paper):
            continue
        for cash in desk.paid_by.get(paper.ref, []):
            del office.cash[cash.ref]
        del office.papers[paper.ref]
        desk.touch(*papers)
        keys = (RecordKey(name, Stream.AGREEMENTS, Ref(paper.agreement or "")) for name in (BOOKS, PSA))
        return desk.note(K.BILLING_GAP, keys, paper.total, "one month left out")
    return False


def _billed_alone(office: Office, paper: Paper) -> bool:
    """Does another bill of this price, outside any agreement, stand in that month? Then nobody can tell what is missing."""
    same = (item for item in office.papers.values() if item.owner is paper.owner and item.total == paper.total)
    return any(item.agreement is None and (item.on.year, item.on.month) == (paper.on.year, paper.on.month) for item in same)


def answers_to_another_number(desk: Desk) -> bool:
    """A bill typed into the books carries, in its other field, the PSA's number of a bill that is there already."""
    office = desk.office
    for paper in desk.some(lambda item: item.psa_ref is not None and item.owner.active and desk.is_open(item)):
        total = desk.chance.choice((paper.total, paper.total + desk.chance.randrange(1_111, 99_999)))
        on = paper.on - timedelta(days=desk.chance.randrange(12, 25))
        stranger = office.bill(paper.owner, total, on, memo="Taken over from the old system")
        stranger.psa_ref = None
        if office.same_number:
            stranger.reference = paper.psa_number
        else:
            stranger.number, stranger.reference = paper.psa_number, None
        desk.touch(paper, stranger)
        keys = (paper.psa_key(), paper.key(), stranger.key())
        return desk.note(K.AMBIGUOUS_LINK, keys, total, "number in two fields", K.MISSING_IN_PSA)
    return False


def cannot_be_read(desk: Desk) -> bool:
    """An export wrote a day or an amount nobody can read, in a bill or in a payment."""
    office = desk.office
    for paper in desk.some(lambda item: desk.is_paid(item) or desk.is_open(item)):
        paid = desk.is_paid(paper)
        if paid and desk.chance.random() < 0.5:
            cash = desk.payment(paper)
            desk.touch(paper, cash)
            keys = [cash.key()]
            rows = [_row(Stream.PAYMENTS, cash.ref, "Line[1].Amount", _problem(client=paper.owner.ref))]
            named = f"{cash.ref}>{paper.ref}"
            rows.append(_row(Stream.ALLOCATIONS, named, f"allocations of {cash.ref}", "its payment cannot be read"))
        else:
            desk.touch(paper, *desk.paid_by.get(paper.ref, []))
            keys = [paper.key()]
            names = {"number": paper.number, "reference": paper.reference, "agreement": paper.agreement}
            rows = [_row(Stream.INVOICES, paper.ref, "TxnDate", _problem(client=paper.owner.ref, **names))]
        office.unread.update(keys)
        office.malformed += [(BOOKS, row) for row in rows]
        return desk.note(K.MALFORMED_RECORD, keys, 0, rows[0].stream.value)
    return False


def _problem(**names: str | None) -> str:
    return calling_itself("is neither a day nor an amount", **names)


def _row(stream: Stream, ref: str, where: str, problem: str) -> Malformed:
    return Malformed(stream=stream, ref=Ref(ref), where=where, problem=problem)


OVERSIGHTS = (month_forgotten, answers_to_another_number, cannot_be_read)


def overlook(office: Office, *, each: int) -> Office:
    """Overlook each of these about `each` times, in place, where no slip was made."""
    desk = Desk(office)
    desk.touched.update(office.slipped)
    for _ in range(each):
        for one in OVERSIGHTS:
            one(desk)
    return office
