"""What is due when, for every tenant: rows in the queue's schema, read and written by all workers.

One row per job of a tenant says when it is due next. Whoever holds the clock's lock moves what is due into the queue: in one
transaction the job is deferred and the row moves on, so a tick is queued once however many workers look. A job that still waits
or runs is not queued again; the ticks it sat through are counted in `missed`. All times are the database server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import psycopg

from scheduler.runner import Job
from scheduler.tenants import Changes, Tenant

Connection = psycopg.AsyncConnection[Any]
_FEW = 100  # new tenants at once; more than these are spread over a whole cadence, so that the load stays even for good
_FEW_GAP = 0.05  # seconds between the first ticks of few new tenants: each is served at once
_JOB_GAP = 1.0  # seconds between the first ticks of one tenant's jobs: what a pull brings is examined after it

_DUE = """
with busy as (
  select t.tenant, count(*) as held from procrastinate_jobs j join duesync_ticks t on t.job_id = j.id
  where j.status in ('todo', 'doing') group by t.tenant),
due as (
  select t.tenant, t.job, t.lock, t.next_at, row_number() over (partition by t.tenant order by t.next_at, t.job) as nth
  from duesync_ticks t left join procrastinate_jobs j on j.id = t.job_id and j.status in ('todo', 'doing')
  where t.next_at <= least(now(), coalesce(%(until)s, now())) and j.id is null)
select due.tenant, due.job, due.lock, (extract(epoch from due.next_at) * 1000)::bigint
from due left join busy using (tenant)
where due.nth + coalesce(busy.held, 0) <= %(share)s
order by due.nth + coalesce(busy.held, 0), due.next_at, due.tenant limit %(room)s
"""
_MOVE_ON = """
update duesync_ticks t set tick = d.tick, job_id = d.id,
  missed = t.missed + floor(extract(epoch from now() - t.next_at) / t.every),
  next_at = t.next_at + t.every * (1 + floor(extract(epoch from now() - t.next_at) / t.every)) * interval '1 second'
from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) as d (tenant, job, tick, id)
where t.tenant = d.tenant and t.job = d.job
"""
_PUT_TICK = """
insert into duesync_ticks (tenant, job, lock, every, next_at) values (%s, %s, %s, %s, now() + %s * interval '1 second')
on conflict (tenant, job) do update set lock = excluded.lock, every = excluded.every,
  next_at = case when duesync_ticks.every = excluded.every then duesync_ticks.next_at
            else least(duesync_ticks.next_at, now() + excluded.every * interval '1 second') end
"""
_PUT_TENANT = """
insert into duesync_tenants (name, digest, store, problem) values (%s, %s, %s, %s)
on conflict (name) do update set digest = excluded.digest, store = excluded.store, problem = excluded.problem, changed_at = now()
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A tick to be queued; `tick` is its instant in milliseconds since 1970."""

    tenant: str
    job: str
    lock: str
    tick: int


async def holds_clock(tx: Connection) -> bool:
    """Be the one worker that runs the clock until this transaction ends; False when another is."""
    row = await (
        await tx.execute("select pg_try_advisory_xact_lock(hashtextextended(current_schema() || '/clock', 0))")
    ).fetchone()
    return bool(row and row[0])


async def waiting(tx: Connection) -> int:
    """How many jobs wait in the queue."""
    row = await (await tx.execute("select count(*) from procrastinate_jobs where status = 'todo'")).fetchone()
    return int(row[0]) if row else 0


async def due(tx: Connection, *, share: int, room: int, until: datetime | None = None) -> list[Due]:
    """What is due now (or was at `until`), tenants with least in hand first.

    At most `share` of a tenant, what it has in hand included, and at most `room` in all.
    """
    rows = await (await tx.execute(_DUE, {"share": share, "room": room, "until": until})).fetchall()
    return [Due(*row) for row in rows]


async def server_time(tx: Connection) -> datetime:
    """What time it is for the queue."""
    row = await (await tx.execute("select now()")).fetchone()
    assert row is not None
    return cast("datetime", row[0])


async def move_on(tx: Connection, ticks: Sequence[Due], ids: Sequence[int]) -> None:
    """Note that these ticks are in the queue under these job ids, and when each job is due again."""
    columns = [[item.tenant for item in ticks], [item.job for item in ticks], [item.tick for item in ticks], list(ids)]
    await tx.execute(_MOVE_ON, columns)


async def settle(tx: Connection, tenant: str, job: str, tick: int, *, outcome: str, error: str) -> None:
    """Note how a tick ended, for whoever looks at the tenants."""
    await tx.execute(
        "update duesync_ticks set outcome = %(outcome)s, error = %(error)s,"
        " done_tick = case when %(outcome)s = 'done' then %(tick)s else done_tick end,"
        " done_at = case when %(outcome)s = 'done' then now() else done_at end"
        " where tenant = %(tenant)s and job = %(job)s and coalesce(done_tick, 0) <= %(tick)s",
        {"outcome": outcome, "error": error[:500], "tick": tick, "tenant": tenant, "job": job},
    )


async def wake(tx: Connection, tenant: str, connection: str) -> None:
    """Make a pull due now, and soon after it what looks at its result."""
    for number, job in enumerate((f"sync:{connection}", "review", "dispatch")):
        await tx.execute(
            "update duesync_ticks set next_at = now() + %s * interval '2 seconds'"
            " where tenant = %s and job = %s and next_at > now()",
            (number, tenant, job),
        )


# ── which tenants there are ─────────────────────────────────────────────────────────────────────────────────────────────
async def known(tx: Connection) -> dict[str, str]:
    """The digest of every tenant taken in, the broken ones too."""
    return dict(await (await tx.execute("select name, digest from duesync_tenants")).fetchall())


@dataclass(frozen=True, slots=True)
class Spread:
    """How the first ticks of new tenants lie in time: this batch begins at `offset` of `count` newcomers.

    A few are served at once. Many are spread over a whole cadence, and stay so: their load is even for good.
    """

    offset: int = 0
    count: int = 0

    def delay(self, number: int, every: float) -> float:
        """Seconds until the first tick of a job of the batch's tenant `number`."""
        place = self.offset + number
        return place / self.count * every if self.count > _FEW else min(place * _FEW_GAP, every)


