"""A client's personal data: everything held handed out, and emptied where the law does not oblige to keep it.

Erasure empties names, addresses, free text, messages and the vendor's payloads; numbers, amounts, days and the links between
records stay, for the books must add up and accounting law wants them kept (Regulation (EU) 2016/679, art. 17(3)(b)); collections
cases stay as evidence of a claim (art. 17(3)(e)). The journal's details go, its chain holds. Content digests are kept: a row
pulled again unchanged brings nothing back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, Table, and_, func, select, update

from core.actions import Action, OpenTicket, PostNote, SendInvoice, SendReminder, SetField
from core.books import Account
from core.errors import UsageError
from core.outbox import OutboxState
from core.store.accounts import load_accounts
from core.store.among import among
from core.store.files import fold_log
from core.store.journal import Note, append
from core.store.outbox_rows import value_of
from core.store.part import Part, to_json
from core.store.payloads import Payloads
from core.store.places import Places, lines_of, places_of
from core.store.record_tables import METADATA, table

ERASED = "(erased)"  # stands where a name must stand
SETTING = "erased"
# What is emptied in each table; a column not named here is a number, an amount, a day, a state or a reference to another record.
EMPTIED: Mapping[str, Mapping[str, Any]] = {
    "parties": dict.fromkeys(("legal_name", "email", "phone", "locale", "timezone", "region", "status"))
    | {"name": ERASED, "tags": "[]", "fields": "[]"},
    "contacts": dict.fromkeys(("email", "phone", "role")) | {"name": ERASED},
    "invoices": dict.fromkeys(("reference", "memo", "bill_email", "pay_link")),
    "credit_notes": dict.fromkeys(("reference", "memo")),
    "payments": dict.fromkeys(("reference", "memo", "payer", "payer_account")),
    "deposit_lines": {"memo": None},
    "sales": {"memo": None},
    "refunds": {"memo": None},
    "adjustments": dict.fromkeys(("memo", "reason")),
    "agreements": {"name": ERASED, "terms": None},
    "tickets": {"summary": ERASED, "board": None},
    "malformed": {"problem": ERASED},
    "findings": {"evidence": "{}", "proposal": ""},
    "holds": {"reason": ""},
    "payment_plans": {"note": ""},
    "contact_log": {"recipients": "[]", "subject": "", "outcome": ERASED},
    "accounts": {"name": ERASED},
    "journal": {"detail": None, "salt": None},
}
NAMES = {"parties": ("name", "legal_name"), "accounts": ("name",)}
REFERENCES = {"invoices": ("reference",), "credit_notes": ("reference",), "payments": ("reference",)}
_LEFT_OUT = frozenset({"payload_dictionaries"})
_WAITING = frozenset({OutboxState.DRAFT, OutboxState.QUEUED, OutboxState.PARKED})
_UNDER_WAY = frozenset({OutboxState.RESERVED, OutboxState.SENDING, OutboxState.AMBIGUOUS})
EMPTY_PAYLOAD = zstandard.ZstdCompressor().compress(b"{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What an erasure empties (or would): rows by table, actions dropped unsent, and cases that stay as evidence."""

    account: str
    emptied: Mapping[str, int]
    dropped: tuple[str, ...]
    cases: tuple[str, ...]


