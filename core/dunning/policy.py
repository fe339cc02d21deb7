"""Dunning policies as data: what `[dunning]` in duesync.toml may say, and the one policy that results for a client.

Amounts are decimals in major units per currency ("5.00"), days are calendar days unless named business days, hours are local
to the client. The numbers of the presets are in core.dunning.presets with their sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.dunning.stop_fields import checked_entries
from core.messages.letter import LetterKind
from core.messages.render import template_problems
from core.money import Money, MoneyError, check_currency, exponent

STAGE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Mode(StrEnum):
    """observe: preview only; draft: a person approves each message; active: sends."""

    OBSERVE = "observe"
    DRAFT = "draft"
    ACTIVE = "active"


class Anchor(StrEnum):
    """What the days of a stage count from. PREVIOUS is the day the stage before it was done."""

    ISSUE = "issue"
    DUE = "due"
    PREVIOUS = "previous"


class Way(StrEnum):
    """How a stage reaches the client: our own mail, the vendor mailing its invoice, a system of yours, paper, or a call."""

    MAIL = "mail"
    VENDOR = "vendor"
    WEBHOOK = "webhook"
    LETTER = "letter"
    CALL = "call"


class StageKind(StrEnum):
    """NOTICE: a new invoice. REMINDER: about invoices due. STATEMENT, CALL, FINAL: the account, once reminders ended."""

    NOTICE = "notice"
    REMINDER = "reminder"
    STATEMENT = "statement"
    CALL = "call"
    FINAL = "final"


ACCOUNT_KINDS = frozenset({StageKind.STATEMENT, StageKind.CALL, StageKind.FINAL})


class CatchUp(StrEnum):
    """What happens to steps whose day passed unseen (late start, outage, lifted hold).

    SKIP: passed over, the next step comes on its own day. LATEST: the most advanced of them once, the others passed over.
    SEQUENCE: each in turn, as far apart as the policy spaces them.
    """

    SKIP = "skip"
    LATEST = "latest"
    SEQUENCE = "sequence"


class Tone(StrEnum):
    """How firm the words are. None of them threatens (seeds 003 and 004)."""

    FRIENDLY = "friendly"
    CLEAR = "clear"
    FIRM = "firm"


def _stage_name(value: str) -> str:
    if not STAGE_NAME.fullmatch(value):
        raise ValueError("a stage name is 1-40 of a-z, 0-9 and _, and starts with a letter")
    return value


def _amounts(value: dict[str, Decimal]) -> dict[str, Decimal]:
    checked: dict[str, Decimal] = {}
    for code, amount in value.items():
        try:
            currency = check_currency(code)
            Money.parse(amount, currency)
        except MoneyError as error:
            raise ValueError(str(error)) from error
        if amount < 0:
            raise ValueError(f"{code} must not be negative")
        checked[currency] = amount
    return checked


def _templates(value: dict[str, str]) -> dict[str, str]:
    problems = template_problems(value)
    if problems:
        raise ValueError("; ".join(problems))
    return value


Templates = Annotated[dict[str, str], AfterValidator(_templates)]
Amounts = Annotated[dict[str, Decimal], AfterValidator(_amounts)]
Days = Annotated[int, Field(ge=0, le=3650)]
Hour = Annotated[int, Field(ge=0, le=24)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(_Section):
    """One step of the cadence."""

    name: Annotated[str, AfterValidator(_stage_name)] = Field(description="unique; appears in previews, logs and the journal")
    kind: StageKind = Field(StageKind.REMINDER, description="notice, reminder, statement, call or final")
    after: Anchor = Field(Anchor.DUE, description="what `days` counts from: issue, due or previous (the stage before was done)")
    days: int = Field(ge=-60, le=3650, description="calendar days after that; negative is before the due date")
    channel: Way = Field(
        Way.MAIL, description="mail, vendor (its own invoice mail), webhook, letter (a PDF to post) or call (a task)"
    )
    tone: Tone = Field(Tone.FRIENDLY, description="friendly, clear or firm")
    template: LetterKind | None = Field(None, description="text to use; none: the one of the stage's kind and tone")
    every_months: int | None = Field(None, ge=1, le=12, description="repeat each n months (statements only); needs `times`")
    times: int = Field(1, ge=1, le=36, description="how often at most for one invoice")
    approve: bool = Field(False, description="always wait for a person's approval, even in active mode")
    after_call: bool = Field(False, description="only once a call was logged since the invoice fell due")

    @model_validator(mode="after")
    def _repeat_ends(self) -> Self:
        if (self.every_months is not None) != (self.times > 1):
            raise ValueError("a repeating stage says both every_months and how many times (more than one)")
        if self.times > 1 and self.kind is not StageKind.STATEMENT:
            raise ValueError("only a statement repeats")
        if (self.kind is StageKind.CALL) != (self.channel is Way.CALL):
            raise ValueError("a call stage goes by the channel call, and no other does")
        if self.channel is Way.VENDOR and self.kind in ACCOUNT_KINDS:
            raise ValueError("a vendor mails single invoices, not statements or final notices")
        return self


class LateFee(_Section):
    """Interest or a fee that is proposed to the bookkeeper, never posted. Simple interest, with its day count."""

    yearly_percent: Decimal = Field(Decimal(0), ge=0, le=100, description="simple interest a year on what is open, in percent")
    day_count: Literal[365, 360] = Field(365, description="days of a year: 365 or 360")
    fixed: Amounts = Field(default_factory=dict, description="flat fee per invoice, per currency")
    grace_days: Days = Field(0, description="days past due before any fee; it then counts from the due date")
    autopay_failures: bool = Field(True, description="also for invoices whose automatic charge failed")


class TicketRule(_Section):
    """Which of the client's open tickets in the PSA stop reminders."""

    enabled: bool = Field(True, description="an open ticket that matches stops reminders")
    boards: tuple[str, ...] = Field(
        ("billing", "accounts receivable", "invoicing"), description="boards (part of the name) whose open tickets count"
    )
    priorities: tuple[str, ...] = Field((), description="priorities (part of the name) that count on any board")
    severities: tuple[str, ...] = Field((), description="severities (part of the name, such as high) that count on any board")
    words: tuple[str, ...] = Field(("invoice", "billing", "overcharge"), description="words in a summary that count on any board")
    sla_breached: bool = Field(True, description="an open ticket past its service level counts on any board")
    max_age_days: int = Field(90, ge=1, le=3650, description="tickets opened longer ago no longer count")


