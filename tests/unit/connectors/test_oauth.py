"""OAuth tokens: refreshed once for everybody, durable before use, never lost to a passing failure; consent given once."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog.testing

from connectors import consent
from connectors.oauth import OAuthTokens, Provider, expiry_warnings
from connectors.testing.clocks import SleepingClock
from connectors.testing.faults import Levers
from connectors.testing.serve import serve
from connectors.testing.vault import MemoryVault
from core.errors import AuthExpired, PermissionMissing, RateLimited, Transient, UsageError
from core.ports import Tokens
from core.store import new_vault_key, open_store

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
URL = "https://identity.vendor.example/token"
PROVIDER = Provider(token_url=URL, authorize_url="https://vendor.example/consent", scope="read write offline_access")


class Issuer:
    """A token endpoint whose refresh tokens work once; `grace` more uses of the one before the newest are allowed."""

    def __init__(self, *, grace=0):
        self.levers = Levers()
        self.refresh = "refresh-0"
        self.older = {}
        self.grace = grace
        self.issued = 0
        self.seen = []

    def handle(self, request):
        return self.levers.through(request, self._answer)

    def _answer(self, request):
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.seen.append((form, request.headers.get("authorization")))
        if form["grant_type"] == "refresh_token" and not self._accepts(form["refresh_token"]):
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"})
        if form["grant_type"] == "authorization_code" and form["code"] != "good-code":
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.issued += 1
        body = {"access_token": f"access-{self.issued}", "expires_in": 3600, "token_type": "bearer"}
        if form["grant_type"] != "client_credentials":
            self.older[self.refresh] = self.grace
            self.refresh = f"refresh-{self.issued}"
            body |= {"refresh_token": self.refresh, "x_refresh_token_expires_in": 8640000}
        return httpx.Response(200, json=body)

    def _accepts(self, token):
        if token == self.refresh:
            return True
        self.older[token] = self.older.get(token, 0) - 1
        return self.older[token] >= 0


@pytest.fixture
def clock():
    return SleepingClock(NOW)


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def vault():
    return MemoryVault(books=held())


def held(**changes):
    values = {"access": "access-0", "refresh": "refresh-0", "access_expires_at": NOW + timedelta(hours=1), **changes}
    return Tokens(**values)


@pytest.fixture
def opened(issuer, vault, clock):
    made = []

    def open_tokens(**options):
        options = {
            "provider": PROVIDER,
            "vault": vault,
            "clock": clock,
            "transport": httpx.MockTransport(issuer.handle),
            **options,
        }
        made.append(OAuthTokens(connection="books", client_id="app", client_secret="app-s3cret", **options))
        return made[-1]

    yield open_tokens
    for tokens in made:
        tokens.close()
        tokens.close()


def test_a_token_in_force_is_used_without_asking(opened, issuer):
    assert opened().authorize(False) == {"Authorization": "Bearer access-0"}
    assert issuer.seen == []


def test_a_token_near_its_end_is_refreshed_and_everything_new_is_kept(opened, issuer, vault, clock):
    clock.advance(timedelta(minutes=56))
    assert opened().access_token() == "access-1"
    kept = vault.read("books")
    assert (kept.access, kept.refresh, kept.previous_refresh) == ("access-1", "refresh-1", "refresh-0")
    assert kept.access_expires_at == clock.now() + timedelta(hours=1)
    assert issuer.seen[0][1] == "Basic " + base64.b64encode(b"app:app-s3cret").decode()


@pytest.mark.reliability("quickbooks:5")
def test_both_expiries_are_kept_each_time(opened, issuer, vault, clock):
    for days in (1, 2):
        clock.advance(timedelta(days=1))
        opened().access_token()
        assert vault.read("books").refresh_expires_at == NOW + timedelta(days=100 + days)
    life = Provider(token_url=URL, refresh_life=timedelta(days=60))
    issuer.levers.answer_next(lambda: httpx.Response(200, json={"access_token": "a", "refresh_token": "b", "expires_in": "1800"}))
    clock.advance(timedelta(days=1))
    opened(provider=life).access_token()
    assert vault.read("books").refresh_expires_at == clock.now() + timedelta(days=60)
    assert vault.read("books").access_expires_at == clock.now() + timedelta(minutes=30)


@pytest.mark.reliability("quickbooks:1")
def test_the_rotated_token_is_durable_before_anyone_uses_the_new_access_token(opened, clock, issuer):
    class Dies(MemoryVault):
        def put(self, connection, tokens):
            raise OSError("the machine died here")

    dying = Dies(books=held())
    clock.advance(timedelta(days=1))
    with pytest.raises(OSError, match="died"):
        opened(vault=dying).access_token()
    assert dying.read("books").refresh == "refresh-0"
    # after the restart: the vendor's grace period or, here, the previous token it still knows
    issuer.older["refresh-0"] = 1
    assert opened().access_token() == "access-2"
    clock.advance(timedelta(hours=2))
    assert opened().access_token() == "access-3"


@pytest.mark.reliability("quickbooks:2")
def test_many_threads_refresh_once(opened, issuer, clock):
    clock.advance(timedelta(days=1))
    tokens, found = opened(), []
    threads = [threading.Thread(target=lambda: found.append(tokens.access_token())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {"access-1"}
    assert len(issuer.seen) == 1


_PROCESS = """
import sys
from datetime import UTC, datetime
from connectors.oauth import OAuthTokens, Provider
from core.clock import SystemClock
from core.store import open_store
url, key, token_url = sys.argv[1:]
clock = SystemClock()
store = open_store(url, clock=clock, vault_key=key.encode())
tokens = OAuthTokens(connection="books", provider=Provider(token_url=token_url), client_id="app", client_secret="s",
                     vault=store.vault, clock=clock)
