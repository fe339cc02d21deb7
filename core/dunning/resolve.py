"""One policy per client: global < segment < account < invoice, with the origin of every value that was overridden."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.books import Account
from core.dunning.policy import AccountPolicy, DunningSettings, Mode, Override, Policy
from core.dunning.presets import PRESETS

_OWN = frozenset({"mode", "preset", "segments", "accounts", "invoices", "templates"})


def resolve_policy(settings: DunningSettings, account: Account) -> AccountPolicy:
    """The policy of `account`. Account overrides are found by its id, its name (case ignored) or "CONNECTION:REF" of a party."""
    layers: list[tuple[str, dict[str, Any]]] = [("global", _given(settings, skip=_OWN) | {"mode": settings.mode})]
    layers[0][1].setdefault("preset", settings.preset)
    segment = settings.segments.get(account.segment or "")
    if segment is not None:
        layers.append((f"segment {account.segment}", _given(segment)))
    for name in _names(account):
        found = next((value for key, value in settings.accounts.items() if key.casefold() == name.casefold()), None)
        if found is not None:
            layers.append((f"account {name}", _given(found)))
            break
    base, origins = _merge(layers)
    own = {
        key: _merge([*layers, (f"invoice {key}", _given(override))])[0]
        for key, override in settings.invoices.items()
        if any(key.startswith(f"{party.connection}:") for party in account.parties)
    }
    return AccountPolicy(
        mode=base[0],
        base=base[1],
        invoices={key: policy for key, (_, policy) in own.items()},
        invoice_modes={key: mode for key, (mode, _) in own.items()},
        origins=origins,
        templates=settings.templates,
    )


def _names(account: Account) -> Iterable[str]:
    yield account.id
    yield account.name
    yield from (f"{party.connection}:{party.ref}" for party in account.parties)


def _given(model: Policy | Override, skip: Iterable[str] = ()) -> dict[str, Any]:
    """The fields somebody wrote, not the defaults."""
    plain = {name: getattr(model, name) for name in model.model_fields_set if name not in skip}
    return {name: value for name, value in plain.items() if value is not None}


def _merge(layers: Iterable[tuple[str, dict[str, Any]]]) -> tuple[tuple[Mode, Policy], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        if "preset" in layer and "stages" not in layer:
            values.pop("stages", None)  # a preset named further down replaces stages written further up
            origins.pop("stages", None)
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    mode = Mode(values.pop("mode"))
    preset = values.pop("preset")
    if not values.get("stages"):
        values["stages"] = PRESETS[preset]
    return (mode, Policy.model_validate(values)), origins
