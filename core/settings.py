"""Settings from TOML: every problem listed at once with its key, unknown keys included, before anything is done.

The connectors' own keys are validated by the models they register; this module is handed those models and knows no vendor.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from core.collections.agencies import AgencySettings, connection_problems
from core.collections.settings import CollectionsSettings
from core.collections.terms import ContractTerms
from core.dunning.policy import Amounts, DunningSettings
from core.dunning.pushback import PushbackSettings, own_holds
from core.errors import ConfigError
from core.reconcile.rules import ReconcileRules
from core.records import Role
from core.secrets import SecretError, is_reference, resolve
from core.settings_names import perhaps
from core.settings_organisation import Locale, Organisation

DEFAULT_PLACES = ("duesync.toml", "/etc/duesync/duesync.toml")
Mode = Literal["observe", "draft", "active"]
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def read_duration(value: Any) -> Any:
    """Seconds of "90s", "15m", "6h" or "1d"; numbers are seconds already."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value)
        if match is None:
            raise ValueError('write a duration such as "90s", "15m", "6h" or "1d"')
        return float(match[1]) * _UNITS[match[2]]
    return value


def check_store_url(value: str) -> str:
    """The URL of a store that duesync can use; ValueError says what to write instead."""
    place = value.partition("://")[2]
    if value.startswith("sqlite:///") and place.strip("/") and not place.endswith(":memory:"):
        return value
    if value.startswith(("postgresql://", "postgres://")) and place:
        return value
    raise ValueError("write sqlite:///FILE or postgresql://USER@HOST/DATABASE; duesync keeps its store in no other database")


def _without_password(value: str) -> str:
    if ":" in value.partition("://")[2].rpartition("@")[0]:
        raise ValueError("holds a password; name it by reference in store.password instead")
    return value


Duration = Annotated[float, BeforeValidator(read_duration), Field(ge=0)]
StoreUrl = Annotated[str, AfterValidator(check_store_url), AfterValidator(_without_password)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Section):
    """Where duesync keeps what it knows."""

    url: StoreUrl = Field(
        "sqlite:///duesync.db", description="sqlite:///PATH (relative to this file) or postgresql://USER@HOST/NAME"
    )
    password: SecretStr | None = Field(None, description="the database password, by reference, where the URL has none")


class VaultSettings(_Section):
    """The key that encrypts vendors' tokens in the store."""

    key: SecretStr | None = Field(None, description="by reference; none: NAME.db.key beside a SQLite store")
    previous_keys: tuple[SecretStr, ...] = Field((), description="keys being rotated out; still read, no longer written with")


class DocumentSettings(_Section):
    """PDFs that duesync writes: statements, letters, evidence."""

    fonts: tuple[str, ...] = Field(
        (), description="font files (TTF, OTF, TTC) for names in other alphabets, tried before those installed on this machine"
    )


