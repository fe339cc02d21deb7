"""`python -m tests.simulation [SEEDS] [CLIENTS] [DAYS]`: the long simulation; exit code 1 if anything was wrong."""

from __future__ import annotations

import sys

from tests.simulation.engine import Simulation

YEARS = 3


def main(seeds: int = 5, clients: int = 200, days: int = 365 * YEARS) -> int:
    """Run `seeds` worlds and print what happened in each; how many had a wrong message or a forgotten client."""
    failed = 0
    for seed in range(1, seeds + 1):
        world = Simulation(seed=seed, count=clients, days=days).run()
        wrongs = [*world.oracle.wrongs, *world.liveness.wrongs]
        failed += bool(wrongs)
        events = ", ".join(f"{name} {count}" for name, count in sorted(world.events.items()))
        print(f"seed {seed}: {world.oracle.judged} messages judged, {len(wrongs)} wrong; {events}", flush=True)
        for wrong in wrongs[:10]:
            print(f"  {wrong}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(*(int(item) for item in sys.argv[1:])) else 0)
