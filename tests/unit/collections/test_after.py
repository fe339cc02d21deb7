"""After placement: what is taken up, what the agency hears, what waits for a person. Looked at twice, nothing is said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from pydantic import ValidationError

from core.actions import HandOver, HandOverKind, Receipt, idempotency_key
from core.collections.after import Signals, alarms, direct_payments, happened, recovered, words_for_agency
from core.collections.agencies import AgencySettings, fee_of
from core.collections.case import (
    Acknowledgement,
    AcknowledgementRead,
    AgencyStatus,
    AgencyTold,
    CaseState,
    DirectPaymentSeen,
    PaidInFull,
    PlacementDelivered,
    PlacementFailed,
    Recalled,
    Remittance,
    Remitted,
    StatusRead,
    Stayed,
    StayLifted,
)
from core.holds import Hold, HoldKind
from core.outbox import OutboxRow, OutboxState
from core.records import Allocation, DocumentStatus, Payment, PaymentStatus, Ref, key_of
from tests.unit.collections.claim import AGENCY, BOOKS, FIRST, NOW, SECOND, TODAY, case_of, credit, noticed, placed, usd

LATER = NOW + timedelta(days=3)


def row(state: OutboxState, name: str = "o", **rest) -> OutboxRow:
    action = HandOver(
        connection="acme",
        account="acct",
        case="5f0c11aa",
        agency="acme",
        what=HandOverKind.PLACEMENT,
        cause="p",
        reference="5f0c11aa-1",
        subject="s",
        text="t",
        amount=usd("1.00"),
    )
    made = {"id": name, "key": idempotency_key(action), "action": action, "state": state, "created_at": NOW, "updated_at": NOW}
    return OutboxRow(**{**made, "not_before": NOW, **rest})


def paid(amount: str = "300.00", **rest) -> Payment:
    made = {"connection": "books", "ref": Ref("p9"), "party_ref": Ref("c1"), "amount": usd(amount), "unapplied": usd("0")}
    part = Allocation(invoice_ref=FIRST.ref, amount=usd(amount))
    return Payment(**{**made, "paid_on": date(2026, 5, 23), "allocations": (part,), **rest})


def signals(*facts, payments=(), books=BOOKS, holds=(), rows=(), agency=AGENCY, now=LATER, seen=None, **changes) -> Signals:
    books = replace(books, payments=(*books.payments, *payments), **changes)
    came = [*payments, *books.credit_notes]
    return Signals(
        case=case_of(*facts),
        books=books,
        holds=holds,
        rows={item.id: item for item in rows},
        first_seen={key_of(item): seen or LATER for item in came}
        | {key_of(item): NOW - timedelta(days=90) for item in BOOKS.payments},
        agency=agency,
        now=now,
        today=now.date(),
    )


def hold(kind: HoldKind, **rest) -> Hold:
    return Hold(id="h1", kind=kind, account="acct", reason="chapter 7", placed_at=NOW, placed_by="ann", **rest)


def test_the_outbox_says_what_became_of_the_hand_over():
    placing = placed()[:-1]
    done = row(OutboxState.SETTLED, receipt=Receipt(ref="folder/x", at=NOW))
    assert list(happened(signals(*placing, rows=[done]))) == [PlacementDelivered(receipt="folder/x", at=NOW)]
    dropped = row(OutboxState.DROPPED, error="invoices: changed")
    assert list(happened(signals(*placing, rows=[dropped]))) == [PlacementFailed(reason="invoices: changed")]
    waiting = signals(*placing, rows=[row(OutboxState.AMBIGUOUS, error="the answer was lost")])
    assert list(happened(waiting)) == []
    assert [item.kind for item in alarms(waiting)] == ["hand_over"]


@pytest.mark.req("D6")
def test_a_direct_payment_is_seen_once_with_its_fee_and_deadline():
    (fact,) = happened(signals(*placed(), payments=[paid()]))
    assert isinstance(fact, DirectPaymentSeen)
    found = fact.payment
    assert (found.amount, found.fee, found.tell_by - found.seen_at) == (usd("300.00"), usd("90.00"), timedelta(hours=48))
    assert list(happened(signals(*placed(), fact, payments=[paid()]))) == []
    own = AgencySettings.model_validate({**AGENCY.model_dump(), "direct_percent": "10", "tell_within_hours": 24})
    (other,) = direct_payments(signals(*placed(), payments=[paid()], agency=own))
    assert (other.fee, other.tell_by - other.seen_at) == (usd("30.00"), timedelta(hours=24))
    assert direct_payments(signals(*placed(), payments=[paid()], agency=None))[0].fee == usd("0")


@pytest.mark.parametrize(
    "payment",
    [
        paid(memo="remit acme recov 77"),
        paid(payer="Acme Recovery"),
        paid(reference="5f0c11aa-1"),
        paid(status=PaymentStatus.VOID),
        paid(connection="psa"),
        paid(allocations=(Allocation(invoice_ref=Ref("i0999"), amount=usd("300.00")),)),
    ],
    ids=["alias", "payer", "our reference", "void", "the PSA's copy", "another invoice"],
)
def test_what_is_no_payment_of_the_client_to_us_for_this_case_is_not_one(payment):
    assert direct_payments(signals(*placed(), payments=[payment])) == []


def test_a_payment_known_before_the_placement_is_not_news_and_one_on_account_is():
    assert direct_payments(signals(*placed(), payments=[paid()], seen=NOW - timedelta(hours=1))) == []
    (found,) = direct_payments(signals(*placed(), payments=[paid(allocations=(), unapplied=usd("300.00"))]))
    assert found.amount == usd("300.00")


@pytest.mark.req("D6", "A113")
def test_the_agency_hears_each_thing_once():
    (fact,) = happened(signals(*placed(), payments=[paid()]))
    note = replace(credit("50.00"), allocations=(Allocation(invoice_ref=SECOND.ref, amount=usd("50.00")),))
    told = signals(*placed(), fact, Stayed(reason="bankruptcy"), payments=[paid()], credit_notes=(note,))
    words = words_for_agency(told)
    assert [item.what for item in words] == [HandOverKind.PAYMENT, HandOverKind.CORRECTION, HandOverKind.STAY]
    assert "300.00 USD" in words[0].text
    assert "90.00 USD" in words[0].text
    heard = [AgencyTold(about=item.cause, outbox_id="x") for item in words]
    assert words_for_agency(replace(told, case=case_of(*placed(), fact, Stayed(reason="bankruptcy"), *heard))) == []
    (back,) = words_for_agency(signals(*placed(), Recalled(reason="they called")))
    assert (back.what, "they called" in back.text) == (HandOverKind.RECALL, True)
    assert words_for_agency(signals(*placed(), Recalled(reason="status RTN", by_agency=True))) == []
    assert words_for_agency(signals(*noticed())) == []


@pytest.mark.req("A36")
def test_a_bankruptcy_stays_the_case_and_its_end_lets_it_go_on():
    (stay,) = happened(signals(*placed(), holds=[hold(HoldKind.BANKRUPTCY)]))
    assert (type(stay), "chapter 7" in stay.reason) == (Stayed, True)
    assert list(happened(signals(*placed(), stay, holds=[hold(HoldKind.BANKRUPTCY)]))) == []
    assert list(happened(signals(*placed(), holds=[hold(HoldKind.AGENCY), hold(HoldKind.BANKRUPTCY, until=TODAY)]))) == []
    (lifted,) = happened(signals(*placed(), stay))
    assert isinstance(lifted, StayLifted)


def test_a_case_whose_invoices_are_settled_is_paid_whoever_paid_them():
    closed = tuple(replace(item, status=DocumentStatus.CLOSED, open=usd("0")) for item in (FIRST, SECOND))
    assert [type(fact) for fact in happened(signals(*placed(), invoices=closed))] == [PaidInFull]
    assert [type(fact) for fact in happened(signals(*noticed(), invoices=closed))] == [PaidInFull]
    assert list(happened(signals(*placed(), invoices=(closed[0], SECOND)))) == []
    voided = (closed[0], replace(closed[1], status=DocumentStatus.VOID))
    assert "voided" in next(iter(happened(signals(*placed(), invoices=voided)))).how
    assert list(happened(signals(*placed(), invoices=(closed[0],)))) == [], "one that nobody can see is not settled"


def status(meaning: str, on: date = TODAY, at: datetime = NOW) -> StatusRead:
    return StatusRead(status=AgencyStatus(code="X", meaning=meaning, on=on, received_at=at))


@pytest.mark.req("A42", "A86", "A111")
def test_silence_is_alarmed_from_placement_and_from_the_last_word():
    assert alarms(signals(*placed(), now=NOW + timedelta(days=2))) == []
    assert [item.kind for item in alarms(signals(*placed(), now=NOW + timedelta(days=4)))] == ["unacknowledged"]
    ack = AcknowledgementRead(acknowledgement=Acknowledgement(received_at=NOW, count=2, amount=usd("1200.00")))
    assert alarms(signals(*placed(), ack, now=NOW + timedelta(days=29))) == []
    assert [item.kind for item in alarms(signals(*placed(), ack, now=NOW + timedelta(days=31)))] == ["silence"]
    spoke = status("active", at=NOW + timedelta(days=20))
    assert alarms(signals(*placed(), ack, spoke, now=NOW + timedelta(days=49))) == []
    recalled = (Recalled(reason="r"), AgencyTold(about="recall 5f0c11aa-1", outbox_id="o2"))
    assert alarms(signals(*placed(), ack, *recalled, now=NOW + timedelta(days=99))) == []


@pytest.mark.req("A85")
def test_documents_wanted_have_a_day_until_they_are_sent():
    (asked,) = alarms(signals(*placed(), status("documents_wanted")))
    assert (asked.kind, "by 2026-05-30" in asked.text) == ("documents_wanted", True)
    sent = AgencyTold(about="documents 9", outbox_id="x")
    assert alarms(signals(*placed(), status("documents_wanted"), sent)) == []


@pytest.mark.req("D6")
def test_a_payment_the_agency_has_not_heard_of_in_time_is_alarmed():
    (fact,) = happened(signals(*placed(), payments=[paid()]))
    cause = f"payment {fact.payment.payment}"
    facts = (*placed(), status("active", at=LATER), fact, AgencyTold(about=cause, outbox_id="n"))
    late = LATER + timedelta(hours=49)
    for state, kinds in (
        (OutboxState.SETTLED, []),
        (OutboxState.QUEUED, ["untold"]),
        (OutboxState.PARKED, ["hand_over", "untold"]),
    ):
        assert [item.kind for item in alarms(signals(*facts, rows=[row(state, "n")], now=late))] == kinds, state
    assert alarms(signals(*facts, rows=[row(OutboxState.QUEUED, "n")], now=LATER + timedelta(hours=47))) == []


@pytest.mark.req("A29")
def test_what_was_recovered_is_gross_fee_and_net():
    (fact,) = happened(signals(*placed(), payments=[paid()]))
    remittance = Remittance(
        reference="R", remitted_on=TODAY, gross=usd("600.00"), fee=usd("150.00"), net=usd("450.00"), residual=usd("0")
    )
    case = case_of(*placed(), fact, Remitted(remittance=remittance))
    assert recovered([case]) == {"USD": (usd("900.00"), usd("240.00"), usd("660.00"))}
    assert case.state is CaseState.PLACED


@pytest.mark.req("A88")
def test_an_agency_collects_only_where_it_is_licensed():
    assert [AGENCY.may_collect_in(*place) for place in (("IL", "US"), ("CA", "US"), (None, None), ("tx", None))] == [
        True,
        False,
        None,
        True,
    ]
    assert AgencySettings.model_validate({"name": "A", "connection": "x"}).may_collect_in("CA", "US") is None


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"aliases": ["ARS"]}, "too short"),
        ({"connection": "mail"}, "needs an address"),
        ({"connection": "mail", "to": ["nobody"]}, "not an e-mail address"),
        ({"codes": {"1": "gone fishing"}}, "no meaning of a status"),
        ({"rates": [{"percent": "120"}]}, "less than or equal to 100"),
    ],
)
def test_an_agency_that_cannot_work_is_refused_when_the_configuration_is_read(keys, words):
    with pytest.raises(ValidationError, match=words):
        AgencySettings.model_validate({"name": "Acme", "connection": "acme", **keys})


def test_a_rate_card_answers_by_age_and_size_and_a_fee_is_exact():
    assert [AGENCY.share(usd("100"), days) for days in (10, 91)] == [AGENCY.rates[1].percent, AGENCY.rates[0].percent]
    assert AGENCY.share(usd("100"), 91, legal=True) == 40
    assert fee_of(usd("0.05"), AGENCY.rates[0].percent) == usd("0.02"), "1.5 cents, half rounded up"
    assert fee_of(usd("10"), None) == usd("0")


@pytest.mark.req("E9", "D6")
def test_a_direct_payment_that_comes_back_is_worth_nothing_and_the_agency_hears_of_it():
    (seen,) = happened(signals(*placed(), payments=[paid()]))
    about = f"payment {seen.payment.payment}"
    bounced = replace(paid(), status=PaymentStatus.REVERSED)
    (back,) = happened(signals(*placed(), seen, payments=[bounced]))
    assert (back.payment.amount, back.payment.fee) == (usd("0"), usd("0"))
    told = AgencyTold(about=about, outbox_id="o9")
    (word,) = words_for_agency(signals(*placed(), seen, told, back, payments=[bounced]))
    assert (word.what, "came back" in word.text) == (HandOverKind.CORRECTION, True)
    assert words_for_agency(signals(*placed(), seen, back, payments=[bounced])) == [], "it never heard of the payment"
    assert recovered([case_of(*placed(), seen, back)])["USD"] == (usd("0"), usd("0"), usd("0"))
    assert list(happened(signals(*placed(), seen, back, payments=[bounced]))) == []


def test_what_an_agency_should_have_heard_and_did_not_is_alarmed():
    (seen,) = happened(signals(*placed(), payments=[paid()]))
    unheard = alarms(signals(*placed(), seen, payments=[paid()]))
    assert [item.kind for item in unheard] == ["unheard"]
    assert "300.00 USD" in unheard[0].text
    over = signals(*placed(), PaidInFull(how="nothing is open any more"))
    assert "open_again" in [item.kind for item in alarms(over)], "the payment was reversed: the claim stands again"
