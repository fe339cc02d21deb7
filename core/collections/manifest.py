"""The manifest of a pack: every file with its SHA-256, the journal's end, and a SHA256SUMS that `sha256sum -c` checks.

Whoever has the pack can check it without duesync: SHA256SUMS covers every file (the manifest too), and each line of journal.jsonl
says what was hashed. `check` does the same here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.collections.evidence import Evidence, JournalLine

SUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"


@dataclass(frozen=True, kw_only=True)
class PackFile:
    """One file of a pack. `kind` says what it is, `source` where it is from, `invoice` the record it is about, if one."""

    path: str
    content: bytes
    kind: str
    source: str = "duesync"
    invoice: str = ""

    @cached_property
    def sha256(self) -> str:
        """The hash of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def journal_file(evidence: Evidence) -> PackFile:
    """The journal's entries about this case and its messages, one JSON object a line, each with what was hashed."""
    lines = [json.dumps(_line(item), ensure_ascii=False, sort_keys=True) for item in evidence.journal]
    return PackFile(path=JOURNAL, content="".join(f"{line}\n" for line in lines).encode(), kind="journal")


def _line(item: JournalLine) -> dict[str, object]:
    return {
        "seq": item.seq,
        "previous": item.previous,
        "chained": item.chained,
        "hash": item.hash,
        "salt": item.salt,
        "detail": item.detail,
    }


def manifest_files(evidence: Evidence, files: Sequence[PackFile], score: int) -> list[PackFile]:
    """The manifest, and the sums over everything before it and itself."""
    document = {
        "format": "duesync-pack",
        "version": 1,
        "case": evidence.case.id,
        "reference": evidence.reference,
        "made_at": evidence.made_at.isoformat(),
        "completeness_percent": score,
        "journal": {"entries": evidence.journal_end.entries, "hash": evidence.journal_end.hash, "in_pack": len(evidence.journal)},
        "files": [
            {"path": item.path, "sha256": item.sha256, "bytes": len(item.content), "kind": item.kind, "source": item.source}
            for item in sorted(files, key=lambda item: item.path)
        ],
    }
    text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    manifest = PackFile(path=MANIFEST, content=text.encode(), kind="manifest")
    return [manifest, PackFile(path=SUMS, content=sums((*files, manifest)), kind="sums")]


def sums(files: Iterable[PackFile]) -> bytes:
    """Lines as `sha256sum` writes them, in order of path."""
    return "".join(f"{item.sha256}  {item.path}\n" for item in sorted(files, key=lambda item: item.path)).encode()


def check(files: Mapping[str, bytes]) -> list[str]:
    """What is wrong with a pack, by path; empty when every sum and every link of its journal holds."""
    if SUMS not in files:
        return [f"{SUMS} is missing"]
    problems = []
    named: set[str] = set()
    for line in files[SUMS].decode("utf-8", "replace").splitlines():
        wanted, _, path = line.partition("  ")
        named.add(path)
        if path not in files:
            problems.append(f"{path} is missing")
        elif hashlib.sha256(files[path]).hexdigest() != wanted:
            problems.append(f"{path} was changed")
    problems += [f"{path} is not in {SUMS}" for path in sorted(set(files) - named - {SUMS})]
    return problems + _broken_links(files.get(JOURNAL, b""))


def _broken_links(content: bytes) -> list[str]:
    problems = []
    for number, text in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        try:
            line = json.loads(text)
            good = _sha(line["previous"], line["chained"]) == line["hash"]
            detail_hash = json.loads(line["chained"])[5]
            good = good and (line["detail"] is None or _sha(line["salt"], line["detail"]) == detail_hash)
        except (ValueError, KeyError, IndexError, TypeError):
            good = False
        if not good:
            problems.append(f"line {number} of {JOURNAL} does not hold")
    return problems


def _sha(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
