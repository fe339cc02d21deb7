"""A stage goes by mail, by a webhook or on paper: what the client would hear is the same, and nothing goes where no way is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.actions import SendReminder, idempotency_key
from core.dunning.decision import Channels
from core.dunning.policy import Way
from core.outbox import ContactKind
from tests.unit.dunning.scene import Scene

DUE = date(2026, 3, 3)
EVERYWHERE = Channels(mail="mail", webhook="crm", letter="post")


def scene(channel: str, channels: Channels = EVERYWHERE) -> Scene:
    stage = {"name": "step", "days": 7, "channel": channel, "tone": "friendly"}
    made = Scene(settings={"stages": [stage]}, channels=channels).go(DUE + timedelta(days=7))
    made.invoice("1001", due=DUE)
    return made


@pytest.mark.req("A73")
@pytest.mark.parametrize(
    ("channel", "connection", "to"),
    [("mail", "mail", "ap@acme.example"), ("webhook", "crm", "ap@acme.example"), ("letter", "post", "Acme Ltd")],
)
def test_the_same_words_go_by_the_way_the_stage_names(channel, connection, to):
    made = scene(channel)
    assert made.send() == ["step"]
    (action,) = made.actions
    assert isinstance(action, SendReminder)
    assert (action.connection, action.to) == (connection, (to,))
    words, sign = action.text.rsplit("Our reference: ", 1)
    assert words == scene("mail").queued(scene("mail").decide().outgoing[0]).action.text.rsplit("Our reference: ", 1)[0]
    assert sign.strip() == idempotency_key(action)[:8], "it calls itself as its row does, so that an answer finds it"
    assert bool(action.enclose) is (channel == "mail")


@pytest.mark.parametrize(("channel", "lacks"), [("webhook", "type webhook"), ("letter", "type letters"), ("mail", "[mail]")])
def test_a_stage_without_its_way_is_kept_back_and_says_what_is_missing(channel, lacks):
    made = scene(channel, Channels())
    (entry,) = made.decide().entries
    assert not entry.would_send
    assert lacks in entry.reasons[0]
    assert entry.channel is Way(channel)


@pytest.mark.parametrize(("channel", "goes"), [("mail", False), ("webhook", True), ("letter", True)])
def test_only_mail_needs_an_address(channel, goes):
    made = scene(channel)
    made.party = replace(made.party, email=None)
    (entry,) = made.decide().entries
    assert entry.would_send is goes
    assert entry.recipient == ("Acme Ltd" if goes else None)


@pytest.mark.parametrize("channel", ["webhook", "letter"])
def test_one_message_of_ours_a_day_whichever_way_it_goes(channel):
    made = scene(channel)
    hello = {"name": "hello", "days": 0, "after": "issue", "kind": "notice", "channel": "mail"}
    made.settings["stages"].insert(0, hello)
    assert made.send() == ["step"]
    made.invoice("1002", due=DUE + timedelta(days=30), issued=made.today, sent=False)
    assert "one a day is enough" in made.reasons()


@pytest.mark.req("A73")
def test_a_letter_is_a_task_for_whoever_posts_it_for_a_week():
    made = scene("letter")
    made.said(ContactKind.MESSAGE, stage="step", channel="post", subject="Invoice 1001", to=("Acme Ltd",))
    (task,) = [item for item in made.decide().tasks if item.kind == "post"]
    assert task.text == f"print and post the letter of {made.today}: Invoice 1001"
    made.now += timedelta(days=8)
    assert [item for item in made.decide().tasks if item.kind == "post"] == []


@pytest.mark.parametrize(("by_account", "goes"), [(True, True), (False, False)])
def test_a_call_task_for_a_webhook_names_the_client_by_its_account(by_account, goes):
    stages = [
        {"name": "statement", "days": 1, "kind": "statement", "every_months": 1, "times": 2},
        {"name": "call", "days": 2, "kind": "call", "channel": "call"},
    ]
    channels = Channels(mail="mail", call="crm", call_by_account=by_account)
    made = Scene(settings={"stages": stages, "business_days": False}, channels=channels).go(DUE + timedelta(days=1))
    made.invoice("1001", due=DUE)
    assert made.send() == ["statement"]
    made.go(DUE + timedelta(days=3))
    assert ("call" in made.send()) is goes
    assert [item.party_ref for item in made.actions if item.connection == "crm"] == (["acme"] if goes else [])


@pytest.mark.req("A97")
@pytest.mark.parametrize(("channel", "connection"), [("webhook", "crm"), ("letter", "post")])
def test_a_connection_in_draft_mode_waits_for_a_person_though_the_policy_is_active(channel, connection):
    made = scene(channel, replace(EVERYWHERE, drafts=frozenset({connection})))
    (entry,) = made.decide().outgoing
    assert entry.draft
    assert f"waits for a person's approval (draft mode of {connection})" in entry.reasons
    made = scene("mail", replace(EVERYWHERE, drafts=frozenset({connection})))
    assert [item.draft for item in made.decide().outgoing] == [False], "another connection's mode is its own"


@pytest.mark.req("A73")
def test_a_letter_carries_the_postal_address_that_the_configuration_has_and_no_other_way_does():
    street = {"Acme Ltd": "12 Lake Street, Chicago, IL 60601"}
    made = scene("letter", replace(EVERYWHERE, addresses=street))
    assert made.send() == ["step"]
    assert made.actions[0].to == ("Acme Ltd", "12 Lake Street", "Chicago", "IL 60601")
    mailed = scene("mail", replace(EVERYWHERE, addresses=street))
    assert mailed.send() == ["step"]
    assert mailed.actions[0].to == ("ap@acme.example",)
