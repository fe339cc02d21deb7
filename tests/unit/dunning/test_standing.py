"""Who is not chased, and why: every reason of the product notes' section E, each shown with the reminder it would stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from core.actions import idempotency_key
from core.books import AccountBooks
from core.dunning.arrangements import Instalment, PaymentPlan, plan_state
from core.dunning.decision import Channels
from core.findings import Finding, FindingKind, Severity
from core.holds import FLAGS, HARD_HOLDS, HoldKind
from core.money import Money
from core.outbox import ContactKind, OutboxRow, OutboxState, Promise
from core.records import (
    Contact,
    CreditNote,
    DocumentStatus,
    PaymentStatus,
    Posting,
    RecordKey,
    Ref,
    Role,
    Sale,
    Stream,
    Ticket,
    key_of,
)
from tests.unit.dunning.scene import BOOKS, CLIENT, Scene, numbers, overdue, usd

TODAY = date(2026, 3, 17)
ANY_DAY = {"business_days": False}


def late(**settings: object) -> Scene:
    """A client whose one invoice, 1001 of 100.00, would be reminded of today."""
    scene = overdue(7, **{**ANY_DAY, **settings})
    assert scene.would_send() == ["reminder_7"]
    return scene


class InTwoLedgers(Scene):
    """The client has a record in a second accounting system."""

    def books(self) -> AccountBooks:
        plain = super().books()
        account = replace(plain.account, parties=(*plain.account.parties, RecordKey("old", Stream.PARTIES, CLIENT)))
        theirs = replace(plain.parties[0], connection="old")
        return replace(plain, account=account, parties=(*plain.parties, theirs), roles={**plain.roles, "old": Role.BOOKS})


def credit(scene: Scene, amount: str, status: DocumentStatus = DocumentStatus.OPEN) -> None:
    scene.credit_notes.append(
        CreditNote(
            connection=BOOKS,
            ref=Ref(f"cn{len(scene.credit_notes)}"),
            party_ref=CLIENT,
            total=usd(amount),
            remaining=usd(amount),
            issued_on=TODAY,
            status=status,
        )
    )


def finding(scene: Scene, kind: FindingKind, confidence: float) -> None:
    scene.findings.append(
        Finding(
            kind=kind,
            severity=Severity.HIGH,
            confidence=confidence,
            account="acme",
            connection=BOOKS,
            subjects=(key_of(scene.invoices[0]),),
            at_stake=usd("100.00"),
            evidence={},
            proposal="look",
        )
    )


def sale(scene: Scene, amount: str) -> None:
    scene.sales.append(Sale(connection=BOOKS, ref=Ref("s1"), party_ref=CLIENT, amount=usd(amount), sold_on=TODAY))


def ticket(scene: Scene, **fields: object) -> None:
    scene.tickets.append(Ticket(connection="psa", ref=Ref("T1"), party_ref=Ref("77"), **{"summary": "Printer", **fields}))


def pending(scene: Scene) -> None:
    scene.payment("100.00", TODAY - timedelta(days=3), to="1001", status=PaymentStatus.PENDING)


STOPPED: list[tuple[str, str, Callable[[Scene], object], str]] = [
    ("E1", "an unapplied payment of the same amount", lambda s: s.payment("100.00", TODAY), "looks like this one's"),
    (
        "E1",
        "an unapplied payment that names it",
        lambda s: s.payment("60.00", TODAY, memo="for inv 1001, thanks"),
        "looks like this one's",
    ),
    ("E1", "a payment in a bank feed", lambda s: s.payment("100.00", TODAY, connection="bank"), "looks like this one's"),
    ("E2", "a deposit of the same amount posted to income", lambda s: s.deposit("100.00", TODAY), "posted to Services"),
    (
        "E2",
        "a deposit that names it",
        lambda s: s.deposit("99.00", TODAY, posting=Posting.OTHER, memo="inv#1001"),
        "posted to Services",
    ),
    ("E2", "a sale of the same amount paid at once", lambda s: sale(s, "100.00"), "a sale of 100.00 USD"),
    ("E3", "unapplied cash that covers it", lambda s: s.payment("140.00", TODAY), "owes nothing"),
    ("E3", "a credit note that covers it", lambda s: credit(s, "100.00"), "owes nothing"),
    (
        "E5",
        "a linked payment dated in the future",
        lambda s: s.payment("40.00", TODAY + timedelta(days=9), to="1001"),
        "is scheduled for",
    ),
    ("E8", "a linked payment that is clearing", pending, "is still clearing"),
    ("E11", "the vendor's own dispute mark", lambda s: s.change("1001", disputed=True), "books marks it as disputed"),
    ("E11", "a dispute hold on the invoice", lambda s: s.hold(HoldKind.DISPUTE, number="1001"), "on hold (dispute)"),
    ("A61", "a planned automatic charge", lambda s: s.change("1001", autopay_on=TODAY), "charged automatically"),
    ("A12", "an expected payment date", lambda s: s.change("1001", expected_on=TODAY), "payment is expected"),
    ("A23", "an open ticket about billing", lambda s: ticket(s, board="Billing & AR"), "is on the board"),
    ("A23", "a ticket whose words say so", lambda s: ticket(s, summary="Wrong invoice amount"), "is about billing"),
    ("A22", "a breached service level", lambda s: ticket(s, sla_breached=True), "past its service level"),
    ("E22", "a reply of today", lambda s: s.said(ContactKind.REPLY), "the client replied"),
    (
        "D1",
        "a finding about the invoice",
        lambda s: finding(s, FindingKind.DUPLICATE_INVOICE, 0.9),
        "duplicate invoice (90% sure)",
    ),
    ("A106", "no due date", lambda s: s.change("1001", due_on=None), "no due date"),
]


@pytest.mark.req("E1", "E2", "E3", "E5", "E8", "E11", "E15", "E22", "A12", "A22", "A23", "A61", "A106")
@pytest.mark.parametrize(("req", "case", "change", "reason"), STOPPED, ids=[f"{item[0]} {item[1]}" for item in STOPPED])
def test_nothing_is_sent_and_the_reason_is_given(req: str, case: str, change: Callable[[Scene], object], reason: str):
    scene = late()
    change(scene)
    assert scene.would_send() == []
    assert reason in scene.reasons()


def unread(scene: Scene, client: str = str(CLIENT)) -> None:
    scene.findings.append(
        Finding(
            kind=FindingKind.MALFORMED_RECORD,
            severity=Severity.MEDIUM,
            confidence=1.0,
            account=None,
            connection=BOOKS,
            subjects=(RecordKey(BOOKS, Stream.PAYMENTS, Ref("bad")),),
            at_stake=usd("0"),
            evidence={"where": "payments.csv:7:amount", "client": client},
            proposal="look",
        )
    )


@pytest.mark.req("E1", "E49")
def test_a_row_of_the_client_that_cannot_be_read_stops_reminders_and_not_the_first_mail_of_an_invoice():
    scene = late()
    unread(scene)
    scene.invoice("1002", due=TODAY + timedelta(days=30), issued=TODAY, sent=False)
    assert scene.would_send() == ["created"]
    assert "cannot be read, so nobody can tell what is owed (books payments.csv:7:amount)" in scene.reasons()


@pytest.mark.parametrize("how", ["another client's row", "a policy that ignores it"])
def test_a_row_of_somebody_else_that_cannot_be_read_stops_nobody(how: str):
    scene = late(**({} if how == "another client's row" else {"ignore_findings": ["malformed_record"]}))
    unread(scene, "C2" if how == "another client's row" else str(CLIENT))
    assert scene.would_send() == ["reminder_7"]


def small_payment(scene: Scene) -> None:
    scene.payment("30.00", TODAY)


NOT_STOPPED: list[tuple[str, Callable[[Scene], object]]] = [
    ("a payment of another amount that names nothing", small_payment),
    (
        "a payment of another client's invoice number inside a longer one",
        lambda s: s.payment("30.00", TODAY, memo="inv 71001-B2 51001"),
    ),
    ("an equal payment long ago", lambda s: s.payment("100.00", TODAY - timedelta(days=300), unapplied=usd("0"))),
    ("a void credit note (E7)", lambda s: credit(s, "500.00", DocumentStatus.VOID)),
    ("a finding less sure than the policy asks", lambda s: finding(s, FindingKind.DUPLICATE_INVOICE, 0.2)),
    ("a closed ticket", lambda s: ticket(s, board="Billing", closed=True)),
    ("a ticket about something else", lambda s: ticket(s, board="Helpdesk")),
    ("a lapsed hold", lambda s: s.hold(HoldKind.DISPUTE, until=TODAY - timedelta(days=1))),
    ("a hold on another invoice", lambda s: s.hold(HoldKind.DISPUTE, number="999")),
    ("a sale of another amount", lambda s: sale(s, "55.00")),
    ("a deposit of another amount", lambda s: s.deposit("55.00", TODAY)),
]


@pytest.mark.req("E7", "E51")
@pytest.mark.parametrize(("case", "change"), NOT_STOPPED, ids=[item[0] for item in NOT_STOPPED])
def test_what_is_no_reason_stops_nothing(case: str, change: Callable[[Scene], object]):
    scene = late()
    change(scene)
    assert scene.would_send() == ["reminder_7"]


@pytest.mark.req("E3")
def test_a_deposit_posted_to_the_receivable_account_counts_in_the_balance():
    scene = late()
    scene.deposit("100.00", TODAY, posting=Posting.RECEIVABLE)
    assert scene.would_send() == []
    assert "owes nothing" in scene.reasons()


@pytest.mark.req("E3", "E4", "E6")
def test_what_is_asked_for_is_the_net_balance():
    scene = late()
    scene.change("1001", open=usd("80.00"))
    scene.invoice("1002", "50.00", due=TODAY - timedelta(days=1))
    small_payment(scene)
    (entry,) = [item for item in scene.decide().entries if item.would_send]
    assert entry.letter is not None
    (group,) = entry.letter.groups
    assert (group.listed, group.credit, group.amount_due) == (usd("130.00"), usd("30.00"), usd("100.00"))
    assert group.amount_due == scene.books().balance("USD").net
    assert [line.received for line in group.due] == [usd("20.00"), usd("0")]


@pytest.mark.req("E3")
def test_credit_that_covers_what_is_due_stops_even_where_a_disputed_invoice_keeps_the_balance_up():
    scene = late()
    scene.invoice("1002", "500.00", due=TODAY - timedelta(days=20), disputed=True)
    scene.payment("130.00", TODAY)
    assert scene.books().balance("USD").net == usd("470.00")
    assert scene.would_send() == []
    assert "cover what is due" in scene.reasons()


@pytest.mark.req("E19")
def test_currencies_are_never_mixed():
    scene = late()
    scene.invoice("1002", "50.00", due=TODAY - timedelta(days=2))
    scene.change("1002", total=Money(7000, "EUR"), open=Money(7000, "EUR"))
    scene.payment("10.00", TODAY)
    (entry,) = [item for item in scene.decide().entries if item.would_send]
    assert entry.letter is not None
    assert [(group.currency, str(group.amount_due)) for group in entry.letter.groups] == [
        ("EUR", "70.00 EUR"),
        ("USD", "90.00 USD"),
    ]


@pytest.mark.req("E9")
def test_a_bounced_payment_reopens_at_the_right_step():
    scene = Scene(settings=ANY_DAY).go(date(2026, 4, 1))
    scene.invoice("1001", due=date(2026, 4, 1))
    scene.run(date(2026, 4, 9))
    scene.close("1001")
    scene.payment("100.00", date(2026, 4, 10), to="1001")
    assert scene.run(date(2026, 4, 19)) == []
    scene.payments[0] = replace(scene.payments[0], status=PaymentStatus.REVERSED)
    scene.change("1001", open=usd("100.00"), status=DocumentStatus.OPEN)
    assert scene.run(date(2026, 4, 21)) == [(date(2026, 4, 20), "reminder_14", ("1001",))]


@pytest.mark.req("E9")
def test_a_bounced_payment_stays_on_record_counts_for_nothing_and_costs_one_fee():
    scene = late(late_fee={"yearly_percent": "0", "fixed": {"USD": "7.50"}})
    (before,) = scene.decide().fees
    scene.close("1001")
    scene.payment("100.00", TODAY, to="1001")
    assert scene.decide().fees == ()
    scene.payments[0] = replace(scene.payments[0], status=PaymentStatus.REVERSED, unapplied=usd("100.00"), allocations=())
    scene.change("1001", open=usd("100.00"), status=DocumentStatus.OPEN)
    assert scene.decide().fees == (before,)
    assert before.total == usd("7.50")
    assert [item.status for item in scene.books().payments] == [PaymentStatus.REVERSED]
    assert scene.books().balance("USD").net == usd("100.00")


@pytest.mark.req("E5")
def test_a_scheduled_payment_holds_until_its_day_and_no_longer():
    scene = late()
    scene.payment("40.00", TODAY + timedelta(days=9), to="1001")
    for days in range(9):
        assert scene.go(TODAY + timedelta(days=days)).would_send() == []
    assert scene.go(TODAY + timedelta(days=10)).would_send() != []


@pytest.mark.req("E8")
@pytest.mark.parametrize(("end", "sends"), [(PaymentStatus.RECEIVED, False), (PaymentStatus.REVERSED, True)])
def test_an_ach_that_is_clearing_is_waited_for_to_its_end(end: PaymentStatus, sends: bool):
    scene = late()
    scene.payment("100.00", TODAY, to="1001", status=PaymentStatus.PENDING)
    for days in range(4):
        assert scene.go(TODAY + timedelta(days=days)).would_send() == []
    scene.payments[0] = replace(scene.payments[0], status=end)
    if end is PaymentStatus.RECEIVED:
        scene.close("1001")
    assert bool(scene.would_send()) is sends


@pytest.mark.req("E20")
def test_a_client_is_done_only_when_the_billed_fee_is_paid_or_waived_too():
    scene = late()
    scene.invoice("FEE1", "7.50", due=TODAY - timedelta(days=7))
    scene.close("1001")
    assert [numbers([entry]) for entry in scene.decide().entries if entry.would_send] == [["FEE1"]]
    scene.change("FEE1", open=usd("0"), status=DocumentStatus.VOID)
    assert scene.would_send() == []
    assert scene.decide().entries == ()


@pytest.mark.req("E11")
def test_a_broken_promise_resumes_on_the_next_business_day():
    scene = overdue(7)
    friday = date(2026, 3, 20)
    scene.promises.append(
        Promise(
            account="acme",
            invoice=None,
            amount_minor=None,
            currency=None,
            due_on=friday,
            made_at=scene.now,
            made_by="the client",
        )
    )
    assert scene.would_send() == []
    assert scene.go(date(2026, 3, 21)).would_send() == []
    assert scene.go(date(2026, 3, 23)).would_send() == ["reminder_7"]
    assert "the promise to pay by 2026-03-20 was not kept" in scene.reasons()


@pytest.mark.parametrize(
    ("paid", "on", "kept"), [("40.00", 20, True), ("39.99", 20, False), ("40.00", 23, False), ("40.00", 16, False)]
)
def test_a_promise_of_a_part_is_kept_when_that_part_came_in_time(paid: str, on: int, kept: bool):
    """What is still open is asked for again, but nobody is told of a broken word."""
    scene = late()
    word = {"due_on": date(2026, 3, 20), "made_at": scene.now, "made_by": "the client"}
    scene.promises.append(Promise(account="acme", invoice=None, amount_minor=4_000, currency="USD", **word))
    scene.payment(paid, date(2026, 3, on), unapplied=usd("0"))
    assert scene.go(date(2026, 3, 20)).would_send() == []
    assert scene.go(date(2026, 3, 23)).would_send() == ["reminder_7"]
    assert ("was not kept" not in scene.reasons()) is kept


def test_the_latest_promise_counts():
    scene = late()
    for day in (5, 12):
        scene.promises.append(
            Promise(
                account="acme",
                invoice=key_of(scene.invoices[0]),
                amount_minor=None,
                currency=None,
                due_on=TODAY + timedelta(days=day),
                made_at=scene.now + timedelta(minutes=day),
                made_by="the client",
            )
        )
    assert scene.go(TODAY + timedelta(days=9)).would_send() == []


@pytest.mark.req("E46")
def test_an_automatic_charge_that_failed_is_followed_after_three_business_days():
    scene = late()
    scene.change("1001", autopay_on=date(2026, 3, 19))
    assert scene.go(date(2026, 3, 24)).would_send() == []
    assert scene.go(date(2026, 3, 25)).would_send() == ["reminder_14"]


@pytest.mark.req("E22")
@pytest.mark.parametrize(("settings", "last"), [({}, 24), ({"reply_pause_days": 1}, 20)])
def test_a_reply_pauses_three_business_days_or_as_many_as_the_policy_says(settings: dict[str, object], last: int):
    scene = overdue(7, **settings)
    scene.go(date(2026, 3, 19)).said(ContactKind.REPLY)  # a Thursday
    assert [task.kind for task in scene.decide().tasks] == ["reply"]
    assert scene.go(date(2026, 3, last)).would_send() == []
    assert scene.go(date(2026, 3, 25 if last == 24 else 23)).would_send() != []


@pytest.mark.req("E12", "E53", "A36")
@pytest.mark.parametrize("kind", [kind for kind in HoldKind if kind not in FLAGS])
def test_every_hold_silences_every_kind_of_message(kind: HoldKind):
    scene = late()
    scene.channels = Channels(mail="mail", vendor=frozenset({BOOKS}), call="psa")
    scene.invoice("1002", due=TODAY + timedelta(days=30), issued=TODAY, sent=False)
    scene.invoice("1003", due=TODAY - timedelta(days=80))
    scene.hold(kind)
    assert scene.would_send() == []
    assert scene.run(TODAY + timedelta(days=100)) == []
    assert f"({kind.replace('_', ' ')})" in scene.reasons()


def test_hard_holds_do_not_wear_off():
    for kind in HARD_HOLDS:
        scene = late()
        scene.hold(kind)
        assert scene.go(TODAY + timedelta(days=900)).would_send() == []


@pytest.mark.req("A89")
def test_a_protected_client_is_written_to_only_with_approval():
    scene = late()
    scene.hold(HoldKind.PROTECTED)
    (entry,) = scene.decide().entries
    assert entry.would_send
    assert entry.draft
    assert "waits for a person's approval (protected client)" in entry.reasons


@pytest.mark.req("E44")
def test_policies_are_inherited_and_one_view_results():
    scene = late(accounts={"acme ltd": {"spacing_days": 9}})
    assert scene.policy.base.spacing_days == 9
    assert scene.policy.origins["spacing_days"] == "account Acme Ltd"


def test_an_invoice_may_be_left_alone():
    scene = overdue(7, **ANY_DAY, invoices={"books:r1001": {"follow": False}})
    assert scene.would_send() == []
    assert "the policy says not to follow it" in scene.reasons()


@pytest.mark.req("E20")
@pytest.mark.parametrize(("table", "reason"), [("minimum", "smallest amount to chase"), ("tolerance", "only a rest of")])
def test_small_amounts_are_left_alone(table: str, reason: str):
    scene = overdue(7, **ANY_DAY, **{table: {"usd": "100.00"}})
    if table == "minimum":
        scene.change("1001", open=usd("99.99"))
    assert scene.would_send() == []
    assert reason in scene.reasons()


@pytest.mark.req("E23", "A56")
def test_a_bounced_address_is_passed_over_for_another_contact():
    scene = late()
    scene.contacts = [
        Contact(connection=BOOKS, ref=Ref("k1"), party_ref=CLIENT, name="Tess", email="tess@acme.example", role="technical"),
        Contact(connection=BOOKS, ref=Ref("k2"), party_ref=CLIENT, name="Ann", email="ann@acme.example", role="Accounts Payable"),
    ]
    assert scene.decide().entries[0].recipient == "ann@acme.example"
    scene.said(ContactKind.BOUNCE, to=("Ann@acme.example",))
    (entry,) = scene.decide().entries
    assert entry.recipient == "ap@acme.example"
    assert "ann@acme.example bounced; writing to ap@acme.example instead" in entry.reasons
    scene.said(ContactKind.BOUNCE, to=("ap@acme.example", "tess@acme.example"))
    (entry,) = scene.decide().entries
    assert (entry.would_send, entry.recipient) == (False, None)
    assert "every known address bounced" in entry.reasons[0]
    assert [task.kind for task in scene.decide().tasks] == ["bounce"]


@pytest.mark.req("E23")
def test_a_bounced_address_comes_back_when_a_person_confirms_it():
    scene = late()
    scene.said(ContactKind.BOUNCE, to=("ap@acme.example",), when=scene.now - timedelta(days=9))
    assert scene.would_send() == []
    scene.said(ContactKind.NOTE, to=("ap@acme.example",), outcome="address confirmed", when=scene.now - timedelta(days=8))
    assert scene.would_send() == ["reminder_7"]


def test_temporary_failures_count_only_when_they_repeat():
    scene = late()
    for days in (9, 8):
        scene.said(
            ContactKind.BOUNCE, to=("ap@acme.example",), outcome="soft: mailbox full", when=scene.now - timedelta(days=days)
        )
    assert scene.would_send() == ["reminder_7"]
    scene.said(ContactKind.BOUNCE, to=("ap@acme.example",), outcome="soft: mailbox full", when=scene.now - timedelta(days=7))
    assert scene.would_send() == []


@pytest.mark.req("E15")
def test_every_client_with_open_invoices_has_an_entry_with_reasons():
    scene = Scene().go(TODAY)
    scene.invoice("1001", due=TODAY + timedelta(days=20))
    (entry,) = scene.decide().entries
    assert (entry.stage, entry.due_on, entry.would_send) == ("due", TODAY + timedelta(days=20), False)
    assert entry.reasons == ("nothing is due; the next step comes on 2026-04-06",)


@pytest.mark.req("E15")
def test_while_nothing_is_due_every_late_invoice_is_named():
    scene = late()
    scene.send()
    scene.go(TODAY + timedelta(days=1)).invoice("1002", due=TODAY - timedelta(days=2))
    scene.said(ContactKind.MESSAGE, stage="due", cycle="", invoices=(key_of(scene.invoices[1]),))
    (entry,) = scene.decide().entries
    assert (entry.would_send, numbers([entry])) == (False, ["1001", "1002"])


def test_a_disputed_invoice_is_kept_back_and_the_others_are_sent():
    scene = late()
    scene.invoice("1002", due=TODAY - timedelta(days=9), disputed=True)
    entries = scene.decide().entries
    assert [(entry.would_send, [item.number for item in entry.invoices]) for entry in entries] == [
        (True, ["1001"]),
        (False, ["1002"]),
    ]


def test_a_waiting_message_is_not_doubled():
    scene = late()
    entry = scene.decide().entries[0]
    queued = scene.queued(entry)
    for state in (OutboxState.DRAFT, OutboxState.AMBIGUOUS):
        scene.waiting = [
            OutboxRow(
                id="1",
                key=idempotency_key(queued.action),
                action=queued.action,
                state=state,
                created_at=scene.now,
                updated_at=scene.now,
                not_before=scene.now,
            )
        ]
        assert scene.would_send() == []
        assert f"already in the outbox ({state}, reminder_7)" in scene.reasons()


@pytest.mark.req("A94", "A95")
def test_a_kept_plan_stops_reminders_and_a_breach_resumes_them():
    scene = late()
    scene.plans = [
        PaymentPlan(
            account="acme",
            invoices=(key_of(scene.invoices[0]),),
            instalments=tuple(Instalment(due_on=TODAY + timedelta(days=days), amount=usd("50.00")) for days in (5, 35)),
            agreed_at=scene.now,
        )
    ]
    assert scene.would_send() == []
    assert scene.go(TODAY + timedelta(days=10)).would_send() == []
    assert scene.go(TODAY + timedelta(days=11)).would_send() != []
    assert "plan_breach" in [task.kind for task in scene.decide().tasks]
    scene.payment("50.00", TODAY + timedelta(days=9), to="1001")
    scene.change("1001", open=usd("50.00"))
    assert scene.would_send() == []
    assert not plan_state(scene.plans[0], scene.books(), scene.today).breached


def test_money_that_bounced_keeps_no_plan():
    scene = late()
    plan = PaymentPlan(
        account="acme",
        invoices=(),
        instalments=(Instalment(due_on=TODAY, amount=usd("50.00")),),
        agreed_at=scene.now,
        breach_days=0,
    )
    scene.payment("50.00", TODAY, status=PaymentStatus.REVERSED)
    assert plan_state(plan, scene.books(), TODAY + timedelta(days=1)).breached


@pytest.mark.req("A10", "A13")
def test_a_call_becomes_a_ticket_with_a_script():
    scene = Scene(settings=ANY_DAY, channels=Channels(mail="mail", call="psa")).go(date(2026, 4, 1))
    scene.invoice("1001", due=date(2026, 4, 1))
    scene.run(date(2026, 5, 15))
    calls = [action for action in scene.actions if action.stage == "call"]
    assert len(calls) == 1
    assert calls[0].party_ref == "77"  # type: ignore[union-attr]
    assert "Ask, do not accuse" in calls[0].body  # type: ignore[union-attr]


def test_calls_about_one_client_are_a_week_apart():
    scene = Scene(settings=ANY_DAY, channels=Channels(mail="mail", call="psa")).go(date(2026, 4, 1))
    for index in range(4):
        scene.invoice(f"100{index}", due=date(2026, 4, 1) + timedelta(days=2 * index))
    scene.run(date(2026, 6, 15))
    days = [day for day, stage, _ in scene.sent if stage == "call"]
    assert days
    assert all(later - earlier >= timedelta(days=7) for earlier, later in pairwise(days))


@pytest.mark.parametrize("status", ["Bankruptcy", "In Collections", "DO NOT CONTACT"])
def test_what_a_vendor_says_of_the_client_stops_reminders(status: str):
    scene = late()
    scene.party = replace(scene.party, status=status)
    assert scene.would_send() == []
    assert f'says of the client: "{status}"' in scene.reasons()
    scene.party = replace(scene.party, status="Active", tags=("gold",))
    assert scene.would_send() == ["reminder_7"]


def test_a_vendor_is_told_an_address_only_where_it_has_none():
    for bill_email, told in (("ap@acme.example", None), (None, "ap@acme.example")):
        scene = Scene(channels=Channels(mail="mail", vendor=frozenset({BOOKS}))).go(TODAY)
        scene.invoice("1001", issued=TODAY, due=TODAY + timedelta(days=30), sent=False, bill_email=bill_email)
        scene.send()
        assert scene.actions[0].to == told  # type: ignore[union-attr]


@pytest.mark.req("A14", "A32")
def test_a_new_invoice_is_announced_by_its_vendor_where_that_can_be():
    scene = Scene(channels=Channels(mail="mail", vendor=frozenset({BOOKS}))).go(TODAY)
    scene.invoice("1001", issued=TODAY, due=TODAY + timedelta(days=30), sent=False)
    scene.invoice("1002", issued=TODAY, due=TODAY + timedelta(days=30), sent=True)
    assert [(entry.channel, entry.invoices[0].number) for entry in scene.decide().outgoing] == [("vendor", "1001")]
    assert scene.send() == ["created"]
    assert scene.would_send() == []


def test_new_invoices_are_announced_in_one_mail_of_ours_elsewhere():
    scene = Scene().go(TODAY)
    for number in ("1001", "1002"):
        scene.invoice(number, issued=TODAY, due=TODAY + timedelta(days=30), sent=False)
    assert scene.run(TODAY + timedelta(days=5)) == [(TODAY, "created", ("1001", "1002"))]


@pytest.mark.req("E10")
def test_a_new_invoice_is_announced_the_day_after_a_reminder():
    scene = late()
    scene.invoice("1002", issued=TODAY, due=TODAY + timedelta(days=30), sent=False)
    assert [(entry.stage, numbers([entry])) for entry in scene.decide().outgoing] == [("reminder_7", ["1001"])]
    assert "the new invoice follows on the next day" in scene.reasons()
    scene.send()
    assert scene.would_send() == []
    assert "one a day is enough" in scene.reasons()
    assert scene.run(TODAY + timedelta(days=3)) == [(TODAY + timedelta(days=1), "created", ("1002",))]


def test_old_invoices_are_not_announced_when_duesync_starts():
    scene = Scene().go(TODAY)
    scene.invoice("1001", issued=TODAY - timedelta(days=20), due=TODAY + timedelta(days=10), sent=False)
    assert scene.would_send() == []


def test_the_books_of_a_psa_do_not_count_where_there_are_real_books():
    scene = late()
    scene.invoices.append(replace(scene.invoices[0], connection="psa", number="P1"))
    (entry,) = scene.decide().outgoing
    assert [item.connection for item in entry.invoices] == [BOOKS]


def test_what_the_psa_says_of_the_same_invoice_counts_too():
    scene = late()
    scene.invoices.append(replace(scene.invoices[0], connection="psa", ref=Ref("9"), disputed=True))
    assert scene.would_send() == []
    assert "psa marks it as disputed" in scene.reasons()
    scene.invoices[1] = replace(scene.invoices[1], number="1001-B")
    assert scene.would_send() == ["reminder_7"]


def test_templates_of_the_configuration_are_used():
    scene = late(templates={"reminder_friendly.subject": "Hi {{ client }}"})
    scene.send()
    assert scene.messages[-1].subject == "Hi Acme Ltd"


def test_observe_mode_shows_and_sends_nothing():
    scene = late(mode="observe")
    (entry,) = scene.decide().entries
    assert entry.would_send
    assert scene.decide().outgoing == ()
    assert "observe mode: shown only, nothing is sent" in entry.reasons


def test_an_invoice_that_two_ledgers_hold_open_is_asked_for_once():
    """As after a move from one accounting system to the other: same number, same total, twice the client's own."""
    scene = InTwoLedgers(settings=ANY_DAY, invoices=late().invoices)
    first = scene.invoices[0]
    scene.invoices.append(replace(first, connection="old", ref=Ref("77")))
    scene.now = late().now

    (entry,) = [item for item in scene.decide().entries if item.would_send]
    assert [item.connection for item in entry.invoices] == [BOOKS]
    scene.invoices[1] = replace(scene.invoices[1], total=usd("120.00"), open=usd("120.00"))
    (entry,) = [item for item in scene.decide().entries if item.would_send]
    assert {item.connection for item in entry.invoices} == {BOOKS, "old"}, "another invoice that happens to have its number"
