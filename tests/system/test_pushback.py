"""What upstream systems are told: holds, promises, stages; once, by difference, and never over a person's own word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.connectwise import SPEC as CONNECTWISE
from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.faults import writes_only
from connectors.testing.serve import serve
from connectors.testing.vault import MemoryVault
from connectors.xero import SPEC as XERO
from connectors.xero.sandbox import XeroSandbox
from core.dispatch import dispatch
from core.dunning.policy import DunningSettings
from core.dunning.pushback import PushbackSettings, Target
from core.holds import Hold, HoldKind
from core.outbox import ContactKind, OutboxState, PastContact, Promise
from core.ports import ConnectionContext, ConnectorSpec
from core.pull import pull_connection
from core.records import Role, Stream
from core.review import Rules, review
from core.store import Store, open_store
from tests.unit.shell.test_dispatch import RULES
from tests.unit.shell.vendor import Vendor

START = datetime(2026, 5, 5, 15, 0, tzinfo=UTC)
CUSTOM = [
    {"id": 1, "caption": "Dunning hold", "type": "Text", "value": None},
    {"id": 2, "caption": "Promised for", "type": "Text", "value": None},
    {"id": 3, "caption": "Something else", "type": "Text", "value": "keep"},
]
PSA = PushbackSettings(
    hold="custom:Dunning hold",
    promise="custom:Promised for",
    hold_status="Credit Hold",
    hold_status_for=(HoldKind.LEGAL,),
    notes=True,
    tasks=True,
)


class Shop:
    """One vendor's sandbox over loopback, a store, and the real review and dispatch between them."""

    def __init__(self, spec: ConnectorSpec, box: Any, base_url: str, store: Store, clock: SleepingClock, **keys: Any) -> None:
        self.box, self.store, self.clock = box, store, clock
        role = Role.PSA if spec is CONNECTWISE else Role.BOOKS
        settings = spec.settings.model_validate({**box.settings(base_url), **keys})
        context = ConnectionContext(
            name="up",
            role=role,
            settings=settings,
            clock=clock,
            vault=MemoryVault(),
            timezone="America/Chicago",
            currency="USD",
        )
        self.connector = spec.build(context)
        store.set_roles({"up": role})
        self.rules = replace(RULES, roles={"up": role}, systems={"up": spec.name})

    def told(self, settings: PushbackSettings, *, draft: bool = False) -> Rules:
        return replace(self.rules, pushback=(Target(connection="up", settings=settings, draft=draft),))

    def turn(self, settings: PushbackSettings, **options: Any) -> dict[str, int]:
        """One round of the daemon: pull, review, dispatch."""
        self.clock.advance(timedelta(hours=1))
        pull_connection(self.connector, self.store, connection="up", clock=self.clock, run_id="p")
        review(self.store, self.told(settings, **options), now=self.clock.now(), run_id="r", full=True)
        return dispatch(self.store, self.told(settings), self.opened, clock=self.clock, by="w").summary()

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        assert name == "up"
        yield self.connector

    @property
    def account(self) -> str:
        (only,) = self.store.accounts()
        return only.id

    def hold(self, kind: HoldKind, name: str = "h1", **rest: Any) -> Hold:
        made = Hold(id=name, kind=kind, account=self.account, placed_at=self.clock.now(), placed_by="ann", **rest)
        self.store.place_hold(made)
        return made

    def promise(self, until: date) -> None:
        self.store.add_promise(
            Promise(
                account=self.account,
                invoice=None,
                amount_minor=None,
                currency=None,
                due_on=until,
                made_at=self.clock.now(),
                made_by="ann",
            )
        )


@contextmanager
def shop(tmp_path: Any, spec: ConnectorSpec, sandbox: Any, **keys: Any) -> Iterator[Shop]:
    clock = SleepingClock(START)
    box = sandbox(clock)
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()
    with serve(box) as base_url:
        made = Shop(spec, box, base_url, store, clock, **keys)
        yield made
        made.connector.close()
    store.close()


