"""Many machines: Procrastinate on PostgreSQL hands out the jobs; any worker may run the clock, and any may die.

One task, `perform`, does a job of a tenant for one tick. Its lock is the tenant's connection, so no two workers call one vendor
for one tenant at once; its queueing lock is the tick, so no tick waits twice. What a dead worker held goes to the others.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from procrastinate import App as Queue
from procrastinate import JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status
from psycopg_pool import PoolClosed, PoolTimeout

from core.errors import ConfigError, DuesyncError, Transient, UsageError
from core.log import bound
from scheduler.engine import schedule
from scheduler.engine.queue_schema import bring_up_to_date, connection_info, in_schema
from scheduler.engine.retrying import Again, BackOff, retry_after, since
from scheduler.runner import Attempt
from scheduler.tenants import Changes, Folder, Tenant, Tenants

log = structlog.get_logger()
QUEUE_CONNECTIONS = 4  # of each worker: fetch, finish, heartbeat and clock; one more listens for new jobs
_MOST_ATTEMPTS = 5  # a job whose worker died so often does not get a sixth
_TROUBLE = (ConnectorException, psycopg.Error, PoolTimeout, PoolClosed, OSError)
_ARRIVAL = 60.0  # seconds a tenant that cannot be opened is tried again: its file may be on its way from another machine
_BATCH = 500  # tenants taken in by one transaction
_PAUSE = 2.0  # seconds before a lost database is tried again


class ProcrastinateEngine:
    """One worker process: `concurrency` jobs at once, in threads. `url` is the queue's database, secrets included.

    `progress` is told of every job that did what it should. With `once` it works off what is due and finishes; with `clock`
    off it queues nothing, and finishes when nothing waits.
    """

    def __init__(
        self,
        tenants: Tenants,
        url: str,
        *,
        concurrency: int,
        drain: float,
        stopping: threading.Event,
        clock: bool = True,
        once: bool = False,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self.finished = threading.Event()
        self.problem = ""
        self._tenants = tenants
        self._settings = tenants.cluster.settings
        self._folder = Folder(tenants.cluster)
        self._url = url
        self._concurrency = concurrency
        self._stopping = stopping
        self._clock = clock
        self._once = once or not clock
        self._progress = progress
        self._troubled = ""
        self._queue = self._build()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="job")
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._drain = drain
        self._until: datetime | None = None
        self._busy = 0
        self._counting = threading.Lock()

    def _build(self) -> Queue:
        connector = PsycopgConnector(
            conninfo=connection_info(self._url),
            kwargs=in_schema(self._settings.schema_name),
            min_size=1,
            max_size=QUEUE_CONNECTIONS,
            timeout=10.0,
        )
        queue = Queue(connector=connector)
        self._task = queue.task(name="perform", pass_context=True, retry=BackOff())(self._perform)
        return queue

    # ── the service's side ──────────────────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Make the queue's tables where they lack, then begin. StoreError when the database cannot be used."""
        bring_up_to_date(self._url, self._settings.schema_name, self._tenants.cluster.store.url)
        self._thread.start()
        log.info("worker.started", pid=os.getpid(), concurrency=self._concurrency)

    def wake(self, tenant: str, connection: str) -> None:
        """Pull a connection now: whichever worker is free does it."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._in_queue(lambda tx: schedule.wake(tx, tenant, connection)), self._loop)

    def reasons(self) -> list[str]:
        """Why this worker is not at work; empty when it is."""
        if self.finished.is_set():
            return ["the worker has ended"]
        return ["the queue's database does not answer"] if self._troubled else []

    def drain(self, seconds: float) -> bool:
        """Fetch no more and wait for the jobs under way, at most so long; those that have not ended go back to the queue."""
        self._stopping.set()
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=seconds + 2.0)
        with self._counting:
            ended = not self._thread.is_alive() and self._busy == 0
        if ended:
            self._threads.shutdown(wait=True)
        return ended

    # ── the loop's side ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _live(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            self.problem = str(error)
            log.exception("worker.crashed", error=str(error))
        finally:
            self.finished.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._queue.open_async():
            await self._look_for_tenants()
            if self._once:
                await self._work_off()
                return
            side = [asyncio.create_task(self._repeat(self._clock_round, self._settings.tick), name="clock")]
            side.append(asyncio.create_task(self._repeat(self._look_for_tenants, self._settings.rescan), name="tenants"))
            try:
                await self._serve()
            finally:
                for task in side:
                    task.cancel()
                await asyncio.gather(*side, return_exceptions=True)

    async def _serve(self) -> None:
        """Procrastinate's worker, started anew when it loses the database, until the end is asked for."""
        while not self._stop.is_set():
            working = asyncio.create_task(self._worker(wait=True))
            asked = asyncio.create_task(self._stop.wait())
            await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            working.cancel()
            (ended,) = await asyncio.gather(working, return_exceptions=True)
            if not self._stop.is_set():
                self._note_trouble(ended if isinstance(ended, Exception) else RuntimeError("the worker ended by itself"))
                await asyncio.sleep(_PAUSE)

    async def _worker(self, *, wait: bool) -> None:
        await self._queue.run_worker_async(
            concurrency=self._concurrency,
            wait=wait,
            delete_jobs=DeleteJobCondition.ALWAYS.value,
            install_signal_handlers=False,
            shutdown_graceful_timeout=self._drain,
            fetch_job_polling_interval=max(self._settings.tick, 1.0),
            update_heartbeat_interval=self._settings.heartbeat,
            stalled_worker_timeout=self._settings.dead_after,
        )

    async def _work_off(self) -> None:
        """What is due now, once, each tenant's jobs one after another: a pull, then what looks at its result."""
        self._until = await self._in_queue(schedule.server_time)
        while not self._stop.is_set():
            queued = await self._tick() if self._clock else 0
            await self._worker(wait=False)
            if not queued:
                return

    async def _repeat(self, act: Callable[[], Any], every: float) -> None:
        while True:
            try:
                await act()
                self._note_recovery()
            except _TROUBLE as error:
                self._note_trouble(error)
            except Exception as error:
                log.exception("worker.crashed", error=str(error))
            await asyncio.sleep(every)

    def _note_trouble(self, error: Exception) -> None:
        if not self._troubled:
            log.error("queue.unreachable", error=str(error) or type(error).__name__)
        self._troubled = str(error) or type(error).__name__

    def _note_recovery(self) -> None:
        if self._troubled:
            log.info("queue.reached", was=self._troubled)
        self._troubled = ""

    async def _in_queue(self, act: Callable[[schedule.Connection], Any]) -> Any:
        connector = self._queue.connector
        assert isinstance(connector, PsycopgConnector)
        async with connector.pool.connection() as tx:
            return await act(tx)

    # ── tenants and clock ───────────────────────────────────────────────────────────────────────────────────────────────
    async def _look_for_tenants(self) -> None:
        """Take in files that were added, changed or removed."""
        known = await self._in_queue(schedule.known)
        changes = await asyncio.to_thread(self._folder.changes, known, wanted=lambda: not self._stopping.is_set())
        if not (changes.fresh or changes.broken or changes.gone):
            return
        broken: list[Tenant] = []
        for at in range(0, max(len(changes.fresh), 1), _BATCH):
            batch = Changes(changes.fresh[at : at + _BATCH], () if at else changes.broken, () if at else changes.gone)
            broken += await self._take_in(batch, None if self._once else schedule.Spread(at, len(changes.fresh)))
        for tenant in broken:
            log.error("tenant.broken", tenant=tenant.name, problem=tenant.problem)
        left_out = {tenant.name for tenant in broken}
        taken = len([tenant for tenant in changes.fresh if tenant.name not in left_out])
        log.info("tenants.changed", taken=taken, broken=len(broken), gone=len(changes.gone))

    async def _take_in(self, batch: Changes, spread: schedule.Spread | None) -> list[Tenant]:
        return list(await self._in_queue(lambda tx: schedule.take_in(tx, batch, spread)))

    async def _clock_round(self) -> None:
        await self._tick()
        if self._busy == 0:  # idle and in touch with the queue is well; jobs that hang for ever are not
            self._progress()

    async def _tick(self) -> int:
        """Queue what is due and hand on what dead workers held, unless another worker is at it. Gives how many were queued."""
        return int(await self._in_queue(self._tick_within))

    async def _tick_within(self, tx: schedule.Connection) -> int:
        if not await schedule.holds_clock(tx):
            return 0
        await self._rescue()
        room = self._settings.queue - await schedule.waiting(tx)
        share = 1 if self._once else self._settings.share
        ticks = await schedule.due(tx, share=share, room=room, until=self._until) if room > 0 else []
        if ticks:
            jobs = [self._job(item) for item in ticks]
            queued = await self._queue.job_manager.batch_defer_jobs_async(jobs, connection=tx)
            await schedule.move_on(tx, ticks, [int(job.id or 0) for job in queued])
        return len(ticks)

    def _job(self, item: schedule.Due) -> Job:
        deferrer = self._task.configure(lock=item.lock, queueing_lock=f"{item.tenant}/{item.job}/{item.tick}")
        return deferrer.make_new_job(tenant=item.tenant, job=item.job, tick=item.tick)

    async def _rescue(self) -> None:
        """Jobs of workers that no longer say they live go back to the queue. Only whoever holds the clock does this."""
        manager = self._queue.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._settings.dead_after):
            kept = job.attempts < _MOST_ATTEMPTS
            if kept:
                await manager.retry_job(job, retry_at=datetime.now(UTC))  # noqa: TID251 - the queue's time is real time
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=True)
                await self._settle(job.task_kwargs, "abandoned", "its workers died")
            log.warning("job.rescued", again=kept, **{key: job.task_kwargs[key] for key in ("tenant", "job", "tick")})
        await manager.prune_stalled_workers(self._settings.dead_after)

    # ── one job ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _perform(self, context: JobContext, *, tenant: str, job: str, tick: int) -> str:
        """Do one job of a tenant for one tick. Raises Again when it should be tried once more before the next tick."""
        loop = asyncio.get_running_loop()
        attempt, every = await loop.run_in_executor(self._threads, self._work, tenant, job, tick)
        wait = retry_after(attempt.error, context.job.attempts, tick, every)
        outcome = "retrying" if wait is not None else "done" if attempt.done else attempt.outcome
        error = attempt.error.message if attempt.error is not None else ""
        await self._settle({"tenant": tenant, "job": job, "tick": tick}, outcome, error)
        if wait is not None:
            raise Again(wait)
        if attempt.done:
            self._progress()
        return outcome

    async def _settle(self, about: Any, outcome: str, error: str) -> None:
        await self._in_queue(
            lambda tx: schedule.settle(tx, about["tenant"], about["job"], about["tick"], outcome=outcome, error=error)
        )

    def _work(self, tenant: str, job: str, tick: int) -> tuple[Attempt, float]:
        """In a thread: how it ended, and how often the job runs."""
        with self._counting:
            self._busy += 1
        try:
            with bound(tenant=tenant):
                return self._attempt(tenant, job, tick)
        finally:
            with self._counting:
                self._busy -= 1

    def _attempt(self, tenant: str, job: str, tick: int) -> tuple[Attempt, float]:
        try:
            opened = self._tenants.open(tenant)
        except UsageError as error:  # perhaps its file has not come to this machine yet
            return Attempt("failed", Transient(error.message, connection="", remedy=error.remedy)), since(tick) + _ARRIVAL
        except ConfigError as error:
            log.warning("job.dropped", job=job, error=error.message)
            return Attempt("failed", error), 0.0
        except DuesyncError as error:
            log.error("job.failed", job=job, error=error.message, remedy=error.remedy)
            return Attempt("failed", error), since(tick) + _ARRIVAL
        except Exception as error:
            log.exception("job.crashed", job=job, error=str(error))
            return Attempt("crashed"), 0.0
        planned = opened.jobs.get(job)
        if planned is None:
            return Attempt("failed", UsageError(f"{tenant} has no job {job} any more")), 0.0
        return opened.runner.attempt(planned, tick), planned.every
