"""The promise of docs/accuracy.md, held on a small sample of the labelled corpus every time the tests run."""

from __future__ import annotations

import pytest

from core.findings import Finding
from tests.corpus.books_drafts import Label
from tests.corpus.score_findings import Score, World, ledgers, office_alarms, score, score_offices, write_section


@pytest.mark.req("D12")
def test_findings_are_right_and_faults_are_found() -> None:
    result, _ = score([World("a sample", 60, 14, 3, 2)])
    right, planted = sum(result.right.values()), len(result.found) + len(result.missed)
    assert planted > 100
    assert right / (right + len(result.wrong)) >= 0.99
    assert len(result.found) / planted >= 0.95


@pytest.mark.req("D12")
def test_findings_are_right_on_books_of_other_habits() -> None:
    result, bills = score_offices([7], clients=16, each=1)
    right, planted = sum(result.right.values()), len(result.found) + len(result.missed)
    assert bills > 2_500
    assert planted > 60
    assert right / (right + len(result.wrong)) >= 0.99
    assert len(result.found) / planted >= 0.95


@pytest.mark.req("E50")
def test_books_of_other_habits_in_good_order_give_no_finding() -> None:
    bills, said = office_alarms([8], clients=14)
    assert (bills > 2_000, said) == (True, 0)


def test_the_score_counts_what_nobody_planted_and_what_nobody_found() -> None:
    (drafts,) = ledgers(World("one", 20, 8, 1, 1))
    result = Score()
    nothing: list[Finding] = []
    result.add(nothing, drafts.labels)
    assert len(result.missed) == len(drafts.labels) > 10
    full, _ = score([World("one", 20, 8, 1, 1)])
    unplanted: list[Label] = []
    other = Score()
    other.add(full.wrong, unplanted)
    assert len(other.wrong) == len(full.wrong)


def test_the_page_keeps_what_others_wrote(tmp_path) -> None:
    page = tmp_path / "accuracy.md"
    page.write_text("# Accuracy\n\n## Cash application\n\nkept\n", encoding="utf-8")
    write_section("first\n", page)
    write_section("second\n", page)
    text = page.read_text(encoding="utf-8")
    assert "kept" in text
    assert "second" in text
    assert "first" not in text
