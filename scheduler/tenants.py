"""Tenants: one configuration file each in a folder, one PostgreSQL for all, one schema per tenant.

A schema per tenant keeps every table and revision as it is, makes it impossible to read a neighbour's row by a forgotten
condition, and lets one tenant be dumped, restored, moved or dropped alone. What it costs, and when to shard: docs/scaling.md.
A broken file is named and left out; its neighbours go on.
"""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors import registry
from core import log as logging_setup
from core.clock import Clock
from core.errors import ConfigError, DuesyncError, UsageError
from core.settings import (
    ClusterSettings,
    DaemonSettings,
    HttpSettings,
    Loaded,
    LogSettings,
    StoreSettings,
    TraceSettings,
    VaultSettings,
    load,
    problem_lines,
    read_toml,
)
from core.store import Pools
from scheduler.app import App, open_loaded, settings_models
from scheduler.jobs import planned
from scheduler.runner import Job, Runner

ONLY = "main"  # the tenant of a configuration that is not a cluster's
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # also the name of a PostgreSQL schema, behind "tenant_"
_OPEN_AT_ONCE = 1024  # tenants a process keeps at hand, at some 60 KiB each; the least used goes first
_INHERITED = ("store", "vault", "daemon")
_models = functools.cache(settings_models)  # asking for the installed connectors reads the disk: once, not once per tenant
_spec = functools.cache(registry.load)
_release = functools.cache(version)


