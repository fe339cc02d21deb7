"""In which language, and with which country's dates and amounts, a client is written to.

What the configuration says of the client comes first, then what a system knows, then the language set for its country. Else it is
your own language with the client's country's way of writing, where there is such a way (Unicode CLDR): "en" to Germany is en-DE.
"""

from __future__ import annotations

import re

from babel import Locale, UnknownLocaleError

from core.books import AccountBooks
from core.messages.letter import Organisation
from core.records import Party

_SHAPE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{2})?")


def client_locale(books: AccountBooks, organisation: Organisation, party: Party | None = None) -> str:
    """The locale of a client; of its records `party` is asked first, then those of the ledger."""
    ledger = books.ledger_connections
    parties = sorted(books.parties, key=lambda item: (item != party, item.connection not in ledger, item.connection, item.ref))
    names = (books.account.name, books.account.id, *(f"{key.connection}:{key.ref}" for key in books.account.parties))
    said = next((organisation.client_locales[name] for name in names if name in organisation.client_locales), None)
    known = said or next((item.locale for item in parties if item.locale and _SHAPE.fullmatch(item.locale)), None)
    if known:
        return known
    country = next((item.country.upper() for item in parties if item.country and len(item.country) == 2), "")
    return organisation.locales.get(country) or _ours_there(organisation.locale, country)


def _ours_there(locale: str, country: str) -> str:
    """Our language in that country, where dates and amounts are known to be written some way there."""
    language = locale.replace("_", "-").split("-")[0].lower()
    try:
        known = Locale.parse(f"{language}_{country}").territory == country  # babel answers with another one where it has none
    except (UnknownLocaleError, ValueError):
        known = False
    return f"{language}-{country}" if known else locale
