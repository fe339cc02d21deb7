"""The door that is a web service of the agency, in four requests that any framework answers in an afternoon.

PUT  handovers/KEY    a ZIP with message.json and the files; the key is also sent as Idempotency-Key; any 2xx takes it
GET  handovers/KEY    200 when it was taken, 404 when it was not
GET  reports          a JSON list of the names of files for us
GET  reports/NAME     one of them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from pydantic import SecretStr

from connectors.agency.mapping import archive_of, report_names
from connectors.agency.settings import AgencyDoorSettings
from connectors.transport import Pacing, Transport
from core.actions import IdempotencyKey
from core.collections.reports import LARGEST
from core.errors import NotFound, Transient
from core.ports import AgencyFile, Check, ConnectionContext

_PACING = Pacing(per_second=5, concurrent=1)  # ours: an agency states none, and nothing here is in a hurry


class HttpsDoor:
    """One base address and a bearer token."""

    def __init__(self, settings: AgencyDoorSettings, context: ConnectionContext) -> None:
        self._connection = context.name
        self._token = settings.token or SecretStr("")
        self._transport = Transport(
            connection=context.name,
            base_url=str(settings.url),
            hosts=(),
            pacing=_PACING,
            clock=context.clock,
            authorize=self._authorize,
            transport=context.transport,
            timeout=settings.timeout,
            max_bytes=LARGEST + 1024,
        )

    def holds(self, name: str, key: IdempotencyKey) -> bool:
        """Ask for it by its key."""
        del name
        try:
            self._transport.request("GET", f"handovers/{key}", idempotent=True, expect_json=False, endpoint="GET handovers")
        except NotFound:
            return False
        return True

    def deliver(self, name: str, key: IdempotencyKey, files: Sequence[tuple[str, bytes]]) -> str:
        """Put it there, once: the outbox owns repetition."""
        answer = self._transport.request(
            "PUT",
            f"handovers/{key}",
            headers={"Idempotency-Key": key, "Content-Type": "application/zip"},
            content=archive_of(files),
            idempotent=False,
            expect_json=False,
            endpoint="PUT handovers",
        )
        return f"{name}: {len(files)} file(s) taken with {answer.status}"

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """Ask which files there are, then for each that is new."""
        names = self._transport.request("GET", "reports", idempotent=True, endpoint="GET reports").json()
        if not isinstance(names, list):
            raise Transient(f"{self._connection}: the list of reports is no list.", connection=self._connection)
        for name in report_names([item for item in names if isinstance(item, str)], seen):
            path = f"reports/{quote(name)}"
            answer = self._transport.request("GET", path, idempotent=True, expect_json=False, endpoint="GET reports/{name}")
            yield AgencyFile(name=name, content=answer.body)

    def check(self) -> Check:
        """Ask for the list of reports."""
        self._transport.request("GET", "reports", idempotent=True, endpoint="GET reports")
        return Check(name="agency service", ok=True, detail="it answers and takes our token")

    def close(self) -> None:
        """Give back the connections. May be called twice."""
        self._transport.close()

    def _authorize(self, renew: bool) -> Mapping[str, str]:
        del renew  # a fixed token never changes
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}
