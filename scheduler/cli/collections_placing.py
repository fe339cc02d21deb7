"""`duesync collections notice|pack|verify|place|withdraw|unwaive`: from the final notice to the hand-over."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer

from core.clock import local_date
from core.collections.case import ApprovalWithdrawn, CaseState, WaiverLifted
from core.collections.case_words import counted
from core.collections.manifest import check
from core.collections.pack import Pack
from core.errors import UsageError
from core.outbox import LIVE_STATES
from scheduler.cli import console
from scheduler.cli.collections_commands import CaseArgument, DryRunOption, answer, case_json
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, opened
from scheduler.evidencing import fetch_copies, next_reference, pack_of
from scheduler.following import FollowReport, follow
from scheduler.placing import Plan, agency_of, final_notice_of, place, plan_placement, take_notice

AgencyOption = Annotated[str, typer.Option("--agency", "-g", help="Which agency, by its name under [agencies].")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it is told and kept.")]


# ── before ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def show_notice(case_id: CaseArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Take the final notice into the case, once it really left for every invoice. Exit 1 while it has not.

    The notice itself is the last message of the dunning policy: it needs a call before it and a person's approval in the outbox.
    """
    with opened(config, json) as app:
        now = app.clock.now()
        case = take_notice(app, app.store.case(case_id), by=actor(), now=now)
        found = final_notice_of(app, case, now=now)
        waiting = [
            row for row in app.store.outbox(states=LIVE_STATES, account=case.account) if _stage(row.action) == "final_notice"
        ]
        today = local_date(now, app.zone)
    if found is None:
        where = f"; it waits in the outbox: duesync outbox approve {waiting[0].id}" if waiting else "; see: duesync preview"
        answer({"case": case.id, "sent": None, "waiting": [row.id for row in waiting]}, f"the final notice has not left{where}")
        raise typer.Exit(PROBLEM_FOUND)
    left = (found.placeable_on - today).days
    when = f"from {found.placeable_on} on ({counted(left, 'day')} left)" if left > 0 else f"since {found.placeable_on}"
    words = f"final notice sent on {found.sent_at.date()}; may be placed {when}"
    answer({"case": case.id, "sent": found.sent_at.isoformat(), "placeable_on": found.placeable_on.isoformat()}, words)


def _stage(action: object) -> str:
    return str(getattr(action, "stage", ""))


