"""Findings over time: opened when first seen, resolved when the books no longer show them, and a person's word remembered.

Dismissed stays dismissed while the fault is materially the same (same fingerprint, same amount); a changed amount opens it
again. An accepted one stays accepted until it is gone. `last_seen_at` moves once a day at most: seeing the same again writes
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, false, insert, or_, select, update

from core.errors import UsageError
from core.findings import Finding, FindingKind, FindingState, Severity
from core.money import Money
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.journal import Note, append
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table
from core.store.values import FindingsOutcome, StoredFinding

_SHORTEST_ID = 10  # hex digits: among 100,000 findings, one chance in 200 that two meet; then the second gets longer
_MATERIAL = (
    *("kind", "severity", "confidence", "account", "connection", "subjects"),
    *("at_stake_minor", "at_stake_currency", "evidence", "proposal"),
)
Row = dict[str, Any]


@dataclass(slots=True)
class _Sorted:
    fresh: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: int = 0


class FindingVerbs(Part):
    """Keeping what reconciling found, and what people decided about it."""

    def findings(
        self,
        states: Collection[FindingState] | None = None,
        account: str | None = None,
        kinds: Collection[FindingKind] | None = None,
        accounts: Collection[str] | None = None,
        about: Collection[RecordKey] | None = None,
        quoting: Collection[str] | None = None,
    ) -> tuple[StoredFinding, ...]:
        """Findings in these states (None: all), of one account or several, of these kinds; oldest first.

        With `about` only those of which one of these records is a subject, whichever account they were made for; with `quoting`
        those in whose evidence one of these texts stands as a value.
        """
        held = table("findings")
        statement = select(held).order_by(held.c.first_seen_at, held.c.id)
        if states is not None:
            statement = statement.where(held.c.state.in_([state.value for state in states]))
        if kinds is not None:
            statement = statement.where(held.c.kind.in_([kind.value for kind in kinds]))
        wanted = [account] if account is not None else None if accounts is None else list(accounts)
        if about is not None:
            statement = statement.where(
                or_(*(held.c.subjects.contains(to_json(_subject(key)), autoescape=True) for key in about))
            )
        if quoting is not None:
            statement = statement.where(
                or_(false(), *(held.c.evidence.contains(to_json(text), autoescape=True) for text in quoting))
            )
        with self._db.read() as tx:
            if wanted is None:
                return tuple(_stored(row) for row in tx.execute(statement))
            rows = [row for some in chunks(wanted) for row in tx.execute(statement.where(among(held.c.account, some)))]
        return tuple(_stored(row) for row in rows)

    def save_findings(
        self, findings: Iterable[Finding], *, scope: Collection[str | None] | None, now: datetime, run_id: str
    ) -> FindingsOutcome:
        """Bring the store up to what a review saw. `scope` names the accounts it looked at, None among them for what belongs to
        no account; all of it None: everything.

        What was open in scope and is not among `findings` is resolved.
        """
        seen = {finding.fingerprint: finding for finding in findings}
        with self._db.write() as tx:
            known = self._known_findings(tx, seen, scope)
            sorted_rows = _sort(seen, known, now)
            gone = [row["id"] for name, row in known.items() if name not in seen and _ends(row, scope)]
            self._write_findings(tx, sorted_rows, gone, now)
            notes = [
                *(Note("finding.opened", f"finding/{name}", {"run": run_id}) for name in sorted_rows.opened),
                *(Note("finding.reopened", f"finding/{name}", {"run": run_id}) for name in sorted_rows.reopened),
                *(Note("finding.resolved", f"finding/{name}", {"run": run_id}) for name in gone),
            ]
            append(self._db, tx, notes, now=now, actor="duesync")
        return FindingsOutcome(
            opened=tuple(sorted_rows.opened),
            reopened=tuple(sorted_rows.reopened),
            updated=tuple(sorted_rows.updated),
            resolved=tuple(gone),
            unchanged=sorted_rows.unchanged,
        )

    def decide_finding(self, finding_id: str, state: FindingState, *, by: str, reason: str, now: datetime) -> StoredFinding:
        """A person's word: ACCEPTED, DISMISSED, or OPEN to take it back. UsageError if there is no such finding."""
        held = table("findings")
        with self._db.write() as tx:
            row = tx.execute(select(held).where(held.c.id == finding_id)).first()
            if row is None:
                raise UsageError(f"There is no finding {finding_id}.", remedy="See them with: duesync findings list")
            dismissed = state is FindingState.DISMISSED
            fresh = {
                "state": state.value,
                "decided_by": by,
                "decided_at": now,
                "reason": reason,
                "dismissed_minor": row.at_stake_minor if dismissed else None,
                "dismissed_currency": row.at_stake_currency if dismissed else None,
            }
            tx.execute(update(held).where(held.c.id == finding_id).values(fresh))
            note = Note(f"finding.{state.value}", f"finding/{finding_id}", {"reason": reason, "kind": row.kind})
            append(self._db, tx, [note], now=now, actor=by)
            return _stored(tx.execute(select(held).where(held.c.id == finding_id)).one())

    def _known_findings(self, tx: Any, seen: Collection[str], scope: Collection[str | None] | None) -> dict[str, Row]:
        """Rows that may have to change: those seen again, and those in scope that may be gone."""
        held = table("findings")
        alive = held.c.state.in_([FindingState.OPEN.value, FindingState.ACCEPTED.value])
        statements = [select(held).where(among(held.c.fingerprint, some)) for some in chunks(sorted(seen))]
        if scope is None:
            statements.append(select(held).where(alive))
        else:
            names = sorted(name for name in scope if name is not None)
            statements.extend(select(held).where(alive, among(held.c.account, some)) for some in chunks(names))
            if None in scope:
                statements.append(select(held).where(alive, held.c.account.is_(None)))
        rows = (row for statement in statements for row in tx.execute(statement).mappings())
        return {row["fingerprint"]: dict(row) for row in rows}

    def _write_findings(self, tx: Any, rows: _Sorted, gone: Sequence[str], now: datetime) -> None:
        held = table("findings")
        if rows.fresh:
            self._name_findings(tx, rows)
            tx.execute(insert(held), rows.fresh)
        if rows.changed:
            tx.execute(self._db.replace(held, keep=("first_seen_at", "fingerprint")), rows.changed)
        if gone:
            resolved = (
                update(held).where(held.c.id == bindparam("old_id")).values(state=FindingState.RESOLVED.value, resolved_at=now)
            )
            tx.execute(resolved, [{"old_id": name} for name in gone])

    def _name_findings(self, tx: Any, rows: _Sorted) -> None:
        """Give new rows their ids: the beginning of the fingerprint, longer where another already has it."""
        held = table("findings")
        wanted = [row["fingerprint"][:_SHORTEST_ID] for row in rows.fresh]
        taken = {row[0] for some in chunks(wanted) for row in tx.execute(select(held.c.id).where(among(held.c.id, some)))}
        for row in rows.fresh:
            length = _SHORTEST_ID
            while row["fingerprint"][:length] in taken:
                length += 1
            row["id"] = row["fingerprint"][:length]
            taken.add(row["id"])
            rows.opened.append(row["id"])


