"""A statement of account as PDF: one A4 column, the same figures as the text, byte for byte the same for the same books.

Amounts carry the currency's code, which every font can print.
"""

from __future__ import annotations

from babel import Locale
from babel.numbers import format_currency

from core.messages.alphabets import Faces, no_faces
from core.messages.context import date_text, known_language, locale_for
from core.messages.pdf import Column, Sheet
from core.messages.statement import AccountStatement, balance_parts
from core.messages.texts import late_words, statement_words
from core.money import Money


def coded_money(amount: Money, locale: Locale) -> str:
    """An amount in the client's way of writing numbers, with the currency as its code: "1.234,50 EUR"."""
    text = format_currency(amount.decimal, amount.currency, "#,##0.00\u00a0¤¤", locale=locale, currency_digits=True)
    return str(text).replace("\u202f", "\u00a0")


def statement_pdf(statement: AccountStatement, faces: Faces = no_faces) -> bytes:
    """The statement as a PDF document, with these fonts for names in other alphabets."""
    language = known_language(statement.locale, statement.organisation.locale)
    locale = locale_for(statement.locale, language, statement.organisation.country)
    words = statement_words(language)
    sheet = Sheet(made_on=statement.as_of, language=language, footer=f"{statement.organisation.name} · {words['title']}")
    sheet.title(words["title"])
    sheet.line(statement.organisation.name)
    if statement.organisation.address:
        sheet.line(statement.organisation.address, small=True)
    sheet.gap()
    sheet.line(statement.client, bold=True)
    sheet.line(f"{words['as_of']}: {date_text(statement.as_of, locale)}")
    sheet.gap()
    _tables(sheet, statement, language, locale)
    if statement.organisation.email:
        sheet.gap()
        sheet.line(f"{words['questions']} {statement.organisation.email}")
    return sheet.pdf(faces)


def _tables(sheet: Sheet, statement: AccountStatement, language: str, locale: Locale) -> None:
    """Invoices, credits, ageing and the balance."""
    words = statement_words(language)

    def money(amount: Money) -> str:
        return coded_money(amount, locale)

    def late(days: int) -> str:
        return late_words(language, days) if days > 0 else ""

    columns = [
        Column(words["invoices"], 47),
        Column(words["due_on"].capitalize(), 38),
        Column("", 39),
        Column(words["total"], 28, right=True),
        Column(words["left"], 28, right=True),
    ]
    rows = [
        (item.label, date_text(item.due_on or item.on, locale), late(item.days_past_due), money(item.total), money(item.open))
        for item in statement.invoices
    ]
    sheet.table(columns, rows or [(words["none"], "", "", "", "")])
    if statement.credits:
        sheet.heading(words["credits"])
        credits_ = [
            (item.label, date_text(item.on, locale), "", money(item.total), money(-item.open)) for item in statement.credits
        ]
        sheet.table([Column("", column.share, column.right) for column in columns], credits_)
    sheet.gap()
    buckets = list(zip(words["buckets"].split("|"), [money(item) for item in statement.buckets], strict=True))
    sheet.table([Column("", 152), Column("", 28, right=True)], buckets)
    sheet.gap()
    sums = [(words[name], money(amount)) for name, amount in balance_parts(statement)]
    sheet.table([Column("", 152), Column("", 28, right=True)], [*sums, (words["net"], money(statement.net))], strong=[-1])
