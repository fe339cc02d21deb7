"""Getting a person's consent: the address to open, and the tokens for the code the vendor sends back (RFC 6749 §4.1, RFC 7636).

Used by `duesync auth`. A code is exchanged exactly once, also when the answer is lost: a second exchange makes Intuit invalidate
the tokens of the first (quickbooks.md §1.3). The state must match, or a stranger's code would connect a stranger's books.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx

from connectors.oauth import Provider, tokens_from
from connectors.tokencall import TokenCall, TokenRefused
from core.clock import Clock
from core.errors import AuthExpired, Transient, UsageError
from core.ports import Tokens, TokenVault


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One request for consent. `url` is what the person opens; the rest is kept until the answer comes, and used once."""

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def invite(provider: Provider, *, client_id: str, redirect_uri: str) -> Invitation:
    """A fresh invitation with its own state and PKCE verifier (S256). Scopes are separated by %20: Xero refuses "+"."""
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": provider.scope,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    url = f"{provider.authorize_url}?{urlencode(query, quote_via=quote, safe='')}"
    return Invitation(url=url, redirect_uri=redirect_uri, state=state, verifier=verifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What came back with the person: the code, and the company it is for (Intuit's realmId)."""

    code: str = field(repr=False)
    realm: str | None = None


def read_redirect(invitation: Invitation, redirect: str) -> Consent:
    """The consent in the address the vendor sent the browser to, whole or only its query. UsageError says what is wrong."""
    given = parse_qs(urlsplit(redirect.strip()).query or redirect.strip().lstrip("?"))
    first = {name: values[0] for name, values in given.items()}
    if not hmac.compare_digest(first.get("state", "").encode(), invitation.state.encode()):
        raise UsageError(
            "This answer does not belong to the request that was just opened (its state differs).",
            remedy="Start again and paste the address of the page you land on, whole.",
        )
    if "error" in first:
        raise UsageError(
            f"The vendor gave no consent ({first['error'][:60]}).", remedy="Start again and allow the access asked for."
        )
    if not first.get("code"):
        raise UsageError("The address holds no code.", remedy="Paste the address of the page you land on, whole.")
    return Consent(code=first["code"], realm=first.get("realmId"))


def exchange(
    invitation: Invitation,
    consent: Consent,
    *,
    connection: str,
    provider: Provider,
    client_id: str,
    client_secret: str | None,
    vault: TokenVault,
    clock: Clock,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Tokens:
    """Trade the code for tokens, once, and keep them. AuthExpired when refused, Transient when the answer was lost."""
    call = TokenCall(
        connection=connection,
        url=provider.token_url,
        client_id=client_id,
        client_secret=client_secret,
        basic_auth=provider.basic_auth,
        headers=provider.headers,
        clock=clock,
        transport=transport,
        timeout=30.0,
        sleep=sleep,
    )
    form = {
        "grant_type": "authorization_code",
        "code": consent.code,
        "redirect_uri": invitation.redirect_uri,
        "code_verifier": invitation.verifier,
    }
    try:
        answer = call.post(form, once=True)
    except TokenRefused as refusal:
        raise AuthExpired(
            f"{connection}: the vendor refused the code ({refusal.code}).",
            connection=connection,
            remedy="Start again: a code works once and only for a few minutes.",
        ) from None
    except Transient as error:
        raise Transient(f"{error.message} The code is spent.", connection=connection, remedy="Start again.") from None
    finally:
        call.close()
    tokens = replace(tokens_from(answer, now=clock.now(), provider=provider, before=None), realm=consent.realm)
    with vault.locked(connection) as slot:
        slot.write(tokens)
    return tokens