class ServiceRule(_Section):
    """When a person is asked to decide about slower or suspended service. Nothing is proposed without the contract's clause."""

    clause: str = Field("", max_length=300, description="the contract's words that allow it; empty proposes nothing")
    slow_days: int | None = Field(None, ge=30, le=730, description="days past due from which slower service is proposed")
    stop_days: int | None = Field(None, ge=30, le=730, description="days past due from which suspension is proposed")
    notice_days: int = Field(10, ge=1, le=60, description="business days after the final notice before either")


class Policy(_Section):
    """Everything that decides for one client. Every field may be overridden per segment, account and invoice."""

    follow: bool = Field(True, description="false: never remind")
    chase_from: date | None = Field(
        None, description="chase only invoices issued on this day or later; older ones are shown, not chased; none: all"
    )
    stages: tuple[Stage, ...] = Field((), description="the cadence, in order; empty takes the preset's")
    grace_days: Days = Field(0, description="days added to every due date before anything counts as late")
    minimum: Amounts = Field(default_factory=dict, description="do not chase an account that owes less than this")
    tolerance: Amounts = Field(default_factory=dict, description="an open rest up to this is not chased")
    spacing_days: Days = Field(5, description="calendar days between two reminders to one client, at least")
    together_days: Days = Field(3, description="an invoice named in a reminder has had the step it would reach within these days")
    max_contacts: int = Field(2, ge=1, le=7, description="reminders to one client in any 7 days, at most")
    first_hour: Hour = Field(8, description="no message before this hour, in the client's zone")
    last_hour: Hour = Field(18, description="no message from this hour on, in the client's zone")
    business_days: bool = Field(True, description="only on business days of the client's country")
    catch_up: CatchUp = Field(CatchUp.LATEST, description="skip, latest or sequence: steps whose day passed unseen")
    missed_after_days: Days = Field(4, description="a step this many days late counts as missed (for skip, and for notices)")
    reply_pause_days: int = Field(3, ge=0, le=60, description="business days of silence after a client replied")
    lookalike_days: int = Field(45, ge=0, le=365, description="how far back to look for money that may be an invoice's payment")
    finding_confidence: float = Field(0.5, ge=0, le=1, description="an open finding at least this sure stops its invoices")
    ignore_findings: tuple[str, ...] = Field((), description="kinds of finding that do not stop reminders")
    attach_invoices: bool = Field(True, description="the vendor's PDFs of the invoices go with our own mails, where it has them")
    attach_most: int = Field(5, ge=1, le=20, description="so many of them with one mail at most, the oldest first")
    allow_other_senders: bool = Field(False, description="send although the vendor's own reminders are on")
    autopay_wait_days: int = Field(3, ge=0, le=30, description="business days after a planned charge before it counts as failed")
    ready_days: int = Field(60, ge=30, le=730, description="days past due from which an account may be prepared for collections")
    roles: tuple[str, ...] = Field(
        ("accounts payable", "billing", "finance", "accounting"), description="contact roles that get reminders, best first"
    )
    escalate_roles: tuple[str, ...] = Field(("decision maker", "owner"), description="contact roles in copy on the final notice")
    stop_words: tuple[str, ...] = Field(
        ("bankrupt", "legal", "do not contact", "collections", "dispute"),
        description="words in the status or tags a vendor gives the client that stop reminders, as a hold does",
    )
    stop_fields: Annotated[tuple[str, ...], AfterValidator(checked_entries)] = Field(
        (),
        description='custom fields of the client in the PSA that do so too: "CAPTION" (says anything but no), "CAPTION = VALUE"',
    )
    late_fee: LateFee = Field(default_factory=lambda: LateFee.model_validate({}), description="proposed, never posted")
    tickets: TicketRule = Field(default_factory=lambda: TicketRule.model_validate({}), description="the PSA's open tickets")
    service: ServiceRule = Field(
        default_factory=lambda: ServiceRule.model_validate({}), description="slower or suspended service, proposed to a person"
    )

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.first_hour >= self.last_hour:
            raise ValueError("first_hour must be before last_hour")
        names = [stage.name for stage in self.stages]
        if len(names) != len(set(names)):
            raise ValueError("two stages have the same name")
        if self.stages and self.stages[0].after is Anchor.PREVIOUS:
            raise ValueError("the first stage has no previous one to count from")
        by_due = [stage.days for stage in self.stages if stage.after is Anchor.DUE]
        if by_due != sorted(by_due):
            raise ValueError("stages counted from the due date must be in order of their days")
        return self

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, if the policy has it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def smallest(self, table: Literal["minimum", "tolerance"], currency: str) -> Money:
        """An amount of `minimum` or `tolerance` in `currency`; zero where none is set."""
        amounts: Mapping[str, Decimal] = getattr(self, table)
        return Money(int(amounts.get(currency, Decimal(0)).scaleb(exponent(currency))), currency)


