"""The INVOICES and PAYMENTS files of `duesync match`, from bytes to values. Pure: what cannot be read is returned beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from connectors.csvfiles.table import Bad, read_table
from core.errors import UsageError
from core.matching import NO_CURRENCY, IncomingPayment, OpenInvoice
from core.matching.amounts import parse_amount
from core.money import Money, MoneyError, check_currency

INVOICE_COLUMNS = ("invoice_id", "party", "number", "reference", "currency", "total", "open", "issued_on", "due_on")
PAYMENT_COLUMNS = ("payment_id", "payer", "account", "memo", "currency", "amount", "paid_on")
_DAY = re.compile(r"(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)(?:[T ].*)?", re.ASCII)
_GERMAN_DAY = re.compile(r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that could not be read: `where` is file:line:column."""

    where: str
    what: str


class _Unreadable(ValueError):
    """A cell without which its row means nothing."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.column = column


class _Row:
    """The cells of one row; what is wrong with them goes to `problems`."""

    def __init__(self, place: str, cells: dict[str, str], problems: list[Problem]) -> None:
        self._place = place
        self._cells = cells
        self._problems = problems

    def text(self, column: str) -> str:
        """The cell as it stands; empty where it is missing."""
        return self._cells.get(column, "")

    def identity(self, column: str, seen: set[str]) -> str:
        """An id that must be there and must not stand in an earlier row."""
        found = self.text(column)
        if not found:
            raise _Unreadable(column, "is empty; the row was left out")
        if found in seen:
            raise _Unreadable(column, f"{found!r} stood in an earlier row; this row was left out")
        seen.add(found)
        return found

    def currency(self, default: str) -> str:
        """The row's currency; `default` where it states none."""
        found = self.text("currency")
        try:
            return check_currency(found) if found else default
        except MoneyError as error:
            raise _Unreadable("currency", f"{error}; the row was left out") from error

    def money(self, column: str, currency: str) -> Money | None:
        """An amount in any locale's separators; None where the cell is empty."""
        text = self.text(column)
        if not text:
            return None
        found = parse_amount(text, currency)
        if found is None:
            raise _Unreadable(column, f"{text[:40]!r} is not an amount in {currency}; the row was left out")
        return found

    def day(self, column: str) -> date | None:
        """The date; None, and a problem named, where it cannot be read."""
        text = self.text(column)
        found = _DAY.fullmatch(text)
        german = _GERMAN_DAY.fullmatch(text)
        try:
            if found:
                return date(*(int(part) for part in found.groups()))
            if german:
                return date(int(german["year"]), int(german["month"]), int(german["day"]))
        except ValueError:
            pass
        if text:
            self._problems.append(
                Problem(f"{self._place}:{column}", f"{text[:40]!r} is not a date such as 2026-05-31; read as unknown")
            )
        return None


def read_invoices(name: str, content: bytes) -> tuple[list[OpenInvoice], list[Problem]]:
    """Open invoices of an INVOICES file. An empty `open` means `total`. UsageError if the file has no such column."""
    problems: list[Problem] = []
    rows = list(_rows(name, content, INVOICE_COLUMNS, problems))
    stated = only_currency(row.text("currency") for _, row in rows)
    default = stated if len(stated) == 3 else NO_CURRENCY
    found, seen = [], set[str]()
    for place, row in rows:
        try:
            invoice = _invoice(row, default, seen)
        except _Unreadable as error:
            problems.append(Problem(f"{place}:{error.column}", str(error)))
        else:
            found.append(invoice)
    return found, problems


def _invoice(row: _Row, default: str, seen: set[str]) -> OpenInvoice:
    currency = row.currency(default)
    owed = row.money("open", currency)
    if owed is None:
        owed = row.money("total", currency)
    if owed is None:
        raise _Unreadable("open", "is empty, and so is total; the row was left out")
    return OpenInvoice(
        id=row.identity("invoice_id", seen),
        open=owed,
        party=row.text("party"),
        number=row.text("number") or None,
        reference=row.text("reference") or None,
        issued_on=row.day("issued_on"),
        due_on=row.day("due_on"),
    )


def read_payments(name: str, content: bytes, invoices: Sequence[OpenInvoice]) -> tuple[list[IncomingPayment], list[Problem]]:
    """Payments of a PAYMENTS file. An empty currency means the one currency of the invoices, where they have only one."""
    problems: list[Problem] = []
    rows = list(_rows(name, content, PAYMENT_COLUMNS, problems))
    default = only_currency(item.open.currency for item in invoices)
    found, seen = [], set[str]()
    for place, row in rows:
        try:
            payment = _payment(row, default, seen)
        except _Unreadable as error:
            problems.append(Problem(f"{place}:{error.column}", str(error)))
        else:
            found.append(payment)
    return found, problems


def _payment(row: _Row, default: str, seen: set[str]) -> IncomingPayment:
    currency = row.currency(default)
    amount = row.money("amount", currency)
    if amount is None:
        raise _Unreadable("amount", "is empty; the row was left out")
    return IncomingPayment(
        id=row.identity("payment_id", seen),
        amount=amount,
        payer=row.text("payer"),
        account=row.text("account"),
        memo=row.text("memo"),
        paid_on=row.day("paid_on"),
    )


def only_currency(found: Iterable[str]) -> str:
    """The one currency that all who state one state; NO_CURRENCY for none or several: money never crosses currencies."""
    codes = {code.strip().upper() for code in found if code.strip()}
    return codes.pop() if len(codes) == 1 else NO_CURRENCY


def _rows(name: str, content: bytes, columns: Sequence[str], problems: list[Problem]) -> Iterator[tuple[str, _Row]]:
    table = read_table(name, content, columns)
    if table.problem:
        raise UsageError(table.problem + ".", remedy=f"Expected the columns {','.join(columns)}.")
    for line in table.rows:
        place = f"{name}:{line.number}"
        if isinstance(line, Bad):
            problems.append(Problem(f"{place}:{line.column}" if line.column else place, f"{line.problem}; the row was left out"))
        else:
            yield place, _Row(place, line.cells, problems)
