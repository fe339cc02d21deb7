"""The command line as a whole: quick to answer, the same words everywhere, usable where nobody is at a terminal."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from scheduler.cli.commands import COMMANDS, every_command
from tests.conftest import ROOT
from tests.system.inline import inline

HEAVY = {"sqlalchemy", "sqlmodel", "httpx", "pydantic", "alembic", "starlette", "uvicorn", "apscheduler", "babel", "jinja2"}


def test_the_list_of_commands_says_what_each_says_of_itself():
    for name, command in every_command().items():
        assert command.name == name
        assert COMMANDS[name].about == command.get_short_help_str(500), name


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_what_needs_no_store_imports_none(words):
    asked = (
        f"import sys\nfrom scheduler.cli import main\ntry:\n main([{words!r}])\nexcept SystemExit as end:\n assert not end.code\n"
    )
    asked += f"print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", asked], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("name", ["run", "worker", "demo", "sandbox"])
def test_a_command_that_goes_on_for_long_looks_for_cycles_as_often_as_python_does(tmp_path, name):
    usual = gc.get_threshold()
    try:
        gc.set_threshold(5_000_000, 50, 100)  # as every command begins
        inline(tmp_path, name, "--help")
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*usual)


def test_the_release_is_told(tmp_path):
    ran = inline(tmp_path, "--version")
    assert (ran.code, ran.out.split()[0]) == (0, "duesync")
    assert ran.out.split()[1][0].isdigit()


def test_help_lists_every_command_and_a_mistyped_one_is_told_with_the_one_meant(tmp_path):
    listed = inline(tmp_path, "--help").out
    assert all(f"  {name} " in listed for name in COMMANDS)
    ran = inline(tmp_path, "pravacy")
    assert (ran.code, "'pravacy'" in ran.err, "'privacy'" in ran.err) == (2, True, True)


def test_the_help_of_a_group_looks_like_that_of_a_command_and_days_are_shown_as_written(tmp_path):
    assert not set(inline(tmp_path, "findings", "--help").out) & set("│╭╰")
    assert "--as-of yyyy-mm-dd" in inline(tmp_path, "preview", "--help").out


def test_init_without_a_terminal_says_what_to_pass(tmp_path):
    ran = inline(tmp_path, "init")
    assert ran.code == 2
    for option in ("--name", "--timezone", "--currency", "--country", "--connection"):
        assert option in ran.err
    assert not (tmp_path / "duesync.toml").exists()


ANSWERS = ["--name", "N", "--timezone", "Europe/Vienna", "--currency", "eur", "--country", "at", "--connection", "csv"]


def test_init_takes_its_answers_as_options_and_what_it_writes_is_fine(tmp_path):
    ran = inline(tmp_path, "init", *ANSWERS)
    assert ran.code == 0, ran.err
    assert (tmp_path / "duesync.toml").stat().st_mode & 0o777 == 0o600
    (tmp_path / "books").mkdir()
    assert inline(tmp_path, "config", "check").code == 0


@pytest.mark.parametrize(
    ("option", "wrong"), [("--timezone", "Nowhere/Here"), ("--currency", "dollars"), ("--country", "Austria")]
)
def test_init_names_an_answer_it_cannot_use(tmp_path, option, wrong):
    given = [wrong if before == option else word for before, word in zip(["", *ANSWERS], ANSWERS, strict=False)]
    ran = inline(tmp_path, "init", *given)
    assert (ran.code, f"{option}: " in ran.err) == (2, True)
    assert not (tmp_path / "duesync.toml").exists()
