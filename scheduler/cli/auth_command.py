"""`duesync auth CONNECTION`: a person's consent, once; the tokens go into the vault and nowhere else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from connectors.consent import exchange, invite, read_redirect
from connectors.oauth import Provider, expiry_warnings
from core.errors import UsageError
from core.settings import with_secrets
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.session import ConfigOption, JsonOption, chosen, opened

_PAGE = (
    b'<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>duesync</title>'
    b"<p>Consent received. You can close this page."
)


def auth(
    connection: Annotated[str, typer.Argument(help="Which connection.")],
    redirect_uri: Annotated[str, typer.Option("--redirect-uri", help="As registered with the vendor's app.")] = (
        "http://localhost:8456/callback"
    ),
    paste: Annotated[bool, typer.Option("--paste", help="Paste the address you land on, instead of a local callback.")] = False,
    answer: Annotated[str | None, typer.Option("--answer", help="The address you landed on, for scripts.", hidden=True)] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Connect to a vendor that asks for consent (QuickBooks, Xero). Opens nothing by itself: it prints the address to open."""
    with opened(config, json) as app:
        provider = _provider(app, connection)
        settings: Any = with_secrets(app.loaded.connectors[connection], connection)
        if provider.client_credentials:
            raise UsageError(f"{connection} signs in by itself; nobody's consent is needed", remedy="Try: duesync doctor")
        invitation = invite(provider, client_id=settings.client_id, redirect_uri=redirect_uri)
        console.note("Open this address in a browser where you are signed in to the company, and allow the access:")
        console.err.print(invitation.url, soft_wrap=True, markup=False)
        landed = answer or (_paste() if paste or not _is_local(redirect_uri) else _await(redirect_uri))
        secret = settings.client_secret.get_secret_value() if settings.client_secret is not None else None
        tokens = exchange(
            invitation,
            read_redirect(invitation, landed),
            connection=connection,
            provider=provider,
            client_id=settings.client_id,
            client_secret=secret,
            vault=app.store.vault,
            clock=app.clock,
            transport=app.transport,
        )
        warnings = expiry_warnings(tokens, app.clock.now(), connection=connection)
    if chosen.json:
        console.print_json({"connection": connection, "realm": tokens.realm, "refresh_expires_at": tokens.refresh_expires_at})
        return
    console.say(f"{connection} is connected." + (f" Company id {tokens.realm}." if tokens.realm else ""))
    for warning in warnings:
        console.note(warning)


def _provider(app: App, connection: str) -> Provider:
    spec = app.spec(connection)
    if spec.provider is None:
        raise UsageError(f"{connection} ({spec.name}) needs no consent", remedy="Its credentials stand in the configuration.")
    found = spec.provider(app.loaded.connectors[connection])
    if not isinstance(found, Provider):
        raise UsageError(f"the connector {spec.name} does not say how to sign in")
    return found


def _is_local(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")


def _paste() -> str:
    return str(typer.prompt("Paste the whole address of the page you land on", err=True, hide_input=True))


def _await(redirect_uri: str, seconds: float = 300.0) -> str:
    """The address the browser is sent to, caught by a server on loopback that answers once."""
    parts = urlsplit(redirect_uri)
    landed: list[str] = []
    done = threading.Event()

    class Callback(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == parts.path:
                landed.append(self.path)
            self.send_response(200 if landed else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(_PAGE if landed else b"")
            if landed:
                done.set()

        def log_message(self, *_: object) -> None:
            """Say nothing: the path holds the code."""

    with HTTPServer(("127.0.0.1", parts.port or 80), Callback) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        came = done.wait(seconds)
        server.shutdown()
    if not came:
        raise UsageError("nobody came back within five minutes", remedy="Start again, or use --paste.")
    return landed[0]
