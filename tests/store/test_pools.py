"""Many stores on the connections of one process: each sees its own rows only, and the connections are few."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.clock import ManualClock
from core.records import Role
from core.store import Pools, Store, new_vault_key, open_store
from core.store.migrate import revisions
from tests.postgres_server import Server
from tests.store.world import NOW

KEY = new_vault_key()


@pytest.fixture
def pools() -> Iterator[Pools]:
    held = Pools(2)
    yield held
    held.close()


@pytest.fixture
def tenants(postgres: Server, pools: Pools) -> list[Store]:
    """Two tenants of one database."""
    url = postgres.database("pooled")
    stores = [
        open_store(f"{url}?schema=tenant_{name}", clock=ManualClock(NOW), vault_key=KEY, pools=pools) for name in ("a", "b")
    ]
    for store in stores:
        store.migrate()
    return stores


def test_tenants_share_connections_and_see_only_their_own(tenants: list[Store], pools: Pools) -> None:
    first, second = tenants
    for _ in range(3):
        first.start_run("sync:books", NOW)
    second.put_setting("who", "b")
    assert (len(first.runs()), len(second.runs())) == (3, 0)
    assert (first.setting("who"), second.setting("who")) == (None, "b")
    first.close()  # what one tenant gives back the others still have
    assert second.setting("who") == "b"
    (engine,) = pools._engines.values()
    with engine.connect() as plain:
        assert plain.exec_driver_sql("show search_path").scalar() == '"$user", public'
        assert plain.exec_driver_sql("select count(*) from pg_stat_activity where datname = 'pooled'").scalar_one() <= 2


def test_a_rolled_back_unit_carries_no_schema_to_the_next_tenant(tenants: list[Store]) -> None:
    first, second = tenants
    with pytest.raises(ZeroDivisionError), first.unit():
        first.put_setting("who", 1 // len(first.runs()))
    second.put_setting("who", "b")
    assert (first.setting("who"), second.setting("who")) == (None, "b")


def test_the_tokens_of_one_tenant_do_not_lock_those_of_another(tenants: list[Store]) -> None:
    entered = threading.Event()

    def other() -> None:
        with tenants[1].vault.locked("books"):
            entered.set()

    with tenants[0].vault.locked("books"):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(5)
        thread.join()


def test_threads_that_bring_up_many_tenants_at_once_do_not_mix_them(postgres: Server, pools: Pools) -> None:
    url = postgres.database("many")
    stores = [open_store(f"{url}?schema=tenant_{number}", clock=ManualClock(NOW), pools=pools) for number in range(4)]
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda store=store: done.append(store.migrate())) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [list(revisions())] * 4
    assert [len(store.runs()) for store in stores] == [0] * 4


def test_two_workers_that_open_a_new_tenant_at_once_set_its_roles_once(tenants: list[Store], pools: Pools) -> None:
    roles = {f"c{number}": Role.BOOKS for number in range(40)}
    gate = threading.Barrier(2)
    failed: list[BaseException] = []

    def one() -> None:
        gate.wait()
        try:
            tenants[0].set_roles(roles)
        except BaseException as error:
            failed.append(error)

    for _ in range(5):
        tenants[0].set_roles({})
        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    assert tenants[0].roles() == roles
