"""How this business handles late payers, as a page for an agency or an auditor: made from the settings that really hold (A78)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from core.books import Account
from core.collections.agencies import AgencySettings
from core.collections.case import APPROVERS
from core.collections.case_words import counted
from core.collections.checklist import CHECKS
from core.collections.checklist_rules import CheckRules
from core.dunning.policy import AccountPolicy, Anchor, DunningSettings, Override, Stage
from core.dunning.resolve import resolve_policy

_FROM = {Anchor.ISSUE: "after the invoice date", Anchor.DUE: "past due", Anchor.PREVIOUS: "after the step before"}
_SAME = {Anchor.ISSUE: "with the invoice", Anchor.DUE: "on the due date", Anchor.PREVIOUS: "with the step before"}


def procedures(
    organisation: str,
    dunning: DunningSettings,
    checks: CheckRules,
    agencies: Mapping[str, AgencySettings],
    *,
    as_of: date,
) -> str:
    """The page in Markdown. It names no client except where a client has a policy of its own."""
    usual = resolve_policy(dunning, Account(id="", name="", parties=()))
    lines = [
        f"# How {organisation} handles late payment",
        "",
        f"As of {as_of}. Made from the settings in force; reminders are in mode {usual.mode}.",
        "",
        *_cadence("Usual cadence", usual),
        *(line for name in sorted(dunning.segments) for line in _segment(name, dunning)),
        *_exceptions("Clients with terms of their own", dunning.accounts),
        *_exceptions("Invoices with terms of their own", dunning.invoices),
        *_fairness(checks),
        *_before(checks, usual.base.ready_days),
        *_agencies(agencies),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _segment(name: str, dunning: DunningSettings) -> Iterator[str]:
    policy = resolve_policy(dunning, Account(id="", name="", parties=(), segment=name))
    yield from _cadence(f"Clients of the group {_plain(name)}", policy)


def _cadence(title: str, policy: AccountPolicy) -> Iterator[str]:
    base = policy.base
    yield from (f"## {title}", "", "| step | when | how | tone |", "|---|---|---|---|")
    yield from (_step(stage) for stage in base.stages)
    days = "business days only" if base.business_days else "any day"
    yield ""
    yield (
        f"Between {base.first_hour} and {base.last_hour} h of the client's day, {days}; at least {base.spacing_days} days apart, "
        f"at most {base.max_contacts} in any 7 days. {base.grace_days} days of grace. Nothing is sent during disputes, promises, "
        f"payment plans or legal holds, and for {base.reply_pause_days} business days after a reply."
    )
    smallest = ", ".join(f"{amount} {code}" for code, amount in sorted(base.minimum.items()))
    yield f"Accounts owing less than {smallest} are left alone." if smallest else "There is no smallest amount."
    yield ""


def _step(stage: Stage) -> str:
    repeat = f", every {counted(stage.every_months, 'month')}, {stage.times} times at most" if stage.every_months else ""
    approve = ", after approval" if stage.approve else ""
    return f"| {stage.name.replace('_', ' ')} ({stage.kind}) | {_day(stage)}{repeat} | {stage.channel}{approve} | {stage.tone} |"


def _day(stage: Stage) -> str:
    if stage.days == 0:
        return _SAME[stage.after]
    return f"{abs(stage.days)} days {'before it is due' if stage.days < 0 else _FROM[stage.after]}"


def _exceptions(title: str, overrides: Mapping[str, Override]) -> Iterator[str]:
    if not overrides:
        return
    yield from (f"## {title}", "", "| who | what differs |", "|---|---|")
    for name, item in sorted(overrides.items()):
        values = {key: value for key, value in item.model_dump(mode="json").items() if value is not None}
        told = ", ".join(f"{key.replace('_', ' ')} {_plain(value)}" for key, value in values.items())
        yield f"| {_plain(name)} | {told or 'nothing'} |"
    yield ""


def _plain(value: object) -> str:
    """A value on one line of a table."""
    return " ".join(str(value).replace("|", "/").split())


def _fairness(checks: CheckRules) -> Iterator[str]:
    """What every message and call keeps to, whoever the client is (A102)."""
    yield from ("## What clients can rely on", "")
    yield "- Nobody is threatened or accused: words of messages are checked, and a text that does either is not sent."
    yield "- Every message states what is owed and since when, and how to answer, dispute it or ask for instalments."
    yield "- Nobody who has paid is reminded: balances, money on its way and unapplied payments are looked at first."
    hours = f"from {checks.call_first_hour} to {checks.call_last_hour} h of the client's day"
    yield f"- Calls {hours}, {checks.calls_in_7_days} in 7 days at most."
    yield "- Every contact, decision and waiver is on record, and the record shows if it was changed."
    yield ""


def _before(checks: CheckRules, ready_days: int) -> Iterator[str]:
    yield from ("## Before a client is handed over", "")
    yield (
        f"Not before {ready_days} days past due, {checks.reminders} reminders over {checks.follow_up_days} days and "
        f"{counted(checks.calls, 'call')} with an outcome, after a final notice. {len(CHECKS)} items are checked; what cannot be "
        f"told "
        f"does not pass; whoever waives one gives name and reason. {APPROVERS} different people approve. "
        "It never happens by itself."
    )
    yield ""
    yield from (f"- {check.title}" for check in CHECKS)
    yield ""


def _agencies(agencies: Mapping[str, AgencySettings]) -> Iterator[str]:
    if not agencies:
        return
    yield from (
        "## Agencies",
        "",
        "| agency | may collect in | belongs to | direct payments are told within |",
        "|---|---|---|---|",
    )
    for agency in sorted(agencies.values(), key=lambda item: item.name):
        places, clubs = ", ".join(agency.licensed_in) or "not stated", ", ".join(agency.memberships) or "not stated"
        yield f"| {_plain(agency.name)} | {_plain(places)} | {_plain(clubs)} | {agency.tell_within_hours} hours |"
    yield ""
