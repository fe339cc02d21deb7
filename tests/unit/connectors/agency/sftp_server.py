"""A real SFTP server in this process (paramiko's server side), serving one folder; with a lever to break off at a rename."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import paramiko

PASSWORD = "s3cret-login"


class _Login(paramiko.ServerInterface):
    def __init__(self, public: paramiko.PKey | None) -> None:
        self._public = public

    def get_allowed_auths(self, username):
        return "password,publickey"

    def check_auth_password(self, username, password):
        good = (username, password) == ("duesync", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key == self._public else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """The folder, through the operating system."""

    def __init__(self, server, root: Path, place: SftpPlace) -> None:
        super().__init__(server)
        self._root, self._place = root, place

    def _real(self, path):
        return str(self._root / self.canonicalize(path).lstrip("/"))

    def _try(self, act):
        try:
            return act()
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def list_folder(self, path):
        real = self._real(path)

        def listed():
            found = []
            for path in Path(real).iterdir():
                item = paramiko.SFTPAttributes.from_stat(path.stat())
                item.filename = path.name
                found.append(item)
            return found

        return self._try(listed)

    def stat(self, path):
        return self._try(lambda: paramiko.SFTPAttributes.from_stat(Path(self._real(path)).stat()))

    lstat = stat

    def open(self, path, flags, attr):
        def opened():
            file = os.fdopen(os.open(self._real(path), flags, 0o600), "wb" if flags & os.O_WRONLY else "rb")
            handle = paramiko.SFTPHandle(flags)
            handle.readfile = handle.writefile = file
            return handle

        return self._try(opened)

    def mkdir(self, path, attr):
        return self._try(lambda: (Path(self._real(path)).mkdir(), paramiko.SFTP_OK)[1])

    def rename(self, oldpath, newpath):
        def renamed():
            self._place.renames += 1
            if self._place.break_before_rename:
                self._place.drop()
            Path(self._real(oldpath)).rename(self._real(newpath))
            if self._place.break_after_rename:
                self._place.drop()
            return paramiko.SFTP_OK

        return self._try(renamed)

    def posix_rename(self, oldpath, newpath):
        return paramiko.SFTP_OP_UNSUPPORTED if self._place.old_server else self.rename(oldpath, newpath)


class SftpPlace:
    """The server, running until closed."""

    def __init__(self, root: Path, *, public: paramiko.PKey | None = None) -> None:
        self.root, self.renames = root, 0
        self.break_before_rename = self.break_after_rename = self.old_server = False
        self.key = paramiko.Ed25519Key.from_private_key_file(str(_key_file(root)))
        self.host_key = f"{self.key.get_name()} {self.key.get_base64()}"
        self._public = public
        self._transports: list[paramiko.Transport] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def drop(self) -> None:
        """Break every connection off, as a cut cable would."""
        for transport in tuple(self._transports):  # a new connection may come while the old ones are cut
            transport.sock.close()

    def close(self) -> None:
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(line)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self.root, self)
            self._transports.append(transport)
            try:
                transport.start_server(server=_Login(self._public))
            except (paramiko.SSHException, EOFError, OSError):  # whoever came went away again
                transport.close()


def _key_file(folder: Path) -> Path:
    """A fresh private key in OpenSSH format."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = folder.parent / f"{folder.name}-key"
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return path


def make_key(path: Path) -> paramiko.PKey:
    """A client's private key at `path`."""
    path.mkdir()
    return paramiko.Ed25519Key.from_private_key_file(str(_key_file(path)))
