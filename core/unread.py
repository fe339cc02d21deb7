"""What a row that could not be read still says of itself, kept in the words of its problem and read back from them.

The names stand at the end of `Malformed.problem`, in brackets, where a person sees them beside what is wrong; the reconciler
reads them so that an invoice which is there and unreadable is not told as missing.
"""

from __future__ import annotations

import re

from core.books import Books
from core.findings import Finding, FindingKind
from core.records import RecordKey, Ref, Stream

_WORDS = "number|reference|agreement|client"
_CALLED = re.compile(rf" \((?P<names>(?:{_WORDS}) .+)\)$")
_NEXT = re.compile(rf", (?=(?:{_WORDS}) )")


def calling_itself(
    problem: str, *, number: object = None, reference: object = None, agreement: object = None, client: object = None
) -> str:
    """The problem with what the row calls itself: "is not a day (number INV-12, agreement AG-3)".

    Only plain texts count, and none that would read as a further name: a row must not pass for another client's.
    """
    given = {"number": number, "reference": reference, "agreement": agreement, "client": client}
    told = [f"{word} {text}" for word, text in given.items() if _plain(text)]
    return f"{problem} ({', '.join(told)})" if told else problem


def _plain(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.isprintable() and _NEXT.search(text) is None


def client_of(finding: Finding) -> RecordKey | None:
    """The client's record that an unreadable row names: what that client owes nobody can tell. None of other findings."""
    client = finding.evidence.get("client") if finding.kind is FindingKind.MALFORMED_RECORD else None
    return RecordKey(finding.connection, Stream.PARTIES, Ref(client)) if isinstance(client, str) else None


def owner_of(finding: Finding, books: Books) -> str:
    """The account a finding is about: its own, or that of the client an unreadable row names. "" where nobody knows."""
    client = client_of(finding)
    return finding.account or ("" if client is None else books.account_of_party.get(client, ""))


def called_in(problem: str) -> dict[str, str]:
    """The "number", "reference", "agreement" and "client" (its ref) that `calling_itself` put into the problem."""
    match = _CALLED.search(problem)
    pairs = (part.partition(" ") for part in _NEXT.split(match["names"])) if match else ()
    return {word: text for word, _, text in pairs}
