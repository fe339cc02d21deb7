"""The catalogue of log events: stable names, the level they are logged at, and when. A test holds it against the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """`level` is the level it is usually logged at; `when` completes "this is logged when …"."""

    level: str
    when: str


CATALOGUE: dict[str, Event] = {
    "command.failed": Event("error", "a command met an error of the operating system"),
    "daemon.started": Event("info", "the daemon has put its jobs on their cadence"),
    "daemon.stopped": Event("info", "the daemon has ended; `drained` says whether all work under way was finished"),
    "daemon.stopping": Event("info", "a signal asked the daemon to end"),
    "http.listening": Event("info", "health, metrics and webhooks are served on `port`"),
    "job.crashed": Event("error", "a job met an error nobody foresaw; the traceback stands with it"),
    "job.failed": Event("error", "a job could not do its work; logged once until it changes or recovers"),
    "job.failing": Event("debug", "a job fails as it did before"),
    "job.recovered": Event("info", "a job that failed works again"),
    "outbox.recovered": Event("warning", "rows a crash left half-way were put back or marked ambiguous"),
    "record.malformed": Event("warning", "one record could not be read and was set aside; `where` names the place"),
    "run.unrecorded": Event("error", "the record of a run could not be written"),
    "store.migrated": Event("info", "the store's schema was brought up to date"),
    "stream.failed": Event("warning", "a stream could not be pulled; its neighbours go on"),
    "stream.pulled": Event("info", "a pass over a stream ended; counts of rows stand with it"),
    "webhook.failed": Event("error", "a webhook could not be processed"),
    "webhook.received": Event("info", "a verified webhook asked for an early pull"),
    "webhook.refused": Event("warning", "a webhook's signature does not hold"),
}
