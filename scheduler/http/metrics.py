"""What a monitor needs to know, read from the store at each scrape. Names and labels are stable: alerts depend on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from core.findings import FindingState
from core.outbox import LIVE_STATES, OutboxState
from scheduler.app import App
from scheduler.runner import Runner


class StoreCollector(Collector):
    """Gauges over the store and the runner; computed when asked, so that nothing can drift."""

    def __init__(self, app: App, runner: Runner) -> None:
        self._app = app
        self._runner = runner

    def collect(self) -> Iterable[Metric]:
        yield from self._streams()
        yield from self._outbox()
        yield from self._findings()
        yield from self._jobs()

    def _streams(self) -> Iterable[Metric]:
        now = self._app.clock.now()
        age = GaugeMetricFamily(
            "duesync_stream_age_seconds", "Seconds since a stream was last pulled without error.", labels=("connection", "stream")
        )
        failing = GaugeMetricFamily(
            "duesync_stream_failing", "1 while the last pull of a stream failed.", labels=("connection", "stream")
        )
        for state in self._app.store.stream_states():
            labels = (state.connection, str(state.stream))
            failing.add_metric(labels, 1.0 if state.error else 0.0)
            if state.last_ok_at is not None:
                age.add_metric(labels, (now - state.last_ok_at).total_seconds())
        yield age
        yield failing

    def _outbox(self) -> Iterable[Metric]:
        now = self._app.clock.now()
        rows = self._app.store.outbox(states=[*LIVE_STATES, OutboxState.PARKED])
        counts = Counter(str(row.state) for row in rows)
        gauge = GaugeMetricFamily("duesync_outbox_rows", "Actions by state, those still to be settled.", labels=("state",))
        for state in (*LIVE_STATES, OutboxState.PARKED):
            gauge.add_metric((str(state),), counts.get(str(state), 0))
        yield gauge
        due = [row.not_before for row in rows if row.state is OutboxState.QUEUED and row.not_before <= now]
        oldest = (now - min(due)).total_seconds() if due else 0.0
        yield GaugeMetricFamily(
            "duesync_outbox_due_unsent_seconds", "Age of the oldest action that is due and not sent.", value=oldest
        )
        paused = 1.0 if self._app.store.paused() else 0.0
        yield GaugeMetricFamily("duesync_paused", "1 while sending is paused by a person.", value=paused)

    def _findings(self) -> Iterable[Metric]:
        counts = Counter(str(item.finding.kind) for item in self._app.store.findings(states=[FindingState.OPEN]))
        gauge = GaugeMetricFamily("duesync_findings_open", "Open findings by kind.", labels=("kind",))
        for kind, count in sorted(counts.items()):
            gauge.add_metric((kind,), count)
        yield gauge

    def _jobs(self) -> Iterable[Metric]:
        failing = GaugeMetricFamily("duesync_job_failing", "1 while a job's last run failed.", labels=("job",))
        last = GaugeMetricFamily(
            "duesync_job_last_success_seconds", "When a job last did what it should (Unix time).", labels=("job",)
        )
        for name, at in sorted(self._runner.finished_at.items()):
            last.add_metric((name,), at)
            failing.add_metric((name,), 1.0 if name in self._runner.failing else 0.0)
        yield failing
        yield last


def exposition(app: App, runner: Runner) -> bytes:
    """All metrics in Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(app, runner))
    return generate_latest(registry)
