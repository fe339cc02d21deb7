"""Invoice numbers as keys, and the numbers a text names: by whole tokens, never by substring (product notes E51, C7).

A number is its groups of letters and digits, digits without leading zeros: "INV-0012", "inv 12" and "INV12 " are one key,
"512" and "12" are two. A text names a number when the number's groups stand there whole: a group of digits never begins or
ends inside another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.records import Invoice

_GROUP = re.compile(r"[^\W\d_]+|\d+")
_RUN = re.compile(r"[^\W_]+")
_JOIN = re.compile(r"[\s\-_/.#:]{0,3}")
# Words that say "what follows is an invoice number"; they are not part of it when the number has them and the text has not.
_MARKERS = frozenset(
    [
        "INV",
        "INVOICE",
        "INVOICES",
        "INVS",
        "NO",
        "NR",
        "NUM",
        "NUMBER",
        "BILL",
        "FACTURE",
        "FAC",
        "FACT",
        "RECHNUNG",
        "RE",
        "RG",
        "FATTURA",
        "FACTURA",
    ]
)
_COPY_WORDS = frozenset(["COPY", "DUP", "DUPLICATE", "R", "A", "B", "REV"])
# Words that say "what follows is another number": it names no invoice unless the amounts agree.
_OTHERS = frozenset(
    [
        "CHECK",
        "CHK",
        "CK",
        "CHEQUE",
        "CHQ",
        "CHECKS",
        "ACCT",
        "ACCOUNT",
        "ACC",
        "TRACE",
        "CONF",
        "CONFIRMATION",
        "BATCH",
        "PO",
        "TICKET",
        "PHONE",
        "TEL",
        "AUTH",
        "CARD",
        "ENDING",
    ]
)
_DATE = re.compile(r"(?:19|20)\d\d-(?:[1-9]|1[0-2])(?:-(?:[12]?\d|3[01]))?")
_LONGEST = 5  # runs one number may be written in: "INV 2026 05 0042 A"
_SHORTEST_BARE = 4  # digits a number needs to count without a marker (OCA reconcile's rule, product notes C3)


def groups(text: str) -> tuple[str, ...]:
    """Letters upper-case, digits without leading zeros: "INV-0012a" is ("INV", "12", "A")."""
    return tuple(_plain(group) for group in _GROUP.findall(text.upper()))


def _plain(group: str) -> str:
    return group.lstrip("0") or "0" if group[0].isdigit() else group


@lru_cache(maxsize=1 << 17)
def number_key(text: str | None) -> str:
    """One key for every way to write the number; empty for an empty cell or one without digits."""
    found = groups(text or "")
    return "-".join(found) if any(group[0].isdigit() for group in found) else ""


def tail_key(key: str) -> str:
    """The key without a leading marker ("INV-12" gives "12"), or the key itself."""
    head, _, tail = key.partition("-")
    return tail if head in _MARKERS and tail else key


def bare_key(key: str) -> str:
    """The key without the letters a system puts before it: "CW-1042" gives "1042", "2026-17" stays."""
    head, _, tail = key.partition("-")
    return tail if tail and not head[:1].isdigit() else key


def invoice_marks(invoice: Invoice) -> set[str]:
    """What may name an invoice in another system: number, reference, number without letters before it."""
    number = number_key(invoice.number)
    return {number, bare_key(number), number_key(invoice.reference)} - {""}


def copy_of(key: str) -> str | None:
    """The number this one looks copied from: "INV-12-A" and "INV-12-COPY" give "INV-12"; None where there is no copy mark."""
    head, _, last = key.rpartition("-")
    return head if head and head[-1].isdigit() and last in _COPY_WORDS else None


@dataclass(frozen=True, slots=True)
class Named:
    """A number that stands in a text. `digits` as written.

    `marked`: letters or a word such as "invoice" stand before it; `other`: a word such as "check" does.
    """

    key: str
    marked: bool
    digits: int
    other: bool = False

    @property
    def telling(self) -> bool:
        """May it be read as an invoice number by itself? Short bare numbers, days, months, years and checks may not."""
        return self.marked or (self.digits >= _SHORTEST_BARE and not self.other and not self._date)

    @property
    def _date(self) -> bool:
        year = self.digits == 4 and "1990" <= self.key <= "2099"
        return year or _DATE.fullmatch(self.key) is not None


def named_numbers(text: str | None) -> Iterator[Named]:
    """Every number the text could name, longest readings included; the caller looks them up."""
    runs = [(match.start(), match.end(), match[0].upper()) for match in _RUN.finditer(text or "")]
    for first, (end, _, _) in enumerate(runs):
        held: list[str] = []
        digits = 0
        before = "#" if _hashed(text or "", runs[first][0]) else runs[first - 1][2] if first else ""
        for offset in range(first, min(first + _LONGEST, len(runs))):
            begin, stop, piece = runs[offset]
            if offset > first and not _JOIN.fullmatch(text or "", end, begin):
                break
            pieces = _GROUP.findall(piece)
            held += [_plain(group) for group in pieces]
            digits += sum(len(group) for group in pieces if group[0].isdigit())
            end = stop  # noqa: PLW2901  the join is tested from here
            if digits:
                yield from _readings(held, digits, before)


def _hashed(text: str, start: int) -> bool:
    return start > 0 and text[start - 1] == "#"


def _readings(held: list[str], digits: int, before: str) -> Iterator[Named]:
    """The number as it stands, and without the marker it begins with; `before` is the word in front of it, or "#"."""
    lettered = not held[0][0].isdigit()
    yield Named("-".join(held), lettered or before == "#" or before in _MARKERS, digits, before in _OTHERS)
    if lettered and held[0] in _MARKERS and len(held) > 1:
        yield Named("-".join(held[1:]), True, digits)
