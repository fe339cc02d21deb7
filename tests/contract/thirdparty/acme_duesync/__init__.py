"""A stranger's connector: a small vendor with a change feed, notes, fields and webhooks. Knows core and our tools only."""

from pydantic import BaseModel, ConfigDict, SecretStr

from acme_duesync.connector import AcmeConnector
from acme_duesync.sandbox import AcmeSandbox
from core.ports import Capability, ConnectorSpec
from core.records import Stream


class AcmeSettings(BaseModel):
    """[connections.NAME] with type = "acme"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = "https://api.acme.example"
    api_key: SecretStr
    page_size: int = 100


SPEC = ConnectorSpec(
    name="acme",
    capabilities=frozenset(
        {
            Capability.DELETES,
            Capability.CHANGES,
            Capability.REREAD,
            Capability.POST_NOTE,
            Capability.SET_FIELD,
            Capability.WEBHOOKS,
            Capability.DOCUMENTS,
        }
    ),
    settings=AcmeSettings,
    build=AcmeConnector,
    sandbox=AcmeSandbox,
    streams=(Stream.PARTIES, Stream.INVOICES, Stream.PAYMENTS),
    summary="Acme Books, which does not exist.",
)
