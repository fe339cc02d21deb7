"""The door that is an SFTP server. Its host key is pinned: whoever cannot show that key gets nothing, not even a login.

A hand-over is written beside its place and put there by one rename (posix-rename@openssh.com where the server has it).
Needs the extra `agency` (paramiko).
"""

from __future__ import annotations

import logging
import socket
import stat
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from posixpath import join
from typing import Any

from connectors.agency.mapping import FROM_AGENCY, TO_AGENCY, report_names
from connectors.agency.settings import AgencyDoorSettings
from core.actions import IdempotencyKey
from core.collections.reports import LARGEST
from core.errors import AuthExpired, ConnectorError, OutcomeUnknown, Rejected, Transient, UsageError
from core.ports import AgencyFile, Check


class SftpDoor:
    """One login, opened when first needed."""

    def __init__(self, settings: AgencyDoorSettings, *, connection: str) -> None:
        self._settings = settings
        self._connection = connection
        self._ssh = _library()
        self._transport: Any = None
        self._client: Any = None

    def holds(self, name: str, key: IdempotencyKey) -> bool:
        """Is the hand-over's folder there?"""
        del key
        client = self._open()
        try:
            return stat.S_ISDIR(client.stat(self._at(TO_AGENCY, name)).st_mode or 0)
        except FileNotFoundError:
            return False
        except self._failures as error:
            raise self._broken(error) from None

    def deliver(self, name: str, key: IdempotencyKey, files: Sequence[tuple[str, bytes]]) -> str:
        """Write everything beside it, then rename it into place."""
        client = self._open()
        partial, target = self._at(TO_AGENCY, f".{name}.partial"), self._at(TO_AGENCY, name)
        try:
            self._folder(self._at(TO_AGENCY))
            self._folder(partial)
            for file, content in files:
                with client.open(join(partial, file), "wb") as remote:
                    remote.write(content)
        except self._failures as error:
            raise self._broken(error) from None
        try:
            self._rename(partial, target)
        except self._failures as error:
            self.close()
            raise OutcomeUnknown(
                f"{self._connection}: the connection broke as {name} was put into place ({type(error).__name__}).",
                connection=self._connection,
                remedy="It is looked for there before anything else is done.",
            ) from None
        return f"{len(files)} file(s) in {target}, key {key[:12]}"

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """Files in from-agency."""
        client = self._open()
        place = self._at(FROM_AGENCY)
        try:
            names = [item.filename for item in client.listdir_attr(place) if stat.S_ISREG(item.st_mode or 0)]
            for name in report_names(names, seen):
                with client.open(join(place, name), "rb") as file:
                    yield AgencyFile(name=name, content=file.read(LARGEST + 1))
        except FileNotFoundError:
            return
        except self._failures as error:
            raise self._broken(error) from None

    def check(self) -> Check:
        """Log in and look at the folder."""
        client = self._open()
        try:
            client.stat(self._settings.directory)
        except FileNotFoundError:
            remedy = "Correct directory, or ask the agency."
            return Check(name="agency sftp", ok=False, detail=f"{self._settings.directory} is not there", remedy=remedy)
        except self._failures as error:
            raise self._broken(error) from None
        return Check(name="agency sftp", ok=True, detail=f"{self._where} shows the key it should and takes our login")

    def close(self) -> None:
        """Leave the server. May be called twice."""
        transport, self._transport, self._client = self._transport, None, None
        if transport is not None:
            with suppress(OSError, EOFError):
                transport.close()

    # ── the connection ──────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def _failures(self) -> tuple[type[BaseException], ...]:
        return (OSError, EOFError, self._ssh.SSHException)

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _at(self, *parts: str) -> str:
        return join(self._settings.directory, *parts)

    def _open(self) -> Any:
        if self._client is None:
            try:
                self._connect()
            except ConnectorError:
                self.close()
                raise
            except self._failures as error:
                self.close()
                raise self._broken(error) from None
        return self._client

    def _connect(self) -> None:
        settings = self._settings
        line = socket.create_connection((str(settings.host), settings.port), timeout=settings.timeout)
        self._transport = transport = self._ssh.Transport(line)
        transport.auth_timeout = settings.timeout
        wanted = self._pinned()
        options = transport.get_security_options()
        options.key_types = [name for name in options.key_types if name in _algorithms(wanted.get_name())]
        transport.start_client(timeout=settings.timeout)
        if transport.get_remote_server_key() != wanted:
            raise Rejected(
                f"{self._connection}: {self._where} shows another key than host_key. Nothing was sent.",
                connection=self._connection,
                remedy="Somebody may be in between. Ask the agency whether its key changed before you change host_key.",
            )
        self._log_in(transport)
        self._client = self._ssh.SFTPClient.from_transport(transport)
        self._client.get_channel().settimeout(settings.timeout)

    def _log_in(self, transport: Any) -> None:
        settings = self._settings
        try:
            if settings.key_file is not None:
                transport.auth_publickey(settings.username, self._private_key())
            else:
                assert settings.password is not None
                transport.auth_password(settings.username, settings.password.get_secret_value())
        except self._ssh.AuthenticationException:
            raise AuthExpired(
                f"{self._connection}: {self._where} does not let {settings.username} in.",
                connection=self._connection,
                remedy="Correct username, password or key_file, or ask the agency.",
            ) from None

    def _pinned(self) -> Any:
        name, _, text = str(self._settings.host_key).strip().partition(" ")
        try:
            return self._ssh.PKey.from_type_string(name, b64decode(text, validate=True))
        except (ValueError, self._ssh.SSHException) as error:
            raise Rejected(f"{self._connection}: host_key cannot be read: {error}.", connection=self._connection) from None

    def _private_key(self) -> Any:
        try:
            return self._ssh.PKey.from_path(self._settings.key_file)
        except (OSError, ValueError, TypeError, self._ssh.SSHException) as error:
            raise Rejected(
                f"{self._connection}: key_file cannot be used ({type(error).__name__}).",
                connection=self._connection,
                remedy="It must be a private key without a passphrase that this user can read.",
            ) from None

    def _folder(self, path: str) -> None:
        try:
            self._client.stat(path)
        except FileNotFoundError:
            self._client.mkdir(path)

    def _rename(self, old: str, new: str) -> None:
        try:
            self._client.posix_rename(old, new)
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise
            self._client.rename(old, new)

    def _broken(self, error: BaseException) -> Transient:
        self.close()
        return Transient(
            f"{self._connection}: {self._where} cannot be used ({type(error).__name__}: {str(error)[:80] or 'no answer'}).",
            connection=self._connection,
            remedy="Check host, port and directory; the daemon tries again by itself.",
        )


def _algorithms(key_type: str) -> tuple[str, ...]:
    """By which signatures a key of this type may be shown: RSA keys also sign with SHA-2 (RFC 8332)."""
    return ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if key_type == "ssh-rsa" else (key_type,)


def _library() -> Any:
    try:
        import paramiko
    except ImportError:
        raise UsageError("an agency by SFTP needs paramiko", remedy="Install it with: pip install 'duesync[agency]'") from None
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it would print with a traceback is told by our errors
    return paramiko
