"""Keys: spellings of one thing meet, two things stay apart, and a number is only named by whole tokens."""

from __future__ import annotations

import pytest

from core.linking.names import firm_domain, loose_key, name_key
from core.linking.numbers import copy_of, named_numbers, number_key, tail_key


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Acme Dental, Inc.", "ACME DENTAL"),
        ("The Harbor Group LLC", "Harbor Group"),
        ("A.C.M.E. Ltd", "ACME Limited"),
        ("Jeff's Jalopies", "Jeffs Jalopies"),
        ("Smith & Sons", "Smith and Sons Co"),
        ("Café Müller GmbH", "Cafe Muller"),
    ],
)
def test_spellings_of_one_firm_are_one_key(one: str, two: str) -> None:
    assert name_key(one) == name_key(two) != ""


@pytest.mark.parametrize(
    ("one", "two"), [("Acme North", "Acme South"), ("Harbor 1", "Harbor 2"), ("Oak Dental", "Oak Dentistry")]
)
def test_two_firms_stay_apart(one: str, two: str) -> None:
    assert name_key(one) != name_key(two)


def test_copy_suffixes_meet_only_in_the_loose_key() -> None:
    assert loose_key("Jane Doe-1") == loose_key("Jane Doe") == loose_key("Jane Doe (2)")
    assert name_key("Jane Doe-1") != name_key("Jane Doe")


def test_a_domain_anybody_can_have_says_nothing() -> None:
    assert firm_domain("ap@gmail.com") is None
    assert firm_domain("AP@Harbor.example") == "harbor.example"


@pytest.mark.parametrize("text", ["INV-12", "INV12", "INV-12 ", "inv 0012", "Inv/12"])
def test_one_number_however_it_is_written(text: str) -> None:
    assert number_key(text) == "INV-12"


def test_parts_of_a_number_do_not_run_together() -> None:
    assert number_key("INV-1-23") != number_key("INV-12-3")
    assert number_key("no digits") == ""
    assert tail_key("INV-12") == "12"
    assert tail_key("CW-12") == "CW-12"
    assert copy_of("INV-12-COPY") == "INV-12"
    assert copy_of("INV-12-3") is None


def names(text: str) -> set[str]:
    return {named.key for named in named_numbers(text) if named.telling}


@pytest.mark.req("E51")
@pytest.mark.parametrize(
    ("text", "key", "is_named"),
    [
        ("Payment for INV-1005 thanks", "INV-1005", True),
        ("pays inv 1005", "1005", True),
        ("#42", "42", True),
        ("INV-1005,INV-1006", "INV-1006", True),
        ("INV 2026 0042", "INV-2026-42", True),
        ("512", "12", False),
        ("10051", "1005", False),
        ("21005", "1005", False),
        ("room 12", "12", False),
        ("in 2026", "2026", False),
        ("X1005", "1005", False),
        ("check 1005", "1005", False),
        ("PO 4411", "4411", False),
        ("care 2026-03", "2026-3", False),
        ("INV-2026-003", "INV-2026-3", True),
    ],
)
def test_a_number_is_named_by_whole_tokens_only(text: str, key: str, is_named: bool) -> None:
    assert (key in names(text)) is is_named
