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
from typing import Any

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
    return problems + _broken_links(files.get(JOURNAL, b""), files.get(MANIFEST, b"{}"))


def _broken_links(content: bytes, manifest: bytes) -> list[str]:
    """Lines of the journal that do not hold by themselves, or do not follow those before them or the end the manifest names."""
    problems = []
    last: dict[str, Any] | None = None
    for number, text in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        try:
            line = json.loads(text)
            good = _holds(line) and _follows(line, last)
        except (ValueError, KeyError, IndexError, TypeError):
            good, line = False, last
        if not good:
            problems.append(f"line {number} of {JOURNAL} does not hold")
        last = line
    if last is not None and not _reaches(last, manifest):
        problems.append(f"{JOURNAL} does not lead to the end that {MANIFEST} names")
    return problems


def _holds(line: Mapping[str, Any]) -> bool:
    """What was hashed gives its hash, and is about this line."""
    chained = json.loads(line["chained"])
    kept = line["detail"] is None or _sha(line["salt"], line["detail"]) == chained[5]
    return _sha(line["previous"], line["chained"]) == line["hash"] and chained[0] == line["seq"] and kept


def _follows(line: Mapping[str, Any], last: Mapping[str, Any] | None) -> bool:
    """It is later than the line before it; where it is the very next entry of the journal, it continues its hash."""
    if last is None:
        return True
    next_one = line["seq"] == last["seq"] + 1
    return bool(line["seq"] > last["seq"] and (line["previous"] == last["hash"] or not next_one))


def _reaches(last: Mapping[str, Any], manifest: bytes) -> bool:
    """The end of the journal is not before its last line here, and is that line where it has the same number."""
    try:
        end = json.loads(manifest)["journal"]
        return bool(last["seq"] < end["entries"] or (last["seq"] == end["entries"] and last["hash"] == end["hash"]))
    except (ValueError, KeyError, TypeError):
        return False


def _sha(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