print(tokens.access_token())
tokens.close()
store.close()
"""


@pytest.mark.reliability("quickbooks:2")
@pytest.mark.own_store  # tests/store/test_vault.py has the locks of both kinds
def test_two_processes_on_one_store_refresh_once(issuer, tmp_path):
    class Slow:
        def handle(self, request):
            time.sleep(0.3)  # long enough for the other process to arrive meanwhile
            return issuer.handle(request)

    url, key = f"sqlite:///{tmp_path / 'store.db'}", new_vault_key()
    store = open_store(url, clock=SleepingClock(NOW), vault_key=key)
    store.migrate()
    with store.vault.locked("books") as slot:
        slot.write(held(access_expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    root = Path(__file__).resolve().parents[3]
    with serve(Slow()) as base_url:
        command = [sys.executable, "-c", _PROCESS, url, key.decode(), f"{base_url}/token"]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
        said = [process.communicate(timeout=60)[0].splitlines()[-1] for process in running]
    store.close()
    assert said == ["access-1", "access-1"]
    assert len(issuer.seen) == 1


_DIES = _PROCESS.replace(
    "print(tokens",
    """import os, signal
from core.store.vault import Slot
Slot.write = lambda self, tokens: os.kill(os.getpid(), signal.SIGKILL)
print(tokens""",
)


@pytest.mark.reliability("quickbooks:1")
@pytest.mark.own_store  # tests/store/test_vault.py has the locks of both kinds
def test_killed_between_the_answer_and_the_save_the_next_start_goes_on(issuer, tmp_path):
    """Kill -9 while the lock is held: the lock is free again, the old token is still there, and the vendor's grace repairs it."""
    issuer.older["refresh-0"] = issuer.grace = 1
    url, key = f"sqlite:///{tmp_path / 'store.db'}", new_vault_key()
    store = open_store(url, clock=SleepingClock(NOW), vault_key=key)
    store.migrate()
    with store.vault.locked("books") as slot:
        slot.write(held(access_expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    root = Path(__file__).resolve().parents[3]
    with serve(issuer) as base_url:
        arguments = [url, key.decode(), f"{base_url}/token"]
        dead = subprocess.run([sys.executable, "-c", _DIES, *arguments], cwd=root, timeout=60)
        assert dead.returncode == -9
        assert store.vault.read("books").refresh == "refresh-0"
        said = subprocess.run([sys.executable, "-c", _PROCESS, *arguments], cwd=root, timeout=60, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == "access-2"
    assert store.vault.read("books").refresh == "refresh-2"
    store.close()


def test_a_token_refused_by_the_vendor_is_replaced_unless_a_sibling_did(opened, issuer, vault):
    first, second = opened(), opened()
    assert first.access_token() == second.access_token() == "access-0"
    assert first.access_token(refused=True) == "access-1"
    assert second.access_token(refused=True) == "access-1"
    assert len(issuer.seen) == 1


TROUBLE = [
    lambda levers: levers.fail_next(500, times=9),
    lambda levers: levers.fail_next(503, times=9),
    lambda levers: levers.fail_next(429, retry_after=60, times=9),
    lambda levers: levers.time_out(times=9),
    lambda levers: levers.reset_next(times=9),
    lambda levers: levers.refuse_connection(times=9),
    lambda levers: levers.truncate_next(9, times=9),
    lambda levers: levers.answer_next(lambda: httpx.Response(200, html="<h1>Hotel wifi</h1>"), times=9),
    lambda levers: levers.answer_next(lambda: httpx.Response(200, json={"token_type": "bearer"}), times=9),
    lambda levers: levers.answer_next(lambda: httpx.Response(302, headers={"location": "https://evil.example"}), times=9),
]


@pytest.mark.reliability("quickbooks:4", "quickbooks:6")
@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_on_the_way_drops_no_token_and_a_valid_one_stays_in_use(opened, issuer, vault, clock, trouble):
    trouble(issuer.levers)
    clock.advance(timedelta(minutes=56))
    tokens = opened()
    assert tokens.access_token() == "access-0"
    asked = len(issuer.levers.log)
    assert tokens.access_token() == "access-0"
    assert len(issuer.levers.log) == asked  # not again on every call
    clock.advance(timedelta(minutes=4))
    with pytest.raises(Transient):
        tokens.access_token()
    assert vault.read("books").refresh == "refresh-0"
    assert vault.writes == []
    issuer.levers.clear()
    if not issuer.older:  # a cut-off answer had rotated the token at this vendor
        assert tokens.access_token() == "access-1"


def test_a_passing_failure_is_tried_once_more_at_once(opened, issuer, clock):
    issuer.levers.fail_next(502)
    clock.advance(timedelta(days=1))
    assert opened().access_token() == "access-1"


def test_a_limit_at_the_token_endpoint_says_how_long(opened, issuer, clock):
    issuer.levers.fail_next(429, retry_after=90, times=9)
    clock.advance(timedelta(days=1))
    with pytest.raises(RateLimited) as caught:
        opened().access_token()
    assert caught.value.retry_after == 90
    assert len(issuer.levers.log) == 1


@pytest.mark.reliability("quickbooks:3")
def test_a_refused_consent_names_the_command_and_overwrites_nothing(opened, issuer, vault, clock):
    issuer.refresh = "somebody-else-has-it"
    clock.advance(timedelta(days=1))
    with pytest.raises(AuthExpired, match="duesync auth books"):
        opened().access_token()
    assert vault.read("books") == held()
    assert vault.writes == []


def test_the_previous_refresh_token_is_tried_once(opened, issuer, vault, clock):
    vault.put("books", held(refresh="lost", previous_refresh="refresh-0"))
    clock.advance(timedelta(days=1))
    assert opened().access_token() == "access-1"
    assert [form["refresh_token"] for form, _ in issuer.seen] == ["lost", "refresh-0"]
    issuer.refresh = "gone"
    clock.advance(timedelta(days=1))
    with pytest.raises(AuthExpired):
        opened().access_token()
    assert len(issuer.seen) == 4


@pytest.mark.reliability("quickbooks:4")
def test_a_refused_refresh_leaves_a_valid_access_token_in_use(opened, issuer, clock):
    issuer.refresh = "somebody-else-has-it"
    clock.advance(timedelta(minutes=56))
    assert opened().access_token() == "access-0"


def test_a_connection_never_made_says_so(opened):
    with pytest.raises(AuthExpired, match=r"not connected yet.*duesync auth books"):
        opened(vault=MemoryVault()).access_token()


REFUSALS = [
    ("invalid_client", AuthExpired, "client_id"),
    ("invalid_scope", PermissionMissing, "scopes"),
    ("odd", Transient, "odd"),
]


@pytest.mark.parametrize(("code", "kind", "words"), REFUSALS)
def test_other_refusals_say_what_to_look_at(opened, issuer, clock, code, kind, words):
    issuer.levers.answer_next(lambda: httpx.Response(400, json={"error": code}))
    clock.advance(timedelta(days=1))
    with pytest.raises(kind, match=words):
        opened().access_token()


def test_client_credentials_need_no_consent(opened, issuer, clock):
    vault = MemoryVault()
    provider = Provider(token_url=URL, scope="a b", client_credentials=True)
    tokens = opened(provider=provider, vault=vault)
    assert tokens.access_token() == tokens.access_token() == "access-1"
    assert issuer.seen == [({"grant_type": "client_credentials", "scope": "a b"}, issuer.seen[0][1])]
    clock.advance(timedelta(hours=1))
    assert tokens.access_token() == "access-2"
    assert vault.read("books").refresh is None


def test_secrets_show_nowhere(opened, issuer, clock):
    issuer.levers.answer_next(lambda: httpx.Response(400, json={"error": "refresh-0 app-s3cret"}))
    clock.advance(timedelta(days=1))
    tokens = opened()
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(Transient) as caught:
            tokens.access_token()
        tokens.access_token()
    for text in (str(caught.value), repr(caught.value), repr(tokens), repr(tokens.tokens()), repr(logs)):
        for secret in ("refresh-0", "refresh-1", "access-1", "app-s3cret"):
            assert secret not in text
    assert [entry["event"] for entry in logs] == ["token.refreshed"]


# ── warnings ────────────────────────────────────────────────────────────────────────────────────────────────────────────
WARNINGS = [
    ({}, ()),
    ({"refresh_expires_at": NOW + timedelta(days=31)}, ()),
    ({"refresh_expires_at": NOW + timedelta(days=29, hours=1)}, ("ends on 2026-06-03 (in 29 days), unless it is used before",)),
    ({"refresh_expires_at": NOW - timedelta(days=1)}, ("ended on 2026-05-04",)),
    ({"consent_expires_at": NOW + timedelta(days=366)}, ()),
    ({"consent_expires_at": NOW + timedelta(days=300)}, ("ends on 2027-03-01 (in 300 days), whatever happens",)),
]


@pytest.mark.parametrize(("expiries", "texts"), WARNINGS)
def test_a_person_is_warned_before_a_consent_ends(expiries, texts):
    expected = tuple(f"The consent of books {text}. Run `duesync auth books`." for text in texts)
    assert expiry_warnings(Tokens(access="a", **expiries), NOW, connection="books") == expected


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
REDIRECT = "http://localhost:8457/callback"


@pytest.fixture
def invitation():
    return consent.invite(PROVIDER, client_id="app", redirect_uri=REDIRECT)


def answered(invitation, **fields):
    return str(httpx.URL(REDIRECT, params={"state": invitation.state, **fields}))


def trade(invitation, redirect, issuer, vault, clock):
    return consent.exchange(
        invitation,
        consent.read_redirect(invitation, redirect),
        connection="books",
        provider=PROVIDER,
        client_id="app",
        client_secret="app-s3cret",
        vault=vault,
        clock=clock,
        transport=httpx.MockTransport(issuer.handle),
    )


def test_the_address_to_open_holds_state_challenge_and_scopes(invitation):
    query = parse_qs(urlsplit(invitation.url).query)
    assert query["scope"] == ["read write offline_access"]
    assert "scope=read%20write%20offline_access" in invitation.url
    digest = hashlib.sha256(invitation.verifier.encode()).digest()
    assert query["code_challenge"] == [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()]
    assert query["state"] == [invitation.state]
    assert 43 <= len(invitation.verifier) <= 128
    assert invitation.state != consent.invite(PROVIDER, client_id="app", redirect_uri=REDIRECT).state
    assert invitation.verifier not in repr(invitation)


def test_a_code_becomes_tokens_of_the_company_it_was_given_for(invitation, issuer, clock):
    vault = MemoryVault()
    trade(invitation, answered(invitation, code="good-code", realmId="123"), issuer, vault, clock)
    assert (vault.read("books").access, vault.read("books").realm) == ("access-1", "123")
    ((form, _),) = issuer.seen
    assert form == {
        "grant_type": "authorization_code",
        "code": "good-code",
        "redirect_uri": REDIRECT,
        "code_verifier": invitation.verifier,
    }


def test_a_code_is_exchanged_once_even_when_the_answer_is_lost(invitation, issuer, clock):
    issuer.levers.lose_reply()
    with pytest.raises(Transient, match=r"code is spent\. Start again"):
        trade(invitation, answered(invitation, code="good-code"), issuer, MemoryVault(), clock)
    assert len(issuer.levers.log) == 1


def test_a_refused_code_keeps_what_was_there(invitation, issuer, vault, clock):
    with pytest.raises(AuthExpired, match="Start again"):
        trade(invitation, answered(invitation, code="old-code"), issuer, vault, clock)
    assert vault.read("books") == held()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"code": "good-code", "state": "another"}, "does not belong"),
        ({"error": "access_denied"}, "gave no consent"),
        ({}, "holds no code"),
    ],
)
def test_an_answer_that_is_no_consent_is_explained(invitation, fields, problem):
    with pytest.raises(UsageError, match=problem):
        consent.read_redirect(invitation, answered(invitation, **fields))


def test_the_bare_query_may_be_pasted_too(invitation):
    query = urlsplit(answered(invitation, code="good-code")).query
    assert consent.read_redirect(invitation, f"  ?{query}\n").code == "good-code"
    with pytest.raises(UsageError):
        consent.read_redirect(invitation, json.dumps({"nonsense": 1}))
