"""The composition root: settings -> store -> connectors. The only place that builds things."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import structlog
from pydantic import BaseModel

from connectors import registry
from core import log as logging_setup
from core.clock import Clock, SystemClock
from core.errors import ConfigError, UsageError
from core.fonts import faces_of
from core.messages.alphabets import Faces
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec
from core.records import Role
from core.settings import DEFAULT_PLACES, Loaded, Settings, load, with_secrets
from core.store import RELEASE, Pools, Store, open_store
from scheduler.store_place import ensure_vault_key, store_url, vault_keys

log = structlog.get_logger()
MAIL = "mail"


def find_config(given: Path | None) -> Path:
    """The configuration to use: the one given, $DUESYNC_CONFIG, ./duesync.toml, /etc/duesync/duesync.toml, in that order."""
    if given is not None:
        return given
    named = os.environ.get("DUESYNC_CONFIG")
    if named:
        return Path(named)
    for place in DEFAULT_PLACES:
        if Path(place).is_file():
            return Path(place)
    raise ConfigError(
        [f"no configuration found; looked for $DUESYNC_CONFIG, {' and '.join(DEFAULT_PLACES)}; `duesync init` writes a first one"]
    )


def settings_models() -> dict[str, type[BaseModel]]:
    """The settings model of every installed connector that can be loaded; `duesync doctor` names the others."""
    unusable = {item.name for item in registry.broken()}
    return {name: registry.load(name).settings for name in registry.installed() if name not in unusable}


def load_settings(path: Path, *, check_secrets: bool = False) -> Loaded:
    """Read and validate a configuration with the connectors installed here; with `check_secrets` the vault's keys as well."""
    loaded = load(path, settings_models(), check_secrets=check_secrets)
    if check_secrets:
        vault_keys(loaded)
    return loaded


@dataclass(slots=True)
class App:
    """Everything a command or job needs, opened. Use as a context manager."""

    loaded: Loaded
    clock: Clock
    store: Store
    transport: httpx.BaseTransport | None = None
    stopping: threading.Event = field(default_factory=threading.Event)  # set: finish the row under way, begin no other
    reviewing: threading.Lock = field(default_factory=threading.Lock)  # one review at a time: an older look must not undo a newer
    told: dict[str, str] = field(default_factory=dict)  # what pulls have logged in this process: each failure once
    specs: dict[str, ConnectorSpec] = field(default_factory=dict)  # looked up once: asking for entry points reads the disk

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @property
    def zone(self) -> str:
        return self.settings.organisation.timezone

    @property
    def roles(self) -> Mapping[str, Role]:
        return {name: item.role for name, item in self.settings.connections.items()}

    @property
    def systems(self) -> Mapping[str, str]:
        """Connector type of every connection, for words such as "in QuickBooks"."""
        return {name: item.type for name, item in self.settings.connections.items()}

    def spec(self, name: str) -> ConnectorSpec:
        """The connector behind a connection."""
        if name not in self.specs:
            self.specs[name] = registry.load(self._type_of(name))
        return self.specs[name]

    def _type_of(self, name: str) -> str:
        if name == MAIL and MAIL in self.loaded.connectors:
            return "smtp"
        if name not in self.settings.connections:
            known = ", ".join(sorted(self.settings.connections)) or "none"
            raise UsageError(f'there is no connection called "{name}"; configured: {known}')
        return self.settings.connections[name].type

    def can(self, name: str, capability: Capability) -> bool:
        """Does the connector behind `name` declare `capability`?"""
        return capability in self.spec(name).capabilities

    def writes(self, name: str, capability: Capability) -> bool:
        """Does the connector declare `capability`, and do the connection's own switches allow it?"""
        spec = self.spec(name)
        enabled = spec.capabilities if spec.writes is None else spec.writes(self.loaded.connectors[name])
        return capability in spec.capabilities and capability in enabled

    @property
    def faces(self) -> Faces:
        """Fonts for PDFs: those of the configuration, then those of this machine."""
        return faces_of([self.loaded.folder / Path(name).expanduser() for name in self.settings.documents.fonts])

    @contextmanager
    def connection(self, name: str) -> Iterator[Connector]:
        """An opened connector, closed at the end."""
        spec = self.spec(name)
        section = self.settings.connections.get(name)
        context = ConnectionContext(
            name=name,
            role=section.role if section else Role.BOOKS,
            settings=with_secrets(_absolute(self.loaded.connectors[name], self.loaded.folder), name),
            clock=self.clock,
            vault=self.store.vault,
            timezone=self.zone,
            currency=self.settings.organisation.currency,
            transport=self.transport,
            calls=self.store,
            documents=self.store.document,
        )
        connector = spec.build(context)
        try:
            yield connector
        finally:
            connector.close()

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _absolute(settings: BaseModel, folder: Path) -> BaseModel:
    """Connector settings with relative paths taken from the configuration's folder."""
    changes = {
        name: folder / value
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), Path) and not value.is_absolute()
    }
    return settings.model_copy(update=changes) if changes else settings


def _migrate(store: Store) -> None:
    """Bring the schema to this release, and leave word which release that was for an older one that meets the store."""
    ran = store.migrate()
    if ran:
        store.put_setting(RELEASE, version("duesync"))
    for revision in ran:
        log.info("store.migrated", revision=revision)


def open_app(
    config: Path | None,
    *,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    quiet: bool = False,
    service: bool = False,
) -> App:
    """Read the configuration, set up logging, open the store and bring its schema up to date.

    A `service` logs what it does; a command only what is wrong, unless [log] level asks for debug. `quiet` leaves logging alone.
    """
    loaded = load_settings(find_config(config))
    if not quiet:
        level = loaded.settings.log.level
        logging_setup.configure("warning" if level == "info" and not service else level, loaded.settings.log.style)
    return open_loaded(loaded, clock=clock, transport=transport)


def open_loaded(
    loaded: Loaded, *, clock: Clock | None = None, transport: httpx.BaseTransport | None = None, pools: Pools | None = None
) -> App:
    """Open the store of settings that were read, and bring its schema up to date. With `pools` its connections are shared."""
    chosen = clock or SystemClock()
    ensure_vault_key(loaded, lambda kind: Capability.OAUTH in registry.load(kind).capabilities)
    store = open_store(store_url(loaded), clock=chosen, vault_key=vault_keys(loaded), pools=pools)
    try:
        _migrate(store)
        store.set_roles({name: item.role for name, item in loaded.settings.connections.items()})
    except BaseException:
        store.close()
        raise
    return App(loaded, chosen, store, transport)