class LogSettings(_Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is written")
    style: Literal["auto", "json", "human"] = Field("auto", description="auto: human on a terminal, JSON lines elsewhere")


class TraceSettings(_Section):
    """OpenTelemetry traces; needs the extra duesync[traces]."""

    endpoint: str | None = Field(
        None, pattern=r"^https?://", description="collector's OTLP address, ending in /v1/traces; unset: off"
    )
    share: float = Field(1.0, ge=0.0, le=1.0, description="which part of all traces is kept, 0 to 1")


class HttpSettings(_Section):
    """The daemon's own HTTP: health, metrics and webhooks."""

    enabled: bool = Field(False, description="serve /healthz, /readyz, /metrics and /webhooks")
    host: str = Field("127.0.0.1", description="address to listen on; loopback unless you say otherwise")
    port: int = Field(8455, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    token: SecretStr | None = Field(
        None, description="bearer token of operators, by reference: /metrics, and the reasons in /readyz; needed off loopback"
    )
    metrics_token: SecretStr | None = Field(None, description="another that is good for /metrics alone, for the monitor")
    tls_certificate: str | None = Field(None, description="PEM file; needed to listen off loopback")
    tls_key: str | None = Field(None, description="PEM file of the certificate's key")


class DaemonSettings(_Section):
    """How often each job runs. Each start is moved by up to `jitter` so that many daemons do not call at once."""

    sync_every: Duration = Field(900.0, description="pull every connection")
    full_every: Duration = Field(86400.0, description="examine every account again, not only the changed ones")
    dispatch_every: Duration = Field(60.0, description="send what is queued and due")
    inbox_every: Duration = Field(300.0, description="read the mailbox of bounces and replies, where one is set up")
    jitter: Duration = Field(30.0, description="largest random delay of a start")
    read_back_after: Duration = Field(60.0, description="leave a lost answer alone so long before looking for it at the vendor")
    drain: Duration = Field(25.0, description="how long a stop waits for the work under way")


class ClusterSettings(_Section):
    """Many machines (`duesync worker`): where the tenants are, and how workers share the work. Needs PostgreSQL."""

    tenants: str | None = Field(None, description="folder of one configuration per tenant, NAME.toml; relative to this file")
    concurrency: int = Field(4, ge=1, le=64, description="jobs a worker process runs at once")
    share: int = Field(4, ge=1, description="most jobs of one tenant waiting or running at once, so that none starves the others")
    queue: int = Field(1000, ge=1, description="most jobs waiting in the queue; what is due beyond that waits its turn, fairly")
    schema_name: str = Field("duesync_queue", pattern=r"^[a-z_][a-z0-9_]{0,59}$", description="PostgreSQL schema of the queue")
    tick: Duration = Field(1.0, ge=0.05, description="how often a worker looks for what is due")
    rescan: Duration = Field(15.0, description="how often the folder of tenants is looked through for changes")
    heartbeat: Duration = Field(10.0, ge=0.1, description="how often a worker says that it is alive")
    dead_after: Duration = Field(30.0, ge=0.5, description="a worker silent for so long is dead: its jobs go to the others")


class RetentionSettings(_Section):
    """How long things are kept, counted from their last change; "0s" keeps for ever. Housekeeping runs once a day.

    Numbers, amounts and the journal stay. Default of messages: commercial letters are kept six years in Germany (HGB § 257),
    claims on simple contracts lapse after six in England (Limitation Act 1980, s. 5).
    """

    payloads: Duration = Field(63_072_000.0, description="vendors' raw answers, of records that did not change since")
    messages: Duration = Field(189_216_000.0, description="words and recipients of messages, in the outbox and the contact log")
    changes: Duration = Field(7_776_000.0, description="the log of what changed, and payloads of records deleted at the vendor")
    runs: Duration = Field(7_776_000.0, description="records of finished runs")
    keep_on_erasure: tuple[Literal["names", "references"], ...] = Field(
        (), description="what `duesync privacy erase` leaves: names of clients, references on invoices and payments"
    )


class ConnectionSettings(BaseModel):
    """What every connection has; the rest of its keys belong to its connector."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="which connector: csv, quickbooks, xero, connectwise or one you installed")
    role: Role = Field(
        description="books: invoices are paid there; psa: work is billed; bank: cash arrives; agency, channel: only told"
    )
    mode: Mode = Field("observe", description="observe: nothing is written there; draft: after approval; active: at once")
    sync_every: Duration | None = Field(None, description="pull this often instead of daemon.sync_every")


class AccountSettings(_Section):
    """What you know of one client that no system says. The key is the client's name, or CONNECTION:REF of its record."""

    parties: tuple[str, ...] = Field((), description='its records in every system, as "CONNECTION:REF"')
    segment: str | None = Field(None, description="group whose dunning policy applies")
    locale: Locale | None = Field(None, description="language and country it is written to in, such as de-AT")
    natural_person: bool | None = Field(None, description="a person (sole trader), not a company; unset: unknown")
    legal_name: str | None = Field(None, description="its full legal name, where no system has it")
    address: str | None = Field(None, description="postal address, where no system has it; an agency and letters need one")
    margin_percent: Decimal | None = Field(None, ge=0, le=100, description="your margin on what it is billed; no system says it")
    credit_limit: Amounts = Field(default_factory=dict, description="most it may owe, per currency; reports name who owes more")
    contract: ContractTerms = Field(default_factory=lambda: ContractTerms.model_validate({}), description="its signed contract")


class Settings(_Section):
    """All of duesync.toml."""

    organisation: Organisation
    store: StoreSettings = StoreSettings.model_validate({})
    connections: dict[str, ConnectionSettings] = Field(default_factory=dict)
    mail: dict[str, Any] | None = None
    accounts: dict[str, AccountSettings] = Field(default_factory=dict)
    pushback: dict[str, PushbackSettings] = Field(default_factory=dict)
    dunning: DunningSettings = DunningSettings.model_validate({})
    reconcile: ReconcileRules = ReconcileRules.model_validate({})
    agencies: dict[str, AgencySettings] = Field(default_factory=dict)
    collections: CollectionsSettings = CollectionsSettings.model_validate({})
    vault: VaultSettings = VaultSettings.model_validate({})
    daemon: DaemonSettings = DaemonSettings.model_validate({})
    retention: RetentionSettings = RetentionSettings.model_validate({})
    cluster: ClusterSettings = ClusterSettings.model_validate({})
    http: HttpSettings = HttpSettings.model_validate({})
    documents: DocumentSettings = DocumentSettings.model_validate({})
    log: LogSettings = LogSettings.model_validate({})
    traces: TraceSettings = TraceSettings.model_validate({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Validated settings, the connectors' own parts beside them, and the folder relative paths start from."""

    settings: Settings
    connectors: Mapping[str, BaseModel]  # by connection name; "mail" for the mail section
    folder: Path


def load(
    path: Path, models: Mapping[str, type[BaseModel]], *, check_secrets: bool = False, inherited: Mapping[str, Any] | None = None
) -> Loaded:
    """Read `path`. `models` maps connector names to their settings models; `inherited` holds whole sections the file may lack.

    ConfigError lists every problem with its key; with `check_secrets` also each secret that cannot be read.
    """
    data = {**(inherited or {}), **read_toml(path)}
    problems: list[str] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += problem_lines(error, (), Settings)
    connectors = _connector_parts(data, models, problems)
    if settings is not None:
        problems += _plain_secrets(settings, ())
        strangers = sorted(set(settings.pushback) - set(settings.connections))
        problems += [f"pushback.{name}: there is no connection of that name" for name in strangers]
        problems += own_holds(settings.dunning, settings.pushback)
        known = {name: item.type for name, item in settings.connections.items()}
        problems += connection_problems(settings.agencies, known, mail=settings.mail is not None)
    for name, part in connectors.items():
        problems += _plain_secrets(part, ("mail",) if name == "mail" else ("connections", name))
    if check_secrets and settings is not None:
        problems += [*unreadable_secrets(settings, "")]
        problems += [item for name, part in connectors.items() for item in unreadable_secrets(part, name)]
    if problems or settings is None:
        raise ConfigError(list(dict.fromkeys(problems)), source=str(path))
    return Loaded(settings=settings, connectors=connectors, folder=path.resolve().parent)


def read_toml(path: Path) -> dict[str, Any]:
    """The raw sections of a configuration; ConfigError when it is missing, cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; `duesync init` writes a first one"], source="configuration") from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"], source="configuration") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not valid TOML: {error}"], source="configuration") from None


def _connector_parts(data: dict[str, Any], models: Mapping[str, type[BaseModel]], problems: list[str]) -> dict[str, BaseModel]:
    parts: dict[str, BaseModel] = {}
    connections = data.get("connections", {})
    for name, raw in connections.items() if isinstance(connections, dict) else ():
        if not _NAME.fullmatch(name) or name == "mail":
            problems.append(f'connections.{name}: use 1-40 of a-z, 0-9, _ and - for a name (and not "mail")')
        if not isinstance(raw, dict):
            continue
        kind = raw.get("type")
        if isinstance(kind, str) and kind not in models:
            known = ", ".join(sorted(set(models) - {"smtp"}))
            problems.append(f'connections.{name}.type: no connector is called "{kind}"; installed: {known}')
        elif isinstance(kind, str):
            own = {key: value for key, value in raw.items() if key not in ConnectionSettings.model_fields}
            _validate_part(parts, name, ("connections", name), models[kind], own, problems)
    mail = data.get("mail")
    if isinstance(mail, dict) and "smtp" in models:
        _validate_part(parts, "mail", ("mail",), models["smtp"], mail, problems)
    return parts


def _validate_part(
    parts: dict[str, BaseModel],
    name: str,
    at: tuple[str, ...],
    model: type[BaseModel],
    own: dict[str, Any],
    problems: list[str],
) -> None:
    try:
        parts[name] = model.model_validate(own)
    except ValidationError as error:
        problems.extend(problem_lines(error, at, model))


def problem_lines(error: ValidationError, at: tuple[str, ...], model: type[BaseModel] | None = None) -> list[str]:
    """One line per fault: the key, what is wrong and, for unknown keys, what was perhaps meant."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in (*at, *item["loc"]) if part != "[key]")
        text = {"missing": "is missing", "extra_forbidden": "is not a setting duesync knows"}.get(item["type"], item["msg"])
        meant = perhaps(str(item["loc"][-1]), model) if model and item["type"] == "extra_forbidden" else ""
        lines.append(f"{key or 'file'}: {text.removeprefix('Value error, ')}{meant}")
    return lines


def _secrets(model: BaseModel, at: tuple[str, ...]) -> list[tuple[str, SecretStr]]:
    found: list[tuple[str, SecretStr]] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        items = value if isinstance(value, tuple | list) else (value,)
        for item in items:
            if isinstance(item, SecretStr):
                found.append((".".join((*at, name)), item))
            elif isinstance(item, BaseModel):
                found += _secrets(item, (*at, name))
    return found


def _plain_secrets(model: BaseModel, at: tuple[str, ...]) -> list[str]:
    hint = "write a reference (env:NAME, file:PATH or credential:NAME), not the secret itself"
    return [f"{key}: {hint}" for key, secret in _secrets(model, at) if not is_reference(secret.get_secret_value())]


def unreadable_secrets(model: BaseModel, name: str) -> list[str]:
    """A line for each secret of a settings model that cannot be read now; `name` is a connection, "mail" or a "[section]"."""
    at: tuple[str, ...] = ("connections", name) if name else ()
    if name == "mail" or name.startswith("["):
        at = (name.strip("[]"),)
    lines = []
    for key, secret in _secrets(model, at):
        try:
            resolve(secret.get_secret_value())
        except SecretError as error:
            lines.append(f"{key}: {error}")
    return lines


def with_secrets(model: BaseModel, name: str) -> BaseModel:
    """A copy of a settings model with every reference replaced by its secret; ConfigError lists those that cannot be read."""
    problems = unreadable_secrets(model, name)
    if problems:
        raise ConfigError(problems, source=f"secrets of {name or 'the configuration'}")
    return _resolved(model)


def _resolved(model: BaseModel) -> BaseModel:
    changes: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            changes[name] = SecretStr(resolve(value.get_secret_value()))
        elif isinstance(value, tuple) and any(isinstance(item, SecretStr) for item in value):
            changes[name] = tuple(SecretStr(resolve(item.get_secret_value())) for item in value)
        elif isinstance(value, BaseModel):
            changes[name] = _resolved(value)
    return model.model_copy(update=changes)
