"""What is generated from the settings, so that it cannot drift: config.example.toml, the first configuration, the JSON Schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors import registry
from core.errors import UsageError
from core.settings import ConnectionSettings, Settings, read_duration
from scheduler.app import settings_models

_HEAD = """\
# Every setting of duesync with its default. Uncomment what you change; keys that are not commented out are required.
# Secrets are never written here: say where they are (env:NAME, file:PATH or credential:NAME).
# Durations are text such as "90s", "15m", "6h" or "1d"; amounts are decimals in the currency named.
"""
_EXAMPLES = {
    "organisation.name": "Example MSP",
    "organisation.timezone": "America/Chicago",
    "organisation.currency": "USD",
    "organisation.country": "US",
}
_FIRST_KEYS: dict[str, tuple[str, ...]] = {
    "csv": ('type = "csv"', 'role = "books"', 'path = "books"    # a folder of CSV files'),
    "quickbooks": (
        'type = "quickbooks"',
        'role = "books"',
        'realm_id = "0000000000000000"',
        'client_id = "your app\'s client id"',
        'client_secret = "env:QUICKBOOKS_CLIENT_SECRET"',
    ),
    "xero": (
        'type = "xero"',
        'role = "books"',
        'client_id = "your app\'s client id"',
        'client_secret = "env:XERO_CLIENT_SECRET"',
    ),
    "connectwise": (
        'type = "connectwise"',
        'role = "psa"',
        'site = "na.myconnectwise.net"',
        'company_id = "yourcompany"',
        'client_id = "your integrator client id"',
        'public_key = "env:CONNECTWISE_PUBLIC_KEY"',
        'private_key = "env:CONNECTWISE_PRIVATE_KEY"',
    ),
}


def example_toml() -> str:
    """config.example.toml: every section and key with its default and one line of meaning."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        if name == "connections":
            parts += [*_connection_sections()]
        elif name == "mail":
            parts += [_section("mail", registry.load("smtp").settings, commented=True)]
        elif name == "accounts":
            parts += [_section('accounts."Example Client"', _model(field), commented=True)]
        elif name == "agencies":
            parts += [_section("agencies.NAME_OF_AN_AGENCY", _model(field), commented=True)]
        elif name == "pushback":
            parts += [_section("pushback.NAME_OF_A_CONNECTION", _model(field), commented=True)]
        else:
            parts += [_section(name, _model(field))]
    return "\n".join(parts)


def _connection_sections() -> Iterable[str]:
    for kind in registry.BUILTIN:
        if kind == "smtp":
            continue
        spec = registry.load(kind)
        fields = {**ConnectionSettings.model_fields, **spec.settings.model_fields}
        plain = {key: item for key, item in fields.items() if key != "type" and _nested(item) is None}
        head = [*_comment(spec.summary), f"# [connections.{kind}]", f'# type = "{kind}"']
        text = "\n".join([*head, *(line for key, item in plain.items() for line in _key("", key, item, True)), ""])
        for key, item in fields.items():
            inner = _nested(item)
            if inner is not None:
                text += "\n" + _section(f"connections.{kind}.{key}", inner, commented=True)
        yield text


def _section(name: str, model: type[BaseModel], *, commented: bool = False) -> str:
    scalars = {key: item for key, item in model.model_fields.items() if _nested(item) is None}
    lines = [*_comment(_first_sentence(model)), f"{'# ' if commented else ''}[{name}]"]
    for key, item in scalars.items():
        lines += _key(name, key, item, commented)
    text = "\n".join([*lines, ""])
    for key, item in model.model_fields.items():
        inner = _nested(item)
        if inner is not None:
            text += "\n" + _section(f"{name}.{key}", inner, commented=commented or not item.is_required())
    return text


def _key(section: str, key: str, item: FieldInfo, commented: bool) -> list[str]:
    required = item.is_required()
    value = _EXAMPLES.get(f"{section}.{key}") if required else _plain(item.get_default(call_default_factory=True))
    shown = "" if value is None else _duration(float(value)) if _is_duration(item) else _toml(value)
    line = f"{key} = {shown}" if shown else f"{key} ="
    hide = commented or not required
    return [*_comment(item.description or ""), f"{'# ' if hide else ''}{line}".rstrip()]


def _is_duration(item: FieldInfo) -> bool:
    return any(getattr(mark, "func", None) is read_duration for mark in item.metadata)


def _duration(seconds: float) -> str:
    """A duration as people write it."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f'"{int(seconds / length)}{unit}"'
    return f'"{seconds:g}s"'


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), 120)]


def _first_sentence(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _model(field: FieldInfo) -> type[BaseModel]:
    found = _nested(field) or _value_model(field)
    assert found is not None
    return found


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    """The model a field holds directly, if it does."""
    kinds = (field.annotation, *get_args(field.annotation))
    if _value_model(field) is not None:
        return None
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _value_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a table whose keys the user chooses, or of a list."""
    origin = getattr(field.annotation, "__origin__", None)
    if origin not in (dict, list, tuple):
        return None
    return next((kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _toml(value: Any) -> str:
    """A value in TOML. Strings are written as JSON strings, which TOML reads the same."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return "[" + ", ".join(_toml(_plain(item)) for item in items) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(item)}" for key, item in value.items() if item is not None) + "}"
    return json.dumps(str(value), ensure_ascii=False)


def first_toml(*, name: str, timezone: str, currency: str, country: str, kind: str) -> str:
    """The smallest configuration that works, for `duesync init`. Raises UsageError for an unknown kind."""
    if kind not in _FIRST_KEYS:
        raise UsageError(f'no connector is called "{kind}"', remedy=f"Choose one of {', '.join(_FIRST_KEYS)}.")
    lines = [
        "# duesync: everything not named here has a default; `duesync config example` shows them all.",
        "[organisation]",
        *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in _organisation(name, timezone, currency, country)),
        "",
        "[store]",
        'url = "sqlite:///duesync.db"',
        "",
        f"[connections.{'psa' if kind == 'connectwise' else 'books'}]",
        *_FIRST_KEYS[kind],
        'mode = "observe"    # nothing leaves this machine until you write "draft" or "active"',
        "",
    ]
    return "\n".join(lines)


def _organisation(name: str, timezone: str, currency: str, country: str) -> list[tuple[str, str]]:
    return [("name", name), ("timezone", timezone), ("currency", currency.upper()), ("country", country.upper())]


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema of duesync.toml, with the keys of every installed connector."""
    schema = Settings.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    shapes = []
    for name, model in settings_models().items():
        own = model.model_json_schema(ref_template="#/$defs/" + name + ".{model}")
        for key, value in own.pop("$defs", {}).items():
            definitions[f"{name}.{key}"] = value
        if name == "smtp":
            schema["properties"]["mail"] = own
            continue
        common = ConnectionSettings.model_json_schema()
        definitions.update(common.get("$defs", {}))
        properties = {**common["properties"], "type": {"const": name}, **own.get("properties", {})}
        required = ["type", "role", *own.get("required", [])]
        shapes.append({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
    schema["properties"]["connections"] = {"type": "object", "additionalProperties": {"oneOf": shapes}}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "duesync configuration"
    return schema


def toml_section(name: str, keys: dict[str, Any]) -> str:
    """A section of TOML with these keys."""
    return "\n".join([f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in keys.items() if value is not None), ""])
