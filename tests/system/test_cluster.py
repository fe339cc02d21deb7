"""Many tenants, several workers, one killed: what the tenants' own stores say was done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres_server import NoPostgres, Server, postgres_server
from tests.soak.cluster import Plan, Seen, report, simulate

PLAN = Plan(tenants=8, workers=3, kills=1, every=4, dispatch=3600, seconds=6.0, heartbeat=0.5, dead_after=2.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with postgres_server() as running:
            yield running
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def seen(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    found = simulate(tmp_path_factory.mktemp("cluster"), server.database("cluster"), PLAN)
    print(report(found))
    return found


def test_every_tick_is_done_and_none_twice_although_a_worker_is_killed(seen: Seen) -> None:
    assert seen.killed == 1
    assert seen.lost == []
    assert seen.twice == []
    assert sum(len(ticks) for ticks in seen.done.values()) >= 3 * PLAN.tenants


def test_no_tenant_starves(seen: Seen) -> None:
    assert seen.starved == []
    assert {job for _, job in seen.done} == {"sync:books", "review", "dispatch"}


def test_the_others_stop_when_told_with_their_work_finished(seen: Seen) -> None:
    assert sorted(seen.codes) == [-9, 0, 0, 0]
    assert seen.connections <= PLAN.workers * 10


def test_nothing_failed_on_the_way(seen: Seen) -> None:
    assert seen.outcomes["failed"] == seen.outcomes["crashed"] == 0
