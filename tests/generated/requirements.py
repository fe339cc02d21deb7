"""docs/requirements.md: which requirement is proven by which test that passed, and what is not yet proven, with why.

Written by `make requirements`, which runs the suite; a requirement counts as proven only when every test that names it passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tests.generated.reasons import OPEN

AREAS = {"A": ("What the field's guides ask for", 116), "D": ("What no product does", 14), "E": ("What users suffer", 53)}


def page(passed: Iterable[tuple[str, str]], failed: Iterable[tuple[str, str]]) -> str:
    """The page, from (requirement id, test) pairs."""
    proofs: dict[str, set[str]] = defaultdict(set)
    for requirement, test in passed:
        proofs[requirement].add(test)
    broken = {requirement for requirement, _ in failed}
    lines = [
        "# Requirements and what proves them",
        "",
        "Made from the tests that passed (`make requirements`). A requirement with no test says why.",
        "",
    ]
    for letter, (title, count) in AREAS.items():
        ids = [f"{letter}{number}" for number in range(1, count + 1)]
        proven = [name for name in ids if proofs.get(name) and name not in broken]
        lines += [
            f"## {letter}: {title}",
            "",
            f"{len(proven)} of {count} are proven by a test.",
            "",
            "| id | proven by |",
            "|---|---|",
        ]
        lines += [f"| {name} | {_proof(name, proofs, broken)} |" for name in ids]
        lines.append("")
    return "\n".join([*lines, *_reliability(proofs, broken)])


def _proof(name: str, proofs: Mapping[str, set[str]], broken: set[str]) -> str:
    if name in broken:
        return "**a test that names it fails**"
    tests = sorted(proofs.get(name, ()))
    if tests:
        more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
        return ", ".join(f"`{test}`" for test in tests[:3]) + more
    return f"not yet: {OPEN.get(name, 'no test names it')}"


def _reliability(proofs: Mapping[str, set[str]], broken: set[str]) -> list[str]:
    lines = ["## Reliability cases of the vendor notes", "", "| case | proven by |", "|---|---|"]
    cases = {name for name in proofs if ":" in name} | {name for name in OPEN if ":" in name}
    lines += [f"| {name} | {_proof(name, proofs, broken)} |" for name in sorted(cases, key=_case_order)]
    return [*lines, ""]


def _case_order(name: str) -> tuple[str, int, str]:
    vendor, _, number = name.partition(":")
    digits = "".join(char for char in number if char.isdigit())
    return (vendor, int(digits or 0), number)
