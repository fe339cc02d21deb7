"""Parties of two systems become one account where the evidence says so, and a question where it does not."""

from __future__ import annotations

import pytest

from core.books import Account
from core.linking import LinkResult, link_accounts
from core.records import Invoice, Party, RecordKey, Ref, Role, Stream
from tests.corpus.books_words import bill, party

ROLES = {"books": Role.BOOKS, "psa": Role.PSA}


def psa(ref: str, name: str, **more: object) -> Party:
    return party(ref, name, "psa", **more)


def ids(result: LinkResult) -> dict[str, set[str]]:
    return {item.id: {f"{key.connection}:{key.ref}" for key in item.parties} for item in result.accounts}


def shared(left: str, right: str, count: int) -> list[Invoice]:
    pairs = [(f"{left}{n}", f"{right}{n}", f"{100 + n}.10", f"INV-{left}{n}") for n in range(count)]
    return [
        item
        for one, two, total, number in pairs
        for item in (
            bill(one, total, "04-01", of=left, number=number),
            bill(two, total, "04-01", of=right, connection="psa", number=number),
        )
    ]


def test_one_name_in_both_systems_is_one_account() -> None:
    result = link_accounts([party("1", "Acme Dental Inc"), psa("9", "ACME DENTAL")], roles=ROLES)
    assert ids(result) == {"books:1": {"books:1", "psa:9"}}
    assert result.accounts[0].name == "Acme Dental Inc"


def test_shared_invoices_join_what_names_do_not() -> None:
    result = link_accounts([party("1", "Acme Dental"), psa("9", "Dr Acme")], shared("1", "9", 2), roles=ROLES)
    assert ids(result) == {"books:1": {"books:1", "psa:9"}}


def test_a_firms_own_mail_domain_joins_and_a_free_one_does_not() -> None:
    own = [party("1", "Acme", email="ap@acme.example.org"), psa("9", "Acme Dentistry Group", email="dr@acme.example.org")]
    free = [party("1", "Acme", email="ap@gmail.com"), psa("9", "Other", email="dr@gmail.com")]
    assert ids(link_accounts(own, roles=ROLES)) == {"books:1": {"books:1", "psa:9"}}
    assert len(link_accounts(free, roles=ROLES).accounts) == 2


@pytest.mark.req("E36")
def test_a_name_that_fits_two_clients_is_a_question_not_a_guess() -> None:
    result = link_accounts([party("1", "Acme"), party("2", "ACME Inc"), psa("9", "Acme")], roles=ROLES)
    assert len(result.accounts) == 3
    assert [str(item.party) for item in result.ambiguities] == ["psa/parties/9"]
    assert {str(key.ref) for key in result.ambiguities[0].candidates} == {"1", "2"}


def test_invoices_settle_which_of_two_namesakes_it_is() -> None:
    parties = [party("1", "Acme"), party("2", "ACME Inc"), psa("9", "Acme")]
    result = link_accounts(parties, shared("2", "9", 3), roles=ROLES)
    assert ids(result)["books:2"] == {"books:2", "psa:9"}
    assert result.ambiguities == ()


def test_name_and_invoices_that_disagree_are_a_question() -> None:
    result = link_accounts([party("1", "Acme"), party("2", "Birch"), psa("9", "Acme")], shared("2", "9", 2), roles=ROLES)
    assert len(result.accounts) == 3
    assert len(result.ambiguities) == 1


def test_two_records_of_one_system_never_share_a_client_of_the_other() -> None:
    result = link_accounts([party("1", "Acme"), psa("8", "Acme"), psa("9", "ACME LLC")], roles=ROLES)
    assert len(result.accounts) == 3
    assert {str(item.party.ref) for item in result.ambiguities} == {"8", "9"}


def test_what_the_operator_wrote_comes_first_and_keeps_apart() -> None:
    parties = [party("1", "Acme"), party("2", "Birch"), psa("9", "Acme")]
    result = link_accounts(parties, explicit={"Birch": ["books:2", "psa:9", "psa:77"], "books:1": []}, roles=ROLES)
    assert ids(result) == {"books:1": {"books:1"}, "books:2": {"books:2", "psa:9"}}
    assert result.unknown == ("psa:77",)


def test_sub_customers_belong_to_their_parent() -> None:
    child = party("2", "Acme North", parent_ref=Ref("1"))
    result = link_accounts([child, party("1", "Acme")], roles=ROLES)
    assert ids(result) == {"books:1": {"books:1", "books:2"}}


def test_an_account_keeps_its_id_when_parties_join_or_leave() -> None:
    first = link_accounts([psa("9", "Acme")], roles=ROLES).accounts
    assert [item.id for item in first] == ["psa:9"]
    joined = link_accounts([party("1", "Acme"), psa("9", "Acme")], existing=first, roles=ROLES).accounts
    assert [(item.id, len(item.parties)) for item in joined] == [("psa:9", 2)]
    left = link_accounts([party("1", "Acme")], existing=joined, roles=ROLES).accounts
    assert [item.id for item in left] == ["psa:9"]


def test_splitting_an_account_gives_two_ids() -> None:
    both = Account(id="books:1", name="Acme", parties=tuple(RecordKey("books", Stream.PARTIES, Ref(ref)) for ref in "12"))
    parties = [party("1", "Acme"), party("2", "Birch")]
    result = link_accounts(parties, explicit={"Acme": ["books:1"], "Birch": ["books:2"]}, existing=[both], roles=ROLES)
    assert ids(result) == {"books:1": {"books:1"}, "books:2": {"books:2"}}


def test_segments_come_from_the_operator() -> None:
    result = link_accounts([party("1", "Acme Inc")], segments={"Acme": "gold"}, roles=ROLES)
    assert result.accounts[0].segment == "gold"


def test_order_of_the_parties_does_not_matter() -> None:
    parties = [party("1", "Acme"), party("2", "Birch"), psa("8", "Birch LLC"), psa("9", "Acme")]
    assert link_accounts(parties, roles=ROLES) == link_accounts(parties[::-1], roles=ROLES)
