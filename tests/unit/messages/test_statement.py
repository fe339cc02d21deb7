"""Statements of account: the ledger's balance or none, the same figures as text, page and PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.ageing import ageing
from core.books import Books
from core.messages.render import MessageIncomplete
from core.messages.statement import AccountStatement, balance_parts, statement_html, statement_of, statement_text
from core.messages.statement_pdf import statement_pdf
from core.messages.texts import LANGUAGES
from core.money import Money
from tests.unit.dunning.scene import ORGANISATION, Scene, usd

TODAY = date(2026, 3, 17)


def scene() -> Scene:
    made = Scene().go(TODAY)
    for number, amount, days in (("1001", "100.00", 5), ("1002", "200.00", 45), ("1003", "400.00", 120), ("1004", "50.00", -10)):
        made.invoice(number, amount, due=TODAY - timedelta(days=days))
    made.payment("30.00", TODAY - timedelta(days=2), reference="ACH 9")
    return made


def statement(made: Scene, locale: str = "en-US") -> AccountStatement:
    result = statement_of(made.books(), currency="USD", as_of=TODAY, organisation=ORGANISATION, locale=locale)
    assert isinstance(result, AccountStatement), str(result)
    return result


@pytest.mark.req("E4", "A57", "A99")
def test_the_statement_shows_the_balance_of_the_books():
    made = scene()
    shown = statement(made)
    assert shown.net == made.books().balance("USD").net == usd("720.00")
    assert [bucket.minor for bucket in shown.buckets] == [5000, 10000, 20000, 0, 40000]
    text = statement_text(shown)
    for fact in ("1001", "1004", "ACH 9", "-$30.00", "Balance: $720.00", "Over 90 days: $400.00"):
        assert fact in text


@pytest.mark.req("E4")
@settings(max_examples=30, deadline=None)
@given(owed=st.lists(st.integers(1, 10**7), min_size=1, max_size=8), idle=st.lists(st.integers(1, 10**6), max_size=4))
def test_report_statement_mail_and_books_show_one_balance(owed: list[int], idle: list[int]):
    made = Scene(settings={"business_days": False}).go(TODAY)
    for place, minor in enumerate(owed):
        made.invoice(f"N{place}", str(Money(minor, "USD").decimal), due=TODAY - timedelta(days=7))
    for minor in idle:
        made.payment(str(Money(minor, "USD").decimal), TODAY - timedelta(days=300))
    net = sum(owed) - sum(idle)
    books = made.books()
    assert books.balance("USD").net.minor == net
    (row,) = ageing(Books(as_of=made.now, accounts={"acme": books}, unassigned=books, roles=books.roles), TODAY).rows
    assert (row.total - row.unapplied, row.net) == (net, net)
    shown = statement_of(books, currency="USD", as_of=TODAY, organisation=ORGANISATION, locale="en-US")
    assert isinstance(shown, AccountStatement), str(shown)
    assert shown.net.minor == net
    asked = [group.amount_due.minor for entry in made.decide().outgoing if entry.letter for group in entry.letter.groups]
    assert asked == ([net] if net > 0 else [])


@pytest.mark.req("A99")
def test_no_statement_where_the_ledger_says_otherwise():
    made = scene()
    made.party = replace(made.party, balance=usd("720.00"))
    assert isinstance(statement_of(made.books(), currency="USD", as_of=TODAY, organisation=ORGANISATION), AccountStatement)
    made.party = replace(made.party, balance=usd("750.00"))
    result = statement_of(made.books(), currency="USD", as_of=TODAY, organisation=ORGANISATION)
    assert isinstance(result, MessageIncomplete)
    assert str(result) == "the ledger says 750.00 USD, the records add up to 720.00 USD"


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no reader of PDFs is installed here")
def test_the_parts_of_the_balance_add_up_on_the_page_and_on_paper():
    shown = statement(scene())
    assert sum(amount.minor for _, amount in balance_parts(shown)) == shown.net.minor
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=statement_pdf(shown), capture_output=True, check=True)
    paper = done.stdout.decode()
    for fact in ("Open invoices", "750.00 USD", "-30.00 USD", "720.00 USD"):
        assert fact in paper.replace("\u00a0", " ")
    assert "-$30.00" in statement_html(shown)


@pytest.mark.parametrize(("locale", "one", "five"), [
    ("en-US", "1 day past due", "5 days past due"),
    ("de-DE", "seit 1 Tag fällig", "seit 5 Tagen fällig"),
    ("fr-FR", "depuis 1 jour", "depuis 5 jours"),
    ("es-ES", "hace 1 día", "hace 5 días"),
    ("nl-NL", "1 dag over", "5 dagen over"),
])  # fmt: skip
def test_one_day_late_is_one_day(locale: str, one: str, five: str):
    shown = statement(scene(), locale)
    rows = (replace(shown.invoices[0], days_past_due=1), replace(shown.invoices[1], days_past_due=5))
    shown = replace(shown, invoices=rows)
    for page in (statement_text(shown), statement_html(shown)):
        assert re.search(rf"{one}\b", page)
        assert re.search(rf"{five}\b", page)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_every_form(language: str):
    shown = statement(scene(), language)
    assert "1003" in statement_text(shown)
    page = statement_html(shown)
    assert f'lang="{language}"' in page
    document = statement_pdf(shown)
    assert document.startswith(b"%PDF-")
    assert document == statement_pdf(shown)


def test_a_hostile_name_stays_a_name_and_a_foreign_one_does_not_break_the_pdf():
    made = scene()
    made.party = replace(made.party, name="<b>Łódź</b>\n\u05e9\u05dc\u05d5\u05dd \u202e")
    shown = statement(made)
    assert "<b>" not in statement_html(shown)
    assert "\u202e" not in statement_text(shown)
    assert statement_pdf(shown).startswith(b"%PDF-")


def test_a_client_without_anything_open_has_a_statement_too():
    shown = statement(Scene().go(TODAY))
    assert "No open invoices" in statement_text(shown)
    assert "Balance: $0.00" in statement_text(shown)


def test_a_statement_of_many_pages():
    made = Scene().go(TODAY)
    for index in range(150):
        made.invoice(f"N{index}" + "x" * 60, due=TODAY - timedelta(days=index))
    assert statement_pdf(statement(made)).count(b"/Type /Page\n") >= 4
