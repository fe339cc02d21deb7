"""The gate: each of its points answers no, or "cannot tell", to what would have been wrong to send, and yes to the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions import InvoiceMention, OpenTicket, PostNote, SendInvoice, SendReminder
from core.dunning.gate import SourceAge, gate, verdict
from core.holds import HARD_HOLDS, HoldKind
from core.outbox import ContactKind, GateAnswer
from core.ports import OtherSender
from core.records import DocumentStatus, PaymentStatus, Ref, Stream, key_of
from tests.unit.dunning.scene import BOOKS, CLIENT, Scene, overdue, usd

TODAY = date(2026, 3, 17)


def decided(**settings: Any) -> tuple[Scene, SendReminder]:
    """A reminder decided a moment ago that would pass the gate."""
    scene = overdue(7, **settings)
    action = scene.queued(scene.decide().outgoing[0]).action
    assert isinstance(action, SendReminder)
    assert verdict(gate(action, scene.facts()))
    return scene, action


def said(answers: tuple[GateAnswer, ...], ok: bool | None) -> str:
    return "\n".join(f"{item.question}: {item.detail}" for item in answers if item.ok is ok)


NO: list[tuple[str, Callable[[Scene], object], str]] = [
    ("paid meanwhile", lambda s: s.close("1001"), "is closed at the vendor"),
    ("void meanwhile", lambda s: s.change("1001", status=DocumentStatus.VOID), "is void at the vendor"),
    ("partly paid meanwhile", lambda s: s.change("1001", open=usd("40.00")), "is open with 40.00 USD now, not 100.00 USD"),
    ("due later meanwhile", lambda s: s.change("1001", due_on=TODAY), "is due on 2026-03-17 now"),
    ("disputed meanwhile", lambda s: s.change("1001", disputed=True), "is disputed"),
    ("unapplied cash arrived", lambda s: s.payment("250.00", TODAY), "payments and credits cover"),
    ("a payment that looks like it", lambda s: s.payment("30.00", TODAY, memo="inv 1001"), "looks like this one's"),
    ("a payment in clearing", lambda s: s.payment("10.00", TODAY, to="1001", status=PaymentStatus.PENDING), "still clearing"),
    ("a bankruptcy hold", lambda s: s.hold(HoldKind.BANKRUPTCY), "on hold: bankruptcy"),
    ("a dispute about it", lambda s: s.hold(HoldKind.DISPUTE, number="1001"), "on hold: dispute"),
    ("a protected client", lambda s: s.hold(HoldKind.PROTECTED), "on hold: protected"),
    ("a reply", lambda s: s.said(ContactKind.REPLY), "the client replied"),
    ("a bounce", lambda s: s.said(ContactKind.BOUNCE, to=("ap@acme.example",)), "ap@acme.example bounced"),
    ("another message first", lambda s: s.said(ContactKind.MESSAGE, stage="due"), "the last reminder went out"),
    ("the night", lambda s: s.go(TODAY, 22), "outside 8-18 h"),
    ("statements began", lambda s: s.go(date(2026, 4, 9)), "single reminders have ended"),
    ("a Sunday", lambda s: s.go(date(2026, 3, 22), 10), "no business day"),
]


@pytest.mark.req("E1", "E3", "E6", "E8", "E22", "E23", "D1")
@pytest.mark.parametrize(("case", "change", "detail"), NO, ids=[item[0] for item in NO])
def test_the_gate_says_no(case: str, change: Callable[[Scene], object], detail: str):
    scene, action = decided()
    change(scene)
    answers = gate(action, scene.facts())
    assert not verdict(answers)
    assert detail in said(answers, ok=False)


CANNOT_TELL: list[tuple[str, dict[str, Any], str]] = [
    ("the books cannot be read", {"books": None}, "books: the books"),
    ("the invoice cannot be read again", {"reread": {}}, "could not be read again"),
    ("its version is not known", {"digests": {}}, "is not known"),
    ("no source is known", {"streams": []}, "not known when the sources"),
    (
        "a source was never pulled",
        {"streams": [SourceAge(connection=BOOKS, stream=Stream.PAYMENTS, last_ok_at=None, fresh_for=60)]},
        "books/payments was never pulled well",
    ),
    ("a bank row nobody looked at yet", {"unreviewed_money": True}, "money of nobody known came in"),
    ("other senders are not known", {"other_senders": None}, "not known whether the vendors"),
    ("this vendor was not asked about its own", {"other_senders": {}}, "not known whether books"),
]


@pytest.mark.req("D1")
@pytest.mark.parametrize(("case", "facts", "detail"), CANNOT_TELL, ids=[item[0] for item in CANNOT_TELL])
def test_cannot_tell_never_sends(case: str, facts: dict[str, Any], detail: str):
    scene, action = decided()
    answers = gate(action, scene.facts(**facts))
    assert not verdict(answers)
    assert detail in said(answers, ok=None)


def test_an_invoice_gone_at_the_vendor_is_a_no():
    scene, action = decided()
    answers = gate(action, scene.facts(reread={key_of(scene.invoices[0]): None}))
    assert "is gone at the vendor" in said(answers, ok=False)


def test_another_version_is_decided_again():
    scene, action = decided()
    answers = gate(action, scene.facts(digests={key_of(scene.invoices[0]): "another"}))
    assert "changed since this was decided" in said(answers, ok=False)


@pytest.mark.parametrize(("hours", "ok"), [(0, True), (1, True), (2, False), (-1, None)])
def test_a_source_is_believed_for_its_time(hours: int, ok: bool | None):
    scene, action = decided()
    pulled = SourceAge(connection=BOOKS, stream=Stream.PAYMENTS, last_ok_at=scene.now - timedelta(hours=hours), fresh_for=3600)
    answers = {item.question: item.ok for item in gate(action, scene.facts(streams=[pulled]))}
    assert answers["fresh"] is ok


@pytest.mark.req("D10", "E28", "E43")
@pytest.mark.parametrize(("certain", "allow", "ok"), [(True, False, False), (False, False, True), (True, True, True)])
def test_a_second_sender_stops_ours_unless_allowed(certain: bool, allow: bool, ok: bool):
    scene, action = decided(allow_other_senders=allow)
    senders = {BOOKS: (OtherSender(what="automatic reminders are on", certain=certain),)}
    answers = {item.question: item.ok for item in gate(action, scene.facts(other_senders=senders))}
    assert answers["other senders"] is ok


def call_about(*mentions: InvoiceMention) -> OpenTicket:
    """A ticket that asks somebody to call about these invoices."""
    about = {"summary": "call", "body": "", "stage": "call", "cycle": "c"}
    return OpenTicket(connection="psa", account="acme", party_ref=CLIENT, invoices=mentions, **about)


@pytest.mark.req("E12")
def test_a_pause_stops_everything():
    scene, action = decided()
    notice = SendInvoice(connection=BOOKS, account="acme", stage="created", cycle="c", invoice=action.invoices[0])
    note = PostNote(
        connection=BOOKS, account="acme", stream=Stream.INVOICES, ref=Ref("r1001"), text="reminded", cause="reminder 1"
    )
    for thing in (action, note, notice, call_about(*action.invoices)):
        assert verdict(gate(thing, scene.facts())), thing
        assert "paused: ann said so" in said(gate(thing, scene.facts(paused="ann said so")), ok=False)


@pytest.mark.req("E53", "A36")
@pytest.mark.parametrize("kind", sorted(HARD_HOLDS))
def test_a_hard_hold_placed_after_reserving_stops_every_channel(kind: HoldKind):
    scene, action = decided()
    (mention,) = action.invoices
    others = (
        SendInvoice(connection=BOOKS, account="acme", stage="created", cycle="c", invoice=mention),
        call_about(mention),
    )
    scene.hold(kind)
    for thing in (action, *others):
        assert not verdict(gate(thing, scene.facts()))


@pytest.mark.req("E53")
@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(sorted(HARD_HOLDS)), days=st.integers(0, 27), after=st.integers(0, 4 * 3600), one=st.booleans())
def test_whenever_a_hard_hold_comes_what_was_decided_before_it_stays(kind: HoldKind, days: int, after: int, one: bool):
    """Approved by a person, allowed beside other senders, seconds or hours after it was decided: it does not leave."""
    scene = overdue(days, business_days=False, allow_other_senders=True)
    (entry,) = scene.decide().outgoing
    action = scene.queued(entry).action
    assert verdict(gate(action, scene.facts(approved=True)))
    scene.now += timedelta(seconds=after)
    scene.hold(kind, number="1001" if one else None)
    answers = gate(action, scene.facts(approved=True))
    assert not verdict(answers)
    assert f"on hold: {kind.replace('_', ' ')}" in said(answers, ok=False)


@pytest.mark.req("A89")
def test_an_approved_message_to_a_protected_client_passes():
    scene, action = decided()
    scene.hold(HoldKind.PROTECTED)
    assert verdict(gate(action, scene.facts(approved=True)))


def test_a_first_mail_of_an_invoice_is_not_spaced():
    scene, action = decided()
    scene.said(ContactKind.MESSAGE, stage="due")
    notice = SendInvoice(connection=BOOKS, account="acme", stage="created", cycle="c", invoice=action.invoices[0])
    assert verdict(gate(notice, scene.facts()))


def test_a_message_without_recipient_or_invoice_does_not_pass():
    scene, action = decided()
    assert "it has no recipient" in said(gate(replace(action, to=()), scene.facts()), ok=False)
    assert not verdict(gate(replace(action, invoices=()), scene.facts()))


@pytest.mark.req("E3", "A99")
def test_the_minimum_is_asked_again():
    scene, action = decided(minimum={"USD": "50.00"})
    scene.payment("60.00", TODAY)
    assert "less than the smallest amount" in said(gate(action, scene.facts()), ok=False)


@pytest.mark.req("E4", "A97", "A99")
@pytest.mark.parametrize("change", ["came", "went", "grew"])
def test_a_message_asks_for_what_is_owed_this_moment_or_is_written_anew(change: str):
    scene = overdue(7)
    if change != "came":
        scene.payment("30.00", TODAY)
    action = scene.queued(scene.decide().outgoing[0]).action
    assert verdict(gate(action, scene.facts()))
    if change == "went":
        scene.payments.clear()
    else:
        scene.payment("20.00", TODAY)
    assert "of credit off" in said(gate(action, scene.facts()), ok=False)


def test_every_answer_is_kept_also_the_good_ones():
    scene, action = decided()
    answers = gate(action, scene.facts())
    assert [item.question for item in answers] == [
        "paused",
        "mode",
        "invoices",
        "version",
        "balance",
        "fresh",
        "holds",
        "signals",
        "reviewed",
        "other senders",
        "stage",
        "spacing",
        "hours",
        "address",
    ]
    assert all(item.ok is True and item.detail for item in answers)


@pytest.mark.req("A19", "D1")
@pytest.mark.parametrize(
    ("settings", "modes", "approved", "detail"),
    [
        ({"mode": "observe"}, {}, True, "the policy only observes now"),
        ({"accounts": {"acme": {"mode": "observe"}}}, {}, True, "the policy only observes now"),
        ({"invoices": {"books:r1001": {"mode": "observe"}}}, {}, True, "the policy only observes now"),
        ({"mode": "draft"}, {}, False, "nobody has approved it"),
        ({"invoices": {"books:r1001": {"mode": "draft"}}}, {}, False, "nobody has approved it"),
        ({}, {"mail": "observe"}, True, "mail only observes now"),
        ({}, {"mail": "draft"}, False, "nobody has approved it"),
    ],
)
def test_what_was_decided_before_a_mode_was_set_back_stays(
    settings: dict[str, Any], modes: dict[str, str], approved: bool, detail: str
):
    scene, action = decided()
    scene.settings = {**scene.settings, **settings}
    answers = gate(action, scene.facts(modes=modes, approved=approved))
    assert not verdict(answers)
    assert detail in said(answers, False)


def test_a_person_who_approved_it_in_draft_mode_is_heard():
    scene, action = decided()
    scene.settings = {"mode": "draft"}
    assert verdict(gate(action, scene.facts(modes={"mail": "draft"}, approved=True)))


def test_a_note_is_not_written_by_a_connection_that_only_observes_now():
    scene, _ = decided()
    note = PostNote(connection=BOOKS, account="acme", stream=Stream.PARTIES, ref=CLIENT, text="hello", cause="contact 1")
    assert verdict(gate(note, scene.facts(modes={BOOKS: "active"})))
    assert not verdict(gate(note, scene.facts(modes={BOOKS: "observe"})))


@pytest.mark.req("E44")
@pytest.mark.parametrize(
    "own", [{"preset": "firm"}, {"stages": [{"name": "own", "days": 3}]}, {"first_hour": 9}, {"allow_other_senders": True}]
)
def test_a_message_by_the_own_cadence_of_an_invoice_passes(own: dict[str, Any]):
    scene, action = decided(invoices={"books:r1001": own})
    assert action.stage == {"preset": "reminder_5", "stages": "own"}.get(next(iter(own)), "reminder_7")
    assert verdict(gate(action, scene.facts()))


@pytest.mark.req("E44")
def test_a_message_about_several_invoices_keeps_to_the_strictest_of_them():
    scene = overdue(7, invoices={"books:r1001": {"first_hour": 12, "spacing_days": 20}})
    scene.invoice("1002", due=TODAY - timedelta(days=7))
    action = scene.queued(scene.decide().outgoing[0]).action
    assert "outside 12-18 h" in said(gate(action, scene.facts()), False)
    assert scene.decide().outgoing[0].not_before > scene.now
