"""Cases told end to end: from the first invoice in the PSA to the agency's remittance in the books, every artefact opened.

Alder pays the agency (and once, on day 3, us). Birch is recalled. Cedar goes bankrupt with messages in flight.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from core.store import Store
from tests.conftest import ROOT
from tests.system.collecting import CANARY, STORY, Office, office

pytestmark = pytest.mark.xdist_group("collections")  # one story: its tests share what the first of them set up

PLACED = STORY + timedelta(days=79)  # Wednesday 20 May: the final notice of 5 May has run its ten business days
ACK = """reference,count,amount,currency,agency_reference
{alder}-1,1,900.00,USD,ACME-501
{birch}-1,1,450.00,USD,ACME-502
X-9,1,1.00,USD,
"""


@dataclass
class Told:
    """What the story left, act by act."""

    place: Office
    alder: str = ""
    birch: str = ""
    acts: dict[str, Any] = field(default_factory=dict)

    def case(self, name: str) -> Any:
        return self.place.run("collections", "show", getattr(self, name))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    with office(tmp_path_factory.mktemp("office")) as place:
        story = Told(place)
        for act in (_overdue, _prepared, _placed, _acknowledged, _paid_directly, _recalled, _remitted):
            act(story)
        yield story


# ── the story ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _overdue(told: Told) -> None:
    """Three clients get an invoice and pay nothing: reminders, a statement, a call, and for two of them the final notice."""
    place = told.place
    for name, number, amount in (
        ("Alder Dental", "1001", "900.00"),
        ("Birch Law", "1002", "400.00"),
        ("Cedar Farms", "1003", "700.00"),
    ):
        place.client(name, f"ap@{name.split()[0].lower()}.example")
        place.bill(name, number, amount, STORY)
    for days in (15, 43, 49, 56):
        place.day(STORY + timedelta(days=days))
    for name in ("Alder Dental", "Birch Law"):
        place.run("contacts", "add", "call", name, "--outcome", f"spoke to the owner, no reason given; portal password: {CANARY}")
    place.day(STORY + timedelta(days=64))
    for row in place.run("outbox", "list", "--state", "draft"):
        assert row["stage"] == "final_notice", "nothing else waits for a person"
        place.run("outbox", "approve", row["id"])
    place.work(without=("review:full",))


def _prepared(told: Told) -> None:
    """Cases are opened and documented; placing them now is refused, and why is said."""
    place, folder = told.place, told.place.folder
    told.alder = place.run("collections", "open", "Alder Dental", "--reason", "no answer")["id"]
    told.birch = place.run("collections", "open", "Birch Law")["id"]
    (folder / "msa.pdf").write_bytes(b"%PDF-1.4 signed agreement")
    for case in (told.alder, told.birch):
        place.run("collections", "attach", case, "agreement", str(folder / "msa.pdf"))
        told.acts["notice"] = place.run("collections", "notice", case)
        told.acts["pack"] = place.run("collections", "pack", case, "--to", str(folder / "packs"))
    told.acts["too early"] = place.run("collections", "place", told.alder, "--agency", "acme", "--dry-run", code=1)
    told.acts["refused"] = place.run("collections", "place", told.alder, "--agency", "acme", code=2)


def _placed(told: Told) -> None:
    """Two people approve, the cases are placed; Cedar's bankruptcy arrives while its statement is already reserved."""
    place = told.place
    place.clock.set(datetime.combine(PLACED, datetime.min.time(), place.clock.now().tzinfo) + timedelta(hours=15))
    place.work(without=("dispatch",))
    told.acts["in flight"] = [row for row in place.run("outbox", "list", "--state", "queued") if row["kind"] == "SendReminder"]
    with place.app() as app:
        reserved = app.store.reserve(now=place.clock.now(), by="another worker", lease_seconds=60)
        told.acts["reserved"] = reserved
    for case in (told.alder, told.birch):
        _settle_checklist(place, case)
        for person in ("Ann", "Bob"):
            place.run("collections", "approve", case, "--by", person)
    told.acts["plan"] = place.run("collections", "place", told.alder, "--agency", "acme", "--dry-run")
    for case in (told.alder, told.birch):
        place.run("collections", "place", case, "--agency", "acme")
    place.run("hold", "add", "bankruptcy", "Cedar Farms", "--reason", "chapter 7 filed")
    told.acts["mails before"] = len(place.mails())
    place.clock.advance(timedelta(minutes=5))  # the other worker's lease is over
    place.work()
    told.acts["mails after"] = len(place.mails())
    told.acts["handed over"] = place.handed_over()
    told.acts["holds"] = place.run("hold", "list")


