"""A bare Debian root in a folder, and commands run inside it: as root to build, as another user on a read-only root to serve."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SUITE = "bookworm"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AUTHORITIES = "/etc/host-authorities.crt"
# how this machine reaches its package registries is this machine's business; the root is told by environment only
_PASSED_ON = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


class Failed(Exception):
    """A step in the root ended with an error; the message holds its last lines."""


def bare(folder: Path) -> None:
    """Debian's smallest system in `folder`, with this machine's name service and package sources."""
    subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(folder)], check=True, stdout=subprocess.DEVNULL)
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc") / name, folder / "etc" / name)
    for name in ("sources.list", "sources.list.d", "apt.conf.d"):
        _replace(Path("/etc/apt") / name, folder / "etc/apt" / name)
    authorities = Path(os.environ.get("PIP_CERT", "/etc/ssl/certs/ca-certificates.crt"))
    if authorities.exists():
        shutil.copy(authorities, folder / _AUTHORITIES.lstrip("/"))


def _replace(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*docker*", "*.disabled*"))
    elif source.exists():
        shutil.copy(source, target)


def copy_of(root: Path, target: Path) -> Path:
    """Another root that starts where `root` stands."""
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)
    return target


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a command inside sees."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    inside = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "PIP_CERT": _AUTHORITIES}
    return inside | passed | dict(extra)


def run(root: Path, script: str, *, env: Mapping[str, str], where: str = "/") -> None:
    """A shell line inside, as root. Failed with its last lines."""
    words = ["chroot", str(root), "/bin/sh", "-c", f"cd {where} && {script}"]
    done = subprocess.run(words, env=environment(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{script[:200]}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


# mounts live in a namespace of the command's own and go with it; the root is read-only but for /tmp and the folders named
_SERVE = """set -e
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
for kept in $WRITABLE; do mount --bind "$0$kept" "$0$kept"; done
mount -o remount,bind,ro "$0"
mount -t tmpfs tmpfs "$0/tmp"
exec chroot --userspec="$AS_USER" "$0" /usr/bin/env -C "$WHERE" "$@"
"""


def serve(
    root: Path, words: Sequence[str], *, user: str, env: Mapping[str, str], where: str, writable: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start `words` inside as `user`, the root read-only except `writable` and /tmp; it ends when it is killed."""
    told = environment(env) | {"AS_USER": user, "WHERE": where, "WRITABLE": " ".join(writable)}
    outer = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", _SERVE, str(root), *words]
    with (root.parent / f"{root.name}.log").open("wb") as log:
        return subprocess.Popen(outer, env=told, stdout=log, stderr=log)
