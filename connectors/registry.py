"""Which connectors there are: our own by a table, others by the entry-point group `duesync.connectors`.

Ours are named in a table and not by entry points, so that a checkout that was never installed has them too. Nothing is imported
before it is asked for. A broken stranger is named and does not stop the rest.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from core.errors import UsageError
from core.ports import ConnectorSpec

GROUP = "duesync.connectors"
BUILTIN: dict[str, str] = {
    "csv": "connectors.csvfiles:SPEC",
    "quickbooks": "connectors.quickbooks:SPEC",
    "xero": "connectors.xero:SPEC",
    "connectwise": "connectors.connectwise:SPEC",
    "smtp": "connectors.smtp:SPEC",
    "webhook": "connectors.webhook:SPEC",
    "letters": "connectors.letters:SPEC",
    "agency": "connectors.agency:SPEC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a connector comes from: "module:NAME", and the distribution that brings it (None for our own)."""

    name: str
    target: str
    distribution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A connector that cannot be used, and why."""

    name: str
    problem: str


def installed() -> dict[str, Source]:
    """Every connector by name, ours first, without importing any. A stranger with one of our names is left out: see `broken`."""
    found = {name: Source(name=name, target=target) for name, target in BUILTIN.items()}
    for point in _strangers():
        if point.name not in found:
            found[point.name] = Source(name=point.name, target=point.value, distribution=_owner(point))
    return found


def load(name: str) -> ConnectorSpec:
    """The connector's spec. UsageError names what is wrong: unknown, not importable, or not a ConnectorSpec of that name."""
    sources = installed()
    if name not in sources:
        raise UsageError(f"There is no connector {name!r}.", remedy=f"Known ones: {', '.join(sorted(sources))}.")
    return _import(sources[name])


def broken() -> tuple[Broken, ...]:
    """Every installed connector that cannot be loaded, and every one hidden by another of the same name: for `duesync doctor`."""
    problems = []
    for source in installed().values():
        try:
            _import(source)
        except UsageError as error:
            problems.append(Broken(name=source.name, problem=str(error)))
    return (*problems, *_hidden())


def _hidden() -> list[Broken]:
    seen = dict.fromkeys(BUILTIN, "duesync itself")
    found = []
    for point in _strangers():
        owner = _owner(point) or "an unnamed distribution"
        if point.name in seen and seen[point.name] != owner:
            found.append(
                Broken(name=point.name, problem=f"{owner} also brings {point.name!r}; the one of {seen[point.name]} is used.")
            )
        seen.setdefault(point.name, owner)
    return found


def _strangers() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, _owner(point) or ""))


def _owner(point: EntryPoint) -> str | None:
    return point.dist.name if point.dist is not None else None


def _import(source: Source) -> ConnectorSpec:
    origin = f" of {source.distribution}" if source.distribution else ""
    module_name, _, attribute = source.target.partition(":")
    try:
        spec = getattr(importlib.import_module(module_name), attribute or "SPEC")
    except Exception as error:  # a stranger's module may raise anything at import
        raise UsageError(
            f"The connector {source.name!r}{origin} cannot be loaded from {source.target}: {type(error).__name__}: {error}.",
            remedy="Update or remove the package that brings it." if source.distribution else "",
        ) from error
    if not isinstance(spec, ConnectorSpec):
        raise UsageError(f"{source.target}{origin} is not a ConnectorSpec.")
    if spec.name != source.name:
        raise UsageError(f"{source.target}{origin} calls itself {spec.name!r}, but is registered as {source.name!r}.")
    return spec
