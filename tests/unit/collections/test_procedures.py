"""The page of procedures: what the settings really say, of everybody and of those who differ, and no other client."""

from __future__ import annotations

from datetime import date

import pytest

from core.collections.agencies import AgencySettings
from core.collections.checklist_rules import CheckRules
from core.collections.procedures import procedures
from core.dunning.policy import DunningSettings


def page(agencies=None, checks=None, **dunning):
    settings = DunningSettings.model_validate(dunning)
    return procedures("Northwind", settings, checks or CheckRules(), agencies or {}, as_of=date(2026, 6, 30))


@pytest.mark.req("A78", "A102")
def test_cadence_terms_and_exceptions_are_told_as_they_are_set():
    told = page(
        segments={"gentle": {"preset": "gentle"}},
        accounts={"Late | Inc": {"follow": False}},
        minimum={"USD": "5.00"},
        ready_days=75,
        checks=CheckRules(reminders=4, call_first_hour=9),
    )
    assert "| due (reminder) | on the due date | mail | friendly |" in told
    assert "| reminder 7 (reminder) | 7 days past due | mail | friendly |" in told
    assert "## Clients of the group gentle" in told
    assert "| Late / Inc | follow False |" in told
    assert "Accounts owing less than 5.00 USD are left alone." in told
    assert "Not before 75 days past due, 4 reminders over 30 days" in told
    assert "- Calls from 9 to 21 h of the client's day, 7 in 7 days at most." in told
    assert "- Nobody is threatened or accused" in told
    assert "2 different people approve. It never happens by itself." in told


@pytest.mark.req("A75", "A78")
def test_agencies_are_named_with_where_they_may_collect_and_what_they_belong_to():
    agency = AgencySettings(
        name="Fair & Co", connection="mail", to=("in@fair.example",), licensed_in=("TX", "OK"), memberships=("CLLA",)
    )
    assert "| Fair & Co | TX, OK | CLLA | 48 hours |" in page({"fair": agency})
    assert "## Agencies" not in page()
