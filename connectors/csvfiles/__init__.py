"""A folder of CSV files as a connection: the columns of the design's section 6, read-only."""

from __future__ import annotations

from connectors.csvfiles.settings import CsvSettings
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec
from core.records import Stream


def _build(context: ConnectionContext) -> Connector:
    from connectors.csvfiles.connector import CsvConnector

    return CsvConnector(context)


SPEC = ConnectorSpec(
    name="csv",
    # Not CHANGES: a changed file is listed whole, because only then can a row that was taken out be noticed.
    capabilities=frozenset({Capability.DELETES, Capability.REREAD}),
    settings=CsvSettings,
    build=_build,
    sandbox=None,
    streams=(Stream.PARTIES, Stream.INVOICES, Stream.PAYMENTS, Stream.CREDIT_NOTES, Stream.DEPOSITS),
    summary="Reads parties, invoices, payments, credit notes, allocations and deposits from CSV files in a folder.",
)
