"""Benches of connectors that talk to no HTTP vendor: a folder of files, and a mail server."""

from __future__ import annotations

import csv
import dataclasses
import email
import mailbox
import socket
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from connectors.letters import connector as letters
from connectors.testing.bench import PAGE, Bench
from core.actions import InvoiceMention, SendReminder, idempotency_key
from core.money import Money
from core.ports import Capability
from core.records import STREAM_OF, Invoice, Party, Payment, Ref, Stream
from tests.contract.agency_portal import AgencyBench

FILES = {
    Stream.PARTIES: "parties.csv",
    Stream.INVOICES: "invoices.csv",
    Stream.CREDIT_NOTES: "credit_notes.csv",
    Stream.PAYMENTS: "payments.csv",
    Stream.DEPOSITS: "deposits.csv",
}


class CsvBench(Bench):
    """The vendor is a person with a spreadsheet."""

    levers = None
    unknown_ref = "nobody"

    def set_up(self, clock):
        self._folder = tempfile.TemporaryDirectory(prefix="contract-")
        self._rows = {name: {} for name in (*FILES.values(), "allocations.csv")}

    def transport(self):
        return None

    def keys(self):
        return {"path": self._folder.name, "page_size": PAGE}

    def close(self):
        super().close()
        self._folder.cleanup()

    def create(self, records):
        made = {}
        for record in records:
            stream = STREAM_OF[type(record)]
            self._rows[FILES[stream]][record.ref] = row_of(record)
            for number, part in enumerate(getattr(record, "allocations", ())):
                row = {"source_ref": record.ref, "invoice_ref": part.invoice_ref, "amount": str(part.amount.decimal)}
                self._rows["allocations.csv"][record.ref, number] = row
            made[stream, record.ref] = [record.ref]
        self._save()
        return made

    def change(self, stream, ref):
        row = self._rows[FILES[stream]][ref]
        column = {Stream.PARTIES: "name", Stream.PAYMENTS: "memo", Stream.DEPOSITS: "memo"}.get(stream, "number")
        row[column] = f"{row.get(column) or ''}+"
        self._save()

    def remove(self, stream, ref):
        del self._rows[FILES[stream]][ref]
        self._save()

    def spoil(self, stream, ref):
        self._rows[FILES[stream]][ref]["amount" if stream is Stream.PAYMENTS else "total"] = "much"
        self._save()

    def secrets(self):
        return set()

    def _save(self):
        for name, rows in self._rows.items():
            columns = sorted({column for row in rows.values() for column in row})
            with (Path(self._folder.name) / name).open("w", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows.values())
            if not rows:
                (Path(self._folder.name) / name).unlink()


def row_of(record):
    """The row a person would write for a record."""
    if isinstance(record, Party):
        return {"ref": record.ref, "name": record.name, "email": record.email, "currency": record.currency}
    row = {"ref": record.ref, "party_ref": getattr(record, "party_ref", None) or "client-0", "memo": ""}
    if isinstance(record, Payment):
        amount, day = record.amount, {"paid_on": record.paid_on, "amount": record.amount.decimal, "reference": record.reference}
    elif hasattr(record, "deposited_on"):
        amount, day = record.amount, {"deposited_on": record.deposited_on, "amount": record.amount.decimal, "posted_to": "Sales"}
    else:
        amount, day = record.total, {"issued_on": record.issued_on, "total": record.total.decimal, "number": record.number}
    if isinstance(record, Invoice):
        day["due_on"] = record.due_on
    return {**row, **day, "currency": amount.currency}


class MailServer:
    """A small SMTP server that keeps what it takes in a Maildir; `mute` lets it take a mail and say nothing more."""

    def __init__(self, folder):
        self.folder = mailbox.Maildir(folder)
        self.mute = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self.folder.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with connection, connection.makefile("rwb") as line:
            say = lambda text: (line.write(text + b"\r\n"), line.flush())  # noqa: E731
            try:
                say(b"220 contract")
                for command in iter(line.readline, b""):
                    word = command[:4].upper()
                    if word == b"QUIT":
                        say(b"221 bye")
                        return
                    if word == b"DATA":
                        say(b"354 go on")
                        if not self._take(line):
                            return
                    say(b"250 fine")
            except OSError:
                return

    def _take(self, line):
        content = b"".join(iter(line.readline, b".\r\n"))
        self.folder.add(email.message_from_bytes(content))
        return not self.mute


class MailBench(Bench):
    """The vendor is a mail server whose archive can be read."""

    name = "mail"
    levers = None

    def set_up(self, clock):
        self._folder = tempfile.TemporaryDirectory(prefix="contract-")
        self._server = MailServer(str(Path(self._folder.name) / "sent"))

    def transport(self):
        return None

    def keys(self):
        return {
            "host": "127.0.0.1",
            "port": self._server.port,
            "security": "none",
            "username": None,
            "password": None,
            "from_address": "billing@msp.example",
            "archive_address": "archive@msp.example",
            "sent_maildir": str(Path(self._folder.name) / "sent"),
            "timeout": 5,
        }

    def close(self):
        super().close()
        self._server.close()
        self._folder.cleanup()

    def wants(self, capability, number):
        if capability is Capability.HAND_OVER:
            return replace(self.foreign(capability), to=("cases@agency.example",), subject=f"Case {number}", case=f"{number}")
        assert capability is Capability.SEND_REMINDER
        mention = InvoiceMention(
            connection="books", ref=Ref(f"{number}"), digest="0", number="1", open=Money(100, "USD"), due_on=None
        )
        return SendReminder(
            connection=self.name,
            account="a",
            stage="due",
            cycle=f"{number}",
            to=(f"ap{number}@client.example",),
            subject=f"Invoice {number}",
            text="Please pay.",
            html="<p>Please pay.</p>",
            invoices=(mention,),
        )

    def done(self, action):
        return sum(message["Subject"] == action.subject for message in mailbox.Maildir(self._server.folder._path))

    def lose_reply(self, action):
        self._server.mute = True

    def recover(self):
        self._server.mute = False


class LetterBench(Bench):
    """The vendor is a folder, and a disk that may not confirm what it wrote."""

    name = "letters"
    levers = None

    def set_up(self, clock):
        self._folder = tempfile.TemporaryDirectory(prefix="contract-")
        self._sync = letters.sync_folder

    def transport(self):
        return None

    def keys(self):
        return {"path": self._folder.name}

    def close(self):
        super().close()
        self.recover()
        self._folder.cleanup()

    def wants(self, capability, number):
        assert capability is Capability.SEND_REMINDER
        return dataclasses.replace(self.foreign(capability), cycle=f"{number}")

    def done(self, action):
        return len(list(Path(self._folder.name).glob(f"*-{idempotency_key(action)[:16]}.pdf")))

    def lose_reply(self, action):
        def silent(folder):
            raise OSError(5, "Input/output error")

        letters.sync_folder = silent

    def recover(self):
        letters.sync_folder = self._sync


BENCHES = {"csv": CsvBench, "letters": LetterBench, "smtp": MailBench, "agency": AgencyBench}
