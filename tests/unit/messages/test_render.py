"""Messages: every fact in them, in the client's language, whatever a name contains; nothing threatens, nothing is left out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages.clean import addresses, one_line, safe_link
from core.messages.letter import Letter, LetterGroup, LetterKind, LetterLine, Organisation
from core.messages.lint import hand_over_words, threats
from core.messages.render import MessageIncomplete, Rendered, render
from core.messages.texts import LANGUAGES
from core.money import Money

TODAY = date(2026, 3, 17)
ORGANISATION = Organisation(
    name="Bright IT", timezone="America/Chicago", currency="USD", email="billing@bright.example", phone="+1 312 555 0100"
)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def line(label: str = "1001", minor: int = 123_450, days: int = 7, **rest: object) -> LetterLine:
    due_on = date.fromordinal(TODAY.toordinal() - days)
    given: dict[str, object] = {"total": usd(minor), "open": usd(minor), "issued_on": date(2026, 2, 1), **rest}
    return LetterLine(label=label, due_on=due_on, days_past_due=days, **given)  # type: ignore[arg-type]


def letter(*lines: LetterLine, kind: LetterKind = LetterKind.FRIENDLY, credit: int = 0, **rest: object) -> Letter:
    given: dict[str, object] = {
        "locale": "en-US",
        "organisation": ORGANISATION,
        "client": "Acme Ltd",
        "written_on": TODAY,
        "groups": (LetterGroup(currency="USD", due=lines or (line(),), credit=usd(credit)),),
        "to": ("ap@acme.example",),
        "reply_to": ORGANISATION.email,
        "reference": "ab12cd34",
        "answer_by": date(2026, 3, 24),
        **rest,
    }
    return Letter(kind=kind, **given)  # type: ignore[arg-type]


def rendered(made: Letter, **overrides: str) -> Rendered:
    result = render(made, {name.replace("__", "."): text for name, text in overrides.items()})
    assert isinstance(result, Rendered), str(result)
    return result


def refused(made: Letter, overrides: dict[str, str] | None = None) -> str:
    result = render(made, overrides)
    assert isinstance(result, MessageIncomplete)
    return str(result)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert parser.wrong == []
    return parser


@pytest.mark.req("A106", "A107", "A92")
@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", list(LetterKind))
def test_every_message_in_every_language_states_the_facts(kind: LetterKind, language: str):
    days = 0 if kind is LetterKind.DUE else 7
    made = letter(line(days=days, link="https://pay.example/1001", open=usd(100_000)), kind=kind, locale=language)
    message = rendered(made)
    for fact in ("1001", "Acme Ltd", *(() if kind is LetterKind.CALL else ("Bright IT",))):
        assert fact in message.subject + message.text
    assert re.search("1[.,\u202f\u00a0]?000[.,]00", message.text)
    assert "2026" in message.text
    if kind is not LetterKind.CALL:
        assert "billing@bright.example" in message.text
        assert "https://pay.example/1001" in message.text
        body = parsed(message.html)
        assert "1001" in body.text
        assert f'lang="{language}"' in message.html
    assert "{{" not in message.text + message.html + message.subject
    assert "None" not in message.text


@pytest.mark.req("A11", "A91", "A96", "A97")
@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", list(LetterKind))
def test_no_text_of_ours_threatens(kind: LetterKind, language: str):
    message = rendered(letter(line(days=0), kind=kind, locale=language))
    assert threats(f"{message.subject}\n{message.text}", language) == ()


@pytest.mark.req("A91")
def test_the_first_reminder_asks_and_does_not_demand():
    text = rendered(letter(kind=LetterKind.FRIENDLY)).text
    assert "?" in text
    assert "Please pay" not in text
    assert "something is missing on our side" in text


@pytest.mark.req("E19")
@settings(max_examples=40, deadline=None)
@given(amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=25, unique=True), credit=st.integers(0, 10**9))
def test_every_invoice_is_printed_with_its_own_amount_and_the_sum_is_right(amounts: list[int], credit: int):
    made = letter(*(line(f"N{index}", minor) for index, minor in enumerate(amounts)), credit=credit)
    (group,) = made.groups
    assert group.amount_due.minor == max(sum(amounts) - credit, 0)
    if not group.amount_due:
        assert "nothing is due" in refused(made)
        return
    text = rendered(made).text
    blocks = re.split(r"\nInvoice ", text)[1:]
    for index, minor in enumerate(amounts):
        assert f"Open: ${usd(minor).decimal:,.2f}" in next(block for block in blocks if block.startswith(f"N{index}\n"))
    assert f"Amount due: ${group.amount_due.decimal:,.2f}" in text


HOSTILE = [
    "Evil\r\nBcc: everyone@example.com",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\u202e1.00 DSU\u2066 hidden",
    "name\x00with\x07bells",
    "x" * 5000,
    "\u05e9\u05dc\u05d5\u05dd \u05d1\u05e2\u05f4\u05de",
    'O\'Brien & Sons "GmbH"',
    "\u200f ",
]


@pytest.mark.parametrize("name", HOSTILE[:-1])
def test_a_name_is_only_ever_a_name(name: str):
    made = letter(line(label=name[:40] if len(name) < 100 else "1001", reference=name), client=name, contact=name)
    message = rendered(made)
    assert "\n" not in message.subject
    assert "\r" not in message.subject + message.text
    assert len(message.subject) <= 150
    body = parsed(message.html)
    assert "script" not in body.seen
    assert "49" not in message.text
    for char in "\u202e\u2066\x00\x07":
        assert char not in message.subject + message.text + message.html


def test_a_name_without_a_visible_character_is_missing():
    assert "the client's name is missing" in refused(letter(client=HOSTILE[-1]))


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=60), reference=st.text(max_size=60))
def test_no_text_breaks_a_message(name: str, reference: str):
    result = render(letter(line(reference=reference), client=name, contact=name))
    if isinstance(result, Rendered):
        parsed(result.html)
        assert "\n" not in result.subject
    else:
        assert "client's name" in str(result)


@pytest.mark.req("A106")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to": ()}, "no recipient"),
        ({"groups": ()}, "names no invoice"),
        ({"reply_to": None, "organisation": replace(ORGANISATION, phone=None)}, "no way to answer"),
        ({"organisation": replace(ORGANISATION, name=" ")}, "organisation's name"),
        ({"answer_by": None, "kind": LetterKind.FIRM}, "no day to answer by"),
        ({"groups": (LetterGroup(currency="USD", due=(line(minor=500),), credit=usd(500)),)}, "nothing is due"),
        ({"groups": (LetterGroup(currency="USD", due=(line(label=" "),), credit=usd(0)),)}, "neither number nor ref"),
    ],
)
def test_a_letter_that_lacks_a_fact_is_not_written(change: dict[str, object], words: str):
    assert words in refused(replace(letter(), **change))  # type: ignore[arg-type]


@pytest.mark.req("A97")
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Pay {{ amount }} for {{ numbers }} or we will sue.", 'it says "sue"'),
        ("Pay {{ amount }} for {{ numbers }} or see our lawyer.", 'it says "lawyer"'),
        ("Please pay {{ numbers }}.", 'the fact "$1,234.50" is missing'),
        ("Please pay {{ amount }}.", 'the fact "1001" is missing'),
        ("{{ amount }} {{ numbers }} {{ nonsense }}", "cannot be filled"),
        ("{{ amount }} {{ numbers }} {{ groups.__class__.__mro__ }}", "cannot be filled"),
        ("{% for x in range(99999999999) %}{% endfor %}", "cannot be filled"),
        ("{{ 'x' * 900000 }}", "cannot be filled"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "cannot be filled"),
        ("{% if %}", "cannot be filled"),
    ],
)
def test_a_template_of_the_users_that_threatens_or_drops_a_fact_is_refused(source: str, words: str):
    assert words in refused(letter(), {"reminder_friendly.en.text": source})


def test_a_template_of_the_users_replaces_ours_for_its_language():
    mine = {
        "reminder_friendly__en__text": "Dear {{ client }}: {{ amount }} for {{ numbers }}.",
        "reminder_friendly__subject": "S",
    }
    assert rendered(letter(), **mine).text == "Dear Acme Ltd: $1,234.50 for 1001.\n"
    german = rendered(letter(locale="de"), **mine)
    assert german.subject == "S"
    assert german.text.startswith("Guten Tag,")


@pytest.mark.req("A38", "A97", "A109")
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_final_notice_speaks_of_an_agency_only_where_one_could_take_the_account(language: str):
    plain = letter(kind=LetterKind.FINAL, locale=language)
    spoken = rendered(replace(plain, hand_over_on=date(2026, 3, 25)))
    assert hand_over_words(spoken.text, language), "it says so, in the client's language"
    assert re.search(r"\b25\b.* 2026|\b25, 2026", spoken.text), "with the first day"
    assert hand_over_words(rendered(plain).text, language) == ()


@pytest.mark.req("A97")
@pytest.mark.parametrize(
    ("locale", "threat"),
    [
        ("en", "we will send you to collections"),
        ("de", "dann geht es an das Inkassobüro"),
        ("fr", "une société de recouvrement"),
        ("es", "una agencia de cobros"),
        ("nl", "naar het incassobureau"),
        ("nl", "to a debt collector"),
    ],
)
def test_nothing_else_may_speak_of_an_agency(locale: str, threat: str):
    facts = "{{ amount }} {{ numbers }} "
    for kind in (LetterKind.FINAL, LetterKind.FRIENDLY):
        made = letter(kind=kind, locale=locale)
        assert "no agency could take this account" in refused(made, {f"{kind}.text": facts + threat})
        assert "no agency could take this account" in refused(made, {f"{kind}.html": f"<p>{facts}</p><b>{threat}</b>"})
    dated = replace(letter(kind=LetterKind.FINAL, locale=locale), hand_over_on=date(2026, 3, 25))
    assert "is missing" in refused(dated, {"final_notice.text": facts + threat}), "and never without the day"


def test_a_threat_hidden_in_a_template_of_html_is_found():
    assert '"lawsuit"' in refused(letter(), {"reminder_friendly.en.html": "<p>{{ amount }} {{ numbers }}</p><i>a lawsuit</i>"})


def test_a_client_called_court_is_not_a_threat():
    assert "Court & Sons" in rendered(letter(client="Court & Sons")).text


@pytest.mark.parametrize(
    ("locale", "amount", "day"),
    [
        ("en-US", "$1,234.50", "March 10, 2026"),
        ("en-GB", "US$1,234.50", "10 March 2026"),
        ("de-DE", "1.234,50 $", "10. März 2026"),
        ("de_AT", "$ 1.234,50", "10. März 2026"),
        ("fr", "1 234,50 $US", "10 mars 2026"),
        ("es-MX", "USD1,234.50", "10 de marzo de 2026"),
        ("nl", "US$ 1.234,50", "10 maart 2026"),
        ("ja", "$1,234.50", "March 10, 2026"),
        ("nonsense", "$1,234.50", "March 10, 2026"),
    ],
)
def test_amounts_and_dates_are_written_as_the_client_reads_them(locale: str, amount: str, day: str):
    text = re.sub("[\u00a0\u202f]", " ", rendered(letter(locale=locale)).text)
    assert amount in text
    assert day in text


def test_amounts_keep_their_minor_units():
    yen = LetterGroup(currency="JPY", due=(line(total=Money(1234, "JPY"), open=Money(1234, "JPY")),), credit=Money(0, "JPY"))
    dinar = LetterGroup(
        currency="KWD", due=(line("2", total=Money(1234, "KWD"), open=Money(1234, "KWD")),), credit=Money(0, "KWD")
    )
    text = rendered(letter(groups=(yen, dinar))).text
    assert "¥1,234" in text
    assert "KWD1.234" in text


def test_a_partial_payment_is_acknowledged():
    text = rendered(letter(line(open=usd(23_450)))).text
    assert "Received so far, thank you: $1,000.00" in text
    assert "Open: $234.50" in text


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://pay.example/a?b=1&c=2", True),
        ("http://127.0.0.1:8000/x", True),
        ("javascript:alert(1)", False),
        ("https://pay.example/ x", False),
        ('https://pay.example/"onclick', False),
        ("data:text/html,x", False),
        (None, False),
    ],
)
def test_only_plain_web_addresses_become_links(link: str | None, kept: bool):
    assert (safe_link(link) is not None) is kept
    assert ("<a href=" in rendered(letter(line(link=link), reply_to=None)).html) is kept


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b.example", ("a@b.example",)),
        ("a@b.example, c@d.example;e@f.example", ("a@b.example", "c@d.example", "e@f.example")),
        ("a@b.example\r\nBcc: x@y.example", ("a@b.example", "x@y.example")),
        ("Ann <a@b.example>", ()),
        ("a@b", ()),
        ("a..b@c.example", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_addresses_are_read_from_untidy_fields(text: str | None, found: tuple[str, ...]):
    assert addresses(text) == found


def test_text_is_cut_with_an_ellipsis():
    assert one_line("abcdef", 4) == "abc…"
    assert one_line(" a \t b\n") == "a b"


def test_a_long_statement_is_still_one_message():
    made = letter(*(line(f"N{index:04}", 1000 + index) for index in range(400)), kind=LetterKind.STATEMENT)
    message = rendered(made)
    assert "N0399" in message.html
    assert message.subject == "Statement of account for Acme Ltd, March 17, 2026"


def test_many_invoices_are_counted_in_a_subject():
    made = letter(*(line(f"N{index}", 1000 + index) for index in range(9)))
    assert rendered(made).subject == "A reminder about invoices N0, N1, N2, and N3 (+5) from Bright IT"


@pytest.mark.req("A97")
@pytest.mark.parametrize(
    ("language", "untrue"),
    [
        ("en", "neither|heard from|and called|last reminder|past due:|past due to"),
        ("de", "weder|angerufen|unsere letzte Erinnerung|überfällig bei|überfällig:"),
        ("fr", "ni paiement|et appelé|notre dernier rappel|en retard|avant le"),
        ("es", "ni pago|y llamado|nuestro último|vencidos|antes del"),
        ("nl", "betaling noch|en gebeld|onze laatste|over de vervaldatum:|over de vervaldatum,|vóór"),
    ],
)
def test_no_text_says_what_may_not_be_so(language: str, untrue: str):
    """Something was paid, one invoice fell due only today, a call is not known of, statements go on, the last day counts."""
    made = letter(line("1", days=40, open=usd(100_000)), line("2", days=0), locale=language)
    for kind in (LetterKind.CLEAR, LetterKind.FIRM, LetterKind.FINAL):
        message = rendered(replace(made, kind=kind))
        assert re.findall(untrue, f"{message.subject}\n{message.text}") == [], kind


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_part_paid_invoice_shows_what_was_received_before_it_is_due_too(language: str):
    part = line("1", days=-5, open=usd(100_000))
    group = LetterGroup(currency="USD", upcoming=(part,), credit=usd(0))
    message = rendered(letter(kind=LetterKind.UPCOMING, locale=language, groups=(group,)))
    for amount in ("1.?234[.,]50", "234[.,]50", "1.?000[.,]00"):
        assert re.search(amount, message.text)
        assert re.search(amount, message.html)


def test_due_today_is_not_said_of_what_is_late():
    assert "due today" in refused(letter(line(days=3), kind=LetterKind.DUE))


PAYMENT = "Transfer to DE02 1203 0000 0000 2020 51\n\n  <b>quoting</b> the invoice number  \n"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_how_to_pay_is_said_where_no_vendor_has_a_link(language: str):
    paid_to = replace(ORGANISATION, payment=PAYMENT)
    for kind in LetterKind:
        message = rendered(letter(line(days=0), kind=kind, locale=language, organisation=paid_to))
        ours = kind is LetterKind.CALL
        assert ("\n  Transfer to DE02 1203 0000 0000 2020 51\n  <b>quoting</b> the invoice number\n" in message.text) is not ours
        assert ("2020 51</bdi><br>" in message.html and "&lt;b&gt;quoting" in message.html) is not ours


@pytest.mark.parametrize("name", ["שלום בע״מ", "شركة النور"])
def test_a_name_from_right_to_left_leaves_the_date_behind_it_in_its_place(name: str):
    message = rendered(letter(kind=LetterKind.STATEMENT, locale="fr", client=name))
    assert f"{name}\u200e, 17 mars 2026" in message.subject
    assert "\u200e" not in rendered(letter(client="Müller & Söhne")).text