def _settle_checklist(place: Office, case: str) -> None:
    """What no system can tell is answered by a person, the rest waived with a reason."""
    for item in place.run("collections", "checklist", case, code=None)["items"]:
        if item["status"] in ("pass", "waived"):
            continue
        if item["asks"]:
            place.run("collections", "answer", case, item["id"], "looked into it", "--ok", "--by", "Ann")
    for item in place.run("collections", "checklist", case, code=None)["items"]:
        if item["status"] not in ("pass", "waived"):
            place.run("collections", "waive", case, item["id"], "--reason", "agreed with counsel", "--by", "Ann")


def _acknowledged(told: Told) -> None:
    """The agency acknowledges one case rightly and one wrongly; a row about nobody does not stop them."""
    place = told.place
    place.reports("ack-0521.csv", ACK.format(alder=told.alder, birch=told.birch))
    place.day(PLACED + timedelta(days=1))
    told.acts["status"] = place.run("collections", "status", code=1)
    told.acts["blocked law"] = place.run("collections", "legal", told.birch, "legal_review", code=2)
    place.run("collections", "status", told.birch, "--accept", code=None)


def _paid_directly(told: Told) -> None:
    """Day 3 after placement: Alder pays 300 straight to us."""
    place = told.place
    told.place.day(PLACED + timedelta(days=2), hour=17)
    place.clock.set(place.clock.now() + timedelta(hours=17))
    place.pay("Alder Dental", "300.00", "1001")
    told.acts["paid at"] = place.clock.now()
    place.work()
    told.acts["after payment"] = place.handed_over()


def _recalled(told: Told) -> None:
    """Birch's owner calls: the case is taken back, and reminders may go on."""
    place = told.place
    place.day(PLACED + timedelta(days=6))
    told.acts["would recall"] = place.run("collections", "recall", told.birch, "--reason", "the owner called", "--dry-run")
    place.run("collections", "recall", told.birch, "--reason", "the owner called")
    place.work(without=("review:full",))
    told.acts["after recall"] = place.handed_over()
    told.acts["holds after recall"] = place.run("hold", "list")
    place.run("collections", "close", told.birch, "settled", "--cause", "cash_flow", code=None)


def _remitted(told: Told) -> None:
    """The agency reports a step at law, then remits what it collected; the bookkeeper enters it, and the case is paid."""
    place = told.place
    place.reports(
        "status-0605.json", json.dumps([{"reference": "ACME-501", "code": "LEG", "on": "2026-06-05", "note": "letter"}])
    )
    place.day(date(2026, 6, 8))
    told.acts["at law"] = told.case("alder")["state"]
    row = {"reference": told.alder, "remittance": "R-77", "remitted_on": "2026-06-15", "currency": "USD"}
    remittance = {"format": "duesync-remittance", "rows": [{**row, "gross": "600.00", "fee": "150.00", "net": "450.00"}]}
    (place.folder / "r77.json").write_text(json.dumps(remittance))
    place.clock.set(place.clock.now() + timedelta(days=7))
    told.acts["proposed"] = place.run("collections", "remit", str(place.folder / "r77.json"), "--dry-run")
    place.pay("Alder Dental", "600.00", "1001", memo="ACME RECOVERY R-77")
    place.reports("r77.json", json.dumps(remittance))
    place.work()
    place.run("collections", "close", told.alder, "paid", "--cause", "cash_flow")
    place.work(without=("review:full",))


