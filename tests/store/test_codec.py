"""Laws of keeping a record: it comes back as it was, and its digest tells content from noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.money import Money
from core.records import STREAM_OF, Party, Payment, Record, Ref, Stream, key_of
from core.store import Store, open_store
from core.store.codec import Decoder, encoder
from core.store.digest import digest_of
from core.store.shape import CHILD_TABLES, Kind, Shape, children, column_names, shapes
from tests.store.test_books import EVERYTHING
from tests.store.world import BOOKS, NOW, invoice, page

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
REFS = WORDS.filter(bool).map(Ref)
AMOUNTS = st.builds(Money, st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD"]))
INSTANTS = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 2 <= at.year <= 9998)
PLAIN = {
    Kind.TEXT: WORDS,
    Kind.INTEGER: st.integers(-(2**62), 2**62),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates(),
    Kind.INSTANT: INSTANTS,
    Kind.MONEY: AMOUNTS,
    Kind.WORDS: st.lists(WORDS, max_size=3).map(tuple),
}


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Whatever a field may hold, by its layout."""
    if shape.kind is Kind.CHILDREN:
        return st.lists(instances(shape.of), max_size=3).map(tuple)
    some = st.sampled_from(list(shape.of)) if shape.kind is Kind.ENUM else PLAIN[shape.kind]
    return st.none() | some if shape.optional else some


def instances(cls: type[Any]) -> st.SearchStrategy[Any]:
    fixed = {"connection": st.just(BOOKS), "ref": REFS} if cls in STREAM_OF else {}
    return st.builds(cls, **{**{shape.name: values_of(shape) for shape in shapes(cls)}, **fixed})


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("codec")
    store = open_store(f"sqlite:///{folder}/s.db", clock=ManualClock(NOW))
    store.migrate()
    yield store
    store.close()


@pytest.mark.parametrize("cls", STREAM_OF, ids=lambda cls: cls.__name__)
def test_any_record_comes_back_as_it_was(one_store: Store, cls: type[Record]) -> None:
    @settings(max_examples=10, deadline=None)
    @given(record=instances(cls))
    def law(record: Record) -> None:
        one_store.commit_page(page(record, stream=STREAM_OF[cls]), connection=BOOKS, run_id="r", now=NOW)
        assert one_store.find_record(key_of(record)) == record

    law()


@pytest.mark.parametrize("record", EVERYTHING, ids=lambda record: type(record).__name__)
def test_a_row_decodes_to_what_was_encoded(record: Record) -> None:
    cls = type(record)
    row = encoder(cls)(record)
    parts = {shape.name: [getattr(record, shape.name)] for shape in children(cls)}
    assert Decoder(cls)([tuple(row[name] for name in column_names(cls))], parts) == [record]


@pytest.mark.parametrize("cls", [*STREAM_OF, *CHILD_TABLES, Money], ids=lambda cls: cls.__name__)
def test_what_the_decoder_builds_has_nothing_but_fields(cls: type[Any]) -> None:
    """It fills slots and calls no constructor: a class with more than fields to set would come back half made."""
    slots = {name for base in cls.__mro__ for name in getattr(base, "__slots__", ())}
    assert slots == {item.name for item in fields(cls)}
    assert not hasattr(cls, "__post_init__")
    assert not hasattr(cls(**dict.fromkeys(slots)), "__dict__")


def test_equal_days_of_different_rows_are_one_object() -> None:
    bill = invoice("10")
    row = tuple(encoder(type(bill))(bill)[name] for name in column_names(type(bill)))
    one, other = Decoder(type(bill))([row, tuple(str(value) if isinstance(value, date) else value for value in row)], {})
    assert one == other == bill
    assert one.issued_on is not None
    again = Decoder(type(bill))([row, row], {})
    assert again[0].issued_on is again[1].issued_on


def test_a_digest_ignores_the_vendors_version_and_nothing_else() -> None:
    one = invoice("10")
    same = replace(one, version="9", updated_at=NOW)
    assert digest_of(one) == digest_of(same)
    others = [replace(one, open=Money(1, "USD")), replace(one, memo="x"), replace(one, disputed=True), replace(one, due_on=None)]
    assert len({digest_of(item) for item in (one, *others)}) == 5


def test_a_digest_tells_types_and_parts_apart() -> None:
    payment = next(item for item in EVERYTHING if isinstance(item, Payment))
    assert digest_of(payment) != digest_of(replace(payment, credits_used=()))
    assert digest_of(Party(connection="a", ref=Ref("1"), name="x")) == digest_of(Party(connection="b", ref=Ref("2"), name="x"))


def test_a_digest_is_the_same_in_every_release_that_keeps_the_meaning() -> None:
    """Pinned: were it to move, every queued reminder would be decided again and every record look changed."""
    plain = Party(connection="a", ref=Ref("1"), name="Acme", email="ap@acme.example", tags=("vip",))
    assert digest_of(plain) == "699f6e7076e61ccbf37dcc825fd12dcc"
    assert Stream.PARTIES.value == "parties"
