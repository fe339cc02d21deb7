"""A private PostgreSQL for tests, from the machine's own binaries: loopback port, data in a temporary folder, gone afterwards.

PostgreSQL refuses to run as root, so as root it runs as `postgres` or `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOM = 4 * 1024**3  # bytes; a whole run of the suite leaves about 1.5 GiB a server
_USERS = ("postgres", "nobody")


class NoPostgres(Exception):
    """There are no server binaries, or they do not start here; the message is plain."""


@dataclass(frozen=True)
class Server:
    """A running server. `url` names its first database; `psql` runs statements outside any transaction."""

    url: str
    folder: Path

    def database(self, name: str) -> str:
        """The URL of an empty database of that name."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')
            connection.execute(f'create database "{name}" template template0')
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    def crash_and_restart(self) -> None:
        """What a power cut does: every connection is lost, nothing committed is (fsync is off, but the machine stays up)."""
        command = [
            binaries() / "pg_ctl",
            "-D",
            self.folder / "data",
            "-l",
            self.folder / "log",
            "-m",
            "immediate",
            "-w",
            "restart",
        ]
        _run(command, self.folder, _as_user())


def binaries() -> Path:
    """The folder with initdb and postgres; NoPostgres when the machine has none."""
    found = [Path(shutil.which("initdb") or "/nowhere").parent, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("no PostgreSQL server binaries on this machine (Debian: apt-get install postgresql)")


def _as_user() -> dict[str, object]:
    """Popen arguments that leave root behind."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise NoPostgres("running as root and there is no user postgres or nobody to start PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _roomy_memory() -> str | None:
    """A file system in memory, where there is room in it: a suite makes and deletes a hundred thousand files. Else None."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A server for the time of the block; NoPostgres when it cannot be had."""
    folder = binaries()
    user = _as_user()
    home = Path(tempfile.mkdtemp(prefix="duesync-pg-", dir=_roomy_memory()))
    try:
        if user:
            os.chown(home, int(str(user["user"])), int(str(user["group"])))
        data, port = home / "data", _free_port()
        _run(
            [folder / "initdb", "-D", data, "-U", "duesync", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"],
            home,
            user,
        )
        settings = f"-p {port} -h 127.0.0.1 -k {home} -c fsync=off -c max_connections=200 -c log_min_messages=fatal"
        _run([folder / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", home / "log", "-o", settings, "start"], home, user)
        try:
            yield Server(f"postgresql://duesync@127.0.0.1:{port}/postgres", home)
        finally:
            _run([folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], home, user)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(command: list[object], home: Path, user: dict[str, object]) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        **user,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise NoPostgres(f"PostgreSQL did not start: {done.stderr.strip()[-300:]}")
