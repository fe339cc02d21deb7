"""Where a client can pay each invoice of a letter online."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from core.dunning.decision import Entry
from core.dunning.standing import label
from core.messages.letter import Letter, LetterLine
from core.records import Invoice

PayLink = Callable[[Invoice], "str | None"]


def with_links(entry: Entry, letter: Letter, pay_link: PayLink) -> Letter:
    """The letter with a way to pay beside each invoice whose vendor has one, and whose number no other in it bears.

    `pay_link` is asked where the record of the invoice has no link itself.
    """
    called = Counter(label(invoice) for invoice in entry.invoices)
    links = {label(item): item.pay_link or pay_link(item) for item in entry.invoices if called[label(item)] == 1}

    def linked(lines: tuple[LetterLine, ...]) -> tuple[LetterLine, ...]:
        return tuple(replace(line, link=line.link or links.get(line.label)) for line in lines)

    groups = tuple(replace(group, due=linked(group.due), upcoming=linked(group.upcoming)) for group in letter.groups)
    return replace(letter, groups=groups)
