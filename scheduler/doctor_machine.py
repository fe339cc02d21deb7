"""What the machine and the store say for themselves: packages, room, clock of the store, the daemon, fonts, the vault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from connectors import registry
from core.errors import DuesyncError, StoreBusy
from core.messages.alphabets import foreign
from core.ports import Check
from core.records import Role
from core.store import SchemaStatus
from scheduler.app import App
from scheduler.store_place import own_key_file, store_url, vault_keys

OURS = ("core", "connectors", "scheduler")
DAEMON = "daemon"  # the place in the store that one running daemon holds
_LEAST_FREE = 512 * 1024 * 1024
_SAMPLE = {"Greek": "Ω", "Cyrillic": "Ж", "Arabic": "ش", "Hebrew": "ש", "Chinese": "会", "Japanese": "サ", "Korean": "한"}


def machine(app: App) -> Iterator[Check]:
    """Every check that needs no vendor."""
    yield foreign_packages()
    for broken in registry.broken():
        yield Check(name=f"connector {broken.name}", ok=False, detail=broken.problem, remedy="Update or remove that package.")
    yield Check(name="configuration", ok=True, detail=f"{len(app.settings.connections)} connection(s), every key is known")
    yield from _room(app)
    yield _schema(app)
    yield _journal(app)
    yield daemons(app)
    yield _vault(app)
    yield _fonts(app)
    yield _roles(app)


def foreign_packages() -> Check:
    """Our three package names are plain words; another distribution that ships one of them would merge into our folder."""
    owners = packages_distributions()
    claims = {name: sorted(set(owners.get(name, [])) - {"duesync"}) for name in OURS}
    foreigners = [f"{', '.join(who)} ships a package called {name}" for name, who in claims.items() if who]
    if not foreigners:
        return Check(name="packages", ok=True, detail="no other distribution ships core, connectors or scheduler")
    return Check(name="packages", ok=False, detail="; ".join(foreigners), remedy="Give duesync a virtual environment of its own.")


def _room(app: App) -> Iterator[Check]:
    """Room beside the configuration and, where it is elsewhere, beside an SQLite store."""
    url = store_url(app.loaded)
    store = Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite:///") else app.loaded.folder
    places = {folder.stat().st_dev: folder for folder in (app.loaded.folder, store) if folder.is_dir()}
    for folder in places.values() or (Path("/"),):
        free = shutil.disk_usage(folder).free
        enough = free >= _LEAST_FREE
        remedy = "" if enough else "Make room: without any, nothing is pulled and nothing is sent, though nothing is lost either."
        yield Check(name="disk", ok=enough, detail=f"{free // (1024 * 1024):,} MiB free at {folder}", remedy=remedy)


def _schema(app: App) -> Check:
    state = app.store.schema()
    current = state.status is SchemaStatus.CURRENT
    remedy = "" if current else "Run `duesync store migrate` with this release, or the release that wrote the store."
    return Check(name="store", ok=current, detail=f"schema {state.found} ({state.status})", remedy=remedy)


def _journal(app: App) -> Check:
    check = app.store.verify_journal()
    if check.ok:
        said = app.store.verify_contacts()
        detail = said.problems[0] if said.problems else f"{check.entries} entries, chain intact; contact log as entered"
        remedy = "" if said.ok else "Somebody edited the store by hand. See all of it with: duesync journal verify"
        return Check(name="journal", ok=said.ok, detail=detail, remedy=remedy)
    detail = f"broken at entry {check.broken_at}: {check.problem}"
    return Check(name="journal", ok=False, detail=detail, remedy="Compare with a backup; somebody edited the store by hand.")


def daemons(app: App) -> Check:
    """Is a daemon at work on this store? One at most is: a second does not start."""
    try:
        with app.store.alone(DAEMON, wait=0.0, busy=StoreBusy("a daemon runs on this store")):
            return Check(name="daemon", ok=True, detail="none runs on this store now")
    except StoreBusy:
        return Check(name="daemon", ok=True, detail="one runs on this store; a second would not start")
    except DuesyncError as error:
        return Check(name="daemon", ok=None, detail=f"could not tell: {error.message}", remedy=error.remedy)


def _vault(app: App) -> Check:
    needs = sorted(name for name in app.settings.connections if "oauth" in app.spec(name).capabilities)
    try:
        keys = vault_keys(app.loaded)
    except DuesyncError as error:
        return Check(name="vault", ok=False, detail=error.message, remedy="Name a readable secret in [vault] key.")
    own = own_key_file(app.loaded)
    if keys and app.settings.vault.key is None:
        detail = f"a key of its own, {own}; back it up, but not beside the store"
        return Check(name="vault", ok=True, detail=detail)
    if keys or not needs:
        return Check(name="vault", ok=True, detail=f"{len(keys)} key(s)" if keys else "not needed")
    return Check(
        name="vault",
        ok=False,
        detail=f"no key, but {', '.join(needs)} keep tokens in it",
        remedy='Run `duesync config new-key`, keep it in a file of mode 0600 and set [vault] key = "file:PATH".',
    )


def _fonts(app: App) -> Check:
    """Which alphabets statements and letters can be written in here."""
    faces = tuple(app.faces())
    lacking = [name for name, sign in _SAMPLE.items() if foreign([sign]) and not any(face.has(sign) for face in faces)]
    if not lacking:
        return Check(name="fonts", ok=True, detail=f"PDFs in every alphabet with {', '.join(face.name for face in faces[:4])}")
    detail = f"names in {', '.join(lacking)} are spelled in Latin letters in PDFs: no font here has them"
    remedy = "Where clients have such names: install a font (Debian: fonts-dejavu-core, fonts-noto-cjk) or set documents.fonts."
    return Check(name="fonts", ok=None, detail=detail, remedy=remedy)


def _roles(app: App) -> Check:
    told = sorted(name for name in app.settings.connections if not app.spec(name).streams)
    odd = [name for name in told if app.roles[name] not in (Role.CHANNEL, Role.AGENCY)]
    if odd:
        remedy = 'Set role = "channel" there (or "agency").'
        return Check(name="roles", ok=False, detail=f"nothing is pulled from {', '.join(odd)}: it is no books", remedy=remedy)
    roles = list(app.roles.values())
    if Role.BOOKS in roles:
        return Check(name="roles", ok=True, detail=f"{roles.count(Role.BOOKS)} connection(s) with role books")
    remedy = 'Set role = "books" on the connection in which payments are recorded.'
    return Check(name="roles", ok=False, detail="no connection keeps the books: nobody can be reminded", remedy=remedy)
