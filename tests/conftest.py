"""Fixtures every test may use: the shared recordings, and a clock that moves only when told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
import structlog

from core.clock import ManualClock
from tests import on_postgres
from tests.postgres_server import NoPostgres, Server, postgres_server

# A build must not fail by luck: there the same examples are tried each time; elsewhere new ones are.
hypothesis.settings.register_profile("build", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("build")

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Where the recorded vendor data and specs are: $DUESYNC_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("DUESYNC_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if not (folder / "fixtures").is_dir():
        message = f"recorded vendor data not found at {folder}: set DUESYNC_SHARED"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A test that set up logging leaves none of it to the next."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 5, 12, 0, tzinfo=UTC))


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A private server for the session; the test is skipped where the machine has no binaries of it."""
    try:
        with postgres_server() as server:
            yield server
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session", autouse=on_postgres.wanted())
def everything_on_postgres(request: pytest.FixtureRequest) -> Iterator[None]:
    """With DUESYNC_TEST_STORE=postgresql every store that a test opens is on PostgreSQL (tests.on_postgres)."""
    with on_postgres.redirected(request.getfixturevalue("postgres").url):
        yield


@pytest.fixture(autouse=on_postgres.wanted())
def nothing_left_connected() -> Iterator[None]:
    """A server is told when a test has done with it."""
    yield
    on_postgres.hang_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that chooses its store itself is not redirected."""
    if item.get_closest_marker("own_store") is None:
        return (yield)
    with on_postgres.left_alone():
        return (yield)


# ── which requirement is proven by which test ───────────────────────────────────────────────────────────────────────────
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-requirements", metavar="FILE", help="write which requirement is proven by which passing test")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in ("req", "reliability"):
        for mark in item.iter_markers(name):
            item.user_properties.extend(("proves", proven) for proven in mark.args)


class _Proofs:
    """Collects outcomes by requirement, also from the workers of a parallel run."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.passed: set[tuple[str, str]] = set()
        self.failed: set[tuple[str, str]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.rpartition("::")[2].partition("[")[0]
        for name, value in report.user_properties:
            if name == "proves" and report.failed:
                self.failed.add((str(value), test))
            elif name == "proves" and report.when == "call" and report.passed:
                self.passed.add((str(value), test))

    def pytest_sessionfinish(self) -> None:
        from tests.generated.requirements import page

        self.target.write_text(page(self.passed, self.failed), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--write-requirements")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Proofs(Path(target)))
