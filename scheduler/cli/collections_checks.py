"""`duesync collections checklist|answer|waive|approve`: what stands between a late client and an agency, and who lets it pass."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.collections.case import Answer, Answered, Approval, Approved, Case, Waived, Waiver
from core.collections.checklist import BY_ID, DISCLAIMER, Checklist, Item, checklist, waivable
from core.collections.checklist_confirmation import confirmation, verbal_notes
from core.collections.checklist_facts import Status
from core.errors import UsageError
from core.messages.client_locale import client_locale
from scheduler.app import App
from scheduler.casefacts import gather
from scheduler.cli import console
from scheduler.cli.account_commands import find_account
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, chosen, opened
from scheduler.jobs import rules

_MARKS = {Status.PASS: "ok", Status.FAIL: "NO", Status.UNKNOWN: "?", Status.WAIVED: "waived"}
TargetArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id or how it begins; or the client.")]
ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="The item, as the checklist names it.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so, where several people share one login.")]


def find_target(app: App, wanted: str) -> tuple[str, Case | None]:
    """The account and its case for a case's id or a client's name; no case when the client has none. UsageError if unclear."""
    cases = [case for case in app.store.cases() if case.id == wanted]
    if cases:
        return cases[0].account, cases[0]
    try:
        account = find_account(app, wanted)
    except UsageError as error:
        try:
            case = app.store.case(wanted)
        except UsageError:
            raise error from None  # who types a name wants to hear of clients, not of cases
        return case.account, case
    own = app.store.cases(account, include_closed=False)
    if len(own) > 1:
        raise UsageError(f"this client has {len(own)} cases: {', '.join(case.id for case in own)}", remedy="Name one.")
    return account, own[0] if own else None


def find_open_case(app: App, wanted: str) -> Case:
    """The case a person means; UsageError when there is none."""
    _, case = find_target(app, wanted)
    if case is None:
        raise UsageError("this client has no case", remedy="Open one: duesync collections open CLIENT")
    return case


def current_checklist(app: App, case: Case) -> Checklist:
    """The checklist of a case as it stands this moment: what whoever places it asks for first."""
    return checklist(gather(app, case.account, case))


def show_checklist(target: TargetArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check a client before a hand-over: documents, books, tickets, contacts, law, contract and worth. Exit 1 while not ready.

    What cannot be told never passes: answer it, mend it, or waive it with a reason. A bankruptcy cannot be waived.
    """
    with opened(config, json) as app:
        account, case = find_target(app, target)
        found = checklist(gather(app, account, case))
    if chosen.json:
        console.print_json(checklist_json(found, case))
    else:
        _show(found, case)
    if not found.ready:
        raise typer.Exit(PROBLEM_FOUND)


def checklist_json(found: Checklist, case: Case | None) -> dict[str, Any]:
    """The checklist as plain values."""
    there, of = found.documents_complete
    return {
        "case": case.id if case else None,
        "account": found.account,
        "name": found.name,
        "as_of": found.as_of.isoformat(),
        "claimed": console.plain(found.claimed),
        "complete": found.complete,
        "ready": found.ready,
        "documents": {"there": there, "of": of},
        "digest": found.digest,
        "disclaimer": DISCLAIMER,
        "approvals": [{"by": item.by, "at": item.at.isoformat(), "note": item.note, "counts": True} for item in found.approvals]
        + [{"by": item.by, "at": item.at.isoformat(), "note": item.note, "counts": False} for item in found.stale],
        "items": [_item_json(item) for item in found.items],
    }


def _item_json(item: Item) -> dict[str, Any]:
    waiver = item.waiver
    return {
        "id": item.id,
        "title": item.title,
        "group": str(item.group),
        "requirements": list(item.requirements),
        "status": str(item.status),
        "why": item.why,
        "todo": item.todo,
        "waivable": item.waivable,
        "asks": item.asks or None,
        "waived": {"by": waiver.by, "reason": waiver.reason, "at": waiver.at.isoformat()} if waiver else None,
        "details": dict(item.details),
    }


def _show(found: Checklist, case: Case | None) -> None:
    there, of = found.documents_complete
    what = f"case {case.id}" if case else "no case is open"
    console.say(f"{console.one_line(found.name, 60)}: {found.claimed} claimed, {what}, as of {found.as_of}")
    for group in dict.fromkeys(item.group for item in found.items):
        rows = [
            (_MARKS[item.status], item.id, console.one_line(item.why, 160), console.one_line(_meant(item.todo, found, case), 140))
            for item in found.items
            if item.group is group
        ]
        console.table(f"\n{group}", ("", "item", "seen", "to do"), rows)
    console.say(
        f"\n{len(found.items) - len(found.open_items)} of {len(found.items)} items settled; {there} of {of} documents there."
    )
    who = ", ".join(item.by for item in found.approvals) or "nobody"
    console.say(f"Approved by {who}; two different people are needed.")
    for item in found.stale:
        console.say(f"  {item.by} approved on {item.at.date()} what has changed since: ask again.")
    console.say("Ready to be handed over." if found.ready else "Not ready.")
    console.say(f"{DISCLAIMER} The periods of law are unconfirmed unless they say otherwise.")


