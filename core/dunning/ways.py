"""By which way a stage's words go, over which connection, and to whom: mail, a webhook, or paper that somebody posts.

A webhook's receiver and a letter need no e-mail address: where none is known, or it bounced, the client's name takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.dunning.decision import Channels
from core.dunning.policy import Stage, Way
from core.dunning.recipients import Recipient
from core.messages.clean import one_line

_MISSING = {
    Way.MAIL: "no mail server is set up ([mail])",
    Way.WEBHOOK: "no connection of type webhook sends reminders (docs/webhook.md)",
    Way.LETTER: "no connection of type letters is set up",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A way, the connection that takes it (None: there is none), and what is to be said of that."""

    way: Way
    connection: str | None

    @property
    def lacks(self) -> str:
        """What stands in the way; empty where nothing does."""
        return "" if self.connection is not None else _MISSING[self.way]

    def to(self, person: Recipient, client: str, address: str = "") -> Recipient:
        """Whom the words are addressed to: by mail somebody with an address, else the client by name where there is none.

        A letter also has the lines of the postal `address`, split at commas and line breaks.
        """
        name = one_line(client) or "client"
        if self.way is Way.LETTER:
            lines = (one_line(line) for line in address.replace("|", "\n").replace(",", "\n").splitlines())
            return replace(person, to=(name, *filter(None, lines)), cc=(), bounced=())
        return replace(person, to=(name,), bounced=()) if self.way is Way.WEBHOOK and not person.to else person


def route_of(stage: Stage, channels: Channels) -> Route:
    """The route of a stage's own words. A stage meant for the vendor's mail goes by ours where the vendor sends none."""
    if stage.channel is Way.WEBHOOK:
        return Route(Way.WEBHOOK, channels.webhook)
    if stage.channel is Way.LETTER:
        return Route(Way.LETTER, channels.letter)
    return Route(Way.MAIL, channels.mail)
