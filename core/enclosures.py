"""The vendor's own PDFs that go with a message: fetched right before the push, never stored, never a reason not to send.

They are no part of the action or its key: the same message is found again by its Message-ID whether or not a file was with it.
What was enclosed, and what was not and why, is kept with the outbox row before the push begins, so that a crash cannot lose it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from core.actions import Action, InvoiceMention, Receipt, SendReminder
from core.clock import Clock
from core.errors import DuesyncError, StoreError
from core.messages.clean import file_name
from core.outbox import GateAnswer, OutboxRow
from core.ports import Connector, Document, Documents, Encloses
from core.records import Stream

log = structlog.get_logger()

QUESTION = "attachments"  # under which they stand with the gate's answers
MOST_BYTES = 7 * 1024 * 1024  # of one message: in base64 just under the 10 MB that many mail servers take
LEFT_OUT = "its files were left out"  # a channel's receipt begins so where it could not send them
LONGEST = timedelta(seconds=60)  # after which no further file is asked for, and the gate is asked again


@dataclass(frozen=True, slots=True)
class Enclosures:
    """Files that go with a message, and what is to be said of them. `slow`: so late that the gate is asked again."""

    documents: tuple[Document, ...] = ()
    remark: str = ""
    slow: bool = False

    @property
    def answers(self) -> tuple[GateAnswer, ...]:
        """What is kept with the row. Never a "no": a message goes without its files too."""
        return (GateAnswer(question=QUESTION, ok=True, detail=self.remark),) if self.remark else ()


def remark_of(row: OutboxRow, receipt: Receipt) -> str:
    """What became of a row's files; empty where there was nothing to say."""
    if receipt.detail.startswith(LEFT_OUT):
        return receipt.detail
    return next((answer.detail for answer in row.gate if answer.question == QUESTION), "")


@dataclass(slots=True)
class EnclosureDesk:
    """Fetches for the messages of one pass. A connection that failed once is not asked again in it."""

    connector: Callable[[str], Connector]
    clock: Clock
    _failed: dict[str, str] = field(default_factory=dict)

    def gather(self, action: Action) -> Enclosures:
        """The files for `action`: as many as it asks for, oldest due invoices first, within MOST_BYTES."""
        if not isinstance(action, SendReminder) or action.enclose < 1:
            return Enclosures()
        if not isinstance(self.connector(action.connection), Encloses):
            return Enclosures()
        began = self.clock.now()
        taken: list[tuple[InvoiceMention, Document]] = []
        without: list[str] = []
        for mention in sorted(action.invoices, key=lambda item: (item.due_on is None, item.due_on, item.ref)):
            late = self.clock.now() - began > LONGEST
            found = self._one(mention, taken, most=action.enclose, late=late)
            if isinstance(found, Document):
                taken.append((mention, found))
            elif found:
                without.append(f"{label(mention)} ({found})")
        names = _distinct([file_name(f"{_kind(document)}-{mention.number or mention.ref}") for mention, document in taken])
        documents = tuple(replace(document, filename=name) for (_, document), name in zip(taken, names, strict=True))
        said = [f"attached: {', '.join(label(mention) for mention, _ in taken)}"] if taken else []
        said += [f"not attached: {'; '.join(without)}"] if without else []
        return Enclosures(documents, "; ".join(said), slow=self.clock.now() - began > LONGEST)

    def _one(
        self, mention: InvoiceMention, taken: list[tuple[InvoiceMention, Document]], *, most: int, late: bool
    ) -> Document | str:
        """The file of one invoice, or why there is none; empty where its system keeps none at all."""
        if mention.connection in self._failed:
            return self._failed[mention.connection]
        if len(taken) >= most:
            return f"at most {most} files go with one message"
        if late:
            return "fetching took too long"
        found = self._fetch(mention)
        if isinstance(found, Document) and sum(len(item.content) for _, item in taken) + len(found.content) > MOST_BYTES:
            return "the message would be too large"
        return found

    def _fetch(self, mention: InvoiceMention) -> Document | str:
        try:
            connector = self.connector(mention.connection)
            if not isinstance(connector, Documents):
                return ""
            return connector.document(Stream.INVOICES, mention.ref) or f"{mention.connection} has no file of it"
        except StoreError:
            raise
        except DuesyncError as error:
            why = error.message
        except Exception as error:
            log.exception("document.crashed", connection=mention.connection, ref=mention.ref, error=str(error))
            why = f"{mention.connection} failed: {type(error).__name__}"
        log.info("document.unfetched", connection=mention.connection, ref=mention.ref, error=why)
        self._failed[mention.connection] = why.rstrip(".")
        return self._failed[mention.connection]


def label(mention: InvoiceMention) -> str:
    """An invoice as people name it."""
    return mention.number or mention.ref


def _kind(document: Document) -> str:
    return document.filename.partition("-")[0] or "document"


def _distinct(names: list[str]) -> list[str]:
    """File names, a number added to those that come again."""
    made: list[str] = []
    for name in names:
        stem, _, ending = name.rpartition(".")
        again, number = name, 2
        while again in made:
            again, number = f"{stem}-{number}.{ending}", number + 1
        made.append(again)
    return made
