"""The audit counts what is known, never what could not be asked; the list of parts names every locked one."""

from __future__ import annotations

import json
import re

from tests.supply.__main__ import LOCK, report, sbom

CLEAN = {"name": "httpx", "version": "0.28.1", "vulns": []}
UNASKED = {"name": "orjson", "skip_reason": "not found"}
BAD = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}]}


def test_a_known_vulnerability_fails_and_names_the_release_that_mends_it():
    lines, bad = report([CLEAN, BAD], {})
    assert bad == 1
    assert lines[0] == "audit: jinja2 2.0: PYSEC-1; fixed in 2.1"


def test_an_accepted_one_is_known_by_any_of_its_names():
    assert report([BAD], {"CVE-1": "templates of strangers are never rendered"})[1] == 0


def test_what_could_not_be_asked_is_said_and_is_not_called_clean():
    lines, bad = report([CLEAN, UNASKED], {})
    assert bad == 0
    assert lines == [
        "audit: 1 of 2 parts checked, 0 known vulnerabilities",
        "audit: NOT CHECKED: 1 parts the registry here has no advisories for, such as orjson",
    ]


def test_the_list_of_parts_names_every_locked_one_and_is_the_same_each_time(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    assert sbom(first, validate=False) == sbom(second, validate=False) == 0
    assert first.read_bytes() == second.read_bytes()
    listed = {item["name"].lower() for item in json.loads(first.read_text())["components"]}
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)}
    assert listed == locked
