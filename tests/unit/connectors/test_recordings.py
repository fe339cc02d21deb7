"""A recorded company is taken over from whatever folder it was saved in: pages, later recordings, rows without an id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.recordings import recorded_bodies
from connectors.xero.sandbox import XeroSandbox
from core.errors import UsageError
from scheduler.demo.days import FastClock

NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)


def saved(folder: Path, name: str, body: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), encoding="utf-8")


def customer(ref: str, name: str) -> dict[str, object]:
    return {"Id": ref, "DisplayName": name, "SyncToken": "0", "Balance": 0, "Active": True}


def test_pages_are_one_listing_and_of_two_recordings_of_a_row_the_later_counts(tmp_path: Path) -> None:
    first = {"QueryResponse": {"Customer": [customer("1", "New name"), customer("2", "B")], "startPosition": 1, "maxResults": 2}}
    second = {"QueryResponse": {"Customer": [customer("3", "C")], "startPosition": 3, "maxResults": 1}}
    old = {"QueryResponse": {"Customer": [customer("1", "Old name")]}}
    saved(tmp_path, "a/page-1.json", {**first, "time": "2026-05-05T05:15:00-07:00"})
    saved(tmp_path, "a/page-2.json", {**second, "time": "2026-05-05T05:15:01-07:00"})
    saved(tmp_path, "z/earlier.json", {**old, "time": "2026-05-05T11:00:00+00:00"})
    saved(tmp_path, "z/request.json", {"path": "/query", "query": "select * from Customer"})
    box = QuickBooksSandbox(FastClock(NOW))
    assert box.seed_recorded(tmp_path) == 3
    assert {row["Id"]: row["DisplayName"] for row in box.books.all("Customer")} == {"1": "New name", "2": "B", "3": "C"}
    assert list(box.books.all("Account")), "what was not recorded stays as a new company has it"


def test_of_a_xero_document_the_one_changed_last_counts_and_rows_without_an_id_are_passed_over(tmp_path: Path) -> None:
    ref = "11111111-1111-4111-8111-111111111111"
    contacts = [
        {"ContactID": ref, "Name": name, "ContactStatus": "ACTIVE", "UpdatedDateUTC": f"/Date({at}+0000)/"}
        for name, at in (("Later", 1_700_000_002_000), ("Earlier", 1_700_000_001_000))
    ]
    saved(tmp_path, "one.json", {"Contacts": contacts[:1]})
    saved(tmp_path, "two.json", {"Contacts": [*contacts[1:], {"Name": "nobody"}], "Id": "an answer's own"})
    box = XeroSandbox(FastClock(NOW))
    assert box.seed_recorded(tmp_path) == 1
    assert box.books.get("Contacts", ref)["Name"] == "Later"


def test_connectwise_rows_are_known_by_the_name_of_their_file(tmp_path: Path) -> None:
    saved(tmp_path, "companies.json", [{"id": 7, "identifier": "X", "name": "X"}, {"name": "no id"}])
    saved(tmp_path, "something_else.json", [{"id": 1}])
    assert ConnectwiseSandbox(FastClock(NOW)).seed_recorded(tmp_path) == 1


@pytest.mark.parametrize("broken", ["{", "\x00"])
def test_a_file_that_is_no_json_is_named(tmp_path: Path, broken: str) -> None:
    (tmp_path / "half.json").write_text(broken)
    with pytest.raises(UsageError, match=r"half\.json"):
        list(recorded_bodies(tmp_path))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        list(recorded_bodies(tmp_path / "nowhere"))
