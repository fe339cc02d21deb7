"""What duesync promises about handing a client over, each promise told through the real store, outbox, gate and doors.

A promise is a function of an office; it fails where it is broken. `test_hand_over.py` breaks each on purpose.
"""

from __future__ import annotations

import mailbox
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.actions import HandOver, SendReminder
from core.clock import ManualClock
from core.collections.case import Approval, Approved, Case, FinalNotice, NoticeGiven, Opened, Waived, Waiver
from core.collections.checklist import checklist
from core.errors import UsageError
from core.holds import Hold, HoldKind
from core.outbox import OutboxState
from core.records import RecordKey, Ref, Stream
from scheduler.app import App, open_app
from scheduler.casefacts import gather
from scheduler.demo.vendor import mail_sink
from scheduler.following import FollowReport, follow
from scheduler.jobs import dispatch_outbox, jobs, review_accounts, sync_connection
from scheduler.placing import place, plan_placement
from scheduler.runner import Runner

NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
KEY = RecordKey("books", Stream.INVOICES, Ref("I1"))
CONFIG = """
[organisation]
name = "Northwind IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"
email = "ar@northwind.example"
[store]
url = "sqlite:///duesync.db"
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
from_address = "ar@northwind.example"
[dunning]
mode = "active"
[connections.books]
type = "csv"
role = "books"
path = "books"
[connections.acme]
type = "agency"
role = "agency"
mode = "active"
via = "folder"
path = "agency"
[agencies.acme]
name = "Acme Recovery"
connection = "acme"
rates = [{{percent = "25"}}]
"""
PARTIES = "ref,name,email,currency,country,region\nP1,Alder Dental,ap@alder.example,USD,US,TX\n"
INVOICES = """ref,party_ref,number,currency,total,open,issued_on,due_on,status
I1,P1,1001,USD,100.00,{open},2026-01-02,2026-01-17,{status}
"""
MORE = "I2,P1,1002,USD,100.00,100.00,2026-05-20,2026-06-20,open\n"
PAYMENTS = "ref,party_ref,currency,amount,unapplied,paid_on,status\nP9,P1,USD,{amount},{amount},2026-06-01,received\n"


@dataclass
class Office:
    """An office with one late client, a mail server and an agency's folder."""

    folder: Path
    app: App

    def books(self, *, open_: str = "100.00", status: str = "open", paid: str = "", more: str = "") -> None:
        """What the books say now, pulled: the invoice, a payment nobody applied, and perhaps another invoice of the client."""
        (self.folder / "books/invoices.csv").write_text(INVOICES.format(open=open_, status=status) + more)
        if paid:
            (self.folder / "books/payments.csv").write_text(PAYMENTS.format(amount=paid))
        sync_connection(self.app, "books")

    def case(self, *, approvers: tuple[str, ...] = ("ann", "bob"), placeable_on: date = date(2026, 5, 30)) -> Case:
        """A case whose every item is settled, approved by these, its final notice given."""
        with self.app.store.unit():
            return self._case(approvers, placeable_on)

    def _case(self, approvers: tuple[str, ...], placeable_on: date) -> Case:
        store = self.app.store
        account = store.accounts()[0].id
        case = store.open_case(Opened(account=account, invoices=(KEY,), currency="USD"), by="ann", now=NOW)
        for item in checklist(gather(self.app, account, case)).open_items:
            waiver = Waiver(item=item.id, by="ann", reason="told so by counsel", at=NOW)
            case = store.append_case_event(case.id, Waived(waiver=waiver), by="ann", now=NOW)
        digest = checklist(gather(self.app, account, case)).digest
        for name in approvers:
            fact = Approved(approval=Approval(by=name, at=NOW, digest=digest))
            case = store.append_case_event(case.id, fact, by=name, now=NOW)
        notice = FinalNotice(sent_at=NOW - timedelta(days=20), outbox_id=None, placeable_on=placeable_on)
        return store.append_case_event(case.id, NoticeGiven(notice=notice), by="ann", now=NOW)

    def place(self, case: Case) -> Case:
        """A person places it; it waits in the outbox."""
        return place(self.app, plan_placement(self.app, case, "acme", now=self.now), by="ann", now=self.now)[0]

    def hold(self, kind: HoldKind) -> None:
        account = self.app.store.accounts()[0].id
        self.app.store.place_hold(Hold(id=f"h-{kind}", kind=kind, account=account, placed_at=self.now, placed_by="ann"))

    @property
    def now(self) -> datetime:
        return self.app.clock.now()

    @property
    def handed(self) -> list[str]:
        """What stands at the agency, by its kind."""
        place_ = self.folder / "agency/to-agency"
        return sorted(item.name.split("-")[2] for item in place_.iterdir()) if place_.exists() else []

    @property
    def mails(self) -> int:
        box = mailbox.Maildir(self.folder / "mail", create=False)
        count = len(list(box.iterkeys()))
        box.close()
        return count


@contextmanager
def office(folder: Path, template: Path | None = None) -> Iterator[Office]:
    """The office, open; a copy of one that was prepared, where there is one."""
    if template is not None:
        shutil.copytree(template, folder, dirs_exist_ok=True)
    with mail_sink(folder / "mail") as port:
        (folder / "duesync.toml").write_text(CONFIG.format(port=port))
        with open_app(folder / "duesync.toml", clock=ManualClock(NOW), quiet=True) as app:
            yield Office(folder, app)


def prepare(folder: Path) -> Path:
    """An office on the day of its story: the books pulled and reviewed, a reminder to the client on its way."""
    for name in ("books", "agency/from-agency"):
        (folder / name).mkdir(parents=True)
    (folder / "books/parties.csv").write_text(PARTIES)
    with office(folder) as here:
        here.books()
        review_accounts(here.app, full=True)
    return folder


