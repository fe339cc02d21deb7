"""What a row that could not be read still says of itself, kept in the words of its problem and read back from them.

The names stand at the end of `Malformed.problem`, in brackets, where a person sees them beside what is wrong; the reconciler
reads them so that an invoice which is there and unreadable is not told as missing.
"""

from __future__ import annotations

import re

_CALLED = re.compile(
    r" \((?=number |reference |agreement )(?:number (?P<number>.+?)(?:, (?=reference |agreement )|\)$))?"
    r"(?:reference (?P<reference>.+?)(?:, (?=agreement )|\)$))?(?:agreement (?P<agreement>.+)\)$)?$"
)


def calling_itself(problem: str, *, number: object = None, reference: object = None, agreement: object = None) -> str:
    """The problem with what the row calls itself: "is not a day (number INV-12, agreement AG-3)"."""
    given = {"number": number, "reference": reference, "agreement": agreement}
    told = [f"{word} {text}" for word, text in given.items() if isinstance(text, str) and text.strip() and text.isprintable()]
    return f"{problem} ({', '.join(told)})" if told else problem


def called_in(problem: str) -> dict[str, str]:
    """The "number", "reference" and "agreement" that `calling_itself` put into the problem, as far as it knew them."""
    match = _CALLED.search(problem)
    return {word: text for word, text in match.groupdict().items() if text} if match else {}
