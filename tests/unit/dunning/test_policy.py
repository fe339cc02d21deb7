"""Policies as data: what may be written, what is refused with which words, and how one resolved policy comes about."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.smtp.settings import SmtpSettings
from core.books import Account
from core.dunning.policy import Anchor, DunningSettings, Policy, StageKind
from core.dunning.presets import PRESETS
from core.dunning.resolve import resolve_policy
from core.money import Money
from core.records import RecordKey, Ref, Stream
from tests.conftest import ROOT
from tests.unit.dunning.scene import overdue

ACCOUNT = Account(id="a1", name="Acme Ltd", segment="key", parties=(RecordKey("qb", Stream.PARTIES, Ref("7")),))


def settings(**given: Any) -> DunningSettings:
    return DunningSettings.model_validate(given)


@pytest.mark.req("A19")
def test_nothing_leaves_the_machine_by_default():
    policy = resolve_policy(settings(), ACCOUNT)
    assert policy.mode == "observe"
    assert [stage.name for stage in policy.base.stages][:2] == ["created", "due"]


@pytest.mark.req("E44")
def test_the_nearest_layer_wins_and_its_name_is_kept():
    given = settings(
        spacing_days=4,
        grace_days=1,
        segments={"key": {"spacing_days": 6, "grace_days": 2, "mode": "draft"}},
        accounts={"qb:7": {"grace_days": 3}, "other": {"grace_days": 9}},
        invoices={"qb:55": {"grace_days": 30}, "xero:1": {"grace_days": 40}},
        mode="active",
    )
    policy = resolve_policy(given, ACCOUNT)
    assert (policy.mode, policy.base.spacing_days, policy.base.grace_days) == ("draft", 6, 3)
    assert (policy.origins["spacing_days"], policy.origins["grace_days"]) == ("segment key", "account qb:7")
    assert policy.for_invoice("qb", "55").grace_days == 30
    assert policy.for_invoice("qb", "56") is policy.base
    assert set(policy.invoices) == {"qb:55"}


@pytest.mark.req("A19", "E44")
@pytest.mark.parametrize(("own", "sends", "draft"), [("observe", ["1002"], False), ("draft", ["1001", "1002"], True)])
def test_an_invoice_of_a_stricter_mode_keeps_to_it(own: str, sends: list[str], draft: bool):
    scene = overdue(7, invoices={"books:r1001": {"mode": own}})
    scene.invoice("1002", due=scene.today - timedelta(days=7))
    (entry,) = scene.decide().outgoing
    assert ([item.number for item in entry.invoices], entry.draft) == (sends, draft)
    assert own != "observe" or "its own mode is observe" in scene.reasons()


@pytest.mark.req("A19", "E44")
def test_an_invoice_of_its_own_sends_nothing_for_a_client_that_is_only_observed():
    scene = overdue(7, mode="observe", invoices={"books:r1001": {"mode": "active"}})
    assert scene.decide().outgoing == ()


@pytest.mark.req("E44")
def test_an_invoice_may_have_its_own_smallest_amount_and_late_fee():
    fee = {"yearly_percent": "12"}
    own = {"minimum": {"USD": "500"}}
    scene = overdue(7, late_fee=fee, invoices={"books:r1001": own, "books:r1003": {"late_fee": {"yearly_percent": "0"}}})
    for number in ("1002", "1003"):
        scene.invoice(number, due=scene.today - timedelta(days=7))
    made = scene.decide()
    assert [item.number for item in made.outgoing[0].invoices] == ["1002", "1003"]
    assert [line.invoice.ref for fees in made.fees for line in fees.lines] == ["r1002"]


def test_a_preset_further_down_replaces_stages_written_further_up():
    given = settings(stages=[{"name": "only", "days": 3}], accounts={"a1": {"preset": "firm"}})
    assert resolve_policy(given, ACCOUNT).base.stages == PRESETS["firm"]
    assert [stage.name for stage in resolve_policy(settings(stages=[{"name": "only", "days": 3}]), ACCOUNT).base.stages] == [
        "only"
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"stages": [{"name": "Bad Name", "days": 1}]}, "a stage name is"),
    ({"stages": [{"name": "a", "days": 1}, {"name": "a", "days": 2}]}, "same name"),
    ({"stages": [{"name": "a", "days": 5, "after": "previous"}]}, "no previous one"),
    ({"stages": [{"name": "a", "days": 9}, {"name": "b", "days": 3}]}, "in order of their days"),
    ({"stages": [{"name": "a", "days": 9, "kind": "statement", "every_months": 1}]}, "how many times"),
    ({"stages": [{"name": "a", "days": 9, "kind": "reminder", "every_months": 1, "times": 3}]}, "only a statement repeats"),
    ({"stages": [{"name": "a", "days": 9, "kind": "call"}]}, "a call stage goes by the channel call"),
    ({"stages": [{"name": "a", "days": 9, "kind": "statement", "channel": "vendor"}]}, "a vendor mails single invoices"),
    ({"stages": [{"name": "a", "days": -61}]}, "greater than or equal to -60"),
    ({"first_hour": 18, "last_hour": 8}, "before last_hour"),
    ({"minimum": {"dollars": "1"}}, "not an ISO 4217"),
    ({"minimum": {"USD": "0.001"}}, "more decimals than USD"),
    ({"tolerance": {"USD": "-1"}}, "not be negative"),
    ({"accounts": {"x": {"spacing": 3}}}, "unknown setting: spacing"),
    ({"accounts": {"x": {"spacing_days": -3}}}, "greater than or equal to 0"),
    ({"templates": {"letter.en.text": "x"}}, "is no template"),
    ({"templates": {"statement.xx.text": "x"}}, "is no template"),
    ({"templates": {"statement": "x"}}, "is no template"),
    ({"templates": {"statement.text": "{% if %}"}}, "cannot be read"),
    ({"colour": "red"}, "Extra inputs"),
]


@pytest.mark.req("E16")
@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_policy_that_makes_no_sense_is_refused(given: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        settings(**given)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_ends_and_has_a_call_before_its_final_notice(name: str):
    stages = resolve_policy(settings(preset=name), ACCOUNT).base.stages
    kinds = [stage.kind for stage in stages]
    assert kinds.index(StageKind.CALL) < kinds.index(StageKind.FINAL)
    assert all(stage.times <= 36 for stage in stages)
    final = stages[kinds.index(StageKind.FINAL)]
    assert final.approve
    assert final.after_call
    assert final.days <= 60


@pytest.mark.req("A14", "A15", "A16", "A17")
def test_the_standard_preset_is_the_seeds_cadence():
    stages = PRESETS["standard"]
    assert stages[0].after is Anchor.ISSUE
    assert [stage.days for stage in stages if stage.kind is StageKind.REMINDER] == [0, 7, 14, 21, 28]
    assert [(stage.days, stage.every_months) for stage in stages if stage.kind is StageKind.STATEMENT] == [(30, 1)]


def test_amounts_are_read_exactly():
    policy = settings(minimum={"usd": "10.50", "JPY": 300})
    assert policy.smallest("minimum", "USD") == Money(1050, "USD")
    assert policy.smallest("minimum", "JPY") == Money(300, "JPY")
    assert policy.smallest("minimum", "EUR") == Money(0, "EUR")


def test_every_setting_is_described_and_the_schema_is_json():
    schema = DunningSettings.model_json_schema()
    json.dumps(schema)
    for model in (Policy, DunningSettings):
        for name, field in model.model_fields.items():
            assert field.description, name


def test_the_examples_of_the_documentation_are_valid():
    page = (ROOT / "docs" / "dunning.md").read_text(encoding="utf-8")
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    policies = [DunningSettings.model_validate(block["dunning"]) for block in blocks if "dunning" in block]
    assert [stage.name for stage in policies[0].stages] == ["soon", "late"]
    assert {policy.service.stop_days for policy in policies} >= {60}
    (mail,) = (block["mail"] for block in blocks if "mail" in block)
    assert SmtpSettings.model_validate(mail).archive is not None
