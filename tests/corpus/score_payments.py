"""Measures cash application on the labelled corpus."""

from __future__ import annotations
import sys, time
from collections import Counter
from core.matching import solve, MatchSettings
from tests.corpus.payments import World, make_ledger, Ledger

from tests.corpus.payment_errors import LISTED

WORLDS = {
    "list1": World(kinds=LISTED, batches=0.06),
    "list4": World(kinds=LISTED, batches=0.06, faults=(1, 4)),
    "list1-noacct": World(kinds=LISTED, batches=0.06, accounts_known=False),
    "list4-noacct": World(kinds=LISTED, batches=0.06, faults=(1, 4), accounts_known=False),
    "plain1": World(),
    "plain4": World(faults=(1, 4)),
    "plain1-noacct": World(accounts_known=False),
    "plain4-noacct": World(faults=(1, 4), accounts_known=False),
    "hard1": World(
        retainers=0.5, silent=0.2, duplicates=0.01, strangers=0.01, groups=0.15, currencies=("USD", "EUR"), instalments=0.04
    ),
    "hard4-noacct": World(
        retainers=0.5,
        silent=0.2,
        duplicates=0.01,
        strangers=0.01,
        groups=0.15,
        currencies=("USD", "EUR"),
        instalments=0.04,
        faults=(1, 4),
        accounts_known=False,
    ),
}


def score(name, ledger: Ledger, verbose=0):
    t = time.perf_counter()
    got = solve(ledger.invoices, ledger.payments)
    dt = time.perf_counter() - t
    pairs = {(m.payment_id, m.invoice_id) for m in got.matches}
    tp = len(pairs & ledger.truth.keys())
    p = tp / max(1, len(pairs))
    r = tp / len(ledger.truth)
    cert = [m for m in got.matches if m.tier == "certain"]
    cg = sum((m.payment_id, m.invoice_id) in ledger.truth for m in cert)
    print(
        f"{name:16} inv {len(ledger.invoices)} pay {len(ledger.payments)} P {p:.4f} R {r:.4f} F1 {2 * p * r / (p + r):.4f} certain {len(cert) / max(1, len(got.matches)):.3f} prec {cg / max(1, len(cert)):.5f} stopped {len(got.stopped)} {dt:.1f}s",
        flush=True,
    )
    return got


def analyse(name, world, seed=1, show=25):
    L = make_ledger(world, seed)
    got = score(name, L)
    inv = {i.id: i for i in L.invoices}
    pay = {x.id: x for x in L.payments}
    by = {}
    for m in got.matches:
        by.setdefault(m.payment_id, []).append(m)
    tr = {}
    for (p, i), a in L.truth.items():
        tr.setdefault(p, []).append(i)
    kinds = Counter()
    tot = Counter()
    stages = Counter()
    sw = Counter()
    shown = 0
    for p in sorted(pay):
        g = sorted(m.invoice_id for m in by.get(p, []))
        t = sorted(tr.get(p, []))
        f = "+".join(L.faults[p]) or "clean"
        tot[f] += 1
        st = by[p][0].stage if p in by else "none"
        stages[st] += 1
        if g != t:
            kinds[f] += 1
            sw[st] += 1
            if shown < show:
                shown += 1
                x = pay[p]
                print("--", p, x.amount, x.paid_on, repr(x.payer), repr(x.memo), f)
                for i in t:
                    v = inv[i]
                    print("     true", i, v.party, v.number, v.reference, v.open, v.issued_on)
                for m in by.get(p, []):
                    v = inv[m.invoice_id]
                    print("     got ", v.id, v.party, v.number, v.reference, v.open, v.issued_on, m.confidence, m.stage, m.tier)
    print([(k, v, tot[k]) for k, v in kinds.most_common(30)])
    print([(k, v, stages[k]) for k, v in sw.most_common(40)])


if __name__ == "__main__":
    import os
    from dataclasses import replace

    C = int(os.environ.get("C", "50"))
    WORLDS = {k: replace(w, clients=C) for k, w in WORLDS.items()}
    if len(sys.argv) > 1:
        analyse(sys.argv[1], WORLDS[sys.argv[1]], show=int(sys.argv[2]) if len(sys.argv) > 2 else 25)
    else:
        for n, w in WORLDS.items():
            score(n, make_ledger(w, 1))