@pytest.fixture
def psa(tmp_path) -> Iterator[Shop]:
    with shop(tmp_path, CONNECTWISE, ConnectwiseSandbox) as made:
        fields = [dict(item) for item in CUSTOM]
        made.company = made.box.tenant.add_company("Alder Dental", at=START - timedelta(days=300), customFields=fields)["id"]
        made.box.tenant.add_invoice(made.company, 100, date(2026, 4, 2), at=START - timedelta(days=30))
        yield made


def company(psa: Shop) -> dict[str, Any]:
    row = psa.box.tenant.table("company/companies")[psa.company]
    fields = {item["caption"]: item.get("value") for item in row["customFields"]}
    return {
        "status": row["status"]["name"],
        "hold": fields["Dunning hold"],
        "promise": fields["Promised for"],
        "else": fields["Something else"],
    }


def notes(psa: Shop) -> list[str]:
    return [str(row["text"]) for row in psa.box.tenant.rows(f"company/companies/{psa.company}/notes")]


@pytest.mark.req("A36")
def test_a_hold_reaches_the_company_once_and_leaves_it_when_it_is_lifted(psa):
    psa.turn(PSA)
    before = company(psa)
    held = psa.hold(HoldKind.LEGAL, reason="with counsel")
    psa.turn(PSA)
    assert company(psa) == {**before, "status": "Credit Hold", "hold": "legal"}
    assert sum("hold h1" in text for text in notes(psa)) == 1
    for _ in range(3):
        assert psa.turn(PSA) == {}, "nothing is said twice"
    psa.store.lift_hold(held.id, by="ann", now=psa.clock.now())
    psa.turn(PSA)
    assert company(psa) == before
    assert sum("ended" in text for text in notes(psa)) == 1


@pytest.mark.req("A36")
def test_the_same_hold_again_is_told_again(psa):
    psa.turn(PSA)
    for name in ("h1", "h2"):
        psa.hold(HoldKind.LEGAL, name)
        psa.turn(PSA)
        assert company(psa)["status"] == "Credit Hold"
        psa.store.lift_hold(name, by="ann", now=psa.clock.now())
        psa.turn(PSA)
        assert company(psa)["status"] == "Active"


def test_what_a_person_set_by_hand_stays(psa):
    psa.turn(PSA)
    psa.box.tenant.touch("company/companies", psa.company, customFields=[{**item, "value": "by hand"} for item in CUSTOM])
    psa.hold(HoldKind.DISPUTE)
    assert psa.turn(PSA).get("dropped") == 1
    assert company(psa)["hold"] == "by hand"
    assert psa.turn(PSA) == {}


@pytest.mark.req("E22", "E23")
def test_a_bounce_and_a_reply_become_one_ticket_each(psa):
    psa.turn(PSA)
    for kind, address in ((ContactKind.BOUNCE, "ap@alder.example"), (ContactKind.REPLY, "boss@alder.example")):
        psa.store.log_contact(
            PastContact(account=psa.account, kind=kind, at=psa.clock.now(), channel="mail", to=(address,), outcome="5.1.1")
        )
    psa.turn(PSA)
    psa.turn(PSA)
    summaries = [row["summary"] for row in psa.box.tenant.rows("service/tickets")]
    assert len(summaries) == 2
    assert any("ap@alder.example bounced" in text for text in summaries)


def test_draft_waits_for_a_person_and_observe_writes_nothing(psa):
    psa.turn(PSA)
    psa.hold(HoldKind.DISPUTE)
    assert psa.turn(PSA, draft=True) == {}
    assert {str(row.state) for row in psa.store.outbox()} == {"draft"}
    assert company(psa)["hold"] is None


def test_a_review_that_only_looks_tells_nobody(psa):
    psa.turn(PSA)
    psa.hold(HoldKind.DISPUTE)
    review(psa.store, psa.told(PSA), now=psa.clock.now(), run_id="r", full=True, enqueue=False)
    assert psa.store.outbox() == ()
    assert psa.turn(PSA)["settled"] == 2, "the field and the note, once it counts"


