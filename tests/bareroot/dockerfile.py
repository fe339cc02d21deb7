"""Read a Dockerfile into stages: enough of its language for ours, and a plain word for what is beyond it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

_KNOWN = ("RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD")


@dataclass(frozen=True)
class Step:
    """One instruction, its continuation lines joined."""

    name: str
    text: str


@dataclass
class Stage:
    """One FROM and what follows it."""

    image: str
    name: str
    steps: list[Step] = field(default_factory=list)


def stages(path: Path) -> list[Stage]:
    """The stages in order; ValueError names an instruction that cannot be run here."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#")))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, text = line.partition(" ")
        if name == "FROM":
            image, _, alias = text.partition(" AS ")
            found.append(Stage(image.strip(), alias.strip() or str(len(found))))
        elif name in _KNOWN and found:
            found[-1].steps.append(Step(name, text.strip()))
        else:
            raise ValueError(f"{path.name}: {name} is not something this check can run")
    return found


def command(stage: Stage) -> list[str]:
    """What the container starts: the entry point and its default arguments."""
    words: list[str] = []
    for name in ("ENTRYPOINT", "CMD"):
        words += next((json.loads(step.text) for step in reversed(stage.steps) if step.name == name), [])
    return words


def health_command(stage: Stage) -> list[str]:
    """What the health check runs."""
    text = next(step.text for step in stage.steps if step.name == "HEALTHCHECK")
    found: list[str] = json.loads(text.partition(" CMD ")[2])
    return found


def assignments(text: str) -> dict[str, str]:
    """ENV's KEY=VALUE pairs."""
    return dict(word.split("=", 1) for word in shlex.split(text))
