"""The books as they are read: every record with its account, whole, in order, at one moment."""

from __future__ import annotations

from datetime import date

import pytest

from core.actions import Receipt
from core.books import Account
from core.errors import StoreError
from core.holds import Hold, HoldKind
from core.outbox import ContactKind, PastContact
from core.records import (
    STREAM_OF,
    Adjustment,
    Agreement,
    Allocation,
    Contact,
    CreditNote,
    CreditUse,
    Deposit,
    DepositLine,
    DocumentStatus,
    Posting,
    RecordKey,
    Ref,
    Refund,
    Role,
    Sale,
    Stream,
    Ticket,
    Work,
    key_of,
)
from core.store import Store
from tests.store.world import BOOKS, NOW, invoice, page, party, payment, queued, reminder, usd


def commit(store: Store, *records, connection: str = BOOKS) -> None:
    for cls, stream in STREAM_OF.items():
        mine = [record for record in records if type(record) is cls]
        if mine:
            store.commit_page(page(*mine, stream=stream), connection=connection, run_id="r", now=NOW)


def key(ref: str, connection: str = BOOKS) -> RecordKey:
    return RecordKey(connection, Stream.PARTIES, Ref(ref))


def books(store: Store, accounts=None):
    return store.load_books(now=NOW, accounts=accounts)


EVERYTHING = (
    party(
        "1",
        email="ap@one.example",
        tags=("vip", "net30"),
        fields=("Do not chase = true",),
        balance=usd(-250),
        currency="USD",
        updated_at=NOW,
    ),
    Contact(connection=BOOKS, ref=Ref("c1"), party_ref=Ref("1"), name="Ann", role="accounts payable", primary=True),
    invoice("10", prepaid=usd(100), sent=False, disputed=True, expected_on=date(2026, 6, 1)),
    CreditNote(
        connection=BOOKS,
        ref=Ref("30"),
        party_ref=Ref("1"),
        total=usd(500),
        remaining=usd(100),
        issued_on=date(2026, 4, 2),
        status=DocumentStatus.OPEN,
        allocations=(Allocation(invoice_ref=Ref("10"), amount=usd(400), applied_on=date(2026, 4, 3), ref=Ref("a1")),),
    ),
    payment("20", to={"10": 6_000}, credits_used=(CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref("30"), amount=usd(400)),)),
    Deposit(
        connection=BOOKS,
        ref=Ref("40"),
        amount=usd(6_000),
        deposited_on=date(2026, 5, 3),
        lines=(
            DepositLine(amount=usd(5_000), posting=Posting.UNDEPOSITED, payment_ref=Ref("20")),
            DepositLine(amount=usd(1_000), posting=Posting.INCOME, posted_to="Sales", party_ref=Ref("1"), memo="direct"),
        ),
    ),
    Sale(connection=BOOKS, ref=Ref("50"), party_ref=Ref("1"), amount=usd(10), sold_on=date(2026, 5, 1)),
    Refund(connection=BOOKS, ref=Ref("60"), party_ref=Ref("1"), amount=usd(7), refunded_on=date(2026, 5, 1)),
    Adjustment(
        connection=BOOKS, ref=Ref("70"), party_ref=Ref("1"), amount=usd(-5), remaining=usd(0), adjusted_on=date(2026, 5, 1)
    ),
    Agreement(connection=BOOKS, ref=Ref("80"), party_ref=Ref("1"), name="Managed", amount=None, cycle_months=3, signed=None),
    Ticket(connection=BOOKS, ref=Ref("90"), party_ref=Ref("1"), summary="printer", opened_at=NOW, sla_breached=True),
    Work(
        connection=BOOKS,
        ref=Ref("w1"),
        party_ref=Ref("1"),
        period_start=date(2026, 4, 1),
        period_end=date(2026, 4, 30),
        minutes=90,
        entries=2,
    ),
)


@pytest.mark.parametrize("record", EVERYTHING, ids=lambda record: type(record).__name__)
def test_every_type_of_record_comes_back_as_it_went_in(store: Store, record) -> None:
    commit(store, record)
    assert store.find_record(key_of(record)) == record


