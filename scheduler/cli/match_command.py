"""`duesync match`: cash application over two CSV files, without a store or a configuration.
Reading is forgiving: any cell may be empty, columns may stand in any order, a byte-order mark or another separator does not
matter. A cell that cannot be read is named as file:line:column on stderr; its row is left out where the row means nothing
without it (id, amount, currency), otherwise only the cell is. Such rows do not change the exit code: the answer about all the
others stands.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core.errors import UsageError
from core.matching import IncomingPayment, Match, Matching, OpenInvoice, Tier, solve
from core.money import totals
from scheduler.cli import console
from scheduler.cli.match_files import Problem, read_invoices, read_payments
from scheduler.cli.session import JsonOption, choose, chosen

COLUMNS = ("payment_id", "invoice_id", "amount", "confidence", "tier", "reason")
MOST_NAMED = 20


def match_command(
    invoices: Annotated[
        Path,
        typer.Argument(help="Open invoices: invoice_id, party, number, reference, currency, total, open, issued_on, due_on"),
    ],
    payments: Annotated[
        Path, typer.Argument(help="Payments received: payment_id, payer, account, memo, currency, amount, paid_on")
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the matches [default: stdout]")] = None,
    json: JsonOption = False,
) -> None:
    """Say which open invoices each payment settles, how surely and why.

    Rows of tier "certain" may be posted unattended, "suggested" ones are for a person to confirm.
    """
    choose(None, json)
    owed, owed_problems = read_invoices(invoices.name, _content(invoices))
    paid, paid_problems = read_payments(payments.name, _content(payments), owed)
    problems = (*owed_problems, *paid_problems)
    with _progress() as advance:
        found = solve(owed, paid, progress=advance)
    if output is not None:
        output.write_text(_csv(found.matches), encoding="utf-8", newline="")
    if chosen.json:
        console.print_json(_document(found, paid, problems))
    elif output is None:
        sys.stdout.write(_csv(found.matches))
    _summary(found, owed, paid, problems)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.", remedy="Name a CSV file that exists.") from error


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Shows a bar on a terminal; what is given back takes the share of the work done."""
    if not sys.stderr.isatty():
        yield lambda _share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console.err, transient=True) as bar:
        task = bar.add_task("matching", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _csv(matches: Iterable[Match]) -> str:
    """The MATCHES file; cells that a spreadsheet would run as a formula are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in matches:
        names = (console.cell(item.payment_id), console.cell(item.invoice_id))
        writer.writerow((*names, f"{item.amount.decimal:f}", f"{item.confidence:.4f}", item.tier, console.cell(item.reason)))
    return text.getvalue()


def _document(found: Matching, paid: Sequence[IncomingPayment], problems: Sequence[Problem]) -> dict[str, Any]:
    matched = {item.payment_id for item in found.matches}
    return {
        "matches": [
            {
                "payment_id": item.payment_id,
                "invoice_id": item.invoice_id,
                "amount": item.amount,
                "confidence": item.confidence,
                "tier": item.tier,
                "reason": item.reason,
            }
            for item in found.matches
        ],
        "unmatched": sorted(item.id for item in paid if item.id not in matched),
        "stopped": list(found.stopped),
        "problems": [{"where": problem.where, "problem": problem.what} for problem in problems],
    }


def _summary(found: Matching, owed: Sequence[OpenInvoice], paid: Sequence[IncomingPayment], problems: Sequence[Problem]) -> None:
    """What was done, in a few lines on stderr."""
    for problem in problems[:MOST_NAMED]:
        console.note(f"{problem.where}: {problem.what}")
    if len(problems) > MOST_NAMED:
        console.note(f"… and {len(problems) - MOST_NAMED} more cells that could not be read")
    certain = sum(item.tier is Tier.CERTAIN for item in found.matches)
    matched = len({item.payment_id for item in found.matches})
    console.note(
        f"{len(found.matches)} matches ({certain} certain, {len(found.matches) - certain} suggested) "
        f"for {matched} of {len(paid)} payments and {len({item.invoice_id for item in found.matches})} of {len(owed)} invoices"
    )
    sums = totals(item.amount for item in found.matches)
    if sums:
        console.note("applied: " + ", ".join(str(amount) for amount in sums.values()))
    if found.stopped:
        console.note(
            f"{len(found.stopped)} payment(s) had more possible sums than were searched; what was found is suggested at most"
        )
