"""Cash application keeps its accuracy on small labelled ledgers (the full measure is `make score`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.matching import solve
from tests.corpus.baseline_payments import baseline
from tests.corpus.payments import make_ledger
from tests.corpus.score_payments import WORLDS, isotonic, measure

SMALL = {name: replace(world, clients=6) for name, world in WORLDS.items()}


@pytest.mark.req("D12")
@pytest.mark.parametrize(
    ("name", "f1", "certain"),
    [
        ("clean", 0.9999, 0.9),
        ("one listed fault in three of four", 0.995, 0.85),
        ("one listed fault, account unknown", 0.99, 0.85),
        ("one to four listed faults", 0.97, 0.7),
        ("retainers, silent payers, batches, instalments, shared accounts, strangers, paid twice", 0.7, 0.6),
    ],
)
def test_accuracy_holds_where_a_plain_script_does_not(name: str, f1: float, certain: float) -> None:
    ledger = make_ledger(SMALL[name], 11)
    score = measure(ledger, solve(ledger.invoices, ledger.payments).matches)
    plain = measure(ledger, baseline(ledger.invoices, ledger.payments))
    assert score.f1 >= f1
    assert score.certain >= certain
    assert score.certain_precision >= 0.995
    assert score.f1 > plain.f1


def test_a_ledger_is_the_same_for_the_same_seed_only() -> None:
    world = SMALL["one listed fault in three of four"]
    assert make_ledger(world, 3) == make_ledger(world, 3)
    assert make_ledger(world, 3) != make_ledger(world, 4)


def test_the_truth_of_a_ledger_conserves_money() -> None:
    ledger = make_ledger(SMALL["retainers, silent payers, batches, instalments, shared accounts, strangers, paid twice"], 5)
    paid = {item.id: item.amount.minor for item in ledger.payments}
    owed = {item.id: item.open.minor for item in ledger.invoices}
    for (payment, invoice), amount in ledger.truth.items():
        paid[payment] -= amount
        owed[invoice] -= amount
    assert all(paid[payment] == 0 for payment, _ in ledger.truth)
    assert min(owed.values()) >= 0


def test_calibration_pools_until_it_rises() -> None:
    samples = [(float(n), n % 3 > 0) for n in range(300)] + [(300.0 + n, True) for n in range(300)]
    steps = isotonic(samples)
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(2 / 3, abs=0.05)
    assert shares[-1] > 0.99
