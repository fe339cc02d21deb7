"""`duesync collections status|remit|recall|legal|tell|letter`: with an agency, until the money is here."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.actions import HandOverKind, SentFile
from core.clock import local_date
from core.collections.after import recovered
from core.collections.case import (
    Acknowledgement,
    AcknowledgementRead,
    Attachment,
    Case,
    CaseState,
    LegalStep,
    LegalStepTaken,
    Remitted,
)
from core.collections.case_words import counted
from core.collections.client_letter import placed_letter
from core.collections.remittance import Entry, proposed_entries
from core.collections.statuses import MEANINGS
from core.errors import UsageError
from core.messages.client_locale import client_locale
from core.money import Money
from core.records import key_of
from scheduler.app import App
from scheduler.casefacts import account_settings
from scheduler.cli import console
from scheduler.cli.collections_commands import CaseArgument, DryRunOption, answer, case_json, state_word
from scheduler.cli.collections_placing import ReasonOption
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, chosen, day_option, opened
from scheduler.evidencing import books_of
from scheduler.following import FollowReport, alarms_of, follow
from scheduler.jobs import rules
from scheduler.mailed_reports import problems_of
from scheduler.placing import agency_of, recall, say_to_agency
from scheduler.reporting import Taken, take_file


# ── what the agency says ────────────────────────────────────────────────────────────────────────────────────────────────
def show_status(
    case_id: Annotated[str | None, typer.Argument(metavar="[CASE]", help="One case; none: all that are with an agency.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", exists=True, help="Take up a file of the agency.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-g", help="Whose file it is.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Let an acknowledgement stand that differs from the placement.")
    ] = False,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """How cases stand at agencies, and what waits for you. With --file, take up an acknowledgement or statuses (CSV or JSON).

    Exit 1 while something waits: silence, a wrong acknowledgement, a payment the agency has not heard of, a question of theirs.
    """
    with opened(config, json) as app:
        now = app.clock.now()
        taken = _take(app, agency, file, now, dry_run=dry_run) if file is not None else None
        if accept:
            _accept(app, app.store.case(case_id or ""), now)
        wanted = [app.store.case(case_id)] if case_id else [case for case in app.store.cases() if case.placement is not None]
        cases = [follow(app, case, FollowReport(), now=now) if not dry_run else case for case in wanted]
        rows = [(case, alarms_of(app, case, now=now)) for case in cases]
        sums = recovered(app.store.cases())
        bad = [text for name in app.settings.agencies for text in problems_of(app.store, name)]
    document = {
        "cases": [
            {**case_json(case), "alarms": [{"kind": item.kind, "text": item.text} for item in found]} for case, found in rows
        ],
        "taken": _taken_json(taken) if taken else None,
        "unreadable": bad,
        "recovered": [
            {"gross": console.plain(gross), "fee": console.plain(fee), "net": console.plain(net)}
            for gross, fee, net in sums.values()
        ],
    }
    _show_status(document, rows, taken)
    if not chosen.json:
        for gross, fee, net in sums.values():
            console.say(f"Recovered so far: {gross}, fees {fee}, net {net}; written off it would be {Money.zero(net.currency)}.")
    if any(found for _, found in rows) or (taken is not None and taken.problems):
        raise typer.Exit(PROBLEM_FOUND)


def _take(app: App, agency: str | None, file: Path, now: datetime, *, dry_run: bool) -> Taken:
    names = list(app.settings.agencies)
    if agency is None and len(names) != 1:
        raise UsageError("say whose file it is with --agency", remedy=f"Configured: {', '.join(names) or 'none'}.")
    return take_file(app, agency or names[0], file.name, file.read_bytes(), now=now, dry_run=dry_run)


def _taken_json(taken: Taken) -> dict[str, Any]:
    return {"file": taken.name, "known": taken.known, "facts": len(taken.facts), "problems": list(taken.problems)}


def _taken_words(taken: Taken) -> str:
    if taken.waits:
        return f"waits: case {taken.waits} is still on its way to the agency; give it again then"
    count = len(taken.facts)
    return "read before" if taken.known else f"{count} {'entry' if count == 1 else 'entries'} taken up"


def _show_status(document: dict[str, Any], rows: list[tuple[Case, Any]], taken: Taken | None) -> None:
    if chosen.json:
        console.print_json(document)
        return
    if taken is not None:
        console.say(f"{taken.name}: {_taken_words(taken)}")
        for text in taken.problems:
            console.complain(console.one_line(text, 160))
    lines = []
    for case, found in rows:
        last = case.statuses[-1] if case.statuses else None
        said = f"{last.on}: {MEANINGS[last.meaning]}" if last else ""
        lines.append(
            (case.id, state_word(case), case.placement.agency if case.placement else "", said, "; ".join(a.text for a in found))
        )
    console.table(f"{counted(len(lines), 'case')}", ("case", "state", "agency", "last word", "waits for you"), lines)


def _accept(app: App, case: Case, now: datetime) -> None:
    said = case.acknowledgement
    if said is None or not case.blocked:
        raise UsageError(f"case {case.id} has no acknowledgement that differs")
    settled = Acknowledgement(
        received_at=said.received_at,
        count=said.count,
        amount=said.amount,
        reference=said.reference,
        problem=said.problem,
        accepted_by=actor(),
    )
    app.store.append_case_event(case.id, AcknowledgementRead(acknowledgement=settled), by=actor(), now=now)


def take_remittance(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The agency's remittance, CSV or JSON.")],
    agency: Annotated[str | None, typer.Option("--agency", "-g", help="Whose it is.")] = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take up a remittance: gross, fee and net checked to the cent, matched with the books, and what you may enter there.

    Nothing is posted. Exit 1 when something does not add up or cannot be read.
    """
    with opened(config, json) as app:
        now = app.clock.now()
        taken = _take(app, agency, file, now, dry_run=dry_run)
        shown = [_proposal(app, case, fact, now) for case, fact in taken.facts if isinstance(fact, Remitted)]
        if not dry_run:
            for case in dict.fromkeys(case for case, _ in taken.facts):
                follow(app, app.store.case(case), FollowReport(), now=now)
    problems = [*taken.problems, *(item["problem"] for item in shown if item["problem"])]
    if chosen.json:
        console.print_json({**_taken_json(taken), "remittances": shown, "problems": problems})
    else:
        _show_remittances(shown, taken)
    if problems:
        raise typer.Exit(PROBLEM_FOUND)


