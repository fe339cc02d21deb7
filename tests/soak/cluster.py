"""Many tenants on one PostgreSQL, several worker processes, some killed: what was done is read from the tenants' own stores.

`python -m tests.soak.cluster` runs it at full size and prints the report of docs/scaling.md; the system test runs it small.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from core.clock import SystemClock
from core.store import open_store
from tests.conftest import ROOT
from tests.postgres_server import NoPostgres, binaries, postgres_server

CLUSTER = """
[store]
url = "{url}"

[cluster]
tenants = "tenants"
concurrency = {concurrency}
heartbeat = "{heartbeat}s"
dead_after = "{dead_after}s"
rescan = "5s"

[daemon]
sync_every = "{every}s"
full_every = "1d"
dispatch_every = "{dispatch}s"
drain = "20s"

[log]
style = "json"
"""
TENANT = """
[organisation]
name = "{name}"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[connections.books]
type = "csv"
role = "books"
path = "../books"
"""
PARTIES = "ref,name,email,currency,active\nP1,Acme Dental,ap@acme.example,USD,true\nP2,Brightside,ap@bright.example,USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,INV-1,USD,250.00,250.00,2026-01-05,2026-01-20,open\n"
    "I2,P2,INV-2,USD,90.00,90.00,2026-02-02,2026-02-17,open\n"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is simulated. Times in seconds; `kills` workers die at random moments and are not started again."""

    tenants: int
    workers: int
    kills: int
    every: int
    dispatch: int
    seconds: float
    concurrency: int = 2
    heartbeat: float = 1.0
    dead_after: float = 4.0
    seed: int = 1
    tables_ahead: bool = False


@dataclass(kw_only=True)
class Seen:
    """What the tenants' stores and the server told."""

    plan: Plan
    brought_up: float = 0.0
    one_tenant: float = 0.0
    warm_at: float = 0.0  # seconds since 1970: from here on lateness counts, the first day's tables are made
    wall: float = 0.0
    killed: int = 0
    codes: list[int] = field(default_factory=list)
    connections: int = 0
    done: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0
    late: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[tuple[str, str], tuple[int, int, float]] = field(default_factory=dict)  # tick, missed, every
    events: Counter[str] = field(default_factory=Counter)
    worker_memory: int = 0

    @property
    def twice(self) -> list[tuple[str, str, int]]:
        """Ticks that were done more than once."""
        return [(*key, tick) for key, ticks in self.done.items() for tick, times in Counter(ticks).items() if times > 1]

    @property
    def lost(self) -> list[tuple[str, str, int]]:
        """Ticks between a job's first and the last one queued that no store knows as done.

        Those a job sat through because its earlier tick still waited are not lost but passed over; they are counted apart.
        """
        gaps = []
        for key, (last, missed, every) in self.rows.items():
            found = set(self.done.get(key, ()))
            first = min(found, default=last)
            absent = [(*key, tick) for tick in range(first, last + 1, round(every * 1000)) if tick not in found]
            gaps += absent[missed:]
        return gaps

    @property
    def missed(self) -> int:
        return sum(missed for _, missed, _ in self.rows.values())

    def lateness(self) -> tuple[float, float, float, float]:
        """Median and worst seconds from tick to start over all jobs, then the best and the worst tenant's mean."""
        everything = [item for items in self.late.values() for item in items]
        means = [statistics.fmean(items) for items in self.late.values()]
        if not everything:
            return 0.0, 0.0, 0.0, 0.0
        return statistics.median(everything), max(everything), min(means), max(means)

    @property
    def starved(self) -> list[str]:
        """Tenants of whom nothing was done."""
        return sorted(set(names(self.plan)) - {name for name, _ in self.done})


def build(folder: Path, url: str, plan: Plan) -> Path:
    """The cluster's file, the tenants' and the books they share."""
    (folder / "books").mkdir()
    (folder / "books" / "parties.csv").write_text(PARTIES)
    (folder / "books" / "invoices.csv").write_text(INVOICES)
    (folder / "tenants").mkdir()
    for name in names(plan):
        (folder / "tenants" / f"{name}.toml").write_text(TENANT.format(name=name))
    config = folder / "cluster.toml"
    config.write_text(CLUSTER.format(url=url, **vars(plan)))
    return config


def names(plan: Plan) -> list[str]:
    """The tenants' names."""
    return [f"t{number:04d}" for number in range(plan.tenants)]


def worker(config: Path, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a worker; it logs into `log`."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "scheduler", "--config", str(config), "worker", *arguments],
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=out,
        )


def make_tables(url: str, plan: Plan) -> float:
    """Every tenant's tables at once, copied from the first tenant's as the product made them; the seconds it took per tenant.

    A worker makes them at a tenant's first job. Here they are made ahead, so that a run tells of the days after the first.
    """
    first = names(plan)[0]
    begun = time.monotonic()
    store = open_store(f"{url}?schema=tenant_{first}", clock=SystemClock())
    store.migrate()
    store.close()
    own = time.monotonic() - begun
    dump = subprocess.run(
        [
            binaries().joinpath("initdb").resolve().with_name("pg_dump"),
            "--inserts",
            "--schema",
            f"tenant_{first}",
            "--no-owner",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line for line in dump.stdout.splitlines() if not line.startswith(("--", "SET ", "\\", "SELECT pg_catalog.set_config"))
    ]
    text = "\n".join(lines)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: _copy(url, text.replace(f"tenant_{first}", f"tenant_{name}")), names(plan)[1:]))
    return own


def _copy(url: str, text: str) -> None:
    with psycopg.connect(url) as own:
        own.execute(text.encode())


