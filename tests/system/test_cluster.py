"""Many tenants, several workers, one killed: what the tenants' own stores say was done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import SchemaMismatch
from scheduler.engine import schedule
from scheduler.engine.queue_schema import bring_up_to_date
from scheduler.tenants import Changes, Tenant, read_cluster, read_tenant
from tests.postgres_server import NoPostgres, Server, postgres_server
from tests.soak.cluster import TENANT, Plan, Seen, report, simulate

pytestmark = pytest.mark.xdist_group("cluster")  # one story: its tests share what the first of them set up

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
    assert {job for _, job in seen.done} >= {"sync:books", "review", "dispatch"}


def test_the_others_stop_when_told_with_their_work_finished(seen: Seen) -> None:
    assert sorted(seen.codes) == [-9, 0, 0, 0]
    assert seen.connections <= PLAN.workers * 10


def test_nothing_failed_on_the_way(seen: Seen) -> None:
    assert seen.outcomes["failed"] == seen.outcomes["crashed"] == 0


# ── the clock and the queue, without workers ────────────────────────────────────────────────────────────────────────────
SCHEMA = "duesync_queue"


@pytest.fixture
def queue(server: Server, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Runs a coroutine function with sessions in an empty queue's schema, each in a transaction that is committed."""
    url = server.database("queue")
    bring_up_to_date(url, SCHEMA, "the test's server")

    def run(act: Callable[..., Any], sessions: int = 1) -> Any:
        async def within() -> Any:
            open_ones = [await psycopg.AsyncConnection.connect(url, options=f"-c search_path={SCHEMA}") for _ in range(sessions)]
            try:
                result = await act(*open_ones)
                for session in open_ones:
                    await session.commit()
                return result
            finally:
                for session in open_ones:
                    await session.close()

        return asyncio.run(within())

    return run


def tenants(folder: Path, connections: Mapping[str, int]) -> tuple[Tenant, ...]:
    """Tenants of so many connections each."""
    file = folder / "cluster.toml"
    file.write_text('[store]\nurl = "postgresql://duesync@db/duesync"\n[cluster]\ntenants = "."\n')
    cluster = read_cluster(file)
    found = []
    for name, count in connections.items():
        more = "".join(f'[connections.c{number}]\ntype = "csv"\nrole = "books"\npath = "x"\n' for number in range(count))
        path = folder / f"{name}.toml"
        path.write_text(TENANT.format(name=name).partition("[connections")[0] + more)
        found.append(read_tenant(cluster, name, path))
    assert [item.problem for item in found] == [""] * len(found)
    return tuple(found)


async def all_due_now(session: schedule.Connection) -> None:
    await session.execute("update duesync_ticks set next_at = now() - interval '1 second' * (hashtext(tenant || job) % 7 + 8)")


def test_a_tenant_with_many_connections_does_not_crowd_out_the_others(queue: Callable[..., Any], tmp_path: Path) -> None:
    changes = Changes(tenants(tmp_path, {"big": 30, "small": 1, "tiny": 1}), (), ())

    async def act(session: schedule.Connection) -> list[schedule.Due]:
        await schedule.take_in(session, changes, schedule.Spread(0, 3))
        await all_due_now(session)
        return await schedule.due(session, share=2, room=100)

    found = queue(act)
    assert Counter(item.tenant for item in found) == {"big": 2, "small": 2, "tiny": 2}
    assert {item.tenant for item in found[:3]} == {"big", "small", "tiny"}  # each has one before any has two


def test_a_tick_is_queued_once_however_many_clocks_run(queue: Callable[..., Any], tmp_path: Path) -> None:
    changes = Changes(tenants(tmp_path, {"acme": 1}), (), ())

    async def one(session: schedule.Connection) -> int:
        if not await schedule.holds_clock(session):
            return 0
        found = await schedule.due(session, share=10, room=10)
        for item in found:
            await session.execute(
                "insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock)"
                " values ('default', 'perform', %s, %s)",
                (item.lock, f"{item.tenant}/{item.job}/{item.tick}"),
            )
        numbers = await (await session.execute("select id from procrastinate_jobs order by id")).fetchall()
        await schedule.move_on(session, found, [row[0] for row in numbers])
        return len(found)

    async def act(*sessions: schedule.Connection) -> list[int]:
        await schedule.take_in(sessions[0], changes, schedule.Spread(0, 1))
        await all_due_now(sessions[0])
        await sessions[0].commit()
        first = [await one(session) for session in sessions]
        for session in sessions:
            await session.commit()
        await all_due_now(sessions[0])  # the clock comes round again while all still wait
        return [*first, await one(sessions[0])]

    queued = queue(act, sessions=3)
    assert queued[0] >= 4
    assert queued[1:] == [0, 0, 0]


def test_a_tenant_stands_still_while_its_file_is_broken_and_keeps_its_phase_while_it_is_not(
    queue: Callable[..., Any], tmp_path: Path
) -> None:
    (good,) = tenants(tmp_path, {"acme": 1})
    broken = replace(good, loaded=None, problem="is broken", digest="other")

    async def ticks(session: schedule.Connection) -> list[Any]:
        return list(await (await session.execute("select job, next_at from duesync_ticks order by job")).fetchall())

    async def act(session: schedule.Connection) -> list[Any]:
        seen = []
        for changes in (
            Changes((good,), (), ()),
            Changes((good,), (), ()),
            Changes((), (broken,), ()),
            Changes((), (), ("acme",)),
        ):
            await schedule.take_in(session, changes, schedule.Spread(0, 1))
            await session.commit()
            seen.append((await ticks(session), await schedule.known(session)))
        return seen

    first, again, stopped, gone = queue(act)
    assert first == again
    assert (stopped[0], stopped[1]) == ([], {"acme": "other"})
    assert gone == ([], {})


def test_many_new_tenants_are_spread_over_a_cadence_and_a_few_are_served_at_once() -> None:
    many, few = schedule.Spread(500, 1000), schedule.Spread(0, 3)
    assert [many.delay(number, 900.0) for number in (0, 250)] == [450.0, 675.0]
    assert [few.delay(number, 900.0) for number in range(3)] == [0.0, 0.05, 0.1]


def test_the_queues_tables_are_made_once_by_workers_that_start_together(server: Server) -> None:
    url = server.database("fresh")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bring_up_to_date(url, SCHEMA, "the test's server"), range(4)))
    with psycopg.connect(url, options=f"-c search_path={SCHEMA}") as own:
        assert own.execute("select procrastinate from duesync_queue").fetchone() == (version("procrastinate"),)
        own.execute("update duesync_queue set procrastinate = '99.0.0'")
        own.commit()
    with pytest.raises(SchemaMismatch, match=r"99\.0\.0"):
        bring_up_to_date(url, SCHEMA, "the test's server")
