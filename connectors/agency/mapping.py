"""What a hand-over looks like on its way: a folder of files named by its key, with message.json first. Pure."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence

from core.actions import HandOver, IdempotencyKey
from core.collections.reports import REPORT_NAME
from core.messages.clean import one_line

TO_AGENCY, FROM_AGENCY = "to-agency", "from-agency"
MESSAGE = "message.json"
MOST_REPORTS = 500  # of one reading; an agency that leaves more at once is read in turns
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_DATE = (1980, 1, 1, 0, 0, 0)


class FileMissing(ValueError):
    """A file of the hand-over is not in the store."""


def folder_of(action: HandOver, key: IdempotencyKey) -> str:
    """The same hand-over has the same folder, on any day and machine."""
    return f"{_plain(action.reference)}-{action.what}-{key[:12]}"


def files_of(action: HandOver, key: IdempotencyKey, document: Callable[[str], bytes | None]) -> list[tuple[str, bytes]]:
    """Every file of a hand-over with its bytes, message.json first. FileMissing names one the store does not have."""
    found = [(MESSAGE, message_of(action, key))]
    for item in action.files:
        content = document(item.sha256)
        if content is None:
            raise FileMissing(f"{one_line(item.name, 80)} ({item.sha256[:12]}) is not in the store any more")
        found.append((_plain(item.name), content))
    return found


def message_of(action: HandOver, key: IdempotencyKey) -> bytes:
    """What the hand-over says, for machines: format duesync-handover, version 1."""
    document = {
        "format": "duesync-handover",
        "version": 1,
        "key": key,
        "what": action.what.value,
        "reference": action.reference,
        "case": action.case,
        "subject": action.subject,
        "text": action.text,
        "count": action.count,
        "amount": str(action.amount.decimal),
        "currency": action.amount.currency,
        "files": [{"name": _plain(item.name), "sha256": item.sha256, "bytes": item.size} for item in action.files],
    }
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def archive_of(files: Sequence[tuple[str, bytes]]) -> bytes:
    """The files as one ZIP, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, date_time=_DATE)
            info.create_system = 3
            archive.writestr(info, content)
    return out.getvalue()


def report_names(names: Sequence[str], seen: Callable[[str], bool]) -> list[str]:
    """The names among these that may be reports and were not read yet, in order; a name from outside is never a path."""
    wanted = sorted(name for name in names if REPORT_NAME.fullmatch(name) and not name.endswith(".partial"))
    return [name for name in wanted if not seen(name)][:MOST_REPORTS]


def _plain(text: str) -> str:
    return _PLAIN.sub("-", text).strip("-.")[:80] or "file"
