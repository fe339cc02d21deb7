"""`duesync findings …`: what does not add up, and what a person decided about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.errors import UsageError
from core.findings import FindingKind, FindingState
from core.store import Store, StoredFinding
from scheduler.cli import console
from scheduler.cli import finding_page as page
from scheduler.cli.account_commands import find_account
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, opened

app = typer.Typer(help="What does not add up in the books, and what you decide about it.", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="The finding's id, as `findings list` shows it.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why, for whoever asks later.")]


def as_json(item: StoredFinding) -> dict[str, Any]:
    """The contract of DESIGN.md section 6, with the account's name and who decided beside it."""
    finding = item.finding
    return {
        "id": item.id,
        "kind": str(finding.kind),
        "severity": str(finding.severity),
        "confidence": round(finding.confidence, 4),
        "account": finding.account,
        "connection": finding.connection,
        "subjects": [{"stream": str(key.stream), "ref": key.ref, "connection": key.connection} for key in finding.subjects],
        "at_stake": console.plain(finding.at_stake),
        "evidence": dict(finding.evidence),
        "proposal": finding.proposal,
        "state": str(item.state),
        "first_seen_at": item.first_seen_at.isoformat(),
        "last_seen_at": item.last_seen_at.isoformat(),
        "fingerprint": finding.fingerprint,
        "decided_by": item.decided_by,
        "reason": item.reason,
    }


def _none_found(store: Store, *, filtered: bool) -> str:
    from core.review import WATERMARK  # only here: it imports all that decides

    if store.setting(WATERMARK) is None:
        return "Nothing was examined yet: run `duesync sync`, then `duesync reconcile`."
    return "No findings of the kind, state or client asked for." if filtered else "No findings: the books add up."


@app.command(name="list")
def list_findings(
    kind: Annotated[list[FindingKind] | None, typer.Option("--kind", "-k", help="Only this kind; may be repeated.")] = None,
    state: Annotated[
        list[FindingState] | None, typer.Option("--state", help="Only this state [default: open and accepted].")
    ] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's: its id, name or ref.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List findings, the most money first."""
    states = state or [FindingState.OPEN, FindingState.ACCEPTED]
    with opened(config, json) as opened_app:
        wanted = find_account(opened_app, account) if account else None
        found = [
            item for item in opened_app.store.findings(states=states, account=wanted) if not kind or item.finding.kind in kind
        ]
        names = {item.id: item.name for item in opened_app.store.accounts()}
        none = "" if found else _none_found(opened_app.store, filtered=bool(kind or state or account))
    found.sort(key=lambda item: (-abs(item.finding.at_stake.minor), item.finding.kind, item.id))
    if chosen.json:
        console.print_json([as_json(item) for item in found])
        return
    if not found:
        console.say(none)
        return
    columns = ("id", "kind", "client", "at stake", "sure", "what to do")
    rows = [
        (
            item.id,
            item.finding.kind.replace("_", " "),
            console.one_line(names.get(item.finding.account or "", item.finding.account or item.finding.connection), 28),
            str(item.finding.at_stake),
            f"{item.finding.confidence:.0%}",
            _first_step(item.finding.proposal),
        )
        for item in found
    ]
    console.table(f"{len(found)} finding{'s' * (len(found) != 1)}", columns, rows, right=("at stake", "sure"))
    console.note("The evidence and every step: duesync findings show ID")


def _first_step(proposal: str) -> str:
    """The first sentence: what to do first. The rest, and why, is on the finding's own page."""
    first, _, rest = proposal.partition(". ")
    return console.one_line(f"{first}." if rest else first, 120)


@app.command()
def show(finding_id: IdArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one finding: what is said, the records beside one another, and what to do."""
    with opened(config, json) as opened_app:
        item = _find(list(opened_app.store.findings()), finding_id)
        name = next((one.name for one in opened_app.store.accounts() if one.id == item.finding.account), "")
    if chosen.json:
        console.print_json(as_json(item))
        return
    page.show(item, name)


@app.command()
def accept(finding_id: IdArgument, reason: ReasonOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """Agree: it is a fault and will be mended in the books. It closes by itself when the books are right."""
    _decide(finding_id, FindingState.ACCEPTED, reason, config, json)


@app.command()
def dismiss(finding_id: IdArgument, reason: ReasonOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say it is not a fault. It is not shown again unless it changes; `findings accept` takes the dismissal back."""
    _decide(finding_id, FindingState.DISMISSED, reason, config, json)


def _decide(finding_id: str, state: FindingState, reason: str, config: Any, json: bool) -> None:
    with opened(config, json) as opened_app:
        item = _find(list(opened_app.store.findings()), finding_id)
        done = opened_app.store.decide_finding(item.id, state, by=actor(), reason=reason, now=opened_app.clock.now())
    if chosen.json:
        console.print_json(as_json(done))
    else:
        console.say(f"{done.id} {done.state}")


def _find(items: list[StoredFinding], finding_id: str) -> StoredFinding:
    """The finding with this id, or the only one whose id begins so."""
    found = [item for item in items if item.id == finding_id] or [item for item in items if item.id.startswith(finding_id)]
    if len(found) != 1:
        what = "no finding has" if not found else f"{len(found)} findings have"
        raise UsageError(f"{what} the id {finding_id}", remedy="See them with: duesync findings list")
    return found[0]