class Watch:
    """Counts the server's connections while the workers run."""

    def __init__(self, url: str) -> None:
        self.most = 0
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as own:
            while not self._stop.wait(0.5):
                row = own.execute(
                    "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
                ).fetchone()
                self.most = max(self.most, row[0] if row else 0)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def simulate(folder: Path, url: str, plan: Plan) -> Seen:
    """Run the plan and read what came of it."""
    config = build(folder, url, plan)
    seen = Seen(plan=plan)
    if plan.tables_ahead:
        seen.one_tenant = make_tables(url, plan)
    luck = random.Random(plan.seed)
    begun = time.monotonic()
    workers = [worker(config, folder / f"worker{number}.jsonl") for number in range(plan.workers)]
    try:
        with Watch(url) as watch:
            wait_for_tables(url, plan, workers)
            seen.brought_up = time.monotonic() - begun
            start = time.monotonic()
            seen.warm_at = time.time() + plan.every / 2  # noqa: TID251 - real workers in real time
            moments = sorted(luck.uniform(0.15, 0.7) * plan.seconds for _ in range(plan.kills))
            for moment, victim in zip(moments, luck.sample(workers, plan.kills), strict=True):
                time.sleep(max(0.0, start + moment - time.monotonic()))
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                seen.killed += 1
            time.sleep(max(0.0, start + plan.seconds - time.monotonic()))
            for item in workers:
                if item.poll() is None:
                    item.send_signal(signal.SIGTERM)
            seen.codes = [item.wait(timeout=60) for item in workers]
            seen.codes.append(worker(config, folder / "drain.jsonl", "--drain").wait(timeout=900))
            seen.wall = time.monotonic() - start
    finally:
        for item in workers:
            if item.poll() is None:
                item.kill()
                item.wait()
    seen.connections = watch.most
    seen.worker_memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    read_stores(url, plan, seen)
    seen.events = Counter(line["event"] for path in folder.glob("*.jsonl") for line in told(path))
    return seen


def told(log: Path) -> list[dict[str, object]]:
    """What a worker logged; of one that was killed the last line may be half."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    return [json.loads(line) for line in lines]


def wait_for_tables(url: str, plan: Plan, workers: list[subprocess.Popen[bytes]]) -> None:
    """Until every tenant has its tables: making them is a matter of the first day, not of every tick."""
    with psycopg.connect(url, autocommit=True) as own:
        while True:
            row = own.execute("select count(*) from pg_namespace where nspname like 'tenant\\_%'").fetchone()
            if row and row[0] >= plan.tenants:
                return
            dead = [item.returncode for item in workers if item.poll() is not None]
            if dead:
                raise RuntimeError(f"a worker ended by itself: {dead}")
            time.sleep(0.2)


def read_stores(url: str, plan: Plan, seen: Seen) -> None:
    """What each tenant's own store says was done."""
    done: dict[tuple[str, str], list[int]] = defaultdict(list)
    late: dict[str, list[float]] = defaultdict(list)
    with psycopg.connect(url) as own:
        for name in names(plan):
            found = own.execute(f"select job, outcome, detail, extract(epoch from started_at) from tenant_{name}.runs")
            for job, outcome, detail, started in found.fetchall():
                if outcome is None:
                    seen.unfinished += 1
                    continue
                seen.outcomes[outcome] += 1
                if outcome == "done":
                    tick = json.loads(detail)["tick"]
                    done[name, job].append(tick)
                    if tick / 1000 >= seen.warm_at:
                        late[name].append(float(started) - tick / 1000)
        for name, job, tick, missed, every in own.execute(
            "select tenant, job, tick, missed, every from duesync_queue.duesync_ticks where tick is not null"
        ):
            seen.rows[name, job] = (tick, missed, every)
    seen.done, seen.late = dict(done), dict(late)


def report(seen: Seen) -> str:
    """The figures, in words."""
    plan = seen.plan
    jobs = sum(len(ticks) for ticks in seen.done.values())
    median, worst, best_mean, worst_mean = seen.lateness()
    return "\n".join(
        [
            f"tenants {plan.tenants:,}, workers {plan.workers} x {plan.concurrency} jobs, killed -9: {seen.killed}",
            f"tables of all tenants there after {seen.brought_up:.0f} s; of one tenant made in {seen.one_tenant:.2f} s",
            f"ran {seen.wall:.0f} s; ticks done {jobs:,} ({jobs / seen.wall:.1f} a second of the run)",
            f"done twice {len(seen.twice)}, lost {len(seen.lost)}, passed over {seen.missed}",
            f"runs by outcome {dict(seen.outcomes)}, cut off {seen.unfinished}, rescued {seen.events['job.rescued']}",
            f"tenants of whom nothing was done {len(seen.starved)}",
            f"late: median {median:.2f} s, worst {worst:.1f} s; a tenant's mean from {best_mean:.2f} to {worst_mean:.2f} s",
            f"connections to PostgreSQL at most {seen.connections}; memory of a worker at most {seen.worker_memory} MiB",
            f"exit codes {seen.codes}",
        ]
    )


def main() -> int:
    """Run it at the size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--every", type=int, default=300)
    parser.add_argument("--dispatch", type=int, default=3600)
    parser.add_argument("--seconds", type=float, default=720.0)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20261123)
    plan = Plan(**vars(parser.parse_args()), heartbeat=5.0, dead_after=20.0, tables_ahead=True)
    try:
        with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
            seen = simulate(Path(folder), server.database("cluster"), plan)
    except NoPostgres as reason:
        print(f"not run: {reason}")
        return 0
    print(report(seen))
    return 1 if seen.twice or seen.lost or seen.starved else 0


if __name__ == "__main__":
    sys.exit(main())
