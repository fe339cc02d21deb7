"""Signing in to Xero and staying within its limits: tokens, scopes, tenants, and every 429 for what it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog

from connectors.consent import exchange, invite, read_redirect
from connectors.xero.api import provider_of
from connectors.xero.sandbox import Organisation
from connectors.xero.settings import XeroSettings
from core.actions import idempotency_key
from core.errors import AuthExpired, ConnectorError, PermissionMissing, RateLimited, Transient
from core.ports import Tokens
from core.records import Ref, Stream
from tests.unit.connectors.xero.kit import BASE, Stage, note, stage

CONSENT = {"grant": "authorization_code", "tenant_id": None}


@pytest.fixture
def consented() -> Iterator[Stage]:
    """A connection by a person's consent, through the sandbox's own sign-in page."""
    with stage(**CONSENT) as made:
        agree(made)
        yield made


def settings_of(made: Stage, **keys: Any) -> XeroSettings:
    found = XeroSettings.model_validate({**made.box.settings(BASE), **made.keys, **keys})
    if found.client_secret is not None:
        assert "secret" not in repr(found.client_secret)
    return found


def agree(made: Stage, *, secret: bool = True) -> Tokens:
    settings = settings_of(made) if secret else settings_of(made, client_secret=None)
    provider, redirect = provider_of(settings), "http://localhost:8456/callback"
    invitation = invite(provider, client_id=settings.client_id, redirect_uri=redirect)
    landed = made.box.handle(httpx.Request("GET", invitation.url)).headers["location"]
    return exchange(
        invitation,
        read_redirect(invitation, landed),
        connection="xero",
        provider=provider,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value() if settings.client_secret else None,
        vault=made.vault,
        clock=made.clock,
        transport=httpx.MockTransport(made.box.handle),
    )


def test_a_consent_with_pkce_connects_with_and_without_a_secret() -> None:
    for secret in (True, False):
        with stage(**CONSENT) as made:
            tokens = agree(made, secret=secret)
            assert tokens.refresh is not None
            made.invoice(made.client())
            assert len(made.pull(Stream.INVOICES)) == 1


def test_scopes_are_asked_for_with_percent_20(consented: Stage) -> None:
    settings = settings_of(consented)
    url = invite(provider_of(settings), client_id="c", redirect_uri="http://localhost/x").url
    assert "scope=offline_access%20accounting.contacts.read%20" in url
    assert "+" not in url


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T3")
def test_a_crash_between_refresh_and_save_does_not_lose_the_connection(consented: Stage) -> None:
    before = consented.vault.read("xero")
    assert before is not None
    consented.clock.advance(timedelta(minutes=40))
    consented.connector.api.get("Organisation")  # rotates the refresh token …
    consented.vault.put("xero", before)  # … and the crash forgets the new one
    consented.clock.advance(timedelta(minutes=29))  # Xero takes the old one for half an hour
    fresh = consented.connect()
    fresh.api.get("Organisation")
    fresh.close()
    assert consented.box.access.refreshes == 2


@pytest.mark.reliability("xero:T3")
def test_two_workers_cause_one_refresh(consented: Stage) -> None:
    consented.clock.advance(timedelta(minutes=40))
    workers = [consented.connect() for _ in range(4)]
    threads = [threading.Thread(target=lambda worker=worker: worker.api.get("Organisation")) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.close()
    assert consented.box.access.refreshes == 1


@pytest.mark.reliability("xero:T3")
def test_a_consent_taken_back_is_one_clear_error_and_no_loop(consented: Stage) -> None:
    consented.box.access.revoke()
    for _ in range(2):
        consented.box.levers.log.clear()
        with pytest.raises(AuthExpired, match="invalid_grant") as error:
            consented.pull(Stream.INVOICES)
        assert "duesync auth xero" in error.value.remedy
        assert len([item for item in consented.box.levers.log if item.path == "/connect/token"]) <= 2


@pytest.mark.reliability("xero:T3")
def test_a_token_server_that_fails_keeps_the_tokens(consented: Stage) -> None:
    held = consented.vault.read("xero")
    consented.clock.advance(timedelta(minutes=40))
    failing = [True]

    def sometimes(request: httpx.Request) -> httpx.Response:
        if failing and request.url.path == "/connect/token":
            return httpx.Response(503)
        return consented.box.handle(request)

    consented.handle = sometimes
    with pytest.raises(Transient):
        consented.pull(Stream.INVOICES)
    assert consented.vault.read("xero") == held
    failing.clear()
    assert consented.pull(Stream.INVOICES) == []


def test_a_custom_connection_needs_no_consent_and_no_tenant(at_xero: Stage) -> None:
    at_xero.connector.close()
    at_xero.connector = at_xero.connect(tenant_id=None)
    at_xero.pull(Stream.INVOICES)
    at_xero.clock.advance(timedelta(hours=2))
    at_xero.pull(Stream.INVOICES)
    assert [item.path for item in at_xero.box.levers.log].count("/connect/token") == 2
    assert not [item for item in at_xero.box.levers.log if "onnections" in item.path]


def test_a_consent_over_two_organisations_asks_which(consented: Stage) -> None:
    other = Organisation(consented.clock, name="Second Ltd")
    tenant = consented.box.add_tenant(other)
    with pytest.raises(AuthExpired, match="Second Ltd") as error:
        consented.pull(Stream.INVOICES)
    assert "tenant_id" in error.value.remedy
    other.add_contact("Over there")
    connector = consented.connect(tenant_id=tenant)
    (page,) = connector.pull(Stream.PARTIES, None)
    assert [getattr(record, "name", "") for record in page.records] == ["Over there"]
    connector.close()


@pytest.mark.reliability("xero:T15")
def test_a_disconnected_organisation_is_said_and_not_hammered(consented: Stage) -> None:
    consented.pull(Stream.INVOICES)
    consented.box.access.tenants.clear()
    consented.settle()
    with pytest.raises(AuthExpired, match="no organisation"):
        consented.pull(Stream.INVOICES)
    assert consented.calls() == ["GET /Invoices"]


# ── scopes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T16")
def test_a_missing_scope_is_named_and_no_token_refreshed_for_it() -> None:
    lacking = ["offline_access", "accounting.contacts.read", "accounting.settings.read"]
    with stage(grant="authorization_code", scopes=lacking) as made:
        agree(made)
        made.connector.api.get("Organisation")
        made.box.levers.log.clear()
        for _ in range(3):
            with pytest.raises(PermissionMissing, match=r"accounting\.invoices\.read") as error:
                made.pull(Stream.INVOICES)
        assert "duesync auth xero" in error.value.remedy
        assert [item.path for item in made.box.levers.log].count("/connect/token") == 0
        assert made.calls() == ["GET /Invoices"] * 3
        remark = note(made.client()["ContactID"], stream=Stream.PARTIES)
        with pytest.raises(PermissionMissing, match=r"scope accounting\.contacts for"):
            made.connector.push(remark, idempotency_key(remark))


@pytest.mark.reliability("xero:T16")
def test_a_scope_the_app_may_not_have_is_said_at_sign_in(at_xero: Stage) -> None:
    at_xero.box.access.app_scopes = frozenset({"accounting.contacts.read"})
    with pytest.raises(PermissionMissing, match=r"accounting\.invoices"):
        at_xero.pull(Stream.INVOICES)
    probe = at_xero.connector.probe()
    assert not probe.ok
    assert "developer portal" in probe.checks[0].remedy


def test_broad_scopes_of_older_apps_are_enough() -> None:
    from connectors.xero import scopes

    old = ("accounting.transactions.read", "accounting.contacts", "accounting.settings.read")
    wanted = ("offline_access", "accounting.invoices.read", "accounting.payments.read", "accounting.contacts.read")
    assert scopes.missing(wanted, old) == ()
    assert scopes.missing(("accounting.invoices",), old) == ("accounting.invoices",)
    assert scopes.missing(("accounting.contacts",), ("accounting.contacts.read",)) == ("accounting.contacts",)


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T1", "xero:T21")
def test_a_day_limit_parks_this_connection_at_once_and_no_other(at_xero: Stage) -> None:
    answer = {
        "Retry-After": "73451",
        "X-Rate-Limit-Problem": "day",
        "X-MinLimit-Remaining": "60",
        "X-DayLimit-Remaining": "0",
    }
    at_xero.connector.api.get("Organisation")
    at_xero.settle()
    before = at_xero.clock.now()
    at_xero.box.levers.answer_next(lambda: httpx.Response(429, headers=answer))
    with pytest.raises(RateLimited, match=r"day limit.*60 left this minute, 0 left this day") as error:
        at_xero.pull(Stream.INVOICES)
    assert error.value.retry_after == 73451
    assert at_xero.clock.now() == before  # nobody slept
    with pytest.raises(RateLimited):
        at_xero.connector.reread(Stream.PARTIES, Ref("00000000-0000-0000-0000-000000000001"))
    assert at_xero.calls() == ["GET /Invoices"]
    other = at_xero.connect("other")
    assert list(other.pull(Stream.INVOICES, None))
    other.close()
    elsewhere = Organisation(at_xero.clock, name="Second Ltd")
    tenant = at_xero.box.add_tenant(elsewhere)
    at_xero.box.limits.day = 0
    third = at_xero.connect("third")
    with pytest.raises(RateLimited):
        list(third.pull(Stream.INVOICES, None))
    third.close()
    second = at_xero.connect("fourth", tenant_id=tenant)
    assert list(second.pull(Stream.INVOICES, None))
    second.close()
    at_xero.box.limits.day = 5000
    at_xero.clock.advance(timedelta(seconds=73460))
    at_xero.pull(Stream.INVOICES)


@pytest.mark.reliability("xero:T21")
def test_a_minute_limit_is_named_with_its_wait(at_xero: Stage) -> None:
    at_xero.box.limits.minute = 3
    for _ in range(3):
        at_xero.connector.api.get("Organisation")
    with pytest.raises(RateLimited, match=r"minute limit is reached \(0 left this minute, \d+ left this day\)") as error:
        at_xero.pull(Stream.INVOICES)
    assert 0 < (error.value.retry_after or 0) <= 60


@pytest.mark.reliability("xero:T21")
def test_a_concurrency_limit_without_retry_after_is_waited_out_shortly(at_xero: Stage) -> None:
    at_xero.invoice(at_xero.client())
    at_xero.box.levers.answer_next(
        lambda: httpx.Response(429, headers={"X-Rate-Limit-Problem": "concurrent"}),
        times=2,
        only=lambda request: request.url.path.endswith("/Invoices"),
    )
    before = at_xero.clock.now()
    assert len(at_xero.pull(Stream.INVOICES)) == 1
    assert at_xero.clock.now() - before < timedelta(seconds=5)


def test_the_last_calls_of_a_day_are_kept_for_reminders() -> None:
    with stage(day_reserve=100) as at_xero:
        ref = str(at_xero.invoice(at_xero.client())["InvoiceID"])
        at_xero.box.limits.day = 103
        at_xero.connector.api.get("Organisation")
        at_xero.pull(Stream.PARTIES)
        at_xero.connector.api.get("Organisation")
        with pytest.raises(RateLimited, match="kept for reminders"):
            at_xero.pull(Stream.INVOICES)
        assert at_xero.connector.reread(Stream.INVOICES, Ref(ref)) is not None
        at_xero.connector.push(note(ref), idempotency_key(note(ref)))
        at_xero.clock.advance(timedelta(hours=1, minutes=1))
        at_xero.pull(Stream.INVOICES)


def test_our_own_budget_keeps_below_xeros_minute(at_xero: Stage) -> None:
    for _ in range(150):
        at_xero.connector.api.get("Organisation")
    assert {item.status for item in at_xero.box.levers.log} == {200}


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T23")
def test_no_token_or_secret_shows_in_logs_errors_or_repr(at_xero: Stage) -> None:
    errors: list[ConnectorError] = []
    leaked: list[str] = []

    def spill(request: httpx.Request) -> httpx.Response:
        token = request.headers.get("authorization", "")
        if request.url.path == "/connect/token":
            return at_xero.box.handle(request)
        leaked.append(token.removeprefix("Bearer "))
        body = {"Type": "ValidationException", "Message": f"refused {token}", "Elements": []}
        return httpx.Response(400, json=body)

    at_xero.handle = spill
    with structlog.testing.capture_logs() as logs:
        for stream in at_xero.connector.streams():
            try:
                at_xero.pull(stream)
            except ConnectorError as error:
                errors.append(error)
    assert len(errors) == 8
    shown = " ".join(
        [repr(logs), *map(str, errors), *map(repr, errors), repr(at_xero.connector), repr(at_xero.vault.read("xero"))]
    )
    for secret in (*leaked, at_xero.box.access.client_secret, at_xero.box.webhook_key):
        assert secret
        assert secret not in shown
    assert at_xero.box.access.client_secret not in repr(settings_of(at_xero))
