"""An evidence pack: every file of a case in its place, and all of them as one ZIP. The same evidence gives the same bytes.

Files are stored uncompressed with the day the pack was made as their time, so that no clock or library changes a byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from core.collections.case import Attachment, AttachmentKind
from core.collections.evidence import Completeness, Evidence, SentMessage, completeness
from core.collections.evidence_pages import account_history, cover_letter, invoice_sheet
from core.collections.evidence_tables import (
    allocations_csv,
    arrangements_csv,
    contacts_csv,
    delivery_csv,
    disputes_csv,
    invoices_csv,
    ledger_csv,
)
from core.collections.manifest import PackFile, journal_file, manifest_files
from core.collections.placement import placement_document
from core.collections.redaction import strip_all, strip_secrets
from core.messages.alphabets import Faces, no_faces
from core.messages.clean import one_line
from core.outbox import PastContact
from core.records import Invoice, key_of

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_README = """\
Evidence for case {case}, reference {reference}, made on {day}.

Start with cover-letter.pdf; placement.json has the claim for machines, *.csv the tables.

1. Check that nothing was changed since (any Unix; on macOS: shasum -a 256 -c SHA256SUMS):

    sha256sum -c SHA256SUMS

2. Check the journal, which was written as things happened. Each line of journal.jsonl has its `hash`, which is the SHA-256 of
`previous` (the hash of the entry before it), a line feed and `chained`; element 6 of `chained` is the SHA-256 of `salt`, a line
feed and `detail`. Entries about other clients are left out; where `seq` runs on, `previous` is the hash of the line before.
manifest.json has the number of entries and the last hash of the whole journal when this was made: the creditor can be asked to
show that it still has them. By Python, without anything else:

python3 - <<'END'
import hashlib, json
sha = lambda *parts: hashlib.sha256("\\n".join(parts).encode()).hexdigest()
lines = [json.loads(line) for line in open("journal.jsonl", encoding="utf-8")]
end = json.load(open("manifest.json", encoding="utf-8"))["journal"]
for line in lines:
    chained = json.loads(line["chained"])
    assert line["hash"] == sha(line["previous"], line["chained"]) and line["seq"] == chained[0], line["seq"]
    assert line["detail"] is None or chained[5] == sha(line["salt"], line["detail"]), line["seq"]
for one, other in zip(lines, lines[1:]):
    assert one["seq"] < other["seq"], other["seq"]
    assert one["seq"] + 1 < other["seq"] or other["previous"] == one["hash"], other["seq"]
assert not lines or lines[-1]["seq"] <= end["entries"]
assert not lines or lines[-1]["seq"] < end["entries"] or lines[-1]["hash"] == end["hash"]
print(len(lines), "entries hold")
END

