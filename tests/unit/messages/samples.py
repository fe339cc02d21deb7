"""Every letter in every language, for people to read: `python -m tests.unit.messages.samples` writes docs/samples."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from core.books import NetBalance
from core.messages.letter import Letter, LetterGroup, LetterKind, LetterLine, Organisation
from core.messages.render import Rendered, render
from core.messages.statement import AccountStatement, StatementRow, statement_html, statement_text
from core.messages.texts import LANGUAGES
from core.money import Money

ROOT = Path(__file__).resolve().parents[3]
WRITTEN_ON = date(2026, 5, 5)
LOCALES = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "nl": "nl-NL"}
CURRENCIES = {"en": "USD"}
COUNTRIES = {"en": "US", "de": "DE", "fr": "FR", "es": "ES", "nl": "NL"}
LATEST = {
    LetterKind.CREATED: -30,
    LetterKind.UPCOMING: -3,
    LetterKind.DUE: 0,
    LetterKind.FRIENDLY: 7,
    LetterKind.CLEAR: 14,
    LetterKind.FIRM: 28,
    LetterKind.STATEMENT: 31,
    LetterKind.CALL: 38,
    LetterKind.FINAL: 47,
}


def _line(number: str, minor: int, days: int, currency: str, *, received: int = 0, reference: str | None = None) -> LetterLine:
    due_on = WRITTEN_ON - timedelta(days=days)
    return LetterLine(
        label=number,
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        total=Money(minor, currency),
        open=Money(minor - received, currency),
        days_past_due=days,
        reference=reference,
        link=f"https://pay.example.com/i/{number}",
    )


def sample(kind: LetterKind, language: str) -> Letter:
    """One letter of each kind with what usually is in it."""
    currency = CURRENCIES.get(language, "EUR")
    days = LATEST[kind]
    lines = [_line("INV-2041", 148_500, days, currency, reference="PO 7731")]
    if days > 7:
        lines.append(_line("INV-2057", 96_250, days - 7, currency, received=20_000))
    late = tuple(line for line in lines if line.days_past_due >= 0)
    soon = tuple(line for line in lines if line.days_past_due < 0)
    if kind is LetterKind.STATEMENT:
        soon = (_line("INV-2093", 52_000, -12, currency),)
    group = LetterGroup(currency=currency, due=late, upcoming=soon, credit=Money(15_000 if days > 20 else 0, currency))
    organisation = Organisation(
        name="Northwind IT",
        timezone="America/Chicago",
        currency=currency,
        country=COUNTRIES[language],
        email="billing@northwind-it.example",
        phone="+1 312 555 0100",
        address="200 W Adams St, Chicago, IL 60606",
        payment=None if language == "en" else "IBAN DE02 1203 0000 0000 2020 51\nBIC BYLADEM1001",
    )
    return Letter(
        kind=kind,
        locale=LOCALES[language],
        organisation=organisation,
        client="Harbor Dental Group",
        written_on=WRITTEN_ON,
        groups=(group,),
        contact="Dana Ruiz",
        to=("ap@harbordental.example",),
        reply_to=organisation.email,
        phone="+1 312 555 0177" if kind is LetterKind.CALL else None,
        reference="7c1e09ab",
        answer_by=WRITTEN_ON + timedelta(days=14 if kind is LetterKind.FINAL else 7),
    )


def final_notice(language: str) -> Letter:
    """The final notice of an account that an agency could really take."""
    letter = sample(LetterKind.FINAL, language)
    assert letter.answer_by is not None
    return replace(letter, hand_over_on=letter.answer_by + timedelta(days=1))


def account_statement(language: str) -> AccountStatement:
    """A statement of account with open invoices of several ages and money not yet applied."""
    letter = sample(LetterKind.STATEMENT, language)
    (group,) = letter.groups
    rows = tuple(
        StatementRow(
            on=line.issued_on,
            label=line.label,
            due_on=line.due_on,
            total=line.total,
            open=line.open,
            days_past_due=line.days_past_due,
        )
        for line in (*group.due, *group.upcoming)
    )
    zero = Money.zero(group.currency)
    late, early = rows[0].open + rows[1].open, rows[2].open
    return AccountStatement(
        organisation=letter.organisation,
        client=letter.client,
        locale=letter.locale,
        as_of=WRITTEN_ON,
        currency=group.currency,
        invoices=rows,
        credits=(StatementRow(on=WRITTEN_ON, label="ACH 8812", due_on=None, total=group.credit, open=group.credit),),
        buckets=(early, rows[1].open, rows[0].open, zero, zero),
        balance=NetBalance(
            open_invoices=late + early,
            unapplied_payments=group.credit,
            remaining_credits=zero,
            direct_deposits=zero,
            adjustments=zero,
        ),
    )


def samples() -> dict[str, str]:
    """File name -> content: subject and text of each, and the HTML of each mail."""
    files: dict[str, str] = {}
    for language in sorted(LANGUAGES):
        for kind in LetterKind:
            message = render(sample(kind, language))
            assert isinstance(message, Rendered), str(message)
            name = f"{list(LATEST).index(kind) + 1}-{kind}.{language}"
            files[f"{name}.txt"] = f"Subject: {message.subject}\n\n{message.text}"
            if message.html:
                files[f"{name}.html"] = message.html
        message = render(final_notice(language))
        assert isinstance(message, Rendered), str(message)
        files[f"11-final_notice_with_agency.{language}.txt"] = f"Subject: {message.subject}\n\n{message.text}"
        files[f"11-final_notice_with_agency.{language}.html"] = message.html
        shown = account_statement(language)
        files[f"10-account_statement.{language}.txt"] = statement_text(shown)
        files[f"10-account_statement.{language}.html"] = statement_html(shown)
    return files


def main() -> None:
    """Write docs/samples."""
    folder = ROOT / "docs" / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in samples().items():
        (folder / name).write_text(content, encoding="utf-8")
    print(f"{len(samples())} samples written to docs/samples")


if __name__ == "__main__":
    main()
