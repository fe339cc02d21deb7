"""Asks name servers for TXT and MX records (dnspython). "There is none" and "could not ask" are two different answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.resolver

_LIFETIME = 4.0  # seconds for one question, all servers and repetitions together
_PORT = 53


class NoAnswer(Exception):
    """The name servers could not be asked, or contradicted themselves. The message says it in a few words."""


class NameServers:
    """The name servers of this machine, or those named as "ADDRESS" or "ADDRESS:PORT" (IP addresses, [IPv6]:PORT)."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except (dns.resolver.NoResolverConfiguration, OSError) as error:
            raise NoAnswer(f"this machine names no name servers ({type(error).__name__})") from None
        if servers:
            pairs = [_address(server) for server in servers]
            self._resolver.nameservers = [host for host, _ in pairs]
            self._resolver.nameserver_ports = dict(pairs)
        self._resolver.lifetime = _LIFETIME

    def txt(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name, each with its parts joined (RFC 7208, 3.3); none where there is none. NoAnswer else."""
        return tuple(b"".join(item.strings).decode("utf-8", "replace") for item in self._ask(name, "TXT"))

    def mail_hosts(self, name: str) -> tuple[str, ...]:
        """Where mail for a domain goes, best first: its MX, else itself if it has an address (RFC 5321, 5.1); "" is a null MX."""
        found = sorted(self._ask(name, "MX"), key=lambda item: (item.preference, str(item.exchange)))
        if found:
            return tuple(str(item.exchange).rstrip(".") for item in found)
        return (name,) if self._ask(name, "A") or self._ask(name, "AAAA") else ()

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name.rstrip(".") + ".", kind))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout:
            raise NoAnswer("no name server answers") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise NoAnswer(f"the name servers cannot tell ({type(error).__name__})") from None


def _address(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and (host.startswith("[") or ":" not in host):
        return host.strip("[]"), int(port)
    return server.strip("[]"), _PORT
