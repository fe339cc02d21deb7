"""Invoices of two systems joined: by number, reference, prefix, split, merged, made again; and what is left alone or in doubt."""

from __future__ import annotations

import pytest

from core.linking.invoices import link_invoices
from core.records import DocumentStatus, Invoice
from tests.corpus.books_words import bill


def psa(ref: str, total: str, on: str = "04-01", **more: object) -> Invoice:
    return bill(ref, total, on, connection="psa", **more)  # type: ignore[arg-type]


def joined(left: list[Invoice], right: list[Invoice]) -> set[tuple[str, str, str]]:
    links = link_invoices(left, right).links
    return {("+".join(i.ref for i in link.left), "+".join(i.ref for i in link.right), link.how) for link in links}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([psa("1", "10", number="1042")], [bill("A", "10", "04-01", number="INV-1042")], {("1", "A", "number")}),
        ([psa("1", "10", number="1042")], [bill("A", "11", "04-01", number="1042")], {("1", "A", "number")}),
        ([psa("1", "10", number="1042")], [bill("A", "10", "04-01", number="QB7", reference="1042")], {("1", "A", "reference")}),
        (
            [psa("1", "10", number="1042")],
            [bill("A", "10", "04-01", number="7", reference="INV-1042")],
            {("1", "A", "reference")},
        ),
        ([psa("1", "10", number="9", reference="QB7")], [bill("A", "10", "04-01", number="QB7")], {("1", "A", "reference")}),
        ([psa("1", "10", number="CW-1042")], [bill("A", "10", "04-03", number="1042")], {("1", "A", "prefix")}),
        (
            [psa("1", "30", number="1042")],
            [bill("A", "10", "04-01", number="1042-1"), bill("B", "20", "04-01", number="1042-2")],
            {("1", "A+B", "split")},
        ),
        (
            [psa("1", "10", number="1042"), psa("2", "20", number="1043")],
            [bill("A", "30", "04-01", number="77", reference="CW 1042, 1043")],
            {("1+2", "A", "merged")},
        ),
        ([psa("1", "512.34", number="1042")], [bill("A", "512.34", "04-05", number="2099")], {("1", "A", "amount")}),
    ],
)
@pytest.mark.req("E35")
def test_invoices_that_are_one_bill_are_joined(
    left: list[Invoice], right: list[Invoice], expected: set[tuple[str, str, str]]
) -> None:
    assert joined(left, right) == expected


def test_the_live_twin_of_a_void_invoice_is_joined() -> None:
    void = bill("A", "10", "04-01", "0", number="1042", status=DocumentStatus.VOID)
    assert joined([psa("1", "10", number="1042")], [void, bill("B", "10", "04-02", number="1042")]) == {("1", "B", "number")}


@pytest.mark.req("E36")
def test_a_number_that_stands_in_two_fields_is_told_not_guessed() -> None:
    links = link_invoices(
        [psa("1", "10", number="1042")],
        [bill("A", "20", "04-01", number="1042"), bill("B", "30", "04-01", number="77", reference="1042")],
    )
    assert links.links == ()
    assert [(invoice.ref, {item.ref for item in others}) for invoice, others in links.ambiguous] == [("1", {"A", "B"})]


def test_equal_retainers_are_not_joined_by_amount() -> None:
    left = [psa("1", "850", "03-01", number="1"), psa("2", "850", "04-01", number="2")]
    right = [bill("A", "850", "03-01", number="71"), bill("B", "850", "04-01", number="72")]
    links = link_invoices(left, right)
    assert links.links == ()
    assert len(links.left_only) == len(links.right_only) == 2


def test_each_invoice_is_joined_once() -> None:
    left = [psa("1", "10", number="1042"), psa("2", "10", number="1042")]
    assert len(joined(left, [bill("A", "10", "04-01", number="1042")])) == 1