class Override(BaseModel):
    """Fields of a policy that differ for a segment, an account or an invoice; the rest is inherited."""

    model_config = ConfigDict(extra="allow", frozen=True)

    mode: Mode | None = Field(None, description="observe, draft or active")
    preset: Literal["standard", "gentle", "firm"] | None = Field(None, description="another preset")

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        extra = self.model_extra or {}
        unknown = sorted(set(extra) - set(Policy.model_fields))
        if unknown:
            raise ValueError(f"unknown setting: {', '.join(unknown)}")
        Policy.model_validate(extra)
        return self


class DunningSettings(Policy):
    """Reminders: whom, when and how. Nothing is sent before `mode` says so."""

    mode: Mode = Field(Mode.OBSERVE, description="observe: preview only; draft: after approval; active: send")
    preset: Literal["standard", "gentle", "firm"] = Field("standard", description="where stages and firmness come from")
    templates: Templates = Field(
        default_factory=dict, description='your own words: "<letter>.<language>.subject|text|html", or without the language'
    )
    segments: dict[str, Override] = Field(default_factory=dict, description="what differs for a segment, by its name")
    accounts: dict[str, Override] = Field(default_factory=dict, description="what differs for a client, by id or name")
    invoices: dict[str, Override] = Field(default_factory=dict, description='what differs for an invoice, by "CONNECTION:REF"')


class AccountPolicy(_Section):
    """The resolved policy of one client, the few invoices that differ, and where each value came from."""

    mode: Mode
    base: Policy
    invoices: dict[str, Policy] = Field(default_factory=dict)
    invoice_modes: dict[str, Mode] = Field(default_factory=dict)
    origins: dict[str, str] = Field(default_factory=dict)
    templates: dict[str, str] = Field(default_factory=dict)

    def for_invoice(self, connection: str, ref: str) -> Policy:
        """The policy of one invoice: its own where it has one, else the account's."""
        return self.invoices.get(f"{connection}:{ref}", self.base)