class PrivacyVerbs(Part):
    """Everything held about one client: handed out, or emptied."""

    _payloads: Payloads

    def held_about(self, account_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Every table with rows about a client, in the order of the tables; payloads as the vendor sent them.

        Of a deposit that is shared with other clients only this client's lines. UsageError when there is no such client.
        """
        with self._db.read() as tx:
            places = places_of(tx, _account(tx, account_id))
            for held in METADATA.sorted_tables:
                rows = [self._row(tx, row, places) for row in places.rows(tx, held) if _is_own(tx, held, row, places)]
                if rows and held.name not in _LEFT_OUT:
                    yield held.name, rows

    def erasure(self, account_id: str) -> Erasure:
        """What erasing a client would do, without doing it."""
        with self._db.read() as tx:
            return _planned(tx, places_of(tx, _account(tx, account_id)))

    def erase(self, account_id: str, *, by: str, reason: str, now: datetime, keep: Collection[str] = ()) -> Erasure:
        """Empty everything about a client, in one transaction; not undoable. `keep` may hold "names" and "references".

        UsageError while one of its actions is under way at a vendor: what came of it must be known first.
        """
        with self._db.write() as tx:
            self._db.queue_behind(tx, "journal")
            if self._db.is_sqlite:
                tx.exec_driver_sql("pragma secure_delete=on")  # what is emptied is overwritten, not only unlinked
            places = places_of(tx, _account(tx, account_id))
            planned = _planned(tx, places)
            under_way = _rows_in(tx, places, _UNDER_WAY)
            if under_way:
                remedy = "Wait for it, or say what came of it: duesync outbox resolve ID sent"
                raise UsageError(f"{', '.join(under_way)}: under way at the vendor.", remedy=remedy)
            self._empty(tx, places, now, keep)
            self._remember(tx, places, by, now)
            detail = {"reason": reason, "emptied": dict(planned.emptied), "dropped": list(planned.dropped), "kept": sorted(keep)}
            append(self._db, tx, [Note("privacy.erased", f"erasure/{account_id}", detail)], now=now, actor=by)
        self._overwrite()
        return planned

    def erased(self) -> Mapping[str, Mapping[str, Any]]:
        """Every client that was erased: when, by whom, and its records' keys, by account."""
        held = table("settings")
        with self._db.read() as tx:
            kept = tx.execute(select(held.c.value).where(held.c.key == SETTING)).scalar()
        found: dict[str, dict[str, Any]] = {} if kept is None else msgspec.json.decode(kept)
        return found

    def returned(self) -> tuple[str, ...]:
        """Erased clients whose records a later pull brought back: the vendor still has them, and changed them."""
        typed = table("parties")
        back = set()
        with self._db.read() as tx:
            for account, entry in self.erased().items():
                for connection, ref in entry["parties"]:
                    mine = and_(typed.c.connection == connection, typed.c.ref == ref)
                    found = tx.execute(select(typed.c.name, typed.c.email, typed.c.phone).where(mine)).first()
                    if found is not None and (tuple(found) != (ERASED, None, None)) and found[0] != entry.get("name"):
                        back.add(account)
        return tuple(sorted(back))

    # ── the steps of an erasure ─────────────────────────────────────────────────────────────────────────────────────────
    def _empty(self, tx: Connection, places: Places, now: datetime, keep: Collection[str]) -> None:
        for name, emptied in EMPTIED.items():
            held = table(name)
            spared = (
                *(NAMES.get(name, ()) if "names" in keep else ()),
                *(REFERENCES.get(name, ()) if "references" in keep else ()),
            )
            fresh = {column: value for column, value in emptied.items() if column not in spared}
            for condition in places.conditions(held) if fresh else ():
                mine = and_(condition, lines_of(held, places)) if name == "deposit_lines" else condition
                tx.execute(update(held).where(mine).values(fresh))
        held = table("findings")
        for condition in places.conditions(held):
            tx.execute(update(held).where(condition, held.c.reason.is_not(None)).values(reason=ERASED))
        records = table("records")
        for condition in places.conditions(records):
            tx.execute(update(records).where(condition).values(raw=EMPTY_PAYLOAD))
        self._empty_deposits(tx, places)
        self._empty_outbox(tx, places, now)

    def _empty_deposits(self, tx: Connection, places: Places) -> None:
        """A deposit's own memo may be about other clients: it goes only where every line is this client's."""
        held = table("deposits")
        for row in [
            row
            for condition in places.conditions(held)
            for row in tx.execute(select(held.c.connection, held.c.ref).where(condition))
        ]:
            if not _shared(tx, row.connection, row.ref, places):
                tx.execute(update(held).where(held.c.connection == row.connection, held.c.ref == row.ref).values(memo=None))

    def _empty_outbox(self, tx: Connection, places: Places, now: datetime) -> None:
        held = table("outbox")
        for row in list(places.rows(tx, held)):
            waits = OutboxState(row.state) in _WAITING
            fresh: dict[str, Any] = {"action": to_json(wordless(value_of(row).action)), "gate": "[]", "updated_at": now}
            fresh["error"] = "dropped: the client was erased" if waits else None
            if row.receipt is not None:
                fresh["receipt"] = to_json({**msgspec.json.decode(row.receipt), "detail": ""})
            if waits:
                fresh["state"] = OutboxState.DROPPED.value
                append(self._db, tx, [Note("outbox.dropped", f"outbox/{row.id}", {"reason": "erased"})], now=now, actor="duesync")
            tx.execute(update(held).where(held.c.id == row.id).values(fresh))

    def _remember(self, tx: Connection, places: Places, by: str, now: datetime) -> None:
        typed = table("parties")
        parties = [[key.connection, key.ref] for key in places.account.parties]
        names = {
            tx.execute(select(typed.c.name).where(typed.c.connection == item[0], typed.c.ref == item[1])).scalar()
            for item in parties
        }
        entry: dict[str, Any] = {"at": now.isoformat(), "by": by, "parties": parties}
        if len(names) == 1 and names != {ERASED}:
            entry["name"] = names.pop()  # it was to be kept
        held = table("settings")
        kept: str | None = tx.execute(select(held.c.value).where(held.c.key == SETTING)).scalar()
        fresh = {**({} if kept is None else msgspec.json.decode(kept)), places.account.id: entry}
        tx.execute(self._db.replace(held), [{"key": SETTING, "value": to_json(fresh)}])

    def _overwrite(self) -> None:
        """Have the database let go of the old bytes: SQLite's log is folded in and cut, PostgreSQL's dead rows are vacuumed."""
        if self._db.path is not None:
            fold_log(self._db.path)
            return
        with self._db.engine.connect() as opened:
            session = opened.execution_options(isolation_level="AUTOCOMMIT")
            schema = f'"{self._db.schema}".' if self._db.schema else ""
            for name in sorted({*EMPTIED, "records", "deposits", "outbox"}):
                session.exec_driver_sql(f'vacuum {schema}"{name}"')

    def _row(self, tx: Connection, row: Any, places: Places) -> dict[str, Any]:
        found = dict(row._mapping)
        if "raw" in found:
            packed = found.pop("raw")
            shared = found["stream"] == "deposits" and _shared(tx, found["connection"], found["ref"], places)
            found["payload"] = None if shared else self._payloads.unpack(tx, bytes(packed)).decode("utf-8", "replace")
        return found


def wordless(action: Action) -> Action:
    """An action without names, addresses and words: what it was about and when stays. What an agency was handed is evidence."""
    if isinstance(action, SendReminder):
        return replace(action, to=(), cc=(), reply_to=None, subject="", text="", html="")
    if isinstance(action, PostNote):
        return replace(action, text="")
    if isinstance(action, OpenTicket):
        return replace(action, summary="", body="")
    if isinstance(action, SetField):
        return replace(action, value=None, expected=None)
    return replace(action, to=None) if isinstance(action, SendInvoice) else action


def _account(tx: Connection, account_id: str) -> Account:
    found = load_accounts(tx).get(account_id)
    if found is None:
        raise UsageError(f"There is no client {account_id}.", remedy="See them with: duesync account list")
    return found


def _planned(tx: Connection, places: Places) -> Erasure:
    tables = [table(name) for name in sorted({*EMPTIED, "records", "outbox"})]
    counts = {held.name: _count(tx, held, places) for held in tables}
    return Erasure(
        account=places.account.id,
        emptied={name: count for name, count in counts.items() if count},
        dropped=tuple(_rows_in(tx, places, _WAITING)),
        cases=tuple(places.ids.get("cases", [])),
    )


def _count(tx: Connection, held: Table, places: Places) -> int:
    own = [lines_of(held, places)] if held.name == "deposit_lines" else []
    conditions = places.conditions(held)
    return sum(tx.execute(select(func.count()).select_from(held).where(item, *own)).scalar() or 0 for item in conditions)


def _rows_in(tx: Connection, places: Places, states: Collection[OutboxState]) -> Sequence[str]:
    held = table("outbox")
    wanted = among(held.c.state, sorted(state.value for state in states))
    return [row_id for item in places.conditions(held) for row_id in tx.execute(select(held.c.id).where(item, wanted)).scalars()]


def _is_own(tx: Connection, held: Table, row: Any, places: Places) -> bool:
    """Is a row this client's alone? The lines of a shared deposit are told apart."""
    if held.name != "deposit_lines":
        return True
    mine = and_(*(column == row._mapping[column.name] for column in held.primary_key), lines_of(held, places))
    return tx.execute(select(func.count()).select_from(held).where(mine)).scalar() == 1


def _shared(tx: Connection, connection: str, ref: str, places: Places) -> bool:
    held = table("deposit_lines")
    mine = (held.c.connection == connection, held.c.owner_stream == "deposits", held.c.owner_ref == ref)
    every = tx.execute(select(func.count()).select_from(held).where(*mine)).scalar()
    own = tx.execute(select(func.count()).select_from(held).where(*mine, lines_of(held, places))).scalar()
    return every != own
