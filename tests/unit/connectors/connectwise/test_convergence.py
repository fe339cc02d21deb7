"""Whatever happens at ConnectWise between passes, what we know is what it has: at the next pass, deletes at the next listing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Invoice, Payment, Record, Ref, Stream
from tests.unit.connectors.connectwise.kit import DAY, Stage

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["add", "touch", "pay", "pay silently", "unpay silently", "delete", "wait", "pass", "crash"]),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=25,
)


class Mirror:
    """A store in small: pages and cursors are applied together, what a listing does not name is looked up."""

    def __init__(self, stage: Stage, stream: Stream) -> None:
        self.stage = stage
        self.stream = stream
        self.known: dict[Ref, Record] = {}

    def run(self, *, crash_after: int | None = None) -> None:
        """One pass, or the first pages of one."""
        listed: set[Ref] | None = None
        for number, page in enumerate(self.stage.psa.pull(self.stream, self.stage.cursors.get(self.stream))):
            if number == crash_after:
                return
            self.stage.cursors[self.stream] = page.cursor
            self.known |= {record.ref: record for record in page.records}
            for gone in page.deleted:
                self.known.pop(gone.ref, None)
            if page.listing is not None and page.listing.first:
                listed = set()
            if page.listing is not None and listed is not None:
                listed |= {record.ref for record in page.records}
        for ref in set(self.known) - listed if listed is not None else ():
            if self.stage.psa.reread(self.stream, ref) is None:
                del self.known[ref]


def happen(stage: Stage, what: str, number: int) -> None:
    """One event at the vendor."""
    table = stage.tenant.table("finance/invoices")
    ids = sorted(table)
    if what == "wait":
        stage.later(minutes=number * 7)
    elif what == "add" or not ids:
        stage.invoice(1, Decimal(100 + number), at=stage.clock.now())
    else:
        change(stage, what, ids[number % len(ids)])


def change(stage: Stage, what: str, number: int) -> None:
    """Something done to one invoice."""
    row: dict[str, Any] = stage.tenant.table("finance/invoices")[number]
    stage.tenant.silent_payments = what.endswith("silently")
    lines = list(stage.tenant.rows(f"finance/invoices/{number}/payments"))
    if what == "touch":
        stage.tenant.touch("finance/invoices", number, reference=f"at {stage.clock.now():%d %H:%M}")
    elif what.startswith("pay") and row["balance"] > 0:
        stage.tenant.pay(number, min(row["balance"], Decimal(60)), DAY)
    elif what.startswith("unpay") and lines and row["balance"] > 0:
        stage.tenant.unpay(number, lines[-1]["id"])
    elif what == "delete":
        stage.tenant.remove("finance/invoices", number)


def truth(stage: Stage) -> dict[Ref, tuple[int, str | None]]:
    rows = stage.tenant.rows("finance/invoices")
    return {Ref(str(row["id"])): (int(row["balance"] * 100), row.get("reference")) for row in rows}


def play(events: list[tuple[str, int]], page_size: int) -> None:
    stage = Stage(page_size=page_size)
    invoices, payments = Mirror(stage, Stream.INVOICES), Mirror(stage, Stream.PAYMENTS)
    stage.company()
    try:
        for what, number in events:
            if what in ("pass", "crash"):
                for mirror in (invoices, payments):
                    mirror.run(crash_after=number % 3 if what == "crash" else None)
            else:
                happen(stage, what, number)
        for mirror in (invoices, payments):  # a pass that was cut off is finished first
            mirror.run()
            mirror.run()
        here = {ref: (item.open.minor, item.reference) for ref, item in invoices.known.items() if isinstance(item, Invoice)}
        there = truth(stage)
        assert {ref: here.get(ref) for ref in there} == there
        stage.later(days=8)
        for mirror in (invoices, payments):
            mirror.run()
        assert set(invoices.known) == set(there)
        lines = {
            f"{number}-{row['id']}": int(row["amount"] * 100)
            for number in stage.tenant.table("finance/invoices")
            for row in stage.tenant.rows(f"finance/invoices/{number}/payments")
        }
        assert {ref: item.amount.minor for ref, item in payments.known.items() if isinstance(item, Payment)} == lines
    finally:
        stage.close()


@given(EVENTS, st.sampled_from([2, 3, 1000]))
@settings(max_examples=60, deadline=None)
def test_what_we_know_is_what_connectwise_has(events, page_size):
    play(events, page_size)


HOURS = st.lists(
    st.tuples(st.sampled_from(["work", "edit", "bill", "delete", "pass", "wait"]), st.integers(0, 90)), min_size=1, max_size=25
)


def toil(stage: Stage, what: str, number: int) -> None:
    """One event in the time sheets of two clients over three months."""
    table = stage.tenant.table("time/entries")
    ids = sorted(table)
    if what == "wait":
        stage.later(minutes=number)
    elif what == "work" or not ids:
        stage.tenant.add_time(1 + number % 2, number % 4, stage.ago(number), changed_at=stage.clock.now())
    else:
        chosen = ids[number % len(ids)]
        change: dict[str, Any] = {"bill": {"invoice": {"id": 7 + number % 2}}, "edit": {"actualHours": Decimal(number)}}.get(
            what, {}
        )
        stage.tenant.touch("time/entries", chosen, **change) if change else stage.tenant.remove("time/entries", chosen)


@given(HOURS)
@settings(max_examples=40, deadline=None)
def test_the_sums_of_work_are_those_of_the_time_sheets(events):
    stage = Stage(page_size=3)
    mirror = Mirror(stage, Stream.WORK)
    stage.company()
    stage.company("Second")
    try:
        for what, number in events:
            mirror.run() if what == "pass" else toil(stage, what, number)
        mirror.run()
        kinds = [what for what, _ in events]
        if "delete" in kinds or kinds.count("bill") > 1:  # gone, or moved to another invoice: seen at the slow listing
            stage.later(days=8)
            mirror.run()
        fresh = Mirror(stage, Stream.WORK)
        stage.cursors.clear()
        fresh.run()
        assert {ref: record.minutes for ref, record in mirror.known.items()} == {
            ref: record.minutes for ref, record in fresh.known.items()
        }
        total = sum(int(row["actualHours"] * 60) for row in stage.tenant.rows("time/entries"))
        assert sum(record.minutes for record in fresh.known.values()) == total
    finally:
        stage.close()