@pytest.mark.req("A12", "E11")
def test_a_promised_day_reaches_the_invoice_in_xero_unless_somebody_wrote_another(tmp_path):
    settings = PushbackSettings(expected_date="expected_on")
    keys = {"push": {"notes": True, "fields": True}}
    with shop(tmp_path, XERO, XeroSandbox, **keys) as xero:
        contact = xero.box.books.add_contact("Acme", EmailAddress="ap@acme.example")
        for _ in range(2):
            xero.box.books.add_invoice(contact, "120.00", date(2026, 4, 1), date(2026, 5, 1))
        xero.turn(settings)
        mine, theirs = list(xero.box.books.tables["Invoices"].values())
        xero.box.books.keep("Invoices", {**theirs, "ExpectedPaymentDate": "2026-05-20"})
        xero.promise(date(2026, 5, 15))
        xero.turn(settings)
        assert [_day(xero, item) for item in (mine, theirs)] == ["2026-05-15", "2026-05-20"]
        xero.promise(date(2026, 5, 18))
        xero.turn(settings)
        assert [_day(xero, item) for item in (mine, theirs)] == ["2026-05-18", "2026-05-20"]
        assert xero.turn(settings) == {}


def _day(xero: Shop, invoice: dict[str, Any]) -> str:
    return str(xero.connector.reread(Stream.INVOICES, invoice["InvoiceID"]).expected_on)


# ── what is not done yet ────────────────────────────────────────────────────────────────────────────────────────────────
def busy(psa: Shop, times: int = 12) -> None:
    """The vendor is away for the next writes."""
    psa.box.levers.fail_next(503, times=times, only=writes_only)


FIELD = PushbackSettings(hold="custom:Dunning hold")
BOTH = PushbackSettings(hold="custom:Dunning hold", hold_status="Credit Hold", hold_status_for=(HoldKind.LEGAL,))


def states(psa: Shop) -> list[str]:
    return sorted(str(row.state) for row in psa.store.outbox())


def test_a_hold_lifted_before_the_vendor_could_be_told_leaves_nothing_there(psa):
    psa.turn(BOTH)
    before = company(psa)
    psa.hold(HoldKind.LEGAL)
    busy(psa)
    psa.turn(BOTH)
    assert company(psa) == before
    psa.box.levers.clear()
    psa.store.lift_hold("h1", by="ann", now=psa.clock.now())
    for _ in range(4):
        psa.turn(BOTH)
    assert company(psa) == before
    assert set(states(psa)) == {"dropped"}, "what was not said yet is taken back; a late word would stand for ever"


def test_a_word_that_changed_while_the_vendor_was_away_is_said_as_it_is_now(psa):
    psa.turn(FIELD)
    psa.hold(HoldKind.DISPUTE)
    busy(psa)
    psa.turn(FIELD)
    psa.box.levers.clear()
    psa.hold(HoldKind.LEGAL, "h2")
    for _ in range(4):
        psa.turn(FIELD)
    assert company(psa)["hold"] == "dispute, legal"


def test_a_draft_nobody_approved_is_taken_back_when_the_hold_ends(psa):
    psa.turn(BOTH)
    psa.hold(HoldKind.LEGAL)
    psa.turn(BOTH, draft=True)
    assert states(psa) == ["draft", "draft"]
    psa.store.lift_hold("h1", by="ann", now=psa.clock.now())
    psa.turn(BOTH, draft=True)
    assert states(psa) == ["dropped", "dropped"]


def test_a_pause_of_days_only_delays_what_is_told(psa):
    psa.turn(BOTH)
    psa.hold(HoldKind.LEGAL)
    psa.store.pause("all", by="ann", reason="audit", now=psa.clock.now())
    for _ in range(15):
        psa.turn(BOTH)
        psa.clock.advance(timedelta(hours=4))
    assert states(psa) == ["queued", "queued"]
    psa.store.unpause("all", by="ann", now=psa.clock.now())
    psa.turn(BOTH)
    psa.turn(BOTH)
    assert (company(psa)["hold"], company(psa)["status"]) == ("legal", "Credit Hold")


