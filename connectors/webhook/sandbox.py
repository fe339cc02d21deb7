"""A receiver in memory, written from docs/webhook.md: checks signatures and their age, takes each message once, can be asked.

It verifies with its own few lines, as a receiver would. It knows the clients and invoices it was told of and refuses others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx

from connectors.testing.faults import Levers
from core.actions import Action, InvoiceMention, OpenTicket, PostNote, SendReminder, idempotency_key
from core.clock import Clock
from core.money import Money
from core.ports import Capability
from core.records import Record, Ref, Stream

if TYPE_CHECKING:
    from connectors.testing.bench import Bench

SECRET = "whsec_" + base64.b64encode(b"a canary secret of the sandbox!!").decode()
TOKEN = "canary-token-of-the-receiver"  # noqa: S105 - the sandbox's own
PATH = "/hooks/duesync"
TOLERANCE = 300  # seconds a signature is good for (Standard Webhooks: about five minutes)


class WebhookReceiver:
    """What it took is in `taken` by id; `acted` counts how often each message had an effect."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.levers = Levers()
        self.taken: dict[str, dict[str, Any]] = {}
        self.acted: Counter[str] = Counter()
        self.strangers = {"999999999"}

    def settings(self, base_url: str) -> dict[str, Any]:
        """Keys of a connection to this receiver."""
        everything = {"reminders": True, "tasks": True, "notes": True, "read_back": True}
        return {"url": f"{base_url}{PATH}", "secret": SECRET, "token": TOKEN, **everything}

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self.levers.through(request, self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or not self._genuine(request):
            return httpx.Response(401, json={"error": "the signature does not hold"})
        message = request.headers["webhook-id"]
        if request.method == "GET" and request.url.path == f"{PATH}/{message}":
            known = message in self.taken
            return httpx.Response(200 if known else 404, json={"id": message, **({"ref": f"m-{message[:8]}"} if known else {})})
        if request.method != "POST" or request.url.path != PATH:
            return httpx.Response(404)
        return self._take(message, request.content)

    def _take(self, message: str, content: bytes) -> httpx.Response:
        if message not in self.taken:
            body = json.loads(content)
            if body["id"] != message:
                return httpx.Response(400, json={"error": "the id of the body is another"})
            if {body.get("client_ref"), body.get("record", {}).get("ref")} & self.strangers:
                return httpx.Response(422, json={"error": "nobody of that name here"})
            self.taken[message] = body
            self.acted[message] += 1
        return httpx.Response(200, json={"id": message, "ref": f"m-{message[:8]}"})

    def _genuine(self, request: httpx.Request) -> bool:
        stamp, message = request.headers.get("webhook-timestamp", ""), request.headers.get("webhook-id", "")
        if not stamp.isdigit() or abs(self.clock.now().timestamp() - int(stamp)) > TOLERANCE:
            return False
        signed = b".".join((message.encode(), stamp.encode(), request.content))
        digest = hmac.new(base64.b64decode(SECRET[6:]), signed, hashlib.sha256).digest()
        marks = request.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(mark, "v1," + base64.b64encode(digest).decode()) for mark in marks)

    # ── what the contract asks of a sandbox ─────────────────────────────────────────────────────────────────────────────
    def seed_world(self, records: Iterable[Record]) -> Mapping[tuple[Stream, str], Sequence[str]]:
        """A receiver keeps no records."""
        del records
        return {}

    def wants(self, capability: Capability, number: int, bench: Bench) -> Action:
        """Something to send."""
        about: dict[str, Any] = {"connection": bench.name, "account": "a"}
        mention = InvoiceMention(
            connection="books", ref=Ref(f"{number}"), digest="0", number=f"10{number}", open=Money(100, "USD"), due_on=None
        )
        step: dict[str, Any] = {**about, "stage": "due", "cycle": f"{number}", "invoices": (mention,)}
        if capability is Capability.SEND_REMINDER:
            return SendReminder(**step, to=("ap@client.example",), subject="Due", text="Please pay.", html="<p>Please pay.</p>")
        if capability is Capability.OPEN_TICKET:
            return OpenTicket(**step, party_ref=Ref("7"), summary="Call", body="Ask how it goes.")
        return PostNote(**about, stream=Stream.INVOICES, ref=Ref(f"{number}"), text="Reminder sent.", cause=f"test {number}")

    def done(self, action: Action) -> int:
        """How often it acted on an action."""
        return self.acted[idempotency_key(action)]
