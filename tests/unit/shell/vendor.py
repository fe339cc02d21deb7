"""A vendor in a dictionary, behind the connector protocol: what a pull, a gate and a push meet, with faults on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from core.errors import OutcomeUnknown
from core.money import Money
from core.ports import Probe, StreamInfo
from core.records import (
    Cursor,
    DocumentStatus,
    Entry,
    Invoice,
    Listing,
    Malformed,
    Page,
    Party,
    Ref,
    Stream,
    key_of,
)
from core.unread import calling_itself

NAME = "books"
NOW = datetime(2026, 3, 24, 15, 0, tzinfo=UTC)  # a Tuesday, ten in the morning in Chicago


class Crash(BaseException):
    """The process dies here: no handler of ours may catch it."""


def party(ref="P1", **changes):
    return Party(
        **{"connection": NAME, "ref": Ref(ref), "name": f"Client {ref}", "email": f"ap@{ref.lower()}.example", **changes}
    )


def invoice(ref="I1", cents=25_000, **changes):
    given = {
        "connection": NAME,
        "ref": Ref(ref),
        "party_ref": Ref("P1"),
        "number": f"10{ref}",
        "total": Money(cents, "USD"),
        "open": Money(cents, "USD"),
        "issued_on": date(2026, 3, 2),
        "due_on": date(2026, 3, 17),
        "status": DocumentStatus.OPEN,
    }
    return Invoice(**{**given, **changes})


@dataclass
class Vendor:
    """Books and mail server in one. `lose_answer` acts and then says nothing; `crash_before`/`crash_after` die around the act."""

    rows: dict = field(default_factory=dict)
    done: dict = field(default_factory=dict)
    pushes: list = field(default_factory=list)
    fail: Exception | None = None
    lose_answer: bool = False
    crash_before: bool = False
    crash_after: bool = False
    readable: bool = True
    page_size: int = 2
    broken_rows: tuple = ()
    broken_of: str | None = None  # the client the broken rows name
    hidden: set = field(default_factory=set)
    list_everything: bool = True

    @property
    def problem(self):
        return calling_itself("is not an amount", client=self.broken_of)

    def put(self, *records):
        for record in records:
            self.rows[key_of(record)] = record
        return self

    def remove(self, record):
        del self.rows[key_of(record)]

    def streams(self):
        return {stream: StreamInfo(stream=stream) for stream in (Stream.PARTIES, Stream.INVOICES, Stream.PAYMENTS)}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        del cursor
        held = [row for key, row in sorted(self.rows.items()) if key.stream is stream and key.ref not in self.hidden]
        starts = range(0, max(len(held), 1), self.page_size)
        for number, start in enumerate(starts):
            some = held[start : start + self.page_size]
            last = number == len(starts) - 1
            yield Page(
                stream=stream,
                entries=tuple(Entry(record=row, raw=b"{}") for row in some),
                cursor=Cursor(f"{stream}:{start}"),
                more=not last,
                malformed=tuple(
                    Malformed(stream=stream, ref=ref, where="total", problem=self.problem) for ref in self.broken_rows if last
                ),
                listing=Listing(id="l", first=number == 0) if self.list_everything else None,
            )

    def reread(self, stream: Stream, ref: Ref):
        if self.fail is not None and self.fail.args[:1] == ("reread",):
            raise self.fail
        return next((row for key, row in self.rows.items() if key.stream is stream and key.ref == ref), None)

    def push(self, action, key):
        from core.actions import Receipt

        self.pushes.append(key)
        if self.fail is not None:
            raise self.fail
        if self.crash_before:
            raise Crash
        self.done[key] = self.done.get(key, 0) + 1
        if self.crash_after:
            raise Crash
        if self.lose_answer:
            raise OutcomeUnknown("the answer was lost", connection=NAME)
        return Receipt(ref=f"r-{key[:6]}")

    def find_pushed(self, action, key):
        from core.actions import Receipt

        if not self.readable:
            raise OutcomeUnknown("it cannot be read back", connection=NAME)
        return Receipt(ref=f"r-{key[:6]}", found=True) if key in self.done else None

    def probe(self):
        return Probe(ok=True)

    def parse_webhook(self, headers, body):
        return []

    def close(self):
        pass
