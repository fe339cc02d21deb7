"""Every promise about handing a client over holds, and is broken by a mutant: a promise no fault can break is a hope."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

import connectors.agency.connector
import core.collections.after
import core.collections.case_moves
import core.collections.checklist
import core.collections.placement_gate
import core.store.holds
import scheduler.following
import scheduler.placing
from core.collections.placement_gate import STOPS
from core.holds import HoldKind
from core.outbox import GateAnswer
from tests.contract import hand_over as promised
from tests.contract.hand_over import PROMISES, office, prepare

pytestmark = pytest.mark.own_store  # each office is a copy of one prepared file; tests/system/test_collections.py runs on both

FINE = GateAnswer(question="x", ok=True, detail="never looked")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("office") / "template")


@pytest.mark.req("A9", "A38", "A84", "D6", "E53")
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_it_holds(promise, tmp_path, prepared):
    with office(tmp_path, prepared) as here:
        promise(here)


# ── the mutants ─────────────────────────────────────────────────────────────────────────────────────────────────────────
_follow = scheduler.following.follow


def places_by_itself(app, case, report, *, now):
    """Whatever is ready is handed over."""
    case = _follow(app, case, report, now=now)
    plan = scheduler.placing.plan_placement(app, case, "acme", now=now)
    return scheduler.placing.place(app, plan, by="duesync", now=now)[0] if not plan.against else case


def needs_one(found):
    """Whoever approves first decides."""
    if not found.approvals:
        yield "nobody approved"


def counts_every_approval(facts):
    """An old approval is good for a new list."""
    return replace(_checklist(facts), approvals=tuple(facts.approvals), stale=(), items=())


_COUNT = count()
_checklist = core.collections.checklist.checklist
MUTANTS = {
    "it places what is ready": (promised.it_is_never_automatic, scheduler.following, "follow", places_by_itself),
    "one approval is enough": (promised.it_takes_two_people, scheduler.placing, "_unready", needs_one),
    "one person counts twice": (promised.it_takes_two_people, core.collections.case_moves, "_same", lambda *_: False),
    "old approvals count": (
        promised.an_approval_is_for_the_list_as_it_stood,
        scheduler.placing,
        "checklist",
        counts_every_approval,
    ),
    "the notice is not waited for": (
        promised.the_final_notice_runs_out_first,
        scheduler.placing,
        "_notice_problems",
        lambda *_: iter(()),
    ),
    "invoices are not read again": (
        promised.a_paid_invoice_is_not_placed,
        core.collections.placement_gate,
        "_changed",
        lambda *_: "",
    ),
    "the balance is not asked": (
        promised.money_not_applied_yet_counts,
        core.collections.placement_gate,
        "_balance",
        lambda *_: FINE,
    ),
    "disputes do not stop it": (
        promised.a_disputed_invoice_is_not_placed,
        core.collections.placement_gate,
        "STOPS",
        STOPS - {HoldKind.DISPUTE},
    ),
    "a bankruptcy is no stay": (promised.a_bankruptcy_stops_the_agency_too, core.collections.after, "STAYS", frozenset()),
    "reminders go on": (promised.our_own_dunning_stops, core.store.holds.HoldVerbs, "place_hold", lambda *_: True),
    "payments to us are not seen": (promised.a_payment_to_us_is_told, core.collections.after, "direct_payments", lambda _: []),
    "each try has a name of its own": (
        promised.it_is_handed_over_once,
        connectors.agency.connector,
        "folder_of",
        lambda action, _: f"{action.reference}-{action.what}-{next(_COUNT)}",
    ),
}


def test_every_promise_has_a_mutant():
    assert {promise for promise, *_ in MUTANTS.values()} == set(PROMISES)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_breaks_its_promise(name, tmp_path, prepared, monkeypatch):
    promise, where, what, instead = MUTANTS[name]
    with office(tmp_path, prepared) as here:
        monkeypatch.setattr(where, what, instead)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            promise(here)
