"""A letter as a value: everything a message to a client may say, before any words are chosen.

Amounts are what the books say at the moment of writing. `credit` is money of the client that is not yet applied to an invoice; it
is taken off what is asked for, so a client is never asked for more than the net balance (product notes E3, E4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from core.money import Money, total


class LetterKind(StrEnum):
    """Which text: the names of the built-in templates."""

    CREATED = "created"
    UPCOMING = "upcoming"
    DUE = "due"
    FRIENDLY = "reminder_friendly"
    CLEAR = "reminder_clear"
    FIRM = "reminder_firm"
    STATEMENT = "statement"
    FINAL = "final_notice"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who writes: the MSP. `email` is where replies are read; `region` is a state or province for its holidays.

    `payment` says in the MSP's own words, on one or more lines, how clients can pay. `locales` are those of clients by their
    country, `client_locales` by name, id or CONNECTION:REF.
    """

    name: str
    timezone: str
    currency: str
    country: str = "US"
    region: str | None = None
    locale: str = "en"
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    payment: str | None = None
    locales: Mapping[str, str] = field(default_factory=dict, hash=False)
    client_locales: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLine:
    """One invoice. `days_past_due` counts from the due date in the client's zone; zero or less is not late."""

    label: str
    issued_on: date
    due_on: date
    total: Money
    open: Money
    days_past_due: int
    reference: str | None = None
    link: str | None = None

    @property
    def received(self) -> Money:
        """What was already paid or credited on this invoice."""
        return self.total - self.open


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """The invoices of one currency: those due, those named ahead of their due date, and credit not yet applied."""

    currency: str
    due: tuple[LetterLine, ...] = ()
    upcoming: tuple[LetterLine, ...] = ()
    credit: Money

    @property
    def listed(self) -> Money:
        """Open amounts of the invoices that are due."""
        return total((line.open for line in self.due), self.currency)

    @property
    def to_come(self) -> Money:
        """Open amounts of the invoices that are not due yet."""
        return total((line.open for line in self.upcoming), self.currency)

    @property
    def amount_due(self) -> Money:
        """What is asked for now; never below zero."""
        rest = self.listed - self.credit
        return rest if rest.minor > 0 else Money.zero(self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All facts of one message to one client. `to` and `cc` are addresses; `reference` is short, for a reply to quote.

    `hand_over_on` is the first day the account may go to a collection agency: set only where one could really take it.
    """

    kind: LetterKind
    locale: str
    organisation: Organisation
    client: str
    written_on: date
    groups: tuple[LetterGroup, ...]
    contact: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: str | None = None
    phone: str | None = None
    reference: str = ""
    answer_by: date | None = None
    hand_over_on: date | None = None
    notes: tuple[str, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict, hash=False)  # the user's own words, as `render` takes them

    @property
    def lines(self) -> tuple[LetterLine, ...]:
        """Every invoice named, due ones first."""
        return tuple(line for group in self.groups for line in (*group.due, *group.upcoming))
