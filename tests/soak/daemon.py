"""`python -m tests.soak.daemon [HOURS] [SEED]`: simulated hours of a daemon with three connections whose vendors fail at random.

Every simulated minute what is due is sent, every quarter of an hour everything is pulled and reviewed, every hour the metrics are
scraped over HTTP. The daemon's process must end as it began: memory, file handles and threads flat, log volume bounded, and every
message sent once. Exit code 1 when it does not.
"""

from __future__ import annotations

import json
import mailbox
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import httpx
from cryptography.fernet import Fernet

from core.log import configure
from scheduler.app import App, open_app
from scheduler.demo.days import FastClock
from scheduler.demo.setup import _SECRETS
from scheduler.demo.vendor import ZONE, first_moment
from scheduler.documents import toml_section
from scheduler.http.server import HttpServer
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Runner
from tests.soak.town import town

HOURS = 72
WARM_UP = 12  # hours in which caches fill and the first full pulls are done
# Allowed beyond the end of the warm-up: the allocator's own noise, not a leak, which grows with every hour of the run.
MEMORY_MIB = 24
HANDLES = 6
THREADS = 2
LOG_BYTES_AN_HOUR = 256 * 1024
_TYPES = {"books": "quickbooks", "ledger": "xero", "psa": "connectwise"}


def main(hours: int = HOURS, seed: int = 1) -> int:
    """Run the vendors here and the daemon in a child; judge what the child measured."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        with town(folder, seed) as place:
            config = _configuration(folder, place)
            words = [sys.executable, "-m", "tests.soak.daemon", "--live", str(config), place["control"], str(hours)]
            began = time.monotonic()
            done = subprocess.run(words, check=False)
        if done.returncode != 0:
            print("the daemon's process failed by itself")
            return 1
        measured = [json.loads(line) for line in (folder / "measured.jsonl").read_text().splitlines()]
        faults = _judge(measured, folder)
        print(f"{hours} h simulated in {time.monotonic() - began:.0f} s, {measured[-1]['faults']} faults injected")
        for fault in faults:
            print(f"FAILED: {fault}")
        return 1 if faults else 0


def _judge(measured: list[dict[str, Any]], folder: Path) -> list[str]:
    steady = [row for row in measured if row["hour"] >= min(WARM_UP, len(measured) // 2)]
    first, last = steady[0], steady[-1]
    faults = []
    for key, allowed, unit in (("memory", MEMORY_MIB, "MiB"), ("handles", HANDLES, ""), ("threads", THREADS, "")):
        values = [row[key] for row in steady]
        print(f"{key:<10} {first[key]} {unit} after warm-up, {last[key]} {unit} at the end, at most {max(values)}")
        if last[key] > first[key] + allowed:
            faults.append(f"{key} grew from {first[key]} to {last[key]} {unit}")
    largest = max(row["log"] for row in steady)
    print(f"log        at most {largest // 1024} KiB an hour")
    if largest > LOG_BYTES_AN_HOUR:
        faults.append(f"{largest} bytes of log in one hour")
    box = mailbox.Maildir(folder / "mail", create=False)
    twice = [key for key, count in Counter(message["Message-ID"] for message in box).items() if count > 1]
    print(f"mail       {len(box)} messages, {len(twice)} twice")
    faults += [f"mail {key} went out twice" for key in twice]
    box.close()
    if last["jobs"] == 0:
        faults.append("no job ever worked")
    return faults


def _configuration(folder: Path, place: dict[str, Any]) -> Path:
    sections = [
        toml_section(
            "organisation", {"name": "Soak MSP", "timezone": ZONE, "currency": "USD", "country": "US", "email": "ar@soak.example"}
        ),
        toml_section("vault", {"key": f"file:{_secret(folder, 'vault-key', Fernet.generate_key().decode())}"}),
    ]
    for name, keys in place["settings"].items():
        own: dict[str, Any] = {"type": _TYPES[name], "role": "psa" if name == "psa" else "books", "mode": "active"}
        for key, value in keys.items():
            if key in (*_SECRETS, "private_key", "public_key", "webhook_key"):
                own[key] = f"file:{_secret(folder, f'{name}-{key}', str(value))}"
            elif not isinstance(value, dict):
                own[key] = value
        sections.append(toml_section(f"connections.{name}", own))
    mail = {
        "host": "127.0.0.1",
        "port": place["smtp_port"],
        "security": "none",
        "from_address": "ar@soak.example",
        "sent_maildir": str(folder / "mail"),
    }
    sections += [
        toml_section("mail", mail),
        toml_section("dunning", {"mode": "active"}),
        toml_section("daemon", {"read_back_after": "0s"}),
        toml_section("http", {"enabled": True, "port": 0}),
        toml_section("log", {"level": "info", "style": "json"}),
    ]
    path = folder / "duesync.toml"
    path.write_text("\n".join(sections), encoding="utf-8")
    return path


def _secret(folder: Path, name: str, value: str) -> Path:
    path = folder / name
    path.write_text(value, encoding="utf-8")
    path.chmod(0o600)
    return path


def live(config: Path, control: str, hours: int) -> None:
    """The daemon's process: its own jobs on a fast clock, and what it costs after each hour."""
    clock = FastClock(first_moment())
    with (config.parent / "log.jsonl").open("a", encoding="utf-8") as log, open_app(config, clock=clock, service=True) as app:
        configure("info", "json", log)
        runner = Runner(app)
        server = HttpServer(app, runner, wake=lambda _: None)
        port = server.start()
        try:
            for hour in range(hours):
                faults = _one_hour(app, runner, clock, control)
                httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).raise_for_status()
                _write(config.parent / "measured.jsonl", _measured(hour, faults, log, runner))
        finally:
            server.stop()


def _one_hour(app: App, runner: Runner, clock: FastClock, control: str) -> int:
    answer = httpx.get(control, params={"to": (clock.now() + timedelta(hours=1)).isoformat()}, timeout=60)
    for minute in range(60):
        clock.advance(timedelta(minutes=1))
        for job in jobs(app):
            every = max(1, round(job.every / 60))
            if (clock.now().timestamp() // 60) % every == 0:
                runner.run(job)
        if "volume" in app.store.paused():
            resume_sending(app, "the bookkeeper")
        del minute
    found: int = answer.json()["faults"]
    return found


_seen = {"log": 0}


def _measured(hour: int, faults: int, log: TextIO, runner: Runner) -> dict[str, Any]:
    log.flush()
    size = os.fstat(log.fileno()).st_size
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    row = {
        "hour": hour,
        "memory": pages * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "handles": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "log": size - _seen["log"],
        "faults": faults,
        "jobs": len(runner.finished_at),
    }
    _seen["log"] = size
    return row


def _write(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--live"]:
        live(Path(arguments[1]), arguments[2], int(arguments[3]))
        sys.exit(0)
    numbers = [int(word) for word in arguments]
    started: Callable[..., int] = main
    sys.exit(started(*numbers))
