"""The house keeps its shape: sizes, names, docstrings, one event catalogue, generated pages that match the code."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

from core.events import CATALOGUE
from tests.conftest import ROOT
from tests.generated import PAGES

SOURCES = sorted(path for room in ("core", "connectors", "scheduler") for path in (ROOT / room).rglob("*.py"))
LARGEST_FILE = 400
LARGEST_FUNCTION = 50
BANNED_NAMES = {"utils", "helpers", "manager", "base", "common", "impl", "misc"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, the docstring not counted."""
    body = node.body
    if (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        body = body[1:]
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_too_long_to_read_at_once(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LARGEST_FILE


def test_no_function_is_too_long_and_most_are_short():
    lengths = {f"{name_of(path)}:{node.name}": length(node) for path in SOURCES for node in functions(path)}
    assert [name for name, lines in lengths.items() if lines > LARGEST_FUNCTION] == []
    ordered = sorted(lengths.values())
    assert statistics.median(ordered) <= 8
    assert ordered[int(len(ordered) * 0.9)] <= 25


def test_no_module_hides_behind_a_word_that_says_nothing():
    assert [name_of(path) for path in SOURCES if path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES] == []


def undocumented(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not tree.body:
        return []
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]
    missing = [node.name for node in public if not ast.get_docstring(node)]
    return missing if ast.get_docstring(tree) else ["module", *missing]


@pytest.mark.parametrize("path", [path for path in SOURCES if "migrations/versions" not in str(path)], ids=name_of)
def test_every_module_and_public_name_says_what_it_is(path):
    assert undocumented(path) == []


LOG_CALL = re.compile(r"""\blog(?:ger)?\.(debug|info|warning|error|exception|critical)\(\s*["']([^"']+)["']""")


def logged_events() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for level, name in LOG_CALL.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(level)
    return found


def test_every_logged_event_stands_in_the_catalogue_and_no_other():
    assert set(logged_events()) == set(CATALOGUE)


def test_event_names_are_noun_and_verb():
    assert [name for name in CATALOGUE if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_generated_page_matches_the_code(page):
    written = (ROOT / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), f"{page} is out of date: run make docs"


def test_no_stub_stands_behind_a_documented_feature():
    marks = re.compile(r"raise NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX:")
    assert [name_of(path) for path in SOURCES if marks.search(path.read_text(encoding="utf-8"))] == []


def test_every_page_is_named_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted((ROOT / "docs").glob("*.md")) if f"(docs/{page.name})" not in readme] == []