class ClusterFile(BaseModel):
    """The file of a cluster: where the tenants and their PostgreSQL are, and what holds for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: StoreSettings
    cluster: ClusterSettings = ClusterSettings.model_validate({})
    vault: VaultSettings = VaultSettings.model_validate({})
    daemon: DaemonSettings = DaemonSettings.model_validate({})
    http: HttpSettings = HttpSettings.model_validate({})
    log: LogSettings = LogSettings.model_validate({})
    traces: TraceSettings = TraceSettings.model_validate({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What a worker goes by. `files` gives the tenants' files now; `inherited` the sections a tenant's file may leave out."""

    file: Path
    settings: ClusterSettings
    store: StoreSettings
    daemon: DaemonSettings
    http: HttpSettings
    log: LogSettings
    traces: TraceSettings
    folder: Path | None  # of the tenants; None: the configuration is the only tenant's own
    inherited: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> dict[str, Path]:
        """Every tenant's file by the tenant's name. ConfigError when the folder cannot be read."""
        if self.folder is None:
            return {ONLY: self.file}
        try:
            return {path.stem: path for path in sorted(self.folder.glob("*.toml"))}
        except OSError as error:
            raise ConfigError([f"cluster.tenants: {self.folder}: {error.strerror}"], source=str(self.file)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant as its file says: `digest` changes with the file or the release; `problem` is why it is left out."""

    name: str
    path: Path
    digest: str
    loaded: Loaded | None = None
    problem: str = ""

    @property
    def jobs(self) -> list[Job]:
        return [] if self.loaded is None else planned(self.loaded)


def read_cluster(file: Path, tenants: Path | None = None) -> Cluster:
    """The cluster of a configuration; `tenants` is the folder where the command line names one.

    A configuration with an [organisation] and no folder is a cluster of one. ConfigError lists every problem.
    """
    raw = read_toml(file)
    named = tenants or _named_folder(raw, file)
    if named is None:
        return _cluster_of_one(file)
    if not named.is_dir():
        raise ConfigError([f"cluster.tenants: {named} is not a folder"], source=str(file))
    if "organisation" in raw:
        sections = ", ".join(ClusterFile.model_fields)
        hint = f"organisation: belongs in the tenants' files; a cluster's file has {sections}"
        raise ConfigError([hint], source=str(file))
    try:
        found = ClusterFile.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(problem_lines(error, ()), source=str(file)) from None
    _require_postgres(found.store.url, file)
    return Cluster(
        file=file,
        settings=found.cluster,
        store=found.store,
        daemon=found.daemon,
        http=found.http,
        log=found.log,
        traces=found.traces,
        folder=named,
        inherited={name: raw[name] for name in _INHERITED if name in raw},
    )


def _named_folder(raw: Mapping[str, Any], file: Path) -> Path | None:
    section = raw.get("cluster")
    named = section.get("tenants") if isinstance(section, dict) else None
    return file.resolve().parent / named if isinstance(named, str) else None


def _cluster_of_one(file: Path) -> Cluster:
    settings = load(file, _models()).settings
    _require_postgres(settings.store.url, file)
    return Cluster(
        file=file,
        settings=settings.cluster,
        store=settings.store,
        daemon=settings.daemon,
        http=settings.http,
        log=settings.log,
        traces=settings.traces,
        folder=None,
    )


def _require_postgres(url: str, file: Path) -> None:
    if not url.startswith(("postgresql:", "postgresql+", "postgres:")):
        hint = "store.url: workers need PostgreSQL, the queue lives in it; `duesync store copy` moves a store there"
        raise ConfigError([hint], source=str(file))


def read_tenant(cluster: Cluster, name: str, path: Path) -> Tenant:
    """One tenant's file, with what it inherits. Never raises for what stands in the file: `problem` names it."""
    digest = ""
    try:
        digest = digest_of(cluster, path)
        if cluster.folder is not None and not NAME.fullmatch(name):
            raise ConfigError([f"{path.name}: name the file by 1-40 of a-z, 0-9 and _, a letter first"], source=str(path))
        loaded = load(path, _models(), inherited=_inherited(cluster, name))
        _require_postgres(loaded.settings.store.url, path)
    except DuesyncError as error:
        return Tenant(name=name, path=path, digest=digest, problem=error.message)
    except OSError as error:
        return Tenant(name=name, path=path, digest=digest, problem=f"{path}: cannot be read: {error.strerror}")
    return Tenant(name=name, path=path, digest=digest, loaded=loaded)


def digest_of(cluster: Cluster, path: Path) -> str:
    """Changes with the tenant's file, with what it inherits and with the release. OSError when it cannot be read."""
    text = hashlib.sha256(path.read_bytes())
    text.update(repr((_release("duesync"), sorted(cluster.inherited.items()))).encode())
    return text.hexdigest()[:32]


def _inherited(cluster: Cluster, name: str) -> dict[str, Any]:
    """The cluster's sections, its store with a schema of this tenant's own."""
    given = dict(cluster.inherited)
    if cluster.folder is not None:
        url = cluster.store.url
        given["store"] = {**given.get("store", {}), "url": f"{url}{'&' if '?' in url else '?'}schema=tenant_{name}"}
    return given


@dataclass(frozen=True, slots=True)
class Opened:
    """A tenant ready for work."""

    tenant: Tenant
    app: App
    runner: Runner
    jobs: Mapping[str, Job]


class Tenants:
    """The tenants of one worker process, opened when first worked for and kept while used. Safe to share between threads.

    All share `pools`, so that the connections to PostgreSQL are those of the worker, not of its tenants. A file that changed
    is read again before its next job.
    """

    def __init__(self, cluster: Cluster, pools: Pools, *, clock: Clock | None = None, stopping: threading.Event) -> None:
        self.cluster = cluster
        self._pools = pools
        self._clock = clock
        self._stopping = stopping
        self._open: OrderedDict[str, tuple[tuple[int, int], Opened]] = OrderedDict()
        self._failing: dict[str, dict[str, str]] = {}
        self._guards: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def open(self, name: str) -> Opened:
        """The tenant of this name; UsageError when there is none, ConfigError when its file is broken, StoreError."""
        path = self.path_of(name)
        try:
            state = path.stat()
        except OSError:
            raise UsageError(f'there is no tenant called "{name}"', remedy=f"Its file would be {path}.") from None
        mark = (state.st_mtime_ns, state.st_size)
        with self._lock:
            guard = self._guards.setdefault(name, threading.Lock())
        with guard:  # two jobs of a new tenant open it once
            held = self._held(name, mark)
            return held if held is not None else self._opened(name, path, mark)

    def path_of(self, name: str) -> Path:
        """Where the tenant's file is, or would be."""
        if self.cluster.folder is None:
            return self.cluster.file
        return self.cluster.folder / f"{name if NAME.fullmatch(name) else 'not-a-tenant'}.toml"

    def _held(self, name: str, mark: tuple[int, int]) -> Opened | None:
        with self._lock:
            found = self._open.get(name)
            if found is None or found[0] != mark:
                return None
            self._open.move_to_end(name)
            return found[1]

    def _opened(self, name: str, path: Path, mark: tuple[int, int]) -> Opened:
        tenant = read_tenant(self.cluster, name, path)
        if tenant.loaded is None:
            raise ConfigError([tenant.problem], source=f"tenant {name}")
        app = open_loaded(tenant.loaded, clock=self._clock, pools=self._pools)
        app.stopping = self._stopping
        app.specs |= {connection: _spec(item.type) for connection, item in tenant.loaded.settings.connections.items()}
        runner = Runner(app, tenant=name, failing=self._failing.setdefault(name, {}))
        opened = Opened(tenant, app, runner, {job.name: job for job in tenant.jobs})
        with self._lock:
            self._open[name] = (mark, opened)
            while len(self._open) > _OPEN_AT_ONCE:
                self._open.popitem(last=False)  # closing is not needed: its connections are the pools'
        return opened


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look through the folder found against what was known: to take in, to leave out, gone."""

    fresh: tuple[Tenant, ...]
    broken: tuple[Tenant, ...]
    gone: tuple[str, ...]


class Folder:
    """Notices files that were added, changed or removed, at the cost of a listing and of the files that changed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._marks: dict[str, tuple[int, int]] = {}
        self._digests: dict[str, str] = {}

    def changes(self, known: Mapping[str, str], *, wanted: Callable[[], bool] = lambda: True) -> Changes:
        """Compare the files with `known`, a digest by tenant. `wanted` turning false ends a long first look early."""
        files = self._cluster.files()
        fresh: list[Tenant] = []
        broken: list[Tenant] = []
        for name, path in files.items():
            if not wanted():
                break
            if self._digest(name, path) == known.get(name, "-"):
                continue
            tenant = read_tenant(self._cluster, name, path)
            (broken if tenant.loaded is None else fresh).append(tenant)
        fresh, twice = _one_store_each(fresh)
        gone = tuple(sorted(set(known) - set(files))) if wanted() else ()
        return Changes(tuple(fresh), (*broken, *twice), gone)

    def _digest(self, name: str, path: Path) -> str:
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_size)
            if self._marks.get(name) != mark:
                self._digests[name] = digest_of(self._cluster, path)
                self._marks[name] = mark
        except OSError:
            return ""
        return self._digests[name]


