"""Which client a party stands for. Linking names accounts; until then every top-level party is an account of its own.

An implied account has the id "connection:ref" of its top-level party. When linking moves parties to another account, what was
kept under the old id (holds, promises, plans, contacts, findings) moves with the last of them, so that no hold is ever lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from sqlalchemy import Connection, delete, func, insert, select, update

from core.books import Account
from core.errors import StoreError
from core.records import RecordKey, Ref, Role, Stream
from core.store.among import among
from core.store.changes import Change, forget_changes, log_changes, lost_since, touched_since, unclaimed_money_since
from core.store.journal import Note, append
from core.store.part import Part, chunks
from core.store.record_tables import table

_KEPT_BY_ACCOUNT = ("holds", "promises", "payment_plans", "contact_log", "findings", "outbox", "cases")
JOINED = "account.joined"  # the journal's word for an account whose contact log went over to another
_DEEPEST = 50  # parents of parents; a vendor that nests deeper has a loop


class AccountVerbs(Part):
    """Accounts, their parties, and the roles of connections."""

    def accounts(self) -> tuple[Account, ...]:
        """Every account: those that were named, and one for each top-level party that belongs to none. In order of id."""
        with self._db.read() as tx:
            return tuple(load_accounts(tx).values())

    def save_accounts(self, accounts: Iterable[Account]) -> None:
        """Name accounts and give them their parties, taking those from wherever they were. Others stay as they are.

        StoreError when two of them claim the same party.
        """
        wanted = {account.id: account for account in accounts}
        _check(wanted.values())
        with self._db.write() as tx:
            before = load_accounts(tx)
            changed = {
                name: account for name, account in wanted.items() if before.get(name) != account or not _is_named(tx, name)
            }
            if not changed:
                return
            self._write_accounts(tx, changed)
            notes = [
                Note(JOINED, f"account/{old}", {"to": new})
                for old, new in _moved(before, load_accounts(tx))
                if _rename(tx, old, new)
            ]
            append(self._db, tx, notes, now=self._clock.now(), actor="duesync")
            self._log_linked(tx, changed.values(), before)

    def changed_accounts(self, after: int) -> tuple[frozenset[str], int]:
        """Accounts touched since the watermark `after` (0: since ever), and the new watermark."""
        with self._db.read() as tx:
            touched, watermark = touched_since(tx, after)
            homes = _homes(tx)
        return frozenset(homes.get(key, f"{key[0]}:{key[1]}") for key in touched), watermark

    def lost_since(self, after: int) -> bool:
        """Whether any record was deleted since the watermark `after`."""
        with self._db.read() as tx:
            return lost_since(tx, after)

    def unclaimed_money(self, after: int) -> bool:
        """Did money that names no client come in after the watermark `after`?"""
        with self._db.read() as tx:
            return unclaimed_money_since(tx, after)

    def forget_changes(self, before: int) -> int:
        """Delete the change log up to the watermark `before`, once every reader is past it. Returns how many rows went."""
        with self._db.write() as tx:
            return forget_changes(tx, before)

    def set_roles(self, roles: Mapping[str, Role]) -> None:
        """Remember what each connection is to the organisation; connections no longer named are forgotten."""
        if self.roles() == dict(roles):
            return
        held = table("connections")
        with self._db.write() as tx:
            self._db.queue_behind(tx, "roles")  # two workers may open a new tenant at the same moment
            tx.execute(delete(held))
            if roles:
                tx.execute(insert(held), [{"name": name, "role": role.value} for name, role in sorted(roles.items())])

    def roles(self) -> dict[str, Role]:
        """The roles as last set."""
        with self._db.read() as tx:
            return load_roles(tx)

    def _write_accounts(self, tx: Connection, changed: Mapping[str, Account]) -> None:
        people, parties = table("accounts"), table("account_parties")
        rows = [{"id": account.id, "name": account.name, "segment": account.segment} for account in changed.values()]
        tx.execute(self._db.replace(people), rows)
        for some in chunks(list(changed)):
            tx.execute(delete(parties).where(among(parties.c.account_id, some)))
        members = [
            {"connection": key.connection, "ref": key.ref, "account_id": account.id, "position": position}
            for account in changed.values()
            for position, key in enumerate(account.parties)
        ]
        if members:
            tx.execute(self._db.replace(parties), members)
        tx.execute(delete(people).where(people.c.id.not_in(select(parties.c.account_id))))

    def _log_linked(self, tx: Connection, changed: Iterable[Account], before: Mapping[str, Account]) -> None:
        moved: dict[str, set[str]] = {}
        for account in changed:
            known = before[account.id].parties if account.id in before else ()
            for key in {*account.parties, *known}:
                moved.setdefault(key.connection, set()).add(key.ref)
        for connection, refs in sorted(moved.items()):
            changes = [Change(ref, "linked", frozenset({ref})) for ref in sorted(refs)]
            log_changes(self._db, tx, (connection, Stream.PARTIES), changes, run_id="linking", now=self._clock.now())


def _check(accounts: Iterable[Account]) -> None:
    owner: dict[RecordKey, str] = {}
    for account in accounts:
        for key in account.parties:
            if owner.setdefault(key, account.id) != account.id:
                raise StoreError(f"The party {key} is claimed by two accounts: {owner[key]} and {account.id}.")


def load_roles(tx: Connection) -> dict[str, Role]:
    """The roles as last set."""
    held = table("connections")
    return {row.name: Role(row.role) for row in tx.execute(select(held))}


def load_accounts(tx: Connection) -> dict[str, Account]:
    """Every account by id, in order of id."""
    people = {row.id: row for row in tx.execute(select(table("accounts")))}
    names = _party_names(tx)
    members: dict[str, list[RecordKey]] = {}
    for key, account in _homes(tx).items():
        members.setdefault(account, []).append(RecordKey(key[0], Stream.PARTIES, Ref(key[1])))
    found: dict[str, Account] = {}
    for name in sorted(members):
        parties = tuple(sorted(members[name]))
        person = people.get(name)
        first = names.get(_split(parties, name), name)
        found[name] = Account(
            id=name,
            name=first if person is None else person.name,
            parties=parties,
            segment=None if person is None else person.segment,
        )
    return found


def _split(parties: tuple[RecordKey, ...], name: str) -> tuple[str, str]:
    """The party an implied account is named after: the top one."""
    top = next((key for key in parties if f"{key.connection}:{key.ref}" == name), parties[0])
    return top.connection, top.ref


def _party_names(tx: Connection) -> dict[tuple[str, str], str]:
    typed = table("parties")
    return {(row[0], row[1]): row[2] for row in tx.execute(select(typed.c.connection, typed.c.ref, typed.c.name))}


def _homes(tx: Connection) -> dict[tuple[str, str], str]:
    """The account of every party that is alive or was named: its own, its nearest named ancestor's, or its topmost ancestor's."""
    held, typed = table("account_parties"), table("parties")
    named = {(row[0], row[1]): row[2] for row in tx.execute(select(held.c.connection, held.c.ref, held.c.account_id))}
    parents = {(row[0], row[1]): row[2] for row in tx.execute(select(typed.c.connection, typed.c.ref, typed.c.parent_ref))}
    return {**{key: _home(key, named, parents) for key in parents}, **named}


def _home(key: tuple[str, str], named: Mapping[tuple[str, str], str], parents: Mapping[tuple[str, str], str | None]) -> str:
    seen: set[tuple[str, str]] = set()
    while key not in named:
        seen.add(key)
        parent = (key[0], parents.get(key) or "")
        if parent not in parents or parent in seen or len(seen) > _DEEPEST:
            # a ring of parents has no top: its smallest ref stands for it, whichever member was asked
            key = min(seen) if parent in seen else key
            return f"{key[0]}:{key[1]}"
        key = parent
    return named[key]


def _is_named(tx: Connection, name: str) -> bool:
    people = table("accounts")
    return tx.execute(select(func.count()).select_from(people).where(people.c.id == name)).scalar() == 1


def _moved(before: Mapping[str, Account], after: Mapping[str, Account]) -> Iterator[tuple[str, str]]:
    """Where an account lost its last party, everything kept under its id follows its parties' new one: (old, new)."""
    home = {key: account.id for account in after.values() for key in account.parties}
    for old in before.values():
        if old.id in after:
            continue
        new = next((home[key] for key in old.parties if key in home), None)
        if new is not None:
            yield old.id, new


def _rename(tx: Connection, old: str, new: str) -> bool:
    """Move what is kept; whether there was anything in the contact log."""
    moved = dict.fromkeys(_KEPT_BY_ACCOUNT, 0)
    for name in _KEPT_BY_ACCOUNT:
        held = table(name)
        moved[name] = tx.execute(update(held).where(held.c.account == old).values(account=new)).rowcount
    return moved["contact_log"] > 0


def parties_of(accounts: Collection[Account]) -> dict[tuple[str, str], str]:
    """The account of every party of these accounts, by (connection, ref)."""
    return {(key.connection, key.ref): account.id for account in accounts for key in account.parties}
