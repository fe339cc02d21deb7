"""The journal: an edit, a cut or an insertion shows, and a client's data can be erased without breaking it."""

from __future__ import annotations

import threading

import pytest

from core.store import Store
from tests.store.world import NOW


def fill(store: Store, count: int = 5) -> None:
    for number in range(1, count + 1):
        store.journal_append("note.made", f"thing/{number}", {"number": number, "words": "ünï"}, now=NOW, actor="ann")


def tamper(store: Store, statement: str) -> None:
    with store._db.write() as tx:
        tx.exec_driver_sql(statement)


def test_an_untouched_journal_holds(store: Store) -> None:
    assert store.verify_journal().ok
    fill(store)
    check = store.verify_journal()
    assert (check.ok, check.entries, check.broken_at) == (True, 5, None)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("update journal set detail = '{\"number\":9}' where seq = 3", 3),
        ("update journal set actor = 'bob' where seq = 2", 2),
        ("update journal set subject = 'thing/9' where seq = 5", 5),
        ("update journal set kind = 'x', hash = detail_hash where seq = 4", 4),
        ("delete from journal where seq = 3", 3),
        ("delete from journal where seq = 5", 5),
        ("delete from journal where seq > 2", 3),
        ("delete from journal where seq = 1", 1),
    ],
)
def test_the_first_broken_entry_is_named(store: Store, statement: str, broken_at: int) -> None:
    fill(store)
    tamper(store, statement)
    check = store.verify_journal()
    assert (check.ok, check.broken_at) == (False, broken_at)
    assert check.problem


def test_erasing_a_clients_details_keeps_the_chain(store: Store) -> None:
    fill(store)
    assert store.journal_erase("thing/2") == 1
    assert store.journal_erase("thing/2") == 0
    assert store.verify_journal().ok
    assert [entry.detail is None for entry in store.journal_entries()] == [False, True, False, False, False]


def test_an_erased_detail_cannot_be_put_back_changed(store: Store) -> None:
    fill(store)
    store.journal_erase("thing/2")
    tamper(store, "update journal set detail = '{}' where seq = 2")
    assert store.verify_journal().broken_at == 2


def test_entries_are_found_by_subject_kind_and_place(store: Store) -> None:
    fill(store)
    (entry,) = store.journal_entries(subject="thing/4")
    assert (entry.seq, entry.kind, entry.actor, entry.at, entry.detail) == (
        4,
        "note.made",
        "ann",
        NOW,
        {"number": 4, "words": "ünï"},
    )
    assert [item.seq for item in store.journal_entries(after=2, limit=2)] == [3, 4]
    assert store.journal_entries(kind="other") == ()


def test_a_unit_that_fails_leaves_no_entry(store: Store) -> None:
    fill(store, 1)

    def fail() -> None:
        with store.unit():
            fill(store, 3)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        fail()
    check = store.verify_journal()
    assert (check.ok, check.entries) == (True, 1)


def test_concurrent_appenders_make_one_chain(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(10):
            store.journal_append("note", f"{name}/{number}", {}, now=NOW, actor=name)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check = store.verify_journal()
    assert (check.ok, check.entries) == (True, 40)
