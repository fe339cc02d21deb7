"""Pull: bring a connection's streams into the store, a page and its cursor per commit. Decides what is gone, never what it means.

A stream that fails does not stop its neighbours; a connection that must not be used further (sign-in lost, limit reached) stops
at once. Where a pass listed everything, what the store has beyond it is looked up one by one before it is believed gone, and a
vendor that suddenly has almost nothing is an error, not a mass deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field

import structlog

from core.clock import Clock
from core.errors import AuthExpired, ConnectorError, NotFound, PermissionMissing, RateLimited, Transient, VendorEmptied
from core.ports import Connector
from core.records import Page, Ref, Stream, Tombstone
from core.silence import FAILURES_IN_A_ROW
from core.store import Store
from core.traces import span

log = structlog.get_logger()

# Refuse to believe that more than a fifth of a stream vanished between two passes, unless it is only a handful (vdirsyncer's
# StorageEmpty rule, softened: MSPs do delete batches of test invoices).
_VANISHED_SHARE = 0.2
_VANISHED_FEW = 20
_VANISHED_ALL = 5

Progress = Callable[[str, Stream, int, int | None], None]


@dataclass(slots=True)
class StreamReport:
    """What one pass over one stream did, in rows."""

    stream: Stream
    pages: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    malformed: int = 0
    error: str | None = None
    remedy: str = ""

    @property
    def read(self) -> int:
        return self.inserted + self.updated + self.unchanged

    @property
    def changed(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass(slots=True)
class PullReport:
    """What one pass over one connection did. `retry_after` seconds is how long the vendor asked to be left alone."""

    connection: str
    streams: list[StreamReport] = field(default_factory=list)
    retry_after: float | None = None

    @property
    def errors(self) -> list[StreamReport]:
        return [item for item in self.streams if item.error]

    @property
    def changed(self) -> int:
        return sum(item.changed for item in self.streams)


@dataclass(slots=True)
class _Sweep:
    """The refs of a listing as its pages come by; None until a first page was seen in this very pass."""

    seen: set[Ref] | None = None

    def note(self, page: Page) -> None:
        if page.listing is None:
            return
        if page.listing.first:
            self.seen = set()
        if self.seen is not None:
            self.seen.update(entry.record.ref for entry in page.entries)
            self.seen.update(row.ref for row in page.malformed if row.ref is not None)


@dataclass(slots=True, kw_only=True)
class _Pass:
    """One pass over a connection, with everything its steps share."""

    connector: Connector
    store: Store
    connection: str
    clock: Clock
    run_id: str
    full: bool
    accept_deletes: bool
    progress: Progress | None
    told: MutableMapping[str, str]

    def pull(self, outcome: StreamReport) -> None:
        """Commit the pages of one stream, then look up what a complete listing did not name."""
        stream, sweep = outcome.stream, _Sweep()
        cursor = None if self.full else self.store.cursor(self.connection, stream)
        for page in self.connector.pull(stream, cursor):
            self._commit(page, outcome)
            sweep.note(page)
            if not page.more:
                break
        if sweep.seen is not None:
            outcome.deleted += self._bury_missing(stream, sweep.seen)

    def _commit(self, page: Page, outcome: StreamReport) -> None:
        written = self.store.commit_page(page, connection=self.connection, run_id=self.run_id, now=self.clock.now())
        outcome.pages += 1
        outcome.inserted += written.inserted
        outcome.updated += written.updated
        outcome.unchanged += written.unchanged
        outcome.deleted += written.deleted
        outcome.malformed += len(page.malformed)
        for row in page.malformed:
            place = f"{self.connection}/{row.stream}/{row.ref}/{row.where}"
            if self.told.get(place) != row.problem:  # a folder of files is read whole each time
                self.told[place] = row.problem
                log.warning("record.malformed", stream=row.stream, ref=row.ref, where=row.where, problem=row.problem)
        if self.progress is not None:
            self.progress(self.connection, outcome.stream, outcome.read, page.expected)

    def _bury_missing(self, stream: Stream, seen: set[Ref]) -> int:
        known = self.store.refs(self.connection, stream)
        missing = sorted(known - seen)
        if not missing:
            return 0
        if not self.accept_deletes and _looks_emptied(len(missing), len(known)):
            raise VendorEmptied(
                f"{self.connection}: {len(missing)} of {len(known)} {stream} are no longer listed; nothing was deleted here.",
                connection=self.connection,
                remedy=f"If they are really gone, run: duesync sync {self.connection} --full --accept-deletes",
            )
        gone = tuple(Tombstone(stream=stream, ref=ref) for ref in missing if self._is_gone(stream, ref))
        return self.store.bury(self.connection, gone, run_id=self.run_id, now=self.clock.now()) if gone else 0

    def _is_gone(self, stream: Stream, ref: Ref) -> bool:
        try:
            return self.connector.reread(stream, ref) is None
        except NotFound:
            return True
        except PermissionMissing:
            return False  # we may not see it: that is not a deletion


def _looks_emptied(missing: int, known: int) -> bool:
    if missing == known:
        return known >= _VANISHED_ALL
    return missing > _VANISHED_FEW and missing > _VANISHED_SHARE * known


def pull_connection(
    connector: Connector,
    store: Store,
    *,
    connection: str,
    clock: Clock,
    run_id: str,
    only: Iterable[Stream] | None = None,
    full: bool = False,
    accept_deletes: bool = False,
    progress: Progress | None = None,
    told: MutableMapping[str, str] | None = None,
) -> PullReport:
    """One pass over every stream of `connection`. `full` forgets the cursors and lists everything again.

    `told` is what this process has logged already of streams that fail and rows that cannot be read, kept between passes: the
    same is not said twice.
    """
    step = _Pass(
        connector=connector,
        store=store,
        connection=connection,
        clock=clock,
        run_id=run_id,
        full=full,
        accept_deletes=accept_deletes,
        progress=progress,
        told={} if told is None else told,
    )
    report = PullReport(connection)
    wanted = set(only) if only is not None else None
    unanswered = 0
    for stream in connector.streams():
        if wanted is not None and stream not in wanted:
            continue
        outcome = StreamReport(stream)
        report.streams.append(outcome)
        error = _attempt(step, outcome)
        if isinstance(error, RateLimited):
            report.retry_after = error.retry_after
        unanswered = unanswered + 1 if isinstance(error, Transient) else 0
        if isinstance(error, AuthExpired | RateLimited) or unanswered == FAILURES_IN_A_ROW:
            break
    return report


def _attempt(step: _Pass, outcome: StreamReport) -> ConnectorError | None:
    """Pull one stream and note how it went; the error, if it was the connection's, is returned and not raised."""
    try:
        with span("pull", connection=step.connection, stream=str(outcome.stream)) as note:
            step.pull(outcome)
            note(read=outcome.read)
    except ConnectorError as error:
        outcome.error, outcome.remedy = error.message, error.remedy
        step.store.mark_pull(step.connection, outcome.stream, now=step.clock.now(), error=str(error))
        _tell(step, outcome, error)
        return error
    step.store.mark_pull(step.connection, outcome.stream, now=step.clock.now(), error=None)
    log.info(
        "stream.pulled",
        stream=outcome.stream,
        read=outcome.read,
        inserted=outcome.inserted,
        updated=outcome.updated,
        deleted=outcome.deleted,
        malformed=outcome.malformed,
    )
    was = step.told.pop(f"{step.connection}/{outcome.stream}", None)
    if was is not None and was not in _told_of(step):
        log.info("stream.recovered", stream=outcome.stream, was=was)
    return None


def _tell(step: _Pass, outcome: StreamReport, error: ConnectorError) -> None:
    """A vendor that is down fails every stream in the same words: they are said once."""
    if error.message in _told_of(step):
        log.debug("stream.failing", stream=outcome.stream, error=error.message)
    else:
        log.warning("stream.failed", stream=outcome.stream, error=error.message, remedy=error.remedy, request=error.request_id)
    step.told[f"{step.connection}/{outcome.stream}"] = error.message


def _told_of(step: _Pass) -> set[str]:
    return {words for place, words in step.told.items() if place.startswith(f"{step.connection}/")}
