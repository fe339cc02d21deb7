"""Whatever a record says, deciding and asking the gate end in an answer: dates that mean "never", senseless amounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.dunning.gate import gate, verdict
from core.holds import HoldKind
from core.messages.render import Rendered, render
from core.money import Money
from core.outbox import Promise
from core.records import DocumentStatus, PaymentStatus
from tests.unit.dunning.scene import Scene, overdue

TODAY = date(2026, 3, 17)
DAYS = st.one_of(
    st.sampled_from([date.min, date.max, date(9999, 12, 30), date(1, 1, 2), date(1970, 1, 1)]),
    st.dates(TODAY - timedelta(days=400), TODAY + timedelta(days=400)),
)
MONEY = st.builds(
    Money, st.one_of(st.sampled_from([0, -1, 1, 10**14]), st.integers(-(10**6), 10**6)), st.sampled_from(["USD", "EUR", "JPY"])
)
NAMES = st.one_of(st.none(), st.text(max_size=30))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_record_breaks_a_decision(data: st.DataObject):
    scene = overdue(7, business_days=data.draw(st.booleans()))
    for index in range(data.draw(st.integers(0, 3))):
        scene.invoice(f"N{index}", due=TODAY)
        scene.change(
            f"N{index}",
            due_on=data.draw(st.one_of(st.none(), DAYS)),
            issued_on=data.draw(DAYS),
            total=data.draw(MONEY),
            open=data.draw(MONEY),
            status=data.draw(st.sampled_from(DocumentStatus)),
            autopay_on=data.draw(st.one_of(st.none(), DAYS)),
            expected_on=data.draw(st.one_of(st.none(), DAYS)),
            sent=data.draw(st.sampled_from([None, True, False])),
            reference=data.draw(NAMES),
            bill_email=data.draw(NAMES),
            number=data.draw(NAMES),
        )
    if data.draw(st.booleans()):
        scene.payment("10.00", data.draw(DAYS), to="1001", status=data.draw(st.sampled_from(PaymentStatus)))
        scene.hold(data.draw(st.sampled_from(HoldKind)), until=data.draw(st.one_of(st.none(), DAYS)))
    if data.draw(st.booleans()):
        scene.promises.append(
            Promise(
                account="acme",
                invoice=None,
                amount_minor=None,
                currency=None,
                due_on=data.draw(DAYS),
                made_at=scene.now,
                made_by="client",
            )
        )
    scene.party = replace(
        scene.party, timezone=data.draw(NAMES), country=data.draw(NAMES), region=data.draw(NAMES), locale=data.draw(NAMES)
    )
    check(scene)


def check(scene: Scene) -> None:
    """Every entry has reasons; what would go can be written or says why not, and the gate answers."""
    decision = scene.decide()
    for entry in decision.entries:
        assert entry.reasons
        if entry.would_send and entry.letter is not None and isinstance(render(entry.letter), Rendered):
            answers = gate(scene.queued(entry).action, scene.facts(now=max(scene.now, entry.not_before), approved=True))
            assert verdict(answers), [item for item in answers if item.ok is not True]


def test_a_hold_until_the_end_of_time_holds():
    for kind in (HoldKind.PROMISE, HoldKind.DISPUTE):
        scene = overdue(7, business_days=False)
        scene.hold(kind, until=date.max)
        assert scene.would_send() == []


def test_a_due_date_that_is_no_date_is_a_reason():
    scene = overdue(7, business_days=False)
    scene.change("1001", due_on=date.max)
    assert scene.would_send() == []
    assert "its dates cannot be right" in scene.reasons()
