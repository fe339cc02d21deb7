"""Run the Dockerfile's steps and `deploy/install.sh` in bare Debian roots, start the service there, and ask it `/readyz`."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bareroot.dockerfile import Stage, assignments, command, health_command, stages
from tests.bareroot.root import Failed, bare, copy_of, environment, run, serve
from tests.conftest import ROOT

_PORT = 8455
_CONFIG = """[organisation]
name = "Bare Root MSP"
timezone = "America/Chicago"
currency = "USD"
country = "US"
[store]
url = "sqlite:////var/lib/duesync/duesync.db"
[http]
enabled = true
[connections.files]
type = "csv"
role = "books"
path = "/var/lib/duesync/files"
"""
_NEEDED = ("debootstrap", "chroot", "unshare", "mount")


def main() -> int:
    """0: all that could be run passed; 1: something failed. What could not be run here is said either way."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        print(f"not run: this check needs {', '.join(missing)} and root (apt-get install debootstrap)")
        return 1
    if _taken():
        print(f"not run: something listens on port {_PORT} already, where the image's health check asks")
        return 1
    with tempfile.TemporaryDirectory(prefix="bareroot-") as folder:
        try:
            _say("a bare Debian root")
            bare(Path(folder) / "bare")
            _image(Path(folder))
            _installer(Path(folder))
        except Failed as error:
            print(f"FAILED: {error}")
            return 1
    print("passed: the image's steps and the installer work in a bare Debian root, and the service answers /readyz")
    _say_what_was_not_run()
    return 0


def _taken() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", _PORT)) == 0


def _image(folder: Path) -> None:
    built: dict[str, Path] = {}
    plan = stages(ROOT / "deploy" / "Dockerfile")
    for stage in plan:
        built[stage.name] = copy_of(folder / "bare", folder / f"stage-{stage.name}")
        _build(stage, built)
    last = plan[-1]
    _configure(built[last.name])
    settings = _settings(last)
    with _served(built[last.name], command(last), user="duesync", settings=settings):
        _expect_ready()
        words = ["chroot", str(built[last.name]), *health_command(last)]
        if subprocess.run(words, env=environment(settings), check=False).returncode != 0:
            raise Failed("the health check of the Dockerfile fails while /readyz answers")
        _say("the image's service answers, its health check passes")


def _build(stage: Stage, built: Mapping[str, Path]) -> None:
    root, where, env = built[stage.name], "/", {}
    for step in stage.steps:
        if step.name == "RUN":
            _say(f"RUN {step.text[:90]}")
            run(root, step.text, env=env, where=where)
        elif step.name == "ENV":
            env |= {key: value.replace("$PATH", environment(env)["PATH"]) for key, value in assignments(step.text).items()}
        elif step.name == "WORKDIR":
            where = step.text
            (root / where.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif step.name == "COPY":
            _copy(step.text.split(), root, where, built)


def _copy(words: Sequence[str], root: Path, where: str, built: Mapping[str, Path]) -> None:
    source = ROOT
    if words[0].startswith("--from="):
        source, words = built[words[0].removeprefix("--from=")], words[1:]
    *names, target = words
    into = root / target.lstrip("/") if target.startswith("/") else root / where.lstrip("/") / target
    for name in names:
        origin = source / name.lstrip("/")
        if origin.is_dir():
            shutil.copytree(origin, into, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, into)


def _settings(stage: Stage) -> dict[str, str]:
    env: dict[str, str] = {}
    for step in stage.steps:
        if step.name == "ENV":
            env |= {key: value.replace("$PATH", environment(env)["PATH"]) for key, value in assignments(step.text).items()}
    return env


def _installer(folder: Path) -> None:
    root = copy_of(folder / "bare", folder / "installed")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        target = root / "src/duesync" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for attempt in ("installs", "upgrades"):
        _say(f"deploy/install.sh {attempt}")
        run(root, "sh deploy/install.sh", env={}, where="/src/duesync")
    run(root, "useradd --system --uid 8455 --home-dir /var/lib/duesync --create-home duesync", env={})
    run(
        root,
        "install -d -o duesync -m 0700 /run/credentials && install -o duesync -m 0400 "
        "/etc/duesync/credentials/vault-key /run/credentials/duesync_vault-key",
        env={},
    )  # what LoadCredential does
    _configure(root, '[vault]\nkey = "credential:duesync_vault-key"\n')
    unit = (root / "etc/systemd/system/duesync.service").read_text() if (root / "etc/systemd/system").is_dir() else ""
    start = next((line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")), "")
    words = (start or "/opt/duesync/venv/bin/python -P -m scheduler --config %d/config run").replace(
        "%d/config", "/etc/duesync/duesync.toml"
    )
    with _served(root, words.split(), user="duesync", settings={"CREDENTIALS_DIRECTORY": "/run/credentials"}):
        _expect_ready()
        _say("the installed service answers")


def _configure(root: Path, more: str = "") -> None:
    (root / "etc/duesync").mkdir(parents=True, exist_ok=True)
    (root / "etc/duesync/duesync.toml").write_text(_CONFIG + more)
    run(root, "mkdir -p /var/lib/duesync/files && chown -R duesync /var/lib/duesync", env={})


@contextmanager
def _served(root: Path, words: Sequence[str], *, user: str, settings: Mapping[str, str]) -> Iterator[None]:
    process = serve(root, words, user=user, env=settings, where="/var/lib/duesync", writable=["/var/lib/duesync"])
    try:
        yield
    except Failed as error:
        raise Failed(f"{error}\n{(root.parent / f'{root.name}.log').read_text()[-3000:]}") from None
    finally:
        process.kill()  # unshare does not listen to SIGTERM; its --kill-child takes the service along
        process.wait(timeout=60)


def _expect_ready(seconds: int = 60) -> None:
    until = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/readyz", timeout=5) as answer:
                if json.load(answer)["ready"] is True:
                    return
        except (urllib.error.URLError, OSError) as error:
            last = str(error)
        time.sleep(0.5)
    raise Failed(f"/readyz did not answer within {seconds} s: {last}")


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _say_what_was_not_run() -> None:
    if not Path("/run/systemd/system").is_dir():
        print(
            "not run here: systemd itself (the unit's command was started by hand; tests/system/test_deploy.py verifies the unit)"
        )
    docker = shutil.which("docker")
    reached = docker and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0
    if not reached:
        print("not run here: `docker build` and `docker compose` (no container daemon answers); the Dockerfile's steps were run")


if __name__ == "__main__":
    sys.exit(main())
