"""What a bookkeeper would read after the 45 days: found, reminded, not reminded and why, written back, nothing twice."""

from __future__ import annotations

import mailbox
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.dunning.decision import Entry
from core.outbox import OutboxState
from core.store import StoredFinding
from scheduler.app import App
from scheduler.cli import console
from scheduler.demo.days import held_runs
from scheduler.jobs import dispatch_outbox, review_accounts, sync_connection
from scheduler.previewing import preview


@dataclass(frozen=True, slots=True)
class Again:
    """What a second run at the same moment did."""

    rows_written: int
    findings_changed: int
    messages: int

    @property
    def nothing(self) -> bool:
        return not (self.rows_written or self.findings_changed or self.messages)


def run_again(app: App, maildir: Path) -> Again:
    """Pull, examine and send once more without moving the clock."""
    before = count_mails(maildir)
    pulled = sync_connection(app, "books")
    found = review_accounts(app, full=True)
    dispatch_outbox(app)
    return Again(pulled.changed, found.opened + found.resolved, count_mails(maildir) - before)


def count_mails(maildir: Path) -> int:
    """Messages the mail server took."""
    box = mailbox.Maildir(maildir, create=False)
    try:
        return len(box)
    finally:
        box.close()


def facts(app: App, vendor: dict[str, Any], maildir: Path, again: Again, planted: dict[str, str]) -> dict[str, Any]:
    """The story as data."""
    names = {item.id: item.name for item in app.store.accounts()}
    findings = app.store.findings()
    contacts = [item for group in app.store.contacts().values() for item in group]
    journal = app.store.verify_journal()
    return {
        "pulled": {f"{state.connection}/{state.stream}": state.rows for state in app.store.stream_states() if state.rows},
        "findings": [_finding(item, names) for item in findings],
        "planted": [
            {"kind": kind, "client": client, "found": _was_found(findings, names, kind, client)}
            for kind, client in planted.items()
        ],
        "reminded": dict(Counter(item.stage for item in contacts)),
        "clients_reminded": len({item.account for item in contacts}),
        "refused_at_the_gate": [
            "; ".join(f"{answer.question}: {answer.detail}" for answer in row.gate if answer.ok is not True)
            for row in app.store.outbox(states=[OutboxState.DROPPED])
            if not all(answer.ok for answer in row.gate)
        ],
        "held_for_volume": held_runs(app),
        "kept_back": [_kept(entry, names) for entry in preview(app) if not entry.would_send],
        "mails": count_mails(maildir),
        "vendor_mails": vendor["vendor_mails"],
        "notes_at_vendor": vendor["notes"],
        "waiting": len(app.store.outbox(states=[OutboxState.AMBIGUOUS, OutboxState.PARKED])),
        "again": {"rows": again.rows_written, "findings": again.findings_changed, "messages": again.messages},
        "journal": {"ok": journal.ok, "entries": journal.entries},
    }


def _finding(item: StoredFinding, names: dict[str, str]) -> dict[str, Any]:
    finding = item.finding
    return {
        "kind": str(finding.kind),
        "client": names.get(finding.account or "", finding.account or ""),
        "at_stake": console.plain(finding.at_stake),
        "amount": str(finding.at_stake),
        "state": str(item.state),
        "proposal": finding.proposal,
    }


def _was_found(findings: tuple[StoredFinding, ...], names: dict[str, str], kind: str, client: str) -> bool:
    return any(item.finding.kind == kind and names.get(item.finding.account or "") == client for item in findings)


def _kept(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    return {
        "client": names.get(entry.account, entry.account),
        "stage": entry.stage,
        "invoices": [item.number for item in entry.invoices],
        "why": list(entry.reasons),
    }


def tell(story: dict[str, Any], sample: str) -> None:
    """The story in words."""
    pulled = ", ".join(f"{rows:,} {name.partition('/')[2].replace('_', ' ')}" for name, rows in story["pulled"].items())
    console.say(f"\nPulled from QuickBooks over HTTP: {pulled}.\n")
    console.table(
        "What did not add up",
        ("", "client", "at stake", "", "what to do"),
        [
            (
                item["kind"].replace("_", " "),
                item["client"],
                item["amount"],
                item["state"],
                console.one_line(item["proposal"], 96),
            )
            for item in story["findings"]
        ],
        right=("at stake",),
    )
    missed = [item["kind"] for item in story["planted"] if not item["found"]]
    console.say(f"{len(story['planted'])} faults were planted; {'all were found' if not missed else f'missed: {missed}'}.\n")
    stages = ", ".join(f"{count} {stage.replace('_', ' ')}" for stage, count in sorted(story["reminded"].items()))
    sent = f"{story['mails']} mails of our own, {story['vendor_mails']} invoices mailed by QuickBooks"
    console.say(f"{story['clients_reminded']} clients heard from us ({sent}): {stages}.\n")
    for why in story["held_for_volume"]:
        console.say(f"One run stopped and asked before it sent anything: {why}. The bookkeeper looked and let it go.\n")
    reasons = [item for item in story["kept_back"] if not any("nothing is due" in why for why in item["why"])]
    console.table(
        "Not reminded today, and why",
        ("client", "invoices", "why"),
        [(item["client"], ", ".join(item["invoices"]), console.one_line("; ".join(item["why"]), 110)) for item in reasons],
    )
    for why in story["refused_at_the_gate"]:
        console.say(f"The gate held one message back at the last moment: {why}.")
    console.say(f"\nWritten back to QuickBooks: {story['notes_at_vendor']} notes on invoices.")
    again = story["again"]
    console.say(
        f"Run again: {again['rows']} rows written, {again['findings']} findings changed, {again['messages']} messages sent."
    )
    console.say(f"Journal: {story['journal']['entries']:,} entries, chain {'intact' if story['journal']['ok'] else 'BROKEN'}.")
    console.say(f"\nOne of the mails:\n\n{sample}")
