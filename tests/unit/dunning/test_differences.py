"""Two policies taken apart: every setting in which they differ, each tried alone."""

from __future__ import annotations

from core.books import Account
from core.dunning.differences import differences
from core.dunning.policy import DunningSettings
from core.dunning.resolve import resolve_policy

PRESENT = DunningSettings.model_validate(
    {"mode": "active", "spacing_days": 6, "minimum": {"USD": "25"}, "accounts": {"Acme": {"follow": False}}}
)


def test_two_policies_that_say_the_same_differ_in_nothing():
    again = DunningSettings.model_validate({**PRESENT.model_dump(exclude_unset=True), "mode": "observe"})

    assert differences(PRESENT, again) == ()


def test_each_difference_is_named_with_what_it_is_and_would_be():
    proposed = {"preset": "gentle", "spacing_days": 6, "accounts": {"Acme": {"preset": "firm"}, "Bell": {"spacing_days": 9}}}

    found = differences(PRESENT, DunningSettings.model_validate(proposed))

    assert [(item.setting, item.present, item.proposed) for item in found] == [
        ("minimum", "USD 25", "-"),
        ("preset", "standard", "gentle"),
        ("accounts.Acme", "follow False", "preset firm"),
        ("accounts.Bell", "-", "spacing_days 9"),
    ]


def test_a_difference_alone_leaves_everything_else_as_it_is():
    proposed = DunningSettings.model_validate({"preset": "gentle", "spacing_days": 9})
    by_name = {
        item.setting: resolve_policy(item.policy, Account(id="b", name="Bell", parties=()))
        for item in differences(PRESENT, proposed)
    }

    assert by_name["preset"].base.spacing_days == 6
    assert by_name["preset"].base.stage("reminder_3") is not None
    assert by_name["spacing_days"].base.spacing_days == 9
    assert by_name["spacing_days"].base.stage("reminder_7") is not None
    assert by_name["minimum"].base.minimum == {}
    acme = Account(id="a", name="Acme", parties=())
    alone = next(item.policy for item in differences(PRESENT, proposed) if item.setting == "accounts.Acme")
    assert resolve_policy(alone, acme).base.follow