async def take_in(tx: Connection, changes: Changes, spread: Spread | None) -> list[Tenant]:
    """Bring the schedule in line with the tenants' files, all workers one after another. Gives those left out as broken.

    A broken tenant stands still until its file is right again: half a configuration must not send anything.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/tenants', 0))")
    refused = []
    for number, tenant in enumerate(changes.fresh):
        try:
            async with tx.transaction():
                await _put(tx, tenant, partial(spread.delay, number) if spread is not None else None)
        except psycopg.errors.UniqueViolation:
            problem = "store.url: is the store of another tenant; leave [store] out, or give ?schema= another name"
            refused.append(Tenant(name=tenant.name, path=tenant.path, digest=tenant.digest, problem=problem))
    broken = [*changes.broken, *refused]
    for tenant in broken:
        await tx.execute(_PUT_TENANT, (tenant.name, tenant.digest, None, tenant.problem))
    stopped = [*changes.gone, *(tenant.name for tenant in broken)]
    await tx.execute("delete from duesync_ticks where tenant = any(%s)", (stopped,))
    await tx.execute("delete from duesync_tenants where name = any(%s)", (list(changes.gone),))
    return broken


async def _put(tx: Connection, tenant: Tenant, delay: Callable[[float], float] | None) -> None:
    url = tenant.loaded.settings.store.url if tenant.loaded is not None else None
    await tx.execute(_PUT_TENANT, (tenant.name, tenant.digest, url, ""))
    jobs = tenant.jobs
    await tx.execute("delete from duesync_ticks where tenant = %s and job <> all(%s)", (tenant.name, [job.name for job in jobs]))
    rows = [
        (tenant.name, job.name, lock_of(tenant.name, job), max(job.every, 1.0), _first(job, number, delay))
        for number, job in enumerate(jobs)
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(_PUT_TICK, rows)


def _first(job: Job, number: int, delay: Callable[[float], float] | None) -> float:
    """Seconds to a job's first tick; `number` is its place among its tenant's. Without a delay all are due, in their order."""
    if not job.at_start:
        return job.every + (delay(job.every) if delay is not None else 0.0)
    if delay is None:
        return number * 0.001 - 1.0
    return delay(job.every) + min(_JOB_GAP, job.every / 10) * number


def lock_of(tenant: str, job: Job) -> str:
    """What a job must have for itself: its connection, or for reviews and dispatch the tenant's reviews, the tenant's outbox."""
    return f"{tenant}/{job.connection or job.name.partition(':')[0]}"


# ── what can be told of them ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant stands: `late` is how long its most overdue tick waits in seconds, `failing` its jobs that failed last."""

    tenant: str
    problem: str
    jobs: int
    late: float
    missed: int
    failing: Mapping[str, str]


_STANDING = """
select n.name, n.problem, count(t.job), coalesce(max(extract(epoch from now() - t.next_at)), 0), coalesce(sum(t.missed), 0),
  coalesce(jsonb_object_agg(t.job, t.error) filter (where t.outcome in ('failed', 'crashed', 'abandoned')), '{}')
from duesync_tenants n left join duesync_ticks t on t.tenant = n.name group by n.name, n.problem order by n.name
"""


def standings(tx: psycopg.Connection[Any]) -> Iterable[Standing]:
    """Every tenant the workers know."""
    for name, problem, jobs, late, missed, failing in tx.execute(_STANDING):
        yield Standing(name, problem, int(jobs), max(float(late), 0.0), int(missed), dict(failing))


@dataclass(frozen=True, slots=True)
class Totals:
    """The cluster at a glance. `late` is the most overdue tick's wait in seconds, `missed` the ticks ever passed over."""

    tenants: int
    broken: int
    failing: int
    late: float
    missed: int
    waiting: int
    running: int
    workers: int


_TOTALS = """
select (select count(*) from duesync_tenants), (select count(*) from duesync_tenants where problem <> ''),
  (select count(distinct tenant) from duesync_ticks where outcome in ('failed', 'crashed', 'abandoned')),
  (select coalesce(greatest(max(extract(epoch from now() - next_at)), 0), 0) from duesync_ticks),
  (select coalesce(sum(missed), 0) from duesync_ticks),
  (select count(*) from procrastinate_jobs where status = 'todo'),
  (select count(*) from procrastinate_jobs where status = 'doing'),
  (select count(*) from procrastinate_workers where last_heartbeat > now() - %s * interval '1 second')
"""


def totals(tx: psycopg.Connection[Any], dead_after: float) -> Totals:
    """Counts over all tenants and workers; a worker silent for longer than `dead_after` seconds is not one."""
    row = tx.execute(_TOTALS, (dead_after,)).fetchone() or (0,) * 8
    tenants, broken, failing, late, missed, queued, running, workers = row
    return Totals(int(tenants), int(broken), int(failing), float(late), int(missed), int(queued), int(running), int(workers))
