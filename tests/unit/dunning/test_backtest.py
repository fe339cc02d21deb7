"""A policy tried on the past: what it would have said with what was known each day, and how two policies differ."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.rewind import Rewind
from core.books import Account, AccountBooks
from core.dunning.arrangements import Instalment, PaymentPlan
from core.dunning.backtest import Known, Past, Replay, replay
from core.dunning.comparison import compare, cost_of
from core.dunning.decision import Channels
from core.dunning.policy import DunningSettings
from core.holds import Hold, HoldKind
from core.outbox import ContactKind, PastContact, Promise
from core.records import (
    Allocation,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    PaymentStatus,
    RecordKey,
    Ref,
    Role,
    Stream,
    Ticket,
    key_of,
)
from tests.unit.dunning.scene import ORGANISATION, at, usd

SINCE, UNTIL = date(2026, 1, 5), date(2026, 4, 30)
MONTHLY = Channels(mail="mail")


def invoice(number: str, amount: str = "100.00", *, due: date, paid: bool = False, **rest: object) -> Invoice:
    made = Invoice(
        connection="books",
        ref=Ref(number),
        party_ref=Ref("C1"),
        number=number,
        total=usd(amount),
        open=usd("0") if paid else usd(amount),
        issued_on=due - timedelta(days=30),
        due_on=due,
        status=DocumentStatus.CLOSED if paid else DocumentStatus.OPEN,
        sent=True,
    )
    return replace(made, **rest)  # type: ignore[arg-type]


def payment(
    amount: str, to: str, *, on: date, applied: date | None = None, status: PaymentStatus = PaymentStatus.RECEIVED
) -> Payment:
    part = Allocation(invoice_ref=Ref(to), amount=usd(amount), applied_on=applied)
    return Payment(
        connection="books",
        ref=Ref(f"p{to}{on}"),
        party_ref=Ref("C1"),
        amount=usd(amount),
        unapplied=usd("0"),
        paid_on=on,
        allocations=(part,),
        status=status,
    )


def client(name: str = "acme", *, invoices: list[Invoice], payments: list[Payment] | None = None, **rest: object) -> AccountBooks:
    party = Party(connection="books", ref=Ref("C1"), name=name, email=f"ap@{name}.example", country="US")
    key = RecordKey("books", Stream.PARTIES, Ref("C1"))
    return AccountBooks(
        account=Account(id=name, name=name, parties=(key,)),
        parties=(party,),
        invoices=tuple(invoices),
        payments=tuple(payments or ()),
        roles={"books": Role.BOOKS},
        **rest,  # type: ignore[arg-type]
    )


def played(*pasts: Past, since: date = SINCE, until: date = UNTIL, daily: bool = False, **policy: object) -> Replay:
    return replay(
        pasts,
        DunningSettings.model_validate(policy),
        organisation=ORGANISATION,
        channels=MONTHLY,
        since=since,
        until=until,
        daily=daily,
    )


DUE = date(2026, 1, 15)


@pytest.mark.req("D9")
def test_an_invoice_paid_late_is_chased_until_its_money_came_and_not_a_day_longer():
    books = client(invoices=[invoice("1", due=DUE, paid=True)], payments=[payment("100.00", "1", on=date(2026, 2, 3))])
    found = played(Past(books=books))
    assert (found.said[0].stage, found.said[0].on) == ("due", date(2026, 1, 15))
    assert all(item.on < date(2026, 2, 3) for item in found.said)
    assert len(found.said) == 3, "on the day, and at 7 and 14 days"
    assert cost_of(found).first_contact == 0


@pytest.mark.req("D9")
def test_an_invoice_paid_in_time_is_never_chased():
    books = client(invoices=[invoice("1", due=DUE, paid=True)], payments=[payment("100.00", "1", on=DUE - timedelta(days=4))])
    assert [item for item in played(Past(books=books)).said if item.on >= DUE] == []


@pytest.mark.req("D9", "E1")
def test_money_that_had_come_but_was_applied_later_keeps_the_present_policy_silent_and_is_counted_where_it_does_not():
    part = payment("140.00", "1", on=date(2026, 1, 16), applied=date(2026, 2, 10))
    books = client(invoices=[invoice("1", "140.00", due=DUE, paid=True), invoice("2", "900.00", due=DUE)], payments=[part])
    careful = played(Past(books=books))
    assert [item for item in careful.said if RecordKey("books", Stream.INVOICES, Ref("1")) in item.paid] == []
    careless = played(Past(books=books), lookalike_days=0)
    assert cost_of(careless).paid > 0, "without looking for it, the client who paid is asked again"


@pytest.mark.req("D9", "E11")
def test_holds_promises_and_plans_count_from_the_day_they_were_known_to_the_day_they_ended():
    books = client(invoices=[invoice("1", due=DUE)])
    placed, lifted = at(date(2026, 1, 20)), at(date(2026, 3, 9))
    dispute = Hold(
        id="h", kind=HoldKind.DISPUTE, account="acme", placed_at=placed, placed_by="ann", lifted_at=lifted, reason="wrong rate"
    )
    word = Promise(
        account="acme", invoice=None, amount_minor=None, currency=None, due_on=date(2026, 3, 9), made_at=placed, made_by="a"
    )
    plan = PaymentPlan(
        account="acme", invoices=(), instalments=(Instalment(due_on=date(2026, 6, 1), amount=usd("100")),), agreed_at=placed
    )
    for past in (
        Past(books=books, holds=[dispute]),
        Past(books=books, promises=[word]),
        Past(books=books, plans=[Known(plan, placed, lifted)]),
    ):
        found = played(past)
        days = [item.on for item in found.said]
        assert min(days) == DUE, "nobody knew then"
        assert [day for day in days if placed.date() < day < lifted.date()] == []
        assert max(days) > lifted.date()
        assert cost_of(found).held == 0
    assert any("wrong rate" in why for item in played(Past(books=books, holds=[dispute])).kept for why in item.why)


@pytest.mark.req("D9")
def test_a_ticket_closed_since_was_open_then():
    ticket = Ticket(
        connection="psa",
        ref=Ref("9"),
        party_ref=Ref("77"),
        summary="invoice 1 is wrong",
        closed=True,
        opened_at=datetime(2026, 1, 10, tzinfo=UTC),
        closed_at=datetime(2026, 2, 20, tzinfo=UTC),
    )
    found = played(Past(books=client(invoices=[invoice("1", due=DUE)], tickets=(ticket,))))
    assert min(item.on for item in found.said) >= date(2026, 2, 20)


@pytest.mark.req("D9")
def test_what_the_client_did_then_is_taken_from_the_log_and_what_we_said_since_is_not():
    books = client(invoices=[invoice("1", due=DUE)])
    ours = PastContact(
        account="acme",
        kind=ContactKind.MESSAGE,
        at=at(date(2026, 1, 16)),
        channel="mail",
        stage="due",
        cycle="books:1@2026-01-15",
    )
    reply = PastContact(account="acme", kind=ContactKind.REPLY, at=at(date(2026, 1, 21)), channel="ann")
    plain = played(Past(books=books, contacts=[ours]))
    assert plain == played(Past(books=books))
    assert [item.on for item in played(Past(books=books, contacts=[reply])).said] != [item.on for item in plain.said]


@pytest.mark.req("D9")
def test_two_policies_differ_by_messages_clients_and_days_to_contact():
    pasts = [Past(books=client(name, invoices=[invoice(name, due=DUE)])) for name in ("acme", "birch")]
    present, gentle = played(*pasts), played(*pasts, preset="gentle")
    found = compare(present, gentle)
    assert found.proposed.messages < found.present.messages
    assert {item.account for item in found.changed} == {"acme", "birch"}
    assert (found.present.first_contact, found.dropped, found.added) == (0, 0, 0)
    assert (found.proposed.first_contact or 0) > 0
    silent = compare(present, played(*pasts, follow=False))
    assert (silent.proposed.messages, silent.proposed.clients, silent.dropped, silent.proposed.first_contact) == (0, 0, 2, None)


def test_a_message_just_before_the_money_came_is_counted_as_perhaps_needless():
    books = client(invoices=[invoice("1", due=DUE, paid=True)], payments=[payment("100.00", "1", on=DUE + timedelta(days=2))])
    assert [item.soon for item in played(Past(books=books)).said if item.on >= DUE] == [True]


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def made_up(seed: int, count: int = 6) -> Past:
    """A client with invoices over a year, paid in time, late, in parts or never; replies and holds now and then."""
    dice = random.Random(seed)
    invoices: list[Invoice] = []
    payments: list[Payment] = []
    for number in range(count):
        due = date(2025, 12, 1) + timedelta(days=dice.randrange(120))
        amount = dice.choice(["100.00", "250.00", "99.10"])
        fate = dice.choice(["paid", "paid", "late", "never", "bounced", "later applied"])
        name = f"{seed}-{number}"
        invoices.append(invoice(name, amount, due=due, paid=fate in ("paid", "late", "later applied")))
        on = due + timedelta(days=dice.randrange(5, 70) if fate == "late" else dice.randrange(-9, 3))
        if fate != "never":
            status = PaymentStatus.REVERSED if fate == "bounced" else PaymentStatus.RECEIVED
            payments.append(
                payment(amount, name, on=on, applied=on + timedelta(days=20 * (fate == "later applied")), status=status)
            )
    start = date(2026, 1, dice.randrange(1, 28))
    hold = Hold(
        id="h",
        kind=dice.choice([HoldKind.DISPUTE, HoldKind.PROMISE]),
        account="acme",
        placed_at=at(start),
        placed_by="a",
        until=start + timedelta(days=dice.randrange(30)),
        invoice=key_of(invoices[0]) if dice.random() < 0.5 else None,
    )
    reply = PastContact(account="acme", kind=ContactKind.REPLY, at=at(start + timedelta(days=30), hour=22), channel="a")
    return Past(books=client(invoices=invoices, payments=payments), holds=[hold], contacts=[reply])


@pytest.mark.req("D9")
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 100_000), preset=st.sampled_from(["standard", "gentle", "firm"]))
def test_looking_only_when_something_changed_says_what_looking_every_day_says(seed, preset):
    past = made_up(seed)
    quick, daily = played(past, preset=preset), played(past, preset=preset, daily=True)
    assert quick.said == daily.said


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_rewound_to_today_the_open_invoices_are_those_of_today(seed):
    books = made_up(seed).books
    rewound = Rewind(books).on(date(2027, 1, 1))
    assert {(item.ref, item.open) for item in rewound.open_invoices()} == {
        (item.ref, item.open) for item in books.open_invoices()
    }
    assert rewound.balance("USD").net == books.balance("USD").net


def usual(seed: int) -> Past:
    """A client billed monthly that pays one bill in six late and the rest in time."""
    dice = random.Random(seed)
    invoices, payments = [], []
    for month in range(12):
        due = date(2025, 11, 15) + timedelta(days=30 * month)
        name = f"{seed}-{month}"
        invoices.append(invoice(name, "400.00", due=due, paid=True))
        late = dice.randrange(5, 40) if dice.random() < 1 / 6 else -dice.randrange(0, 9)
        payments.append(payment("400.00", name, on=due + timedelta(days=late)))
    return Past(books=client(f"c{seed}", invoices=invoices, payments=payments))


@pytest.mark.req("D9")
def test_a_year_of_two_hundred_clients_takes_less_than_half_a_minute():
    some = 20
    began = process_time()
    found = played(*(usual(seed) for seed in range(some)), since=date(2025, 11, 1), until=date(2026, 10, 31))
    spent = process_time() - began
    assert len(found.said) > some
    assert spent * 200 / some < 30, f"{spent:.1f} s for {some} clients"


# ── as it was known ─────────────────────────────────────────────────────────────────────────────────────────────────────
def key(stream: Stream, ref: str) -> RecordKey:
    return RecordKey("books", stream, Ref(ref))


@pytest.mark.req("D9")
def test_a_payment_that_was_entered_late_was_not_known_and_the_messages_before_count_as_about_money_that_had_come():
    paid = payment("100.00", "1", on=date(2026, 1, 16))
    past = Past(
        books=client(invoices=[invoice("1", due=DUE, paid=True)], payments=[paid]),
        seen={key_of(paid): date(2026, 2, 2)},
    )
    found = played(past)
    days = [item.on for item in found.said]
    assert days == [DUE, date(2026, 1, 22), date(2026, 1, 29)], "until it was entered"
    assert [bool(item.paid) for item in found.said] == [False, True, True]
    assert cost_of(found).paid == 2
    assert cost_of(played(replace(past, seen={}))).messages == 1, "had it been known"
    assert found.said == played(past, daily=True).said


@pytest.mark.req("D9", "E9")
def test_a_payment_that_bounced_later_kept_everybody_silent_until_it_did():
    paid = payment("100.00", "1", on=DUE - timedelta(days=1), status=PaymentStatus.REVERSED)
    bounced = date(2026, 2, 4)
    books = client(invoices=[invoice("1", due=DUE)], payments=[paid])
    past = Past(books=books, undone={key_of(paid): bounced})
    found = played(past)
    assert min(item.on for item in found.said) >= bounced
    assert min(item.on for item in played(Past(books=books)).said) == DUE, "where nobody knows when it bounced it was never made"
    assert found.said == played(past, daily=True).said


@pytest.mark.req("D9", "E7")
def test_an_invoice_voided_later_was_chased_until_then():
    void = invoice("1", due=DUE, status=DocumentStatus.VOID, open=usd("0"))
    voided = date(2026, 1, 25)
    found = played(Past(books=client(invoices=[void]), undone={key_of(void): voided}))
    assert [item.on for item in found.said] == [DUE, date(2026, 1, 22)]
    assert played(Past(books=client(invoices=[void]))).said == ()


@pytest.mark.req("D9")
def test_an_invoice_entered_late_is_not_chased_before_it_was_there():
    late = invoice("1", due=DUE)
    past = Past(books=client(invoices=[late]), seen={key_of(late): date(2026, 2, 10)})
    found = played(past)
    assert min(item.on for item in found.said) == date(2026, 2, 10)
    assert found.said == played(past, daily=True).said
