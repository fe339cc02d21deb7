"""`make soak`, or `python -m tests.soak NAME...`: the long simulations, one after another, each in a process of its own.

clients: three years of two hundred clients on five seeds. daemon: 72 hours with failing vendors. copying: a million records.
cluster: a thousand tenants, four workers, two of them killed. bare: the image and the installer in a bare Debian
root (needs root).
"""

from __future__ import annotations

import subprocess
import sys

MODULES = {
    "clients": "tests.simulation",
    "daemon": "tests.soak.daemon",
    "copying": "tests.soak.copying",
    "cluster": "tests.soak.cluster",
    "bare": "tests.bareroot",
}


def main(names: list[str]) -> int:
    """How many of the simulations named (none: all) failed."""
    unknown = set(names) - set(MODULES)
    if unknown:
        sys.exit(f"there is no soak called {', '.join(sorted(unknown))}; known: {', '.join(MODULES)}")
    failed = 0
    for name in names or MODULES:
        print(f"── {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", MODULES[name]], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
