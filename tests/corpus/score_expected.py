"""Scores expected payment dates on IBM's public sample of 2,466 invoices of 100 customers (2012-2014), month end by month end.

Run as a module it rewrites the section "Expected payment dates" of docs/accuracy.md and leaves the others alone.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from core.analytics.forecast import Score, backtest
from core.analytics.history import History, histories
from core.books import Account, AccountBooks, Books
from core.money import Money
from core.records import Allocation, DocumentStatus, Invoice, Party, Payment, RecordKey, Ref, Role, Stream
from tests.conftest import shared_folder

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
_BEGIN, _END = "<!-- expected payment dates: begin -->", "<!-- expected payment dates: end -->"
LAST_DAY = date(2014, 1, 31)
_ROLES = {"sample": Role.BOOKS}


def late_payments(shared: Path) -> Books:
    """The sample as books: every invoice with the payment that settled it."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (shared / "fixtures/late-payments/WA_Fn-UseC_-Accounts-Receivable.csv").open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["customerID"], []).append(row)
    nobody = AccountBooks(account=Account(id="", name="", parties=()), roles=_ROLES)
    accounts = {name: _account(name, mine) for name, mine in sorted(rows.items())}
    return Books(as_of=datetime(2014, 1, 31, tzinfo=UTC), accounts=accounts, unassigned=nobody, roles=_ROLES)


def sample_history(shared: Path) -> History:
    """The one history of the sample: it has one currency."""
    (found,) = histories(late_payments(shared), LAST_DAY).values()
    return found


def _account(name: str, rows: Sequence[dict[str, str]]) -> AccountBooks:
    ref = Ref(name)
    account = Account(id=f"sample:{name}", name=name, parties=(RecordKey("sample", Stream.PARTIES, ref),))
    invoices, payments = [], []
    for row in rows:
        amount = Money.parse(row["InvoiceAmount"], "USD")
        bill = Ref(row["invoiceNumber"])
        invoices.append(
            Invoice(
                connection="sample",
                ref=bill,
                party_ref=ref,
                total=amount,
                open=Money(0, "USD"),
                issued_on=_day(row["InvoiceDate"]),
                due_on=_day(row["DueDate"]),
                status=DocumentStatus.CLOSED,
            )
        )
        payments.append(
            Payment(
                connection="sample",
                ref=Ref(f"pay-{bill}"),
                party_ref=ref,
                amount=amount,
                unapplied=Money(0, "USD"),
                paid_on=_day(row["SettledDate"]),
                allocations=(Allocation(invoice_ref=bill, amount=amount),),
            )
        )
    party = Party(connection="sample", ref=ref, name=name)
    return AccountBooks(account=account, parties=(party,), invoices=tuple(invoices), payments=tuple(payments), roles=_ROLES)


def _day(text: str) -> date:
    month, day, year = (int(part) for part in text.split("/"))
    return date(year, month, day)


def section(score: Score) -> str:
    """The section of the page."""
    rows = [f"| {name} | {error:.2f} |" for name, error in score.errors.items()]
    return "\n".join(
        [
            _BEGIN,
            "## Expected payment dates",
            "",
            "IBM's public sample of 2,466 invoices of 100 customers, 2012 to 2014 (`tests/corpus/score_expected.py`). At each of",
            "the last 24 month ends every open invoice is forecast (`core/analytics/forecast.py`) from the payments known then;",
            "rules that would name a past day say tomorrow. Whether an invoice was disputed is not used: the sample does not say",
            "since when.",
            "",
            f"| {score.forecasts:,} forecasts | mean error, days |",
            "|---|---:|",
            *rows,
            "",
            f"The interval meant to hold 80 % held {score.held:.1%}; it is {score.width} days wide on average. The weight",
            "of strangers' payments was set on this sample: weights from 1 to 8 give errors from 5.8 to 6.3 days, so the figure",
            "is not the luck of one setting, but a sample of other firms may give another.",
            _END,
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, print, and rewrite the section of the page."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    text = section(backtest(sample_history(shared_folder()), LAST_DAY, months=24))
    page = _PAGE.read_text(encoding="utf-8")
    if _BEGIN in page:
        before, _, rest = page.partition(_BEGIN)
        page = before + text + rest.partition(_END)[2]
    else:
        page = page.rstrip("\n") + "\n\n" + text + "\n"
    _PAGE.write_text(page, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
