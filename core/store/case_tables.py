"""The tables of collections cases. Private to core.store, like core.store.tables."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, LargeBinary, Text
from sqlalchemy import ForeignKey as References
from sqlmodel import Field

from core.store.columns import Instant
from core.store.tables import Stored


class CaseRow(Stored, table=True):
    """A case: whose it is. Everything else about it is its events."""

    __tablename__ = "cases"
    id: str = Field(sa_type=Text, primary_key=True)
    account: str = Field(sa_type=Text, nullable=False, index=True)
    opened_at: datetime = Field(sa_type=Instant, nullable=False)


class CaseEventRow(Stored, table=True):
    """One event of a case. Only ever added; `fact` is canonical JSON of the dataclass that `kind` names."""

    __tablename__ = "case_events"
    case_id: str = Field(sa_column=Column(Text, References("cases.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant, nullable=False)
    by: str = Field(sa_type=Text, nullable=False)
    kind: str = Field(sa_type=Text, nullable=False)
    fact: str = Field(sa_type=Text, nullable=False)


class DocumentRow(Stored, table=True):
    """A document that is evidence, under the SHA-256 of its bytes: the same file is kept once and never changes."""

    __tablename__ = "documents"
    sha256: str = Field(sa_type=Text, primary_key=True)
    kept_at: datetime = Field(sa_type=Instant, nullable=False)
    content: bytes = Field(sa_type=LargeBinary, nullable=False)
