"""What a database driver's error means to an operator: one line and one remedy. No driver's exception leaves the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import SchemaMismatch, StoreBusy, StoreError

_MIGRATE = "Run: duesync migrate"

# SQLite's own words (sqlite.org/rescode.html), most telling first: text, class, message, remedy.
_SQLITE: tuple[tuple[str, type[StoreError], str, str], ...] = (
    ("is locked", StoreBusy, "The store {where} is locked by another process.", "Wait for it to finish, or stop it."),
    (
        "readonly database",
        StoreError,
        "The store {where} is read-only.",
        "Give duesync's user the right to write the file and its folder.",
    ),
    (
        "disk is full",
        StoreError,
        "The disk that holds the store {where} is full.",
        "Free space; nothing was lost and duesync goes on by itself.",
    ),
    (
        "disk i/o error",
        StoreError,
        "The disk that holds the store {where} fails.",
        "Check free space, quota and the disk's health.",
    ),
    (
        "unable to open",
        StoreError,
        "The store {where} cannot be opened.",
        "Check that its folder exists and that duesync's user may read and write there.",
    ),
    (
        "not a database",
        StoreError,
        "The file {where} is not a duesync store.",
        "Check [store] url; restore the file from a backup if it was damaged.",
    ),
    (
        "malformed",
        StoreError,
        "The store {where} is damaged.",
        "Stop duesync and restore the last backup; the next sync fetches the rest again.",
    ),
    ("no such table", SchemaMismatch, "The store {where} has no tables of this release.", _MIGRATE),
    ("no such column", SchemaMismatch, "The store {where} was written by another release.", _MIGRATE),
    ("has no column", SchemaMismatch, "The store {where} was written by another release.", _MIGRATE),
)

# SQLSTATE classes of PostgreSQL (its manual, appendix A), longest prefix first.
_POSTGRES: tuple[tuple[str, type[StoreError], str, str], ...] = (
    ("55P03", StoreBusy, "The store {where} is locked by another process.", "Wait for it to finish, or stop it."),
    ("40", StoreBusy, "The store {where} was changed by another process at the same moment.", "Trying again is enough."),
    ("42P01", SchemaMismatch, "The store {where} has no tables of this release.", _MIGRATE),
    ("42703", SchemaMismatch, "The store {where} was written by another release.", _MIGRATE),
    (
        "42501",
        StoreError,
        "The database user of {where} lacks a right.",
        "Grant it select, insert, update, delete and create on its schema.",
    ),
    ("25006", StoreError, "The store {where} is read-only.", "Connect to the primary server, not to a standby."),
    (
        "53100",
        StoreError,
        "The disk of the database server {where} is full.",
        "Free space; nothing was lost and duesync goes on by itself.",
    ),
    ("53300", StoreBusy, "The database server {where} has no connection left.", "Raise max_connections or run fewer workers."),
    ("28", StoreError, "The database server {where} refuses the credentials.", "Check user and password in [store] url."),
    ("3D000", StoreError, "The database of {where} does not exist.", "Create it: createdb NAME"),
    ("57P", StoreBusy, "The database server {where} is shutting down or starting.", "The daemon tries again by itself."),
)


def _sqlite_error(error: BaseException, where: str) -> StoreError:
    words = str(error).lower()
    for text, kind, message, remedy in _SQLITE:
        if text in words:
            return kind(message.format(where=where), remedy=remedy)
    return StoreError(
        f"The store {where} failed: {str(error).splitlines()[0]}.", remedy="See the log; `duesync doctor` checks the store."
    )


def _postgres_error(error: BaseException, where: str) -> StoreError:
    state = getattr(error, "sqlstate", None) or ""
    for prefix, kind, message, remedy in _POSTGRES:
        if state.startswith(prefix):
            return kind(message.format(where=where), remedy=remedy)
    if not state:
        return _unreachable(str(error).lower(), where)
    first = str(error).splitlines()[0]
    return StoreError(f"The store {where} failed: {first}.", remedy="See the log; `duesync doctor` checks the store.")


def _unreachable(words: str, where: str) -> StoreError:
    """A failed connection has no SQLSTATE in psycopg: the server's own words tell a refusal from silence."""
    if "authentication failed" in words or "no password supplied" in words:
        return StoreError(
            f"The database server {where} refuses the credentials.", remedy="Check user and password in [store] url."
        )
    if "does not exist" in words and "database" in words:
        return StoreError(f"The database of {where} does not exist.", remedy="Create it: createdb NAME")
    return StoreError(
        f"The database server {where} cannot be reached.", remedy="Check host and port in [store] url, and that the server runs."
    )


def translate(error: BaseException, where: str) -> StoreError:
    """The StoreError that says the same to an operator. `where` names the store without its password."""
    if isinstance(error, PoolTimeout):
        return StoreBusy(f"Too many threads use the store {where}.", remedy="Trying again is enough.")
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_error(cause, where)
    if type(cause).__module__.startswith("psycopg"):
        return _postgres_error(cause, where)
    return StoreError(
        f"The store {where} failed: {str(cause).splitlines()[0]}.", remedy="See the log; `duesync doctor` checks the store."
    )


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Whatever the driver raises inside leaves as a StoreError."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise translate(error, where) from error
    except Exception as error:
        if type(error).__module__.startswith("psycopg"):  # by name: the driver is an extra
            raise translate(error, where) from error
        raise
