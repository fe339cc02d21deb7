"""An evidence pack: complete or it says what is missing, the same bytes twice, nobody's secrets, checked by sha256sum."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from core.collections.case import Attached, AttachmentKind
from core.collections.evidence import JournalEnd, JournalLine
from core.collections.evidence_tables import csv_bytes, ledger_lines
from core.collections.manifest import JOURNAL, SUMS, check
from core.collections.pack import Pack, build_pack
from core.collections.redaction import GONE, strip_secrets
from core.records import Contact, Ref, key_of
from tests.conftest import ROOT
from tests.unit.collections.claim import BOOKS, FIRST, PDF, SECOND, TODAY, attachment, case_of, credit, evidence, noticed, usd

SECRETS = ("Hunter2!x", "Sommer2024", "4111 1111 1111 1111")


@pytest.fixture(scope="module")
def pack() -> Pack:
    return build_pack(evidence())


def table(pack: Pack, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(pack.file(name).decode())))


def words_of(content: bytes, tmp_path: Path) -> str:
    """The text of a PDF."""
    (tmp_path / "page.pdf").write_bytes(content)
    done = subprocess.run(["pdftotext", "-layout", str(tmp_path / "page.pdf"), "-"], capture_output=True, text=True, check=True)
    return done.stdout


def unpacked(pack: Pack, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(pack.zip_bytes)) as archive:
        archive.extractall(folder)
    return folder / pack.reference


@pytest.mark.req("D5", "A40", "A81", "A110")
def test_everything_an_agency_asks_for_first_is_in_its_place(pack):
    paths = {item.path for item in pack.files}
    assert {"cover-letter.pdf", "account-history.pdf", "placement.json", "manifest.json", SUMS, JOURNAL, "README.txt"} <= paths
    assert {"invoices.csv", "ledger.csv", "allocations.csv", "contacts.csv", "contacts.json", "disputes.csv"} <= paths
    assert {"arrangements.csv", "delivery.csv", "agreement/msa-signed.pdf", "messages/2026-05-20-fin.txt"} <= paths
    assert {path for path in paths if path.startswith("invoices/")} == {"invoices/sheet-1001.pdf", "invoices/sheet-1002.pdf"}
    assert pack.file("agreement/msa-signed.pdf") == PDF


def test_the_same_evidence_gives_the_same_zip_byte_by_byte(pack):
    again = build_pack(evidence())
    assert (again.zip_bytes == pack.zip_bytes, again.sha256 == pack.sha256) == (True, True)
    assert build_pack(evidence(address="elsewhere")).sha256 != pack.sha256


def test_placement_json_fits_its_published_schema(pack):
    schema = json.loads((ROOT / "docs/placement.schema.json").read_text())
    document = json.loads(pack.file("placement.json"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    assert document["claim"] == {"currency": "USD", "count": 2, "amount": "1200.00"}
    assert document["debtor"]["name"] == "Alder Dental PC"
    assert document["debtor"]["contacts"][0]["phone"] == "+1 555 0101"
    assert document["invoices"][0]["documents"] == ["invoices/sheet-1001.pdf"]
    listed = {item["path"]: item["sha256"] for item in document["files"]}
    assert all(hashlib.sha256(pack.file(path)).hexdigest() == sum_ for path, sum_ in listed.items())


@pytest.mark.req("A101")
def test_anyone_can_check_the_pack_with_sha256sum_alone(pack, tmp_path):
    folder = unpacked(pack, tmp_path)
    command = [shutil.which("sha256sum") or "sha256sum", "--quiet", "--strict", "-c", SUMS]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0
    (folder / "ledger.csv").write_text("on,what\n")
    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode != 0


def test_an_edit_an_addition_and_a_removal_all_show(pack):
    whole = {item.path: item.content for item in pack.files}
    assert check(whole) == []
    assert check({**whole, "ledger.csv": b"x"}) == ["ledger.csv was changed"]
    assert check({**whole, "extra.txt": b"x"}) == ["extra.txt is not in SHA256SUMS"]
    assert check({path: content for path, content in whole.items() if path != "ledger.csv"}) == ["ledger.csv is missing"]
    assert check({}) == ["SHA256SUMS is missing"]


def test_a_journal_line_that_does_not_follow_shows():
    detail, salt = '{"a":1}', "5a"
    detail_hash = hashlib.sha256(f"{salt}\n{detail}".encode()).hexdigest()
    chained = json.dumps([3, "2026-05-20T15:00:00.000000+00:00", "case.opened", "case/1", "ann", detail_hash])
    good = JournalLine(
        seq=3,
        previous="0" * 64,
        chained=chained,
        hash=hashlib.sha256(("0" * 64 + "\n" + chained).encode()).hexdigest(),
        salt=salt,
        detail=detail,
    )
    for line, problems in (
        (good, 0),
        (replace(good, salt=None, detail=None), 0),
        (replace(good, detail='{"a":2}'), 1),
        (replace(good, chained=chained.replace("ann", "bob")), 1),
        (replace(good, chained="no json"), 1),
    ):
        built = build_pack(evidence(journal=(line,)))
        assert len(check({item.path: item.content for item in built.files})) == problems, line


def entry(seq: int, previous: str, text: str = "x") -> JournalLine:
    """An entry of a journal as it is written."""
    salt, detail = f"5a{seq}", json.dumps({"text": text})
    detail_hash = hashlib.sha256(f"{salt}\n{detail}".encode()).hexdigest()
    chained = json.dumps([seq, "2026-05-20T15:00:00.000000+00:00", "case.noted", "case/1", "ann", detail_hash])
    made = hashlib.sha256(f"{previous}\n{chained}".encode()).hexdigest()
    return JournalLine(seq=seq, previous=previous, chained=chained, hash=made, salt=salt, detail=detail)


FOUR = entry(4, "0" * 64)
FIVE = entry(5, FOUR.hash)
NINE = entry(9, "c" * 64)


def journal_checks(pack: Pack, folder: Path) -> tuple[bool, bool]:
    """Does the journal hold for duesync, and for a stranger who does what README.txt says, with nothing but Python?"""
    place = unpacked(pack, folder)
    script = (place / "README.txt").read_text().partition("python3 - <<'END'\n")[2].partition("\nEND\n")[0]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "AssertionError" in done.stderr, done.stderr
    return check({item.path: item.content for item in pack.files}) == [], done.returncode == 0


@pytest.mark.req("A101", "D5")
@pytest.mark.parametrize(
    ("lines", "end", "holds"),
    [
        ((FOUR, FIVE, NINE), JournalEnd(entries=12, hash="f" * 64), True),
        ((FOUR, FIVE, NINE), JournalEnd(entries=9, hash=NINE.hash), True),
        ((), JournalEnd(entries=0, hash="0" * 64), True),
        ((FOUR, FIVE, NINE), JournalEnd(entries=9, hash="f" * 64), False),  # another end than it has
        ((FOUR, FIVE, NINE), JournalEnd(entries=8, hash="f" * 64), False),  # entries after the end
        ((FIVE, FOUR), JournalEnd(entries=12, hash="f" * 64), False),  # out of order
        ((FOUR, entry(5, "b" * 64)), JournalEnd(entries=12, hash="f" * 64), False),  # the next entry, of another chain
        ((replace(FOUR, seq=3),), JournalEnd(entries=12, hash="f" * 64), False),  # numbered otherwise than it was hashed
        ((replace(FOUR, detail='{"text": "y"}'),), JournalEnd(entries=12, hash="f" * 64), False),
    ],
)
def test_a_stranger_checks_the_journal_by_what_the_readme_says(lines, end, holds, tmp_path):
    built = build_pack(evidence(journal=lines, journal_end=end))
    assert journal_checks(built, tmp_path) == (holds, holds)


@pytest.mark.req("A100")
def test_an_agency_is_told_of_those_who_answer_for_paying_and_of_nobody_else(tmp_path):
    def person(name: str, **more) -> Contact:
        return Contact(connection="psa", ref=Ref(name), party_ref=Ref("9"), name=name, email=f"{name}@alder.example", **more)

    staff = [person(f"user{number}", role="technical") for number in range(40)]
    told = (person("pat", role="Billing clerk"), person("max", primary=True), person("ap"))  # the last one was written to
    books = replace(BOOKS, contacts=(*staff, *told, person("gone", role="owner", active=False)))
    built = build_pack(evidence(books=books))
    document = json.loads(built.file("placement.json"))
    assert [item["name"] for item in document["debtor"]["contacts"]] == ["pat", "max", "ap"]
    pages = [words_of(item.content, tmp_path) for item in built.files if item.path.endswith(".pdf") and item.content != PDF]
    texts = [*pages, *(item.content.decode() for item in built.files if not item.path.endswith(".pdf"))]
    assert not [text for text in texts if "user7" in text or "gone@" in text]


def test_no_credential_that_anybody_typed_leaves_with_it(pack, tmp_path):
    texts = [item.content.decode() for item in pack.files if not item.path.endswith(".pdf")]
    texts += [words_of(item.content, tmp_path) for item in pack.files if item.path.endswith(".pdf") and item.content != PDF]
    assert [secret for secret in SECRETS if any(secret in text for text in texts)] == []
    assert any(GONE in text for text in texts), "something was there to be removed"
    plain = build_pack(evidence(books=replace(BOOKS, invoices=(replace(FIRST, memo="January"), SECOND))))
    assert "January" in plain.file("invoices.csv").decode()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("admin pw: Tr0ub4dor", "Tr0ub4dor"),
        ("the password for server1 is Zebra99!", "Zebra99!"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("api_key=9f8e7d6c5b", "9f8e7d6c5b"),
        ("https://svc:letmein@host.example/x", "letmein"),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("SSN 078-05-1120", "078-05-1120"),
        ("paid by 4012888888881881", "4012888888881881"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJhbGciOiJIUzI1NiJ9"),
        ("vpn password Summer24!", "Summer24!"),
        ("Passwort: geheim", "geheim"),
        ("das Kennwort lautet Regen77", "Regen77"),
        ("mot de passe : tournesol", "tournesol"),
        ("la contraseña es girasol", "girasol"),
        ("wachtwoord=zonnebloem", "zonnebloem"),
    ],
)
def test_what_looks_like_a_secret_is_removed(text, secret):
    assert secret not in strip_secrets(text)
    assert GONE in strip_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "Invoice 20260115000123",
        "pin board, 3 tokens of thanks",
        "paid 1,200.00 on 2026-01-02",
        "password reset for 12 mailboxes",
        "clave de acceso renovada",
        "",
    ],
)
def test_plain_words_and_numbers_stay(text):
    assert strip_secrets(text) == text


def test_no_cell_is_a_formula_and_amounts_are_plain(pack):
    rows = table(pack, "invoices.csv")
    assert [row["reference"] for row in rows] == ["", "'=cmd|' /C calc'!A0"]
    assert [(row["total"], row["open"], row["days_past_due"]) for row in rows] == [
        ("900.00", "800.00", "123"),
        ("400.00", "400.00", "92"),
    ]
    assert csv_bytes(("a",), [("+1 312",), ("-5.00",), ("@x",), (usd("-5.00"),)]) == b"a\r\n'+1 312\r\n-5.00\r\n'@x\r\n-5.00\r\n"
    assert csv_bytes(("a",), [("\uff1d1+1",), (" \u200b=1+1",)]).decode() == "a\r\n'\uff1d1+1\r\n'=1+1\r\n"


@pytest.mark.req("A99")
def test_the_ledger_ends_with_the_balance_of_the_books(pack):
    rows = table(pack, "ledger.csv")
    assert [row["balance"] for row in rows] == ["50.00", "950.00", "800.00", "1200.00", "1200.00"]
    assert table(pack, "allocations.csv") == [
        {"on": "2026-01-21", "source": "payment", "number": "chq 7", "invoice": "1001", "amount": "100.00"}
    ]
    lines = ledger_lines(evidence(books=replace(BOOKS, payments=())))
    assert lines[-2][1:3] == ("other entries", "")
    assert lines[-1][5] == usd("1200.00")
    assert ledger_lines(evidence(books=replace(BOOKS, credit_notes=(credit("10.00"),))))[-1][5] == usd("1190.00")


@pytest.mark.req("A81", "A85")
def test_the_score_says_what_is_missing(pack):
    assert pack.complete.missing == ("the vendor's copy of invoice 1001, 1002 (a sheet of ours stands in)",)
    copies = [
        attachment(AttachmentKind.INVOICE, sha256=name, invoice=key_of(item)) for name, item in (("a", FIRST), ("b", SECOND))
    ]
    full = evidence(
        case=case_of(*(Attached(attachment=item) for item in copies), *noticed()), documents={"a": b"%PDF 1", "b": b"%PDF 2"}
    )
    done = build_pack(full)
    assert (done.complete.score, done.complete.missing) == (100, ())
    assert {item.path for item in done.files if item.path.startswith("invoices/")} == {"invoices/1001.pdf", "invoices/1002.pdf"}
    bare = build_pack(evidence(contacts=(), case=case_of(), address=None, documents={}))
    assert bare.complete.score < 60
    assert {"the signed agreement", "a call to the client", "the final notice"} <= set(bare.complete.missing)


@pytest.mark.req("D5")
def test_the_pages_say_who_owes_what_and_what_was_tried(pack, tmp_path):
    cover = words_of(pack.file("cover-letter.pdf"), tmp_path)
    for text in ("Acme Recovery", "Alder Dental PC", "12 Elm Rd", "1,200.00 USD", "final notice sent on 2026-05-08", "1001"):
        assert text in cover
    history = words_of(pack.file("account-history.pdf"), tmp_path)
    assert "balance of the books" in history
    assert "Final notice" in history
    sheet = words_of(pack.file("invoices/sheet-1001.pdf"), tmp_path)
    assert "This is not the invoice" in sheet


def test_a_name_from_outside_cannot_leave_its_folder_or_replace_a_neighbour():
    names = ("../../etc/passwd", "a/b.pdf", "B.pdf", "b.pdf", "…", "con trôle.pdf")
    facts = [
        Attached(attachment=attachment(AttachmentKind.OTHER, sha256=str(number), filename=name))
        for number, name in enumerate(names)
    ]
    built = build_pack(evidence(case=case_of(*facts), documents={str(number): b"x%d" % number for number in range(len(names))}))
    others = [item.path for item in built.files if item.path.startswith("other/")]
    assert len({path.casefold() for path in others}) == len(names)
    assert all(".." not in path and path.count("/") == 1 for path in others)


def test_a_very_old_case_can_be_zipped():
    old = build_pack(evidence(today=date(1979, 1, 1)))
    with zipfile.ZipFile(io.BytesIO(old.zip_bytes)) as archive:
        assert archive.testzip() is None
    assert TODAY.year > old.made_on[0]
