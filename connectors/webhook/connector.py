"""A receiver of yours as a Connector: it is told, it is asked whether it heard, nothing is pulled.

A message is sent once by this code; the outbox owns repetition. An answer that was lost, or a 2xx that does not name the message,
leaves the outcome unknown: it is read back where `read_back` is set, else a person says what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx

from connectors.transport import Answer, Pacing, Transport
from connectors.webhook.mapping import body_of, named_id, own_ref
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signing import headers_of, key_of
from core.actions import Action, IdempotencyKey, Receipt
from core.errors import AuthExpired, ConnectorError, NotFound, OutcomeUnknown, Rejected
from core.messages.clean import one_line
from core.ports import Check, ConnectionContext, Hint, Probe, StreamInfo
from core.records import Cursor, Page, Record, Ref, Stream

_PROBE = "probe"  # an id that no message has: ids are 40 hex digits


class WebhookConnector:
    """One receiver."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: WebhookSettings = context.settings
        self._name = context.name
        self._settings = settings
        self._clock = context.clock
        secrets = [settings.secret, *([settings.previous_secret] if settings.previous_secret else [])]
        try:
            self._keys = [key_of(secret.get_secret_value()) for secret in secrets]
        except ValueError as error:
            raise Rejected(
                f"{context.name}: {error}.", connection=context.name, remedy="Make one with: openssl rand -base64 32"
            ) from None
        self._transport = Transport(
            connection=context.name,
            base_url=settings.url,
            hosts=(),
            pacing=Pacing(per_minute=settings.calls_per_minute, concurrent=1),
            clock=context.clock,
            authorize=self._bearer,
            classify=self._classify,
            transport=context.transport,
            timeout=settings.timeout,
            max_bytes=1024 * 1024,
        )

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """None: it is told, not asked."""
        return {}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Raises Rejected: there is nothing to pull."""
        del cursor
        raise self._no(f"a webhook has no {stream} to pull")

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """Raises Rejected: there is nothing to read."""
        raise self._no(f"a webhook has no {stream} to read ({ref})")

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Send it once per key; where it can be asked, a message it already has is not sent again."""
        body = body_of(action, key)
        if body is None:
            raise self._no(f"a webhook cannot do a {type(action).__name__}")
        already = self._ask(key) if self._settings.read_back else None
        if already is not None:
            return already
        answer = self._transport.request(
            "POST",
            self._settings.url,
            headers={**self._headers(key, body), "Content-Type": "application/json"},
            content=body,
            idempotent=False,
            expect_json=False,
            endpoint="POST webhook",
        )
        if self._settings.receipt == "id" and named_id(answer.body) != key:
            raise OutcomeUnknown(
                f"{self._name}: the receiver answered {answer.status} without naming the message.",
                connection=self._name,
                remedy='Let it answer {"id": the webhook-id}, or set receipt = "status" if any 2xx means that it was taken.',
            )
        return self._receipt(answer, key, found=False)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Ask the receiver. None only where it answers 404 and names the message: a missing page is no "no"."""
        if body_of(action, key) is None:
            raise self._no(f"a webhook cannot do a {type(action).__name__}")
        if not self._settings.read_back:
            raise OutcomeUnknown(
                f"{self._name}: the receiver cannot be asked whether it has a message.",
                connection=self._name,
                remedy="Look there, and say what happened with `duesync outbox resolve`; or set read_back.",
            )
        return self._ask(key)

    def probe(self) -> Probe:
        """Does the receiver answer, and does it take our signature? Sends no message."""
        checks = [self._reach()]
        remedy = "" if self._settings.read_back else "Answer GET url/ID as docs/webhook.md says, and set read_back = true."
        text = "lost answers are looked up" if self._settings.read_back else "a message whose answer was lost waits for you"
        checks.append(Check(name="read back", ok=True if self._settings.read_back else None, detail=text, remedy=remedy))
        return Probe(ok=checks[0].ok is True, company=urlsplit(self._settings.url).hostname, checks=tuple(checks))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Raises Rejected: it sends none to us."""
        del headers
        raise self._no(f"a webhook of ours takes none ({len(body)} bytes)")

    def close(self) -> None:
        """Give back the network connections; twice is fine."""
        self._transport.close()

    # ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, key: IdempotencyKey) -> Receipt | None:
        try:
            answer = self._get(key)
        except NotFound as error:
            if error.code == key:
                return None
            raise self._unclear("404 without naming the message") from None
        if named_id(answer.body) != key:
            raise self._unclear(f"{answer.status} without naming the message")
        return self._receipt(answer, key, found=True)

    def _get(self, message: str) -> Answer:
        parts = urlsplit(self._settings.url)
        address = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{message}"))
        headers = self._headers(message, b"")
        return self._transport.request(
            "GET", address, headers=headers, idempotent=True, expect_json=False, endpoint="GET webhook"
        )

    def _reach(self) -> Check:
        try:
            self._get(_PROBE)
        except NotFound:
            return Check(name="receiver", ok=True, detail="it answers, and takes our signature")
        except AuthExpired as error:
            return Check(name="receiver", ok=False, detail=error.message, remedy=error.remedy)
        except Rejected as error:
            return Check(name="receiver", ok=True, detail=f"it answers ({error.code or 'refusing an empty question'})")
        except ConnectorError as error:
            return Check(name="receiver", ok=False, detail=error.message, remedy=error.remedy)
        return Check(name="receiver", ok=True, detail="it answers")

    # ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _headers(self, message: str, body: bytes) -> dict[str, str]:
        return headers_of(message, body, at=self._clock.now(), keys=self._keys)

    def _bearer(self, refused: bool) -> Mapping[str, str]:
        """The fixed token, where there is one: through the transport, which keeps it out of errors and logs."""
        del refused
        token = self._settings.token
        return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}

    def _receipt(self, answer: Answer, key: IdempotencyKey, *, found: bool) -> Receipt:
        return Receipt(ref=own_ref(answer.body) or key, detail=f"the receiver answered {answer.status}", found=found)

    def _classify(self, response: httpx.Response) -> ConnectorError | None:
        """What a refusal means here; anything else is judged by its status."""
        status = response.status_code
        if status in (401, 403):
            return AuthExpired(
                f"{self._name}: the receiver did not accept our signature or token ({status}).",
                connection=self._name,
                remedy="Give both sides the same secret, and set both clocks: signatures are good for some minutes only.",
            )
        if status == 404 and (named := named_id(response.content)) is not None:
            return NotFound(f"{self._name}: the receiver has no message {named[:80]}.", connection=self._name, code=named)
        if 400 <= status < 500 and status not in (404, 408, 425, 429):
            why = one_line(response.text, 200)
            return Rejected(
                f"{self._name}: the receiver refused it ({status}){f': {why}' if why else ''}.",
                connection=self._name,
                code=str(status),
            )
        return None

    def _unclear(self, what: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self._name}: asked for a message, the receiver answered {what}.",
            connection=self._name,
            remedy='It has to answer 200 with {"id": ID} or 404 with {"id": ID}; see docs/webhook.md.',
        )

    def _no(self, text: str) -> Rejected:
        return Rejected(f"{self._name}: {text}.", connection=self._name)
