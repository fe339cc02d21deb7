"""The vendor's derived API model as a judge: every answer of the sandbox and every request of the connector must fit it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

MEDIA = "application/vnd.connectwise.com+json; version=2025.8"
URN = "urn:connectwise"
# The model says `object` for custom values; live answers hold text, numbers, booleans and null (brief 1.11).
_SLIPS = {"CustomFieldValue": "value", "PatchOperation": "value"}


class Judge:
    """Checks exchanges; `seen` are the operations that came by."""

    def __init__(self, document: dict[str, Any]) -> None:
        for name, field in _SLIPS.items():
            document["components"]["schemas"][name]["properties"][field] = {}
        self._paths = document["paths"]
        self._schemas = document["components"]["schemas"]
        self._registry = Registry().with_resource(URN, Resource.from_contents(document, default_specification=DRAFT4))
        self._patterns = [
            (re.compile(re.sub(r"\\\{\w+\\\}", r"\\d+", re.escape(path)) + r"/?"), path) for path in sorted(self._paths)
        ]
        self.seen: set[str] = set()

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        """The model's operation for a call."""
        literal = [item for item in self._patterns if item[0].fullmatch(path)]
        assert literal, f"{path} is no path of the model"
        name = min(literal, key=lambda item: item[1].count("{"))[1]
        assert method.lower() in self._paths[name], f"{method} {name} is no operation of the model"
        self.seen.add(f"{method} {name}")
        return name, self._paths[name][method.lower()]

    def check(self, request: httpx.Request, response: httpx.Response) -> None:
        """Judge one exchange below apis/3.0."""
        inside = request.url.path.partition("/apis/3.0")[2]
        name, operation = self.operation(request.method, inside)
        known = {item["name"].lower() for item in operation["parameters"]}
        assert {key.lower() for key in request.url.params} <= known, f"{name}: {request.url.query!r}"
        assert request.headers.get("clientid"), name
        if request.method in ("POST", "PATCH") and response.status_code < 400:
            self._fits(operation["requestBody"]["content"]["application/json"]["schema"], _read(request.content), name)
        if response.status_code >= 400:
            if response.status_code != 429:
                self._fits({"$ref": "#/components/schemas/ErrorResponseMessage"}, _read(response.content), name)
            return
        assert str(response.status_code) in operation["responses"], f"{name}: {response.status_code}"
        content = operation["responses"][str(response.status_code)].get("content", {})
        if MEDIA in content:
            self._fits(content[MEDIA]["schema"], _read(response.content), name, partial="fields" in request.url.params)

    def _fits(self, schema: dict[str, Any], value: Any, name: str, *, partial: bool = False) -> None:
        rooted = json.loads(json.dumps(schema).replace("#/components", f"{URN}#/components"))
        errors = list(Draft4Validator(rooted, registry=self._registry).iter_errors(value))
        if partial:  # `fields` leaves out what the model requires
            errors = [error for error in errors if error.validator != "required"]
        assert not errors, f"{name}: {errors[0].json_path} {errors[0].message[:300]}"
        self._no_stranger(schema, value, name)

    def _no_stranger(self, schema: dict[str, Any], value: Any, name: str) -> None:
        """Every member of a record is one the model has: a misspelt one would pass otherwise."""
        if isinstance(value, list) and "items" in schema:
            for item in value:
                self._no_stranger(schema["items"], item, name)
        known = self._schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties")
        if isinstance(value, dict) and known is not None:
            assert set(value) <= set(known), f"{name}: {set(value) - set(known)} is not in the model"


def _read(content: bytes) -> Any:
    return json.loads(content) if content else None


@functools.cache
def load(folder: Path) -> dict[str, Any]:
    """The model, read once: it is large."""
    return json.loads((folder / "specs/connectwise.derived-v2025.8.openapi.json").read_text(encoding="utf-8"))
