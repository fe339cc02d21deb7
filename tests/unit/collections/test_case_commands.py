"""The small commands around a case: what they change, what they undo, and what they refuse."""

from __future__ import annotations

import json

import pytest

from core.collections.case import AttachmentKind, CaseEvent, CaseState, Outcome, Waived, Waiver
from core.collections.telling import words_of
from core.errors import UsageError
from scheduler.app import open_app
from scheduler.cli import session
from scheduler.cli.collections_agency import draft_letter, recall_case, step_at_law
from scheduler.cli.collections_commands import attach, close, detach, list_cases, note, open_case, reopen, show_case
from scheduler.cli.collections_placing import lift_waiver, withdraw_approval
from tests.unit.collections.test_placing import NOW, delivered, noticed, office


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    """A person at the command line: runs a command and gives its JSON."""
    with office(tmp_path) as app:
        monkeypatch.setattr(session, "open_app", lambda config, *, service=False: open_app(config, clock=app.clock, quiet=True))

        def run(command, *args, **options):
            capsys.readouterr()
            command(*args, config=tmp_path / "duesync.toml", json=True, **options)
            return json.loads(capsys.readouterr().out)

        yield app, run
    session.chosen.config, session.chosen.json = None, False


def test_a_case_is_opened_for_what_is_past_due_and_only_once(desk):
    _, run = desk
    would = run(open_case, "Alder Dental", dry_run=True)
    assert (would["amount"], len(would["would_open"])) == ({"minor": 10000, "currency": "USD"}, 1)
    assert run(list_cases) == []
    made = run(open_case, "Alder Dental", reason="nobody answers")
    assert [item["id"] for item in run(list_cases)] == [made["id"]]
    with pytest.raises(UsageError, match=made["id"]):
        run(open_case, "Alder Dental")
    with pytest.raises(UsageError, match="answer to"):
        run(open_case, "Alder Dental", invoice=["9999"])


def test_documents_remarks_and_approvals_can_be_taken_back(desk, tmp_path):
    app, run = desk
    case = noticed(app)
    (tmp_path / "msa.pdf").write_bytes(b"%PDF msa")
    (kept,) = run(attach, case.id, AttachmentKind.AGREEMENT, tmp_path / "msa.pdf")["attachments"]
    assert run(detach, case.id, kept["sha256"][:8], reason="another client's")["attachments"] == []
    with pytest.raises(UsageError, match="0 documents"):
        run(detach, case.id, "ffff", reason="x")
    assert run(note, case.id, "asked twice")["notes"] == ["asked twice"]
    app.store.append_case_event(case.id, Waived(waiver=Waiver(item="sla", by="a", reason="b", at=NOW)), by="a", now=NOW)
    assert run(lift_waiver, case.id, "sla", reason="checked after all")["waivers"] == []
    with pytest.raises(UsageError, match="has not approved"):
        run(withdraw_approval, case.id, reason="x", by="ann")
    shown = run(show_case, case.id)
    assert [event["kind"] for event in shown["events"]][-1] == "waiver_lifted"


def test_a_close_can_be_undone_and_an_agencys_case_is_recalled_first(desk):
    app, run = desk
    case = delivered(app)
    with pytest.raises(UsageError, match="does not fit"):
        run(close, case.id, Outcome.WRITTEN_OFF)
    assert run(recall_case, case.id, reason="r", dry_run=True)["state"] == "placed"
    assert app.store.case(case.id).state is CaseState.PLACED
    assert run(recall_case, case.id, reason="they called")["state"] == "recalled"
    assert run(close, case.id, Outcome.SETTLED, cause="cash_trouble")["state"] == "closed"
    assert run(list_cases) == []
    assert [item["state"] for item in run(list_cases, closed=True)] == ["closed"]
    assert run(reopen, case.id, reason="not settled")["state"] == "recalled"


@pytest.mark.req("A112", "A114")
def test_a_step_at_law_and_the_letter_are_a_persons(desk):
    app, run = desk
    case = delivered(app)
    letter = run(draft_letter, case.id)
    assert ("Acme Recovery" in letter["text"], letter["sent"]) == (True, False)
    assert run(step_at_law, case.id, "suit", reference="24-CV-1")["state"] == "suit"
    for wrong in ("paid", "anything"):
        with pytest.raises(UsageError, match="no step at law"):
            run(step_at_law, case.id, wrong)
    assert app.store.outbox(account=case.account)[-1].action.case == case.id


@pytest.mark.req("A101")
def test_the_history_names_who_approved_what_was_waived_and_what_was_told(desk):
    app, _ = desk
    case = delivered(app)
    waiver = Waived(waiver=Waiver(item="reputation", by="ann", reason="small town; password: Hunter2!x", at=NOW))
    told = [words_of(event, case) for event in app.store.case_events(case.id)]
    assert {"by ann", "by bob"} <= set(told)
    assert any("placing 1 invoice, 100.00 USD, with acme" in text for text in told)
    words = words_of(CaseEvent(case=case.id, number=99, at=NOW, by="ann", fact=waiver), case)
    assert words == "reputation: small town; password: [removed]"