# ── what is left of it ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("D6", "A38")
def test_a_case_is_not_placed_before_checklist_approvals_and_notice(told):
    against = " ".join(told.acts["too early"]["against"])
    assert "of the checklist are open" in against
    assert "0 of 2 approvals" in against
    assert "the final notice runs until 2026-05-20" in against
    assert "is not placed" in told.acts["refused"]
    assert told.acts["notice"]["placeable_on"] == "2026-05-20"
    assert told.acts["plan"]["would_place"]
    assert told.acts["plan"]["fee_if_all_is_collected"] == {"minor": 22500, "currency": "USD"}


@pytest.mark.req("A38", "A101")
def test_two_people_approved_and_every_step_is_in_the_journal(told):
    case = told.case("alder")
    assert {item["by"].split(" ")[0] for item in case["approvals"]} == {"Ann", "Bob"}
    kinds = [event["kind"] for event in case["events"]]
    wanted = ["opened", "notice_given", "approved", "placement_queued", "placement_delivered", "acknowledgement_read"]
    wanted += ["direct_payment_seen", "agency_told", "legal_step_taken", "remitted", "paid_in_full", "case_closed"]
    assert [kind for kind in wanted if kind not in kinds] == []
    assert told.place.run("journal", "verify")["ok"]
    with told.place.app() as app:
        journal = [entry.kind for entry in app.store.journal_entries(subject=f"case/{told.alder}")]
    assert journal == [f"case.{kind}" for kind in kinds]


@pytest.fixture(scope="module")
def pack(told, tmp_path_factory) -> Path:
    """The pack as the agency got it, unpacked."""
    message = next(item for item in told.acts["handed over"] if item["reference"] == f"{told.alder}-1")
    folder = tmp_path_factory.mktemp("pack")
    with zipfile.ZipFile(message["folder"] / f"{told.alder}-1.zip") as archive:
        archive.extractall(folder)
    return folder / f"{told.alder}-1"


@pytest.mark.req("D5", "D6", "A40", "A82", "A110")
def test_the_agency_has_the_claim_with_its_evidence(told, pack):
    (message,) = [item for item in told.acts["handed over"] if item["reference"] == f"{told.alder}-1"]
    assert (message["what"], message["count"], message["amount"], message["currency"]) == ("placement", 1, "900.00", "USD")
    document = json.loads((message["folder"] / "placement.json").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / "docs/placement.schema.json").read_text())).validate(document)
    assert document["debtor"]["address"] == "12 Elm Rd, Springfield IL"
    assert [item["number"] for item in document["invoices"]] == ["1001"]
    assert len(document["approved_by"]) == 2
    paths = {str(path.relative_to(pack)) for path in pack.rglob("*") if path.is_file()}
    assert {"agreement/msa.pdf", "invoices/1001.pdf", "ledger.csv", "contacts.csv", "delivery.csv", "journal.jsonl"} <= paths
    delivered = list(csv.DictReader(io.StringIO((pack / "delivery.csv").read_text())))
    assert [(row["what"], row["minutes"]) for row in delivered if row["what"] == "time worked"] == [("time worked", "360")]
    contacts = list(csv.DictReader(io.StringIO((pack / "contacts.csv").read_text())))
    assert [row["stage"] for row in contacts if row["kind"] == "message"][-1] == "final_notice"
    assert sum(row["kind"] == "call" for row in contacts) == 1
    assert any("Final notice" in path.read_text() for path in (pack / "messages").iterdir())


@pytest.mark.req("A38", "A97", "A109")
def test_the_final_notice_named_the_first_day_and_the_case_was_not_placed_before_it(told, pack):
    (notice,) = [path.read_text() for path in (pack / "messages").iterdir() if "Final notice" in path.read_text()]
    assert "may hand this invoice over to a collection agency, on May 20, 2026 at the earliest" in notice
    assert told.acts["notice"]["placeable_on"] == "2026-05-20"


