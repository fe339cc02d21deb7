"""The invoices of one client in two systems, joined: one to one, one to several (split) or several to one (merged).

Tried in order, each invoice claimed once: the number in the number or the reference field on either side; the number without
a system's prefix ("CW-1042" and "1042") near one date; parts and sums under one number; at last the same total and
currency near one date where nothing else could be meant (deleted and made again, product.md E35). A number that stands in one
invoice's number and another's reference is ambiguous and told (E36). Cost is n log n: every step is a look-up.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from core.linking.numbers import bare_key, copy_of, named_numbers, number_key, tail_key
from core.money import Money
from core.records import DocumentStatus, Invoice, RecordKey, key_of

_DAYS_PREFIXED = 45  # one bare number may be used again in another year or by another system
_DAYS_REMADE = 10  # an invoice made again is dated near the first
_PART = re.compile(r"^(?P<base>.*\d)-(?P<part>\d{1,2}|[A-Z])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLink:
    """Invoices that are one bill in two systems. `how` is "number", "reference", "prefix", "split", "merged" or "amount"."""

    left: tuple[Invoice, ...]
    right: tuple[Invoice, ...]
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLinks:
    """What was joined, what each side has alone, and numbers that point to two invoices."""

    links: tuple[InvoiceLink, ...]
    left_only: tuple[Invoice, ...]
    right_only: tuple[Invoice, ...]
    ambiguous: tuple[tuple[Invoice, tuple[Invoice, ...]], ...] = ()


def link_invoices(left: Iterable[Invoice], right: Iterable[Invoice]) -> InvoiceLinks:
    """Join two systems' invoices of one client. Void invoices are joined last, so that a live twin goes first."""
    return _Linker(_ordered(left), _ordered(right)).run()


def _ordered(invoices: Iterable[Invoice]) -> list[Invoice]:
    return sorted(invoices, key=lambda item: (item.status is DocumentStatus.VOID, item.issued_on, item.connection, item.ref))


@dataclass
class _Linker:
    left: Sequence[Invoice]
    right: Sequence[Invoice]
    links: list[InvoiceLink] = field(default_factory=list)
    used: set[RecordKey] = field(default_factory=set)
    ambiguous: list[tuple[Invoice, tuple[Invoice, ...]]] = field(default_factory=list)

    def run(self) -> InvoiceLinks:
        self._two_fields()
        self._by("number", _number, _number)
        self._by("reference", _number, _reference)
        self._by("reference", _reference, _number)
        self._parts(self.left, self.right, flipped=False)
        self._parts(self.right, self.left, flipped=True)
        self._by("prefix", _bare, _bare, near=True)
        self._remade()
        return InvoiceLinks(
            links=tuple(self.links),
            left_only=tuple(self._free(self.left)),
            right_only=tuple(self._free(self.right)),
            ambiguous=tuple(self.ambiguous),
        )

    def _free(self, side: Sequence[Invoice]) -> list[Invoice]:
        return [item for item in side if key_of(item) not in self.used]

    def _join(self, left: Sequence[Invoice], right: Sequence[Invoice], how: str) -> None:
        self.used.update(key_of(item) for item in (*left, *right))
        self.links.append(InvoiceLink(left=tuple(left), right=tuple(right), how=how))

    def _two_fields(self) -> None:
        """A number that is one live invoice's number and another's reference: never guess which (E36)."""
        live = [item for item in self.right if item.status is not DocumentStatus.VOID]
        numbers, bare, references = _index(live, _number), _index(live, _bare), _index(live, _reference)
        for invoice in self.left:
            key = number_key(invoice.number)
            near = (item for item in bare.get(key, ()) if abs((item.issued_on - invoice.issued_on).days) <= _DAYS_PREFIXED)
            by_number = numbers.get(key) or [*near]
            by_reference = [item for item in references.get(key, ()) if item not in by_number]
            if not (key and by_number and by_reference):
                continue
            claiming = [item for item in by_reference if number_key(item.reference) == key and not self._elsewhere(item, invoice)]
            if not claiming and _settled(invoice, by_number, by_reference):
                continue
            self.ambiguous.append((invoice, (*by_number, *by_reference)))
            left = (item for item in (*by_number, *by_reference) if not self._elsewhere(item, invoice))
            self.used.update(key_of(item) for item in (invoice, *left))

    def _elsewhere(self, candidate: Invoice, besides: Invoice) -> bool:
        """Does the candidate name another bill of the other side, of its own total, by number or reference?"""
        keys = _number(candidate) | _bare(candidate) | _reference(candidate)
        named = (item for key in keys for item in self._left_by_number.get(key, ()))
        return any(item is not besides and item.total == candidate.total for item in named)

    @cached_property
    def _left_by_number(self) -> Mapping[str, list[Invoice]]:
        return _index(self.left, _number)

    def _by(
        self, how: str, one: Callable[[Invoice], set[str]], two: Callable[[Invoice], set[str]], *, near: bool = False
    ) -> None:
        """Join free invoices whose keys meet; among several the one with the same total, then the nearest date."""
        index = _index(self._free(self.right), two)
        for invoice in self._free(self.left):
            candidates = [item for key in sorted(one(invoice)) for item in index.get(key, ()) if key_of(item) not in self.used]
            if near:
                candidates = [item for item in candidates if abs((item.issued_on - invoice.issued_on).days) <= _DAYS_PREFIXED]
            if candidates:
                best = min(candidates, key=lambda item: _apart(invoice, item))
                self._join((invoice,), (best,), how)

    def _parts(self, whole_side: Sequence[Invoice], part_side: Sequence[Invoice], *, flipped: bool) -> None:
        """One invoice against several that add up to it: "1042" and "1042-1", "1042-2", or one that lists several numbers."""
        parts: dict[str, list[Invoice]] = defaultdict(list)
        for item in self._free(part_side):
            for base in {_part_of(item), *_references(item)} - {""}:
                parts[base].append(item)
        by_number = _index(self._free(part_side), _number)
        for whole in self._free(whole_side):
            for found, how in (
                (parts.get(number_key(whole.number), []), "split"),
                ([item for key in sorted(_references(whole)) for item in by_number.get(key, ())], "merged"),
            ):
                free = [item for item in dict.fromkeys(found) if key_of(item) not in self.used]
                if len(free) > 1 and _sum(free, whole.total.currency) == whole.total:
                    pair = (free, [whole]) if flipped else ([whole], free)
                    self._join(*pair, how)
                    break

    def _remade(self) -> None:
        """The same total near one date, where each side has exactly one such invoice left."""
        left, right = _by_total(self._free(self.left)), _by_total(self._free(self.right))
        for total, ones in left.items():
            twos = right.get(total, [])
            if len(ones) == 1 and len(twos) == 1 and abs((ones[0].issued_on - twos[0].issued_on).days) <= _DAYS_REMADE:
                self._join(ones, twos, "amount")