def _proposal(app: App, case_id: str, fact: Remitted, now: datetime) -> dict[str, Any]:
    case, money = app.store.case(case_id), fact.remittance
    wanted = set(case.invoices)
    entries = proposed_entries(money, [item for item in books_of(app, case, now).invoices if key_of(item) in wanted])
    return {
        "case": case.id,
        "reference": money.reference,
        "gross": console.plain(money.gross),
        "fee": console.plain(money.fee),
        "net": console.plain(money.net),
        "residual": console.plain(money.residual),
        "payment": console.plain(money.payment) if money.payment else None,
        "problem": money.problem,
        "proposed": [_entry_json(item) for item in entries] if money.payment is None else [],
        "words": [_entry_words(item) for item in entries] if money.payment is None else ["it is in the books already"],
    }


def _entry_json(item: Entry) -> dict[str, Any]:
    return {
        "what": item.what,
        "amount": console.plain(item.amount),
        "invoice": console.plain(item.invoice) if item.invoice else None,
        "number": item.number,
    }


def _entry_words(item: Entry) -> str:
    return f"{item.what}{f', invoice {item.number}' if item.number else ''}: {item.amount}"


def _show_remittances(shown: list[dict[str, Any]], taken: Taken) -> None:
    for text in taken.problems:
        console.complain(console.one_line(text, 160))
    for item in shown:
        gross, fee, net = (Money(item[name]["minor"], item[name]["currency"]) for name in ("gross", "fee", "net"))
        console.say(f"case {item['case']}, remittance {item['reference']}: {gross} collected, fee {fee}, net {net}")
        if item["problem"]:
            console.complain(item["problem"])
        for text in item["words"]:
            console.say(f"  {text}")
    if not shown and not taken.problems:
        console.say("read before" if taken.known else "nothing in it is a remittance of ours")