# ── the promises ────────────────────────────────────────────────────────────────────────────────────────────────────────
def it_is_never_automatic(here: Office) -> None:
    """However ready a case is and however often the daemon's jobs run, nothing is handed over without a person's command."""
    case = here.case()
    assert not plan_placement(here.app, case, "acme", now=NOW).against, "a person could place it this moment"
    runner = Runner(here.app)
    for _ in range(3):
        for job in jobs(here.app):
            assert runner.run(job)
        here.app.clock.advance(timedelta(days=1))
    assert here.handed == []
    assert [row for row in here.app.store.outbox() if isinstance(row.action, HandOver)] == []


def it_takes_two_people(here: Office) -> None:
    """One person's yes, and one person's yes said twice, hand nothing over."""
    case = here.case(approvers=("ann",))
    with pytest.raises(UsageError, match="1 of 2 approvals"):
        here.place(case)
    digest = checklist(gather(here.app, case.account, case)).digest
    again = Approved(approval=Approval(by="ANN", at=NOW, digest=digest))
    with pytest.raises(UsageError, match="approved case"):
        here.app.store.append_case_event(case.id, again, by="ann", now=NOW)


def an_approval_is_for_the_list_as_it_stood(here: Office) -> None:
    """What changed since they said yes is looked at again by both."""
    case = here.case()
    here.hold(HoldKind.PROTECTED)
    with pytest.raises(UsageError, match=r"not_protected|earlier checklist"):
        here.place(case)


def the_final_notice_runs_out_first(here: Office) -> None:
    """Nothing is handed over before the day the final notice named."""
    case = here.case(placeable_on=NOW.date() + timedelta(days=1))
    with pytest.raises(UsageError, match="final notice runs until 2026-06-02"):
        here.place(case)


def a_paid_invoice_is_not_placed(here: Office) -> None:
    """Paid while the hand-over waits: it does not leave, though the client owes as much on another invoice."""
    here.place(here.case())
    here.books(open_="0.00", status="closed", more=MORE)
    dispatch_outbox(here.app)
    assert here.handed == []


def money_not_applied_yet_counts(here: Office) -> None:
    """A payment nobody applied makes the claim too high: it does not leave."""
    here.place(here.case())
    here.books(paid="100.00")
    dispatch_outbox(here.app)
    assert here.handed == []


def a_disputed_invoice_is_not_placed(here: Office) -> None:
    """Disputed while the hand-over waits: it does not leave."""
    here.place(here.case())
    here.hold(HoldKind.DISPUTE)
    dispatch_outbox(here.app)
    assert here.handed == []


def a_bankruptcy_stops_the_agency_too(here: Office) -> None:
    """A stay keeps what waits back, and an agency that has the case is told to stop."""
    case = here.place(here.case())
    dispatch_outbox(here.app)
    follow(here.app, case, FollowReport(), now=here.now)
    here.hold(HoldKind.BANKRUPTCY)
    follow(here.app, here.app.store.case(case.id), FollowReport(), now=here.now)
    dispatch_outbox(here.app)
    assert here.handed == ["placement", "stay"]


def our_own_dunning_stops(here: Office) -> None:
    """What already waits for the client does not leave once its case is placed, and nothing new is written."""
    waiting = [row.id for row in here.app.store.outbox(states=[OutboxState.QUEUED]) if isinstance(row.action, SendReminder)]
    assert len(waiting) == 1, "a reminder was on its way"
    case = here.place(here.case())
    for _ in range(2):
        dispatch_outbox(here.app)
        case = follow(here.app, case, FollowReport(), now=here.now)
        here.app.clock.advance(timedelta(days=1))
        here.books()
        review_accounts(here.app, full=True)
    dispatch_outbox(here.app)
    assert (here.handed, here.mails) == (["placement"], 0)


def a_payment_to_us_is_told(here: Office) -> None:
    """The client pays us while the agency has the case: the agency hears of it at the next look."""
    case = here.place(here.case())
    dispatch_outbox(here.app)
    follow(here.app, case, FollowReport(), now=here.now)
    here.app.clock.advance(timedelta(hours=1))
    here.books(paid="40.00")
    follow(here.app, here.app.store.case(case.id), FollowReport(), now=here.now)
    dispatch_outbox(here.app)
    assert here.handed == ["payment", "placement"]


def it_is_handed_over_once(here: Office) -> None:
    """Placing it again, and a process that dies after the hand-over, hand nothing over twice."""
    case = here.place(here.case())
    row = here.app.store.reserve(now=NOW, by="w", lease_seconds=60)
    while row is not None and not isinstance(row.action, HandOver):
        row = here.app.store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    held = here.app.store.start_sending(row, (), now=NOW)
    with here.app.connection("acme") as connector:
        connector.push(held.action, held.key)
    here.app.clock.advance(timedelta(minutes=30))  # the process died here
    here.app.store.recover(here.now)
    here.app.clock.advance(timedelta(minutes=5))
    dispatch_outbox(here.app)
    assert here.handed == ["placement"]
    with pytest.raises(UsageError):
        here.place(here.app.store.case(case.id))


PROMISES = (
    it_is_never_automatic,
    it_takes_two_people,
    an_approval_is_for_the_list_as_it_stood,
    the_final_notice_runs_out_first,
    a_paid_invoice_is_not_placed,
    money_not_applied_yet_counts,
    a_disputed_invoice_is_not_placed,
    a_bankruptcy_stops_the_agency_too,
    our_own_dunning_stops,
    a_payment_to_us_is_told,
    it_is_handed_over_once,
)
