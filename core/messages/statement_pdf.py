"""A statement of account as PDF: one A4 column, the same figures as the text, byte for byte the same for the same books.

The fonts that every PDF reader has (ISO 32000, standard 14) know Latin letters only: others are replaced, so a client whose
name is written otherwise gets the HTML. Amounts carry the currency's code, which those fonts can always print.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, time

from babel import Locale
from babel.numbers import format_currency
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from core.messages.clean import one_line
from core.messages.context import date_text, known_language, locale_for
from core.messages.statement import AccountStatement
from core.messages.texts import statement_words
from core.money import Money

_WIDTHS = (70.0, 45.0, 37.0, 38.0)  # millimetres, 190 in all: A4 less two margins of 10


def _latin(text: str) -> str:
    """`text` in the letters of the standard fonts."""
    plain = one_line(text, 200)
    try:
        plain.encode("latin-1")
    except UnicodeEncodeError:
        plain = "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))
    return plain.encode("latin-1", "replace").decode("latin-1")


class _Page:
    """Writes rows of a table on as many pages as it takes."""

    def __init__(self, statement: AccountStatement, locale: Locale) -> None:
        self.pdf = FPDF(format="A4")
        self.pdf.set_creation_date(datetime.combine(statement.as_of, time(), UTC))
        self.pdf.set_producer("duesync")
        self.pdf.set_auto_page_break(auto=True, margin=15)
        self.pdf.add_page()
        self.locale = locale

    def line(self, text: str, *, size: float = 10, bold: bool = False) -> None:
        self.pdf.set_font("Helvetica", style="B" if bold else "", size=size)
        self.pdf.multi_cell(190, size * 0.55, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def row(self, *cells: str, bold: bool = False) -> None:
        """Four cells; the last two stand to the right."""
        self.pdf.set_font("Helvetica", style="B" if bold else "", size=9)
        for index, (width, text) in enumerate(zip(_WIDTHS, cells, strict=True)):
            align = "R" if index > 1 else "L"
            self.pdf.cell(width, 6, _fitted(self.pdf, _latin(text), width), border="B", align=align)
        self.pdf.ln(6)

    def gap(self) -> None:
        self.pdf.ln(5)

    def money(self, amount: Money) -> str:
        text = format_currency(amount.decimal, amount.currency, "#,##0.00 ¤¤", locale=self.locale, currency_digits=True)
        return str(text).replace("\u202f", "\u00a0")


def _fitted(pdf: FPDF, text: str, width: float) -> str:
    """`text`, cut with dots where it is wider than its cell."""
    while text and pdf.get_string_width(text) > width - 2:
        text = text[:-4].rstrip() + "..." if len(text) > 4 else ""
    return text


def statement_pdf(statement: AccountStatement) -> bytes:
    """The statement as a PDF document."""
    language = known_language(statement.locale, statement.organisation.locale)
    locale = locale_for(statement.locale, language, statement.organisation.country)
    words = statement_words(language)
    page = _Page(statement, locale)
    page.line(words["title"], size=18, bold=True)
    page.line(statement.organisation.name)
    if statement.organisation.address:
        page.line(statement.organisation.address)
    page.gap()
    page.line(statement.client, bold=True)
    page.line(f"{words['as_of']}: {date_text(statement.as_of, locale)}")
    page.gap()
    page.row(words["invoices"], words["due_on"], words["total"], words["left"], bold=True)
    for item in statement.invoices:
        late = f" ({item.days_past_due})" if item.days_past_due > 0 else ""
        due_on = date_text(item.due_on or item.on, locale)
        page.row(item.label, f"{due_on}{late}", page.money(item.total), page.money(item.open))
    if statement.credits:
        page.gap()
        page.line(words["credits"], size=9, bold=True)
    for item in statement.credits:
        page.row(item.label, date_text(item.on, locale), page.money(item.total), page.money(-item.open))
    page.gap()
    for name, amount in zip(words["buckets"].split("|"), statement.buckets, strict=True):
        page.row(name, "", "", page.money(amount))
    page.gap()
    page.row(words["net"], "", "", page.money(statement.net), bold=True)
    if statement.organisation.email:
        page.gap()
        page.line(f"{words['questions']} {statement.organisation.email}")
    return bytes(page.pdf.output())
