"""Cases in the store: events only ever added, journaled in the same commit; documents kept by their hash."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from core.books import Account
from core.clock import ManualClock
from core.collections.case import (
    Acknowledgement,
    AcknowledgementRead,
    AgencyStatus,
    AgencyTold,
    Answer,
    Answered,
    Approval,
    ApprovalWithdrawn,
    Approved,
    Attached,
    Attachment,
    AttachmentKind,
    Case,
    CaseClosed,
    CaseState,
    Detached,
    DirectPayment,
    DirectPaymentSeen,
    FinalNotice,
    LegalStep,
    LegalStepTaken,
    Noted,
    NoticeGiven,
    Opened,
    Outcome,
    PaidInFull,
    Placement,
    PlacementDelivered,
    PlacementFailed,
    PlacementQueued,
    Recalled,
    Remittance,
    Remitted,
    Reopened,
    StatusRead,
    Stayed,
    StayLifted,
    Waived,
    Waiver,
    WaiverLifted,
)
from core.collections.case_moves import FACTS, IllegalMove, fold
from core.errors import StoreError, UsageError
from core.money import Money
from core.records import RecordKey, Ref, Stream
from core.store import Store, open_store, restore_backup
from core.store.cases import LARGEST_DOCUMENT
from core.store.record_tables import table
from tests.store.test_books import commit
from tests.store.world import BOOKS, NOW, party

DAY = date(2026, 3, 2)
KEY = RecordKey(BOOKS, Stream.INVOICES, Ref("10"))
PAYMENT = RecordKey(BOOKS, Stream.PAYMENTS, Ref("70"))
OWED = Money(120_000, "USD")
OPENED = Opened(account="one", invoices=(KEY,), currency="USD", reason="nobody answers")


def placement() -> Placement:
    return Placement(agency="acme", reference="r-1", placed_on=DAY, count=1, amount=OWED, pack_sha256="ab" * 32)


LIFE = (
    Attached(attachment=Attachment(kind=AttachmentKind.AGREEMENT, sha256="aa", filename="msa.pdf", by="ann", at=NOW)),
    Detached(sha256="aa", reason="the wrong client's"),
    Waived(waiver=Waiver(item="sla", by="ann", reason="agreed", at=NOW)),
    WaiverLifted(item="sla", reason="no longer"),
    Answered(answer=Answer(item="reputation", ok=True, text="none", by="ann", at=NOW)),
    Approved(approval=Approval(by="ann", at=NOW)),
    ApprovalWithdrawn(approver="ann", reason="second thoughts"),
    Approved(approval=Approval(by="ann", at=NOW)),
    Approved(approval=Approval(by="bob", at=NOW)),
    NoticeGiven(notice=FinalNotice(sent_at=NOW, outbox_id="x", placeable_on=DAY)),
    PlacementQueued(placement=placement()),
    PlacementFailed(reason="the folder was full"),
    PlacementQueued(placement=placement()),
    PlacementDelivered(receipt="file r-1", at=NOW),
    AcknowledgementRead(acknowledgement=Acknowledgement(received_at=NOW, count=1, amount=OWED)),
    StatusRead(status=AgencyStatus(code="PTP", meaning="promise", on=DAY, received_at=NOW)),
    DirectPaymentSeen(
        payment=DirectPayment(payment=PAYMENT, amount=OWED, paid_on=DAY, seen_at=NOW, fee=Money(1, "USD"), tell_by=NOW)
    ),
    AgencyTold(about="payment", outbox_id="y"),
    LegalStepTaken(step=LegalStep(state=CaseState.LEGAL_REVIEW, on=DAY)),
    Remitted(
        remittance=Remittance(
            reference="m", remitted_on=DAY, gross=OWED, fee=Money(0, "USD"), net=OWED, residual=Money(0, "USD"), payment=PAYMENT
        )
    ),
    Stayed(reason="chapter 7"),
    StayLifted(reason="dismissed"),
    Recalled(reason="they want to talk"),
    PaidInFull(how="by cheque"),
    Noted(text="good"),
    CaseClosed(outcome=Outcome.PAID),
    Reopened(reason="the cheque bounced"),
)


def opened(store: Store) -> Case:
    return store.open_case(OPENED, by="ann", now=NOW)


def live(store: Store, *facts) -> Case:
    case = opened(store)
    for step, fact in enumerate(facts, start=1):
        case = store.append_case_event(case.id, fact, by="ann", now=NOW + timedelta(minutes=step))
    return case


def test_every_kind_of_event_is_stored_and_folds_to_the_same_case_again(store: Store) -> None:
    case = live(store, *LIFE)
    assert {type(fact) for fact in LIFE} | {Opened} == set(FACTS.values())
    assert store.case(case.id) == case == fold(store.case_events(case.id))
    assert store.case(case.id[:4]) == case
    assert [event.fact for event in store.case_events(case.id)] == [OPENED, *LIFE]
    assert (case.state, case.placed_at, case.number) == (CaseState.PAID, NOW, len(LIFE) + 1)


@pytest.mark.req("A101")
def test_every_event_is_in_the_journal_with_who_and_what(store: Store) -> None:
    case = live(store, *LIFE)
    entries = store.journal_entries(subject=f"case/{case.id}")
    assert [entry.kind.removeprefix("case.") for entry in entries][:3] == ["opened", "attached", "detached"]
    assert len(entries) == case.number
    assert entries[3].detail is not None
    assert entries[3].detail["fact"]["waiver"]["reason"] == "agreed"
    assert store.verify_journal().ok


def test_a_refused_event_leaves_neither_event_nor_journal_entry(store: Store) -> None:
    case = opened(store)
    with pytest.raises(IllegalMove, match="preparing"):
        store.append_case_event(case.id, PlacementQueued(placement=placement()), by="ann", now=NOW)
    with pytest.raises(IllegalMove, match="moved on"):
        store.append_case_event(case.id, Noted(text="late"), by="bob", now=NOW, after=0)
    with pytest.raises(UsageError, match="no case"):
        store.append_case_event("zz", Noted(text="x"), by="ann", now=NOW)
    assert (len(store.case_events(case.id)), len(store.journal_entries(subject=f"case/{case.id}"))) == (1, 1)


def test_an_invoice_is_in_one_open_case_only(store: Store) -> None:
    case = opened(store)
    with pytest.raises(UsageError, match=case.id):
        store.open_case(OPENED, by="bob", now=NOW + timedelta(days=1))
    store.append_case_event(case.id, CaseClosed(outcome=Outcome.OPENED_IN_ERROR), by="ann", now=NOW)
    again = store.open_case(OPENED, by="bob", now=NOW + timedelta(days=1))
    assert [item.id for item in store.cases()] == [case.id, again.id]
    assert [item.id for item in store.cases(include_closed=False)] == [again.id]
    assert store.cases("another") == ()


def test_a_case_follows_its_client_when_parties_are_linked(store: Store) -> None:
    commit(store, party("1"))
    case = store.open_case(Opened(account=f"{BOOKS}:1", invoices=(KEY,), currency="USD"), by="ann", now=NOW)
    store.save_accounts([Account(id="one", name="One", parties=(RecordKey(BOOKS, Stream.PARTIES, Ref("1")),))])
    assert store.case(case.id).account == "one"
    assert [item.id for item in store.cases("one")] == [case.id]


@pytest.mark.req("A7")
def test_a_document_is_kept_once_by_its_hash_and_a_changed_one_is_told(store: Store) -> None:
    first = store.put_document(b"%PDF agreement", now=NOW)
    assert first == store.put_document(b"%PDF agreement", now=NOW + timedelta(days=9))
    assert store.document(first) == b"%PDF agreement"
    assert store.document("00") is None
    with store._db.write() as tx:
        tx.execute(update(table("documents")).values(content=b"%PDF another"))
    with pytest.raises(StoreError, match="was changed"):
        store.document(first)
    for wrong in (b"", b"x" * (LARGEST_DOCUMENT + 1)):
        with pytest.raises(UsageError):
            store.put_document(wrong, now=NOW)


def test_cases_and_documents_are_copied_and_backed_up(tmp_path: Path, clock: ManualClock) -> None:
    one, two = (open_store(f"sqlite:///{tmp_path}/{name}.db", clock=clock) for name in ("one", "two"))
    for item in (one, two):
        item.migrate()
    case = live(one, *LIFE)
    name = one.put_document(b"%PDF", now=NOW)
    one.copy_to(two)
    one.backup(tmp_path / "saved")
    restore_backup(tmp_path / "saved", f"sqlite:///{tmp_path}/three.db", clock=clock, by="ann", now=NOW)
    three = open_store(f"sqlite:///{tmp_path}/three.db", clock=clock)
    for item in (two, three):
        assert (item.case(case.id), item.document(name)) == (case, b"%PDF")
    for item in (one, two, three):
        item.close()


@pytest.mark.req("A101")
def test_lines_of_the_journal_can_be_checked_by_whoever_has_only_them(store: Store) -> None:
    store.journal_append("note", "other/1", {"about": "somebody else"}, now=NOW, actor="ann")
    case = live(store, *LIFE[:4])
    store.journal_append("note", "other/2", {}, now=NOW, actor="ann")
    lines = store.journal_lines([f"case/{case.id}"])
    assert [line.seq for line in lines] == [2, 3, 4, 5, 6]
    for line in lines:
        assert hashlib.sha256(f"{line.previous}\n{line.chained}".encode()).hexdigest() == line.hash
        assert json.loads(line.chained)[5] == hashlib.sha256(f"{line.salt}\n{line.detail}".encode()).hexdigest()
    assert lines[1].previous == lines[0].hash
    store.journal_erase(f"case/{case.id}")
    erased = store.journal_lines([f"case/{case.id}"])
    assert [(line.hash, line.detail) for line in erased] == [(line.hash, None) for line in lines]


def test_when_a_record_was_first_seen_is_known(store: Store) -> None:
    commit(store, party("1"), party("2"))
    keys = [RecordKey(BOOKS, Stream.PARTIES, Ref(ref)) for ref in ("1", "2", "9")]
    assert set(store.first_seen(keys)) == set(keys[:2])
    assert all(at.tzinfo is not None for at in store.first_seen(keys).values())
