"""Placing and following through the store and the outbox: one commit, once, nothing in observe mode, a crash loses nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest

from core.actions import HandOverKind
from core.clock import ManualClock
from core.collections.case import (
    Approval,
    Approved,
    AttachmentKind,
    Case,
    CaseState,
    FinalNotice,
    NoticeGiven,
    Opened,
    Placement,
    PlacementDelivered,
    PlacementQueued,
    StatusRead,
)
from core.errors import UsageError
from core.holds import HoldKind
from core.money import Money
from core.outbox import ContactKind, OutboxState, PastContact
from core.records import RecordKey, Ref, Stream
from scheduler.app import App, open_app
from scheduler.cli import session
from scheduler.cli.collections_agency import tell_agency
from scheduler.cli.collections_commands import attach
from scheduler.evidencing import pack_of
from scheduler.following import FollowReport, follow, follow_cases
from scheduler.jobs import channels, dispatch_outbox, review_accounts, sync_connection
from scheduler.mailed_reports import problems_of
from scheduler.placing import Plan, final_notice_of, place, plan_placement, recall, say_to_agency
from scheduler.reporting import read_reports, take_file

NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
CONFIG = """
[organisation]
name = "Northwind IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"
[store]
url = "sqlite:///duesync.db"
[connections.books]
type = "csv"
role = "books"
path = "books"
[connections.acme]
type = "agency"
role = "agency"
mode = "{mode}"
via = "folder"
path = "agency"
[agencies.acme]
name = "Acme Recovery"
connection = "acme"
licensed_in = ["TX"]
rates = [{{percent = "25"}}]
"""
FILES = {
    "parties": "ref,name,email,currency,country,region\n"
    "P1,Alder Dental,ap@alder.example,USD,US,TX\nP2,Birch,b@b.example,USD,US,TX\n",
    "invoices": "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,1001,USD,100.00,100.00,2026-01-02,2026-01-17,open\nI2,P2,2001,USD,77.00,77.00,2026-01-02,2026-01-17,open\n",
}
KEY = RecordKey("books", Stream.INVOICES, Ref("I1"))


@contextmanager
def office(folder, mode="active"):
    for name in ("books", "agency/from-agency"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "duesync.toml").write_text(CONFIG.format(mode=mode))
    for name, text in FILES.items():
        (folder / "books" / f"{name}.csv").write_text(text)
    with open_app(folder / "duesync.toml", clock=ManualClock(NOW), quiet=True) as app:
        sync_connection(app, "books")
        review_accounts(app, full=True)
        yield app


@pytest.fixture
def app(tmp_path):
    with office(tmp_path) as made:
        yield made


def noticed(app: App) -> Case:
    """A case with everything but its placement."""
    account = next(item.id for item in app.store.accounts() if item.name == "Alder Dental")
    case = app.store.open_case(Opened(account=account, invoices=(KEY,), currency="USD"), by="ann", now=NOW)
    notice = FinalNotice(sent_at=NOW - timedelta(days=20), outbox_id=None, placeable_on=date(2026, 5, 30))
    for fact in (*(Approved(approval=Approval(by=name, at=NOW)) for name in ("ann", "bob")), NoticeGiven(notice=notice)):
        case = app.store.append_case_event(case.id, fact, by="ann", now=NOW)
    return case


def plan(app: App, case: Case, **changes) -> Plan:
    """A plan as it is once nothing stands against it: the checklist has tests of its own."""
    made = plan_placement(app, case, "acme", now=NOW)
    fields = {name: getattr(made, name) for name in Plan.__dataclass_fields__}
    return Plan(**{**fields, "against": (), **changes})


def delivered(app: App) -> Case:
    case, _ = place(app, plan(app, noticed(app)), by="ann", now=NOW)
    assert dispatch_outbox(app).outcomes["settled"] == 1
    return follow(app, case, FollowReport(), now=NOW)


def folders(app: App) -> list[str]:
    place_ = app.loaded.folder / "agency" / "to-agency"
    return sorted(item.name for item in place_.iterdir()) if place_.exists() else []


@pytest.mark.req("D6")
def test_nothing_leaves_in_observe_mode(tmp_path):
    with office(tmp_path, mode="observe") as app:
        case = noticed(app)
        against = plan_placement(app, case, "acme", now=NOW).against
        assert any("only observes" in text for text in against)
        with pytest.raises(UsageError, match="is not placed"):
            place(app, plan_placement(app, case, "acme", now=NOW), by="ann", now=NOW)
        assert (app.store.outbox(), folders(app), app.store.case(case.id).state) == ((), [], CaseState.NOTICED)
        placement = Placement(
            agency="acme", reference="r", placed_on=NOW.date(), count=1, amount=Money(10_000, "USD"), pack_sha256=""
        )
        app.store.append_case_event(case.id, PlacementQueued(placement=placement), by="ann", now=NOW)
        case = app.store.append_case_event(case.id, PlacementDelivered(receipt="x", at=NOW), by="ann", now=NOW)
        with pytest.raises(UsageError, match="only observes"):
            say_to_agency(
                app, case, what=HandOverKind.MESSAGE, cause="m", subject="s", text="t", amount=Money(1, "USD"), by="ann", now=NOW
            )
        follow(app, recall(app, case, reason="r", by="ann", now=NOW), FollowReport(), now=NOW)
        assert app.store.outbox() == ()


@pytest.mark.req("A97")
@pytest.mark.parametrize(("mode", "places"), [("observe", ()), ("draft", (frozenset({"TX"}),)), ("active", (frozenset({"TX"}),))])
def test_messages_may_speak_of_an_agency_only_where_its_door_may_be_written_to(tmp_path, mode, places):
    with office(tmp_path, mode=mode) as made:
        assert channels(made).referral.places == places


def test_a_draft_waits_for_a_person(tmp_path):
    with office(tmp_path, mode="draft") as app:
        case, _ = place(app, plan(app, noticed(app)), by="ann", now=NOW)
        dispatch_outbox(app)
        (row,) = app.store.outbox()
        assert (row.state, folders(app)) == (OutboxState.DRAFT, [])
        case = follow(app, case, FollowReport(), now=NOW)
        assert (case.state, "waits for approval" in case.blocked) == (CaseState.PLACING, False)
        app.store.approve(row.id, by="ann", now=NOW)
        dispatch_outbox(app)
        assert follow(app, case, FollowReport(), now=NOW).state is CaseState.PLACED


@pytest.mark.req("A84", "D6")
def test_placing_is_one_commit_of_action_event_and_hold(app):
    case, pack = place(app, plan(app, noticed(app)), by="ann", now=NOW)
    (row,) = app.store.outbox()
    assert (case.state, case.placement.outbox_id, case.placement.pack_sha256) == (CaseState.PLACING, row.id, pack.sha256)
    assert [(hold.kind, hold.account) for hold in app.store.holds()] == [(HoldKind.AGENCY, case.account)]
    assert app.store.document(pack.sha256) == pack.zip_bytes
    with pytest.raises(UsageError, match="does not fit"):
        place(app, plan(app, case), by="ann", now=NOW)
    assert len(app.store.outbox()) == 1
    dispatch_outbox(app)
    assert folders(app) == [f"{case.id}-1-placement-{row.id}"]


@pytest.mark.req("A100")
def test_the_pack_has_no_other_clients_record(app):
    pack = pack_of(app, noticed(app), reference="r", agency=None, now=NOW)
    assert not [item.path for item in pack.files if b"Birch" in item.content or b"2001" in item.content]
    assert [item.path for item in pack.files if b"Alder" in item.content]


def test_a_placement_the_gate_refused_leaves_the_case_as_it_was_and_can_be_tried_again(app):
    case, _ = place(app, plan(app, noticed(app)), by="ann", now=NOW)
    books = app.loaded.folder / "books" / "invoices.csv"
    whole = books.read_text()
    books.write_text(whole.replace("100.00,100.00", "100.00,60.00"))
    sync_connection(app, "books")
    dispatch_outbox(app)
    case = follow(app, case, FollowReport(), now=NOW)
    assert (case.state, case.placement, folders(app)) == (CaseState.NOTICED, None, [])
    assert app.store.holds() == (), "our reminders go on"
    books.write_text(whole)
    sync_connection(app, "books")
    case, _ = place(app, plan(app, case), by="ann", now=NOW)
    assert case.placement.reference == f"{case.id}-2"
    dispatch_outbox(app)
    assert follow(app, case, FollowReport(), now=NOW).state is CaseState.PLACED


@pytest.mark.req("D6")
def test_a_crash_between_the_hand_over_and_its_record_hands_over_once(app):
    case, _ = place(app, plan(app, noticed(app)), by="ann", now=NOW)
    row = app.store.reserve(now=NOW, by="w", lease_seconds=60)
    held = app.store.start_sending(row, (), now=NOW)
    with app.connection("acme") as connector:
        connector.push(held.action, held.key)
    app.clock.advance(timedelta(minutes=30))  # the process died here; another one finds the row
    app.store.recover(app.clock.now())
    assert follow(app, case, FollowReport(), now=app.clock.now()).state is CaseState.PLACING
    app.clock.advance(timedelta(minutes=5))
    assert dispatch_outbox(app).outcomes["settled"] == 1
    assert len(folders(app)) == 1
    assert follow(app, case, FollowReport(), now=app.clock.now()).state is CaseState.PLACED


@pytest.mark.req("A85", "A113")
def test_a_word_to_the_agency_goes_once_and_with_the_documents_it_asked_for(app, monkeypatch):
    case = delivered(app)
    folder = app.loaded.folder
    (folder / "pod.pdf").write_bytes(b"%PDF delivery note")
    monkeypatch.setattr(session.chosen, "config", None)
    monkeypatch.setattr(session, "open_app", lambda config, *, service=False: open_app(config, clock=app.clock, quiet=True))
    app.clock.advance(timedelta(hours=1))
    config = folder / "duesync.toml"
    attach(case.id, AttachmentKind.DELIVERY, folder / "pod.pdf", config=config)
    tell_agency(case.id, "Here is the delivery note.", documents=True, config=config)
    tell_agency(case.id, "Please offer six instalments.", config=config)
    dispatch_outbox(app)
    whats = sorted(name.split("-")[2] for name in folders(app))
    assert whats == ["documents", "message", "placement"]
    (sent,) = [item for item in (folder / "agency/to-agency").iterdir() if "documents" in item.name]
    assert (sent / "pod.pdf").read_bytes() == b"%PDF delivery note"
    assert {hold.kind for hold in app.store.holds(account=case.account)} == {HoldKind.AGENCY}, "nothing goes to the client"


def test_the_same_file_twice_counts_once_and_what_it_says_is_followed(app):
    case = delivered(app)
    drop = app.loaded.folder / "agency" / "from-agency"
    rows = [{"reference": f"{case.id}-1", "code": code, "on": "2026-05-30"} for code in ("PTP", "BKY")]
    for name in ("one.json", "again.json"):
        (drop / name).write_text(json.dumps(rows))
    (drop / "broken.csv").write_text("nothing\nat all\n")
    report = follow_cases(app)
    case = app.store.case(case.id)
    assert (report.reports, [item.code for item in case.statuses]) == (3, ["PTP", "BKY"])
    assert {hold.kind for hold in app.store.holds(account=case.account)} == {HoldKind.AGENCY, HoldKind.BANKRUPTCY}
    assert "bankruptcy" in case.stayed
    assert problems_of(app.store, "acme") == ["broken.csv: its columns are those of no acknowledgement, status or remittance"]
    assert read_reports(app, now=NOW) == 0, "read once"
    dispatch_outbox(app)
    assert any("-stay-" in name for name in folders(app)), "the agency is told to stop"


@pytest.mark.req("E11", "A97", "A113")
def test_what_the_agency_heard_keeps_us_back_also_after_it_gives_the_case_back(app):
    case = delivered(app)
    rows = [{"reference": case.id, "code": code, "on": "2026-05-30"} for code in ("DIS", "CAD", "RTN")]
    take_file(app, "acme", "s.json", json.dumps(rows).encode(), now=NOW)
    follow(app, app.store.case(case.id), FollowReport(), now=NOW)
    assert app.store.case(case.id).state is CaseState.RECALLED
    standing = {hold.kind: hold.invoice for hold in app.store.holds(account=case.account)}
    assert standing == {HoldKind.DISPUTE: KEY, HoldKind.DO_NOT_CONTACT: None}, "our own hold is lifted, theirs stand"
    for hold in app.store.holds(account=case.account):
        app.store.lift_hold(hold.id, by="ann", now=NOW)
    take_file(app, "acme", "s2.json", json.dumps(rows).encode(), now=NOW)
    assert app.store.holds(account=case.account) == (), "the same word again raises nothing"


def test_a_report_about_a_case_on_its_way_is_read_once_it_is_there(app):
    case, _ = place(app, plan(app, noticed(app)), by="ann", now=NOW)
    content = f"reference,count,amount\n{case.id}-1,1,100.00\n".encode()
    assert take_file(app, "acme", "ack.csv", content, now=NOW).waits == case.id
    dispatch_outbox(app)
    follow(app, case, FollowReport(), now=NOW)
    assert len(take_file(app, "acme", "ack.csv", content, now=NOW).facts) == 1
    assert app.store.case(case.id).state is CaseState.ACKNOWLEDGED
    assert take_file(app, "acme", "ack.csv", content, now=NOW).known


def test_a_dry_run_takes_nothing_up(app):
    case = delivered(app)
    before = app.store.fingerprint()
    content = f"reference,code\n{case.id},RTN\n".encode()
    taken = take_file(app, "acme", "s.csv", content, now=NOW, dry_run=True)
    assert next(type(fact) for _, fact in taken.facts) is StatusRead
    assert app.store.fingerprint() == before
    take_file(app, "acme", "s.csv", content, now=NOW)
    assert app.store.case(case.id).state is CaseState.RECALLED
    follow(app, app.store.case(case.id), FollowReport(), now=NOW)
    assert app.store.holds() == ()


@pytest.mark.req("A88")
def test_an_agency_without_a_licence_where_the_client_is_gets_no_case(app):
    case = noticed(app)
    assert not [text for text in plan_placement(app, case, "acme", now=NOW).against if "licensed" in text]
    books = app.loaded.folder / "books" / "parties.csv"
    books.write_text(FILES["parties"].replace("US,TX", "US,CA"))
    sync_connection(app, "books")
    assert [text for text in plan_placement(app, case, "acme", now=NOW).against if "licensed" in text]


@pytest.mark.req("A112")
def test_a_final_notice_counts_only_when_it_left_and_reached_somebody(app):
    case = noticed(app)
    assert final_notice_of(app, case, now=NOW) is None
    to = ("ap@alder.example",)

    def entry(kind: ContactKind, day: int, **rest) -> PastContact:
        at = datetime(2026, 5, day, 15, tzinfo=UTC)
        return PastContact(account=case.account, kind=kind, at=at, channel="mail", invoices=(KEY,), to=to, **rest)

    app.store.log_contact(entry(ContactKind.MESSAGE, 2, stage="final_notice", waived=True))
    app.store.log_contact(entry(ContactKind.MESSAGE, 3, stage="statement"))
    assert final_notice_of(app, case, now=NOW) is None
    app.store.log_contact(entry(ContactKind.MESSAGE, 5, stage="final_notice", outbox_id="x1"))
    found = final_notice_of(app, case, now=NOW)
    assert (found.outbox_id, found.placeable_on) == ("x1", date(2026, 5, 20)), (
        "ten business days, as the notice says, and the next day"
    )
    app.store.log_contact(entry(ContactKind.BOUNCE, 6, outcome="5.1.1 no such user"))
    assert final_notice_of(app, case, now=NOW) is None, "a notice that bounced reached nobody"