def test_a_record_somebody_has_open_is_told_a_little_later(psa):
    psa.turn(FIELD)
    psa.hold(HoldKind.DISPUTE)
    psa.box.levers.fail_next(409, only=writes_only)
    psa.turn(FIELD)
    for _ in range(2):
        psa.turn(FIELD)
    assert company(psa)["hold"] == "dispute"


@pytest.mark.parametrize("acted", [True, False])
def test_a_lost_answer_is_read_back_and_the_company_told_once(psa, acted):
    psa.turn(BOTH)
    psa.hold(HoldKind.LEGAL)
    if acted:
        psa.box.levers.lose_reply(times=2)
    else:
        psa.box.levers.reset_next(times=2, only=writes_only)
    assert psa.turn(BOTH).get("settled", 0) == 0
    for _ in range(3):
        psa.turn(BOTH)
    assert (company(psa)["hold"], company(psa)["status"]) == ("legal", "Credit Hold")
    patches = [item for item in psa.box.levers.log if item.method == "PATCH"]
    assert len(patches) == (2 if acted else 4)
    assert states(psa) == ["settled", "settled"]


# ── a person's own word ─────────────────────────────────────────────────────────────────────────────────────────────────
def by_hand(psa: Shop, *, field: str | None = "", status: str | None = None) -> None:
    """Somebody edits the company: the field of holds (None: emptied), its status, or both."""
    tenant = psa.box.tenant
    row = tenant.table("company/companies")[psa.company]
    if field != "":
        fields = [{**item, "value": field} if item["caption"] == "Dunning hold" else item for item in row["customFields"]]
        tenant.touch("company/companies", psa.company, customFields=fields)
    if status is not None:
        known = next(item for item in tenant.rows("company/companies/statuses") if item["name"] == status)
        tenant.touch("company/companies", psa.company, status={"id": known["id"], "name": status})


def test_a_status_somebody_changed_while_the_client_was_held_is_kept_when_the_hold_ends(psa):
    psa.turn(BOTH)
    psa.hold(HoldKind.LEGAL)
    psa.turn(BOTH)
    by_hand(psa, status="Inactive")
    psa.store.lift_hold("h1", by="ann", now=psa.clock.now())
    for _ in range(3):
        psa.turn(BOTH)
    assert company(psa)["status"] == "Inactive"
    assert company(psa)["hold"] is None, "the field beside it was ours"


def test_a_status_somebody_had_set_already_is_not_taken_back_by_us(psa):
    by_hand(psa, status="Credit Hold")
    psa.turn(BOTH)
    psa.hold(HoldKind.LEGAL)
    psa.turn(BOTH)
    psa.store.lift_hold("h1", by="ann", now=psa.clock.now())
    psa.turn(BOTH)
    assert company(psa)["status"] == "Credit Hold"


def test_a_field_somebody_emptied_stays_empty_until_our_word_is_a_new_one(psa):
    psa.turn(FIELD)
    psa.hold(HoldKind.DISPUTE)
    psa.turn(FIELD)
    by_hand(psa, field=None)
    for _ in range(3):
        assert psa.turn(FIELD) == {}
    assert company(psa)["hold"] is None
    psa.store.lift_hold("h1", by="ann", now=psa.clock.now())
    psa.turn(FIELD)
    psa.hold(HoldKind.LEGAL, "h2")
    psa.turn(FIELD)
    assert company(psa)["hold"] == "legal"


def test_a_field_somebody_had_filled_and_freed_again_takes_our_next_word(psa):
    by_hand(psa, field="by hand")
    psa.turn(FIELD)
    psa.hold(HoldKind.DISPUTE)
    psa.turn(FIELD)
    assert company(psa)["hold"] == "by hand"
    by_hand(psa, field=None)
    psa.hold(HoldKind.LEGAL, "h2")
    psa.turn(FIELD)
    assert company(psa)["hold"] == "dispute, legal"


def test_a_note_somebody_edited_or_deleted_is_not_written_again(psa):
    settings = PushbackSettings(notes=True)
    psa.turn(settings)
    psa.hold(HoldKind.DISPUTE)
    psa.turn(settings)
    table = psa.box.tenant.table(f"company/companies/{psa.company}/notes")
    (number,) = table
    table[number]["text"] = "edited by hand"
    assert psa.turn(settings) == {}
    del table[number]
    assert psa.turn(settings) == {}
    assert notes(psa) == []


