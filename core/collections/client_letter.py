"""The letter that tells a client its account was placed, naming the agency (product notes A112). Only a person sends it.

While the agency has the case duesync itself writes to the client no more, and an agency's contract may forbid it too (A113): so
this is a draft to print or mail by hand, after asking the agency. It threatens nothing and states only what is on record, in the
client's language.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from core.collections.agencies import AgencySettings
from core.collections.case import Case
from core.collections.client_words import WORDS, wrapped
from core.messages.clean import one_line
from core.messages.context import date_text, known_language, locale_for, money_text
from core.messages.letter import Organisation

_LETTER = """\
{organisation}
{address}

{day}

{client}

{reference_word}: {reference}

{body}
{organisation}
{contact}
"""


def placed_letter(
    case: Case, *, organisation: Organisation, agency: AgencySettings, client: str, today: date, locale: str | None = None
) -> str:
    """The draft, in the language of `locale` (None: ours). ValueError when the case is with no agency, or had no final notice."""
    placed, notice = case.placement, case.notice
    if placed is None or notice is None or not case.with_agency:
        raise ValueError(f"case {case.id} is with no agency")
    language = known_language(locale or "", organisation.locale)
    words, place = WORDS[language], locale_for(locale or organisation.locale, language, organisation.country)
    invoices = words.one if placed.count == 1 else words.many.format(count=placed.count)
    body = words.placed.format(
        invoices=invoices,
        notice=date_text(notice.sent_at.astimezone(ZoneInfo(organisation.timezone)).date(), place),
        amount=money_text(placed.amount, place),
        placed_on=date_text(placed.placed_on, place),
        agency=one_line(agency.name),
    )
    contact = ", ".join(filter(None, (one_line(organisation.email, 200), one_line(organisation.phone))))
    return _LETTER.format(
        organisation=one_line(organisation.name),
        address=one_line(organisation.address, 300),
        day=date_text(today, place),
        client=one_line(client),
        reference_word=words.reference,
        reference=placed.reference,
        body=wrapped(body),
        contact=contact,
    )
