"""Money in the bank that names no customer record and stands nowhere in the books yet: whose open invoice does it pay?

A bank row is a client's when its words name one client, by an invoice number or by the client's name, and it is what that client
owes: the named invoice, one of the same amount, or a few that add up to it. Without a name it is one only by a telling amount
that exactly one open invoice of all clients owes. A row that somebody entered since as a payment or a deposit is no idle cash;
where another row may be the one that was entered, or the entry pays another invoice than the row names, it is asked after the
rest, and found with less confidence: money that may be there is not chased.
Sources: product.md E1, D1; the rules for income without a client are `core.reconcile.deposits`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from core.books import COUNTED_PAYMENTS
from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.allocations import parties_named
from core.reconcile.desk import Desk
from core.reconcile.entered import BankRow, entered_rows
from core.reconcile.evidence import called, money_fact, telling
from core.reconcile.sums import adding_up
from core.reconcile.world import World
from core.records import Deposit, Invoice, Payment, RecordKey, Role, key_of

_EARLY = timedelta(days=7)  # money that comes this long before its invoice is dated is still its payment
_NAMED_LONGER = 4  # money that names the client or the invoice may come this many times later
_IN_DOUBT = 0.55  # of two rows for one entry either is as likely the one; above the confidence that stops a reminder (0.5)


@dataclass(frozen=True, slots=True)
class _Reached:
    """A row, the invoices it pays, how sure that is, and why. `either`: one of them, the likeliest first.

    `exact`: it names them and is what they come to. `rival`: what makes it doubtful, another row that may be the one entered, or
    the entry of this one, on another invoice.
    """

    row: BankRow
    invoices: tuple[Invoice, ...]
    confidence: float
    why: str
    either: bool = False
    exact: bool = False
    rival: Payment | Deposit | None = None

    @property
    def settles(self) -> tuple[Invoice, ...]:
        """What no other row pays then."""
        return self.invoices[:1] if self.either else self.invoices


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of all rows: those that reach a client, by account, and those the books hold already."""

    by_account: Mapping[str, tuple[_Reached, ...]]
    entered: frozenset[RecordKey]


def strangers_money(desk: Desk) -> Iterator[Finding]:
    """Rows of the bank that look like the payment of this client's invoices; of nobody's, only what is told is noted."""
    told = bank_money(desk.world)
    if desk.account is None:
        reached = {item.row.key for items in told.by_account.values() for item in items}
        desk.told_payments.update(reached | told.entered)
        return
    for item in told.by_account.get(desk.account, ()):
        yield _finding(desk, item)


def accounts_reached(world: World) -> frozenset[str]:
    """The accounts that money of nobody's reaches: nothing of their own has to change for that."""
    return frozenset(bank_money(world).by_account)


def bank_money(world: World) -> _Told:
    """Every row's story, computed once per world."""
    if "bank_money" not in world.memory:
        world.memory["bank_money"] = _told(world)
    result: _Told = world.memory["bank_money"]
    return result


def _told(world: World) -> _Told:
    rows = sorted(_rows(world), key=lambda item: (item.on, item.key))
    numbered = {row.key: _numbered(world, row) for row in rows}
    clients = {row.key: _client_named(world, row, numbered[row.key]) for row in rows}
    named = {key: frozenset((item.connection, item.ref) for item in invoices) for key, invoices in numbered.items()}
    entered = entered_rows(world, rows, clients, named)
    found: dict[str, list[_Reached]] = defaultdict(list)
    used: set[RecordKey] = set()
    left = {row.key: row for row in rows if row.key not in entered.rows}
    asked = [row for row in rows if row.key not in entered.rows or row.key in entered.in_doubt or row.key in entered.elsewhere]
    for row in sorted(asked, key=lambda row: (row.key in entered.rows, clients[row.key] is None)):
        client = clients[row.key]
        reached = _of_client(world, row, client, used) if client is not None else _by_amount(world, row, used)
        if reached is not None and row.key in entered.in_doubt:
            reached = _doubted(reached, left[entered.in_doubt[row.key]])
        elif reached is not None and row.key in entered.elsewhere:
            reached = _on_another_invoice(world, reached, entered.elsewhere[row.key])
        if reached is not None:
            used.update(key_of(item) for item in reached.settles)
            owner = world.account_of(reached.invoices[0])
            found[owner or ""].append(reached)
    return _Told({name: tuple(items) for name, items in found.items() if name}, entered.rows)


def _doubted(reached: _Reached, left: BankRow) -> _Reached:
    why = (
        f"{reached.why}. More money like it came in than the books hold ({called(left.record)} is left over), "
        "and which of it was entered nobody can tell"
    )
    return replace(reached, confidence=_IN_DOUBT, why=why, rival=left.record)


def _on_another_invoice(world: World, reached: _Reached, entry: RecordKey) -> _Reached | None:
    """The row is what the invoice it names comes to, and the books hold such money on another invoice only."""
    payment = world.books.payments.get(entry)
    if not reached.exact or payment is None:
        return None
    why = f"{reached.why}. If {called(payment)} is this money, it stands on another invoice than the client named"
    return replace(reached, confidence=_IN_DOUBT, why=why, rival=payment)