@pytest.mark.req("D5")
def test_its_pages_read_as_they_should(pack):
    cover, history = (_words(pack / name) for name in ("cover-letter.pdf", "account-history.pdf"))
    for text in ("Acme Recovery", "Alder Dental LLC", "900.00 USD", "final notice sent on 2026-05-05", "1 call, 2026-04-27"):
        assert text in cover, text
    assert "balance of the books" in history
    assert "1001" in _words(pack / "invoices/1001.pdf"), "the vendor's own copy"


def _words(path: Path) -> str:
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.req("A101")
def test_the_pack_is_checked_without_duesync_and_with_it(told, pack):
    done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=pack, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout
    assert told.place.run("collections", "verify", str(pack))["ok"]
    steps = [line for line in (pack / "README.txt").read_text().split("\n\n") if line.startswith("python3 -")]
    stranger = subprocess.run(["sh", "-c", steps[0]], cwd=pack, check=False, capture_output=True, text=True)
    assert stranger.returncode == 0, stranger.stderr
    assert stranger.stdout.endswith("entries hold\n")
    lines = [json.loads(line) for line in (pack / "journal.jsonl").read_text().splitlines()]
    assert len(lines) > 20
    end = json.loads((pack / "manifest.json").read_text())["journal"]
    with told.place.app() as app:
        (last,) = app.store.journal_entries(after=end["entries"] - 1, limit=1)
        assert (last.seq, last.hash) == (end["entries"], end["hash"]), "the head it names is in the journal still"
    (pack / "extra.txt").write_text("x")
    assert told.place.run("collections", "verify", str(pack), code=1)["problems"] == ["extra.txt is not in SHA256SUMS"]
    (pack / "extra.txt").unlink()


@pytest.mark.req("A100", "D5")
def test_no_password_and_no_other_client_left_with_it(told, pack):
    for path in [*pack.rglob("*"), *(told.place.agency / "to-agency").rglob("*.json")]:
        if path.is_file() and path.suffix != ".pdf":
            text = path.read_text()
            assert CANARY not in text, path
            if path.is_relative_to(pack):
                assert "Birch" not in text, path
                assert "Cedar" not in text, path
    assert CANARY not in _words(pack / "cover-letter.pdf") + _words(pack / "account-history.pdf")


@pytest.mark.req("A84", "E53")
def test_nothing_more_went_to_the_clients_once_placed_or_bankrupt(told):
    assert len(told.acts["in flight"]) == 3, "a monthly statement for each was queued already"
    assert told.acts["reserved"] is not None
    assert told.acts["mails after"] == told.acts["mails before"], "not one of them went"
    rows = {row["id"]: row for row in told.place.run("outbox", "list", "--state", "dropped")}
    why = {row["account"]: rows[row["id"]]["error"] for row in told.acts["in flight"]}
    assert sorted(("agency" in text, "bankruptcy" in text) for text in why.values()) == [
        (False, True),
        (True, False),
        (True, False),
    ]
    kinds = sorted(hold["kind"] for hold in told.acts["holds"])
    assert kinds == ["agency", "agency", "bankruptcy"]


@pytest.mark.req("A42", "A111")
def test_a_wrong_acknowledgement_blocks_and_a_strange_row_is_named(told):
    cases = {item["id"]: item for item in told.acts["status"]["cases"]}
    assert cases[told.alder]["state"] == "acknowledged"
    assert cases[told.birch]["blocked"] == "the agency acknowledged 450.00 USD instead of 400.00 USD"
    assert [item["kind"] for item in cases[told.birch]["alarms"]] == ["acknowledgement"]
    assert told.acts["status"]["unreadable"] == ["ack-0521.csv, row 3: no case of ours is called X-9"]
    assert "450.00" in told.acts["blocked law"]


