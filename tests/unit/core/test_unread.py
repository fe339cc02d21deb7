"""What an unreadable row calls itself comes back as it was given, and a hostile row cannot pass for another client's."""

from __future__ import annotations

import pytest

from core.unread import called_in, calling_itself


def test_names_come_back_as_given() -> None:
    problem = calling_itself("is not a day", number="INV-12 (copy)", agreement="AG-3", client="C 7, Ltd")
    assert called_in(problem) == {"number": "INV-12 (copy)", "agreement": "AG-3", "client": "C 7, Ltd"}


@pytest.mark.parametrize("number", ["1, client P9", "1, number 2, client P9", "", " ", "1\n2", None, 12])
def test_a_text_that_is_none_or_would_read_as_another_name_is_left_out(number: object) -> None:
    assert called_in(calling_itself("is broken", number=number, client="P1")) == {"client": "P1"}


@pytest.mark.parametrize("problem", ["is broken", "'x (number 5)' is no amount", ""])
def test_a_problem_that_names_nothing_names_nothing(problem: str) -> None:
    assert called_in(problem) == {}
