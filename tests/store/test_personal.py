"""Everything about one client, found, handed out and emptied; nothing of anybody else; the books and the journal hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text

from core.actions import OpenTicket, PostNote, Receipt
from core.books import Account
from core.errors import UsageError
from core.holds import Hold, HoldKind
from core.outbox import ContactKind, OutboxState, PastContact, Queued
from core.records import (
    STREAM_OF,
    Adjustment,
    Contact,
    Deposit,
    DepositLine,
    Entry,
    Party,
    Posting,
    Record,
    RecordKey,
    Ref,
    Stream,
    Ticket,
)
from core.store import Store
from core.store.personal import EMPTIED, ERASED
from core.store.record_tables import METADATA, PART_TABLES, RECORD_TABLES
from tests.store.test_findings import finding, save
from tests.store.test_keeping import PLAN
from tests.store.world import BOOKS, NOW, invoice, page, party, payment, queued, reminder, usd

LATER = NOW + timedelta(hours=1)
CANARY = "Kanarienvogel"
OTHER = "Nachbar"
ONE, TWO = f"{BOOKS}:1", f"{BOOKS}:2"


def commit(store: Store, *records: Record, word: str) -> None:
    for record in records:
        stream = STREAM_OF[type(record)]
        entry = Entry(record=record, raw=f'{{"Name": "{word} raw {record.ref}"}}'.encode())
        one = replace(page(stream=stream, cursor=f"{stream}{record.ref}"), entries=(entry,))
        store.commit_page(one, connection=BOOKS, run_id="r", now=NOW)


def named(ref: str, party_ref: str) -> dict[str, Any]:
    return {"connection": BOOKS, "ref": Ref(ref), "party_ref": Ref(party_ref)}


def whole_party(ref: str, word: str) -> Party:
    mail = f"ap@{word}.example".lower()
    return party(
        ref,
        name=f"{word} GmbH",
        legal_name=word,
        email=mail,
        phone=f"+49 {word}",
        tags=(word,),
        status=word,
        fields=(f"Note = {word}",),
    )


def client(store: Store, ref: str, word: str) -> None:
    """A client with something in every place, `word` in every text of it."""
    note, to, account = f"{word} note", (f"{word}@x",), f"{BOOKS}:{ref}"
    commit(
        store,
        whole_party(ref, word),
        Contact(**named(f"c{ref}", ref), name=word, email=f"{word}@x", phone=word, role=word),
        invoice(f"i{ref}", ref, memo=note, bill_email=f"{word}@x", reference=word, pay_link=f"https://x/{word}"),
        payment(f"p{ref}", ref, {f"i{ref}": 10_000}, memo=note, payer=word, payer_account=f"IBAN {word}", reference=word),
        Adjustment(**named(f"a{ref}", ref), amount=usd(5), remaining=usd(5), adjusted_on=NOW.date(), memo=note, reason=word),
        Ticket(**named(f"t{ref}", ref), summary=note, board=word),
        word=word,
    )
    store.place_hold(Hold(id=f"h{ref}", kind=HoldKind.DISPUTE, account=account, reason=note, placed_at=NOW, placed_by="ann"))
    store.add_plan(replace(PLAN, id=f"pl{ref}", note=note, plan=replace(PLAN.plan, account=account)))
    store.log_contact(
        PastContact(account=account, kind=ContactKind.REPLY, at=NOW, channel="m", to=to, subject=note, outcome=note)
    )
    mail = reminder(f"i{ref}", account=account, to=to, cc=(f"{word}cc@x",), subject=note, text=note, html=note)
    store.enqueue([queued(mail, not_before=NOW - timedelta(hours=1))], now=NOW, run_id="r")
    row = store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    store.settle(store.start_sending(row, (), now=NOW), Receipt(ref="m", detail=f"to {word}"), NOW)
    post = PostNote(connection=BOOKS, account=account, stream=Stream.INVOICES, ref=Ref(f"i{ref}"), text=note, cause="c")
    ticket = OpenTicket(connection=BOOKS, account=account, party_ref=Ref(ref), summary=note, body=note, stage="call", cycle="1")
    store.enqueue([Queued(action=item, reasons=("r",), not_before=NOW) for item in (post, ticket)], now=NOW, run_id="r")


@pytest.fixture
def peopled(store: Store) -> Store:
    """Two clients, a deposit that has lines of both, and an invoice of the first that its vendor deleted."""
    client(store, "1", CANARY)
    client(store, "2", OTHER)
    lines = tuple(
        DepositLine(amount=usd(100), posting=Posting.INCOME, party_ref=Ref(ref), memo=f"{word} line")
        for ref, word in (("1", CANARY), ("2", OTHER))
    )
    shared = Deposit(connection=BOOKS, ref=Ref("d1"), amount=usd(200), deposited_on=NOW.date(), lines=lines, memo="a bundle")
    commit(store, shared, replace(shared, ref=Ref("d2"), lines=lines[:1], memo=f"{CANARY} alone"), word=f"{CANARY} and {OTHER}")
    subjects = (RecordKey(BOOKS, Stream.INVOICES, Ref("i1")),)
    save(store, replace(finding(), account=ONE, evidence={"who": CANARY}, subjects=subjects))
    commit(store, invoice("gone", "1", memo=f"{CANARY} gone"), word=CANARY)
    store.commit_page(page(deleted=("gone",), cursor="x"), connection=BOOKS, run_id="r", now=NOW)
    return store


def everything(store: Store, account: str) -> str:
    return repr(list(store.held_about(account)))


def test_everything_about_a_client_is_handed_out_and_nothing_of_another(peopled: Store) -> None:
    held = dict(peopled.held_about(ONE))
    payloads = {row["ref"]: row.pop("payload") for row in held["records"]}
    assert OTHER not in repr(held)
    assert payloads["gone"] == f'{{"Name": "{CANARY} raw gone"}}'
    assert payloads["d1"] is None  # of several clients
    wanted = {"parties", "contacts", "invoices", "payments", "adjustments", "tickets", "deposits", "deposit_lines", "findings"}
    assert wanted | {"holds", "payment_plans", "contact_log", "outbox", "journal", "records", "allocations"} <= set(held)
    assert {row["subject"].split("/")[0] for row in held["journal"]} >= {"outbox", "hold", "plan", "finding"}


def test_an_erased_client_stands_nowhere_and_the_others_are_untouched(peopled: Store, tmp_path: Path, store_url: str) -> None:
    neighbour = everything(peopled, TWO)
    before = {item.table: item.rows for item in peopled.fingerprint()}
    planned = peopled.erasure(ONE)
    assert CANARY in everything(peopled, ONE)
    assert peopled.erase(ONE, by="ann", reason="asked to", now=LATER) == planned
    with peopled._db.read() as tx:
        for table in METADATA.sorted_tables:
            rows = [dict(row._mapping) for row in tx.execute(table.select())]
            if table.name == "records":
                raws = [peopled._payloads.unpack(tx, bytes(row["raw"])) for row in rows]
                assert not [raw for raw in raws if CANARY.encode() in raw]
            assert CANARY.lower() not in repr(rows).lower(), table.name
    if store_url.startswith("sqlite"):
        assert CANARY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert everything(peopled, TWO).replace("'payload': '{}'", "") == neighbour.replace("'payload': '{}'", "")
    after = {item.table: item.rows for item in peopled.fingerprint()}
    assert {name for name in after if after[name] != before[name]} == {"journal", "settings"}


def test_amounts_numbers_and_the_journals_chain_outlive_an_erasure(peopled: Store) -> None:
    before = peopled.load_books(now=NOW).accounts[ONE]
    peopled.erase(ONE, by="ann", reason="asked to", now=LATER)
    after = peopled.load_books(now=NOW).accounts[ONE]
    assert [(item.number, item.total, item.open, item.due_on) for item in after.invoices] == [
        (item.number, item.total, item.open, item.due_on) for item in before.invoices
    ]
    assert after.balance("USD") == before.balance("USD")
    assert after.account.name == ERASED
    assert peopled.verify_journal().ok
    (entry,) = peopled.journal_entries(kind="privacy.erased")
    assert entry.detail is not None
    assert (entry.actor, entry.detail["reason"]) == ("ann", "asked to")
    assert all(item.detail is None for item in peopled.journal_entries(subject="hold/h1"))
    assert all(item.detail is not None for item in peopled.journal_entries(subject="hold/h2"))


def test_what_waited_is_dropped_and_what_is_under_way_stops_the_erasure(peopled: Store) -> None:
    (row_id, *_) = [row.id for row in peopled.outbox(states=[OutboxState.QUEUED], account=ONE)]
    row = peopled.reserve(now=LATER, by="w", lease_seconds=60)
    while row is not None and row.id != row_id:
        peopled.drop(row, "not this one")
        row = peopled.reserve(now=LATER, by="w", lease_seconds=60)
    assert row is not None
    with pytest.raises(UsageError, match="under way"):
        peopled.erase(ONE, by="ann", reason="r", now=LATER)
    assert CANARY in everything(peopled, ONE)
    peopled.retry(row, LATER, "later", LATER)
    planned = peopled.erase(ONE, by="ann", reason="r", now=LATER)
    assert row_id in planned.dropped
    assert {item.state for item in peopled.outbox(account=ONE)} == {OutboxState.SETTLED, OutboxState.DROPPED}


def test_names_and_references_stay_where_they_are_to_be_kept(peopled: Store) -> None:
    peopled.erase(ONE, by="ann", reason="r", now=LATER, keep=("names", "references"))
    books = peopled.load_books(now=NOW).accounts[ONE]
    assert books.account.name == f"{CANARY} GmbH"
    assert books.invoices[0].reference == CANARY
    assert (books.invoices[0].memo, books.parties[0].email) == (None, None)
    assert peopled.returned() == ()


def test_an_unchanged_row_pulled_again_brings_nothing_back_and_a_changed_one_is_told(peopled: Store) -> None:
    peopled.erase(ONE, by="ann", reason="r", now=LATER)
    again = whole_party("1", CANARY)
    commit(peopled, again, word=CANARY)
    found = peopled.find_record(RecordKey(BOOKS, Stream.PARTIES, Ref("1")))
    assert isinstance(found, Party)
    assert found.name == ERASED
    assert peopled.returned() == ()
    commit(peopled, replace(again, phone="+49 30 1"), word=CANARY)
    assert peopled.returned() == (ONE,)


def test_a_client_there_is_not_is_told(store: Store) -> None:
    with pytest.raises(UsageError, match="no client x"):
        list(store.held_about("x"))
    with pytest.raises(UsageError, match="no client x"):
        store.erase("x", by="a", reason="r", now=NOW)


def test_every_column_of_text_is_either_emptied_or_known_to_hold_nothing_personal() -> None:
    """A new column has to be placed: in EMPTIED, or here."""
    plain = {
        "ref",
        "connection",
        "version",
        "party_ref",
        "invoice_ref",
        "agreement_ref",
        "parent_ref",
        "number",
        "status",
        "method",
    }
    plain |= {"posting", "posted_to", "payment_ref", "owner_ref", "owner_stream", "stream", "source_stream", "source_ref"}
    plain |= {"currency", "country", "priority", "severity", "method"}
    emptied = {**EMPTIED, "deposits": {"memo": None}}  # only where every line is the client's
    for table in (*RECORD_TABLES.values(), *PART_TABLES.values()):
        texts = {column.name for column in table.columns if isinstance(column.type, Text)}
        unplaced = {name for name in texts if not name.endswith("_currency")} - plain - set(emptied.get(table.name, {}))
        assert not unplaced, f"{table.name}: {unplaced}"


def test_one_account_of_two_records_is_erased_in_both(store: Store) -> None:
    for ref in ("1", "2"):
        commit(store, party(ref, name=CANARY), word=CANARY)
    parties = tuple(RecordKey(BOOKS, Stream.PARTIES, Ref(ref)) for ref in ("1", "2"))
    store.save_accounts([Account(id="both", name=CANARY, parties=parties)])
    store.erase("both", by="ann", reason="r", now=LATER)
    assert CANARY not in everything(store, "both")
