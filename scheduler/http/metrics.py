"""What a monitor needs to know, read from the store at each scrape. Names and labels are stable: alerts depend on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from core.errors import DuesyncError
from core.findings import FindingState
from core.outbox import LIVE_STATES, OutboxState
from core.ports import Tokens
from scheduler.app import App
from scheduler.jobs import jobs
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
        yield from self._malformed()
        yield from self._tokens()
        yield from self._calls()
        yield from self._jobs()
        yield from self._cadence()

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
        paused = self._app.store.paused()
        yield GaugeMetricFamily("duesync_paused", "1 while sending is paused by a person.", value=1.0 if paused else 0.0)
        scopes = GaugeMetricFamily("duesync_paused_scope", "1 for each scope that is paused.", labels=("scope",))
        for scope in sorted(paused):
            scopes.add_metric((scope,), 1.0)
        yield scopes

    def _findings(self) -> Iterable[Metric]:
        found = [item.finding for item in self._app.store.findings(states=[FindingState.OPEN])]
        counts = Counter(str(item.kind) for item in found)
        gauge = GaugeMetricFamily("duesync_findings_open", "Open findings by kind.", labels=("kind",))
        for kind, count in sorted(counts.items()):
            gauge.add_metric((kind,), count)
        yield gauge
        graded = GaugeMetricFamily(
            "duesync_findings_open_by_severity", "Open findings by kind and severity.", labels=("kind", "severity")
        )
        for (kind, severity), count in sorted(Counter((str(item.kind), str(item.severity)) for item in found).items()):
            graded.add_metric((kind, severity), count)
        yield graded

    def _malformed(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily(
            "duesync_malformed_rows", "Records a vendor gave that cannot be read.", labels=("connection", "stream")
        )
        counts = Counter((connection, str(item.stream)) for connection, item in self._app.store.malformed())
        for labels, count in sorted(counts.items()):
            gauge.add_metric(labels, count)
        yield gauge

    def _tokens(self) -> Iterable[Metric]:
        now, vault = self._app.clock.now(), self._app.store.vault
        readable = GaugeMetricFamily(
            "duesync_token_readable", "1 while the vault key opens a connection's tokens.", labels=("connection",)
        )
        left = GaugeMetricFamily(
            "duesync_token_expires_in_seconds",
            "Seconds until a connection's refresh token or consent ends, where the vendor says when.",
            labels=("connection",),
        )
        for name in vault.connections():
            try:
                tokens = vault.read(name)
            except DuesyncError:
                readable.add_metric((name,), 0.0)
                continue
            readable.add_metric((name,), 1.0)
            ends = _ends_at(tokens)
            if ends is not None:
                left.add_metric((name,), (ends - now).total_seconds())
        yield readable
        yield left

    def _calls(self) -> Iterable[Metric]:
        made = GaugeMetricFamily("duesync_api_calls_day", "Calls made at a vendor in the last 24 hours.", labels=("connection",))
        left = GaugeMetricFamily(
            "duesync_api_calls_left", "Calls left of a day's budget, where the vendor sets one.", labels=("connection",)
        )
        calls = self._app.store.calls_by_connection(self._app.clock.now() - timedelta(days=1))
        for name in sorted(self._app.settings.connections):
            made.add_metric((name,), calls.get(name, 0))
            daily = getattr(self._app.loaded.connectors.get(name), "calls_per_day", None)
            if daily is not None:
                left.add_metric((name,), max(0, daily - calls.get(name, 0)))
        yield made
        yield left

    def _jobs(self) -> Iterable[Metric]:
        failing = GaugeMetricFamily("duesync_job_failing", "1 while a job's last run failed.", labels=("job",))
        last = GaugeMetricFamily(
            "duesync_job_last_success_seconds", "When a job last did what it should (Unix time).", labels=("job",)
        )
        lag = GaugeMetricFamily("duesync_job_lag_seconds", "Seconds since a job last did what it should.", labels=("job",))
        finished, broken = dict(self._runner.finished_at), set(self._runner.failing)
        for name, at in sorted(finished.items()):
            last.add_metric((name,), at)
            lag.add_metric((name,), self._app.clock.now().timestamp() - at)
        for name in sorted(broken | set(finished)):  # also a job that has failed since the daemon started
            failing.add_metric((name,), 1.0 if name in broken else 0.0)
        yield failing
        yield last
        yield lag

    def _cadence(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("duesync_job_every_seconds", "How often a job runs by the configuration.", labels=("job",))
        for job in jobs(self._app):
            gauge.add_metric((job.name,), job.every)
        yield gauge


def _ends_at(tokens: Tokens | None) -> datetime | None:
    """The earlier of the two ends after which a person has to sign in again."""
    ends = [at for at in (tokens.refresh_expires_at, tokens.consent_expires_at) if at is not None] if tokens else []
    return min(ends, default=None)


def exposition(app: App, runner: Runner) -> bytes:
    """All metrics in Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(app, runner))
    return generate_latest(registry)
