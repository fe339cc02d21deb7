"""Names of settings: what a misspelt or renamed key was perhaps meant to be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

_CLOSE = 0.72  # of difflib's ratio: one slip in a short word, two in a long one


def perhaps(key: str, model: type[BaseModel]) -> str:
    """ "; perhaps NAME is meant" where a setting of `model`, or of a section in it, is called much like `key`; else empty."""
    known = sorted(_names(model))
    found = next((name for name in known if name.replace("_", "") == key.replace("-", "").replace("_", "")), None)
    close = [found] if found else get_close_matches(key, known, 1, _CLOSE)
    return f"; perhaps {close[0]} is meant" if close else ""


def _names(model: type[BaseModel]) -> set[str]:
    names = set(model.model_fields)
    for field in model.model_fields.values():
        for kind in _models(field.annotation):
            names |= _names(kind)
    return names


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
