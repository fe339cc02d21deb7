"""Letters to post: one PDF per message, whole or not at all, found again wherever the person who posted it filed it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.letters import SPEC
from connectors.letters import connector as letters
from core.actions import InvoiceMention, PostNote, SendReminder, idempotency_key
from core.clock import ManualClock
from core.errors import OutcomeUnknown, Rejected, Transient
from core.money import Money
from core.ports import ConnectionContext
from core.records import Ref, Role, Stream

NOW = datetime(2026, 5, 5, 3, tzinfo=UTC)  # still the fourth of May in Chicago
MENTION = InvoiceMention(connection="books", ref=Ref("1"), digest="d", number="1001", open=Money(1, "USD"), due_on=None)
STEP = {"connection": "letters", "account": "acme", "stage": "final_letter", "cycle": "1", "invoices": (MENTION,)}
LETTER = SendReminder(**STEP, to=("Acme / Söhne",), subject="Final notice", text="Dear Sir,\n\nplease pay.\n", html="")
KEY = idempotency_key(LETTER)


@contextmanager
def opened(folder, **keys):
    context = ConnectionContext(
        name="letters",
        role=Role.CHANNEL,
        settings=SPEC.settings.model_validate({"path": folder, **keys}),
        clock=ManualClock(NOW),
        vault=None,
        timezone="America/Chicago",
        currency="USD",
    )
    yield SPEC.build(context)


@pytest.mark.req("A73")
def test_a_letter_is_a_pdf_with_sender_client_day_and_words(tmp_path):
    with opened(tmp_path, sender="Northwind IT | 200 W Adams St") as folder:
        receipt = folder.push(LETTER, KEY)
    (file,) = tmp_path.iterdir()
    assert file.name == receipt.ref == f"Acme-S-hne-final_letter-{KEY[:16]}.pdf"
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed here")
    shown = subprocess.run([tool, str(file), "-"], capture_output=True, check=True).stdout.decode()
    for part in ("Northwind IT", "200 W Adams St", "Acme / Söhne", "May 4, 2026", "Final notice", "please pay."):
        assert part in shown


@pytest.mark.req("E25")
def test_a_letter_already_posted_and_filed_is_not_written_again(tmp_path):
    with opened(tmp_path) as folder:
        first = folder.push(LETTER, KEY)
        (tmp_path / "posted" / "2026").mkdir(parents=True)
        (tmp_path / first.ref).rename(tmp_path / "posted" / "2026" / first.ref)
        again = folder.push(LETTER, KEY)
        assert folder.find_pushed(LETTER, KEY) == again
    assert (again.ref, again.found) == (first.ref, True)
    assert list(tmp_path.glob("*.pdf")) == []


@pytest.mark.req("E25")
def test_a_crash_while_writing_leaves_no_half_letter_and_the_next_try_writes_it(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    with opened(tmp_path) as folder:
        monkeypatch.setattr(letters.os, "fsync", full)
        with pytest.raises(Transient, match="No space left"):
            folder.push(LETTER, KEY)
        monkeypatch.undo()
        assert list(tmp_path.glob("*.pdf")) == []
        assert folder.find_pushed(LETTER, KEY) is None
        folder.push(LETTER, KEY)
    assert len(list(tmp_path.glob("*.pdf"))) == 1


def test_a_disk_that_does_not_confirm_leaves_the_outcome_open_and_it_is_found(tmp_path, monkeypatch):
    def silent(folder):
        raise OSError(5, "Input/output error")

    with opened(tmp_path) as folder:
        monkeypatch.setattr(letters, "sync_folder", silent)
        with pytest.raises(OutcomeUnknown):
            folder.push(LETTER, KEY)
        assert folder.find_pushed(LETTER, KEY) is not None


def test_a_folder_that_is_missing_is_told_and_is_never_certainly_not_done(tmp_path):
    with opened(tmp_path / "nowhere") as folder:
        probe = folder.probe()
        assert not probe.ok
        assert "Make the folder" in probe.checks[0].remedy
        for call in (lambda: folder.push(LETTER, KEY), lambda: folder.find_pushed(LETTER, KEY)):
            with pytest.raises(Transient, match="cannot be used"):
                call()


def test_the_probe_counts_letters_to_post(tmp_path):
    with opened(tmp_path) as folder:
        folder.push(LETTER, KEY)
        assert folder.probe().checks[0].detail.startswith("1 letter(s) to post")


def test_it_does_nothing_but_letters(tmp_path):
    note = PostNote(connection="letters", account="a", stream=Stream.INVOICES, ref=Ref("1"), text="x", cause="y")
    with opened(tmp_path) as folder:
        assert folder.streams() == {}
        for call in (
            lambda: folder.push(note, KEY),
            lambda: folder.find_pushed(note, KEY),
            lambda: folder.pull(Stream.INVOICES, None),
            lambda: folder.reread(Stream.INVOICES, Ref("1")),
            lambda: folder.parse_webhook({}, b""),
        ):
            with pytest.raises(Rejected):
                call()


def test_two_clients_of_one_name_have_two_letters(tmp_path):
    other = replace(LETTER, account="other", cycle="2")
    with opened(tmp_path) as folder:
        folder.push(LETTER, KEY)
        folder.push(other, idempotency_key(other))
    assert len(list(tmp_path.glob("*.pdf"))) == 2
