"""The CSV connector on real folders: what it reads, what it names as unreadable, and when it lists anew."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime

import pytest

from connectors.csvfiles import SPEC
from connectors.csvfiles.settings import CsvSettings
from connectors.testing.vault import MemoryVault
from core.errors import PermissionMissing, Rejected, Transient
from core.money import Money
from core.ports import ConnectionContext
from core.records import Cursor, DocumentStatus, PaymentStatus, Posting, Role, Stream

USD = "USD"


class Folder:
    """A folder of CSV files and connectors on it."""

    def __init__(self, path, clock):
        self.path = path
        self._clock = clock

    def write(self, name, text, encoding="utf-8"):
        (self.path / name).write_bytes(text.encode(encoding))
        return self

    def open(self, *, page_size=1000, currency=USD, timezone="America/New_York"):
        return SPEC.build(
            ConnectionContext(
                name="files",
                role=Role.BOOKS,
                settings=CsvSettings(path=self.path, page_size=page_size),
                clock=self._clock,
                vault=MemoryVault(),
                timezone=timezone,
                currency=currency,
            )
        )

    def pull(self, stream, cursor=None, **options):
        return list(self.open(**options).pull(stream, cursor))

    def records(self, stream, **options):
        return {record.ref: record for page in self.pull(stream, **options) for record in page.records}

    def malformed(self, stream, **options):
        return {row.where: row.problem for page in self.pull(stream, **options) for row in page.malformed}


@pytest.fixture
def folder(tmp_path, clock):
    return Folder(tmp_path, clock)


INVOICE_HEAD = (
    "ref,party_ref,number,reference,currency,total,open,issued_on,due_on,status,"
    "agreement_ref,period_start,period_end,updated_at\n"
)


def test_every_column_of_every_file_arrives(folder):
    folder.write(
        "parties.csv",
        "ref,name,email,phone,currency,timezone,country,region,active\n"
        "C1,Acme Dental,ap@acme.example,555-1,usd,America/Chicago,US,IL,yes\nC2,Old Ltd,,,,,,,No\n",
    )
    folder.write(
        "invoices.csv",
        INVOICE_HEAD
        + "I1,C1,1001,PO 7,USD,120.50,20.50,2026-01-05,2026-02-04,Partial,A9,2026-01-01,2026-01-31,2026-02-01T10:00:00+02:00\n",
    )
    folder.write(
        "payments.csv",
        "ref,party_ref,currency,amount,unapplied,paid_on,reference,memo,method,status,updated_at\n"
        "P1,C1,USD,100.00,,2026-01-20,CHK 9,thanks,check,Cleared,2026-01-20\nP2,,,5,5,2026-01-21,,,,in clearing,\n",
    )
    folder.write(
        "credit_notes.csv",
        "ref,party_ref,number,currency,total,remaining,issued_on,status,updated_at\nN1,C1,CN-1,USD,30,,2026-01-02,,\n",
    )
    folder.write("allocations.csv", "source_ref,invoice_ref,amount,applied_on\nP1,I1,100.00,2026-01-20\nN1,I1,10,\n")
    folder.write(
        "deposits.csv",
        "ref,party_ref,currency,amount,deposited_on,posted_to,memo,payment_ref\n"
        "D1,C1,USD,100,2026-01-22,Undeposited Funds,,P1\nD1,C1,USD,40.00,2026-01-22,4000 Sales,walk-in,\n",
    )

    acme, old = folder.records(Stream.PARTIES).values()
    assert (acme.name, acme.email, acme.phone, acme.currency) == ("Acme Dental", "ap@acme.example", "555-1", "USD")
    assert (acme.timezone, acme.country, acme.region, acme.active) == ("America/Chicago", "US", "IL", True)
    assert (old.active, old.currency, old.email) == (False, None, None)
    invoice = folder.records(Stream.INVOICES)["I1"]
    assert (invoice.number, invoice.reference, invoice.total, invoice.open) == (
        "1001",
        "PO 7",
        Money(12050, USD),
        Money(2050, USD),
    )
    assert (invoice.issued_on, invoice.due_on, invoice.status) == (date(2026, 1, 5), date(2026, 2, 4), DocumentStatus.OPEN)
    assert (invoice.agreement_ref, invoice.period_start, invoice.period_end) == ("A9", date(2026, 1, 1), date(2026, 1, 31))
    assert invoice.updated_at == datetime(2026, 2, 1, 8, tzinfo=UTC)
    payments = folder.records(Stream.PAYMENTS)
    assert payments["P1"].unapplied == Money(0, USD)
    assert [(item.invoice_ref, item.amount, item.applied_on) for item in payments["P1"].allocations] == [
        ("I1", Money(10000, USD), date(2026, 1, 20))
    ]
    assert (payments["P1"].reference, payments["P1"].memo, payments["P1"].method) == ("CHK 9", "thanks", "check")
    assert payments["P1"].updated_at == datetime(2026, 1, 20, 5, tzinfo=UTC)  # midnight in New York
    assert (payments["P2"].party_ref, payments["P2"].status) == (None, PaymentStatus.PENDING)
    note = folder.records(Stream.CREDIT_NOTES)["N1"]
    assert (note.remaining, note.status, note.allocations[0].amount) == (Money(2000, USD), DocumentStatus.OPEN, Money(1000, USD))
    deposit = folder.records(Stream.DEPOSITS)["D1"]
    assert deposit.amount == Money(14000, USD)
    assert [(line.posting, line.payment_ref) for line in deposit.lines] == [(Posting.UNDEPOSITED, "P1"), (Posting.INCOME, None)]


def test_missing_files_and_columns_are_empty(folder):
    for stream in folder.open().streams():
        (page,) = folder.pull(stream)
        assert (page.entries, page.malformed, page.more) == ((), (), False)
    folder.write("invoices.csv", "ref,party_ref,total,issued_on\nI1,C1,10,2026-01-01\n")
    invoice = folder.records(Stream.INVOICES)["I1"]
    assert (invoice.open, invoice.status, invoice.number) == (Money(1000, USD), DocumentStatus.OPEN, None)


BAD_CELLS = [
    ("total", "1,2,3", "'1,2,3' is not a plain amount such as 1234.50"),
    ("total", "100 000", "'100 000' is not a plain amount such as 1234.50"),
    ("total", "100\u00a0000", "'100\\xa0000' is not a plain amount such as 1234.50"),
    ("total", "1e3", "'1e3' is not a plain amount such as 1234.50"),
    ("total", "NaN", "'NaN' is not a plain amount such as 1234.50"),
    ("total", "10.005", "10.005 has more decimals than USD allows (2)"),
    ("total", "-5", "-5.00 USD is negative"),
    ("total", "", "is empty"),
    ("open", "ten", "'ten' is not a plain amount such as 1234.50"),
    ("issued_on", "01/02/2026", "'01/02/2026' is not a date as YYYY-MM-DD"),
    ("issued_on", "20260102", "'20260102' is not a date as YYYY-MM-DD"),
    ("issued_on", "2026-02-30", "'2026-02-30' is not a date as YYYY-MM-DD"),
    ("issued_on", "0026-02-03", "'0026-02-03' is not a date as YYYY-MM-DD"),
    ("issued_on", "", "is empty"),
    ("due_on", "soon", "'soon' is not a date as YYYY-MM-DD"),
    ("status", "mysterious", "'mysterious' is not a status duesync knows"),
    ("currency", "dollars", "'dollars' is not an ISO 4217 currency code"),
    ("party_ref", "", "is empty"),
    ("updated_at", "yesterday", "'yesterday' is not a date and time as YYYY-MM-DDTHH:MM:SS+00:00"),
    ("ref", "", "is empty"),
]


@pytest.mark.req("E48", "E49")
@pytest.mark.parametrize(("column", "text", "problem"), BAD_CELLS)
def test_a_wrong_cell_names_file_line_column_and_spares_its_neighbours(folder, column, text, problem):
    good = {"ref": "I2", "party_ref": "C1", "total": "10", "issued_on": "2026-01-01", "currency": "", "open": ""}
    good |= {"due_on": "", "status": "", "updated_at": ""}
    rows = [{**good, "ref": "I1"}, {**good, column: text}, {**good, "ref": "I3"}]
    body = "\n".join(",".join(f'"{cell}"' for cell in row.values()) for row in rows)
    folder.write("invoices.csv", ",".join(good) + "\n" + body + "\n")
    assert set(folder.records(Stream.INVOICES)) == {"I1", "I3"}
    whose = "" if column == "party_ref" else " (client C1)"
    assert folder.malformed(Stream.INVOICES) == {f"invoices.csv:3:{column}": problem + whose}


FILES = [
    ("plain", "ref,name\nC1,Ann\nC2,Bo\n", "utf-8"),
    ("byte order mark", "ref,name\nC1,Ann\nC2,Bo\n", "utf-8-sig"),
    ("utf-16 of a spreadsheet", "ref\tname\r\nC1\tAnn\r\nC2\tBo\r\n", "utf-16"),
    ("windows line ends", "ref,name\r\nC1,Ann\r\nC2,Bo\r\n", "utf-8"),
    ("old mac line ends", "ref,name\rC1,Ann\rC2,Bo\r", "utf-8"),
    ("no newline at the end", "ref,name\nC1,Ann\nC2,Bo", "utf-8"),
    ("semicolons", "ref;name\nC1;Ann\nC2;Bo\n", "utf-8"),
    ("semicolons announced", "sep=;\nref;name\nC1;Ann\nC2;Bo\n", "utf-8"),
    ("tabs", "ref\tname\nC1\tAnn\nC2\tBo\n", "utf-8"),
    ("blank lines", "\n\nref,name\n\nC1,Ann\n,\n   \nC2,Bo\n\n", "utf-8"),
    ("spaces and capitals", " Ref , NAME \n C1 , Ann \nC2,Bo\n", "utf-8"),
    ("columns nobody knows, in any order", "note,name,ref\nx,Ann,C1\ny,Bo,C2\n", "utf-8"),
    ("quotes", '"ref","name"\n"C1","Ann"\n"C2","Bo"\n', "utf-8"),
]


@pytest.mark.parametrize(("kind", "text", "encoding"), FILES, ids=[kind for kind, _, _ in FILES])
def test_files_are_read_whatever_wrote_them(folder, kind, text, encoding):
    folder.write("Parties.CSV" if kind == "tabs" else "parties.csv", text, encoding)
    assert [(ref, party.name) for ref, party in folder.records(Stream.PARTIES).items()] == [("C1", "Ann"), ("C2", "Bo")]
    assert folder.malformed(Stream.PARTIES) == {}


def test_text_is_kept_as_it_is_written(folder):
    formula = '=HYPERLINK("http://x","y")'
    folder.write(
        "parties.csv", 'ref,name,email\n0012,"Smith, ""Bob""\nand Sons",é@x.example\n=1+1,"=HYPERLINK(""http://x"",""y"")",\n'
    )
    parties = folder.records(Stream.PARTIES)
    assert parties["0012"].name == 'Smith, "Bob"\nand Sons'
    assert parties["=1+1"].name == formula


def test_a_line_in_another_encoding_garbles_only_itself_at_worst(folder):
    (folder.path / "parties.csv").write_bytes("ref,name\nC1,Zoë\n".encode() + "C2,Müller\n".encode("cp1252") + b"C3,\x81\n")
    parties = folder.records(Stream.PARTIES)
    assert (parties["C1"].name, parties["C2"].name) == ("Zoë", "Müller")
    assert "C3" in parties


def test_a_quote_left_open_does_not_swallow_the_file(folder):
    folder.write("parties.csv", 'ref,name\nC1,"Ann\nC2,Bo\nC3,"C" C\nC4,Di\n')
    assert set(folder.records(Stream.PARTIES)) == {"C2", "C4"}
    problems = folder.malformed(Stream.PARTIES)
    assert set(problems) == {"parties.csv:2", "parties.csv:4"}
    folder.write("parties.csv", 'ref,name\nC1,Ann\nC2,"Bo\nC3,Cy\n')
    assert set(folder.records(Stream.PARTIES)) == {"C1", "C3"}
    assert folder.malformed(Stream.PARTIES) == {"parties.csv:3": "a quote is opened and never closed"}


def test_an_unquoted_separator_does_not_shift_cells(folder):
    folder.write("invoices.csv", "ref,party_ref,total,issued_on\nI1,C1,1,234.50,2026-01-01\nI2,C1,5,2026-01-01\n")
    assert set(folder.records(Stream.INVOICES)) == {"I2"}
    assert "5 cells" in folder.malformed(Stream.INVOICES)["invoices.csv:2"]


def test_a_huge_cell_is_named_and_its_neighbours_survive(folder):
    folder.write("payments.csv", f"ref,amount,paid_on,memo\nP1,5,2026-01-01,{'x' * 300_000}\nP2,5,2026-01-01,\n")
    assert set(folder.records(Stream.PAYMENTS)) == {"P2"}
    assert folder.malformed(Stream.PAYMENTS) == {"payments.csv:2:memo": "longer than 32767 characters"}


def test_the_second_row_of_a_ref_is_malformed(folder):
    folder.write("parties.csv", "ref,name\nC1,Ann\nC1,Bo\n")
    assert folder.records(Stream.PARTIES)["C1"].name == "Ann"
    assert folder.malformed(Stream.PARTIES) == {"parties.csv:3:ref": "C1 was already used in line 2"}
    assert folder.open().reread(Stream.PARTIES, "C1").name == "Ann"


STATES = [
    # status, open, expected status, expected open, disputed
    ("", "", DocumentStatus.OPEN, 10000, False),
    ("", "0", DocumentStatus.CLOSED, 0, False),
    ("", "25", DocumentStatus.OPEN, 2500, False),
    ("AUTHORISED", "", DocumentStatus.OPEN, 10000, False),
    ("Overdue", "100", DocumentStatus.OPEN, 10000, False),
    ("sent", "0.00", DocumentStatus.CLOSED, 0, False),
    ("Partially-Paid", "40", DocumentStatus.OPEN, 4000, False),
    ("PAID", "", DocumentStatus.CLOSED, 0, False),
    ("voided", "", DocumentStatus.VOID, 0, False),
    ("Deleted", "", DocumentStatus.VOID, 0, False),
    ("draft", "", DocumentStatus.DRAFT, 10000, False),
    ("Disputed", "", DocumentStatus.OPEN, 10000, True),
]


@pytest.mark.parametrize(("status", "still_open", "expected", "minor", "disputed"), STATES)
def test_invoice_states(folder, status, still_open, expected, minor, disputed):
    folder.write("invoices.csv", f"ref,party_ref,total,open,issued_on,status\nI1,C1,100,{still_open},2026-01-01,{status}\n")
    invoice = folder.records(Stream.INVOICES)["I1"]
    assert (invoice.status, invoice.open.minor, invoice.disputed) == (expected, minor, disputed)


def test_a_blank_open_is_what_live_payments_and_credits_leave(folder):
    folder.write("invoices.csv", "ref,party_ref,total,issued_on,status\nI1,C1,100,2026-01-01,\nI2,C1,100,2026-01-01,partial\n")
    folder.write("payments.csv", "ref,amount,paid_on,status\nP1,60,2026-01-02,\nP2,15,2026-01-02,bounced\n")
    folder.write("allocations.csv", "source_ref,invoice_ref,amount\nP1,I1,60\nP2,I1,15\n")
    assert folder.records(Stream.INVOICES)["I1"].open == Money(4000, USD)
    assert folder.malformed(Stream.INVOICES) == {
        "invoices.csv:3:open": "is empty, and no allocation says how much of it is paid (client C1)"
    }


PAYMENT_STATES = [
    ("", PaymentStatus.RECEIVED),
    ("Cleared", PaymentStatus.RECEIVED),
    ("POSTED", PaymentStatus.RECEIVED),
    ("pending", PaymentStatus.PENDING),
    ("In clearing", PaymentStatus.PENDING),
    ("void", PaymentStatus.VOID),
    ("NSF", PaymentStatus.REVERSED),
    ("charged-back", PaymentStatus.REVERSED),
    ("returned", PaymentStatus.REVERSED),
]


@pytest.mark.parametrize(("word", "status"), PAYMENT_STATES)
def test_payment_states(folder, word, status):
    folder.write("payments.csv", f"ref,amount,paid_on,status\nP1,5,2026-01-01,{word}\n")
    assert folder.records(Stream.PAYMENTS)["P1"].status is status


POSTINGS = [
    ("Accounts Receivable (A/R)", "", Posting.RECEIVABLE),
    ("AR", "", Posting.RECEIVABLE),
    ("Trade Debtors", "", Posting.RECEIVABLE),
    ("Undeposited Funds", "P1", Posting.UNDEPOSITED),
    ("Stripe clearing", "", Posting.UNDEPOSITED),
    ("4100", "", Posting.INCOME),
    ("4100 - Managed Services", "", Posting.INCOME),
    ("Revenue", "", Posting.INCOME),
    ("Sales Tax Payable", "", Posting.OTHER),
    ("Deferred Revenue", "", Posting.OTHER),
    ("Petty cash", "", Posting.OTHER),
    ("", "P1", Posting.UNDEPOSITED),
    ("", "", Posting.OTHER),
]


@pytest.mark.parametrize(("account", "payment", "posting"), POSTINGS)
def test_where_a_deposit_line_was_posted(folder, account, payment, posting):
    folder.write("deposits.csv", f"ref,amount,deposited_on,posted_to,payment_ref\nD1,5,2026-01-01,{account},{payment}\n")
    assert folder.records(Stream.DEPOSITS)["D1"].lines[0].posting is posting


def test_one_bad_line_makes_its_deposit_malformed_and_no_other(folder):
    folder.write(
        "deposits.csv",
        "ref,amount,deposited_on\nD1,5,2026-01-01\nD2,5,2026-01-01\nD1,x,2026-01-01\nD3,5,2026-01-01\nD3,1,2026-01-02\n",
    )
    assert set(folder.records(Stream.DEPOSITS)) == {"D2"}
    assert set(folder.malformed(Stream.DEPOSITS)) == {"deposits.csv:4:amount", "deposits.csv:6:deposited_on"}


def test_allocations_without_one_clear_source_are_named_and_attached_to_nothing(folder):
    folder.write("payments.csv", "ref,amount,paid_on\nP1,50,2026-01-01\nX,50,2026-01-01\nP9,oops,2026-01-01\n")
    folder.write("credit_notes.csv", "ref,party_ref,total,issued_on\nX,C1,50,2026-01-01\n")
    folder.write(
        "allocations.csv", "source_ref,invoice_ref,amount\nP1,I1,20\nnobody,I1,5\nX,I1,5\nP1,I1,-3\nP1,,3\nP1,I1,0\nP9,I1,5\n"
    )
    payments = folder.records(Stream.PAYMENTS)
    assert payments["P1"].unapplied == Money(3000, USD)
    assert payments["X"].unapplied == Money(5000, USD)
    (page,) = folder.pull(Stream.PAYMENTS)
    named = {row.where: row.stream for row in page.malformed}
    assert named == {
        "payments.csv:4:amount": Stream.PAYMENTS,
        "allocations.csv:3:source_ref": Stream.ALLOCATIONS,
        "allocations.csv:4:source_ref": Stream.ALLOCATIONS,
        "allocations.csv:5:amount": Stream.ALLOCATIONS,
        "allocations.csv:6:invoice_ref": Stream.ALLOCATIONS,
        "allocations.csv:7:amount": Stream.ALLOCATIONS,
        "allocations of P9": Stream.ALLOCATIONS,  # its payment is at fault; the invoice must not seem paid by nothing
    }


@pytest.mark.parametrize(("currency", "text", "minor"), [("JPY", "1500", 1500), ("KWD", "1.234", 1234), ("EUR", "1.5", 150)])
def test_amounts_have_the_decimals_of_their_currency(folder, currency, text, minor):
    folder.write("payments.csv", f"ref,currency,amount,paid_on\nP1,{currency},{text},2026-01-01\nP2,,1.50,2026-01-01\n")
    payments = folder.records(Stream.PAYMENTS, currency="EUR")
    assert payments["P1"].amount == Money(minor, currency)
    assert payments["P2"].amount == Money(150, "EUR")


def test_pages_form_one_listing_and_can_be_resumed(folder):
    folder.write("parties.csv", "ref\n" + "".join(f"C{number}\n" for number in range(5)))
    pages = folder.pull(Stream.PARTIES, page_size=2)
    assert [len(page.entries) for page in pages] == [2, 2, 1]
    assert [(page.more, page.listing.first) for page in pages] == [(True, True), (True, False), (False, False)]
    assert len({page.listing.id for page in pages}) == 1
    assert folder.pull(Stream.PARTIES, pages[0].cursor, page_size=2) == pages[1:]


def test_an_unchanged_folder_yields_one_empty_page_that_deletes_nothing(folder):
    folder.write("parties.csv", "ref\nC1\n")
    cursor = folder.pull(Stream.PARTIES)[-1].cursor
    (page,) = folder.pull(Stream.PARTIES, cursor)
    assert (page.entries, page.listing, page.more, page.cursor) == ((), None, False, cursor)


def test_any_change_lists_the_stream_again(folder):
    folder.write("parties.csv", "ref,name\nC1,Ann\nC2,Bo\n")
    folder.write("payments.csv", "ref,amount,paid_on\nP1,5,2026-01-01\n")
    parties, payments = folder.pull(Stream.PARTIES)[-1], folder.pull(Stream.PAYMENTS)[-1]
    folder.write("parties.csv", "ref,name\nC2,Cy\n")
    (page,) = folder.pull(Stream.PARTIES, parties.cursor)
    assert [record.ref for record in page.records] == ["C2"]
    assert page.listing.first
    assert folder.open().reread(Stream.PARTIES, "C1") is None
    folder.write("allocations.csv", "source_ref,invoice_ref,amount\nP1,I1,5\n")
    (page,) = folder.pull(Stream.PAYMENTS, payments.cursor)
    assert page.records[0].unapplied == Money(0, USD)
    assert page.records[0].version != payments.records[0].version
    assert folder.pull(Stream.PAYMENTS, page.cursor, currency="EUR")[0].records[0].amount.currency == "EUR"


def test_a_version_changes_only_with_its_own_row(folder):
    folder.write("parties.csv", "ref,name\nC1,Ann\nC2,Bo\n")
    before = folder.records(Stream.PARTIES)
    folder.write("parties.csv", "name,ref\nNew,C0\nAnn,C1\nBob,C2\n")
    after = folder.records(Stream.PARTIES)
    assert before["C1"].version == after["C1"].version
    assert before["C2"].version != after["C2"].version


def test_a_cursor_of_another_kind_starts_over(folder):
    folder.write("parties.csv", "ref\nC1\n")
    assert len(folder.pull(Stream.PARTIES, Cursor("something+else"))[0].entries) == 1


def test_rereading_a_row_that_cannot_be_read_never_says_it_is_gone(folder):
    folder.write("invoices.csv", "ref,party_ref,total,issued_on\nI1,C1,x,2026-01-01\n")
    with pytest.raises(Rejected, match=r"invoices\.csv:2:total"):
        folder.open().reread(Stream.INVOICES, "I1")
    assert folder.open().reread(Stream.INVOICES, "I2") is None


def test_a_folder_that_is_missing_is_named_with_what_to_do(folder):
    folder.path = folder.path / "nowhere"
    with pytest.raises(Transient, match=r"nowhere does not exist.*connections\.files\.path"):
        folder.pull(Stream.PARTIES)


def test_a_file_where_a_folder_should_be_is_named(folder):
    folder.write("x", "")
    folder.path = folder.path / "x"
    with pytest.raises(Rejected, match="is not a folder"):
        folder.pull(Stream.PARTIES)


def test_a_file_that_may_not_be_read_is_named(folder):
    folder.write("parties.csv", "ref\nC1\n")
    if os.geteuid() == 0:
        (folder.path / "parties.csv").unlink()
        (folder.path / "parties.csv").mkdir()
        with pytest.raises(Rejected, match=r"parties\.csv is not a file"):
            folder.pull(Stream.PARTIES)
        return
    (folder.path / "parties.csv").chmod(0)
    with pytest.raises(PermissionMissing, match=r"parties\.csv cannot be read"):
        folder.pull(Stream.PARTIES)


def test_a_file_without_its_ref_column_stops_its_stream_and_no_other(folder):
    folder.write("invoices.csv", "Rechnung;Kunde\n1;2\n")
    folder.write("parties.csv", "ref\nC1\n")
    with pytest.raises(Rejected, match=r'no column "ref": its first line reads "Rechnung;Kunde"'):
        folder.pull(Stream.INVOICES)
    assert len(folder.records(Stream.PARTIES)) == 1


def test_the_probe_counts_rows_and_names_the_first_unreadable_one(folder):
    folder.write("invoices.csv", "ref,party_ref,total,issued_on\nI1,C1,5,2026-01-01\nI2,C1,x,2026-01-01\n")
    probe = folder.open().probe()
    checks = {check.name: check for check in probe.checks}
    assert not probe.ok
    assert checks["invoices.csv"].detail.startswith("1 rows, 1 unreadable, first invoices.csv:3:total")
    assert checks["parties.csv"].ok is None


def test_a_hundred_thousand_rows_are_read_in_seconds(folder):
    body = "".join(
        f"I{n},C{n % 500},{n},,USD,{n}.50,,2026-01-05,2026-02-04,open,,,,2026-01-05T10:00:00Z\n" for n in range(100_000)
    )
    folder.write("invoices.csv", INVOICE_HEAD + body)
    began = time.process_time()
    assert sum(len(page.entries) for page in folder.pull(Stream.INVOICES)) == 100_000
    assert time.process_time() - began < 12  # about 3 s here; the margin is for slow machines
