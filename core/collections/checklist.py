"""The checklist before a client is handed to an agency: each item seen, failed, unknown or waived, and two people who say yes.

Nothing here acts, and nothing ever passes by itself: unknown is not passed, a bankruptcy cannot be waived, an approval is for the
list as it stood when it was given, and it takes two different people who look after the last waiver (A20, A38).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from core.collections import checklist_account, checklist_contact, checklist_documents, checklist_legal, checklist_value
from core.collections.case import APPROVERS, Answer, Approval, Waiver
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, Status, answered
from core.money import Money

CHECKS: tuple[Check, ...] = (
    *checklist_documents.CHECKS,
    *checklist_account.CHECKS,
    *checklist_contact.CHECKS,
    *checklist_legal.CHECKS,
    *checklist_value.CHECKS,
)
BY_ID: Mapping[str, Check] = {check.id: check for check in CHECKS}
DISCLAIMER = "This list helps to prepare; it is not legal advice. Ask counsel where the law matters."


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it stands. `why` says what was seen and who answered or waived; `todo` is empty once nothing is left."""

    id: str
    title: str
    group: Group
    requirements: tuple[str, ...]
    status: Status
    why: str
    todo: str
    marks: tuple[str, ...]
    details: Mapping[str, object] = field(hash=False)
    waivable: bool
    asks: str
    waiver: Waiver | None = None
    answer: Answer | None = None

    @property
    def settled(self) -> bool:
        """Does it keep nothing back?"""
        return self.status in (Status.PASS, Status.WAIVED)


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """All items. `approvals` are those that count: by different people, for this very list."""

    account: str
    name: str
    as_of: date
    claimed: Money
    items: tuple[Item, ...]
    approvals: tuple[Approval, ...]
    stale: tuple[Approval, ...]

    @property
    def open_items(self) -> tuple[Item, ...]:
        """What still keeps the hand-over back."""
        return tuple(item for item in self.items if not item.settled)

    @property
    def complete(self) -> bool:
        """Is every item passed or waived?"""
        return not self.open_items

    @property
    def ready(self) -> bool:
        """May it be handed over: complete, and approved by two different people as it stands now?"""
        return self.complete and len(self.approvals) >= APPROVERS

    @property
    def documents_complete(self) -> tuple[int, int]:
        """How many of the items about documents are there, of how many: the completeness of the evidence (A81)."""
        papers = [item for item in self.items if item.group is Group.DOCUMENTS]
        return sum(item.status is Status.PASS for item in papers), len(papers)

    @property
    def digest(self) -> str:
        """What an approval is for: every item with its status and the records it rests on; not the words, not the day."""
        return _digest(self.items, self.claimed.currency)

    def item(self, name: str) -> Item | None:
        """One item by its id."""
        return next((item for item in self.items if item.id == name), None)


def checklist(facts: CaseFacts) -> Checklist:
    """Look at everything, let waivers and answers count, and see which approvals are for the list as it stands."""
    items = tuple(_item(check, facts) for check in CHECKS)
    digest = _digest(items, facts.currency)
    good: dict[str, Approval] = {}
    stale = []
    last_waiver = max((item.at for item in facts.waivers), default=None)
    for approval in facts.approvals:
        current = approval.digest == digest and (last_waiver is None or approval.at >= last_waiver)
        if current and approval.by.strip():
            good.setdefault(approval.by.strip().casefold(), approval)
        else:
            stale.append(approval)
    return Checklist(
        account=facts.account,
        name=facts.client.account.name,
        as_of=facts.today,
        claimed=facts.claimed,
        items=items,
        approvals=tuple(good.values()),
        stale=tuple(stale),
    )


def _item(check: Check, facts: CaseFacts) -> Item:
    found, answer = check.look(facts), answered(facts, check.id)
    seen = found
    if check.asks and answer is not None and found.status is not Status.PASS:
        seen = _by_answer(found, answer)
    waiver = next((item for item in reversed(facts.waivers) if item.item == check.id), None)
    used = waiver if waiver is not None and check.waivable and seen.status is not Status.PASS else None
    why = seen.why if used is None else f"{seen.why}; waived by {used.by} on {used.at.date()}: {used.reason}"
    details = {**seen.details, **(checklist_legal.legal_notes(facts) if check.group is Group.LEGAL else {})}
    settled = used is not None or seen.status is Status.PASS
    return Item(
        id=check.id,
        title=check.title,
        group=check.group,
        requirements=check.requirements,
        status=seen.status if used is None else Status.WAIVED,
        why=why,
        todo="" if settled else seen.todo,
        marks=seen.marks,
        details=details,
        waivable=check.waivable,
        asks=check.asks,
        waiver=used,
        answer=answer,
    )


def _by_answer(found: Found, answer: Answer) -> Found:
    """What a person said settles what no system can tell, for better or worse."""
    why = f"{found.why}; {answer.by} on {answer.at.date()}: {answer.text}"
    status = Status.PASS if answer.ok else Status.FAIL
    return Found(
        status=status, why=why, todo="" if answer.ok else found.todo, marks=(*found.marks, answer.text), details=found.details
    )


def _digest(items: tuple[Item, ...], currency: str) -> str:
    plain = [[item.id, str(item.status), sorted(item.marks), item.waiver.reason if item.waiver else ""] for item in items]
    return hashlib.sha256(json.dumps([currency, plain], ensure_ascii=False).encode()).hexdigest()


def waivable(item: str) -> str:
    """Why an item cannot be waived; "" when it can."""
    check = BY_ID.get(item)
    if check is None:
        return f'there is no item called "{item}"; there are: {", ".join(BY_ID)}'
    return "" if check.waivable else f"{check.title} cannot be waived: the law stops every step until it is lifted"
