"""A mailbox over IMAP for tests: RFC 3501 as far as duesync speaks it, read-only, with a password and a UIDVALIDITY."""

from __future__ import annotations

import re
import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass
class Box:
    """Mails by UID. `broken` names commands that are answered with NO; `hang_up` those that end the line."""

    mails: dict[int, bytes] = field(default_factory=dict)
    validity: int = 1
    broken: set[str] = field(default_factory=set)
    hang_up: set[str] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)


@contextmanager
def imap_server(box: Box) -> Iterator[int]:
    """A server for `box`; yields its port."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("* OK ready")
            while line := self.rfile.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                words = rest.split()
                command = f"UID {words[1]}" if words[0].upper() == "UID" else words[0].upper()
                box.commands.append(rest)
                if command in box.hang_up:
                    return
                if command in box.broken:
                    self.say(f"{tag} NO not now")
                    continue
                self.say(f"{tag} {self.answer(command, rest)}")
                if command == "LOGOUT":
                    return

        def answer(self, command: str, rest: str) -> str:
            if command == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1")
            elif command == "LOGIN" and "sesame" not in rest:
                return "NO wrong password"
            elif command == "AUTHENTICATE":
                self.say("+ ")
                given = b64decode(self.rfile.readline()).decode()
                return "OK in" if given.startswith("\0") and "sesam" in given.casefold() else "NO wrong password"
            elif command in ("SELECT", "EXAMINE"):
                self.say(f"* {len(box.mails)} EXISTS")
                self.say(f"* OK [UIDVALIDITY {box.validity}] valid")
                return "OK [READ-ONLY] done"
            elif command == "SEARCH":
                wanted = rest.rsplit('"', 2)[1]
                hits = [
                    str(index) for index, raw in enumerate(box.mails.values(), 1) if wanted.encode() in raw.partition(b"\n\n")[0]
                ]
                self.say(f"* SEARCH {' '.join(hits)}".rstrip())
            elif command == "UID SEARCH":
                first = int(re.search(r"UID (\d+):", rest.partition(" ")[2]).group(1))  # type: ignore[union-attr]
                hits = [uid for uid in box.mails if uid >= first] or list(box.mails)[-1:]  # "n:*" always names the last
                self.say(f"* SEARCH {' '.join(map(str, hits))}".rstrip())
            elif command == "UID FETCH":
                uid = int(rest.split()[2])
                raw = box.mails[uid]
                self.wfile.write(f"* 1 FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
            return "OK done"

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
