"""Reports an agency attaches: taken only from a mail our own server vouches for, whole, and never because a line claims so."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.smtp.incoming import LARGEST, read_mail
from connectors.smtp.reports import Wanted

SENDER = "reports@acme-recovery.example"
WANTED = Wanted(frozenset({SENDER}), "mx.bright.example")
ROWS = b"reference,code\r\nabc-1,RTN\r\n"
GOOD = "mx.bright.example; spf=pass; dkim=pass (2048-bit key) header.d=acme-recovery.example; dmarc=pass header.from=x.example"


def report(
    results: tuple[str, ...] = (GOOD,),
    sender: str = f"Acme <{SENDER}>",
    name: str = "status.csv",
    size: int = 0,
    rows: bytes = ROWS,
) -> bytes:
    mail = EmailMessage()
    for line in results:
        mail["Authentication-Results"] = line
    mail["From"] = sender
    mail["Subject"] = "Status"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("See attached.")
    mail.add_attachment(rows + b"x" * size, maintype="text", subtype="csv", filename=name)
    return mail.as_bytes()


def test_a_proven_mail_brings_its_files():
    found = read_mail(report(), WANTED).mailed
    assert found is not None
    assert (found.sender, [(item.name, item.content) for item in found.files], found.problem) == (
        SENDER,
        [("status.csv", ROWS)],
        "",
    )


@pytest.mark.parametrize(
    "results",
    [
        (),
        ("mx.evil.example; dmarc=pass header.from=acme-recovery.example",),
        ("mx.evil.example; dkim=none", GOOD),  # only the topmost counts: below it anybody may have written
        ("mx.bright.example; dkim=pass header.d=evil.example",),
        ("mx.bright.example; dkim=pass header.d=example",),
        ("mx.bright.example; dkim=fail header.d=acme-recovery.example",),
        ("mx.bright.example; dkim=fail (dkim=pass header.d=acme-recovery.example)",),
        ("mx.bright.example; dkim=fail (a (b) c; dkim=pass header.d=acme-recovery.example)",),
        ('mx.bright.example; spf=pass smtp.mailfrom="x; dkim=pass header.d=acme-recovery.example"@evil.example',),
        ("mx.bright.example; spf=pass reason=dkim=pass header.d=acme-recovery.example",),
        ("mx.bright.example; spf=pass smtp.mailfrom=acme-recovery.example",),
        ("mx.bright.example; dmarc=pass header.from=evil-acme-recovery.example",),
        ("mx.bright.example.evil.example; dmarc=pass header.from=acme-recovery.example",),
    ],
)
def test_an_unproven_mail_brings_nothing_and_says_why(results):
    found = read_mail(report(results), WANTED).mailed
    assert found is not None
    assert (found.files, "acme-recovery.example" in found.problem) == ((), True)


@pytest.mark.parametrize(
    "results",
    [
        "mx.bright.example 1; dmarc=pass (p=reject) header.from=acme-recovery.example",
        "MX.Bright.Example; dkim=pass header.i=@Acme-Recovery.example header.s=k1",
        "mx.bright.example; dkim=fail header.d=list.example; dkim=pass header.d=acme-recovery.example",
    ],
)
def test_what_servers_write_is_understood(results):
    assert read_mail(report((results,)), WANTED).mailed.files


def test_a_signature_of_the_parent_domain_is_the_senders():
    sender = "reports@mail.acme-recovery.example"
    wanted = Wanted(frozenset({sender}), "mx.bright.example")
    assert read_mail(report(sender=sender), wanted).mailed.files


def test_without_the_name_of_our_server_nothing_is_proven():
    assert "verified_by is not set" in read_mail(report(), Wanted(frozenset({SENDER}))).mailed.problem


@pytest.mark.parametrize("sender", ["ann@client.example", f"a@b.example, {SENDER}", f'"{SENDER}" <a@b.example>'])
def test_mail_of_anybody_else_brings_nothing(sender):
    assert read_mail(report(sender=sender), WANTED).mailed is None
    twice = report().replace(b"Subject:", b"From: other@b.example\nSubject:", 1)
    assert read_mail(twice, WANTED).mailed is None


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "case.pdf", ".hidden.csv", "a\x00b.csv", "", "x" * 200 + ".csv"])
def test_a_name_that_is_no_plain_report_is_no_report(name):
    assert read_mail(report(name=name), WANTED).mailed is None


def test_a_mail_that_was_cut_or_is_damaged_is_not_taken_for_whole():
    assert "too large" in read_mail(report(size=LARGEST), WANTED).mailed.problem
    raw = report()
    assert "damaged" in read_mail(raw[: raw.rindex(b"--==")], WANTED).mailed.problem


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_mail_makes_it_raise(noise: bytes, at: int):
    raw = report()
    found = read_mail(raw[:at] + noise + raw[at:], WANTED).mailed
    assert found is None or found.sender == SENDER
