"""Who is written to in which language, and with whose dates and amounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ConfigError
from core.messages.client_locale import client_locale
from core.settings import load
from tests.unit.dunning.scene import ORGANISATION, Scene


def said(country: str | None = None, record: str | None = None, **ours: object) -> str:
    made = Scene()
    made.party = replace(made.party, country=country, locale=record)
    return client_locale(made.books(), replace(ORGANISATION, **ours))


def test_the_configuration_comes_before_the_record_the_record_before_the_country_the_country_before_us():
    name, ours = Scene().books().account.name, {"locales": {"DE": "de-DE"}, "locale": "en-GB"}
    assert said(country="DE", record="fr-FR", client_locales={name: "es-ES"}, **ours) == "es-ES"
    assert said(country="DE", record="fr-FR", **ours) == "fr-FR"
    assert said(country="de", **ours) == "de-DE"
    assert said(country="IE", **ours) == "en-IE"
    assert said(country="ZZ", **ours) == "en-GB", "no country that anybody knows the ways of"
    assert said(**ours) == "en-GB"


def test_a_client_is_named_by_its_record_too():
    key = Scene().books().account.parties[0]
    assert said(client_locales={f"{key.connection}:{key.ref}": "nl-BE"}) == "nl-BE"


@pytest.mark.parametrize(("country", "locale"), [("DE", "en-DE"), ("GB", "en-GB"), ("US", "en-US"), ("ZZ", "en"), ("Chad", "en")])
def test_our_own_language_is_written_as_in_the_clients_country(country: str, locale: str):
    assert said(country=country) == locale


@pytest.mark.parametrize("locale", ["de\r\nBcc: x@example.com", "d", "deutsch", "de-DE-1996", "<b>"])
def test_what_is_no_locale_is_passed_over(locale: str):
    assert said(country="DE", record=locale) == "en-DE"


def test_a_language_nobody_here_writes_is_a_wrong_setting(tmp_path):
    path = tmp_path / "duesync.toml"
    head = '[organisation]\nname = "B"\ntimezone = "UTC"\ncurrency = "USD"\ncountry = "US"\n'
    path.write_text(head + 'locales = { DE = "it-IT" }\n[accounts."A"]\nlocale = "de_AT"\n')
    with pytest.raises(ConfigError, match="write a language") as caught:
        load(path, {})
    assert "organisation.locales.DE" in str(caught.value)
    path.write_text(head + 'locales = { de = "de-DE" }\n[accounts."A"]\nlocale = "de_AT"\n')
    found = load(path, {}).settings
    assert (found.organisation.locales, found.accounts["A"].locale) == ({"DE": "de-DE"}, "de-AT")
