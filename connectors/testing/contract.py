"""What every connector promises the engine, as tests that run on its own sandbox. One test is one promise.

A third party's whole test file:

    class TestAcme(ConnectorContract):
        @pytest.fixture
        def spec(self):
            return SPEC

A promise is skipped only through a capability the connector does not declare, never for its name. Pulling is in this file,
pushing and failing in contract_push and contract_faults; docs/writing-a-connector.md tells the whole list in plain words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, timedelta

import pytest

from connectors.testing import plain
from connectors.testing.bench import PAGE, Bench
from connectors.testing.contract_faults import FaultPromises
from connectors.testing.contract_push import PushPromises
from connectors.testing.reading import drain, latest, money_in, need, pages, records, walk
from core.money import Money, check_currency
from core.ports import Capability, Connector, ConnectorSpec, Documents, PayLinks
from core.records import (
    Allocation,
    CreditNote,
    Cursor,
    DocumentStatus,
    Invoice,
    Payment,
    Ref,
    Stream,
)

GUARD = 200  # pages; a pass that needs more over a handful of records will never end
BORDERS = (0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1)
LATER = timedelta(days=1)
LISTS = 3  # the most lists a stream is made of: Xero keeps cash in three


class ConnectorContract(FaultPromises, PushPromises):
    """Subclass it and give the fixture `spec`; override `bench` only where your vendor is no HTTP sandbox."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The connector under contract."""
        raise TypeError("override the fixture `spec` with your ConnectorSpec")

    @pytest.fixture
    def bench(self, spec: ConnectorSpec) -> Iterator[Bench]:
        """The connector on its sandbox."""
        made = Bench(spec)
        yield made
        made.close()

    # ── what it says of itself ──────────────────────────────────────────────────────────────────────────────────────────
    def test_it_is_what_it_registers(self, bench: Bench) -> None:
        """Streams and capabilities are declared as they are: the engine schedules and asks by them."""
        connector = bench.open()
        assert isinstance(connector, Connector)
        assert set(connector.streams()) == set(bench.spec.streams)
        assert all(info.stream is stream and info.fresh_for > 0 for stream, info in connector.streams().items())
        assert isinstance(connector, Documents) or Capability.DOCUMENTS not in bench.spec.capabilities
        assert isinstance(connector, PayLinks) or Capability.PAY_LINK not in bench.spec.capabilities

    def test_a_document_is_a_whole_pdf_and_a_missing_one_is_none(self, bench: Bench) -> None:
        """A client must never get a login page, and a vanished invoice is no failure."""
        need(bench, Capability.DOCUMENTS)
        (ref, *_) = bench.stock(Stream.INVOICES, 1)
        connector = bench.open()
        assert isinstance(connector, Documents)
        found = connector.document(Stream.INVOICES, ref)
        assert found is not None
        assert found.content.startswith(b"%PDF-")
        assert (found.media_type, found.filename[-4:]) == ("application/pdf", ".pdf")
        assert found.source
        assert connector.document(Stream.INVOICES, Ref(bench.unknown_ref)) is None

    def test_closing_twice_is_fine(self, bench: Bench) -> None:
        """The daemon closes when in doubt."""
        connector = bench.open()
        connector.close()
        connector.close()

    def test_the_probe_of_a_working_connection_says_so(self, bench: Bench) -> None:
        """`duesync doctor` believes it."""
        probe = bench.open().probe()
        assert probe.ok, probe.checks
        assert probe.vendor_now is None or probe.vendor_now.tzinfo is not None

    # ── pulling ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def test_an_empty_vendor_ends_without_a_record(self, bench: Bench) -> None:
        """The first run, and the catch for vendors that suddenly have nothing. One page for each list a stream is made of."""
        for stream in sorted(bench.seedable):
            found = pages(bench.open(), stream)
            assert len(found) <= LISTS, stream
            assert not [row for page in found for row in (*page.entries, *page.malformed, *page.deleted)], stream

    def test_every_record_comes_once_over_page_borders(self, bench: Bench) -> None:
        """The classic mistake by one."""
        for stream in sorted(bench.seedable):
            have = 0
            for wanted in BORDERS:
                refs = bench.stock(stream, wanted - have)
                have = wanted
                bench.clock.advance(timedelta(minutes=1))  # every opening counts its calls anew, the vendor does not
                seen = [record.ref for record in records(bench.open(), stream)]
                assert sorted(seen) == sorted(refs), f"{stream}: {wanted} records"

    def test_refs_are_unique_and_stay(self, bench: Bench) -> None:
        """They are the primary key."""
        for stream in sorted(bench.seedable):
            bench.stock(stream, PAGE + 2)
            first = [record.ref for record in records(bench.open(), stream)]
            assert len(set(first)) == len(first), stream
            assert all(record.connection == bench.name for record in records(bench.open(), stream)), stream
            assert sorted(record.ref for record in records(bench.open(), stream)) == sorted(first), stream

    def test_a_pull_is_a_function_of_its_cursor(self, bench: Bench) -> None:
        """After a crash before the commit, the same page comes again."""
        for stream in sorted(bench.seedable):
            bench.stock(stream, 2 * PAGE + 1)
            once, again = pages(bench.open(), stream), pages(bench.open(), stream)
            assert [page.records for page in once] == [page.records for page in again], stream
            assert [page.cursor for page in once] == [page.cursor for page in again], stream

    def test_a_pass_ends_and_every_page_moves_on(self, bench: Bench) -> None:
        """No endless loops, also on a caught-up cursor."""
        for stream in sorted(bench.seedable):
            bench.stock(stream, 2 * PAGE + 1)
            cursor: Cursor | None = None
            for _ in range(3):
                found = pages(bench.open(), stream, cursor, guard=GUARD)
                cursors = [page.cursor for page in found]
                assert len(set(cursors)) == len(cursors), f"{stream}: a cursor came twice in one pass"
                assert not found[-1].more, stream
                cursor = cursors[-1]

    def test_a_cursor_is_short_text_that_survives_a_restart(self, bench: Bench) -> None:
        """It lives in a column; the next page may be pulled by another process."""
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 2 * PAGE + 1)
            seen: list[Ref] = []
            cursor: Cursor | None = None
            for _ in range(GUARD):
                page = next(iter(bench.open().pull(stream, cursor)))
                seen += [record.ref for record in page.records]
                cursor = Cursor(str(page.cursor).encode().decode())
                assert cursor.isprintable(), f"{stream}: {cursor[:80]!r}"
                assert len(cursor.encode()) <= 1024, f"{stream}: {len(cursor)} characters"
                if not page.more:
                    break
            assert sorted(set(seen)) == sorted(refs), stream

    def test_a_caught_up_cursor_yields_what_changed_and_not_the_world(self, bench: Bench) -> None:
        """Rate limits, and the first reason for cursors."""
        need(bench, Capability.CHANGES)
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 3 * PAGE)
            bench.clock.advance(LATER)
            cursor = drain(bench.open(), stream)
            bench.clock.advance(LATER)
            cursor = drain(bench.open(), stream, cursor)
            bench.change(stream, refs[0])
            bench.clock.advance(timedelta(minutes=1))
            news = {record.ref for record in records(bench.open(), stream, cursor)}
            assert refs[0] in news, f"{stream}: the change was not seen"
            assert len(news) <= PAGE or stream in bench.relists, f"{stream}: {len(news)} records for one change"

    def test_a_change_reaches_a_caught_up_cursor(self, bench: Bench) -> None:
        """Whether or not only changes come: what changed must be among what comes."""
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 2)
            before = latest(records(bench.open(), stream))
            cursor = drain(bench.open(), stream)
            bench.clock.advance(LATER)
            bench.change(stream, refs[1])
            bench.clock.advance(LATER)
            after = latest(records(bench.open(), stream, cursor))
            assert after.get(refs[1], before[refs[1]]) != before[refs[1]], stream

    def test_a_record_changed_while_paging_is_not_lost(self, bench: Bench) -> None:
        """Pages shift under a reader; the pass after this one makes good what it missed."""
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 3 * PAGE)
            before = latest(records(bench.open(), stream))
            bench.clock.advance(LATER)
            found, cursor = {}, None
            for number, page in enumerate(walk(bench.open(), stream, None)):
                if number == 0:
                    bench.clock.advance(timedelta(minutes=1))
                    bench.change(stream, refs[0])
                    bench.change(stream, refs[-1])
                found.update(latest(page.records))
                cursor = page.cursor
            bench.clock.advance(LATER)
            found.update(latest(records(bench.open(), stream, cursor)))
            assert set(found) == set(refs), f"{stream}: lost {set(refs) - set(found)}"
            assert all(found[ref] != before[ref] for ref in (refs[0], refs[-1])), stream

    def test_what_was_removed_upstream_reaches_us(self, bench: Bench) -> None:
        """As a tombstone, as a record that is void or inactive, or by its absence from a complete listing."""
        need(bench, Capability.DELETES)
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, PAGE + 1)
            cursor = drain(bench.open(), stream)
            bench.clock.advance(LATER)
            bench.remove(stream, refs[1])
            bench.clock.advance(LATER)
            found = pages(bench.open(), stream, cursor)
            gone = {item.ref for page in found for item in page.deleted}
            shown = {record.ref: record for page in found for record in page.records}
            listed = bool(found[0].listing and found[0].listing.first)
            absent = listed and refs[1] not in shown and bench.open().reread(stream, refs[1]) is None
            assert refs[1] in gone or absent or _is_dead(shown.get(refs[1])), stream
            assert not gone - {refs[1]}, f"{stream}: {gone - {refs[1]}} are not gone"

    def test_a_version_changes_when_and_only_when_its_record_does(self, bench: Bench) -> None:
        """The store skips what has not changed."""
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 3)
            before = latest(records(bench.open(), stream))
            bench.clock.advance(LATER)
            assert latest(records(bench.open(), stream)) == before, stream
            bench.change(stream, refs[1])
            after = latest(records(bench.open(), stream))
            assert after[refs[1]].version != before[refs[1]].version, f"{stream}: edited, same version"
            assert {ref for ref in refs if after[ref].version != before[ref].version} == {refs[1]}, stream

    def test_a_record_can_be_read_again_by_its_ref(self, bench: Bench) -> None:
        """The gate looks at the vendor before every send."""
        need(bench, Capability.REREAD)
        for stream in sorted(bench.seedable):
            refs = bench.stock(stream, 2)
            pulled = latest(records(bench.open(), stream))
            found = bench.open().reread(stream, refs[0])
            assert found is not None, stream
            assert _facts(found) == _facts(pulled[refs[0]]), stream
        assert bench.open().reread(Stream.INVOICES, Ref(bench.unknown_ref)) is None

    # ── what records say ────────────────────────────────────────────────────────────────────────────────────────────────
    def test_money_is_whole_minor_units_of_a_real_currency(self, bench: Bench) -> None:
        """A float anywhere near money ends in a wrong cent."""
        for stream in sorted(bench.seedable):
            bench.stock(stream, 3)
            for record in records(bench.open(), stream):
                for amount in money_in(record):
                    assert type(amount.minor) is int, record
                    assert check_currency(amount.currency) == amount.currency, record
        if Stream.INVOICES in bench.seedable:
            for number, currency in enumerate(bench.currencies, start=900):
                client = plain.party(number, currency)
                seeded = plain.invoice(number, of=client.ref, currency=currency)
                bench.seed(client, seeded)
                (ref,) = bench.refs_of(seeded)
                found = latest(records(bench.open(), Stream.INVOICES))[ref]
                assert isinstance(found, Invoice)
                assert found.total == seeded.total, f"{currency}: {found.total!r}"

    def test_dates_are_the_companys_days_and_instants_are_aware(self, bench: Bench) -> None:
        """Ageing is off by one otherwise."""
        for stream in sorted(bench.seedable):
            bench.stock(stream, 2)
            for record in records(bench.open(), stream):
                for field in dataclasses.fields(record):
                    value = getattr(record, field.name)
                    if field.name.endswith("_at") and value is not None:
                        assert value.utcoffset() == UTC.utcoffset(None), f"{stream}: {field.name} {value!r}"
                    if field.name.endswith("_on") and value is not None:
                        assert type(value) is date, f"{stream}: {field.name}"
        if Stream.INVOICES in bench.seedable:
            seeded = plain.invoice(800)
            (ref,) = bench.seed(plain.party(0), seeded)
            found = latest(records(bench.open(), Stream.INVOICES))[ref]
            assert isinstance(found, Invoice)
            assert (found.issued_on, found.due_on) == (seeded.issued_on, seeded.due_on)

    def test_a_clean_world_adds_up(self, bench: Bench) -> None:
        """The reconciler starts from no findings."""
        if not {Stream.INVOICES, Stream.PAYMENTS} <= bench.seedable:
            pytest.skip("declares no invoices and payments")
        invoice, payment = plain.invoice(1), plain.payment(1)
        bench.seed(plain.party(0), plain.invoice(2), invoice, payment)
        found = {stream: records(bench.open(), stream) for stream in bench.spec.streams}
        applied: dict[Ref, int] = {}
        for item in (*found[Stream.PAYMENTS], *found.get(Stream.CREDIT_NOTES, ())):
            assert isinstance(item, Payment | CreditNote)
            for part in item.allocations:
                applied[part.invoice_ref] = applied.get(part.invoice_ref, 0) + _positive(part)
            _check_source(item)
        for item in found[Stream.INVOICES]:
            assert isinstance(item, Invoice)
            prepaid = item.prepaid.minor if item.prepaid else 0
            assert item.open.minor == item.total.minor - applied.get(item.ref, 0) - prepaid, item
        assert sum(applied.values()) == payment.amount.minor

    def test_an_odd_row_is_named_and_its_neighbours_survive(self, bench: Bench) -> None:
        """One bad row must not stop a page. What hangs on it, such as its allocations, may be named beside it."""
        for stream in sorted(bench.seedable & {Stream.INVOICES, Stream.PAYMENTS, Stream.CREDIT_NOTES}):
            refs = bench.stock(stream, PAGE + 1)
            bench.spoil(stream, refs[1])
            found = pages(bench.open(), stream)
            named = [row for page in found for row in page.malformed]
            assert {record.ref for page in found for record in page.records} == {*refs} - {refs[1]}, stream
            assert [row.ref for row in named if row.stream is stream] == [refs[1]], stream
            assert all(refs[1] in f"{row.ref} {row.where}" for row in named), stream
            assert all((named[0].where, named[0].problem)), stream


def _facts(record: object) -> dict[str, object]:
    """What a record says, without the parts that only some ways of reading it bring."""
    assert dataclasses.is_dataclass(record)
    return {
        name: getattr(record, name)
        for name in ("ref", "total", "open", "amount", "status", "party_ref", "name", "issued_on", "due_on")
        if hasattr(record, name)
    }


def _is_dead(record: object) -> bool:
    """The record says of itself that it no longer counts."""
    if record is None:
        return False
    status = getattr(record, "status", None)
    void = status is DocumentStatus.VOID or getattr(status, "value", None) in ("void", "reversed")
    return void or getattr(record, "active", True) is False


def _positive(part: Allocation) -> int:
    assert part.amount.minor > 0, part
    return part.amount.minor


def _check_source(item: Payment | CreditNote) -> None:
    """amount = allocations - credits used + unapplied (core.records.Payment); total = allocations + remaining."""
    applied = sum(part.amount.minor for part in item.allocations)
    if isinstance(item, CreditNote):
        assert item.total.minor == applied + item.remaining.minor, item
        return
    carried = sum(part.amount.minor for part in item.credits_used)
    assert item.amount == Money(applied - carried + item.unapplied.minor, item.amount.currency), item
