"""Scores the reconciler on labelled books: precision, recall, money-weighted recall per kind, and how honest its confidence is.

A finding is right when a planted fault of its kind names one of its subjects; a fault is found when such a finding exists.
Findings of a kind that is also true of a fault (its `also`) count for nothing. Run as a module it rewrites the section
"Findings" of docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.findings import Finding, FindingKind
from core.reconcile import reconcile
from core.records import RecordKey
from tests.corpus.books import clean_books
from tests.corpus.books_assembly import assemble
from tests.corpus.books_drafts import ROLES, Drafts, Label
from tests.corpus.books_faults import plant

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
_BEGIN, _END = "<!-- findings: begin -->", "<!-- findings: end -->"
_BINS = ((0.0, 0.8), (0.8, 0.87), (0.87, 0.92), (0.92, 0.96), (0.96, 1.01))


@dataclass
class Score:
    """Counts over one or many ledgers. `wrong` and `missed` keep examples for a person to look at."""

    right: Counter[FindingKind] = field(default_factory=Counter)
    wrong: list[Finding] = field(default_factory=list)
    found: list[Label] = field(default_factory=list)
    missed: list[Label] = field(default_factory=list)
    trusted: dict[float, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def add(self, findings: Iterable[Finding], labels: Sequence[Label]) -> None:
        by_record: dict[RecordKey, list[Label]] = defaultdict(list)
        for label in labels:
            for key in label.records:
                by_record[key].append(label)
        met: set[int] = set()
        for finding in findings:
            near = [label for key in finding.subjects for label in by_record[key]]
            hits = [label for label in near if label.kind is finding.kind]
            met.update(id(label) for label in hits)
            if hits:
                self.right[finding.kind] += 1
            elif not any(finding.kind in label.also for label in near):
                self.wrong.append(finding)
            else:
                continue
            tally = self.trusted[finding.confidence]
            tally[0] += bool(hits)
            tally[1] += 1
        for label in labels:
            (self.found if id(label) in met else self.missed).append(label)

    def rows(self) -> list[str]:
        wrong = Counter(item.kind for item in self.wrong)
        lines = [
            "| kind | planted | found | precision | recall | recall by money |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for kind in sorted({*self.right, *wrong, *(item.kind for item in (*self.found, *self.missed))}):
            found = [item for item in self.found if item.kind is kind]
            every = found + [item for item in self.missed if item.kind is kind]
            money = sum(item.minor for item in every)
            told = self.right[kind] + wrong[kind]
            parts = (
                _share(self.right[kind], told),
                _share(len(found), len(every)),
                _share(sum(item.minor for item in found), money) if money else "-",
            )
            lines.append(f"| {kind} | {len(every)} | {told} | {' | '.join(parts)} |")
        return lines

    def honesty(self) -> list[str]:
        lines = ["| stated confidence | findings | right |", "| --- | ---: | ---: |"]
        for low, high in _BINS:
            tallies = [tally for confidence, tally in self.trusted.items() if low <= confidence < high]
            count = sum(tally[1] for tally in tallies)
            if count:
                stated = f"{low:.2f} to {min(high, 1.0):.2f}"
                lines.append(f"| {stated} | {count} | {_share(sum(tally[0] for tally in tallies), count)} |")
        return lines


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "-"


def ledgers(seeds: Iterable[int], *, clients: int, months: int, each: int) -> Iterable[Drafts]:
    """Labelled books, one per seed."""
    for seed in seeds:
        yield plant(clean_books(seed, clients=clients, months=months), seed, each=each)


def score(seeds: Iterable[int], *, clients: int = 120, months: int = 14, each: int = 6) -> Score:
    """The score over the ledgers of `seeds`."""
    result = Score()
    for drafts in ledgers(seeds, clients=clients, months=months, each=each):
        result.add(reconcile(assemble(drafts.records(), roles=ROLES), today=drafts.today), drafts.labels)
    return result


def report(result: Score, clean: str) -> str:
    return "\n".join((*result.rows(), "", *result.honesty(), "", clean))


def write_page(text: str) -> None:
    """Replace what stands between the marks in docs/accuracy.md."""
    page = _PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    _PAGE.write_text(f"{head}{_BEGIN}\n\n{text}\n\n{_END}{tail}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=120)
    parser.add_argument("--each", type=int, default=6)
    parser.add_argument("--write", action="store_true", help="rewrite docs/accuracy.md")
    parser.add_argument("--show", type=int, default=0, help="print this many misses and mistakes per kind")
    options = parser.parse_args(arguments)
    result = score(range(1, options.seeds + 1), clients=options.clients, each=options.each)
    bills = 0
    false_alarms = 0
    for seed in range(101, 106):
        drafts = clean_books(seed, clients=options.clients)
        bills += len(drafts.bills)
        false_alarms += len(reconcile(assemble(drafts.records(), roles=ROLES), today=drafts.today))
    text = report(result, f"Clean books with every trap in: {bills} invoices, {false_alarms} findings.")
    print(text)
    _show(result, options.show)
    if options.write:
        write_page(text)
    return 0


def _show(result: Score, most: int) -> None:
    seen: Counter[str] = Counter()
    for finding in result.wrong:
        seen[f"wrong {finding.kind}"] += 1
        if seen[f"wrong {finding.kind}"] <= most:
            print("WRONG", finding.kind, finding.evidence["what"], [str(key) for key in finding.subjects])
    for label in result.missed:
        seen[f"missed {label.kind}"] += 1
        if seen[f"missed {label.kind}"] <= most:
            print("MISSED", label.kind, label.variant, sorted(str(key) for key in label.records))


if __name__ == "__main__":
    sys.exit(main())
