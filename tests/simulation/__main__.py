"""`python -m tests.simulation [SEEDS] [CLIENTS] [DAYS] [FIRST] [PRESET]`: the long simulation; exit code 1 if anything was wrong.

FIRST is the first seed, for runs that go on where others ended; PRESET is the cadence: standard, gentle or firm.
"""

from __future__ import annotations

import sys
import time

from tests.simulation.engine import Simulation

YEARS = 3


def main(seeds: int = 5, clients: int = 200, days: int = 365 * YEARS, first: int = 1, preset: str = "standard") -> int:
    """Run `seeds` worlds and print what happened in each; how many had a wrong message or a forgotten client."""
    failed = 0
    for seed in range(first, first + seeds):
        began = time.process_time()
        world = Simulation(seed=seed, count=clients, days=days, settings={"preset": preset}).run()
        wrongs = [*world.oracle.wrongs, *world.liveness.wrongs]
        failed += bool(wrongs)
        events = ", ".join(f"{name} {count}" for name, count in sorted(world.events.items()))
        took = time.process_time() - began
        print(
            f"seed {seed} ({preset}): {world.oracle.judged} messages judged, {len(wrongs)} wrong; {events}; {took:.0f} s",
            flush=True,
        )
        for wrong in wrongs[:10]:
            print(f"  {wrong}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(*(int(item) for item in sys.argv[1:5]), *sys.argv[5:6]) else 0)
