"""The keys of a connection of type agency: which door, where it is, and by what it is known to be the right one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

_HOST_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/=]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class AgencyDoorSettings(BaseModel):
    """How an agency is reached. In every door `to-agency` takes what we hand over, `from-agency` has what it reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    via: Literal["folder", "sftp", "https"] = Field("folder", description="folder, sftp or https")
    path: Path | None = Field(None, description="folder: where it is, such as a share the agency can see")
    host: str | None = Field(None, description="sftp: the server")
    port: int = Field(22, ge=1, le=65535, description="sftp: its port")
    username: str | None = Field(None, description="sftp: login name")
    password: SecretStr | None = Field(None, description="sftp: by reference, where there is no key")
    key_file: Path | None = Field(None, description="sftp: private key in OpenSSH format, without a passphrase")
    host_key: str | None = Field(
        None, description='sftp: the server\'s public key, "ssh-ed25519 AAAA..."; nothing else is trusted'
    )
    directory: str = Field(".", description="sftp: folder on the server in which to-agency and from-agency are")
    url: str | None = Field(None, description="https: address below which handovers and reports are")
    token: SecretStr | None = Field(None, description="https: bearer token, by reference")
    timeout: float = Field(30.0, gt=0, le=300, description="seconds to wait for an answer")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"folder": ("path",), "sftp": ("host", "username", "host_key"), "https": ("url", "token")}[self.via]
        missing = [name for name in needed if getattr(self, name) in (None, "")]
        if missing:
            raise ValueError(f"via {self.via} needs {', '.join(missing)}")
        if self.via == "sftp" and (self.password is None) == (self.key_file is None):
            raise ValueError("via sftp needs a password or a key_file, and not both")
        if self.host_key is not None and not _HOST_KEY.fullmatch(self.host_key.strip()):
            raise ValueError('host_key is a public key such as "ssh-ed25519 AAAA..."; ssh-keyscan HOST shows it')
        if self.via == "https":
            parts = urlsplit(self.url or "")
            if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise ValueError("url begins with https://; a case is not sent in clear")
        return self
