"""Every door of an agency: a hand-over stands there whole or not at all, once per key, and only where it should go."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from connectors.agency import SPEC
from connectors.agency.mapping import archive_of, folder_of, report_names
from connectors.testing.clocks import SleepingClock
from connectors.testing.vault import MemoryVault
from core.actions import HandOver, HandOverKind, SentFile, idempotency_key
from core.errors import AuthExpired, OutcomeUnknown, Rejected, Transient
from core.money import Money
from core.ports import AgencyReports, ConnectionContext
from core.records import Role
from tests.contract.agency_portal import TOKEN, AgencyPortal
from tests.unit.collections.claim import NOW
from tests.unit.connectors.agency.sftp_server import PASSWORD, SftpPlace, make_key

PACK = b"PK\x05\x06 a pack"
SHA = hashlib.sha256(PACK).hexdigest()
NOTHING_SEEN = lambda name: False  # noqa: E731


def hand_over(**changes) -> HandOver:
    made = {
        "connection": "acme",
        "account": "a",
        "case": "c1",
        "agency": "acme",
        "what": HandOverKind.PLACEMENT,
        "cause": "placement c1-1",
        "reference": "c1-1",
        "subject": "Placement",
        "text": "Please collect.",
        "amount": Money(120_000, "USD"),
        "count": 2,
        "files": (SentFile(name="../c1-1.zip", sha256=SHA, size=len(PACK)),),
    }
    return HandOver(**{**made, **changes})


ACTION = hand_over()
KEY = idempotency_key(ACTION)


@contextmanager
def opened(keys, *, transport=None, documents=None):
    context = ConnectionContext(
        name="acme",
        role=Role.AGENCY,
        settings=SPEC.settings.model_validate(keys),
        clock=SleepingClock(NOW),
        vault=MemoryVault(),
        timezone="UTC",
        currency="USD",
        transport=transport,
        documents=documents or {SHA: PACK}.get,
    )
    connector = SPEC.build(context)
    try:
        yield connector
    finally:
        connector.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "root").mkdir()
    place = SftpPlace(tmp_path / "root")
    yield place
    place.close()


def sftp_keys(server, **changes):
    return {
        "via": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "username": "duesync",
        "password": PASSWORD,
        "timeout": 5,
    } | {
        "host_key": server.host_key,
        **changes,
    }


def standing(root: Path) -> dict[str, set[str]]:
    place = root / "to-agency"
    return {item.name: {file.name for file in item.iterdir()} for item in place.iterdir()} if place.exists() else {}


# ── folder ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A82")
def test_a_folder_gets_a_hand_over_whole_and_once(folder):
    with opened({"path": folder}) as agency:
        assert agency.find_pushed(ACTION, KEY) is None
        first = agency.push(ACTION, KEY)
        again = agency.push(ACTION, KEY)
        assert (first.found, again.found, first.ref) == (False, True, again.ref)
        assert agency.find_pushed(ACTION, KEY).ref == first.ref
    assert standing(folder) == {folder_of(ACTION, KEY): {"message.json", "c1-1.zip"}}
    message = json.loads((folder / "to-agency" / first.ref / "message.json").read_text())
    assert (message["reference"], message["count"], message["amount"], message["files"][0]["sha256"]) == (
        "c1-1",
        2,
        "1200.00",
        SHA,
    )
    assert (folder / "to-agency" / first.ref / "c1-1.zip").read_bytes() == PACK


def test_what_a_crash_left_half_written_is_no_hand_over(folder):
    partial = folder / "to-agency" / f".{folder_of(ACTION, KEY)}.partial"
    partial.mkdir(parents=True)
    (partial / "message.json").write_text("half")
    with opened({"path": folder}) as agency:
        assert agency.find_pushed(ACTION, KEY) is None
        agency.push(ACTION, KEY)
    assert set(standing(folder)) == {folder_of(ACTION, KEY)}


def test_a_folder_that_is_gone_is_passing_trouble_and_doctor_says_so(tmp_path):
    with opened({"path": tmp_path / "gone"}) as agency:
        with pytest.raises(Transient, match="gone"):
            agency.push(ACTION, KEY)
        assert not agency.probe().ok
    with opened({"path": tmp_path}) as agency:
        assert agency.probe().ok


def test_a_rename_that_fails_leaves_the_outcome_unknown(folder, monkeypatch):
    with opened({"path": folder}) as agency:
        monkeypatch.setattr(Path, "rename", lambda self, target: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(OutcomeUnknown):
            agency.push(ACTION, KEY)
        monkeypatch.undo()
        assert agency.find_pushed(ACTION, KEY) is None


def test_a_file_that_is_no_longer_kept_is_never_half_a_hand_over(folder):
    with opened({"path": folder}, documents=lambda sha256: None) as agency, pytest.raises(Rejected, match="not in the store"):
        agency.push(ACTION, KEY)
    assert standing(folder) == {}


def test_reports_are_read_in_order_and_names_from_outside_are_no_paths(folder):
    place = folder / "from-agency"
    place.mkdir()
    for name in ("b.csv", "a.json", ".hidden.csv", "note.exe", "c.csv.partial"):
        (place / name).write_text(name)
    (place / "link.csv").symlink_to(folder)
    with opened({"path": folder}) as agency:
        assert isinstance(agency, AgencyReports)
        assert [(item.name, item.content) for item in agency.reports(NOTHING_SEEN)] == [
            ("a.json", b"a.json"),
            ("b.csv", b"b.csv"),
        ]
        assert [item.name for item in agency.reports(lambda name: name == "a.json")] == ["b.csv"]
    assert report_names(["../x.csv", "a/b.csv", "ok.csv"], NOTHING_SEEN) == ["ok.csv"]


# ── sftp ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A82")
def test_an_sftp_server_gets_it_whole_and_once(server):
    with opened(sftp_keys(server)) as agency:
        assert agency.probe().ok
        assert agency.find_pushed(ACTION, KEY) is None
        first = agency.push(ACTION, KEY)
        assert agency.push(ACTION, KEY).ref == first.ref
    assert (server.renames, set(standing(server.root))) == (1, {first.ref})
    assert (server.root / "to-agency" / first.ref / "c1-1.zip").read_bytes() == PACK
    (server.root / "from-agency").mkdir()
    (server.root / "from-agency" / "ack.csv").write_bytes(b"x")
    with opened(sftp_keys(server)) as agency:
        assert agency.find_pushed(ACTION, KEY).found
        assert [(item.name, item.content) for item in agency.reports(NOTHING_SEEN)] == [("ack.csv", b"x")]


def test_an_old_server_without_posix_rename_does_as_well(server):
    server.old_server = True
    with opened(sftp_keys(server)) as agency:
        agency.push(ACTION, KEY)
    assert set(standing(server.root)) == {folder_of(ACTION, KEY)}


def test_a_server_with_another_key_gets_neither_case_nor_password(server, tmp_path):
    stranger = make_key(tmp_path / "stranger")
    wrong = f"{stranger.get_name()} {stranger.get_base64()}"
    with opened(sftp_keys(server, host_key=wrong)) as agency:
        with pytest.raises(Rejected, match="another key"):
            agency.push(ACTION, KEY)
        assert not agency.probe().ok
    assert standing(server.root) == {}


def test_a_wrong_password_asks_for_a_person_and_a_key_logs_in(server, tmp_path):
    with opened(sftp_keys(server, password="wrong")) as agency, pytest.raises(AuthExpired) as caught:
        agency.push(ACTION, KEY)
    assert "wrong" not in str(caught.value).replace("wrongly", "")
    server._public = make_key(tmp_path / "mine")
    with opened(sftp_keys(server, password=None, key_file=str(tmp_path / "mine-key"))) as agency:
        agency.push(ACTION, KEY)
    assert standing(server.root)


@pytest.mark.parametrize("there", [True, False])
def test_a_line_cut_at_the_rename_leaves_the_outcome_unknown_until_looked_at(server, there):
    server.break_after_rename, server.break_before_rename = there, not there
    with opened(sftp_keys(server)) as agency:
        with pytest.raises(OutcomeUnknown):
            agency.push(ACTION, KEY)
        server.break_after_rename = server.break_before_rename = False
        found = agency.find_pushed(ACTION, KEY)
    assert found is not None or not there
    assert len(standing(server.root)) == 1


def test_a_server_that_is_not_there_is_passing_trouble(server):
    keys = sftp_keys(server)
    server.close()
    with opened(keys) as agency, pytest.raises(Transient, match=r"127\.0\.0\.1"):
        agency.push(ACTION, KEY)


# ── https ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A82")
def test_a_web_service_gets_it_once_with_its_idempotency_key():
    portal = AgencyPortal()
    keys = {"via": "https", "url": "https://agency.example/v1", "token": TOKEN}
    with opened(keys, transport=httpx.MockTransport(portal.handle)) as agency:
        agency.push(ACTION, KEY)
        assert agency.push(ACTION, KEY).found
        portal.reports["status 1.csv"] = b"reference,code\n"
        assert [item.content for item in agency.reports(NOTHING_SEEN)] == [b"reference,code\n"]
    assert [message["key"] for message in portal.messages()] == [KEY]
    assert next(iter(portal.taken.values()))[0]["c1-1.zip"] == PACK


def test_the_archive_is_the_same_each_time():
    assert archive_of([("a", b"1"), ("b", b"2")]) == archive_of([("a", b"1"), ("b", b"2")])


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "needs path"),
        ({"via": "sftp"}, "needs host, username, host_key"),
        ({"via": "sftp", "host": "h", "username": "u", "host_key": "ssh-ed25519 AAAA"}, "password or a key_file"),
        ({"via": "sftp", "host": "h", "username": "u", "host_key": "anything", "password": "p"}, "public key"),
        ({"via": "https", "url": "http://agency.example", "token": "t"}, "begins with https"),
        ({"via": "pigeon"}, "folder"),
    ],
)
def test_a_door_without_what_it_needs_is_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        SPEC.settings.model_validate(keys)
