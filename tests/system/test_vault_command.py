"""`duesync vault …`: a key is replaced without losing a token, and no key is ever said."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import SystemClock
from core.ports import Tokens
from core.store import new_vault_key, open_store
from tests.system.commands import BASE
from tests.system.inline import inline

TOKENS = Tokens(access="canary-access", refresh="canary-refresh")


def configured(folder: Path, *lines: str) -> None:
    (folder / "duesync.toml").write_text("\n".join([BASE, "[vault]", *lines]))


def tokens_under(folder: Path, key: bytes) -> Tokens | None:
    store = open_store(f"sqlite:///{folder}/duesync.db", clock=SystemClock(), vault_key=key)
    try:
        return store.vault.read("qbo")
    finally:
        store.close()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[bytes, bytes]:
    """An old and a new key in files, and tokens written with the old one."""
    old, new = new_vault_key(), new_vault_key()
    for name, key in (("old", old), ("new", new)):
        (tmp_path / name).write_bytes(key)
        (tmp_path / name).chmod(0o600)
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=SystemClock(), vault_key=old)
    store.migrate()
    with store.vault.locked("qbo") as slot:
        slot.write(TOKENS)
    store.close()
    return old, new


def test_the_configured_new_key_takes_over_from_the_previous_one(tmp_path, keys):
    configured(tmp_path, f'key = "file:{tmp_path}/new"', f'previous_keys = ["file:{tmp_path}/old"]')
    behind = inline(tmp_path, "vault", "status")
    assert (behind.code, "qbo" in behind.out) == (1, True)
    ran = inline(tmp_path, "vault", "rotate")
    assert (ran.code, "1 connection(s)" in ran.out) == (0, True)
    assert inline(tmp_path, "vault", "status").code == 0
    assert tokens_under(tmp_path, keys[1]) == TOKENS


def test_a_new_key_by_reference_takes_over_and_its_reference_is_what_to_write(tmp_path, keys, monkeypatch):
    configured(tmp_path, f'key = "file:{tmp_path}/old"')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    ran = inline(tmp_path, "vault", "rotate", "--new-key", "credential:new", "--json")
    assert ran.json == {"rotated": 1, "new_key": "credential:new"}
    assert tokens_under(tmp_path, keys[1]) == TOKENS
    journal = inline(tmp_path, "journal", "verify", "--json")
    assert journal.json["ok"]


def test_no_key_is_said_stored_or_taken_as_an_argument(tmp_path, keys):
    configured(tmp_path, f'key = "file:{tmp_path}/old"')
    plain = keys[1].decode()
    refused = inline(tmp_path, "vault", "rotate", "--new-key", plain)
    assert (refused.code, "must be a reference" in refused.err) == (2, True)
    ran = [refused, inline(tmp_path, "vault", "rotate", "--new-key", f"file:{tmp_path}/new"), inline(tmp_path, "vault", "status")]
    said = "".join(item.out + item.err for item in ran)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("duesync.db*"))
    for key in keys:
        assert key.decode() not in said
        assert key not in stored


def test_tokens_that_no_key_opens_are_named_and_nothing_is_changed(tmp_path, keys):
    configured(tmp_path, f'key = "file:{tmp_path}/new"')
    ran = inline(tmp_path, "vault", "rotate")
    assert (ran.code, "The tokens of qbo cannot be decrypted" in ran.err) == (3, True)
    assert tokens_under(tmp_path, keys[0]) == TOKENS


@pytest.mark.parametrize("key", ["key", "previous_keys"])
@pytest.mark.parametrize("command", [("config", "check"), ("journal", "verify")])
def test_a_key_that_is_none_is_a_fault_of_the_configuration_named_by_its_key(tmp_path, keys, key, command):
    (tmp_path / "bad").write_text("hunter2-hunter2")
    bad, good = f"file:{tmp_path}/bad", f"file:{tmp_path}/old"
    configured(tmp_path, f'key = "{bad if key == "key" else good}"', *([f'previous_keys = ["{bad}"]'] if key != "key" else []))
    ran = inline(tmp_path, *command)
    assert ran.code == 2
    assert f"vault.{key}: is not a vault key" in ran.err
    assert "hunter2" not in ran.err


@pytest.mark.parametrize("url", ["mysql://u@h/d", "sqlite://", "sqlite:///:memory:", "duesync.db", "postgresql://"])
def test_a_database_duesync_cannot_use_is_a_fault_of_the_configuration(tmp_path, url):
    (tmp_path / "duesync.toml").write_text(BASE.replace("sqlite:///duesync.db", url))
    for command in (("config", "check"), ("journal", "verify")):
        ran = inline(tmp_path, *command)
        assert (ran.code, "store.url: write sqlite:///FILE or postgresql://" in ran.err) == (2, True)


def test_a_fresh_key_is_a_document_where_one_is_asked_for(tmp_path):
    assert len(inline(tmp_path, "config", "new-key", "--json").json["key"]) == 44
    assert len(inline(tmp_path, "config", "new-key").out.strip()) == 44
