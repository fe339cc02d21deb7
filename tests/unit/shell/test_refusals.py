"""An address that turns out not to exist while a message is handed over is a bounce on the client's record, at once."""

from __future__ import annotations

import pytest

from core.actions import Receipt, Refusal
from core.errors import Undeliverable
from core.outbox import ContactKind, OutboxState
from core.review import review
from tests.unit.shell.test_dispatch import RULES, World, world
from tests.unit.shell.vendor import party

__all__ = ["world"]
UNKNOWN = "550 5.1.1 no such user"


def bounces(made: World) -> list[tuple[str, ...]]:
    return [item.to for items in made.store.contacts().values() for item in items if item.kind is ContactKind.BOUNCE]


@pytest.mark.req("A56", "E23")
def test_a_message_nobody_could_get_is_decided_again_for_another_contact(world):
    world.vendor.put(party(email="ap@p1.example, dana@p1.example"))
    world.pull()
    world.vendor.fail = Undeliverable("mail: refused.", connection="mail", refused=[("ap@p1.example", UNKNOWN)])
    assert world.dispatch() == {"dropped": 1}
    assert bounces(world) == [("ap@p1.example",)]
    world.vendor.fail = None
    review(world.store, RULES, now=world.clock.now(), run_id="again", full=True)
    assert world.dispatch() == {"settled": 1}
    (sent,) = [row for row in world.store.outbox() if row.state is OutboxState.SETTLED]
    assert sent.action.to == ("dana@p1.example",)


@pytest.mark.req("A56", "E23")
def test_an_address_refused_beside_others_is_a_bounce_and_the_message_stands(world):
    push = world.vendor.push

    def partly(action, key):
        made = push(action, key)
        return Receipt(ref=made.ref, refused=(Refusal(address="boss@p1.example", reply=UNKNOWN),))

    world.vendor.push = partly
    assert world.dispatch() == {"settled": 1}
    assert bounces(world) == [("boss@p1.example",)]
    assert world.row.receipt.refused[0].reply == UNKNOWN
