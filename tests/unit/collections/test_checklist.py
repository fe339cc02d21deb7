"""The checklist: what is in order passes, each thing that is not keeps the claim back, and people alone let it go."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.collections.case import AttachmentKind
from core.collections.checklist import BY_ID, CHECKS, checklist, waivable
from core.collections.checklist_confirmation import confirmation, verbal_notes
from core.collections.checklist_facts import Group, Status
from core.collections.clocks import Bond
from core.collections.terms import ContractTerms
from core.dunning.arrangements import Instalment, PaymentPlan
from core.findings import Finding, FindingKind, FindingState, Severity
from core.holds import Hold, HoldKind
from core.messages.letter import Organisation
from core.messages.lint import threats
from core.messages.texts import LANGUAGES
from core.outbox import ContactKind
from core.records import Agreement, CreditNote, DocumentStatus, Payment, PaymentStatus, RecordKey, Ref, Stream
from tests.unit.analytics.ledgers import Seen
from tests.unit.collections.clean_claim import (
    ACCOUNT,
    CONTACTS,
    KEY,
    NOW,
    PLACE,
    TERMS,
    TODAY,
    approved,
    bill,
    claim_facts,
    client,
    contact,
    paper,
    promised,
    said,
    ticket,
    usd,
    waived,
    worth,
)


def item(name, **changes):
    return checklist(claim_facts(**changes)).item(name)


def with_books(name, **changes):
    return item(name, books=client(**changes))


def hold(kind, **more):
    return Hold(id=f"h-{kind}", kind=kind, account=ACCOUNT, placed_at=NOW - timedelta(days=3), placed_by="kim", **more)


@pytest.mark.req("A1", "A2", "A3", "A4", "A6", "A20", "A81")
def test_a_claim_in_perfect_order_passes_every_item_and_its_documents_are_complete():
    found = checklist(claim_facts())
    assert [(entry.id, entry.why) for entry in found.open_items] == []
    assert found.complete
    assert found.documents_complete == (5, 5)
    assert {entry.group for entry in found.items} == set(Group)


@pytest.mark.req("A38")
def test_it_is_never_ready_by_itself():
    assert not checklist(claim_facts()).ready


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_item_names_the_requirements_it_answers_and_has_a_title(check):
    assert check.title
    assert all(name.startswith("A") for name in check.requirements)
    assert check.requirements


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A2")
def test_a_signature_that_only_a_system_tells_of_is_no_copy():
    found = item("signed_agreement", attachments=())
    assert found.status is Status.FAIL
    assert "MSA is marked as signed, but no copy" in found.why
    assert "attach" in found.todo


@pytest.mark.req("A4", "A40")
@pytest.mark.parametrize(
    ("change", "words"),
    [({"number": None}, "no number"), ({"due_on": None}, "no due date"), ({"status": DocumentStatus.VOID}, "nothing is open")],
)
def test_an_invoice_that_is_not_complete_fails(change, words):
    wrong = replace(bill(), **change)
    found = item("invoice_records", invoices=(wrong,), economics=None, readings=())
    assert found.status is Status.FAIL
    assert words in found.why


@pytest.mark.req("A4")
def test_without_a_copy_from_its_system_or_a_person_an_invoice_fails_and_one_attached_mends_it():
    assert item("invoice_records", copies_from=frozenset()).status is Status.FAIL
    copy = paper(AttachmentKind.INVOICE, "2" * 64, "1001.pdf", invoice=KEY)
    assert item("invoice_records", copies_from=frozenset(), attachments=(copy,)).status is Status.PASS


@pytest.mark.req("A1", "A6")
def test_delivery_is_shown_by_work_by_closed_tickets_or_by_a_document_for_every_invoice():
    assert with_books("proof_of_delivery", tickets=()).status is Status.PASS
    assert with_books("proof_of_delivery", work=()).status is Status.PASS
    bare = client(work=(), tickets=())
    assert item("proof_of_delivery", books=bare).status is Status.FAIL
    note = paper(AttachmentKind.DELIVERY, "3" * 64, "signed-off.pdf", invoice=KEY)
    assert item("proof_of_delivery", books=bare, attachments=(note,)).status is Status.PASS


@pytest.mark.req("A6")
def test_work_and_tickets_of_another_month_prove_nothing():
    other = ticket(opened_at=NOW, closed_at=NOW)
    assert with_books("proof_of_delivery", work=(), tickets=(other,)).status is Status.FAIL
    assert with_books("proof_of_delivery", work=(), tickets=(ticket(closed=False, closed_at=None),)).status is Status.FAIL


@pytest.mark.req("A3", "A108")
def test_without_any_contact_on_record_communication_fails():
    assert item("communication", contacts=()).status is Status.FAIL
    letter = paper(AttachmentKind.COMMUNICATION, "4" * 64, "letter.pdf")
    assert item("communication", contacts=(), attachments=(letter,)).status is Status.PASS


@pytest.mark.req("A5", "A8")
def test_an_agreement_by_word_of_mouth_counts_only_once_it_is_confirmed_in_writing():
    note = contact(ContactKind.NOTE, date(2026, 5, 1), "Verbal agreement: pays 500 a month")
    found = item("verbal_agreements", contacts=(*CONTACTS, note), attachments=())
    assert found.status is Status.FAIL
    assert "pays 500 a month" in found.why
    assert "confirmation" in found.todo
    earlier = paper(AttachmentKind.COMMUNICATION, "5" * 64, at=NOW - timedelta(days=200))
    assert item("verbal_agreements", contacts=(*CONTACTS, note), attachments=(earlier,)).status is Status.FAIL
    later = paper(AttachmentKind.COMMUNICATION, "5" * 64)
    assert item("verbal_agreements", contacts=(*CONTACTS, note), attachments=(later,)).status is Status.PASS


# ── the account ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A21")
def test_another_amount_in_the_psa_fails_and_one_system_alone_cannot_tell():
    assert with_books("charges_agree", invoices=(bill(), bill("c1", "psa", total=usd(480_000)))).status is Status.FAIL
    assert with_books("charges_agree", invoices=(bill(),)).status is Status.UNKNOWN


@pytest.mark.req("A21")
def test_a_client_known_to_the_psa_alone_is_not_compared_with_itself():
    books = client()
    alone = replace(books, parties=books.parties[1:], invoices=(bill("c1", "psa"),))
    assert item("charges_agree", books=alone).status is Status.UNKNOWN


@pytest.mark.req("A3")
def test_how_many_contacts_have_their_content_is_told():
    bare = replace(CONTACTS[0], content_hash="")
    assert (
        "4 contacts from us (3 with their content or outcome), 0 replies"
        in item("communication", contacts=(bare, *CONTACTS[1:])).why
    )


@pytest.mark.req("A21")
def test_a_bill_of_an_agreement_is_held_against_its_price_and_its_other_bills():
    deal = Agreement(connection="books", ref=Ref("a"), party_ref=Ref("p"), name="MSA", amount=usd(400_000), active=False)
    odd = bill(agreement_ref=Ref("a"))
    assert with_books("charges_agree", invoices=(odd,), agreements=(deal,)).status is Status.FAIL
    taxed = replace(bill("i0", number="1000", open_minor=0, status=DocumentStatus.CLOSED), agreement_ref=Ref("a"))
    assert with_books("charges_agree", invoices=(odd, taxed), agreements=(deal,)).status is Status.PASS


def seen(kind, state=FindingState.OPEN, account=ACCOUNT):
    found = Finding(
        kind=kind, severity=Severity.HIGH, confidence=0.9, account=account, connection="books", subjects=(KEY,),
        at_stake=usd(500_000), evidence={}, proposal="mend it",
    )  # fmt: skip
    return Seen(found, state)


@pytest.mark.req("A20", "A99")
def test_an_open_finding_about_the_client_fails_and_a_settled_or_foreign_one_does_not():
    assert item("no_open_finding", findings=(seen(FindingKind.DUPLICATE_INVOICE),)).status is Status.FAIL
    settled = seen(FindingKind.DUPLICATE_INVOICE, FindingState.DISMISSED)
    foreign = seen(FindingKind.DUPLICATE_INVOICE, account="books:q")
    assert item("no_open_finding", findings=(settled, foreign)).status is Status.PASS


@pytest.mark.req("A22")
def test_a_missed_service_level_needs_a_sign_off_and_an_unsaid_one_cannot_be_told():
    missed = client(tickets=(ticket(sla_breached=True),))
    assert item("service_levels", books=missed).status is Status.FAIL
    signed = (said("bankruptcy_search"), said("reputation"), said("service_levels", "credited in March"))
    found = item("service_levels", books=missed, answers=signed)
    assert found.status is Status.PASS
    assert "credited in March" in found.why
    assert with_books("service_levels", tickets=(ticket(sla_breached=None),)).status is Status.UNKNOWN


@pytest.mark.req("A23")
def test_an_unresolved_ticket_fails_whatever_it_is_about():
    found = with_books("no_unresolved_ticket", tickets=(ticket(closed=False, closed_at=None, summary="Server down"),))
    assert found.status is Status.FAIL
    assert "Server down" in found.why


def without_psa():
    books = client()
    return replace(books, parties=books.parties[:1], account=replace(books.account, parties=books.account.parties[:1]))


@pytest.mark.req("A22", "A23")
def test_without_a_system_that_keeps_tickets_nothing_is_taken_for_granted():
    for name in ("service_levels", "no_unresolved_ticket"):
        assert item(name, books=without_psa()).status is Status.UNKNOWN


@pytest.mark.req("A99")
def test_money_that_came_and_was_not_applied_keeps_the_claim_back():
    note = CreditNote(
        connection="books",
        ref=Ref("n"),
        party_ref=Ref("p"),
        total=usd(100),
        remaining=usd(100),
        issued_on=TODAY,
        status=DocumentStatus.OPEN,
    )
    books = client(credit_notes=(note,))
    assert item("really_owed", books=books).status is Status.FAIL
    assert item("books_ready", books=books).status is Status.FAIL


@pytest.mark.req("A99", "A39")
def test_a_plan_or_promise_that_is_being_kept_keeps_the_claim_back_and_a_broken_one_does_not():
    def plan(due_on):
        part = Instalment(due_on=due_on, amount=usd(100_000))
        return PaymentPlan(account=ACCOUNT, invoices=(), instalments=(part,), agreed_at=NOW - timedelta(days=90))

    assert item("really_owed", plans=(plan(TODAY + timedelta(days=5)),)).status is Status.FAIL
    assert item("really_owed", plans=(plan(date(2026, 5, 1)),)).status is Status.PASS
    assert item("really_owed", promises=(promised(TODAY + timedelta(days=1)),)).status is Status.FAIL
    assert item("really_owed", promises=(promised(TODAY - timedelta(days=1)),)).status is Status.PASS


def cash(**more):
    given = {"amount": usd(0), "unapplied": usd(0), "paid_on": TODAY, "deposited": False, **more}
    return Payment(connection="books", ref=Ref("q"), party_ref=Ref("p"), **given)


@pytest.mark.req("A77")
def test_a_payment_that_is_clearing_keeps_the_claim_back_and_is_not_one_to_deposit():
    pending = client(payments=(cash(status=PaymentStatus.PENDING),))
    assert item("really_owed", books=pending).status is Status.FAIL
    assert item("books_ready", books=pending).status is Status.PASS
    assert with_books("books_ready", payments=(cash(deposited=None),)).status is Status.PASS


@pytest.mark.req("A77")
def test_books_are_ready_without_unapplied_or_undeposited_money_drafts_and_duplicates():
    assert with_books("books_ready", payments=(cash(),)).status is Status.FAIL
    assert item("books_ready", findings=(seen(FindingKind.DUPLICATE_PAYMENT),)).status is Status.FAIL
    draft = bill("d", number="1002", status=DocumentStatus.DRAFT)
    assert with_books("billing_in_order", invoices=(bill(), bill("c1", "psa"), draft)).status is Status.FAIL


@pytest.mark.req("A70", "A71")
def test_a_bill_half_a_year_late_fails_one_of_a_month_is_told_and_no_period_is_unknown():
    late = bill(issued_on=date(2026, 2, 20), due_on=date(2026, 3, 20), period_end=date(2026, 1, 1))
    far = bill(period_start=date(2025, 6, 1), period_end=date(2025, 6, 30))
    bare = bill(period_start=None, period_end=None)
    for invoice, status in ((late, Status.PASS), (far, Status.FAIL), (bare, Status.UNKNOWN)):
        found = item("invoiced_on_time", books=client(invoices=(invoice, bill("c1", "psa")), work=()))
        assert found.status is status
    served = client(invoices=(bare, bill("c1", "psa")))
    worked = replace(served, work=tuple(replace(entry, last_worked_on=date(2025, 6, 1)) for entry in served.work))
    assert item("invoiced_on_time", books=served).status is Status.PASS  # until 31 January, as the work's period says
    assert item("invoiced_on_time", books=worked).status is Status.FAIL
    assert "billed late" in item("invoiced_on_time", books=client(invoices=(late, bill("c1", "psa")), work=())).why


@pytest.mark.req("A83")
def test_a_claim_younger_than_the_policy_asks_waits():
    young = bill(due_on=TODAY - timedelta(days=59))
    assert item("old_enough", books=client(invoices=(young,))).status is Status.FAIL


def test_stale_sources_fail():
    assert item("sources_fresh", source_ages={"books": 1.0, "psa": 49.0}).status is Status.FAIL
    assert item("sources_fresh", source_ages={"books": 1.0, "psa": None}).status is Status.FAIL


def test_a_dispute_here_or_at_the_vendor_fails():
    assert item("no_dispute", holds=(hold(HoldKind.DISPUTE),)).status is Status.FAIL
    assert with_books("no_dispute", invoices=(bill(disputed=True), bill("c1", "psa"))).status is Status.FAIL
    assert item("no_dispute", holds=(hold(HoldKind.DISPUTE, lifted_at=NOW),)).status is Status.PASS


# ── contact ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A72")
def test_enough_reminders_over_enough_days_and_a_call_with_an_outcome_are_needed():
    mails = tuple(entry for entry in CONTACTS if entry.kind is not ContactKind.CALL)
    assert item("call_made", contacts=mails).status is Status.FAIL
    assert item("reminders_sent", contacts=mails[:2]).status is Status.FAIL
    burst = tuple(contact(ContactKind.MESSAGE, date(2026, 3, 10 + n)) for n in range(5))
    assert item("reminders_sent", contacts=burst).status is Status.FAIL
    skipped = tuple(replace(entry, waived=True) for entry in CONTACTS)
    assert item("reminders_sent", contacts=skipped).status is Status.FAIL
    assert item("call_made", contacts=skipped).status is Status.FAIL


@pytest.mark.req("A72")
def test_sending_a_bill_or_writing_about_another_is_no_reminder():
    """Counting the mails that brought later invoices would let a client pass whom nobody ever reminded."""
    other = RecordKey("books", Stream.INVOICES, Ref("later"))
    bills = tuple(
        replace(contact(ContactKind.MESSAGE, date(2026, 3, 1) + timedelta(days=20 * n)), invoices=(other,)) for n in range(5)
    )
    assert item("reminders_sent", contacts=bills).status is Status.FAIL
    early = tuple(contact(ContactKind.MESSAGE, bill().issued_on - timedelta(days=40 * n)) for n in range(5))
    assert "0 reminders" in item("reminders_sent", contacts=early).why
    unnamed = tuple(replace(entry, invoices=()) for entry in CONTACTS)
    assert item("reminders_sent", contacts=unnamed).status is Status.PASS, "what names no invoice is about them all"


@pytest.mark.req("A104")
def test_the_reason_is_asked_for_and_first_time_or_habit_is_told():
    silent = (*(entry for entry in CONTACTS if entry.kind is not ContactKind.CALL), contact(ContactKind.CALL, TODAY, "no answer"))
    found = item("why_late", contacts=silent)
    assert found.status is Status.UNKNOWN
    assert "not late by habit: 1 of the last 1 due invoices late" in found.why
    assert "cash is short" in item("why_late").why


@pytest.mark.req("A104", "A11")
@pytest.mark.parametrize(
    ("outcome", "subject", "reason"),
    [
        ("reached", "cash_flow: waits for a grant", "cash flow: waits for a grant"),
        ("reached", "not_said", None),
        ("reached", "", None),
    ]
    + [(code, "cash_flow", None) for code in ("no_answer", "left_message", "wrong_number")],
)
def test_a_recorded_call_tells_the_reason_only_where_somebody_was_spoken_to_and_said_it(outcome, subject, reason):
    call = replace(contact(ContactKind.CALL, date(2026, 5, 1), outcome), subject=subject)
    found = item("why_late", contacts=(call,))
    assert found.status is (Status.PASS if reason else Status.UNKNOWN)
    assert (reason or "nobody noted a reason") in found.why


@pytest.mark.req("A10")
def test_an_unanswered_call_is_an_attempt_and_a_wrong_number_is_none():
    for outcome, status in (("no_answer", Status.PASS), ("wrong_number", Status.FAIL), ("", Status.FAIL)):
        assert item("call_made", contacts=(contact(ContactKind.CALL, date(2026, 5, 1), outcome),)).status is status


@pytest.mark.req("A23")
def test_a_ticket_we_opened_ourselves_is_no_complaint_of_the_client():
    task = ticket("t9", closed=False, closed_at=None, summary="Call the client")
    handed = replace(contact(ContactKind.NOTE, TODAY, "ticket t9 opened"), channel="psa")
    books = client(tickets=(task,))
    assert item("no_unresolved_ticket", books=books).status is Status.FAIL
    assert item("no_unresolved_ticket", books=books, contacts=(*CONTACTS, handed)).status is Status.PASS


@pytest.mark.req("A60")
def test_a_client_in_trouble_is_not_handed_over_without_a_word():
    found = item("not_protected", holds=(hold(HoldKind.HARDSHIP, reason="fire"),))
    assert (found.status, "fire" in found.why) == (Status.FAIL, True)


@pytest.mark.req("A39")
def test_what_was_tried_is_listed_and_instalments_must_have_been_thought_of():
    found = item("options_tried", promises=())
    assert found.status is Status.UNKNOWN
    assert "2 messages, 1 statement, 1 call, no promises, no payment plans" in found.why
    assert "automatic payment no" in found.why
    charged = replace(bill("i0", number="1000", open_minor=0, status=DocumentStatus.CLOSED), autopay_on=TODAY)
    books = client(invoices=(bill(), charged, bill("c1", "psa")))
    assert "automatic payment set up" in item("options_tried", books=books, promises=()).why
    answers = (said("bankruptcy_search"), said("reputation"), said("options_tried", "offered three instalments, refused"))
    assert item("options_tried", promises=(), answers=answers).status is Status.PASS


@pytest.mark.req("A34")
def test_calls_at_night_too_many_calls_and_contact_against_a_stop_fail():
    night = replace(contact(ContactKind.CALL, date(2026, 3, 20), "angry"), at=NOW.replace(hour=4))
    assert item("contact_limits", contacts=(night,)).status is Status.FAIL
    for hour, minute, status in ((13, 0, Status.PASS), (12, 59, Status.FAIL), (1, 59, Status.PASS), (2, 0, Status.FAIL)):
        early = replace(night, at=NOW.replace(day=20, hour=hour, minute=minute))  # Chicago is five hours behind in June
        assert item("contact_limits", contacts=(early,)).status is status
    many = tuple(contact(ContactKind.CALL, date(2026, 3, 20), f"call {n}") for n in range(8))
    assert item("contact_limits", contacts=many).status is Status.FAIL
    assert item("contact_limits", contacts=many[:7]).status is Status.PASS
    stop = hold(HoldKind.DO_NOT_CONTACT)
    late = (contact(ContactKind.MESSAGE, TODAY),)
    assert item("contact_limits", contacts=late, holds=(stop,)).status is Status.FAIL


def test_a_mail_of_the_client_without_an_answer_and_a_protected_client_fail():
    reply = contact(ContactKind.REPLY, date(2026, 6, 1), "we dispute this")
    assert item("reply_answered", contacts=(*CONTACTS, reply)).status is Status.FAIL
    assert item("reply_answered", contacts=(*CONTACTS, reply, contact(ContactKind.CALL, TODAY, "settled"))).status is Status.PASS
    assert item("not_protected", holds=(hold(HoldKind.PROTECTED),)).status is Status.FAIL


# ── law ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A36", "A37")
@pytest.mark.parametrize("kind", [HoldKind.BANKRUPTCY, HoldKind.LEGAL])
def test_a_bankruptcy_or_legal_hold_stops_everything_and_no_waiver_helps(kind):
    found = checklist(claim_facts(holds=(hold(kind),), waivers=(waived("no_stay"),)))
    assert found.item("no_stay").status is Status.FAIL
    assert not found.complete
    assert "cannot be waived" in waivable("no_stay")


@pytest.mark.req("A36")
def test_that_nobody_searched_the_register_is_unknown_and_a_filing_found_fails():
    assert item("bankruptcy_search", answers=()).status is Status.UNKNOWN
    found = item("bankruptcy_search", answers=(said("bankruptcy_search", "chapter 7 filed in May", ok=False),))
    assert found.status is Status.FAIL


@pytest.mark.req("A30", "A33")
def test_without_a_governing_law_the_law_and_the_clock_are_unknown_with_what_may_come():
    bond = Bond(law=None, candidates=("US-TX",))
    assert item("governing_law", bond=bond).status is Status.UNKNOWN
    found = item("time_bar", bond=bond)
    assert found.status is Status.UNKNOWN
    assert "US-TX come into question" in found.why
    assert found.details["clocks"][0]["earliest"] == "2030-03-03"


@pytest.mark.req("A33")
def test_a_claim_past_its_time_fails_and_the_days_are_shown():
    old = bill(issued_on=date(2021, 1, 1), due_on=date(2021, 2, 1))
    found = item("time_bar", books=client(invoices=(old,)))
    assert found.status is Status.FAIL
    assert found.details["clocks"][0]["state"] == "over"


@pytest.mark.req("A31")
def test_every_legal_item_says_that_it_is_no_advice_and_who_of_counsel_looked():
    answers = (said("bankruptcy_search"), said("reputation"), said("counsel", "J. Roe: go ahead"))
    for answered, reviewed in (((), None), (answers, "kim, 2026-06-30: J. Roe: go ahead")):
        legal = [entry for entry in checklist(claim_facts(answers=answered)).items if entry.group is Group.LEGAL]
        assert len(legal) >= 5
        assert all("Not legal advice" in entry.details["not_advice"] for entry in legal)
        assert {entry.details["counsel_reviewed"] for entry in legal} == {reviewed}


@pytest.mark.req("A30", "A34")
def test_a_person_as_debtor_brings_rules_that_counsel_signs_off():
    assert item("natural_person", natural_person=None).status is Status.UNKNOWN
    bond = Bond(law="US-CA", written=True)
    found = item("debtor_rules", natural_person=True, bond=bond)
    assert found.status is Status.UNKNOWN
    citations = {rule["citation"] for rule in found.details["rules"]}
    assert {"Cal. S.B. 1286 (2024)", "12 CFR 1006.6(b)(1), 1006.14(b)(2)"} <= citations
    answers = (said("counsel", "heeded"),)
    assert item("debtor_rules", natural_person=True, bond=bond, answers=answers).status is Status.PASS


# ── contract and worth ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A35", "A105")
def test_terms_nobody_looked_up_are_unknown_each_by_name():
    found = item("contract_terms", terms=ContractTerms(governing_law="US-TX", net_days=30))
    assert found.status is Status.UNKNOWN
    assert "late fee or interest, who bears the costs of collecting" in found.why
    assert "10 days' notice" in item("contract_terms").why


@pytest.mark.req("A35")
@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"late_fee": None, "interest_percent": Decimal(12)}, "late fee: 12 % a year"),
        ({"late_fee": "a flat 40"}, "late fee: a flat 40"),
        ({"collection_costs": False}, "we bear the costs of collecting"),
        (
            {"suspension_notice_days": None, "venue": "Travis County"},
            "no clause on suspending service; law US-TX, venue Travis County",
        ),
    ],
)
def test_what_the_contract_says_is_told_in_words(terms, words):
    found = item("contract_terms", terms=TERMS.model_copy(update=terms))
    assert (found.status, words in found.why) == (Status.PASS, True)


@pytest.mark.req("A105")
def test_an_invoice_with_fewer_days_to_pay_than_the_contract_gives_fails():
    assert item("terms_followed", terms=TERMS.model_copy(update={"net_days": 45})).status is Status.FAIL


@pytest.mark.req("A24", "A25", "A28", "A32")
def test_a_claim_that_is_not_worth_it_fails_with_its_arithmetic():
    small = bill(open_minor=9_000)
    found = item("worth_it", books=client(invoices=(small,)), economics=worth((small,)))
    assert found.status is Status.FAIL
    assert "write off" in found.why


@pytest.mark.req("A26")
def test_a_client_with_an_active_agreement_is_shown_with_its_worth_and_a_person_decides():
    live = Agreement(
        connection="psa", ref=Ref("a"), party_ref=Ref("p"), name="MSA", amount=usd(300_000), cycle_months=3, active=True
    )
    found = with_books("client_value", agreements=(live,))
    assert found.status is Status.UNKNOWN
    assert "1 active agreement, 1,000.00 USD a month; billed 5,000.00 USD in twelve months" in found.why
    assert found.details["lifetime"] == {"USD": 500_000}
    first = bill("i0", number="1000", open_minor=0, status=DocumentStatus.CLOSED, issued_on=date(2023, 5, 1), due_on=None)
    uncounted = [bill("d", number="D", status=DocumentStatus.DRAFT), bill("f", number="F", issued_on=date(2026, 7, 9))]
    books = client(invoices=(bill(), first, *uncounted, bill("c1", "psa")))
    found = item("client_value", books=books, invoices=(bill(),))
    assert "billed 5,000.00 USD in twelve months, 10,000.00 USD since 2023-05-01; margin not known" in found.why
    known = item("client_value", books=books, invoices=(bill(),), margin_percent=Decimal("32.50"))
    assert "at the margin of 32.5 % you set, 1,625.00 USD of that year's stayed with you" in known.why


@pytest.mark.req("A27")
def test_reputation_is_weighed_by_a_person_in_their_own_words():
    assert item("reputation", answers=()).status is Status.UNKNOWN
    assert "small town" in item("reputation", answers=(said("reputation", "small town, but known for not paying"),)).why


@pytest.mark.req("A110")
def test_an_agency_needs_name_address_and_a_way_to_reach_them():
    assert item("debtor_details", address=None).status is Status.FAIL
    books = client()
    nameless = replace(books, parties=tuple(replace(party, legal_name=None) for party in books.parties))
    assert item("debtor_details", books=nameless).status is Status.FAIL
    assert item("debtor_details", books=nameless, legal_name="Late Incorporated").status is Status.PASS


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A20")
def test_a_waiver_shows_who_and_why_and_counts_as_settled_not_as_passed():
    found = item("signed_agreement", attachments=(), waivers=(waived("signed_agreement", "lost in the flood"),))
    assert found.status is Status.WAIVED
    assert found.settled
    assert "waived by kim on 2026-06-30: lost in the flood" in found.why
    assert checklist(claim_facts(waivers=(waived("signed_agreement"),))).item("signed_agreement").status is Status.PASS


@pytest.mark.req("A38")
def test_two_different_people_make_it_ready_one_twice_does_not():
    digest = checklist(claim_facts()).digest
    twice = checklist(claim_facts(approvals=(approved("kim", digest), approved("Kim ", digest))))
    assert not twice.ready
    both = checklist(claim_facts(approvals=(approved("kim", digest), approved("lee", digest))))
    assert both.ready


@pytest.mark.req("A38")
def test_approvals_are_for_the_list_as_it_stood_and_never_older_than_a_waiver():
    digest = checklist(claim_facts()).digest
    yes = (approved("kim", digest), approved("lee", digest))
    moved = checklist(claim_facts(approvals=yes, books=client(tickets=(ticket(), ticket("t2", closed=False, closed_at=None)))))
    assert (moved.ready, len(moved.approvals), len(moved.stale)) == (False, 0, 2)
    waivers = (waived("worth_it"),)
    early = tuple(replace(item, at=NOW - timedelta(days=1)) for item in yes)
    assert not checklist(claim_facts(approvals=early, waivers=waivers)).ready
    before = replace(waivers[0], at=NOW - timedelta(days=2))
    assert checklist(claim_facts(approvals=early, waivers=(before,))).ready
    assert not checklist(claim_facts(approvals=early, waivers=(before, *waivers))).ready


@pytest.mark.req("A38")
def test_an_item_that_is_open_keeps_two_approvals_from_counting():
    facts = claim_facts(answers=())
    digest = checklist(facts).digest
    assert not checklist(replace(facts, approvals=(approved("kim", digest), approved("lee", digest)))).ready


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(BY_ID)), max_size=35),
    st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_unknown_never_passes_and_no_waiver_passes_a_stay(names, papers, psa, law, stay):
    facts = claim_facts(
        books=client() if psa else without_psa(),
        attachments=(paper(),) if papers else (),
        bond=Bond(law="US-TX" if law else None, written=True),
        holds=(hold(HoldKind.BANKRUPTCY),) if stay else (),
        answers=(),
        promises=(promised(),),
        waivers=tuple(waived(name) for name in sorted(names)),
    )
    found = checklist(facts)
    raw = {check.id: check.look(facts).status for check in CHECKS}
    for entry in found.items:
        assert entry.settled == (raw[entry.id] is Status.PASS or (entry.id in names and entry.waivable))
    assert not (stay and found.complete)
    assert not found.ready


@pytest.mark.req("A8")
def test_the_draft_of_a_promise_names_its_day_and_of_a_note_its_words():
    call = contact(ContactKind.CALL, date(2026, 5, 1), "promised")
    note = contact(ContactKind.NOTE, date(2026, 5, 2), "Verbal agreement - half now, half in June")
    newest, older = verbal_notes((call, contact(ContactKind.NOTE, TODAY, "sent a card"), note))
    ours = Organisation(name="Northwind", timezone="America/Chicago", currency="USD")
    given = {"client": "Late Inc", "organisation": ours, "answer_by": date(2026, 5, 9), "place": PLACE}
    assert "half now, half in June" in confirmation(newest, (), **given).text
    promise = replace(promised(date(2026, 5, 20)), made_at=call.at)
    assert "by May 20, 2026" in confirmation(older, (promise,), **given).text
    german = confirmation(older, (promise,), **given, locale="de-AT")
    assert ("20. Mai 2026" in german.text, german.subject) == (True, "Was wir am 1. Mai 2026 vereinbart haben")
    for language in LANGUAGES:
        draft = confirmation(newest, (), **given, locale=language)
        assert "half now, half in June" in draft.text, "what was said stays as it was written"
        assert threats(f"{draft.subject}\n{draft.text}", language) == ()
