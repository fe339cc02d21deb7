"""Custom fields of the PSA as a hold: which words of which field count, and that none is found inside another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.dunning.policy import DunningSettings, Override
from core.dunning.pushback import PushbackSettings, own_holds
from core.dunning.stop_fields import holding
from tests.unit.dunning.test_standing import late, ticket

CASES = [
    ("Do not chase", "Do not chase = true", True),
    ("do  NOT chase ", "Do not chase = Yes, until May", True),
    ("Do not chase", "Do not chase = 1", True),
    ("Do not chase", "Do not chase = false", False),
    ("Do not chase", "Do not chase = NO", False),
    ("Do not chase", "Do not chase = 0.00", False),
    ("Do not chase", "Do not chase = Nein", False),
    ("Do not chase", "Do not chase = non", False),
    ("Do not chase", "Do not chase = None", False),
    ("Do not chase", "Do not chase = n/a", False),
    ("Do not chase", "Do not chase by phone = true", False),
    ("chase", "Do not chase = true", False),
    ("Collections hold = yes", "Collections Hold = YES", True),
    ("Collections hold=yes", "Collections hold = yes", True),
    ("Collections hold = yes", "Collections hold = yesterday", False),
    ("Collections hold = yes", "Collections hold = true", False),
    ("Credit hold = no", "Credit hold = No", True),
    ("Credit hold = no", "Credit hold = yes", False),
    ("Chase=no", "Chase=no = true", True),
    ("Chase=no", "Chase = no", True),
    ("Terms", "Terms = a = b", True),
    ("Terms = a = b", "Terms = a = b", True),
]


@pytest.mark.parametrize(("entry", "field", "stops"), CASES)
def test_a_field_holds_when_it_says_what_the_policy_names(entry: str, field: str, stops: bool) -> None:
    scene = late(stop_fields=[entry])
    scene.party = replace(scene.party, fields=("Story points = 5", field))
    assert scene.would_send() == ([] if stops else ["reminder_7"])
    assert (f'a custom field of the client at books says: "{field}"' in scene.reasons()) is stops


def test_without_the_setting_no_field_holds_whatever_stop_words_it_has() -> None:
    scene = late()
    scene.party = replace(scene.party, fields=("Credit hold: legal = No", "Collections = yes", "Dispute = true"))
    assert scene.would_send() == ["reminder_7"]
    assert holding(scene.party.fields, ()) is None


@pytest.mark.parametrize("entry", ["", " ", "= yes", "Do not chase ="])
def test_an_entry_that_names_no_caption_or_no_value_is_refused(entry: str) -> None:
    for refused in (lambda: DunningSettings(stop_fields=(entry,)), lambda: Override(stop_fields=[entry])):
        with pytest.raises(ValueError, match='write "CAPTION", or "CAPTION = VALUE"'):
            refused()


TOLD = {"cw": PushbackSettings(hold="custom:Dunning hold", stage="custom: Stage=now", promise="Notes")}


@pytest.mark.parametrize("entry", ["dunning HOLD", "Dunning hold = legal", "Stage = now", "stage=now = 3", "notes"])
def test_a_field_duesync_writes_itself_is_no_persons_hold(entry: str) -> None:
    for place, settings in (
        ("dunning", DunningSettings(stop_fields=(entry,))),
        ('dunning.segments."vip"', DunningSettings(segments={"vip": Override(stop_fields=[entry])})),
    ):
        (problem,) = own_holds(settings, TOLD)
        assert problem.startswith(f'{place}.stop_fields: "{entry}" is a field that pushback.cw writes')
    assert own_holds(DunningSettings(stop_fields=("Do not chase",)), TOLD) == []


@pytest.mark.req("A22", "A23")
@pytest.mark.parametrize(
    ("rule", "fields", "stops"),
    [
        ({"severities": ["high"]}, {"severity": "High"}, True),
        ({"severities": ["high"]}, {"severity": "Medium"}, False),
        ({"severities": ["high"]}, {"severity": None}, False),
        ({"severities": ["high"]}, {"severity": "High", "closed": True}, False),
        ({"severities": ["high"]}, {"priority": "High"}, False),
        ({}, {"severity": "High"}, False),
    ],
)
def test_an_open_ticket_of_a_severity_the_policy_names_stops_reminders(rule, fields, stops) -> None:
    scene = late(tickets=rule)
    ticket(scene, **fields)
    assert scene.would_send() == ([] if stops else ["reminder_7"])
    assert ('the open ticket T1 "Printer" has severity High' in scene.reasons()) is stops
