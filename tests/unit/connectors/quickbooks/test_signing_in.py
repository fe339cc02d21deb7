"""The connection survives rotation, races, outages and refusals of the token endpoint, and says plainly when it cannot."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from connectors.consent import exchange, invite, read_redirect
from connectors.quickbooks import SPEC
from connectors.quickbooks.api import AUTHORIZE_URL, SCOPE, TOKEN_URL
from core.errors import AuthExpired, PermissionMissing, RateLimited, Transient
from core.ports import Capability, Tokens
from core.records import Stream
from tests.unit.connectors.quickbooks.rig import URL, refs


def works(rig, connector=None) -> bool:
    (page,) = list((connector or rig.qbo).pull(Stream.PARTIES, None))
    return not page.more


@pytest.mark.reliability("quickbooks:1")
def test_a_rotated_refresh_token_is_kept_over_days_and_restarts(rig):
    assert works(rig)
    seen = set()
    for _ in range(10):
        assert works(rig, rig.connect(refresh_token="gone-stale"))
        seen.add(rig.vault.read("qbo").refresh)
        rig.clock.advance(timedelta(hours=25))
    assert len(seen) == 10


@pytest.mark.reliability("quickbooks:1")
def test_a_token_lost_between_answer_and_disk_ends_in_a_plain_request_to_reconnect(rig, monkeypatch):
    assert works(rig)
    rig.clock.advance(timedelta(hours=25))
    before = rig.vault.read("qbo")
    monkeypatch.setattr(rig.vault, "put", lambda name, tokens: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        works(rig)
    monkeypatch.undo()
    assert rig.vault.read("qbo") == before
    with pytest.raises(AuthExpired, match="duesync auth qbo"):
        works(rig, rig.connect())


@pytest.mark.reliability("quickbooks:2")
def test_many_connectors_refresh_once(rig):
    connectors = [rig.connect() for _ in range(8)]
    assert works(rig)
    before = rig.box.oauth.refreshes
    rig.clock.advance(timedelta(hours=25))
    failures = []

    def use(connector):
        try:
            works(rig, connector)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(connector,)) for connector in connectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rig.box.oauth.refreshes == before + 1


@pytest.mark.reliability("quickbooks:3")
def test_a_refused_refresh_overwrites_nothing(rig):
    assert works(rig)
    before = rig.vault.read("qbo")
    rig.box.oauth.revoke()
    with pytest.raises(AuthExpired):
        works(rig)
    assert rig.vault.read("qbo") == before


@pytest.mark.reliability("quickbooks:4")
def test_a_token_still_valid_is_used_although_it_cannot_be_renewed(rig):
    assert works(rig)
    rig.clock.advance(timedelta(minutes=57))
    rig.box.oauth.outage = 1000
    assert works(rig)
    rig.clock.advance(timedelta(minutes=10))
    with pytest.raises(Transient):
        works(rig)


@pytest.mark.reliability("quickbooks:5")
def test_every_refresh_stores_both_expiries(rig):
    works(rig)
    first = rig.vault.read("qbo")
    rig.clock.advance(timedelta(days=2))
    works(rig)
    second = rig.vault.read("qbo")
    assert second.refresh_expires_at - first.refresh_expires_at == pytest.approx(timedelta(days=2), abs=timedelta(minutes=1))
    assert second.access_expires_at > first.access_expires_at
    assert abs(second.consent_expires_at - first.consent_expires_at) < timedelta(minutes=1)


@pytest.mark.reliability("quickbooks:6")
def test_an_outage_of_the_token_endpoint_costs_no_consent(rig):
    works(rig)
    rig.clock.advance(timedelta(hours=25))
    before = rig.vault.read("qbo")
    rig.box.oauth.outage = 50
    with pytest.raises(Transient):
        works(rig)
    assert rig.vault.read("qbo") == before
    rig.box.oauth.outage = 0
    rig.clock.advance(timedelta(minutes=5))
    assert works(rig)


def test_an_expired_access_token_is_renewed_once_within_the_call(rig):
    works(rig)
    rig.box.oauth.expire_access()
    assert works(rig)


def test_the_first_refresh_token_comes_from_the_configuration_only_while_the_vault_is_empty(rig):
    rig.vault.put("qbo", Tokens(access="used-before", refresh=rig.box.oauth.grant.refresh))
    assert works(rig, rig.connect(refresh_token="an-old-one"))
    assert rig.vault.read("qbo").refresh == rig.box.oauth.grant.refresh


def test_a_mistyped_first_refresh_token_can_be_corrected_in_the_configuration(rig):
    with pytest.raises(AuthExpired):
        works(rig, rig.connect(refresh_token="mistyped"))
    assert works(rig, rig.connect())


def test_a_connection_nobody_consented_to_says_so(rigged):
    rig = rigged(refresh_token=None)
    with pytest.raises(AuthExpired, match="not connected yet"):
        works(rig)


def test_a_person_s_consent_connects_the_company_and_only_once(rigged):
    import httpx

    rig = rigged(refresh_token=None)
    provider = SPEC.provider(rig.qbo._settings)
    transport = httpx.MockTransport(rig.box.handle)
    invitation = invite(provider, client_id=rig.box.oauth.client_id, redirect_uri="http://localhost:8456/callback")
    with httpx.Client(transport=transport) as browser:
        landed = browser.get(invitation.url).headers["location"]
    consent = read_redirect(invitation, landed)
    keys = {
        "connection": "qbo",
        "provider": provider,
        "client_id": rig.box.oauth.client_id,
        "client_secret": rig.box.oauth.client_secret,
        "vault": rig.vault,
        "clock": rig.clock,
        "transport": transport,
    }
    tokens = exchange(invitation, consent, **keys)
    assert tokens.realm == rig.box.realm
    assert works(rig)
    with pytest.raises(AuthExpired):
        exchange(invitation, consent, **keys)


@pytest.mark.reliability("quickbooks:27")
def test_a_company_that_disconnected_the_app_says_environment_and_realm(rig):
    rig.box.disconnected = True
    with pytest.raises(AuthExpired, match=rf"{rig.box.realm}.*sandbox"):
        works(rig)


def test_a_lost_right_names_who_can_give_it_back(rig):
    import httpx

    fault = {"Fault": {"Error": [{"Message": "Authorization Failure", "code": "120"}], "type": "AuthorizationFault"}}
    works(rig)
    rig.box.levers.answer_next(lambda: httpx.Response(403, json=fault))
    with pytest.raises(PermissionMissing, match="admin"):
        works(rig)


def test_no_secret_shows_in_an_error_or_a_repr(rig):
    rig.box.oauth.revoke()
    with pytest.raises(AuthExpired) as caught:
        works(rig)
    for text in (str(caught.value), repr(caught.value), repr(rig.qbo), repr(rig.qbo._settings)):
        assert "canary" not in text
        assert rig.box.oauth.client_secret not in text


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("quickbooks:8")
def test_a_throttled_pull_goes_on_where_it_stopped(rigged):
    rig = rigged(page_size=10)
    made = rig.invoices(rig.customer(), 35)
    rig.box.levers.fail_next(
        429, times=3, only=lambda request: "MAXRESULTS" in str(request.url) and "Invoice" in str(request.url)
    )
    cursor, met = None, []
    for _ in range(10):
        try:
            for page in rig.qbo.pull(Stream.INVOICES, cursor):
                cursor = page.cursor
                met += refs([page])
            break
        except RateLimited as error:
            rig.clock.advance(timedelta(seconds=error.retry_after + 1))
    assert sorted(set(met), key=int) == made


@pytest.mark.reliability("quickbooks:8")
def test_six_hundred_calls_stay_within_the_vendor_s_limits(rig):
    from connectors.testing.faults import FixedWindow

    rig.box.per_second = FixedWindow(rig.clock, limit=10, span=1.0)
    for _ in range(600):
        rig.qbo.reread(Stream.PARTIES, "1")
    assert 429 not in {item.status for item in rig.box.levers.log}


@pytest.mark.reliability("quickbooks:9")
def test_a_throttle_without_any_header_waits_a_minute_and_not_longer(rig):
    works(rig)
    rig.box.levers.fail_next(429)
    with pytest.raises(RateLimited) as caught:
        works(rig)
    assert caught.value.retry_after == 60


def test_a_retry_after_is_honoured(rig):
    works(rig)
    rig.box.levers.fail_next(429, retry_after=17)
    with pytest.raises(RateLimited) as caught:
        works(rig)
    assert caught.value.retry_after in (17, 60)


def test_used_up_reads_are_told_as_such(rig):
    works(rig)
    rig.box.quota = rig.box.metered
    with pytest.raises(RateLimited, match="allowance"):
        works(rig)


# ── what is registered ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_provider_is_intuit_s_unless_told_otherwise(rig):
    keys = {"realm_id": "1", "client_id": "c", "client_secret": "env:X"}
    provider = SPEC.provider(SPEC.settings.model_validate(keys))
    assert (provider.token_url, provider.authorize_url, provider.scope) == (TOKEN_URL, AUTHORIZE_URL, SCOPE)
    sandbox = SPEC.provider(SPEC.settings.model_validate(rig.box.settings(URL)))
    assert sandbox.token_url.startswith(URL)


def test_only_writes_that_are_switched_on_are_offered():
    keys = {"realm_id": "1", "client_id": "c", "client_secret": "env:X"}
    assert SPEC.writes(SPEC.settings.model_validate(keys)) == frozenset()
    on = SPEC.settings.model_validate(keys | {"push": {"send_invoice": True, "fields": ["Notes"]}})
    assert SPEC.writes(on) == {Capability.SEND_INVOICE, Capability.SET_FIELD}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"realm_id": "abc"}, "realm_id"),
        ({"realm_id": None}, "realm_id"),
        ({"base_url": "http://example.com"}, "base_url"),
        ({"token_url": "ftp://127.0.0.1"}, "token_url"),
        ({"environment": "live"}, "environment"),
        ({"page_size": 1001}, "page_size"),
        ({"calls_per_second": 50}, "calls_per_second"),
        ({"push": {"fields": ["Line"]}}, "push"),
        ({"pushes": True}, "pushes"),
    ],
)
def test_a_wrong_setting_is_named(change, where):
    from pydantic import ValidationError

    keys = {"realm_id": "1", "client_id": "c", "client_secret": "env:X"} | change
    with pytest.raises(ValidationError) as caught:
        SPEC.settings.model_validate(keys)
    assert {error["loc"][0] for error in caught.value.errors()} == {where}


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://localhost:1/", "https://proxy.example"])
def test_plain_http_is_for_this_machine_only(address):
    keys = {"realm_id": "91 300 99", "client_id": "c", "client_secret": "env:X", "base_url": address}
    found = SPEC.settings.model_validate(keys)
    assert (found.base_url, found.realm_id) == (address.rstrip("/"), "9130099")
