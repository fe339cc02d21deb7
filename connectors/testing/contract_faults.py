"""What a connector promises when things go wrong. A connector that speaks no HTTP has none of these to keep."""

from __future__ import annotations

import pytest
import structlog.testing

from connectors.testing.bench import PAGE, Bench
from connectors.testing.faults import Levers
from connectors.testing.reading import drain, pages, records
from core.errors import AuthExpired, ConnectorError, OutcomeUnknown, PermissionMissing, RateLimited, Rejected, Transient
from core.ports import Connector
from core.records import Cursor, Ref, Stream

LONGEST_NAP = 2.0  # seconds
MANY = 12  # more faults than any connector retries

STATUSES: tuple[tuple[int, tuple[type[ConnectorError], ...]], ...] = (
    (400, (Rejected,)),
    (401, (AuthExpired,)),
    (403, (PermissionMissing, AuthExpired)),
    (429, (RateLimited,)),
    (500, (Transient,)),
    (502, (Transient,)),
    (503, (Transient,)),
    (504, (Transient,)),
)


class FaultPromises:
    """Promises about failure."""

    def test_every_status_says_what_to_do(self, bench: Bench) -> None:
        """The outcome table: reconnect, grant, wait, try again or give up."""
        levers, stream = _faulty(bench)
        for status, kinds in STATUSES:
            levers.fail_next(status, retry_after=90 if status == 429 else None, times=MANY)
            error = _failure(bench.open(), stream)
            assert isinstance(error, kinds), f"{status} became {type(error).__name__}"
            assert not isinstance(error, OutcomeUnknown), f"{status}: a read has no unknown outcome"
            assert error.connection == bench.name
            levers.clear()

    def test_a_limit_says_how_long_it_lasts(self, bench: Bench) -> None:
        """The scheduler parks the connection that long."""
        levers, stream = _faulty(bench)
        levers.fail_next(429, retry_after=90, times=MANY)
        error = _failure(bench.open(), stream)
        assert isinstance(error, RateLimited)
        assert error.retry_after == pytest.approx(90, abs=2)

    def test_a_broken_line_is_transient_and_speaks_no_http(self, bench: Bench) -> None:
        """Time-outs, resets, refused connections and cut-off answers, as errors of ours."""
        levers, stream = _faulty(bench)
        for lever in (levers.time_out, levers.reset_next, levers.refuse_connection, levers.truncate_next):
            lever(times=MANY)
            error = _failure(bench.open(), stream)
            assert isinstance(error, Transient), f"{lever.__name__} became {type(error).__name__}"
            assert not isinstance(error, OutcomeUnknown), lever.__name__
            levers.clear()

    def test_a_short_failure_is_got_over(self, bench: Bench) -> None:
        """One bad gateway must not cost a whole run."""
        levers, stream = _faulty(bench)
        refs = bench.stock(stream, 2)
        levers.fail_next(502)
        assert sorted(record.ref for record in records(bench.open(), stream)) == sorted(refs)

    def test_a_failed_page_loses_nothing(self, bench: Bench) -> None:
        """The pass goes on from the last cursor that was committed."""
        levers, stream = _faulty(bench)
        refs = bench.stock(stream, 3 * PAGE)
        seen: list[Ref] = []
        cursor: Cursor | None = None
        for page in bench.open().pull(stream, None):
            seen += [record.ref for record in page.records]
            cursor = page.cursor
            break
        levers.fail_next(500, times=MANY)
        with pytest.raises(ConnectorError):
            drain(bench.open(), stream, cursor)
        levers.clear()
        seen += [record.ref for record in records(bench.open(), stream, cursor)]
        assert set(seen) == set(refs)

    def test_nobody_sleeps_long(self, bench: Bench) -> None:
        """The scheduler owns time; a connector waits two seconds at most."""
        levers, stream = _faulty(bench)
        bench.stock(stream, 3 * PAGE)
        for status, wait in ((503, None), (503, 30), (429, 1), (429, 3600)):
            levers.fail_next(status, retry_after=wait, times=2)
            _attempt(bench.open(), stream)
            levers.clear()
        assert max(bench.clock.naps, default=0.0) <= LONGEST_NAP

    def test_reading_writes_nothing(self, bench: Bench) -> None:
        """A connection in observe mode makes no request that could change anything."""
        levers, _ = _faulty(bench)
        for stream in sorted(bench.seedable):
            bench.stock(stream, 2)
        levers.log.clear()
        connector = bench.open()
        connector.probe()
        for stream in bench.spec.streams:
            for ref in bench.refs.get(stream, [])[:1]:
                connector.reread(stream, ref)
            pages(connector, stream)
        assert [f"{item.method} {item.path}" for item in levers.writes()] == []

    def test_no_secret_shows(self, bench: Bench) -> None:
        """Not in logs, errors or repr, also when the vendor quotes it."""
        levers, stream = _faulty(bench)
        connector = bench.open()
        shown = [repr(connector)]
        with structlog.testing.capture_logs() as logs:
            drain(connector, stream)
            for status in (400, 401, 403, 429, 500):
                levers.fail_next(status, times=MANY)
                error = _failure(bench.open(), stream)
                shown += [str(error), repr(error), repr(error.__dict__)]
                levers.clear()
        shown.append(repr(logs))
        for secret in bench.secrets():
            assert not [text for text in shown if secret in text], "a secret shows"


def _faulty(bench: Bench) -> tuple[Levers, Stream]:
    """The levers and a stream to pull them on."""
    if bench.levers is None:
        pytest.skip("speaks no HTTP")
    if not bench.seedable:
        pytest.skip("declares no stream")
    return bench.levers, Stream.INVOICES if Stream.INVOICES in bench.seedable else min(bench.seedable)


def _attempt(connector: Connector, stream: Stream) -> ConnectorError | None:
    try:
        drain(connector, stream)
    except ConnectorError as error:
        return error
    return None


def _failure(connector: Connector, stream: Stream) -> ConnectorError:
    error = _attempt(connector, stream)
    assert error is not None, "the failure went unnoticed"
    return error
