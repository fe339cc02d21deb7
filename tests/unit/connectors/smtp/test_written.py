"""What a client wrote is kept, above, below or between the quote, as text or page, in any of the languages of mail programs."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.smtp.incoming import IncomingKind, read_mail
from connectors.smtp.mapping import message_id
from connectors.smtp.written import own_words
from tests.unit.connectors.smtp.test_connector import KEY
from tests.unit.connectors.smtp.test_incoming import mail

OURS = message_id(KEY, "noreply@bright.example")
HEAD = ("From: dana@acme.example", f"In-Reply-To: {OURS}", "Subject: Re: A reminder", "MIME-Version: 1.0")
PLAIN = "Content-Type: text/plain; charset=utf-8"
QUOTE = "> Hello,\n> Amount due: $10.00\n>\n> Our reference: 7c1e09ab\n"


@pytest.mark.req("E45")
@pytest.mark.parametrize(
    "attribution",
    [
        "On Tue, May 5, 2026 at 10:00 AM Bright IT <billing@bright.example>\nwrote:",
        "Am 05.05.2026 um 10:00 schrieb Bright IT:",
        "Le mar. 5 mai 2026 à 10:00, Bright IT <billing@bright.example> a écrit :",
        "El mar, 5 may 2026 a las 10:00, Bright IT (<billing@bright.example>) escribió:",
        "Op di 5 mei 2026 om 10:00 schreef Bright IT <billing@bright.example>:",
    ],
)
def test_an_answer_above_or_below_the_quote_is_kept_without_it(attribution: str):
    for body in (f"Paid on Monday.\n\n{attribution}\n\n{QUOTE}", f"{attribution}\n\n{QUOTE}\nPaid on Monday.\n"):
        assert read_mail(mail(*HEAD, PLAIN, body=body)).excerpt == "Paid on Monday."


@pytest.mark.req("E45")
@pytest.mark.parametrize(
    "below",
    [
        "-----Original Message-----\nFrom: Bright IT",
        "-----Ursprüngliche Nachricht-----\nVon: Bright IT",
        "________________________________\nDe : Bright IT",
        "Von: Bright IT <b@bright.example>\nGesendet: Dienstag, 5. Mai 2026 10:00\nAn: Dana",
        "De : Bright IT\nEnvoyé : mardi 5 mai 2026",
        "Van: Bright IT\nVerzonden: dinsdag 5 mei 2026",
    ],
)
def test_what_outlook_puts_below_is_not_the_clients_word(below: str):
    raw = mail(*HEAD, PLAIN, body=f"Falscher Betrag.\n\n{below}\nAmount due: $10")
    assert read_mail(raw).excerpt == "Falscher Betrag."


def test_answers_between_the_lines_are_kept():
    body = "On Tue, Bright IT wrote:\n> Is something wrong?\nYes, the hours.\n> Do you need more time?\nTwo weeks.\n"
    assert read_mail(mail(*HEAD, body=body)).excerpt == "Yes, the hours. Two weeks."


@pytest.mark.req("E45")
@pytest.mark.parametrize(
    "page",
    [
        "<style>p{color:red}</style><p>Wrong&nbsp;amount, <b>see</b> PO.</p><blockquote><div>Due</div><p>$10</blockquote>",
        '<div>Wrong amount, see PO.</div><div id="x">-----Original Message-----<br>From: Bright IT</div>',
        "<p>Wrong amount, see PO.<blockquote>unclosed",
        "Wrong amount, see PO.<script>alert(1)</script>",
    ],
)
def test_an_answer_that_is_only_a_page_is_read(page: str):
    assert read_mail(mail(*HEAD, "Content-Type: text/html; charset=utf-8", body=page)).excerpt == "Wrong amount, see PO."


@pytest.mark.req("E45")
def test_a_mail_that_answers_nothing_keeps_its_words_too():
    found = read_mail(mail("From: dana@acme.example", "Subject: your invoice", body="It is wrong."))
    assert (found.kind, found.excerpt) == (IncomingKind.OTHER, "It is wrong.")


@pytest.mark.parametrize(
    "line", ["> Our reference: 7c1e09ab", "Unser Zeichen: 7c1e09ab", "Notre référence: 7c1e09ab", "> > Ons kenmerk: 7c1e09ab"]
)
def test_our_reference_in_a_quote_is_found(line: str):
    raw = mail("From: accountant@x.example", PLAIN, "Subject: Fwd: reminder", body=f"See below.\n{line}\n")
    assert read_mail(raw).reference == "7c1e09ab"
    assert read_mail(mail("From: a@x.example", body="Our reference: none")).reference == ""


def test_who_unsubscribes_names_the_message():
    found = read_mail(mail("From: other@acme.example", f"Subject: unsubscribe {KEY[:12]}", body=""))
    assert (found.kind, found.reference, found.excerpt) == (
        IncomingKind.OTHER,
        KEY[:8],
        "asks to get no more of these (unsubscribe)",
    )


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="ab> \n-_:wroteOn<p/blockquote>", max_size=200))
def test_something_written_never_reads_as_nothing(text: str):
    assert bool(own_words(text)) is bool(text.strip())


@pytest.mark.parametrize("piece", ["On a\n", "> ", "From: x\n", "On " + "a" * 190 + "\n", "<p", "<!-- ", "<blockquote>", "&"])
def test_a_hostile_body_is_read_in_a_moment(piece: str):
    body = piece * (200_000 // len(piece))
    begun = perf_counter()
    for kind in ("plain", "html"):
        read_mail(mail(*HEAD, f"Content-Type: text/{kind}", body=body))
    assert perf_counter() - begun < 5
