"""Where an invoice can be paid, asked of the vendors while accounts are reviewed."""

from __future__ import annotations

from contextlib import ExitStack

import structlog

from core.errors import ConnectorError
from core.ports import Capability, Connector, PayLinks
from core.records import Invoice
from scheduler.app import App

log = structlog.get_logger()


class LinkDesk:
    """Asks vendors where an invoice can be paid; each connection is opened at most once, and a vendor's silence is no link."""

    def __init__(self, app: App, stack: ExitStack) -> None:
        self._app = app
        self._stack = stack
        self._opened: dict[str, Connector] = {}

    def of(self, invoice: Invoice) -> str | None:
        """The link of one invoice, if its vendor has one."""
        if not self._app.can(invoice.connection, Capability.PAY_LINK):
            return None
        try:
            connector = self._opened.get(invoice.connection)
            if connector is None:
                connector = self._stack.enter_context(self._app.connection(invoice.connection))
                self._opened[invoice.connection] = connector
            return connector.pay_link(invoice.ref) if isinstance(connector, PayLinks) else None
        except ConnectorError as error:
            log.info("link.unknown", connection=invoice.connection, ref=invoice.ref, error=error.message)
            return None
