"""Keys, fingerprints, holds and secrets behave as the rooms that rely on them expect."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import pytest

from core.actions import InvoiceMention, PostNote, SendReminder, idempotency_key
from core.findings import Finding, FindingKind, Severity
from core.holds import Hold, HoldKind
from core.money import Money
from core.records import RecordKey, Ref, Stream
from core.secrets import SecretError, mask, resolve

INVOICE = RecordKey("books", Stream.INVOICES, Ref("1"))


def reminder(**changes):
    mention = InvoiceMention(connection="books", ref=Ref("1"), digest="d", number="1001", open=Money(100, "USD"), due_on=None)
    given = {
        "connection": "mail",
        "account": "books:7",
        "stage": "due",
        "cycle": "1",
        "to": ("a@example.com",),
        "subject": "s",
        "text": "t",
        "html": "h",
        "invoices": (mention,),
    }
    return SendReminder(**{**given, **changes})


@pytest.mark.req("E13")
def test_the_same_intent_has_the_same_key_however_it_is_worded():
    assert idempotency_key(reminder()) == idempotency_key(reminder(subject="another", to=("b@example.com",)))
    assert len(idempotency_key(reminder())) == 40


@pytest.mark.parametrize("change", [{"stage": "overdue_7"}, {"cycle": "2"}, {"account": "books:8"}, {"connection": "other"}])
def test_another_intent_has_another_key(change):
    assert idempotency_key(reminder()) != idempotency_key(reminder(**change))


def test_the_order_of_invoices_does_not_change_the_key():
    one = InvoiceMention(connection="books", ref=Ref("1"), digest="d", number=None, open=Money(1, "USD"), due_on=None)
    two = dataclasses.replace(one, ref=Ref("2"))
    assert idempotency_key(reminder(invoices=(one, two))) == idempotency_key(reminder(invoices=(two, one)))


def test_notes_of_two_causes_are_two_notes():
    note = PostNote(connection="books", account="a", stream=Stream.INVOICES, ref=Ref("1"), text="t", cause="reminder 1")
    assert idempotency_key(note) != idempotency_key(dataclasses.replace(note, cause="reminder 2"))


def test_a_finding_that_grows_keeps_its_fingerprint():
    finding = Finding(
        kind=FindingKind.UNAPPLIED_PAYMENT,
        severity=Severity.HIGH,
        confidence=1.0,
        account="a",
        connection="books",
        subjects=(RecordKey("books", Stream.PAYMENTS, Ref("9")), INVOICE),
        at_stake=Money(100, "USD"),
        evidence={},
        proposal="p",
    )
    grown = dataclasses.replace(finding, at_stake=Money(900, "USD"), proposal="q", subjects=tuple(reversed(finding.subjects)))
    assert finding.fingerprint == grown.fingerprint
    assert finding.fingerprint != dataclasses.replace(finding, kind=FindingKind.OVERPAYMENT).fingerprint


@pytest.mark.parametrize(
    ("changes", "covers"),
    [
        ({}, True),
        ({"until": date(2026, 5, 5)}, True),
        ({"until": date(2026, 5, 4)}, False),
        ({"lifted_at": datetime(2026, 5, 1, tzinfo=UTC)}, False),
        ({"invoice": INVOICE}, True),
        ({"invoice": RecordKey("books", Stream.INVOICES, Ref("2"))}, False),
    ],
)
def test_a_hold_covers_its_scope_through_its_last_day(changes, covers):
    hold = Hold(id="h", kind=HoldKind.DISPUTE, account="a", placed_at=datetime(2026, 5, 1, tzinfo=UTC), placed_by="me", **changes)
    assert hold.covers(INVOICE, date(2026, 5, 5)) is covers


def test_a_secret_is_read_by_reference_and_masked_ever_after(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("file-secret-value\n")
    (tmp_path / "cred").write_text("cred-secret-value")
    monkeypatch.setenv("DUESYNC_TEST_SECRET", "env-secret-value")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert resolve("env:DUESYNC_TEST_SECRET") == "env-secret-value"
    assert resolve(f"file:{tmp_path / 'key'}") == "file-secret-value"
    assert resolve("credential:cred") == "cred-secret-value"
    assert mask("a env-secret-value b file-secret-value") == "a *** b ***"


@pytest.mark.parametrize("reference", ["plain", "env:DUESYNC_NOT_SET", "file:does/not/exist", "credential:../x", "vault:x"])
def test_a_reference_that_leads_nowhere_is_named_without_a_value(reference, monkeypatch, tmp_path):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SecretError):
        resolve(reference)
