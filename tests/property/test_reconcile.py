"""Laws of the reconciler: order does not matter, twice is once, a clean pair adds nothing, a part agrees with the whole."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.books import Books
from core.findings import Finding
from core.money import Money
from core.reconcile.engine import reconcile
from core.reconcile.explain import explain
from core.reconcile.rules import ReconcileRules
from core.reconcile.scope import habits, touched_accounts
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    Record,
    Ref,
    Sale,
    key_of,
)
from tests.corpus.books import clean_books
from tests.corpus.books_assembly import assemble
from tests.corpus.books_drafts import ROLES
from tests.corpus.books_faults import plant

TODAY = date(2026, 5, 5)
RULES = ReconcileRules.model_validate({})
MODEST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])

amounts = st.sampled_from((0, 1, 100, 8500, 8500, 40000, 51234, 51235))
days = st.integers(0, 120).map(lambda number: TODAY - timedelta(days=number))
clients = st.sampled_from("CDE")
texts = st.sampled_from((None, "INV-1", "inv 2 and 3", "INV-1, INV-4", "wire", "4", "Harbor Dental", "1005"))


@st.composite
def invoices(draw: st.DrawFn, number: int) -> Invoice:
    total = draw(amounts)
    left = draw(st.sampled_from((0, total, total // 2, total - 1 if total else 0)))
    return Invoice(
        connection="books",
        ref=Ref(f"I{number}"),
        party_ref=Ref(draw(clients)),
        number=f"INV-{number}",
        total=Money(total, "USD"),
        open=Money(left, "USD"),
        issued_on=draw(days),
        status=draw(st.sampled_from((DocumentStatus.OPEN, DocumentStatus.OPEN, DocumentStatus.CLOSED, DocumentStatus.VOID))),
        agreement_ref=draw(st.sampled_from((None, None, Ref("AG")))),
    )


@st.composite
def payments(draw: st.DrawFn, number: int, count: int) -> Payment:
    amount = draw(amounts)
    targets = draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=2, unique=True)) if count else []
    parts = tuple(Allocation(invoice_ref=Ref(f"I{target}"), amount=Money(max(amount // 2, 1), "USD")) for target in targets)
    return Payment(
        connection="books",
        ref=Ref(f"P{number}"),
        party_ref=Ref(draw(clients)),
        amount=Money(amount, "USD"),
        unapplied=Money(draw(st.sampled_from((0, amount))), "USD"),
        paid_on=draw(days),
        status=draw(
            st.sampled_from((PaymentStatus.RECEIVED, PaymentStatus.RECEIVED, PaymentStatus.REVERSED, PaymentStatus.VOID))
        ),
        allocations=parts,
        reference=draw(texts),
        memo=draw(texts),
    )


@st.composite
def others(draw: st.DrawFn, number: int) -> Record:
    """Any other record that touches receivables, in any currency, of a known client or of nobody."""
    code = draw(st.sampled_from(("USD", "USD", "JPY", "KWD")))
    amount, on = Money(draw(amounts), code), draw(days)
    party = Ref(draw(st.sampled_from("CDEX")))
    kind = draw(st.integers(0, 5))
    parts = tuple(
        Allocation(invoice_ref=Ref(f"I{target}"), amount=amount) for target in draw(st.sets(st.integers(0, 3), max_size=1))
    )
    if kind == 0:
        left = Money(draw(st.sampled_from((0, amount.minor))), code)
        return CreditNote(
            connection="books", ref=Ref(f"N{number}"), party_ref=party, total=amount, remaining=left, issued_on=on,
            status=draw(st.sampled_from(list(DocumentStatus))), allocations=parts,
        )  # fmt: skip
    if kind == 1:
        paid = draw(st.sampled_from((None, Ref("P0"))))
        line = DepositLine(
            amount=amount, posting=draw(st.sampled_from(list(Posting))), party_ref=draw(st.sampled_from((None, party)))
        )
        lines = (replace(line, payment_ref=paid), replace(line, memo=draw(texts)))
        return Deposit(connection="books", ref=Ref(f"B{number}"), amount=amount, deposited_on=on, lines=lines)
    if kind == 2:
        return Sale(connection="books", ref=Ref(f"S{number}"), party_ref=party, amount=amount, sold_on=on)
    if kind == 3:
        return Adjustment(
            connection="books",
            ref=Ref(f"J{number}"),
            party_ref=party,
            amount=amount,
            remaining=amount,
            adjusted_on=on,
            allocations=parts,
        )
    if kind == 4:
        return Payment(
            connection="books", ref=Ref(f"F{number}"), party_ref=draw(st.sampled_from((None, party))), amount=amount,
            unapplied=amount, paid_on=on, allocations=parts, deposited=draw(st.sampled_from((None, True, False))),
        )  # fmt: skip
    return Invoice(
        connection="psa", ref=Ref(f"X{number}"), party_ref=Ref(draw(st.sampled_from(("PC", "PD")))),
        number=f"{draw(st.integers(0, 6))}", total=amount, open=amount, issued_on=on,
        status=draw(st.sampled_from(list(DocumentStatus))),
    )  # fmt: skip


@st.composite
def ledgers(draw: st.DrawFn) -> list[Record]:
    """Small ledgers with anything in them, right or wrong."""
    names = ("Harbor Dental", draw(st.sampled_from(("Ridge Law", "HARBOR DENTAL, Inc."))), "Oak Freight")
    parties: list[Record] = [Party(connection="books", ref=Ref(ref), name=name) for ref, name in zip("CDE", names, strict=True)]
    count = draw(st.integers(0, 7))
    bills = [draw(invoices(number)) for number in range(count)]
    cash = [draw(payments(number, count)) for number in range(draw(st.integers(0, 6)))]
    parties += [Party(connection="psa", ref=Ref(ref), name=name) for ref, name in (("PC", "Harbor Dental"), ("PD", "Ridge Law"))]
    more = [draw(others(number)) for number in range(draw(st.integers(0, 5)))]
    return [*parties, *bills, *cash, *more]


def said(books: Books) -> tuple[Finding, ...]:
    return reconcile(books, today=TODAY)


@MODEST
@given(ledgers(), st.randoms(use_true_random=False))
def test_order_of_the_records_does_not_matter(records: list[Record], chance: random.Random) -> None:
    shuffled = records[:]
    chance.shuffle(shuffled)
    assert said(assemble(records, roles=ROLES)) == said(assemble(shuffled, roles=ROLES))


@MODEST
@given(ledgers())
def test_examining_twice_says_the_same_and_no_finding_twice(records: list[Record]) -> None:
    books = assemble(records, roles=ROLES)
    first = said(books)
    assert first == said(books)
    assert len({item.fingerprint for item in first}) == len(first)


@MODEST
@given(ledgers())
def test_the_part_agrees_with_the_whole(records: list[Record]) -> None:
    books = assemble(records, roles=ROLES)
    whole = said(books)
    for account in books.accounts:
        assert reconcile(books, today=TODAY, accounts=[account]) == tuple(item for item in whole if item.account == account)


@MODEST
@given(ledgers())
def test_a_clean_pair_of_another_client_adds_no_finding(records: list[Record]) -> None:
    pair: list[Record] = [
        Party(connection="books", ref=Ref("Z"), name="Quartz Vineyards"),
        Invoice(
            connection="books",
            ref=Ref("Z1"),
            party_ref=Ref("Z"),
            number="INV-770001",
            total=Money(77_001, "USD"),
            open=Money(0, "USD"),
            issued_on=TODAY - timedelta(days=60),
            status=DocumentStatus.CLOSED,
        ),
        Payment(
            connection="books",
            ref=Ref("Z2"),
            party_ref=Ref("Z"),
            amount=Money(77_001, "USD"),
            unapplied=Money(0, "USD"),
            paid_on=TODAY,
            allocations=(Allocation(invoice_ref=Ref("Z1"), amount=Money(77_001, "USD")),),
            reference="INV-770001",
        ),
    ]
    before = {item.fingerprint for item in said(assemble(records, roles=ROLES))}
    if not any(isinstance(item, Payment) and item.allocations for item in records):
        return  # the pair would be the first to show what was applied, and so what was not
    assert {item.fingerprint for item in said(assemble([*records, *pair], roles=ROLES))} == before


@MODEST
@given(ledgers())
def test_every_finding_states_what_it_costs_and_how_sure_it_is(records: list[Record]) -> None:
    for item in said(assemble(records, roles=ROLES)):
        assert item.at_stake.minor >= 0
        assert 0.5 <= item.confidence <= 1.0
        assert item.subjects
        assert item.proposal.endswith(".")
        assert item.evidence["what"]


@FEW
@given(st.integers(1, 10_000))
def test_a_change_examined_alone_agrees_with_the_full_pass(seed: int) -> None:
    drafts = plant(clean_books(seed, clients=30, months=8), seed, each=1)
    before = assemble(drafts.records(), roles=ROLES)
    old = reconcile(before, today=drafts.today)
    again = plant(drafts, seed + 1, each=1)
    after = assemble(again.records(), roles=ROLES)
    changed = [name for name, books in after.accounts.items() if before.accounts.get(name) != books]
    if habits(before, drafts.today, RULES) != habits(after, drafts.today, RULES):
        return  # a habit of a whole connection changed: that is when a full pass is due
    assert incrementally(old, after, changed, drafts.today) == {*reconcile(after, today=drafts.today)}


def incrementally(old: tuple[Finding, ...], after: Books, changed: list[str], today: date) -> set[Finding]:
    """What stands after examining only what a change reaches: findings kept from before, and those found now."""
    scope = touched_accounts(after, changed, open_findings=old)
    part = reconcile(after, today=today, accounts=scope)
    return {*(item for item in old if item.account not in scope), *part}


@MODEST
@given(ledgers(), st.one_of(invoices(3), payments(2, 7), others(1)), st.data())
def test_any_small_change_examined_alone_agrees_with_the_full_pass(
    records: list[Record], extra: Record, data: st.DataObject
) -> None:
    """One record goes, and one comes or takes the place of its namesake."""
    gone = data.draw(st.sampled_from([None, *records]))
    again = [item for item in records if item is not gone and key_of(item) != key_of(extra)] + [extra]
    before, after = assemble(records, roles=ROLES), assemble(again, roles=ROLES)
    if habits(before, TODAY, RULES) != habits(after, TODAY, RULES):
        return
    names = {*before.accounts, *after.accounts}
    changed = [name for name in names if before.accounts.get(name) != after.accounts.get(name)]
    assert incrementally(said(before), after, changed, TODAY) == {*said(after)}


@pytest.mark.req("E38", "D2")
@FEW
@given(st.integers(1, 10_000))
def test_every_cent_between_psa_books_and_ours_has_a_cause(seed: int) -> None:
    drafts = plant(clean_books(seed, clients=12, months=6), seed, each=1)
    books = assemble(drafts.records(), roles=ROLES)
    for account in books.accounts:
        for one in explain(books, account, today=drafts.today):
            if one.psa is not None:
                assert one.psa.minor - one.ours.minor == sum(item.amount.minor for item in one.differences)
                assert one.unexplained == Money(0, one.currency)


@pytest.mark.req("E38", "D2")
@MODEST
@given(ledgers())
def test_whatever_the_books_hold_no_cent_is_explained_twice_or_left_out(records: list[Record]) -> None:
    books = assemble(records, roles=ROLES)
    for account in books.accounts:
        for one in explain(books, account, today=TODAY):
            assert one.unexplained == Money(0, one.currency)
            assert all(item.amount and item.records for item in one.differences)
