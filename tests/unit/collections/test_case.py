"""What may happen to a case: two approvers, nothing backwards, a stay and a wrong acknowledgement stop what they must."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.collections.case import (
    Acknowledgement,
    AcknowledgementRead,
    Answer,
    Answered,
    Approval,
    ApprovalWithdrawn,
    Approved,
    CaseClosed,
    CaseEvent,
    CaseState,
    Detached,
    LegalStep,
    LegalStepTaken,
    NoticeGiven,
    Opened,
    Outcome,
    PlacementDelivered,
    PlacementFailed,
    PlacementQueued,
    Recalled,
    Reopened,
    Stayed,
    StayLifted,
    Waived,
    Waiver,
    WaiverLifted,
)
from core.collections.case_moves import IllegalMove, follow
from tests.unit.collections.claim import CLAIM, NOW, TODAY, attachment, case_of, noticed, placed, usd

ANN, BOB = (Approved(approval=Approval(by=name, at=NOW)) for name in ("ann", "Bob"))
NOTICE = noticed()[-1]


def said(amount: str, count: int = 2, **rest) -> AcknowledgementRead:
    made = {"received_at": NOW, "count": count, "amount": usd(amount), **rest}
    return AcknowledgementRead(acknowledgement=Acknowledgement(**made))


def law(state: CaseState) -> LegalStepTaken:
    return LegalStepTaken(step=LegalStep(state=state, on=TODAY))


@pytest.mark.req("A38")
def test_it_takes_two_different_people():
    assert case_of(ANN).state is CaseState.PREPARING
    assert case_of(ANN, BOB).state is CaseState.APPROVED
    assert case_of(NOTICE, ANN, BOB).state is CaseState.NOTICED, "a notice sent earlier counts"
    for again in ("ann", "ANN"):
        with pytest.raises(IllegalMove, match="approved case 5f0c11aa already"):
            case_of(ANN, Approved(approval=Approval(by=again, at=NOW)))
    again = Approved(approval=Approval(by="ann", at=NOW, digest="changed"))
    assert [item.digest for item in case_of(ANN, BOB, again).approvals] == ["", "changed"], "for a changed checklist, once more"


@pytest.mark.parametrize(
    "change",
    [
        Waived(waiver=Waiver(item="sla", by="ann", reason="agreed", at=NOW)),
        Answered(answer=Answer(item="reputation", ok=True, text="none", by="ann", at=NOW)),
        ApprovalWithdrawn(approver="bob", reason="new facts"),
        Detached(sha256=attachment().sha256, reason="wrong client"),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_changes_the_ground_of_an_approval_takes_it_back(change):
    case = case_of(*noticed(), change)
    assert (case.state, case.notice is not None) == (CaseState.PREPARING, True)
    with pytest.raises(IllegalMove, match="preparing"):
        case_of(*noticed(), change, placed()[-2])


def test_a_waiver_needs_a_reason_and_can_be_taken_back_once():
    waived = Waived(waiver=Waiver(item="sla", by="ann", reason="agreed", at=NOW))
    lifted = WaiverLifted(item="sla", reason="not after all")
    assert case_of(waived).waiver("sla") is not None
    assert case_of(waived, lifted).waiver("sla") is None
    with pytest.raises(IllegalMove, match="not waived"):
        case_of(waived, lifted, lifted)
    with pytest.raises(IllegalMove, match="reason"):
        case_of(Waived(waiver=Waiver(item="sla", by="ann", reason=" ", at=NOW)))


@pytest.mark.req("A114")
def test_the_steps_at_law_go_forward_only():
    case = case_of(*placed(), law(CaseState.LEGAL_REVIEW), law(CaseState.SUIT), law(CaseState.JUDGMENT), law(CaseState.SATISFIED))
    assert (case.state, len(case.legal)) == (CaseState.SATISFIED, 4)
    assert case_of(*placed(), law(CaseState.SUIT)).state is CaseState.SUIT, "an agency may tell only the later step"
    for facts in (
        (*noticed(), law(CaseState.SUIT)),
        (*placed(), law(CaseState.SATISFIED)),
        (*placed(), law(CaseState.JUDGMENT), law(CaseState.SUIT)),
        (*placed(), law(CaseState.PAID)),
    ):
        with pytest.raises(IllegalMove):
            case_of(*facts)


@pytest.mark.req("A36")
def test_a_stay_stops_every_step_forward_until_it_is_lifted():
    stay, lift = Stayed(reason="bankruptcy"), StayLifted(reason="dismissed")
    for facts, step in (((ANN,), BOB), ((ANN, BOB), NOTICE), (noticed(), placed()[-2]), (placed(), law(CaseState.SUIT))):
        with pytest.raises(IllegalMove, match="stands still: bankruptcy"):
            case_of(*facts, stay, step)
        assert case_of(*facts, stay, lift, step).stayed == ""
    assert case_of(*placed(), stay, Recalled(reason="stayed")).state is CaseState.RECALLED
    with pytest.raises(IllegalMove, match="does not stand still"):
        case_of(lift)


@pytest.mark.req("A42")
def test_a_wrong_acknowledgement_blocks_until_it_is_right_or_accepted():
    wrong = said("1100.00", problem="the agency acknowledged 1,100.00 USD instead of 1,200.00 USD")
    case = case_of(*placed(), wrong)
    assert (case.state, "1,100.00" in case.blocked) == (CaseState.PLACED, True)
    with pytest.raises(IllegalMove, match="waits"):
        case_of(*placed(), wrong, law(CaseState.SUIT))
    assert case_of(*placed(), wrong, said("1200.00")).state is CaseState.ACKNOWLEDGED
    accepted = said("1100.00", problem="other", accepted_by="ann")
    assert (case_of(*placed(), wrong, accepted).state, case_of(*placed(), wrong, accepted).blocked) == (
        CaseState.ACKNOWLEDGED,
        "",
    )


def test_a_case_with_an_agency_is_closed_only_after_a_recall_and_can_be_opened_again():
    with pytest.raises(IllegalMove, match="placed"):
        case_of(*placed(), CaseClosed(outcome=Outcome.UNCOLLECTABLE))
    closed = (*placed(), Recalled(reason="r"), CaseClosed(outcome=Outcome.WRITTEN_OFF, cause="cash_flow"))
    assert (case_of(*closed).open, case_of(*closed).closing.cause) == (False, "cash_flow")
    again = case_of(*closed, Reopened(reason="too soon"))
    assert (again.state, again.closing) == (CaseState.RECALLED, None)


def test_a_hand_over_that_failed_leaves_the_case_where_it_was():
    case = case_of(*noticed(), placed()[-2], PlacementFailed(reason="the folder is gone"))
    assert (case.state, case.placement, len(case.approvals)) == (CaseState.NOTICED, None, 2)
    done = case_of(*placed())
    assert (done.state, done.receipt, done.with_agency, done.placed_at) == (CaseState.PLACED, "acme/5f0c11aa-1", True, NOW)


LIFE = (
    *noticed(),
    *placed()[-2:],
    Waived(waiver=Waiver(item="sla", by="ann", reason="agreed", at=NOW)),
    WaiverLifted(item="sla", reason="no"),
    Answered(answer=Answer(item="x", ok=True, text="y", by="ann", at=NOW)),
    ApprovalWithdrawn(approver="bob", reason="no"),
    PlacementFailed(reason="full"),
    said("1200.00"),
    said("1.00", problem="wrong"),
    law(CaseState.SUIT),
    Stayed(reason="bankruptcy"),
    StayLifted(reason="over"),
    Recalled(reason="r"),
    CaseClosed(outcome=Outcome.SETTLED),
    Reopened(reason="no"),
)


@pytest.mark.req("A38", "D6")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LIFE), max_size=30))
def test_however_it_is_tried_nothing_is_placed_without_two_people_and_a_notice(facts):
    case = None
    opening = Opened(account="a", invoices=CLAIM, currency="USD")
    for fact in (opening, *facts):
        number = 1 if case is None else case.number + 1
        before = case
        try:
            case = follow(case, CaseEvent(case="c", number=number, at=NOW, by="ann", fact=fact))
        except IllegalMove:
            assert case is before
            continue
        if isinstance(fact, PlacementQueued):
            assert len({item.by for item in before.approvals}) >= 2
            assert before.notice is not None
            assert not before.stayed
        if isinstance(fact, CaseClosed):
            assert not before.with_agency
        assert case.placement is not None or not case.with_agency


def test_facts_that_cannot_begin_or_repeat_are_refused():
    with pytest.raises(IllegalMove, match="one invoice at least"):
        case_of(invoices=())
    for facts in (
        (Opened(account="a", invoices=(), currency="USD"),),
        (PlacementDelivered(receipt="x", at=NOW),),
        (PlacementQueued(placement=placed()[-2].placement),),
        (ApprovalWithdrawn(approver="nobody", reason="x"),),
        (Detached(sha256="ff", reason="x"),),
        (*noticed(), NoticeGiven(notice=NOTICE.notice), Recalled(reason="x")),
    ):
        with pytest.raises(IllegalMove):
            case_of(*facts)
    assert NOW + timedelta(minutes=1) == case_of().opened_at
