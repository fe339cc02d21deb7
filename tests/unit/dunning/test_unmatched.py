"""Overrides whose client, segment or connection is misspelt are named, with what was perhaps meant."""

from __future__ import annotations

import pytest

from core.books import Account
from core.dunning.policy import DunningSettings
from core.dunning.unmatched import unmatched
from core.records import RecordKey, Ref, Stream

HARBOR = Account(id="acc-1", name="Harbor Dental", parties=(RecordKey("qbo", Stream.PARTIES, Ref("7")),), segment="vip")
SILENT = {"follow": False}


@pytest.mark.parametrize("key", ["Harbor Dental", "harbor dental", "acc-1", "qbo:7"])
def test_a_name_an_id_or_a_record_that_is_known_is_no_mistake(key: str):
    assert unmatched(DunningSettings.model_validate({"accounts": {key: SILENT}}), [key], [HARBOR], ["qbo"]) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accounts": {"Habor Dental": SILENT}}, 'dunning.accounts."Habor Dental"'),
        ({"segments": {"vipp": SILENT}}, 'dunning.segments."vipp"'),
        ({"invoices": {"qb0:12": SILENT}}, 'dunning.invoices."qb0:12"'),
    ],
)
def test_an_override_that_means_nobody_is_named(given: dict, said: str):
    (found,) = unmatched(DunningSettings.model_validate(given), [], [HARBOR], ["qbo"])

    assert found.startswith(f"{said} matches nothing that is known")


def test_it_says_what_was_perhaps_meant():
    (found,) = unmatched(DunningSettings.model_validate({}), ["Habor Dental"], [HARBOR], ["qbo"])

    assert found == 'accounts."Habor Dental" matches nothing that is known; perhaps "Harbor Dental" is meant'