def _settled(invoice: Invoice, by_number: Sequence[Invoice], by_reference: Sequence[Invoice]) -> bool:
    """Do the totals decide? Exactly one candidate bills the same amount."""
    return sum(item.total == invoice.total for item in (*by_number, *by_reference)) == 1 and any(
        item.total == invoice.total for item in by_number
    )


def _apart(one: Invoice, two: Invoice) -> tuple[bool, bool, bool, int, str, str]:
    """How unlikely a pair is; of twins the one without a copy mark, then the one numbered first."""
    key = number_key(two.number)
    days = abs((one.issued_on - two.issued_on).days)
    return (two.status is DocumentStatus.VOID, one.total != two.total, copy_of(key) is not None, days, key, two.ref)


def _number(invoice: Invoice) -> set[str]:
    """The number, and the number without a word such as "INV" before it."""
    key = number_key(invoice.number)
    return {key, tail_key(key)} - {""}


def _references(invoice: Invoice) -> set[str]:
    """Numbers that the reference names, alone or in a list ("CW 1042, 1043")."""
    keys = {named.key for named in named_numbers(invoice.reference) if named.telling}
    return keys | ({number_key(invoice.reference)} - {""})


def _reference(invoice: Invoice) -> set[str]:
    """The one number that the reference names; a list of numbers is a merged bill, see `_parts`."""
    listed = {named.key for named in named_numbers(invoice.reference) if named.telling and "-" not in named.key}
    return _references(invoice) if len(listed) <= 1 else set()


def _bare(invoice: Invoice) -> set[str]:
    """The number without the letters a system puts before it: "CW-1042" is "1042"."""
    return {bare_key(number_key(invoice.number))} - {""}


def _part_of(invoice: Invoice) -> str:
    match = _PART.match(number_key(invoice.number))
    return match["base"] if match else ""


def _index(invoices: Iterable[Invoice], keys: Callable[[Invoice], set[str]]) -> Mapping[str, list[Invoice]]:
    found: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        for key in keys(invoice):
            found[key].append(invoice)
    return found


def _by_total(invoices: Iterable[Invoice]) -> Mapping[Money, list[Invoice]]:
    found: dict[Money, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        if invoice.status is not DocumentStatus.VOID and invoice.total.minor > 0:
            found[invoice.total].append(invoice)
    return found


def _sum(invoices: Iterable[Invoice], currency: str) -> Money:
    return Money(sum(item.total.minor for item in invoices if item.total.currency == currency), currency)