def test_every_record_stands_with_the_account_of_its_party(store: Store) -> None:
    commit(store, *EVERYTHING)
    loaded = books(store)
    (mine,) = loaded.accounts.values()
    assert mine.account == Account(id="books:1", name="Client 1", parties=(key("1"),))
    streams = ("parties", "contacts", "invoices", "credit_notes", "payments", "deposits", "sales", "refunds", "adjustments")
    for name in (*streams, "agreements", "tickets", "work"):
        assert len(getattr(mine, name)) == 1, name
        assert getattr(loaded.unassigned, name) == (), name


def test_records_are_sorted_by_connection_and_ref_whatever_the_order_of_pull(store: Store) -> None:
    commit(store, party("1"), invoice("9"), invoice("10"), invoice("Ä"), invoice("a"), invoice("B"))
    refs = [item.ref for item in books(store).accounts["books:1"].invoices]
    assert refs == sorted(refs) == ["10", "9", "B", "a", "Ä"]


def test_records_of_nobody_stand_unassigned(store: Store) -> None:
    stranger = invoice("11", party_ref="99")
    line = DepositLine(amount=usd(9), posting=Posting.RECEIVABLE)
    lost = Deposit(connection=BOOKS, ref=Ref("41"), amount=usd(9), deposited_on=date(2026, 5, 1), lines=(line,))
    commit(store, party("1"), stranger, payment("20", party_ref=None), lost)
    loaded = books(store)
    assert loaded.unassigned.invoices == (stranger,)
    assert [item.ref for item in loaded.unassigned.payments] == ["20"]
    assert loaded.unassigned.deposits == (lost,)


def test_a_deposit_stands_with_every_client_it_bundles(store: Store) -> None:
    lines = tuple(DepositLine(amount=usd(1), posting=Posting.UNDEPOSITED, payment_ref=Ref(ref)) for ref in ("20", "21"))
    bundle = Deposit(connection=BOOKS, ref=Ref("40"), amount=usd(2), deposited_on=date(2026, 5, 1), lines=lines)
    commit(store, party("1"), party("2"), payment("20", party_ref="1"), payment("21", party_ref="2"), bundle)
    loaded = books(store)
    assert [item.deposits for item in loaded.accounts.values()] == [(bundle,), (bundle,)]


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_until_linked_a_top_level_party_is_an_account_and_children_stand_with_it(store: Store) -> None:
    commit(store, party("1"), party("2", parent_ref="1"), party("3", parent_ref="2"), party("4", parent_ref="gone"))
    assert {item.id: [member.ref for member in item.parties] for item in store.accounts()} == {
        "books:1": ["1", "2", "3"],
        "books:4": ["4"],
    }


def test_parents_in_a_ring_are_one_account(store: Store) -> None:
    commit(store, party("1", parent_ref="2"), party("2", parent_ref="1"), party("3", parent_ref="3"))
    assert [item.id for item in store.accounts()] == ["books:1", "books:3"]


def test_a_linked_account_spans_connections(store: Store) -> None:
    commit(store, party("1"), invoice("10"))
    commit(store, party("7", connection="psa"), invoice("10", "7", connection="psa"), connection="psa")
    store.save_accounts([Account(id="acme", name="Acme", parties=(key("1"), key("7", "psa")), segment="vip")])
    (mine,) = books(store).accounts.values()
    assert (mine.account.name, mine.account.segment) == ("Acme", "vip")
    assert [item.connection for item in mine.invoices] == ["books", "psa"]


def test_linking_anew_moves_parties_and_removes_what_is_left_empty(store: Store) -> None:
    commit(store, party("1"), party("2"))
    store.save_accounts([Account(id="a", name="A", parties=(key("1"),)), Account(id="b", name="B", parties=(key("2"),))])
    store.save_accounts([Account(id="a", name="A", parties=(key("1"), key("2")))])
    assert [item.id for item in store.accounts()] == ["a"]


def test_what_was_kept_under_an_account_follows_its_parties(store: Store) -> None:
    commit(store, party("1"), party("2"))
    store.place_hold(Hold(id="h", kind=HoldKind.DISPUTE, account="books:2", placed_at=NOW, placed_by="ann"))
    store.log_contact(PastContact(account="books:2", kind=ContactKind.CALL, at=NOW, channel="phone"))
    store.save_accounts([Account(id="books:1", name="One", parties=(key("1"), key("2")))])
    assert [item.account for item in store.holds()] == ["books:1"]
    assert set(store.contacts()) == {"books:1"}


