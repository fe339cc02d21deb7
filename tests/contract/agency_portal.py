"""An agency's web service, written from docs/collections.md alone: it takes hand-overs once per key and lists its reports."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import unquote

import httpx

from connectors.testing.bench import Bench
from connectors.testing.faults import Levers
from core.actions import HandOver, HandOverKind
from core.money import Money
from core.ports import Capability

TOKEN = "agency-token-1"


class AgencyPortal:
    """Keeps what it took, by key."""

    def __init__(self) -> None:
        self.levers = Levers()
        self.taken: dict[str, list[dict[str, bytes]]] = {}
        self.reports: dict[str, bytes] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        return self.levers.through(request, self._answer)

    def messages(self) -> list[dict[str, object]]:
        """What was taken, in order."""
        return [json.loads(files["message.json"]) for times in self.taken.values() for files in times]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401)
        _, _, what, *rest = request.url.path.split("/", 3)
        name = unquote(rest[0]) if rest else ""
        if what == "handovers" and request.method == "PUT":
            return self._take(name, request)
        if what == "handovers" and request.method == "GET":
            return httpx.Response(200 if name in self.taken else 404, json={})
        if what == "reports" and not name:
            return httpx.Response(200, json=sorted(self.reports))
        if what == "reports" and name in self.reports:
            return httpx.Response(200, content=self.reports[name])
        return httpx.Response(404)

    def _take(self, name: str, request: httpx.Request) -> httpx.Response:
        assert request.headers["idempotency-key"] == name
        with zipfile.ZipFile(io.BytesIO(request.content)) as archive:
            self.taken.setdefault(name, []).append({item: archive.read(item) for item in archive.namelist()})
        return httpx.Response(201)


class AgencyBench(Bench):
    """The agency connector on its web service; folder and SFTP have tests of their own."""

    name = "acme"

    def set_up(self, clock):
        self.sandbox = AgencyPortal()

    def keys(self):
        return {"via": "https", "url": f"{self.address}/v1", "token": TOKEN}

    def wants(self, capability, number):
        assert capability is Capability.HAND_OVER
        return HandOver(
            connection=self.name,
            account="a",
            case=f"c{number}",
            agency="acme",
            what=HandOverKind.MESSAGE,
            cause="test",
            reference=f"c{number}-1",
            subject="About a case",
            text="Please offer instalments.",
            amount=Money(100, "USD"),
        )

    def done(self, action):
        return sum(message["reference"] == action.reference for message in self.sandbox.messages())
