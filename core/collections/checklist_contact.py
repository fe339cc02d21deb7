"""Was everything else tried first? Reminders and a call really made, the reason known, other ways offered (A9-A13, A39, A72)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.analytics.history import Line, histories
from core.analytics.signs_clients import habit_on
from core.collections.case_words import counted
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, answered, failed, listed, passed, unknown
from core.dunning.calls import CallOutcome, LateReason, counts
from core.holds import HoldKind
from core.outbox import ContactKind, PastContact
from core.records import RecordKey, key_of

_WRITTEN = (ContactKind.MESSAGE, ContactKind.STATEMENT)
_NOBODY = re.compile(r"no.answer|not reached|voice.?mail|mailbox|busy|no reply|left.(a )?message|wrong.number", re.IGNORECASE)
_CODES = frozenset(CallOutcome)
_NOT_SAID = frozenset({LateReason.NOT_SAID, LateReason.OTHER})
_GRACE = 3  # days; a bank transfer over a weekend is not late


def reminders(facts: CaseFacts) -> Found:
    """Enough reminders really went out since the oldest invoice fell due, over enough days. Sending a bill is no reminder."""
    due = {key_of(item): item.due_on or item.issued_on for item in facts.invoices}
    first_due = min(due.values(), default=facts.today)
    days = sorted(day for item in facts.said(*_WRITTEN) if _asked(item, due, day := facts.place.today(item.at)))
    rules = facts.checks
    span = (days[-1] - days[0]).days if days else 0
    said = f"{len(days)} reminders and statements since {first_due}, over {span} days"
    if len(days) < rules.reminders or span < rules.follow_up_days:
        return failed(said, f"The guide asks for {rules.reminders} over {rules.follow_up_days} days: let the cadence run.")
    return passed(said, reminders=len(days), days=span)


def _asked(item: PastContact, due: Mapping[RecordKey, date], day: date) -> bool:
    """Was it about an invoice of the claim that was due by then? One that names no invoice counts from the first of them on."""
    named = [due[key] for key in item.invoices if key in due] if item.invoices else list(due.values())
    return any(due_on <= day for due_on in named)


def a_call(facts: CaseFacts) -> Found:
    """Somebody called, and wrote down what came of it."""
    calls = [item for item in facts.said(ContactKind.CALL) if counts(item)]
    talked = [item for item in calls if not _NOBODY.search(item.outcome)]
    said = f"{len(calls)} calls with an outcome, {len(talked)} of them a conversation"
    if len(calls) < facts.checks.calls:
        return failed(said, "Call them, and record it: duesync contacts log-call CLIENT --outcome reached --why …")
    return passed(f"{said}; the last on {facts.place.today(calls[-1].at)}: {calls[-1].outcome.replace('_', ' ')[:80]}")


def why_late(facts: CaseFacts) -> Found:
    """It is known why the client does not pay: cash, a quarrel over the service, or something mislaid."""
    told = [words for item in facts.said(ContactKind.CALL, ContactKind.REPLY) if (words := _reason(item))]
    triage = _triage(facts)
    if told:
        return passed(f"they said: {told[-1][:120]}; {triage}")
    todo = "Ask them, or say what you think: duesync collections answer CASE why_late TEXT"
    return unknown(f"nobody noted a reason; {triage}", todo)


def _reason(contact: PastContact) -> str:
    """Why the client is late, as far as this entry says: the reason of a recorded call, or words somebody wrote; "" for none."""
    words = contact.outcome.strip()
    if _NOBODY.search(words):
        return ""
    if words in _CODES:
        code = contact.subject.partition(":")[0].strip()
        return "" if not code or contact.subject.strip() in _NOT_SAID else contact.subject.replace("_", " ")
    return words


def _triage(facts: CaseFacts) -> str:
    """Late for the first time, or by habit (A104)."""
    known = histories(facts.books, facts.today).get(facts.currency)
    lines: tuple[Line, ...] = known.by_account.get(facts.account, ()) if known else ()
    habit = habit_on(lines, [line.due_on for line in lines], facts.today, _GRACE)
    if not habit.of:
        return "no earlier invoice to compare with"
    word = "late by habit" if habit.habitual else "not late by habit"
    return f"{word}: {habit.late} of the last {habit.of} due invoices late, {habit.mean_days:g} days on average"


def options_tried(facts: CaseFacts) -> Found:
    """What was tried, in one line for whoever approves; instalments must have been offered or be out of the question."""
    counts = {
        "messages": len(facts.said(ContactKind.MESSAGE)),
        "statements": len(facts.said(ContactKind.STATEMENT)),
        "calls": len(facts.said(ContactKind.CALL)),
        "promises": len(facts.promises),
        "payment plans": len(facts.plans),
    }
    autopay = any(item.autopay_on for item in facts.client.invoices)
    words = [counted(count, name.removesuffix("s")) for name, count in counts.items()]
    told = ", ".join([*words, f"automatic payment {'set up' if autopay else 'not set up'}"])
    if facts.promises or facts.plans:
        return passed(f"{told}: none was kept", **counts)
    todo = "Offer instalments, then: duesync collections answer CASE options_tried TEXT"
    return unknown(f"{told}: no payment plan was agreed or offered", todo, **counts)


def contact_limits(facts: CaseFacts) -> Found:
    """Calls kept to the hours and number that are fair, and nobody was contacted against a stop."""
    rules, wrong = facts.checks, []
    calls = facts.said(ContactKind.CALL)
    days = [facts.place.today(item.at) for item in calls]
    odd = [
        day
        for item, day in zip(calls, days, strict=True)
        if not rules.call_first_hour <= _hour(facts, item.at) < rules.call_last_hour
    ]
    if odd:
        wrong.append(f"{len(odd)} calls outside {rules.call_first_hour}-{rules.call_last_hour} h of the client's day")
    most = max((sum(day <= other < day + timedelta(days=7) for other in days) for day in days), default=0)
    if most > rules.calls_in_7_days:
        wrong.append(f"{most} calls in 7 days, {rules.calls_in_7_days} are the most")
    stops = facts.standing(HoldKind.DO_NOT_CONTACT)
    after = [item for item in facts.said(*_WRITTEN, ContactKind.CALL) if any(item.at > stop.placed_at for stop in stops)]
    if after:
        wrong.append(f"{len(after)} contacts although the client is not to be contacted")
    if wrong:
        return failed("; ".join(wrong), "Tell your counsel; an agency must know.", *wrong)
    return passed(f"{len(calls)} calls, at most {most} in 7 days, all within hours")


def _hour(facts: CaseFacts, at: datetime) -> int:
    return at.astimezone(ZoneInfo(facts.place.zone)).hour


def not_protected(facts: CaseFacts) -> Found:
    """The client is neither one that may only be approached with special approval, nor in trouble of its own."""
    held = facts.standing(HoldKind.PROTECTED, HoldKind.HARDSHIP)
    if held:
        words = [f"{item.kind}: {item.reason or item.placed_by}" for item in held]
        return failed(listed(words), "Ask whoever set it; in trouble, offer instalments first.", *(item.id for item in held))
    return passed("neither protected nor in trouble")


def reply_answered(facts: CaseFacts) -> Found:
    """The client's last word was answered."""
    replies = facts.said(ContactKind.REPLY)
    if not replies:
        return passed("the client has not written")
    later = [item for item in facts.said(*_WRITTEN, ContactKind.CALL, ContactKind.NOTE) if item.at > replies[-1].at]
    if later or answered(facts, "reply_answered"):
        return passed(
            f"its mail of {facts.place.today(replies[-1].at)} was followed by {later[0].kind if later else 'an answer'}"
        )
    said = f"its mail of {facts.place.today(replies[-1].at)} has no answer"
    return failed(
        said, "Answer it, and note that you did: duesync contacts add note CLIENT --outcome …", replies[-1].content_hash
    )


CHECKS = tuple(
    Check(id=name, title=title, group=Group.CONTACT, requirements=ids, look=look, asks=asks)
    for name, title, ids, look, asks in (
        ("reminders_sent", "Reminders really sent", ("A9", "A72", "A16"), reminders, ""),
        ("call_made", "A call really made", ("A9", "A10", "A72"), a_call, ""),
        ("why_late", "Why it is late", ("A11", "A104"), why_late, "Why does the client not pay?"),
        ("options_tried", "Other ways tried", ("A39", "A113"), options_tried, "Were instalments offered, or why not?"),
        ("contact_limits", "Contacts within limits", ("A34", "A97"), contact_limits, ""),
        ("reply_answered", "Client's mail answered", ("A13", "A107"), reply_answered, "Was the client's last mail answered?"),
        ("not_protected", "Neither protected nor in trouble", ("A26", "A60"), not_protected, ""),
    )
)
