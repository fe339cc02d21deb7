"""Bank rows that name no customer record: whose open invoice they pay, and which of them the books hold already."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.books import Account, AccountBooks, Books
from core.money import Money
from core.reconcile.engine import reconcile
from core.reconcile.scope import touched_accounts
from core.records import Allocation, Deposit, DepositLine, DocumentStatus, Invoice, Party, Payment, Posting, Ref, Role, key_of

TODAY = date(2026, 2, 20)
ROLES = {"books": Role.BOOKS, "bank": Role.BANK}


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


def bill(ref: str, amount: str = "450.00", *, of: str = "P1", issued: date = date(2026, 1, 1), **changes) -> Invoice:
    given = {
        "connection": "books",
        "ref": Ref(ref),
        "party_ref": Ref(of),
        "number": f"INV-{ref}",
        "total": usd(amount),
        "open": usd(amount),
        "issued_on": issued,
        "due_on": issued.replace(day=28),
        "status": DocumentStatus.OPEN,
    }
    return Invoice(**{**given, **changes})


def money(
    amount: str = "450.00", *, on: date = date(2026, 2, 10), ref: str = "r1", connection: str = "bank", **changes
) -> Payment:
    given = {"party_ref": None, "amount": usd(amount), "unapplied": usd(amount), "paid_on": on}
    return Payment(connection=connection, ref=Ref(ref), **{**given, **changes})


def client(ref: str, name: str, *records: Invoice | Payment) -> AccountBooks:
    party = Party(connection="books", ref=Ref(ref), name=name)
    return AccountBooks(
        account=Account(id=ref, name=name, parties=(key_of(party),)),
        parties=(party,),
        invoices=tuple(item for item in records if isinstance(item, Invoice)),
        payments=tuple(item for item in records if isinstance(item, Payment)),
        roles=ROLES,
    )


def office(rows: list[Payment | Deposit], *clients: AccountBooks) -> Books:
    nobody = AccountBooks(
        account=Account(id="", name="", parties=()),
        payments=tuple(item for item in rows if isinstance(item, Payment)),
        deposits=tuple(item for item in rows if isinstance(item, Deposit)),
        roles=ROLES,
    )
    accounts = {item.account.id: item for item in clients}
    return Books(as_of=datetime(2026, 2, 20, tzinfo=UTC), accounts=accounts, unassigned=nobody, roles=ROLES)


def told(books: Books) -> list[tuple[str | None, tuple[str, ...]]]:
    """(account, subjects' refs) of every finding of idle cash."""
    found = reconcile(books, today=TODAY)
    return [(item.account, tuple(key.ref for key in item.subjects)) for item in found if item.kind == "unapplied_payment"]


NAMES = {"P1": "Harbor Dental", "P2": "Ridge Law"}
MODEST = settings(max_examples=60, deadline=None)
days = st.integers(date(2026, 1, 1).toordinal(), TODAY.toordinal())  # of rows that are in time for an invoice of January
HARBOR = client("P1", "Harbor Dental", bill("1005"), bill("1006", "812.00"))


@pytest.mark.req("E1")
@pytest.mark.parametrize(
    ("row", "invoices"),
    [
        (money(memo="ACH CREDIT INV-1005"), ("1005",)),
        (money("100.00", memo="part of INV-1005"), ("1005",)),
        (money(payer="HARBOR DENTAL"), ("1005",)),
        (money(memo="TRANSFER FROM HARBOR DENTAL 0212"), ("1005",)),
        (money("1262.00", payer="Harbor Dental Inc"), ("1005", "1006")),
    ],
    ids=["number", "part", "payer", "name in the memo", "two invoices together"],
)
def test_a_row_that_names_the_client_or_its_invoice_is_that_clients_payment(row: Payment, invoices: tuple[str, ...]):
    assert told(office([row], HARBOR)) == [("P1", ("r1", *invoices))]


@pytest.mark.req("E1")
def test_of_two_invoices_of_one_amount_either_may_be_paid_and_two_rows_pay_both():
    here = client("P1", "Harbor Dental", bill("1005"), bill("1007", issued=date(2026, 2, 1)))
    first, second = money(payer="Harbor Dental"), money(payer="Harbor Dental", ref="r2", on=date(2026, 2, 11))
    assert told(office([first], here)) == [("P1", ("r1", "1005", "1007"))]
    assert told(office([first, second], here)) == [("P1", ("r1", "1005", "1007")), ("P1", ("r2", "1007"))]


@pytest.mark.req("E2")
def test_a_deposit_of_the_banks_own_list_counts_like_a_payment():
    line = DepositLine(amount=usd("450.00"), posting=Posting.OTHER, memo="INV-1005")
    row = Deposit(connection="bank", ref=Ref("d1"), amount=usd("450.00"), deposited_on=date(2026, 2, 10), lines=(line,))
    assert told(office([row], HARBOR)) == [("P1", ("d1", "1005"))]


@pytest.mark.req("E1")
def test_without_a_name_only_a_telling_amount_that_one_invoice_of_all_owes_tells():
    odd, other = client("P1", "Harbor Dental", bill("1", "1234.56")), client("P2", "Ridge Law", bill("2", "1234.56", of="P2"))
    row = money("1234.56", memo="DEPOSIT")
    assert told(office([row], odd)) == [("P1", ("r1", "1"))]
    assert told(office([row], odd, other)) == [(None, ("r1",))], "two owe it"
    assert told(office([money("450.00")], HARBOR)) == [(None, ("r1",))], "a price that many pay"


@pytest.mark.req("E1")
@pytest.mark.parametrize("days", [-10, 0, 30])
def test_a_row_that_was_entered_in_the_books_is_no_idle_cash_and_speaks_for_no_later_invoice(days: int):
    on = date.fromordinal(date(2026, 2, 10).toordinal() + days)
    entered = money(on=min(on, TODAY), ref="p1", connection="books", party_ref=Ref("P1"), unapplied=usd("0"))
    here = client("P1", "Harbor Dental", bill("1005", issued=date(2026, 2, 9)), entered)
    assert told(office([money(payer="Harbor Dental")], here)) == []


@pytest.mark.req("E1")
def test_an_entry_is_one_row_only_and_another_clients_entry_is_none_of_this_one():
    entered = money(ref="p1", connection="books", party_ref=Ref("P1"), unapplied=usd("0"))
    here = client("P1", "Harbor Dental", bill("1005"), entered)
    twice = [money(payer="Harbor Dental"), money(payer="Harbor Dental", ref="r2", on=date(2026, 2, 12))]
    assert told(office(twice, here)) == [("P1", ("r2", "1005"))]
    theirs = client("P2", "Ridge Law", money(ref="p2", connection="books", party_ref=Ref("P2"), unapplied=usd("0")))
    assert told(office([money(payer="Harbor Dental")], HARBOR, theirs)) == [("P1", ("r1", "1005"))]


def booked(*, on: date, ref: str = "p1", pays: str | None = None, amount: str = "450.00", of: str = "P1") -> Payment:
    """An entry in the books, applied."""
    links = (Allocation(invoice_ref=Ref(pays), amount=usd(amount)),) if pays else ()
    return money(amount, on=on, ref=ref, connection="books", party_ref=Ref(of), unapplied=usd("0"), allocations=links)


OLD = bill("1001", issued=date(2025, 12, 1), open=usd("0"), status=DocumentStatus.CLOSED)


@pytest.mark.req("E1")
def test_where_another_row_may_be_the_one_that_was_entered_the_client_is_not_chased():
    """The nameless row of January was entered in February, a day before the client's next row came in."""
    here = client("P1", "Harbor Dental", OLD, bill("1005"), booked(on=date(2026, 2, 9), pays="1001"))
    rows = [money(on=date(2026, 1, 8)), money(on=date(2026, 2, 10), ref="r2", payer="HARBOR DENTAL")]
    assert told(office(rows, here)) == [(None, ("r1",)), ("P1", ("r2", "1005"))]
    found = next(item for item in reconcile(office(rows, here), today=TODAY) if item.account == "P1")
    assert found.confidence == 0.55
    assert "which of it was entered nobody can tell" in str(found.evidence["what"])
    assert found.proposal.startswith("See whether it is entered")


@pytest.mark.req("E1")
@pytest.mark.parametrize(("month", "held"), [(6, True), (7, True), (8, False), (12, False)])
def test_a_row_that_nobody_ever_enters_puts_two_months_of_a_retainer_in_doubt_and_no_more(month: int, held: bool):
    paid = [date(2025, number, 8) for number in range(6, 13)]
    rows = [money(on=day, ref=f"r{day.month}", payer="Harbor Dental") for day in paid]
    owed = bill("1001", issued=date(2025, month, 1))
    here = client("P1", "Harbor Dental", owed, *(booked(on=day, ref=f"p{day.month}") for day in paid))
    found = told(office([money(on=date(2025, 5, 20), ref="r5"), *rows], here))
    assert found == [(None, ("r5",)), *([("P1", (f"r{month}", "1001"))] if held else [])]


@pytest.mark.req("E1")
def test_an_entry_that_pays_the_invoice_which_the_row_names_is_that_row_and_no_other():
    here = client("P1", "Harbor Dental", OLD, bill("1005"), booked(on=date(2026, 2, 9), pays="1001"))
    rows = [money(on=date(2026, 2, 9)), money(on=date(2026, 1, 30), ref="r2", memo="INV-1001")]
    assert told(office(rows, here)) == [(None, ("r1",))]


@pytest.mark.req("E1")
@pytest.mark.parametrize(
    ("memo", "pays", "held"),
    [
        ("INV-1005", "1001", True),  # put on the wrong invoice, or not entered at all
        ("INV-1005", "1005", False),
        ("INV-1005", None, False),  # entered and applied to nothing: the client's own idle cash, told there
        ("INV-1006", "1001", False),  # not what that invoice comes to: the words may be about something else
        ("ACH", "1001", False),
    ],
)
def test_a_row_whose_entry_pays_another_invoice_than_it_names_speaks_for_the_named_one(memo: str, pays: str | None, held: bool):
    """The named invoice is open, the entry that may be the row closed another one."""
    here = client("P1", "Harbor Dental", OLD, bill("1005"), bill("1006", "812.00"), booked(on=date(2026, 2, 10), pays=pays))
    books = office([money(memo=memo)], here)

    assert told(books) == ([("P1", ("r1", "1005"))] if held else [])
    found = [item for item in reconcile(books, today=TODAY) if item.kind == "unapplied_payment"]
    assert all("stands on another invoice than the client named" in str(item.evidence["what"]) for item in found)


@pytest.mark.req("E1")
def test_rows_that_can_all_be_in_the_books_are_even_where_the_nearest_entry_is_anothers():
    """The nearest entry of the second row is the first row's, which no other entry is near enough to be."""
    entries = booked(on=date(2026, 2, 1)), booked(on=date(2026, 2, 18), ref="p2")
    here = client("P1", "Harbor Dental", bill("1005"), *entries)
    rows = [money(on=date(2026, 1, 2), payer="Harbor Dental"), money(on=date(2026, 2, 2), ref="r2", payer="Harbor Dental")]
    assert told(office(rows, here)) == []


@pytest.mark.req("E1", "E2")
@MODEST
@given(st.data())
def test_whichever_rows_were_entered_an_invoice_whose_row_was_not_is_held_and_nobodys_when_all_were(data: st.DataObject):
    """Rows of one amount, of two clients or of nobody's name, each entered or not, on any day up to forty after its own."""
    rows, entries, unpaid = [], [], set()
    for number in range(data.draw(st.integers(1, 3))):
        owner, day = data.draw(st.sampled_from(("P1", "P2"))), date.fromordinal(data.draw(days))
        named, late = data.draw(st.booleans()), data.draw(st.integers(0, 40))
        rows.append(money(on=day, ref=f"r{number}", payer=NAMES[owner] if named else None))
        if data.draw(st.booleans()):
            entries.append(booked(on=date.fromordinal(day.toordinal() + late), ref=f"p{number}", of=owner))
        else:
            unpaid.add((owner, named))
    clients = [
        client(ref, name, bill(f"1{ref[1]}", of=ref), *(item for item in entries if item.party_ref == ref))
        for ref, name in NAMES.items()
    ]
    held = {account for account, subjects in told(office(rows, *clients)) if len(subjects) > 1}
    assert held >= {owner for owner, named in unpaid if named}
    assert not held or unpaid


def test_money_that_came_before_its_invoice_was_written_does_not_pay_it():
    later = client("P1", "Harbor Dental", bill("1005", issued=date(2026, 2, 19)))
    assert told(office([money(payer="Harbor Dental")], later)) == [(None, ("r1",))]


def test_a_review_of_what_changed_reaches_the_client_of_a_strangers_row_now_and_before():
    books = office([money(payer="Harbor Dental")], HARBOR, client("P2", "Ridge Law", bill("9", "77.00", of="P2")))
    assert touched_accounts(books, []) == {None, "P1"}
    gone = office([], *books.accounts.values())
    assert touched_accounts(gone, [], open_findings=reconcile(books, today=TODAY)) == {None, "P1"}
