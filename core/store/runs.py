"""Runs of jobs, switches a person throws, and small durable settings."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from core.store.journal import Note, append
from core.store.part import Part, to_json
from core.store.record_tables import table
from core.store.values import Pause, Run


class RunVerbs(Part):
    """What ran, what is paused, what was set."""

    def start_run(self, job: str, now: datetime) -> str:
        """Note that a job began; the run's id, sortable by time."""
        run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        with self._db.write() as tx:
            tx.execute(insert(table("runs")), [{"id": run_id, "job": job, "started_at": now, "detail": "{}"}])
        return run_id

    def finish_run(self, run_id: str, outcome: str, detail: Mapping[str, Any], now: datetime) -> None:
        """Note how it ended."""
        held = table("runs")
        with self._db.write() as tx:
            fresh = {"outcome": outcome, "detail": to_json(detail), "finished_at": now}
            tx.execute(update(held).where(held.c.id == run_id).values(fresh))

    def last_tick(self, job: str) -> int:
        """The latest tick of a shared clock this store's `job` was done for; 0 before the first."""
        return int(self.setting(_tick_key(job)) or 0)

    def finish_tick(self, run_id: str, job: str, tick: int, detail: Mapping[str, Any], now: datetime) -> bool:
        """Finish a run for its tick, in one commit; False (outcome "repeated") when another did that tick or a later one."""
        held = table("settings")
        with self._db.write() as tx:
            self._db.queue_behind(tx, _tick_key(job))
            first = self.last_tick(job) < tick
            if first:
                tx.execute(self._db.replace(held), [{"key": _tick_key(job), "value": to_json(tick)}])
            self.finish_run(run_id, "done" if first else "repeated", {**detail, "tick": tick}, now)
        return first

    def runs(self, job: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The latest runs, newest first."""
        held = table("runs")
        statement = select(held).order_by(held.c.started_at.desc(), held.c.id.desc()).limit(limit)
        if job is not None:
            statement = statement.where(held.c.job == job)
        with self._db.read() as tx:
            return tuple(_run(row) for row in tx.execute(statement))

    def forget_runs(self, before: datetime) -> int:
        """Delete finished runs that started before an instant. Returns how many."""
        held = table("runs")
        with self._db.write() as tx:
            return tx.execute(delete(held).where(held.c.started_at < before, held.c.finished_at.is_not(None))).rowcount

    def pause(self, scope: str, by: str, reason: str, now: datetime) -> None:
        """Throw a switch; thrown again it keeps its first reason."""
        with self._db.write() as tx:
            if self._db.add_new(tx, table("pauses"), {"scope": scope, "by": by, "reason": reason, "at": now}):
                append(self._db, tx, [Note("paused", f"pause/{scope}", {"reason": reason})], now=now, actor=by)

    def unpause(self, scope: str, by: str, now: datetime) -> bool:
        """Put a switch back; False when it was not thrown."""
        held = table("pauses")
        with self._db.write() as tx:
            lifted = tx.execute(delete(held).where(held.c.scope == scope)).rowcount == 1
            if lifted:
                append(self._db, tx, [Note("unpaused", f"pause/{scope}", {})], now=now, actor=by)
        return lifted

    def paused(self) -> Mapping[str, Pause]:
        """The switches that are thrown, by scope."""
        with self._db.read() as tx:
            rows = sorted(tx.execute(select(table("pauses"))), key=lambda row: row.scope)
        return {row.scope: Pause(scope=row.scope, by=row.by, reason=row.reason, at=row.at) for row in rows}

    def setting(self, key: str) -> Any:
        """A durable value, JSON-plain; None when it was never put."""
        held = table("settings")
        with self._db.read() as tx:
            value = tx.execute(select(held.c.value).where(held.c.key == key)).scalar()
        return None if value is None else msgspec.json.decode(value)

    def put_setting(self, key: str, value: Any) -> None:
        """Keep a small JSON-plain value; None forgets it. The value it has already costs no write."""
        held = table("settings")
        with self._db.write() as tx:
            if value is None:
                tx.execute(delete(held).where(held.c.key == key))
                return
            text = to_json(value)
            if tx.execute(select(held.c.value).where(held.c.key == key)).scalar() != text:
                tx.execute(self._db.replace(held), [{"key": key, "value": text}])


def _tick_key(job: str) -> str:
    return f"tick.{job}"


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        job=row.job,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        detail=msgspec.json.decode(row.detail),
    )