def test_a_company_deleted_upstream_is_named_and_the_others_are_told(psa):
    psa.turn(FIELD)
    psa.hold(HoldKind.DISPUTE)
    psa.box.tenant.touch("company/companies", psa.company, deletedFlag=True)
    review(psa.store, psa.told(FIELD), now=psa.clock.now(), run_id="r", full=True)
    dispatch(psa.store, psa.told(FIELD), psa.opened, clock=psa.clock, by="w")
    (row,) = psa.store.outbox()
    assert str(row.state) == "parked"
    assert f"parties/{psa.company}" in str(row.error)


def test_another_process_after_a_restart_says_nothing_again(psa, tmp_path):
    psa.turn(PSA)
    psa.hold(HoldKind.LEGAL)
    psa.turn(PSA)
    written = len([item for item in psa.box.levers.log if item.writes])
    again = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=psa.clock)
    try:
        psa.store, first = again, psa.store
        for _ in range(2):
            assert psa.turn(PSA) == {}
        psa.store = first
    finally:
        again.close()
    assert len([item for item in psa.box.levers.log if item.writes]) == written


@pytest.mark.parametrize(
    "fields",
    [
        {"hold": "custom:Dunning", "stage": "custom: dunning "},
        {"promise": "Notes", "hold": "Notes"},
        {"stage": "status", "hold_status": "Credit Hold"},
    ],
)
def test_two_facts_in_one_field_are_refused_for_they_would_push_each_other_out(fields):
    with pytest.raises(ValueError, match="is named for two things"):
        PushbackSettings(**fields)


# ── what people say there ───────────────────────────────────────────────────────────────────────────────────────────────
STOPS = {"mode": "active", "business_days": False, "stop_fields": ["Something else = hold"], "tickets": {"severities": ["high"]}}


def tick(psa: Shop) -> None:
    marked = [{**item, "value": "Hold"} if item["caption"] == "Something else" else dict(item) for item in CUSTOM]
    psa.box.tenant.touch("company/companies", psa.company, customFields=marked)


def complain(psa: Shop) -> None:
    tenant = psa.box.tenant
    body = {"summary": "Server down", "company": tenant.company_ref(psa.company), "severity": "High", "closedFlag": False}
    tenant.add("service/tickets", {**body, "board": {"id": 1, "name": "Help Desk"}}, at=psa.clock.now())


@pytest.mark.req("A22", "A23")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (tick, 'a custom field of the client at up says: "Something else = Hold"'),
        (complain, '"Server down" has severity High'),
        (None, None),
    ],
)
def test_what_people_note_there_stops_what_is_queued_after_the_next_pull(psa, said, why):
    psa.box.tenant.touch("company/companies", psa.company, invoiceToEmailAddress="ap@alder.example")
    psa.rules = replace(psa.rules, dunning=DunningSettings.model_validate(STOPS))
    pull_connection(psa.connector, psa.store, connection="up", clock=psa.clock, run_id="p")
    review(psa.store, psa.rules, now=psa.clock.now(), run_id="r", full=True)
    (queued,) = psa.store.outbox()
    assert queued.state is OutboxState.QUEUED
    psa.clock.advance(timedelta(minutes=30))
    if said is not None:
        said(psa)
    pull_connection(psa.connector, psa.store, connection="up", clock=psa.clock, run_id="p2")
    post = Vendor()

    @contextmanager
    def opened(name: str) -> Iterator[Any]:
        yield post if name == "mail" else psa.connector

    dispatch(psa.store, psa.rules, opened, clock=psa.clock, by="w")
    (row,) = psa.store.outbox()
    told = " ".join(f"{answer.question}: {answer.detail}" for answer in row.gate if answer.ok is not True)
    assert (row.state, sum(post.done.values())) == ((OutboxState.DROPPED, 0) if why else (OutboxState.SETTLED, 1)), told
    assert (why or "") in told
