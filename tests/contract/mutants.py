"""Broken connectors, one per promise: the stranger's connector with one fault planted. Each fails its promise and no other."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import httpx
from acme_duesync.connector import TABLES, AcmeConnector
from acme_duesync.sandbox import AcmeSandbox

from connectors.testing.bench import PAGE, START
from core.actions import PostNote, Receipt, SendReminder, SetField
from core.errors import AuthExpired, ConnectorError, NotFound, OutcomeUnknown, RateLimited, Transient
from core.money import Money
from core.ports import Capability, Hint
from core.records import Invoice, Payment, Ref, Stream


def remade(page, change):
    """The page with `change` applied to every record; None drops one."""
    changed = [(change(entry.record), entry) for entry in page.entries]
    entries = tuple(dataclasses.replace(entry, record=record) for record, entry in changed if record is not None)
    return dataclasses.replace(page, entries=entries)


def post(connector, action, key):
    """Post a note without looking first."""
    body = {"text": action.text, "key": key}
    path = f"{connector._path(action)}/notes"
    return Receipt(ref=connector._http.request("POST", path, json=body, idempotent=False).json()["id"])


class Remakes(AcmeConnector):
    """Pulls and rereads what `change` makes of every record."""

    def change(self, record):
        return record

    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor):
            yield remade(page, self.change)

    def reread(self, stream, ref):
        found = super().reread(stream, ref)
        return None if found is None else self.change(found)


class HidesAStream(AcmeConnector):
    def streams(self):
        return {stream: info for stream, info in super().streams().items() if stream is not Stream.PAYMENTS}


class ClosesOnce(AcmeConnector):
    closed = False

    def close(self):
        if self.closed:
            raise RuntimeError("already closed")
        self.closed = True
        super().close()


class ProbesBadly(AcmeConnector):
    def probe(self):
        return dataclasses.replace(super().probe(), ok=False)


class HasEmptyPagesToSpare(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor):
            if cursor is None and not page.entries:
                yield from (dataclasses.replace(page, cursor=f"-{number}", more=True) for number in range(3))
            yield page


class LosesTheLastOfAFullPage(AcmeConnector):
    def pull(self, stream, cursor):
        for number, page in enumerate(super().pull(stream, cursor)):
            first = cursor is None and number == 0 and stream is Stream.PAYMENTS
            full = first and not page.more and len(page.entries) == PAGE
            yield dataclasses.replace(page, entries=page.entries[:-1]) if full else page


class NamesAnotherConnection(Remakes):
    def change(self, record):
        return dataclasses.replace(record, connection="elsewhere")


class CountsItsPulls(AcmeConnector):
    pulls = 0

    def pull(self, stream, cursor):
        CountsItsPulls.pulls += 1
        for page in super().pull(stream, cursor and cursor.partition(" ")[0]):
            yield dataclasses.replace(page, cursor=f"{page.cursor} {CountsItsPulls.pulls}")


class StandsStill(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor):
            if cursor is not None and not page.entries and not page.deleted:
                yield dataclasses.replace(page, more=True)
            yield page


class WritesNovelsIntoCursors(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor and cursor.lstrip("0")):
            yield dataclasses.replace(page, cursor=page.cursor.rjust(2000, "0"))


class StartsOverWhenCaughtUp(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, None if cursor and cursor.startswith("done") else cursor):
            yield page if page.more else dataclasses.replace(page, cursor=f"done {page.cursor}")


class MissesOldChanges(AcmeConnector):
    def __init__(self, context):
        super().__init__(context)
        self._clock = context.clock

    def pull(self, stream, cursor):
        horizon = self._clock.now() - timedelta(hours=12)
        for page in super().pull(stream, cursor):
            news = page if cursor is None or self._clock.now() < START + timedelta(days=1) else None
            yield news or remade(page, lambda record: record if record.updated_at >= horizon else None)


class ReadsASnapshot(AcmeConnector):
    """Works through the list it got first, and then believes to be up to date."""

    def pull(self, stream, cursor):
        path, params = TABLES[stream], {"after": cursor or "0", "limit": 10_000}
        body = self._http.request("GET", path, params=params, idempotent=True).json()
        rows = body["rows"]
        for start in range(0, max(len(rows), 1), PAGE):
            some, more = rows[start : start + PAGE], start + PAGE < len(rows)
            last = some[-1]["seq"] if more else None
            if last is None:
                last = self._http.request("GET", path, params={"limit": 10_000}, idempotent=True).json()["last"]
            yield self._page(stream, some, str(last), more)


class ForgetsTombstones(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor):
            yield dataclasses.replace(page, deleted=())


class HasOneVersion(Remakes):
    def change(self, record):
        return dataclasses.replace(record, version="1")


class CannotReread(AcmeConnector):
    def reread(self, stream, ref):
        return None


class CountsYenInHundredths(Remakes):
    def change(self, record):
        if isinstance(record, Invoice) and record.total.currency == "JPY":
            return dataclasses.replace(record, total=Money(record.total.minor * 100, "JPY"))
        return record


class IsADayOff(Remakes):
    def change(self, record):
        if isinstance(record, Invoice):
            return dataclasses.replace(record, issued_on=record.issued_on - timedelta(days=1))
        return record


class OverlooksAllocations(Remakes):
    def change(self, record):
        return dataclasses.replace(record, unapplied=record.amount) if isinstance(record, Payment) else record


class TripsOverAnOddRow(AcmeConnector):
    def pull(self, stream, cursor):
        for page in super().pull(stream, cursor):
            if page.malformed:
                raise ValueError(page.malformed[0].problem)
            yield page


class Translates(AcmeConnector):
    """Pulls, with failures turned by `translate`."""

    def translate(self, error):
        return error

    def pull(self, stream, cursor):
        try:
            yield from super().pull(stream, cursor)
        except ConnectorError as error:
            raise self.translate(error) from None


class CallsALostLoginPassing(Translates):
    def translate(self, error):
        return Transient(error.message, connection=error.connection) if isinstance(error, AuthExpired) else error


class ForgetsHowLongToWait(Translates):
    def translate(self, error):
        return RateLimited(error.message, connection=error.connection) if isinstance(error, RateLimited) else error


class LetsTheHttpLibraryOut(Translates):
    def translate(self, error):
        return httpx.ReadTimeout("slow") if "in time" in error.message else error


class GivesUpAtOnce(Translates):
    def __init__(self, context):
        super().__init__(context)
        self._http.request = self._once

    def _once(self, method, path, **options):
        try:
            call = type(self._http).request
            return call(self._http, method, path, **{**options, "idempotent": False})
        except OutcomeUnknown as error:
            if not options["idempotent"]:
                raise
            raise Transient(error.message, connection=error.connection) from None


class SkipsAFailedPage(AcmeConnector):
    failed: set = set()  # noqa: RUF012 - shared on purpose: it is what the next run wrongly remembers

    def pull(self, stream, cursor):
        pages = super().pull(stream, cursor)
        if (id(self._clock), stream, cursor) in self.failed:
            next(pages)
        try:
            yield from pages
        except ConnectorError:
            self.failed.add((id(self._clock), stream, cursor))
            raise

    def __init__(self, context):
        super().__init__(context)
        self._clock = context.clock


class SleepsOnTheJob(Translates):
    def __init__(self, context):
        super().__init__(context)
        self._clock = context.clock

    def translate(self, error):
        self._clock.sleep(getattr(error, "retry_after", None) or 0)
        return error


class PostsToRead(AcmeConnector):
    def probe(self):
        self._http.request("POST", "company", idempotent=False)
        return super().probe()


class ShowsItsKey(AcmeConnector):
    def __repr__(self):
        return f"AcmeConnector({self._key!r})"


class FindsWhatIsNotThere(AcmeConnector):
    def find_pushed(self, action, key):
        return super().find_pushed(action, key) or Receipt(ref="phantom", found=True)

    def push(self, action, key):
        if not isinstance(action, PostNote):
            return super().push(action, key)
        return AcmeConnector.find_pushed(self, action, key) or post(self, action, key)


class ActsTwice(AcmeConnector):
    def push(self, action, key):
        if not isinstance(action, PostNote):
            return super().push(action, key)
        return post(self, action, key)


class TakesALostReplyForAFailure(AcmeConnector):
    def push(self, action, key):
        try:
            return super().push(action, key)
        except OutcomeUnknown as error:
            raise Transient(error.message, connection=error.connection) from None


class TriesAgainByItself(AcmeConnector):
    def push(self, action, key):
        try:
            return super().push(action, key)
        except OutcomeUnknown:
            raise
        except Transient:
            return super().push(action, key)


class WritesIntoTheVoid(AcmeConnector):
    def push(self, action, key):
        try:
            return super().push(action, key)
        except NotFound:
            return Receipt(ref="void")


class OverwritesPeople(AcmeConnector):
    def push(self, action, key):
        if isinstance(action, SetField):
            row = self._http.request("GET", self._path(action), idempotent=True).json()
            if row["marks"].get(action.field) != key:
                action = dataclasses.replace(action, expected=row.get(action.field))
        return super().push(action, key)


class HandsOverALoginPage(AcmeConnector):
    def document(self, stream, ref):
        found = super().document(stream, ref)
        return None if found is None else dataclasses.replace(found, content=b"<html>Sign in</html>")


class StumblesOverForeignActions(AcmeConnector):
    def push(self, action, key):
        if isinstance(action, SendReminder):
            raise KeyError(action)
        return super().push(action, key)


class BelievesEveryWebhook(AcmeConnector):
    def parse_webhook(self, headers, body):
        try:
            return super().parse_webhook(headers, body)
        except ConnectorError:
            return [Hint(stream=Stream.INVOICES, ref=Ref("1"), event_id="e")]


class ClaimsTickets(AcmeSandbox):
    """A sandbox with nothing to show for one capability."""

    def wants(self, capability, number, bench):
        return None if capability is Capability.OPEN_TICKET else super().wants(capability, number, bench)


MUTANTS = {
    HidesAStream: "test_it_is_what_it_registers",
    ClosesOnce: "test_closing_twice_is_fine",
    HandsOverALoginPage: "test_a_document_is_a_whole_pdf_and_a_missing_one_is_none",
    ProbesBadly: "test_the_probe_of_a_working_connection_says_so",
    HasEmptyPagesToSpare: "test_an_empty_vendor_ends_without_a_record",
    LosesTheLastOfAFullPage: "test_every_record_comes_once_over_page_borders",
    NamesAnotherConnection: "test_refs_are_unique_and_stay",
    CountsItsPulls: "test_a_pull_is_a_function_of_its_cursor",
    StandsStill: "test_a_pass_ends_and_every_page_moves_on",
    WritesNovelsIntoCursors: "test_a_cursor_is_short_text_that_survives_a_restart",
    StartsOverWhenCaughtUp: "test_a_caught_up_cursor_yields_what_changed_and_not_the_world",
    MissesOldChanges: "test_a_change_reaches_a_caught_up_cursor",
    ReadsASnapshot: "test_a_record_changed_while_paging_is_not_lost",
    ForgetsTombstones: "test_what_was_removed_upstream_reaches_us",
    HasOneVersion: "test_a_version_changes_when_and_only_when_its_record_does",
    CannotReread: "test_a_record_can_be_read_again_by_its_ref",
    CountsYenInHundredths: "test_money_is_whole_minor_units_of_a_real_currency",
    IsADayOff: "test_dates_are_the_companys_days_and_instants_are_aware",
    OverlooksAllocations: "test_a_clean_world_adds_up",
    TripsOverAnOddRow: "test_an_odd_row_is_named_and_its_neighbours_survive",
    CallsALostLoginPassing: "test_every_status_says_what_to_do",
    ForgetsHowLongToWait: "test_a_limit_says_how_long_it_lasts",
    LetsTheHttpLibraryOut: "test_a_broken_line_is_transient_and_speaks_no_http",
    GivesUpAtOnce: "test_a_short_failure_is_got_over",
    SkipsAFailedPage: "test_a_failed_page_loses_nothing",
    SleepsOnTheJob: "test_nobody_sleeps_long",
    PostsToRead: "test_reading_writes_nothing",
    ShowsItsKey: "test_no_secret_shows",
    ClaimsTickets: "test_every_push_it_declares_can_be_tried",
    FindsWhatIsNotThere: "test_a_push_acts_once_and_can_be_found_again",
    ActsTwice: "test_the_same_key_twice_acts_once",
    TakesALostReplyForAFailure: "test_a_lost_reply_is_unknown_and_never_certainly_not_done",
    TriesAgainByItself: "test_a_failed_push_is_not_repeated_by_itself",
    WritesIntoTheVoid: "test_a_push_to_a_missing_record_is_rejected",
    OverwritesPeople: "test_a_field_somebody_changed_meanwhile_is_a_conflict",
    StumblesOverForeignActions: "test_what_it_cannot_do_is_rejected",
    BelievesEveryWebhook: "test_a_genuine_webhook_becomes_hints_and_a_forged_one_is_rejected",
}