Texts from the books had what looked like passwords, keys and card numbers removed. Attached documents are as they were given.
This is no legal advice.
"""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A finished pack. `files` by path, in order of path."""

    reference: str
    files: tuple[PackFile, ...]
    complete: Completeness
    made_on: tuple[int, int, int]

    @cached_property
    def zip_bytes(self) -> bytes:
        """All files as one ZIP, in a folder named by the reference."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for item in self.files:
                info = zipfile.ZipInfo(f"{self.reference}/{item.path}", date_time=(*self.made_on, 0, 0, 0))
                info.create_system = 3  # Unix, whatever this machine is
                info.external_attr = 0o644 << 16
                archive.writestr(info, item.content)
        return out.getvalue()

    @cached_property
    def sha256(self) -> str:
        """The hash of the ZIP."""
        return hashlib.sha256(self.zip_bytes).hexdigest()

    def file(self, path: str) -> bytes:
        """The bytes of one file; KeyError if there is none of that path."""
        return {item.path: item.content for item in self.files}[path]


def build_pack(evidence: Evidence, faces: Faces = no_faces) -> Pack:
    """The pack of a case."""
    complete = completeness(evidence)
    body = [*_tables(evidence), *_documents(evidence, faces), *_messages(evidence), journal_file(evidence)]
    body.append(PackFile(path="account-history.pdf", content=account_history(evidence, faces), kind="history"))
    names = sorted(item.path for item in body)
    body.append(PackFile(path="cover-letter.pdf", content=cover_letter(evidence, complete, names, faces), kind="cover"))
    body.append(PackFile(path="placement.json", content=placement_document(evidence, complete, body), kind="placement"))
    readme = _README.format(case=evidence.case.id, reference=evidence.reference, day=evidence.today)
    body.append(PackFile(path="README.txt", content=readme.encode(), kind="readme"))
    everything = (*body, *manifest_files(evidence, body, complete.score))
    day = evidence.today
    return Pack(
        reference=evidence.reference,
        files=tuple(sorted(everything, key=lambda item: item.path)),
        complete=complete,
        made_on=(max(day.year, 1980), day.month, day.day),  # ZIP knows no earlier year
    )


def _tables(evidence: Evidence) -> Iterator[PackFile]:
    tables = {
        "invoices.csv": invoices_csv,
        "ledger.csv": ledger_csv,
        "allocations.csv": allocations_csv,
        "contacts.csv": contacts_csv,
        "disputes.csv": disputes_csv,
        "arrangements.csv": arrangements_csv,
        "delivery.csv": delivery_csv,
    }
    for path, write in tables.items():
        yield PackFile(path=path, content=write(evidence), kind="table")
    contacts = [_contact(item) for item in evidence.contacts]
    text = json.dumps(strip_all(contacts), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    yield PackFile(path="contacts.json", content=text.encode(), kind="table")


def _contact(item: PastContact) -> dict[str, object]:
    return {
        "at": item.at.isoformat(),
        "kind": item.kind.value,
        "channel": item.channel,
        "stage": item.stage,
        "invoices": [f"{key.connection}/{key.ref}" for key in item.invoices],
        "to": list(item.to),
        "subject": one_line(item.subject, 300),
        "outcome": one_line(item.outcome, 1000),
        "content_hash": item.content_hash,
        "outbox_id": item.outbox_id,
        "waived": item.waived,
    }


def _messages(evidence: Evidence) -> Iterator[PackFile]:
    for item in evidence.messages:
        path = f"messages/{item.at:%Y-%m-%d}-{_file_name(item.outbox_id)}.txt"
        yield PackFile(path=path, content=_message_text(item).encode(), kind="communication", source=f"outbox {item.outbox_id}")


def _message_text(item: SentMessage) -> str:
    head = f"Sent: {item.at.isoformat(timespec='seconds')}\nTo: {', '.join(item.to)}\nSubject: {one_line(item.subject, 300)}\n\n"
    return strip_secrets(head + item.text.rstrip()) + "\n"


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _documents(evidence: Evidence, faces: Faces) -> Iterator[PackFile]:
    taken: set[str] = set()
    for item in sorted(evidence.case.attachments, key=lambda one: (one.kind, one.filename, one.sha256)):
        content = evidence.documents.get(item.sha256)
        if content is not None:
            yield _attached(evidence, item, content, taken)
    for invoice in evidence.invoices:
        if evidence.copy_of(invoice) is None:
            name = _file_name(invoice.number or invoice.ref)
            content = invoice_sheet(evidence, invoice, faces)
            record = f"{invoice.connection}/{invoice.ref}"
            path = _free(f"invoices/sheet-{name}.pdf", taken)
            yield PackFile(path=path, content=content, kind="invoice_sheet", source="made from the books", invoice=record)


_FOLDERS: Mapping[AttachmentKind, str] = {
    AttachmentKind.AGREEMENT: "agreement",
    AttachmentKind.INVOICE: "invoices",
    AttachmentKind.DELIVERY: "delivery",
    AttachmentKind.COMMUNICATION: "communication",
    AttachmentKind.DISPUTE: "disputes",
    AttachmentKind.LEGAL: "legal",
    AttachmentKind.OTHER: "other",
}


def _attached(evidence: Evidence, item: Attachment, content: bytes, taken: set[str]) -> PackFile:
    about = next((invoice for invoice in evidence.invoices if key_of(invoice) == item.invoice), None)
    name = _file_name(item.filename)
    if item.kind is AttachmentKind.INVOICE and about is not None:
        name = f"{_file_name(about.number or about.ref)}{PurePosixPath(name).suffix or '.pdf'}"
    return PackFile(
        path=_free(f"{_FOLDERS[item.kind]}/{name}", taken),
        content=content,
        kind=item.kind.value,
        source=one_line(item.note or f"attached by {item.by}", 200),
        invoice=_record_of(about),
    )


def _record_of(invoice: Invoice | None) -> str:
    return f"{invoice.connection}/{invoice.ref}" if invoice is not None else ""


def _file_name(text: str) -> str:
    """Plain ASCII without a path: a name from outside must not leave its folder."""
    plain = _PLAIN.sub("-", text).strip("-.")[-80:].lstrip("-.")
    return plain or "document"


def _free(path: str, taken: set[str]) -> str:
    """The path, numbered where another file has it (letter case aside: not every disk tells it apart)."""
    stem, dot, suffix = path.rpartition(".")
    candidate, number = path, 2
    while candidate.casefold() in taken:
        candidate = f"{stem}-{number}{dot}{suffix}" if dot else f"{path}-{number}"
        number += 1
    taken.add(candidate.casefold())
    return candidate
