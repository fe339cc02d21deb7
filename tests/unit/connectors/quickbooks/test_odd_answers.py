"""Whatever comes back instead of what QuickBooks promises, it is an error of ours or a named row, never a crash."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConnectorError, Transient
from core.records import Stream
from tests.unit.connectors.quickbooks.rig import Rig, send

BODIES = [
    b"",
    b"null",
    b"5",
    b"[]",
    b'"text"',
    b'{"QueryResponse": 5}',
    b'{"QueryResponse": {"Customer": 5}}',
    b'{"QueryResponse": {"Customer": {"Id": "1"}}}',
    b'{"CDCResponse": 5}',
    b'{"CDCResponse": [5]}',
    b'{"CDCResponse": [{"QueryResponse": {}}]}',
    b"<html>maintenance</html>",
    b'{"QueryResponse": {"Customer": [{"Id": "1"',
]


def answered(rig: Rig, body: bytes, status: int = 200):
    rig.box.levers.answer_next(lambda: httpx.Response(status, content=body), times=1000)


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_of_another_shape_is_an_error_of_ours(rig, body):
    rig.pull(Stream.PARTIES)
    answered(rig, body)
    calls = [
        lambda: list(rig.qbo.pull(Stream.PARTIES, None)),
        lambda: list(rig.qbo.pull(Stream.PARTIES, rig.cursors[Stream.PARTIES])),
        lambda: rig.qbo.reread(Stream.PARTIES, "1"),
        lambda: rig.find(send("1")),
        lambda: rig.push(send("1")),
    ]
    for call in calls:
        try:
            call()
        except ConnectorError:
            continue
    assert not rig.qbo.probe().ok


@pytest.mark.parametrize("row", [b"5", b"null", b"[]", b'"x"', b"{}", b'{"Id": 5, "DisplayName": 5}'])
def test_a_row_of_another_shape_is_named_and_its_neighbours_come(rig, row):
    rig.pull(Stream.PARTIES)
    good = b'{"Id": "7", "DisplayName": "Fine", "SyncToken": "0"}'
    answered(rig, b'{"QueryResponse": {"Customer": [' + row + b", " + good + b']}, "time": "2026-05-05T05:00:00.000-07:00"}')
    (page,) = rig.qbo.pull(Stream.PARTIES, None)
    assert [record.ref for record in page.records][-1:] == ["7"]
    assert len(page.records) + len(page.malformed) == 2


@pytest.mark.reliability("quickbooks:29")
@pytest.mark.parametrize("body", [b"{}", b'{"BatchItemResponse": [], "time": "..."}'])
def test_a_200_without_what_was_asked_for_is_no_empty_answer(rig, body):
    rig.pull(Stream.PARTIES)
    answered(rig, body)
    for cursor in (None, rig.cursors[Stream.PARTIES]):
        with pytest.raises(Transient):
            list(rig.qbo.pull(Stream.PARTIES, cursor))


def test_an_answer_without_time_falls_back_on_our_clock(rig):
    rig.pull(Stream.PARTIES)
    for stamp in (b"", b', "time": "soon"', b', "time": 5'):
        answered(rig, b'{"QueryResponse": {}' + stamp + b"}")
        (page,) = rig.qbo.pull(Stream.PARTIES, None)
        assert rig.clock.now().strftime("%Y-%m-%dT%H:%M") in page.cursor
        rig.box.levers.clear()


KEYS = st.sampled_from(["QueryResponse", "CDCResponse", "Customer", "Id", "Fault", "fault", "Error", "time"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(body=JSON, status=st.sampled_from([200, 400, 401, 403, 429, 500]))
def test_no_json_of_any_status_raises_what_the_engine_does_not_know(body, status):
    rig = Rig()
    try:
        rig.pull(Stream.PARTIES)
        answered(rig, json.dumps(body).encode(), status)
        for cursor in (None, rig.cursors[Stream.PARTIES]):
            try:
                for page in rig.qbo.pull(Stream.PARTIES, cursor):
                    assert page.stream is Stream.PARTIES
            except ConnectorError:
                continue
    finally:
        rig.close()