def _one_store_each(tenants: Iterable[Tenant]) -> tuple[list[Tenant], list[Tenant]]:
    """Two tenants that name the same store would mix their books: the later one is left out."""
    taken: dict[str, str] = {}
    kept, refused = [], []
    for tenant in tenants:
        url = tenant.loaded.settings.store.url if tenant.loaded else ""
        other = taken.setdefault(url, tenant.name)
        if other == tenant.name:
            kept.append(tenant)
        else:
            problem = f"store.url: is the store of tenant {other} already; leave [store] out, or give ?schema= another name"
            refused.append(Tenant(name=tenant.name, path=tenant.path, digest=tenant.digest, problem=problem))
    return kept, refused


def open_tenant(file: Path, name: str) -> App:
    """One tenant of the cluster in `file`, for a command. UsageError when there is none of that name, ConfigError, StoreError."""
    cluster = read_cluster(file)
    files = cluster.files()
    if name not in files:
        known = ", ".join(sorted(files)[:10]) or "none"
        raise UsageError(f'there is no tenant called "{name}"', remedy=f"Known: {known}{' …' if len(files) > 10 else ''}")
    tenant = read_tenant(cluster, name, files[name])
    if tenant.loaded is None:
        raise ConfigError([tenant.problem], source=f"tenant {name}")
    level = tenant.loaded.settings.log.level
    logging_setup.configure("warning" if level == "info" else level, tenant.loaded.settings.log.style)
    return open_loaded(tenant.loaded)