def _rows(world: World) -> Iterator[BankRow]:
    """Payments of nobody's, and what a bank's own list of deposits holds."""
    for payment in world.books.unassigned.payments:
        known = world.account_of(payment) is not None or payment.allocations
        if payment.status in COUNTED_PAYMENTS and payment.unapplied.minor > 0 and not known and payment.paid_on <= world.today:
            yield BankRow(payment, payment.unapplied, payment.paid_on, _text(payment.reference, payment.memo, payment.payer))
    lines = [item for item in world.lines_of_account.get(None, ()) if world.role(item.deposit.connection) is Role.BANK]
    for deposit in {key_of(item.deposit): item.deposit for item in lines}.values():
        if deposit.amount.minor > 0 and deposit.deposited_on <= world.today:
            memos = (item.line.memo for item in lines if item.deposit is deposit)
            yield BankRow(deposit, deposit.amount, deposit.deposited_on, _text(*memos, deposit.memo))


def _text(*parts: str | None) -> str:
    return " ".join(dict.fromkeys(filter(None, parts)))


def _ledgers(world: World) -> tuple[str, ...]:
    return tuple(sorted(name for name in world.first_invoices if world.role(name) in (Role.BOOKS, Role.PSA)))


def _numbered(world: World, row: BankRow) -> tuple[Invoice, ...]:
    """Invoices that the row's words name: by a telling number, or by a short one whose amount it is to the cent."""
    return tuple(
        invoice
        for connection in _ledgers(world)
        for invoice, named in world.named_in(connection, row.text)
        if named.telling or (row.amount in (invoice.open, invoice.total) and not named.other)
    )


def _client_named(world: World, row: BankRow, numbered: Iterable[Invoice]) -> str | None:
    """The one client that the words name; of several, the only one that owes the amount."""
    named = {world.account_of(invoice) for invoice in numbered}
    if not named:
        parties = (party for connection in _ledgers(world) for party in parties_named(world, connection, row.text))
        named = {world.account(party.connection, party.ref) for party in parties}
    clients = sorted(account for account in named if account is not None)
    if len(clients) > 1:
        clients = [name for name in clients if any(bill.open == row.amount for bill in _owed(world, name))]
    return clients[0] if len(clients) == 1 else None


def _owed(world: World, account: str) -> tuple[Invoice, ...]:
    return world.books.accounts[account].open_invoices()


# ── what it pays ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _of_client(world: World, row: BankRow, client: str, used: set[RecordKey]) -> _Reached | None:
    """The named invoices of the client that the row names, the equal one, or the few that add up to it."""
    owed = [
        item
        for item in _owed(world, client)
        if item.open.currency == row.amount.currency and key_of(item) not in used and _in_time(world, row, item, named=True)
    ]
    numbered = {key_of(item) for item in _numbered(world, row)}
    named = tuple(item for item in owed if key_of(item) in numbered)
    if named:
        exact = sum(item.open.minor for item in named) == row.amount.minor
        return _Reached(row, named, 0.95 if exact else 0.85, "its words name the invoice", exact=exact)
    equal = [item for item in owed if row.amount in (item.open, item.total)]
    if equal:
        nearest = sorted(equal, key=lambda item: (abs((row.on - (item.due_on or item.issued_on)).days), item.ref))
        sure = 0.85 if len(nearest) == 1 else 0.75  # which of several nobody can tell: none of them is chased
        return _Reached(row, tuple(nearest), sure, "it names the client, which owes this amount", either=True)
    together = adding_up(owed, row.amount)
    return _Reached(row, together, 0.75, "it names the client, whose invoices add up to it") if together else None


def _by_amount(world: World, row: BankRow, used: set[RecordKey]) -> _Reached | None:
    """The one open invoice of all clients that owes a telling amount."""
    if not telling(row.amount):
        return None
    fits = [item for item in _open_by_amount(world).get(row.amount, ()) if _in_time(world, row, item, named=False)]
    if len(fits) != 1 or key_of(fits[0]) in used:
        return None
    return _Reached(row, (fits[0],), 0.7, "of all open invoices only this one is of its amount")


def _open_by_amount(world: World) -> Mapping[Money, tuple[Invoice, ...]]:
    if "open_by_amount" not in world.memory:
        found: dict[Money, list[Invoice]] = defaultdict(list)
        for account in world.books.accounts:
            for invoice in _owed(world, account):
                found[invoice.open].append(invoice)
        world.memory["open_by_amount"] = {amount: tuple(items) for amount, items in found.items()}
    result: Mapping[Money, tuple[Invoice, ...]] = world.memory["open_by_amount"]
    return result


def _in_time(world: World, row: BankRow, invoice: Invoice, *, named: bool) -> bool:
    days = world.rules.income_deposit_days * (_NAMED_LONGER if named else 1)
    return invoice.issued_on - _EARLY <= row.on <= (invoice.due_on or invoice.issued_on) + timedelta(days=days)


def _finding(desk: Desk, item: _Reached) -> Finding:
    row = item.row
    numbers = (" or " if item.either else ", ").join(called(invoice) for invoice in item.invoices)
    first = "See whether it is entered in the books already; if not: " if item.rival is not None else ""
    bank, books = row.record.connection, item.invoices[0].connection
    return desk.find(
        FindingKind.UNAPPLIED_PAYMENT,
        (row.record, *item.invoices),
        at_stake=row.amount,
        confidence=item.confidence,
        severity=Severity.HIGH,
        what=f"{row.amount} that {bank} received on {row.on} stands with no client and looks like the payment of {numbers}: "
        f"{item.why}.",
        beside=(item.rival,) if item.rival is not None else (),
        proposal=f"{first}{wording.apply_payment(desk.system(books), called(row.record), str(row.amount), numbers)}",
        more={"why": item.why, "on": row.on.isoformat(), "text": row.text, "amount": money_fact(row.amount)},
    )
