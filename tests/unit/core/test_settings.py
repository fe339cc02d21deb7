"""Settings: every problem at once, with its key; secrets only by reference."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from core.errors import ConfigError
from core.settings import load, with_secrets


class VendorSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    path: str
    secret: SecretStr | None = None


MODELS = {"csv": VendorSettings}
GOOD = """
[organisation]
name = "Northwind IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[connections.books]
type = "csv"
role = "books"
path = "books"
"""


def written(tmp_path, text):
    path = tmp_path / "duesync.toml"
    path.write_text(text)
    return path


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), MODELS)
    return caught.value.problems


def test_the_smallest_configuration_is_enough(tmp_path):
    loaded = load(written(tmp_path, GOOD), MODELS)
    assert loaded.settings.connections["books"].mode == "observe"
    assert loaded.settings.dunning.mode == "observe"
    assert loaded.settings.store.url == "sqlite:///duesync.db"


def test_five_mistakes_are_all_listed_with_their_keys(tmp_path):
    text = (
        GOOD.replace("America/Chicago", "Chicago")
        .replace('"USD"', '"dollars"')
        .replace('role = "books"', 'role = "ledger"')
        .replace('path = "books"', 'paht = "books"')
        + '\n[daemon]\nsync_every = "soon"\n'
    )
    found = problems(tmp_path, text)
    for key in (
        "organisation.timezone",
        "organisation.currency",
        "connections.books.role",
        "connections.books.paht",
        "connections.books.path",
        "daemon.sync_every",
    ):
        assert any(line.startswith(f"{key}:") for line in found), (key, found)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("[organisation]", "[organization]"), "organization"),
        (('type = "csv"', 'type = "sage"'), "connections.books.type"),
        (("[connections.books]", "[connections.BOOKS]"), "connections.BOOKS"),
        (('path = "books"', 'path = "books"\nsecret = "hunter2"'), "connections.books.secret"),
        (('country = "US"', 'country = "United States"'), "organisation.country"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path, change, key):
    found = problems(tmp_path, GOOD.replace(*change))
    assert any(line.startswith(key) for line in found), found
    assert "hunter2" not in "\n".join(found)


def test_a_file_that_is_not_toml_or_not_there_is_one_clear_problem(tmp_path):
    assert "is not valid TOML" in problems(tmp_path, "[organisation\n")[0]
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml", MODELS)


def test_a_secret_is_read_only_when_it_is_needed(tmp_path, monkeypatch):
    path = written(tmp_path, GOOD.replace('path = "books"', 'path = "books"\nsecret = "env:DUESYNC_TEST_KEY"'))
    loaded = load(path, MODELS)
    with pytest.raises(ConfigError, match=r"connections\.books\.secret: the environment variable DUESYNC_TEST_KEY is not set"):
        with_secrets(loaded.connectors["books"], "books")
    with pytest.raises(ConfigError, match="DUESYNC_TEST_KEY"):
        load(path, MODELS, check_secrets=True)
    monkeypatch.setenv("DUESYNC_TEST_KEY", "the-real-secret")
    opened = with_secrets(loaded.connectors["books"], "books")
    assert opened.secret.get_secret_value() == "the-real-secret"
    assert "the-real-secret" not in repr(opened)


def test_telling_a_connection_that_is_not_there_is_a_mistake(tmp_path):
    assert list(problems(tmp_path, GOOD + "\n[pushback.bokks]\nnotes = true\n")) == [
        "pushback.bokks: there is no connection of that name"
    ]
    told = load(written(tmp_path, GOOD + "\n[pushback.books]\nnotes = true\n"), MODELS)
    assert told.settings.pushback["books"].notes


def test_a_field_that_duesync_writes_cannot_hold_the_client(tmp_path):
    told = '\n[dunning]\nstop_fields = ["Dunning hold", "Do not chase"]\n[pushback.books]\nhold = "custom:Dunning hold"\n'
    assert list(problems(tmp_path, GOOD + told)) == [
        'dunning.stop_fields: "Dunning hold" is a field that pushback.books writes; give people a field of their own for holds'
    ]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("[daemon]\nsyncevery = '1h'", "daemon.syncevery: is not a setting duesync knows; perhaps sync_every is meant"),
        ("[http]\nmetric_token = 'env:X'", "perhaps metrics_token is meant"),
        ("[retention]\nwhatever = 1", "retention.whatever: is not a setting duesync knows"),
    ],
)
def test_a_key_that_is_unknown_is_told_with_what_was_perhaps_meant(tmp_path, line, meant):
    file = tmp_path / "duesync.toml"
    file.write_text(f'[organisation]\nname = "N"\ntimezone = "UTC"\ncurrency = "USD"\ncountry = "US"\n{line}\n')
    with pytest.raises(ConfigError) as told:
        load(file, {})
    (problem,) = told.value.problems
    assert problem.endswith(meant)