def make_pack(
    case_id: CaseArgument,
    to: Annotated[Path, typer.Option("--to", help="Folder to write into.")] = Path(),
    agency: Annotated[str | None, typer.Option("--agency", "-g", help="Written for this agency.")] = None,
    unzipped: Annotated[bool, typer.Option("--folder", help="Also as a folder.")] = False,
    fetch: Annotated[bool, typer.Option("--fetch/--no-fetch", help="Ask vendors for their copies of invoices.")] = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make the evidence pack: a ZIP anyone can check with sha256sum. Says how complete it is and what is missing; sends nothing.

    Copies fetched from vendors are kept with the case: make the pack before people approve, for they approve the documents too.
    """
    with opened(config, json) as app:
        case, now = app.store.case(case_id), app.clock.now()
        if fetch and not case.approvals and case.state is CaseState.PREPARING:  # approvals are for the documents too
            case = fetch_copies(app, case, now=now)
        chosen_agency = agency_of(app, agency) if agency else None
        reference = case.placement.reference if case.placement else next_reference(app, case)
        pack = pack_of(app, case, reference=reference, agency=chosen_agency, now=now)
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{pack.reference}.zip"
    path.write_bytes(pack.zip_bytes)
    if unzipped:
        _write_folder(pack, to / pack.reference)
    missing = "".join(f"\n  missing: {text}" for text in pack.complete.missing)
    answer(
        {**pack_json(pack), "path": str(path)},
        f"{path}: {len(pack.files)} files, {pack.complete.score} % complete, sha256 {pack.sha256}{missing}",
    )


def _write_folder(pack: Pack, folder: Path) -> None:
    for item in pack.files:
        target = folder / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(item.content)


def pack_json(pack: Pack) -> dict[str, Any]:
    """A pack as the command line's JSON."""
    return {
        "reference": pack.reference,
        "sha256": pack.sha256,
        "bytes": len(pack.zip_bytes),
        "complete_percent": pack.complete.score,
        "missing": list(pack.complete.missing),
        "files": [{"path": item.path, "sha256": item.sha256, "kind": item.kind, "source": item.source} for item in pack.files],
    }


def verify_pack(
    pack: Annotated[Path, typer.Argument(exists=True, help="A pack: its ZIP or its folder.")], json: JsonOption = False
) -> None:
    """Check a pack against its own sums and its part of the journal. Exit 1 when something was changed."""
    from scheduler.cli.session import choose

    choose(None, json)
    problems = check(_files_of(pack))
    answer(
        {"ok": not problems, "problems": problems},
        "\n".join(problems) or "every sum holds, and every line of the journal follows",
    )
    if problems:
        raise typer.Exit(PROBLEM_FOUND)


def _files_of(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {str(item.relative_to(path).as_posix()): item.read_bytes() for item in path.rglob("*") if item.is_file()}
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            return {name.partition("/")[2]: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        raise UsageError(f"{path} is no ZIP") from None


# ── placing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def place_case(
    case_id: CaseArgument,
    agency: AgencyOption,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Hand a case over: after the checklist, two approvals and the final notice. Our reminders to this client stop at once.

    It goes through the outbox, whose gate reads every invoice again first. Exit 1 with --dry-run while something is against it.
    """
    with opened(config, json) as app:
        now = app.clock.now()
        case = take_notice(app, app.store.case(case_id), by=actor(), now=now) if not dry_run else app.store.case(case_id)
        plan = plan_placement(app, case, agency, now=now)
        if dry_run:
            _show_plan(plan)
            if plan.against:
                raise typer.Exit(PROBLEM_FOUND)
            return
        case, pack = place(app, plan, by=actor(), now=now)
        case = follow(app, case, FollowReport(), now=now)
    for text in plan.warnings:
        console.note(text)
    placed = case.placement
    answer(
        {**case_json(case), "pack": pack_json(pack)},
        f"case {case.id} is on its way to {plan.agency.name} as {plan.reference}: {plan.amount}; "
        f"outbox {placed.outbox_id if placed else ''}; reminders to this client rest",
    )


def _show_plan(plan: Plan) -> None:
    document = {
        "case": plan.case.id,
        "agency": plan.agency_id,
        "reference": plan.reference,
        "amount": console.plain(plan.amount),
        "invoices": [item.number or item.ref for item in plan.invoices],
        "fee_if_all_is_collected": console.plain(plan.fee) if plan.fee else None,
        "would_place": not plan.against,
        "against": list(plan.against),
        "warnings": list(plan.warnings),
        "messages_that_stop": plan.stopped,
    }
    fee = f"; its fee would be {plan.fee} if all is collected" if plan.fee else ""
    lines = [f"{plan.reference}: {counted(len(plan.invoices), 'invoice')}, {plan.amount}, to {plan.agency.name}{fee}"]
    lines += [f"  against it: {text}" for text in plan.against]
    lines += [f"  note: {text}" for text in plan.warnings]
    if plan.stopped:
        lines.append(f"  {counted(plan.stopped, 'message')} to the client, waiting in the outbox, would not go")
    answer(document, "\n".join(lines))


def withdraw_approval(
    case_id: CaseArgument,
    reason: ReasonOption,
    by: Annotated[str | None, typer.Option("--by", help="Whose approval [default: yours].")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take an approval back, while the case is not placed."""
    with opened(config, json) as app:
        case = app.store.case(case_id)
        mine = [item.by for item in case.approvals if item.by == (by or actor()) or item.by.startswith(f"{by} (login")]
        fact = ApprovalWithdrawn(approver=mine[0] if mine else by or actor(), reason=reason)
        case = app.store.append_case_event(case.id, fact, by=actor(), now=app.clock.now())
    answer(case_json(case), f"case {case.id}: {counted(len(case.approvals), 'approval')} left")


def lift_waiver(
    case_id: CaseArgument,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The item, as the checklist names it.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take a waiver back, while the case is not placed. Approvals given with it no longer count."""
    with opened(config, json) as app:
        fact = WaiverLifted(item=item, reason=reason)
        case = app.store.append_case_event(app.store.case(case_id).id, fact, by=actor(), now=app.clock.now())
    answer(case_json(case), f"case {case.id}: {item} is no longer waived")


def register(app: typer.Typer) -> None:
    """Put these commands beside the others of `duesync collections`."""
    app.command(name="notice")(show_notice)
    app.command(name="pack")(make_pack)
    app.command(name="verify")(verify_pack)
    app.command(name="place")(place_case)
    app.command(name="withdraw")(withdraw_approval)
    app.command(name="unwaive")(lift_waiver)
