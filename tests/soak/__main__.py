"""`make soak`: the long simulations. The clients' simulator runs three years of two hundred clients on several seeds."""

from __future__ import annotations

import sys

from tests.simulation.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
