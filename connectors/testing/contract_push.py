"""What a connector promises when it acts at the vendor, and when the vendor calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from connectors.testing.bench import Bench
from connectors.testing.faults import Levers, writes_only
from connectors.testing.reading import need
from core.actions import Action, OpenTicket, PostNote, SendInvoice, SetField, idempotency_key
from core.errors import Conflict, ConnectorError, OutcomeUnknown, Rejected
from core.ports import Capability
from core.records import Ref, Stream

PUSHES = (
    Capability.SEND_REMINDER,
    Capability.SEND_INVOICE,
    Capability.POST_NOTE,
    Capability.SET_FIELD,
    Capability.OPEN_TICKET,
    Capability.HAND_OVER,
)
MANY = 12


class PushPromises:
    """Promises about acting."""

    def test_every_push_it_declares_can_be_tried(self, bench: Bench) -> None:
        """A capability that nothing can show is not one."""
        for capability in sorted(set(PUSHES) & bench.spec.capabilities):
            assert bench.wants(capability, 1) is not None, capability

    def test_a_push_acts_once_and_can_be_found_again(self, bench: Bench) -> None:
        """Before: certainly not there. After: the same receipt, however often it is asked for."""
        for action in _actions(bench, 1):
            key = idempotency_key(action)
            if bench.reads_back(action):
                assert bench.open().find_pushed(action, key) is None, action
            receipt = bench.open().push(action, key)
            assert receipt.ref, action
            assert bench.done(action) == 1, action
            if bench.reads_back(action):
                found = bench.open().find_pushed(action, key)
                assert found is not None, action
                assert found.ref == receipt.ref, action

    def test_the_same_key_twice_acts_once(self, bench: Bench) -> None:
        """A crash between push and settle repeats the push with its key."""
        for action in _actions(bench, 2):
            if not bench.reads_back(action):
                continue  # it says so by OutcomeUnknown, and a person decides; see the promise on lost replies
            key = idempotency_key(action)
            first = bench.open().push(action, key)
            again = bench.open().push(action, key)
            assert bench.done(action) == 1, action
            assert again.ref == first.ref, action

    def test_a_lost_reply_is_unknown_and_never_certainly_not_done(self, bench: Bench) -> None:
        """The vendor acted and nobody heard: read back, or say that it cannot be told. Never None."""
        for action in _actions(bench, 3):
            key = idempotency_key(action)
            bench.lose_reply(action)
            with pytest.raises(OutcomeUnknown):
                bench.open().push(action, key)
            bench.recover()
            assert bench.done(action) == 1, action
            if bench.reads_back(action):
                found = bench.open().find_pushed(action, key)
                assert found is not None, action
                assert found.ref, action
            else:
                with pytest.raises(OutcomeUnknown):
                    bench.open().find_pushed(action, key)

    def test_a_failed_push_is_not_repeated_by_itself(self, bench: Bench) -> None:
        """The outbox owns retries: a connector sends a write once."""
        levers = _levers(bench)
        for action in _actions(bench, 4):
            levers.fail_next(503, times=MANY, only=writes_only)
            before = len(levers.writes())
            with pytest.raises(ConnectorError):
                bench.open().push(action, idempotency_key(action))
            levers.clear()
            assert len(levers.writes()) - before == 1, action
            assert bench.done(action) == 0, action

    def test_a_push_to_a_missing_record_is_rejected(self, bench: Bench) -> None:
        """No blind writes."""
        for action in _actions(bench, 5):
            missing = _about(action, Ref(bench.unknown_ref))
            if missing is None:
                continue
            with pytest.raises(Rejected):
                bench.open().push(missing, idempotency_key(missing))

    def test_a_field_somebody_changed_meanwhile_is_a_conflict(self, bench: Bench) -> None:
        """A person's later change is respected."""
        need(bench, Capability.SET_FIELD)
        action = bench.wants(Capability.SET_FIELD, 6)
        assert isinstance(action, SetField)
        stale = dataclasses.replace(action, expected="what it never was")
        with pytest.raises(Conflict):
            bench.open().push(stale, idempotency_key(stale))
        assert bench.done(stale) == 0

    def test_what_it_cannot_do_is_rejected(self, bench: Bench) -> None:
        """Not an exception nobody planned for."""
        for capability in sorted(set(PUSHES) - bench.spec.capabilities):
            action = bench.foreign(capability)
            with pytest.raises(Rejected):
                bench.open().push(action, idempotency_key(action))

    def test_a_genuine_webhook_becomes_hints_and_a_forged_one_is_rejected(self, bench: Bench) -> None:
        """Anybody can post to a webhook address."""
        need(bench, Capability.WEBHOOKS)
        (ref, *_) = bench.stock(Stream.INVOICES, 1)
        headers, body = bench.webhook(Stream.INVOICES, ref)
        connector = bench.open()
        hints = connector.parse_webhook(headers, body)
        assert (Stream.INVOICES, ref) in {(hint.stream, hint.ref) for hint in hints}
        assert all(hint.event_id for hint in hints)
        for forged in ({}, {name: "AAAA" + value[4:] for name, value in headers.items()}):
            with pytest.raises(Rejected):
                connector.parse_webhook(forged, body)
        with pytest.raises(Rejected):
            connector.parse_webhook(headers, body + b" ")


def _actions(bench: Bench, number: int) -> Iterator[Action]:
    """One action for every push the connector declares."""
    declared = sorted(set(PUSHES) & bench.spec.capabilities)
    if not declared:
        pytest.skip("declares no push")
    for capability in declared:
        action = bench.wants(capability, number)
        if action is not None:
            yield action


def _about(action: Action, ref: Ref) -> Action | None:
    """The same action about another record; None where it names none at this vendor."""
    match action:
        case SendInvoice():
            return dataclasses.replace(action, invoice=dataclasses.replace(action.invoice, ref=ref))
        case PostNote() | SetField():
            return dataclasses.replace(action, ref=ref)
        case OpenTicket():
            return dataclasses.replace(action, party_ref=ref)
        case _:
            return None


def _levers(bench: Bench) -> Levers:
    if bench.levers is None:
        pytest.skip("speaks no HTTP")
    return bench.levers