@pytest.mark.req("A42", "D6")
def test_a_payment_to_us_is_told_within_48_hours_and_its_fee_accrued(told):
    (message,) = [item for item in told.acts["after payment"] if item["what"] == "payment"]
    assert message["reference"] == f"{told.alder}-1"
    assert "300.00 USD" in message["text"]
    assert "Still open of this case: 600.00 USD" in message["text"]
    (paid,) = told.case("alder")["direct_payments"]
    assert paid["fee"] == {"minor": 7500, "currency": "USD"}
    tell_by = datetime.fromisoformat(paid["tell_by"])
    assert tell_by - told.acts["paid at"] == timedelta(hours=48)
    with told.place.app() as app:
        rows = _handovers(app.store, told.alder)
    settled = [row.updated_at for row in rows if row.action.what == "payment"]
    assert all(at <= tell_by for at in settled)
    assert len(settled) == 1


def _handovers(store: Store, case: str) -> list[Any]:
    return [row for row in store.outbox() if type(row.action).__name__ == "HandOver" and row.action.case == case]


@pytest.mark.req("D6")
def test_a_recall_reaches_the_agency_and_ends_the_rest(told):
    assert told.acts["would recall"]["state"] == "acknowledged"
    (message,) = [item for item in told.acts["after recall"] if item["what"] == "recall"]
    assert (message["reference"], "the owner called" in message["text"]) == (f"{told.birch}-1", True)
    left = {hold["id"] for hold in told.acts["holds after recall"] if hold["kind"] == "agency"}
    assert left == {f"agency-{told.alder}-1"}


@pytest.mark.req("A114")
def test_a_step_at_law_that_the_agency_reports_is_a_state(told):
    assert told.acts["at law"] == "legal_review"


@pytest.mark.req("A29", "D6")
def test_the_remittance_is_checked_matched_and_proposed_and_ends_the_case(told):
    (proposed,) = told.acts["proposed"]["remittances"]
    words = [(item["what"], item["amount"]["minor"]) for item in proposed["proposed"]]
    assert words == [("payment received", 60000), ("collection fee (expense)", 15000), ("to the bank", 45000)]
    assert proposed["residual"]["minor"] == 0
    case = told.case("alder")
    (remitted,) = case["remittances"]
    assert (remitted["gross"]["minor"], remitted["fee"]["minor"], remitted["net"]["minor"]) == (60000, 15000, 45000)
    assert (remitted["problem"], remitted["residual"]["minor"]) == ("", 0)
    assert remitted["payment"]["connection"] == "books"
    assert len(case["direct_payments"]) == 1, "the agency's money is no payment of the client to us"
    assert (case["state"], case["closing"]["outcome"]) == ("closed", "paid")
    assert told.place.run("hold", "list", "--account", "Alder Dental") == []
    (sums,) = told.place.run("collections", "status", code=None)["recovered"]
    assert [sums[name]["minor"] for name in ("gross", "fee", "net")] == [90000, 22500, 67500]


@pytest.mark.req("A101", "D6")
def test_every_step_was_noted_in_the_psa_and_in_the_books(told):
    places = (told.place.notes_in_psa("Alder Dental"), told.place.notes_in_books())
    for notes in places:
        mine = [text for text in notes if told.alder in text]
        for words in (
            "final notice",
            "placed with acme",
            "acknowledged",
            "300.00 USD was paid to us",
            "legal review",
            "R-77",
            "closed",
        ):
            assert sum(words in text for text in mine) == 1, (words, mine)
    assert not [text for notes in places for text in notes if CANARY in text and told.alder in text]


def test_looking_again_changes_nothing(told):
    with told.place.app() as app:
        before = app.store.fingerprint()
        counts = {
            item.table: item.digest for item in before if item.table in ("cases", "case_events", "outbox", "holds", "documents")
        }
    told.place.run("collections", "status", code=None)
    with told.place.app() as app:
        after = {item.table: item.digest for item in app.store.fingerprint() if item.table in counts}
    assert after == counts
    assert told.acts["pack"]["complete_percent"] == 100
    assert told.case("birch")["closing"]["outcome"] == "settled"
