"""Which vendors do not answer in this pass: asked a few times, then left alone until the next one.

Without it every waiting message would wait for the same silence, each for as long as a call may take.
"""

from __future__ import annotations

from collections import Counter

from core.errors import AuthExpired, ConnectorError, PermissionMissing, RateLimited, Transient

# One record or stream that cannot be read must not silence its vendor; three in a row are the vendor.
FAILURES_IN_A_ROW = 3


class Silence:
    """Counts failures in a row by connection."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()

    def holds(self, connection: str) -> bool:
        """Is this connection to be left alone for the rest of the pass?"""
        return self._failed[connection] >= FAILURES_IN_A_ROW

    def answered(self, connection: str) -> None:
        """It said something."""
        del self._failed[connection]

    def failed(self, connection: str, error: ConnectorError) -> None:
        """It did not. Refused credentials and spent budgets are certain at once; what is said of one record is an answer."""
        if isinstance(error, AuthExpired | PermissionMissing | RateLimited):
            self._failed[connection] = FAILURES_IN_A_ROW
        elif isinstance(error, Transient):
            self._failed[connection] += 1
        else:
            self.answered(connection)