# ── to the agency ───────────────────────────────────────────────────────────────────────────────────────────────────────
def recall_case(
    case_id: CaseArgument,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take a case back from its agency: it is told, our hold ends, and reminders resume one step at a time."""
    with opened(config, json) as app:
        case, now = app.store.case(case_id), app.clock.now()
        if dry_run:
            told = (
                f"would recall case {case.id} ({state_word(case)}) from {case.placement.agency if case.placement else 'nobody'}"
            )
            answer({"case": case.id, "state": str(case.state)}, told)
            return
        case = follow(app, recall(app, case, reason=reason, by=actor(), now=now), FollowReport(), now=now)
    answer(case_json(case), f"case {case.id} recalled; the agency is told through the outbox")


def step_at_law(
    case_id: CaseArgument,
    step: Annotated[str, typer.Argument(help="legal_review, suit, judgment or satisfied.")],
    on: Annotated[datetime | None, day_option("--on", "The day [default: today].")] = None,
    reference: Annotated[str, typer.Option("--reference", help="The court's or lawyer's reference.")] = "",
    note: Annotated[str, typer.Option("--note", "-n", help="Anything else.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a step at law. duesync only keeps it and tells the PSA and the books; it is no legal advice."""
    if step not in ("legal_review", "suit", "judgment", "satisfied"):
        raise UsageError(f'"{step}" is no step at law', remedy="Say legal_review, suit, judgment or satisfied.")
    with opened(config, json) as app:
        now = app.clock.now()
        day: date = on.date() if on else local_date(now, app.zone)
        fact = LegalStepTaken(step=LegalStep(state=CaseState(step), on=day, reference=reference, note=note))
        case = app.store.append_case_event(app.store.case(case_id).id, fact, by=actor(), now=now)
        case = follow(app, case, FollowReport(), now=now)
    answer(case_json(case), f"case {case.id}: {state_word(case)}")


def tell_agency(
    case_id: CaseArgument,
    text: Annotated[str, typer.Argument(help="What the agency should know, such as an offer of instalments.")],
    documents: Annotated[
        bool, typer.Option("--documents", help="Send the documents attached since the case was placed.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Send the agency a word on a case, or what it asked for. Offers to the client go this way: nobody else writes to it."""
    with opened(config, json) as app:
        case, now = app.store.case(case_id), app.clock.now()
        files = _since_placed(app, case) if documents else ()
        if documents and not files:
            raise UsageError("nothing was attached since the case was placed", remedy="Use: duesync collections attach")
        what = HandOverKind.DOCUMENTS if documents else HandOverKind.MESSAGE
        case = say_to_agency(
            app,
            case,
            what=what,
            cause=f"{what} {case.number + 1}",
            subject="Documents you asked for" if documents else "About a case",
            text=text,
            amount=case.placement.amount if case.placement else Money.zero(case.currency),
            by=actor(),
            now=now,
            files=files,
        )
    answer(case_json(case), f"case {case.id}: queued for the agency (outbox {case.told[-1].outbox_id})")


def draft_letter(case_id: CaseArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Draft the letter that tells the client, in its language, who acts for you now. It is never sent: ask the agency first."""
    with opened(config, json) as app:
        case, now = app.store.case(case_id), app.clock.now()
        if case.placement is None:
            raise UsageError(f"case {case.id} is with no agency")
        books, ours = books_of(app, case, now), rules(app).organisation
        try:
            text = placed_letter(
                case,
                organisation=ours,
                agency=agency_of(app, case.placement.agency),
                client=account_settings(app, books).legal_name or books.account.name,
                today=local_date(now, app.zone),
                locale=client_locale(books, ours),
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
    answer({"case": case.id, "text": text, "sent": False}, text)


def _since_placed(app: App, case: Case) -> tuple[SentFile, ...]:
    placed_at = case.placed_at
    found: list[Attachment] = [item for item in case.attachments if placed_at is not None and item.at > placed_at]
    return tuple(
        SentFile(name=item.filename, sha256=item.sha256, size=len(app.store.document(item.sha256) or b"")) for item in found
    )


def register(app: typer.Typer) -> None:
    """Put these commands beside the others of `duesync collections`."""
    app.command(name="status")(show_status)
    app.command(name="remit")(take_remittance)
    app.command(name="recall")(recall_case)
    app.command(name="legal")(step_at_law)
    app.command(name="tell")(tell_agency)
    app.command(name="letter")(draft_letter)
