"""The CSV connector: lists a stream whole when its files changed, and says nothing when they did not.

A cursor is the digest of the files a stream is made from, with a position while a pass is under way. Files that change during a
pass start the listing over, so that a listing always is one state of the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from connectors.csvfiles.folder import read_files
from connectors.csvfiles.ledger import FILES, Ledger, digest_of
from connectors.csvfiles.mapping import COLUMNS, Reading, Rows
from connectors.csvfiles.settings import CsvSettings
from core.actions import Action, IdempotencyKey, Receipt
from core.errors import Rejected
from core.ports import Check, ConnectionContext, Hint, Probe, StreamInfo
from core.records import Cursor, Entry, Listing, Malformed, Page, Record, Ref, Stream


class CsvConnector:
    """One folder. Reads only; holds the last state it read until the files change."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: CsvSettings = context.settings
        self._name = context.name
        self._folder = settings.path
        self._page_size = settings.page_size
        self._reading = Reading(connection=context.name, currency=context.currency, zone=ZoneInfo(context.timezone))
        self._ledger: Ledger | None = None

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """Every stream a folder can hold; files that are missing are empty."""
        return {stream: StreamInfo(stream=stream) for stream in FILES}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """One listing of the stream, or one empty page when nothing changed since `cursor`."""
        ledger = self._read()
        digest = digest_of(ledger.contents, stream, self._reading)
        done, begin = _position(cursor, digest)
        if done:
            yield Page(stream=stream, entries=(), cursor=_cursor(digest), more=False)
            return
        problem = ledger.problem(stream)
        if problem is not None:
            raise Rejected(
                f"{self._name}: {problem}.",
                connection=self._name,
                remedy="Its first line must name the columns; which ones is in docs/csv-files.md.",
            )
        yield from self._pages(stream, ledger.rows(stream), begin, digest)

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """The record as its file has it now; None when it is not there; Rejected when its row cannot be read."""
        if stream not in FILES:
            return None
        found = self._read().find(stream, ref)
        if isinstance(found, Malformed):
            raise Rejected(f"{self._name}: {found.where}: {found.problem}.", connection=self._name, remedy="Correct that cell.")
        return found.record if found is not None else None

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Never: files are read, not written."""
        raise Rejected(f"{self._name}: CSV files are only read ({type(action).__name__} {key}).", connection=self._name)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Nothing was ever pushed here."""
        del action, key
        return None

    def probe(self) -> Probe:
        """Which files are there, how many rows each stream has and how many of them cannot be read."""
        ledger = self._read()
        checks = [self._check(ledger, stream) for stream in FILES]
        return Probe(ok=all(check.ok is not False for check in checks), checks=tuple(checks))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Never: a folder sends no webhooks."""
        del headers, body
        raise Rejected(f"{self._name}: a folder of CSV files sends no webhooks.", connection=self._name)

    def close(self) -> None:
        """Let go of what was read."""
        self._ledger = None

    def _read(self) -> Ledger:
        contents = read_files(self._folder, COLUMNS, connection=self._name)
        if self._ledger is None or self._ledger.contents != contents:
            self._ledger = Ledger(contents, self._reading)
        return self._ledger

    def _pages(self, stream: Stream, rows: Rows, begin: int, digest: str) -> Iterator[Page]:
        starts = range(begin, max(len(rows), begin + 1), self._page_size)
        for start in starts:
            end = start + self._page_size
            more = end < len(rows)
            some = rows[start:end]
            yield Page(
                stream=stream,
                entries=tuple(row for row in some if isinstance(row, Entry)),
                malformed=tuple(row for row in some if isinstance(row, Malformed)),
                cursor=_cursor(digest, end if more else None),
                more=more,
                listing=Listing(id=digest, first=start == 0),
                expected=len(rows),
            )

    def _check(self, ledger: Ledger, stream: Stream) -> Check:
        name = FILES[stream][0]
        problem = ledger.problem(stream)
        if problem is not None:
            return Check(name=name, ok=False, detail=problem, remedy=f"Columns: {', '.join(COLUMNS[name])}.")
        if name not in ledger.contents:
            return Check(name=name, ok=None, detail=f"not in {self._folder}: no {stream.replace('_', ' ')}")
        rows = ledger.rows(stream)
        bad = [row for row in rows if isinstance(row, Malformed)]
        detail = f"{len(rows) - len(bad)} rows" + (
            f", {len(bad)} unreadable, first {bad[0].where}: {bad[0].problem}" if bad else ""
        )
        return Check(name=name, ok=not bad, detail=detail, remedy="Correct these cells." if bad else "")


def _cursor(digest: str, position: int | None = None) -> Cursor:
    return Cursor(digest if position is None else f"{digest}+{position}")


def _position(cursor: Cursor | None, digest: str) -> tuple[bool, int]:
    """(nothing changed since, where to begin): the start, unless the cursor stands within a listing of these very files."""
    known, _, position = (cursor or "").partition("+")
    if known != digest:
        return False, 0
    return (False, int(position)) if position.isdigit() else (True, 0)