def _ends(row: Mapping[str, Any], scope: Collection[str | None] | None) -> bool:
    alive = row["state"] in (FindingState.OPEN.value, FindingState.ACCEPTED.value)
    return alive and (scope is None or row["account"] in scope)


def _sort(seen: Mapping[str, Finding], known: Mapping[str, Row], now: datetime) -> _Sorted:
    result = _Sorted()
    for name, finding in seen.items():
        fresh = _row(finding)
        old = known.get(name)
        if old is None:
            blank = dict.fromkeys(("resolved_at", "decided_by", "decided_at", "reason", "dismissed_minor", "dismissed_currency"))
            history = {"state": FindingState.OPEN.value, "first_seen_at": now, "last_seen_at": now}
            result.fresh.append({**fresh, **blank, **history, "fingerprint": name})
            continue
        _see_again(result, old, fresh, now)
    return result


def _see_again(result: _Sorted, old: Row, fresh: Row, now: datetime) -> None:
    state = _state_after(old, fresh)
    content_changed = any(old[column] != fresh[column] for column in _MATERIAL)
    new_day = old["last_seen_at"].date() != now.date()
    if state == old["state"] and not content_changed and not new_day:
        result.unchanged += 1
        return
    result.changed.append({**old, **fresh, "state": state, "last_seen_at": now, "resolved_at": None})
    if state != old["state"]:
        result.reopened.append(old["id"])
    elif content_changed:
        result.updated.append(old["id"])
    else:
        result.unchanged += 1


def _state_after(old: Row, fresh: Row) -> str:
    """What seeing it again makes of its state."""
    if old["state"] == FindingState.DISMISSED.value:
        same = (old["dismissed_minor"], old["dismissed_currency"]) == (fresh["at_stake_minor"], fresh["at_stake_currency"])
        return FindingState.DISMISSED.value if same else FindingState.OPEN.value
    return FindingState.OPEN.value if old["state"] == FindingState.RESOLVED.value else str(old["state"])


def _row(finding: Finding) -> Row:
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "confidence": float(finding.confidence),
        "account": finding.account,
        "connection": finding.connection,
        "subjects": to_json([_subject(key) for key in finding.subjects]),
        "at_stake_minor": finding.at_stake.minor,
        "at_stake_currency": finding.at_stake.currency,
        "evidence": to_json(finding.evidence),
        "proposal": finding.proposal,
    }


def _subject(key: RecordKey) -> list[str]:
    return [key.connection, key.stream.value, key.ref]


def _stored(row: Any) -> StoredFinding:
    subjects = tuple(RecordKey(item[0], Stream(item[1]), Ref(item[2])) for item in msgspec.json.decode(row.subjects))
    finding = Finding(
        kind=FindingKind(row.kind),
        severity=Severity(row.severity),
        confidence=row.confidence,
        account=row.account,
        connection=row.connection,
        subjects=subjects,
        at_stake=Money(row.at_stake_minor, row.at_stake_currency),
        evidence=msgspec.json.decode(row.evidence),
        proposal=row.proposal,
    )
    return StoredFinding(
        id=row.id,
        finding=finding,
        state=FindingState(row.state),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
    )
