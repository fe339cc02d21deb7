"""The smallest configuration of a vendor with consent works: the store's own key is made, kept, private, and no second one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.serve import serve
from core.clock import ManualClock
from core.settings import Loaded
from scheduler.app import load_settings
from scheduler.documents import toml_section
from scheduler.store_place import ensure_vault_key, own_key_file, vault_keys
from tests.system.commands import BASE
from tests.system.inline import inline

KEY = "WvKcRZ4Zgl8z1SWfYDdBJI9zVDk4lNBWgMk9u7sZb5k="


def configured(folder: Path, *sections: str) -> Loaded:
    path = folder / "duesync.toml"
    path.write_text("\n".join([BASE, *sections]))
    return load_settings(path)


@pytest.fixture
def quickbooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A served company, as a [connections.books] section without a vault."""
    box = QuickBooksSandbox(ManualClock(datetime(2026, 5, 5, 12, 0, tzinfo=UTC)))
    with serve(box) as url:
        keys = dict(box.settings(url))
        for name in ("client_secret", "refresh_token", "webhook_verifier"):
            monkeypatch.setenv(name.upper(), str(keys[name]))
            keys[name] = f"env:{name.upper()}"
        yield toml_section("connections.books", {"type": "quickbooks", "role": "books", **keys})


def test_the_smallest_configuration_pulls_and_keeps_its_tokens_under_a_key_of_its_own(tmp_path: Path, quickbooks: str) -> None:
    configured(tmp_path, quickbooks)
    assert inline(tmp_path, "config", "check").code == 0
    key = tmp_path / "duesync.db.key"
    assert not key.exists(), "looking at a configuration makes nothing"
    ran = inline(tmp_path, "sync")
    assert ran.code == 0, ran.err
    assert key.stat().st_mode & 0o777 == 0o600
    made = key.read_bytes()
    assert inline(tmp_path, "sync").code == 0
    assert key.read_bytes() == made
    status = inline(tmp_path, "vault", "status", "--json")
    assert '"books"' in status.out
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(".")] == []


def test_no_key_is_made_where_nothing_keeps_tokens_or_one_is_configured_or_the_store_is_no_file(tmp_path: Path) -> None:
    csv = '[connections.books]\ntype = "csv"\nrole = "books"\npath = "books"\n'
    loaded = configured(tmp_path, csv)
    ensure_vault_key(loaded, lambda kind: kind == "quickbooks")
    (tmp_path / "named").write_text(KEY)
    loaded = configured(tmp_path, csv, '[vault]\nkey = "file:named"\n'.replace("named", str(tmp_path / "named")))
    ensure_vault_key(loaded, lambda _: True)
    assert not (tmp_path / "duesync.db.key").exists()
    assert vault_keys(loaded) == (KEY.encode(),)
    (tmp_path / "duesync.toml").write_text((BASE + csv).replace("sqlite:///duesync.db", "postgresql://db/duesync"))
    assert own_key_file(load_settings(tmp_path / "duesync.toml")) is None


def test_processes_that_begin_at_once_end_with_one_key(tmp_path: Path) -> None:
    loaded = configured(tmp_path, '[connections.books]\ntype = "csv"\nrole = "books"\npath = "books"\n')
    seen: list[tuple[bytes, ...]] = []
    ready = threading.Barrier(8)

    def begin() -> None:
        ready.wait()
        ensure_vault_key(loaded, lambda _: True)
        seen.append(vault_keys(loaded))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert sorted(item.name for item in tmp_path.iterdir()) == ["duesync.db.key", "duesync.toml"]


def test_a_spoilt_key_file_is_named_and_not_replaced(tmp_path: Path, quickbooks: str) -> None:
    configured(tmp_path, quickbooks)
    (tmp_path / "duesync.db.key").write_text("not a key")
    ran = inline(tmp_path, "sync")
    assert (ran.code, "duesync.db.key: is not a vault key" in ran.err) == (2, True)
    assert (tmp_path / "duesync.db.key").read_text() == "not a key"
