"""Two mail servers: aiosmtpd, which nobody of ours wrote, and a scripted one that breaks where it is told to."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"


class Sink(Mailbox):
    """Keeps what it takes in a Maildir; refuses the addresses it is told to."""

    def __init__(self, folder: Path, refuse: dict[str, str] | None = None) -> None:
        super().__init__(str(folder))
        self.refuse = refuse or {}
        self.sessions: set[int] = set()
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        self.sessions.add(id(session))
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return str(await super().handle_DATA(server, session, envelope))


def _check(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
    passwords = (b"open sesame", "Öffne dich, Sesam".encode())
    good = getattr(data, "login", b"") == b"duesync" and getattr(data, "password", b"") in passwords
    return AuthResult(success=good, handled=False)


class _AnyPort(Controller):
    """Listens on a free port and knows which."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def sink(
    folder: Path, *, refuse: dict[str, str] | None = None, tls: Path | None = None, login: bool = False
) -> Iterator[tuple[int, Sink]]:
    """A running server; yields its port and what it keeps. `tls` is a PEM file of certificate and key."""
    handler = Sink(folder, refuse)
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
    options = {"tls_context": context, "require_starttls": True} if context else {}
    if login:
        options |= {"authenticator": _check, "auth_required": True, "auth_require_tls": tls is not None}
    controller = _AnyPort(handler, hostname=HOST, port=0, **options)
    controller.start()
    try:
        yield controller.port, handler
    finally:
        controller.stop()


def certificate(folder: Path, *, name: str = "localhost") -> Path:
    """A self-signed certificate for loopback, with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(now + timedelta(days=20_000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@dataclass
class Script:
    """Replies by command ("" is the greeting, "BODY" the answer to the mail itself); `drop` breaks the line at that command."""

    replies: dict[str, str] = field(default_factory=dict)
    drop: set[str] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def reply(self, command: str) -> str | None:
        """What to say; None to hang up."""
        self.commands.append(command)
        if command in self.drop:
            return None
        usual = {"": "220 ready", "EHLO": "250 here", "DATA": "354 go on", "QUIT": "221 bye"}
        return self.replies.get(command, usual.get(command, "250 OK"))


@contextmanager
def scripted(script: Script) -> Iterator[int]:
    """A server that does what `script` says; yields its port."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, command: str) -> bool:
            text = script.reply(command)
            if text is not None:
                self.wfile.write(f"{text}\r\n".encode())
            return text is not None

        def handle(self) -> None:
            if not self.say(""):
                return
            while line := self.rfile.readline():
                command = line.split()[0].decode().upper().partition(":")[0]
                if not self.say(command) or command == "QUIT":
                    return
                taking = command == "DATA" and script.replies.get("DATA", "354").startswith("354")
                if taking and not self.take_body():
                    return

        def take_body(self) -> bool:
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                line = self.rfile.readline()
                if not line:
                    return False
                body += line
            script.bodies.append(body)
            return self.say("BODY")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
