"""The policy and mode of one message about several invoices: the strictest of theirs, so that no invoice's own word is lost.

An invoice may have settings of its own (E44), and one message to a client names all its invoices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.dunning.policy import AccountPolicy, Mode, Policy, Stage
from core.records import RecordKey

_STRICTEST_FIRST = (Mode.OBSERVE, Mode.DRAFT, Mode.ACTIVE)


def mode_of(policy: AccountPolicy, invoices: Iterable[RecordKey] = ()) -> Mode:
    """The client's mode, or the stricter one of an invoice among them: its own can hold it back, never send alone."""
    own = (policy.invoice_modes.get(f"{key.connection}:{key.ref}", policy.mode) for key in invoices)
    return min((policy.mode, *own), key=_STRICTEST_FIRST.index)


def policy_of(policy: AccountPolicy, invoices: Iterable[RecordKey]) -> Policy:
    """How often, when and with what a message about these invoices may go; everything else is the client's policy."""
    found = [policy.for_invoice(key.connection, key.ref) for key in invoices]
    return _strictest(policy.base, found) if any(item is not policy.base for item in found) else policy.base


def stage_named(policy: AccountPolicy, name: str, invoices: Iterable[RecordKey]) -> Stage | None:
    """The stage of that name in the client's cadence, or in that of an invoice among them."""
    own = (policy.for_invoice(key.connection, key.ref).stage(name) for key in invoices)
    return policy.base.stage(name) or next((stage for stage in own if stage is not None), None)


def _strictest(base: Policy, found: Sequence[Policy]) -> Policy:
    opens, closes = max(item.first_hour for item in found), min(item.last_hour for item in found)
    hours = {"first_hour": opens, "last_hour": closes} if opens < closes else {}
    return base.model_copy(
        update={
            "spacing_days": max(item.spacing_days for item in found),
            "max_contacts": min(item.max_contacts for item in found),
            "business_days": any(item.business_days for item in found),
            "allow_other_senders": all(item.allow_other_senders for item in found),
            "attach_invoices": all(item.attach_invoices for item in found),
            "attach_most": min(item.attach_most for item in found),
            **hours,
        }
    )
