"""One finding as a page a bookkeeper checks in a minute: what is said, the records beside one another, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.store import StoredFinding
from scheduler.cli import console

# Shown in their own places: in the first line, or in the table of records.
_TOLD_APART = frozenset(["what", "records", "text", "memo", "fits", "paid", "named", "on", "amount", "client_currency"])
_DAYS = ("issued_on", "paid_on", "deposited_on", "sold_on", "adjusted_on", "refunded_on")
_AMOUNTS = ("total", "amount")
_LEFT = (("open", "open", "paid"), ("unapplied", "not applied", "applied"), ("remaining", "left", "used up"))
_SAID = ("reference", "memo", "payer", "method", "period_start", "period_end", "agreement_ref")


def show(item: StoredFinding, client: str) -> None:
    """Print the page of one finding; `client` is the account's name, empty where nobody is known."""
    finding = item.finding
    stake = f"{finding.at_stake} at stake, " if finding.at_stake else ""
    console.say(f"{finding.kind.replace('_', ' ')} ({item.state}), {stake}{finding.confidence:.0%} sure")
    whose = f"{console.one_line(client, 60)} ({finding.account})" if finding.account else finding.connection
    console.say(f"{whose}, first seen {item.first_seen_at:%Y-%m-%d}, id {item.id}")
    console.say("")
    console.say(console.one_line(str(finding.evidence.get("what", "")), 400))
    records = finding.evidence.get("records") or ()
    if records:
        console.say("")
        columns = ("record", "on", "due", "amount", "left", "says")
        console.table("", columns, _rows(records), right=("amount", "left"))
    for line in _other(finding.evidence):
        console.say(line)
    console.say("")
    console.say(f"to do: {console.one_line(finding.proposal, 600)}")
    if item.decided_by:
        console.say(f"decided: {item.state} by {item.decided_by}{f': {item.reason}' if item.reason else ''}")


def _name(fact: Mapping[str, Any]) -> str:
    """ "invoice 10560", "payment 1838"."""
    what = str(fact.get("stream", "record")).replace("_", " ").removesuffix("s")
    what = {"partie": "customer"}.get(what, what)
    return f"{what} {fact.get('number') or fact.get('ref')}"


def _rows(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The connection stands beside a record only where there are several."""
    names = {(str(fact.get("connection")), str(fact.get("ref"))): _name(fact) for fact in records}
    several = len({place for place, _ in names}) > 1
    return [_row(fact, names, f" ({fact.get('connection')})" if several else "") for fact in records]


def _left(fact: Mapping[str, Any]) -> str:
    """What is still open or idle of a record; "paid" and the like where nothing is."""
    if fact.get("status") == "void":
        return "void"
    for key, some, none in _LEFT:
        if key in fact:
            return f"{words(fact[key])} {some}" if fact[key].get("minor") else none
    return ""


def _row(fact: Mapping[str, Any], names: Mapping[tuple[str, str], str], place: str) -> tuple[str, ...]:
    return (
        f"{_name(fact)}{place}",
        next((str(fact[key]) for key in _DAYS if key in fact), ""),
        str(fact.get("due_on", "")),
        next((words(fact[key]) for key in _AMOUNTS if key in fact), ""),
        _left(fact),
        console.one_line("; ".join(_sayings(fact, names)), 160),
    )


def _sayings(fact: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """What the record itself says, and where its money went."""
    if fact.get("name"):
        yield str(fact["name"])
    if fact.get("status") in ("draft", "pending", "reversed"):
        yield str(fact["status"])
    yield from (f"{key.replace('_', ' ')} {words(fact[key])}" for key in _SAID if fact.get(key))
    for part in fact.get("applied_to") or ():
        invoice = names.get((str(fact.get("connection")), str(part["invoice_ref"])), f"invoice id {part['invoice_ref']}")
        yield f"{words(part['amount'])} on {invoice}"
    for line in fact.get("lines") or ():
        yield f"{words(line['amount'])} to {line['posted_to']}"


def _other(evidence: Mapping[str, Any]) -> Iterator[str]:
    told = str(evidence.get("what", ""))
    for name, value in evidence.items():
        text = words(value)
        if name not in _TOLD_APART and text and text not in told:
            yield f"{name.replace('_', ' ')}: {text}"


def words(value: Any) -> str:
    """A fact in words: money by its text, lists one after another."""
    if isinstance(value, dict):
        if "text" in value and "minor" in value:
            return str(value["text"])
        return ", ".join(f"{key.replace('_', ' ')} {words(item)}" for key, item in value.items() if item not in (None, ""))
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(words, value)))
    return "" if value is None else console.one_line(str(value), 300)