def test_what_was_on_its_way_is_logged_under_the_account_its_client_has_now(store: Store) -> None:
    commit(store, party("1"), party("2"))
    store.enqueue([queued(reminder("10", account="books:2"))], now=NOW, run_id=None)
    row = store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    started = store.start_sending(row, (), now=NOW)
    store.save_accounts([Account(id="books:1", name="One", parties=(key("1"), key("2")))])
    store.settle(started, Receipt(ref="m"), NOW)
    assert set(store.contacts()) == {"books:1"}
    assert len(store.outbox(account="books:1")) == 1


def test_two_accounts_cannot_claim_one_party(store: Store) -> None:
    commit(store, party("1"))
    with pytest.raises(StoreError, match="claimed by two accounts"):
        store.save_accounts([Account(id="a", name="A", parties=(key("1"),)), Account(id="b", name="B", parties=(key("1"),))])


def test_saving_the_same_accounts_twice_writes_nothing(store: Store) -> None:
    commit(store, party("1"))
    linked = Account(id="a", name="A", parties=(key("1"),))
    store.save_accounts([linked])
    watermark = store.changed_accounts(0)[1]
    store.save_accounts([linked])
    assert store.changed_accounts(0)[1] == watermark


def test_roles_are_those_last_set(store: Store) -> None:
    commit(store, party("1"))
    store.set_roles({"books": Role.BOOKS, "old": Role.BANK})
    store.set_roles({"books": Role.BOOKS, "psa": Role.PSA})
    loaded = books(store)
    assert loaded.roles == loaded.accounts["books:1"].roles == {"books": Role.BOOKS, "psa": Role.PSA}


# ── some accounts only ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_some_accounts_read_like_all_of_them(store: Store) -> None:
    commit(store, *EVERYTHING, party("2"), invoice("11", "2"), payment("21", party_ref=None))
    whole, some = books(store), books(store, ["books:1", "unknown"])
    assert set(some.accounts) == {"books:1"}
    assert some.accounts["books:1"] == whole.accounts["books:1"]
    assert some.unassigned == whole.unassigned


def test_an_account_comes_with_those_its_money_is_applied_across(store: Store) -> None:
    commit(store, party("1"), party("2"), party("3"), invoice("10", "1"), payment("20", party_ref="2", to={"10": 500}))
    for asked in ("books:1", "books:2"):
        some = books(store, [asked])
        assert set(some.accounts) == {"books:1", "books:2"}
        assert some.accounts["books:2"].payments[0].allocations[0].invoice_ref == "10"


# ── what changed ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_change_touches_the_accounts_before_and_after(store: Store) -> None:
    commit(store, party("1"), party("2"), party("3"), payment("20", party_ref="1"))
    touched, watermark = store.changed_accounts(0)
    assert touched == {"books:1", "books:2", "books:3"}
    commit(store, payment("20", party_ref="2"))
    touched, watermark = store.changed_accounts(watermark)
    assert touched == {"books:1", "books:2"}
    assert store.changed_accounts(watermark) == (frozenset(), watermark)


def test_a_forgotten_change_log_counts_on_from_where_it_was(store: Store) -> None:
    commit(store, party("1"), invoice("10"))
    watermark = store.changed_accounts(0)[1]
    assert store.forget_changes(watermark) == 2
    assert store.changed_accounts(watermark) == (frozenset(), watermark)
    commit(store, invoice("11"))
    touched, later = store.changed_accounts(watermark)
    assert (touched, later > watermark) == ({"books:1"}, True)


def test_a_deleted_record_touches_its_account(store: Store) -> None:
    commit(store, party("1"), invoice("10"))
    watermark = store.changed_accounts(0)[1]
    store.commit_page(page(deleted=("10",)), connection=BOOKS, run_id="r", now=NOW)
    assert store.changed_accounts(watermark)[0] == {"books:1"}


def test_linking_touches_the_accounts_it_changed(store: Store) -> None:
    commit(store, party("1"), party("2"))
    watermark = store.changed_accounts(0)[1]
    store.save_accounts([Account(id="a", name="A", parties=(key("1"),))])
    assert store.changed_accounts(watermark)[0] == {"a"}
