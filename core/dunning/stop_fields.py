"""Which of a vendor's custom fields hold a client's reminders: `stop_fields` of a policy against what the vendor's fields say.

An entry is a caption ("Do not chase": the field says anything but no) or a caption with a value ("Collections hold = yes": it
says that). Both are compared whole, whatever their case and blanks: no caption and no value is found inside a longer one.
"""

from __future__ import annotations

from collections.abc import Iterable

BETWEEN = " = "  # caption and value, as core.records.Party.fields has them
# What says no in a field that is filled (as any zero does): a checkbox's word, and people's in the languages of our letters.
NO = frozenset({"false", "no", "n", "none", "off", "n/a", "-", "nein", "non", "nee"})


def checked_entries(entries: tuple[str, ...]) -> tuple[str, ...]:
    """The entries as they are; ValueError names one that says no caption or, after its "=", no value."""
    for entry in entries:
        caption, sign, value = plain(entry).partition("=")
        if not caption or (sign and not value):
            raise ValueError(f'"{entry}": write "CAPTION", or "CAPTION = VALUE"')
    return entries


def holding(fields: Iterable[str], entries: Iterable[str]) -> str | None:
    """The first field that one of the entries names and that says what it has to, as the vendor writes it; None without one."""
    wanted = {plain(entry) for entry in entries}
    return next((field for field in fields if wanted and _holds(field, wanted)), None)


def captions(entry: str) -> frozenset[str]:
    """The captions an entry may mean, in lower case: the whole, or what stands before one of its "="."""
    parts = plain(entry).split("=")
    return frozenset("=".join(parts[:count]) for count in range(1, len(parts) + 1))


def plain(text: str) -> str:
    """A caption, a value or both in lower case, with single blanks between words and none around "="."""
    return "=".join(" ".join(part.split()) for part in text.casefold().split("="))


def _holds(field: str, wanted: set[str]) -> bool:
    caption, _, value = field.partition(BETWEEN)
    return plain(field) in wanted or (plain(caption) in wanted and not _says_no(plain(value)))


def _says_no(value: str) -> bool:
    return value in NO or not value.strip("0.")
