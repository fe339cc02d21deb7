"""The vendor's PDF goes with the message or the contact log says why not; it never stops, doubles or hides a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core import enclosures
from core.actions import InvoiceMention, Receipt, SendInvoice, SendReminder
from core.clock import ManualClock
from core.dunning.policy import DunningSettings
from core.enclosures import LEFT_OUT, EnclosureDesk
from core.errors import Transient
from core.messages.clean import file_name
from core.money import Money
from core.outbox import OutboxState
from core.ports import Document
from core.records import Ref
from core.review import review
from core.store import open_store
from tests.unit.shell.test_dispatch import RULES, World
from tests.unit.shell.vendor import NOW, Crash, Vendor, invoice, party


class Filing(Vendor):
    """A vendor that keeps a PDF of each invoice, and a mail server that takes files."""

    asked = ()
    papers = True
    small = False
    enclosed = ()

    def document(self, stream, ref):
        self.asked = (*self.asked, ref)
        if isinstance(self.papers, Exception):
            raise self.papers
        if not self.papers:
            return None
        return Document(content=b"%PDF-", media_type="application/pdf", filename=f"invoice-{ref}.pdf", source=f"Vendor {ref}")

    def push_with(self, action, key, documents):
        receipt = self.push(action, key)
        if self.small:
            return Receipt(ref=receipt.ref, detail=f"{LEFT_OUT}: too large")
        self.enclosed = (*self.enclosed, [item.filename for item in documents])
        return receipt


class FilingWorld(World):
    def __init__(self, folder, **policy):
        self.url = f"sqlite:///{folder}/duesync.db"
        self.clock = ManualClock(NOW)
        other = invoice("I2", cents=41_700, issued_on=date(2026, 2, 20), due_on=date(2026, 3, 18))
        self.vendor = Filing().put(party(), invoice(), other)
        self.store = open_store(self.url, clock=self.clock)
        self.store.migrate()
        self.store.set_roles(RULES.roles)
        self.pull()
        rules = replace(RULES, dunning=DunningSettings.model_validate({"mode": "active", **policy}))
        review(self.store, rules, now=self.clock.now(), run_id="r", full=True)

    @property
    def said(self):
        """What the contact log says of the one message."""
        ((contact,),) = self.store.contacts().values()
        return contact.outcome


@pytest.fixture
def filing(tmp_path):
    made = FilingWorld(tmp_path)
    yield made
    made.store.close()


@pytest.mark.req("A106")
def test_the_invoices_go_with_the_message_and_the_contact_log_says_so(filing):
    assert filing.dispatch() == {"settled": 1}
    assert filing.vendor.enclosed == (["invoice-10I1.pdf", "invoice-10I2.pdf"],)
    assert filing.said == "sent; attached: 10I1, 10I2"
    assert all(answer.ok for answer in filing.row.gate)


@pytest.mark.parametrize(
    ("papers", "why"),
    [
        (False, "10I1 (books has no file of it); 10I2 (books has no file of it)"),
        (Transient("books: the printer burns.", connection="books"), "10I1 (books: the printer burns); 10I2 (books: the pr"),
        (ValueError("odd"), "10I1 (books failed: ValueError); 10I2 (books failed: ValueError)"),
    ],
)
def test_a_file_that_cannot_be_had_does_not_stop_the_message(filing, papers, why):
    filing.vendor.papers = papers
    assert filing.dispatch() == {"settled": 1}
    assert filing.sent == 1
    assert filing.said.startswith(f"sent; not attached: {why}")
    assert len(filing.vendor.asked) == (2 if papers is False else 1)  # a vendor that failed is left alone for this pass


@pytest.mark.parametrize(
    ("policy", "said", "asked"),
    [
        ({"attach_invoices": False}, "sent", 0),
        ({"attach_most": 1}, "sent; attached: 10I1; not attached: 10I2 (at most 1 files go with one message)", 1),
    ],
)
def test_the_policy_says_whether_and_how_many(tmp_path, policy, said, asked):
    world = FilingWorld(tmp_path, **policy)
    world.dispatch()
    assert (world.said, len(world.vendor.asked)) == (said, asked)
    world.store.close()


def test_a_channel_that_left_them_out_is_believed(filing):
    filing.vendor.small = True
    filing.dispatch()
    assert filing.said == f"sent; {LEFT_OUT}: too large"


def test_nothing_is_fetched_for_a_message_the_gate_refuses(filing):
    filing.vendor.put(invoice(open=Money(0, "USD")))
    assert filing.dispatch() == {"dropped": 1}
    assert filing.vendor.asked == ()


@pytest.mark.req("E25")
@pytest.mark.parametrize("fault", ["crash_before", "crash_after", "lose_answer"])
def test_a_message_with_files_is_sent_once_whatever_dies(filing, fault):
    setattr(filing.vendor, fault, True)
    try:
        filing.dispatch()
    except Crash:
        assert fault != "lose_answer"
    filing.restart()
    for _ in range(3):  # recovered, left to rest, read back, and done if it was not
        filing.dispatch()
        filing.clock.advance(timedelta(minutes=2))
    assert filing.row.state is OutboxState.SETTLED
    assert filing.sent == 1
    assert filing.said == "sent; attached: 10I1, 10I2"


def test_the_gate_is_asked_again_when_fetching_took_long(filing):
    document = filing.vendor.document

    def slow(stream, ref):
        filing.clock.advance(timedelta(minutes=2))
        filing.vendor.put(invoice(open=Money(0, "USD")))  # paid meanwhile
        return document(stream, ref)

    filing.vendor.document = slow
    assert filing.dispatch() == {"dropped": 1}
    assert filing.sent == 0
    assert len(filing.vendor.asked) == 1


# ── the desk alone ──────────────────────────────────────────────────────────────────────────────────────────────────────
def mention(ref, number=None, connection="books"):
    return InvoiceMention(
        connection=connection, ref=Ref(ref), digest="d", number=number, open=Money(1, "USD"), due_on=date(2026, 3, 1)
    )


def reminder(*mentions, enclose=5):
    step = {"connection": "mail", "account": "a", "stage": "due", "cycle": "1", "to": ("a@b.example",)}
    return SendReminder(**step, subject="s", text="t", html="", invoices=mentions, enclose=enclose)


def desk(vendor):
    return EnclosureDesk(lambda name: vendor, ManualClock(NOW))


def test_two_invoices_of_one_number_get_two_names():
    found = desk(Filing()).gather(reminder(mention("1", "A/7"), mention("2", "A/7", "other")))
    assert [item.filename for item in found.documents] == ["invoice-A-7.pdf", "invoice-A-7-2.pdf"]
    assert file_name("invoice-A/7") == "invoice-A-7.pdf"


def test_no_more_goes_than_a_mail_server_takes(monkeypatch):
    monkeypatch.setattr(enclosures, "MOST_BYTES", 7)
    found = desk(Filing()).gather(reminder(mention("1"), mention("2")))
    assert (len(found.documents), found.remark) == (1, "attached: 1; not attached: 2 (the message would be too large)")


@pytest.mark.parametrize(
    "action",
    [
        reminder(mention("1"), enclose=0),
        SendInvoice(connection="books", account="a", stage="created", cycle="1", invoice=mention("1")),
    ],
)
def test_what_takes_no_files_asks_for_none(action):
    vendor = Filing()
    assert desk(vendor).gather(action).answers == ()
    assert vendor.asked == ()


def test_a_channel_or_a_system_without_files_says_nothing():
    assert desk(Vendor()).gather(reminder(mention("1"))).answers == ()

    class TakesFiles(Vendor):
        push_with = Filing.push_with

    assert desk(TakesFiles()).gather(reminder(mention("1"))).answers == ()


def test_a_lost_store_is_not_a_missing_file():
    from core.errors import StoreError

    vendor = Filing()
    vendor.papers = StoreError("the disk is full")
    with pytest.raises(StoreError):
        desk(vendor).gather(reminder(mention("1")))
