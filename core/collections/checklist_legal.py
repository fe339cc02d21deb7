"""What the law may say: stays, governing law, time bar, who the client is, and rules that follow. NOT LEGAL ADVICE (A30-A37).

Every item here carries the note that it is no advice, and who of counsel looked at it, if anybody did.
"""

from __future__ import annotations

from core.collections.case_words import counted
from core.collections.checklist_facts import CaseFacts, Check, Found, Group, answered, failed, label, listed, passed, unknown
from core.collections.clocks import NOT_ADVICE, ClockState, Reading
from core.holds import HoldKind
from core.records import key_of

COUNSEL = "counsel"  # the answer in which a person says what counsel said
_STAYS = (HoldKind.BANKRUPTCY, HoldKind.LEGAL)


def no_stay(facts: CaseFacts) -> Found:
    """No bankruptcy and no legal hold: otherwise nothing may be pressed, by us or by an agency."""
    held = facts.standing(*_STAYS)
    words = [f"{item.kind}: {item.reason or 'no reason given'}" for item in held]
    words += [
        f'{item.connection} says "{item.status}"' for item in facts.client.parties if "bankrupt" in (item.status or "").casefold()
    ]
    if words:
        todo = "Stop. File a proof of claim through counsel, or lift the hold if it is wrong: duesync hold lift"
        return failed(listed(words), todo, *(item.id for item in held))
    return passed("no bankruptcy and no legal hold is on record")


def bankruptcy_search(facts: CaseFacts) -> Found:
    """A person looked whether the client has filed; no system says."""
    del facts
    return unknown(
        "nobody said that a register was searched", "Search it: duesync collections answer CASE bankruptcy_search TEXT"
    )


def governing_law(facts: CaseFacts) -> Found:
    """It is known which law governs the contract."""
    bond = facts.bond
    if bond.law is None:
        near = f"; by address it may be {listed(list(bond.candidates))}" if bond.candidates else ""
        return unknown(f"nobody said{near}", "Set accounts.NAME.contract.governing_law, or collections.governing_law for all.")
    own = facts.terms.governing_law
    return passed(f"{bond.law}, {'as the contract says' if own else 'the one all your contracts have'}", bond.law)


def time_bar(facts: CaseFacts) -> Found:
    """Every invoice may still be brought to court by the shortest reading."""
    readings = sorted(facts.readings, key=lambda item: (item.earliest is None, item.earliest or item.started_on))
    if not readings or any(item.state is ClockState.UNKNOWN for item in readings):
        first = next((item for item in readings if item.state is ClockState.UNKNOWN), None)
        return unknown(
            first.words if first else "no invoice, no clock", "Find out the governing law.", clocks=_told(facts, readings)
        )
    over = [item for item in readings if not item.passes]
    marks = [str(item.invoice) for item in over]
    if over:
        return failed(over[0].words, "Ask counsel before anybody presses the claim.", *marks, clocks=_told(facts, readings))
    soon = [item for item in readings if item.state is ClockState.WARNING]
    word = f"{len(soon)} soon over. " if soon else ""
    return passed(f"{word}{readings[0].words}", clocks=_told(facts, readings))


def _told(facts: CaseFacts, readings: list[Reading]) -> list[dict[str, object]]:
    """The clocks as plain values, the most urgent first."""
    names = {key_of(item): label(item) for item in facts.invoices}
    return [
        {
            "invoice": names.get(item.invoice, str(item.invoice)),
            "law": item.law,
            "state": str(item.state),
            "started_on": item.started_on.isoformat(),
            "earliest": item.earliest.isoformat() if item.earliest else None,
            "latest": item.latest.isoformat() if item.latest else None,
            "days_left": item.days_left,
            "confirmed": item.confirmed,
            "sources": list(item.sources),
        }
        for item in readings
    ]


def natural_person(facts: CaseFacts) -> Found:
    """It is known whether the client is a person or a company: other rules hold for a person."""
    if facts.natural_person is None:
        return unknown("not known whether the client is a person or a company", "Set accounts.NAME.natural_person.")
    return passed("a person: consumer rules may hold" if facts.natural_person else "a company", str(facts.natural_person))


def debtor_rules(facts: CaseFacts) -> Found:
    """Rules that bind us or the agency because of who and where the client is; those that need it are signed off."""
    told = [f"{rule.text} ({rule.citation})" for rule in facts.rules]
    needed = [rule for rule in facts.rules if rule.needs]
    marks = [rule.citation for rule in facts.rules]
    details = [
        {"law": rule.law, "text": rule.text, "citation": rule.citation, "confirmed": rule.confirmed} for rule in facts.rules
    ]
    if needed and answered(facts, COUNSEL) is None:
        todo = "Read them with counsel: duesync collections answer CASE counsel TEXT"
        return unknown(f"{counted(len(needed), 'rule')} to heed: {listed(told, 3)}", todo, *marks, rules=details)
    return passed(f"to heed: {listed(told, 3)}" if told else "no rule on file concerns this client", *marks, rules=details)


def legal_notes(facts: CaseFacts) -> dict[str, object]:
    """What stands beside every legal item: that it is no advice, and who of counsel looked at it."""
    said = answered(facts, COUNSEL)
    reviewed = f"{said.by}, {said.at.date()}: {said.text}" if said is not None and said.ok else None
    return {"not_advice": NOT_ADVICE, "counsel_reviewed": reviewed}


CHECKS = (
    Check(
        id="no_stay",
        title="No bankruptcy, no legal hold",
        group=Group.LEGAL,
        requirements=("A36", "A37"),
        look=no_stay,
        waivable=False,
    ),
    *(
        Check(id=name, title=title, group=Group.LEGAL, requirements=ids, look=look, asks=asks)
        for name, title, ids, look, asks in (
            (
                "bankruptcy_search",
                "Bankruptcy register searched",
                ("A36",),
                bankruptcy_search,
                "Has the client filed for bankruptcy?",
            ),
            ("governing_law", "Governing law known", ("A30", "A35"), governing_law, ""),
            ("time_bar", "Not time-barred", ("A33",), time_bar, ""),
            ("natural_person", "Person or company", ("A30", "A34"), natural_person, ""),
            (
                "debtor_rules",
                "Rules for this client",
                ("A30", "A34", "A31"),
                debtor_rules,
                "What does counsel say to these rules?",
            ),
        )
    ),
)
