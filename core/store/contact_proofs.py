"""The contact log and the outbox held against the journal: what says something else than when it was entered is named.

The journal's own chain shows whether the journal was edited (verify_journal); this shows whether what people look at was. What
retention empties (words), an erasure (the journal's detail) and a client joined to another (the account) take is no tampering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from core.store.accounts import JOINED
from core.store.codec import streamed
from core.store.contacts import SUBJECT, journaled
from core.store.outbox_rows import content_digest, value_of
from core.store.part import Part, to_json
from core.store.personal import wordless
from core.store.record_tables import table
from core.store.values import ContactCheck

Line = tuple[str, datetime, "Mapping[str, Any] | None"]  # kind, moment and detail of a line in the journal


class ContactProofVerbs(Part):
    """Checking what was said and done."""

    def verify_contacts(self) -> ContactCheck:
        """Compare every entry of the contact log, and every action done, with its line in the journal."""
        with self._db.read() as tx:
            lines, homes = _lines(tx), _homes(tx)
            first = min(lines, default=None)
            entries = earlier = 0
            problems: list[str] = []
            for row in _rows(tx, "contact_log", "seq"):
                entries += 1
                if first is None or row["seq"] < first:
                    earlier += 1
                    continue
                problem = _problem(row, lines.pop(row["seq"], None), homes)
                problems += [f"{_named(row['seq'], row['kind'], row['at'])}{problem}"] if problem else []
            problems += [f"{_named(seq, kind.partition('.')[2], at)} is missing" for seq, (kind, at, _) in sorted(lines.items())]
            problems += _edited_actions(tx)
        return ContactCheck(entries=entries, earlier=earlier, problems=tuple(problems))


def _lines(tx: Connection) -> dict[int, Line]:
    """What the journal says of each entry, by its seq; no detail where its client was erased."""
    found: dict[int, Line] = {}
    for row in _rows(tx, "journal", "seq", f"{SUBJECT}."):
        detail = None if row["detail"] is None else msgspec.json.decode(row["detail"])
        found[int(row["subject"].partition("/")[2])] = (row["kind"], row["at"], detail)
    return found


def _rows(tx: Connection, name: str, order: str, kind: str = "") -> Iterator[Mapping[str, Any]]:
    held = table(name)
    statement = select(held).order_by(held.c[order])
    if kind:
        statement = statement.where(held.c.kind.startswith(kind, autoescape=True))
    names = [column.name for column in held.columns]
    with closing(streamed(tx, statement)) as groups:
        for values in chain.from_iterable(groups):
            yield dict(zip(names, values, strict=True))


def _homes(tx: Connection) -> dict[str, set[str]]:
    """The accounts that took up another's entries, by that other."""
    found: dict[str, set[str]] = {}
    for row in _rows(tx, "journal", "seq", JOINED):
        if row["detail"] is not None:
            found.setdefault(row["subject"].partition("/")[2], set()).add(msgspec.json.decode(row["detail"])["to"])
    return found


def _problem(row: Mapping[str, Any], line: Line | None, homes: Mapping[str, set[str]]) -> str:
    """What is wrong with one entry; empty where nothing is."""
    if line is None:
        return ": put in by hand, the journal has none"
    detail = line[2]
    if detail is None:
        return ""  # its client was erased
    now = journaled(row)
    if now["entry"] != detail["entry"]:
        return " is not as it was entered"
    if now["words"] != detail["words"] and not _forgotten(row):
        return ": its words or addresses are not as they were entered"
    if not _came_to(row["account"], detail["account"], homes):
        return f" was entered about another client, {detail['account']}"
    return ""


def _forgotten(row: Mapping[str, Any]) -> bool:
    """Did retention empty its words?"""
    return bool(row["recipients"] == "[]" and row["subject"] == "")


def _came_to(account: str, entered: str, homes: Mapping[str, set[str]]) -> bool:
    """Can an entry about `entered` stand under `account` by now?"""
    seen = {entered}
    ahead = [entered]
    while ahead:
        fresh = homes.get(ahead.pop(), set()) - seen
        seen |= fresh
        ahead += fresh
    return account in seen


def _named(seq: int, kind: str, at: datetime) -> str:
    return f"contact log entry {seq} ({kind} of {at.astimezone(UTC).date()})"


def _edited_actions(tx: Connection) -> list[str]:
    """The settled actions that are not what was done any more, those whose words time took away left out."""
    done = {}
    for line in _rows(tx, "journal", "seq", "outbox.settled"):
        detail = {} if line["detail"] is None else msgspec.json.decode(line["detail"])
        if "content" in detail:
            done[line["subject"].partition("/")[2]] = detail["content"]
    held = table("outbox")
    found = []
    with closing(streamed(tx, select(held).where(held.c.state == "settled").order_by(held.c.id))) as groups:
        for row in chain.from_iterable(groups):
            expected = done.pop(row.id, None)
            if expected is not None and content_digest(row.action) != expected and not _is_wordless(row):
                found.append(f"what action {row.id} did is not what was entered")
    return found + [f"action {name} was done and is missing from the outbox" for name in sorted(done)]


def _is_wordless(row: Any) -> bool:
    action = value_of(row).action
    return to_json(wordless(action)) == to_json(action)
