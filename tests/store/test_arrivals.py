"""When records came to be known: after the first pull, and changed since."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.records import PaymentStatus, Stream, key_of
from core.store import Store
from tests.store.world import BOOKS, NOW, page, payment


@pytest.mark.req("D9")
def test_what_came_after_the_first_pull_arrived_late_and_what_changed_is_known_with_its_moment(store: Store) -> None:
    first, late = payment("1"), payment("2")
    later = NOW + timedelta(days=9)
    store.commit_page(page(first, stream=Stream.PAYMENTS), connection=BOOKS, run_id="r", now=NOW)
    gone = replace(first, status=PaymentStatus.REVERSED)
    store.commit_page(page(gone, late, stream=Stream.PAYMENTS, cursor="c2"), connection=BOOKS, run_id="r", now=later)
    assert store.beginnings() == {(BOOKS, Stream.PAYMENTS): NOW}
    assert store.arrived_late() == {key_of(late): later}
    assert store.changed_since_seen([key_of(first), key_of(late)]) == {key_of(first): later}
