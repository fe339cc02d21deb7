"""A Xero sandbox with our connector in front of it, and checks of both against the vendor's own specification."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.datastructures import Headers, ImmutableMultiDict

from connectors.testing.clocks import SleepingClock
from connectors.testing.vault import MemoryVault
from connectors.xero import SPEC
from connectors.xero.connector import XeroConnector
from connectors.xero.sandbox import PREFIX, XeroSandbox
from core.actions import InvoiceMention, PostNote, SendInvoice, SetField
from core.money import Money
from core.ports import ConnectionContext
from core.records import Cursor, Page, Record, Ref, Role, Stream

NOON = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
BASE = "https://xero.test"
WRITES = {"push": {"notes": True, "invoices": True, "fields": True}}
Handle = Callable[[httpx.Request], httpx.Response]


class Stage:
    """One sandbox, its clock, and connectors to it. `pull` keeps cursors as the engine would."""

    def __init__(self, *, handle: Handle | None = None, start: datetime = NOON, **keys: Any) -> None:
        self.clock = SleepingClock(start)
        self.box = XeroSandbox(self.clock)
        self.books = self.box.books
        self.vault = MemoryVault()
        self.keys = keys
        self.handle = handle or self.box.handle
        self.cursors: dict[Stream, Cursor] = {}
        self.connector = self.connect()

    def connect(self, name: str = "xero", **keys: Any) -> XeroConnector:
        settings = SPEC.settings.model_validate({**self.box.settings(BASE), **WRITES, **self.keys, **keys})
        context = ConnectionContext(
            name=name,
            role=Role.BOOKS,
            settings=settings,
            clock=self.clock,
            vault=self.vault,
            timezone="America/New_York",
            currency="USD",
            transport=httpx.MockTransport(lambda request: self.handle(request)),
        )
        connector = SPEC.build(context)
        assert isinstance(connector, XeroConnector)
        return connector

    def close(self) -> None:
        self.connector.close()

    def pages(self, stream: Stream) -> list[Page]:
        found = []
        for page in self.connector.pull(stream, self.cursors.get(stream)):
            self.cursors[stream] = page.cursor
            found.append(page)
        return found

    def pull(self, stream: Stream) -> list[Record]:
        return [record for page in self.pages(stream) for record in page.records]

    def pull_all(self) -> dict[Stream, list[Record]]:
        return {stream: self.pull(stream) for stream in self.connector.streams()}

    def calls(self) -> list[str]:
        """Accounting API requests since the log was last cleared, as "METHOD Path"."""
        return [f"{item.method} {item.path.removeprefix(PREFIX)}" for item in self.box.levers.log if item.path.startswith(PREFIX)]

    def settle(self) -> None:
        """Let the overlap pass and forget the log."""
        self.clock.advance(timedelta(minutes=15))
        self.box.levers.log.clear()

    # ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def client(self, name: str = "Acme Dental", **fields: Any) -> Any:
        return self.books.add_contact(name, EmailAddress="ap@acme.example", **fields)

    def invoice(self, contact: Any, total: Any = "120.00", **fields: Any) -> Any:
        return self.books.add_invoice(contact, total, date(2026, 4, 1), date(2026, 5, 1), **fields)


@contextmanager
def stage(**keys: Any) -> Iterator[Stage]:
    made = Stage(**keys)
    try:
        yield made
    finally:
        made.close()


def note(ref: str, *, stream: Stream = Stream.INVOICES, text: str = "Reminder sent", cause: str = "reminder 1") -> PostNote:
    return PostNote(connection="xero", account="acme", stream=stream, ref=Ref(ref), text=text, cause=cause)


def mail(ref: str, *, cycle: str = "1", to: str | None = None) -> SendInvoice:
    mention = InvoiceMention(
        connection="xero", ref=Ref(ref), digest="d", number="INV-0001", open=Money(12000, "USD"), due_on=date(2026, 5, 1)
    )
    return SendInvoice(connection="xero", account="acme", stage="first", cycle=cycle, invoice=mention, to=to)


def expect(ref: str, value: str | None, *, before: str | None = None, field: str = "expected_on") -> SetField:
    return SetField(
        connection="xero",
        account="acme",
        stream=Stream.INVOICES,
        ref=Ref(ref),
        field=field,
        value=value,
        expected=before,
        cause="promise 1",
    )


# ── the vendor's own specification ──────────────────────────────────────────────────────────────────────────────────────
@cache
def specification(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class ResponseCheck:
    """Every JSON answer of the Accounting API against the response schema of its operation. `problems` lists what differs."""

    def __init__(self, spec_file: Path) -> None:
        spec = specification(spec_file)
        self._registry = Registry().with_resource("urn:xero", Resource(contents=spec, specification=DRAFT202012))
        self._spec = spec
        self._paths = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in spec["paths"]]
        self.checked: list[str] = []
        self.problems: list[str] = []

    def around(self, handle: Handle) -> Handle:
        def checked(request: httpx.Request) -> httpx.Response:
            response = handle(request)
            self.check(request, response)
            return response

        return checked

    def check(self, request: httpx.Request, response: httpx.Response) -> None:
        if not request.url.path.startswith(PREFIX) or "json" not in response.headers.get("content-type", ""):
            return
        path = request.url.path.removeprefix(PREFIX)
        template = min(
            (name for pattern, name in self._paths if pattern.fullmatch(path)), key=lambda name: name.count("{"), default=""
        )
        operation = self._spec["paths"].get(template, {}).get(request.method.lower(), {})
        declared = operation.get("responses", {}).get(str(response.status_code))
        if declared is None:
            return
        while "$ref" in declared:
            declared = self._spec["components"]["responses"][declared["$ref"].rsplit("/", 1)[-1]]
        schema = declared["content"]["application/json"]["schema"]
        validator = Draft202012Validator(
            self._absolute(schema), registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        self.checked.append(f"{request.method} {template} {response.status_code}")
        self.problems += [
            f"{request.method} {path}: {'/'.join(map(str, error.absolute_path))}: {error.message[:120]}"
            for error in validator.iter_errors(json.loads(response.content))
        ]

    @staticmethod
    def _absolute(schema: Any) -> Any:
        return json.loads(json.dumps(schema).replace('"#/', '"urn:xero#/'))


class RequestCheck:
    """Every request against the strict form of Xero's specification: bodies, parameters, path ids, nothing unknown.

    Does in process what a validating proxy does on the wire. One difference is named: the specification has If-Modified-Since as
    RFC 3339, Xero's page on requests says `yyyy-mm-ddThh:mm:ss`; we send what the page says, and it is checked with a zone added.
    """

    def __init__(self, strict_file: Path) -> None:
        self._spec = json.loads(strict_file.read_text(encoding="utf-8"))
        self._api = OpenAPI.from_dict(self._spec, config=Config(spec_validator_cls=None))  # type: ignore[arg-type]
        self.checked: list[str] = []
        self.violations: list[str] = []

    def around(self, handle: Handle) -> Handle:
        def checked(request: httpx.Request) -> httpx.Response:
            self.check(request)
            return handle(request)

        return checked

    def check(self, request: httpx.Request) -> None:
        if not request.url.path.startswith(PREFIX):
            return
        call = f"{request.method} {request.url.path.removeprefix(PREFIX)}"
        self.checked.append(call)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openapi-core cannot check OAuth2 and says so; the sandbox checks tokens
            try:
                self._api.validate_request(_Shown(request))
            except OpenAPIError as error:
                self.violations.append(f"{call}: {error} {error.__cause__ or ''}"[:400])
        unknown = set(request.url.params) - self._known(request)
        if unknown:
            self.violations.append(f"{call}: unknown parameters {sorted(unknown)}")
        if not request.headers.get("authorization", "").startswith("Bearer "):
            self.violations.append(f"{call}: no bearer token")
        if not request.headers.get("xero-tenant-id"):  # a validating proxy takes an empty header for a missing one
            self.violations.append(f"{call}: no xero-tenant-id")
        if len(request.headers.get("idempotency-key", "")) > 128:
            self.violations.append(f"{call}: Idempotency-Key too long")

    def _known(self, request: httpx.Request) -> set[str]:
        path = request.url.path.removeprefix(PREFIX)
        for template, item in self._spec["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and request.method.lower() in item:
                parameters = [*item.get("parameters", []), *item[request.method.lower()].get("parameters", [])]
                return {self._resolved(parameter)["name"] for parameter in parameters}
        return set()

    def _resolved(self, parameter: Any) -> Any:
        ref = parameter.get("$ref")
        return self._spec["components"]["parameters"][ref.rsplit("/", 1)[-1]] if ref else parameter


class _Shown:
    """A request as openapi-core wants to see one."""

    host_url = "https://api.xero.com"

    def __init__(self, request: httpx.Request) -> None:
        headers = dict(request.headers)
        if "if-modified-since" in headers:
            headers["if-modified-since"] += "Z"
        self.path = request.url.path
        self.method = request.method.lower()
        self.body = request.content or None
        self.content_type = headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.url.params.multi_items()), header=Headers(headers), cookie=ImmutableMultiDict()
        )
