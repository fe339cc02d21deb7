"""`python -m tests.supply audit` (part of `make lint`) and `python -m tests.supply sbom FILE` (`make sbom`).

The audit asks the public advisories about every version in requirements.lock. A known vulnerability fails it unless ACCEPTED says
why it does not matter here. What could not be asked (no network, a registry without advisories) is said and fails nothing: a
build must not break because a service is away, and must not call unchecked what was not checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

LOCK = ROOT / "requirements.lock"
# advisory id -> why duesync is not affected
ACCEPTED: Mapping[str, str] = {}
PATIENCE = 120  # seconds


def main(words: Sequence[str]) -> int:
    """0: nothing known against any part that could be checked."""
    if words[:1] == ["sbom"] and len(words) == 2:
        return sbom(Path(words[1]))
    if list(words) == ["audit"]:
        return audit()
    print(__doc__)
    return 2


def sbom(target: Path, *, validate: bool = True) -> int:
    """Write the parts of requirements.lock as CycloneDX JSON, the same bytes for the same lock; `validate` against its schema."""
    target.parent.mkdir(parents=True, exist_ok=True)
    options = [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        "--validate" if validate else "--no-validate",
        "-o",
        str(target),
        str(LOCK),
    ]
    done = subprocess.run([sys.executable, "-m", "cyclonedx_py", "requirements", *options], check=False)
    if done.returncode == 0:
        print(f"{target}: {len(json.loads(target.read_text())['components'])} parts")
    return done.returncode


def audit() -> int:
    """Ask, and say what is known."""
    options = ["--disable-pip", "--require-hashes", "-r", str(LOCK), "--progress-spinner", "off", "--format", "json"]
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "pip_audit", *options], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        parts: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("audit: NOT CHECKED: the advisories could not be asked (no network?); run `make audit` where they can")
        return 0
    lines, bad = report(parts, ACCEPTED)
    print("\n".join(lines))
    return 1 if bad else 0


def report(parts: Sequence[Mapping[str, Any]], accepted: Mapping[str, str]) -> tuple[list[str], int]:
    """What to print for the answers of pip-audit, and how many vulnerabilities count."""
    known = [(part, advisory) for part in parts for advisory in part.get("vulns", ())]
    counting = [pair for pair in known if not {pair[1]["id"], *pair[1].get("aliases", ())} & set(accepted)]
    lines = [
        f"audit: {part['name']} {part['version']}: {advisory['id']}; "
        f"fixed in {', '.join(advisory.get('fix_versions') or ['no release yet'])}"
        for part, advisory in counting
    ]
    unasked = [part["name"] for part in parts if "skip_reason" in part]
    checked = len(parts) - len(unasked)
    lines.append(f"audit: {checked} of {len(parts)} parts checked, {len(counting)} known vulnerabilities")
    if unasked:
        lines.append(f"audit: NOT CHECKED: {len(unasked)} parts the registry here has no advisories for, such as {unasked[0]}")
    return lines, len(counting)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