def _meant(todo: str, found: Checklist, case: Case | None) -> str:
    """What to do, with this client and case in place of CLIENT and CASE."""
    client = f'"{found.name}"' if " " in found.name else found.name
    return todo.replace("CASE", case.id if case else client).replace("CLIENT", client)


def answer_item(
    target: TargetArgument,
    item: ItemArgument,
    text: Annotated[str, typer.Argument(help="What you found out or decided.")],
    ok: Annotated[bool, typer.Option("--ok/--not-ok", help="Does it speak for going on?")] = True,
    by: ByOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Answer what no system can tell: a sign-off, a register search, the impact on reputation, counsel's word."""
    asked = [check.id for check in BY_ID.values() if check.asks]
    if item not in (*asked, "counsel"):
        raise UsageError(f'"{item}" is not a question', remedy=f"Questions are: {', '.join((*asked, 'counsel'))}")
    if not text.strip():
        raise UsageError("an answer has words")
    with opened(config, json) as app:
        case, now = find_open_case(app, target), app.clock.now()
        said = Answer(item=item, ok=ok, text=text.strip(), by=_who(by), at=now)
        case = app.store.append_case_event(case.id, Answered(answer=said), by=actor(), now=now)
    _tell({"case": case.id, "item": item, "ok": ok}, f"case {case.id}: {item} answered; approvals given before no longer count")


def waive_item(
    target: TargetArgument,
    item: ItemArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it may pass all the same; approvers read it.")],
    by: ByOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let one item pass although it failed or cannot be told, with your name and reason. Earlier approvals no longer count."""
    problem = waivable(item)
    if problem:
        raise UsageError(problem)
    if not reason.strip():
        raise UsageError("a waiver needs a reason", remedy="Say why with --reason.")
    with opened(config, json) as app:
        case, now = find_open_case(app, target), app.clock.now()
        waiver = Waiver(item=item, by=_who(by), reason=reason.strip(), at=now)
        case = app.store.append_case_event(case.id, Waived(waiver=waiver), by=actor(), now=now)
    _tell({"case": case.id, "item": item, "by": waiver.by}, f"case {case.id}: {item} waived by {waiver.by}")


def approve_case(
    target: TargetArgument,
    note: Annotated[str, typer.Option("--note", "-n", help="A word to it.")] = "",
    by: ByOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say yes to handing this client over, as the checklist stands now. It takes two different people; whoever waived may be one.

    Refused while an item is open: settle or waive it first. What was tried and what it is worth is shown to you.
    """
    with opened(config, json) as app:
        case, now = find_open_case(app, target), app.clock.now()
        found = current_checklist(app, case)
        if not found.complete:
            names = ", ".join(item.id for item in found.open_items)
            raise UsageError(f"{len(found.open_items)} items are open: {names}", remedy="See: duesync collections checklist")
        approval = Approval(by=_who(by), at=now, note=note, digest=found.digest)
        case = app.store.append_case_event(case.id, Approved(approval=approval), by=actor(), now=now)
        found = current_checklist(app, case)
    tried = found.item("options_tried")
    told = f"case {case.id} approved by {approval.by}; {len(found.approvals)} of 2 approvals count"
    told += f"\n  tried: {console.one_line(tried.why, 300)}" if tried else ""
    _tell({"case": case.id, "by": approval.by, "approvals": len(found.approvals), "ready": found.ready}, told)


def draft_confirmation(target: TargetArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Draft the mail that puts the last verbal agreement in writing, in the client's language. You send it; attach the answer.

    Record the agreement first: duesync contacts add note CLIENT --outcome "verbal agreement: what was agreed"
    """
    with opened(config, json) as app:
        account, case = find_target(app, target)
        facts = gather(app, account, case)
        ours = rules(app).organisation
        notes = verbal_notes(facts.contacts)
        if not notes:
            raise UsageError("no verbal agreement is on record", remedy='Add a note that begins with "verbal agreement: ".')
        last = facts.place.add_business_days(facts.today, 5)
        draft = confirmation(
            notes[0],
            facts.promises,
            client=facts.client.account.name,
            organisation=ours,
            answer_by=last,
            place=facts.place,
            locale=client_locale(facts.client, ours),
        )
    _tell({"subject": draft.subject, "text": draft.text}, f"Subject: {draft.subject}\n\n{draft.text}")


def _who(by: str | None) -> str:
    """The name given, with the login beside it; the login alone without one."""
    name = console.one_line(by, 80)
    return f"{name} (login {actor()})" if name and name != actor() else actor()


def _tell(document: dict[str, Any], words: str) -> None:
    if chosen.json:
        console.print_json(document)
    else:
        console.say(words)


def register(app: typer.Typer) -> None:
    """Put these commands beside the others of `duesync collections`."""
    from scheduler.cli.collections_figures import show_clocks, show_economics, show_lessons, show_procedures

    app.command(name="checklist")(show_checklist)
    app.command(name="answer")(answer_item)
    app.command(name="waive")(waive_item)
    app.command(name="approve")(approve_case)
    app.command(name="confirmation")(draft_confirmation)
    app.command(name="economics")(show_economics)
    app.command(name="clocks")(show_clocks)
    app.command(name="learn")(show_lessons)
    app.command(name="procedures")(show_procedures)
