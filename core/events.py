"""The catalogue of log events: stable names, the level they are logged at, and when. A test holds it against the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """`level` is the level it is usually logged at; `when` completes "this is logged when …"."""

    level: str
    when: str


CATALOGUE: dict[str, Event] = {
    "account.failed": Event("exception", "clients could not be examined or written to; they wait, all others go on"),
    "account.untold": Event("error", "what became of clients could not be made ready for upstream systems; all others were told"),
    "account.unknown_party": Event("warning", "[accounts] names a record that no connection has"),
    "call.recorded": Event("info", "the service desk closed the ticket of a call and said what came of it"),
    "calls.uncounted": Event("warning", "calls made at a vendor could not be written down; they are with the next ones"),
    "case.alarmed": Event("warning", "something about a collections case waits for a person; logged once"),
    "case.followed": Event("info", "collections cases were brought up to date; counts stand with it"),
    "case.unfollowed": Event("warning", "a collections case could not be brought up to date; the others were"),
    "case.unmoved": Event("info", "something happened that does not fit a collections case as it stands; it is left as it is"),
    "command.failed": Event("error", "a command met an error of the operating system"),
    "draft.withdrawn": Event("info", "an invoice in a draft changed; it is decided again"),
    "connection.unprobed": Event("warning", "a vendor could not be asked who else reminds; nothing is sent about its invoices"),
    "daemon.started": Event("info", "the daemon has put its jobs on their cadence"),
    "daemon.stopped": Event("info", "the daemon has ended; `drained` says whether all work under way was finished"),
    "daemon.stopping": Event("info", "a signal asked the daemon to end"),
    "dispatch.done": Event("info", "a pass over the outbox ended; counts by outcome stand with it"),
    "dispatch.stopped": Event(
        "error", "far more messages than usual were about to go; sending is paused until a person resumes it"
    ),
    "document.crashed": Event("exception", "a connector failed in a way nobody foresaw while it fetched a file for a message"),
    "document.unfetched": Event("info", "a vendor's file for a message could not be had; the message goes without it"),
    "evidence.unfetched": Event("info", "a vendor's copy of an invoice could not be had; a sheet of ours stands in for it"),
    "font.unreadable": Event("warning", "a font for PDFs cannot be read or may not be embedded; the next one is tried"),
    "erasure.undone": Event("warning", "a vendor still has a client that was erased here, and brought it back with a change"),
    "gate.crashed": Event("exception", "what a message is checked against could not be gathered; it waits, its neighbours go on"),
    "house.kept": Event("info", "the daily housekeeping ended; rows emptied or deleted stand with it, by rule"),
    "http.listening": Event("info", "health, metrics and webhooks are served on `port`"),
    "inbox.read": Event("info", "the mailbox of bounces and replies was read; counts stand with it"),
    "invoice.unread": Event("warning", "an invoice could not be read again before a send; the message waits"),
    "job.crashed": Event("error", "a job met an error nobody foresaw; the traceback stands with it"),
    "job.dropped": Event("warning", "a tenant's file broke while its job waited; the job is left out"),
    "job.failed": Event("error", "a job could not do its work; logged once until it changes or recovers"),
    "job.failing": Event("debug", "a job fails as it did before"),
    "job.passed_over": Event("info", "a job's turn came while it still ran, or too late; it comes at its next turn"),
    "job.recovered": Event("info", "a job that failed works again"),
    "job.rescued": Event("warning", "a worker died at a job; it goes to the others, unless `again` says it failed too often"),
    "library.said": Event("warning", "a library duesync is built on complained; `source` names it"),
    "link.unknown": Event("info", "a vendor could not be asked where an invoice can be paid; the message goes without a link"),
    "listing.partial": Event("warning", "a vendor's list changed while it was read; it is read again tomorrow"),
    "message.incomplete": Event("error", "a message lacks a fact or says what it must not, and was not written"),
    "outbox.blocked": Event("info", "an action was not queued because the same is queued or done already"),
    "outbox.lost": Event("warning", "another worker took a row over; this one left it alone"),
    "outbox.moved": Event("info", "an action was settled, dropped, postponed, parked or became ambiguous"),
    "outbox.recovered": Event("warning", "rows a crash left half-way were put back or marked ambiguous"),
    "outbox.unclear": Event("info", "it cannot be told yet whether an action was done; it waits"),
    "push.crashed": Event("exception", "a connector failed in a way nobody foresaw while it may have acted"),
    "queue.reached": Event("info", "the queue's database answers again"),
    "queue.troubled": Event("warning", "the queue's library met a problem; it goes on by itself"),
    "queue.unreachable": Event("error", "the queue's database does not answer; logged once until it does"),
    "record.malformed": Event("warning", "one record could not be read and was set aside; `where` names the place. Logged once"),
    "report.unreachable": Event("warning", "an agency's door did not open; its reports are read next time"),
    "report.unreadable": Event("warning", "a file or row of an agency could not be taken; its neighbours were"),
    "request.failed": Event(
        "debug", "one try of a call failed; `kind` and `problem` tell how. What came of it is told by whoever needed the answer"
    ),
    "request.sent": Event("debug", "a vendor answered; status, time and the vendor's request id stand with it"),
    "request.throttled": Event("info", "a vendor asked us to slow down"),
    "review.done": Event("info", "accounts were examined; counts stand with it"),
    "run.unrecorded": Event("error", "the record of a run could not be written"),
    "store.migrated": Event("info", "the store's schema was brought up to date"),
    "stream.failed": Event(
        "warning", "streams could not be pulled, `stream` the first; others go on. Logged once until it changes or recovers"
    ),
    "stream.failing": Event("debug", "a stream fails as it did before"),
    "stream.pulled": Event("info", "a pass over a stream ended; counts of rows stand with it"),
    "stream.recovered": Event("info", "what failed is over: the last stream that failed so is pulled again"),
    "tenant.broken": Event("error", "a tenant's file cannot be used; the tenant stands still, all others go on"),
    "tenants.changed": Event("info", "tenants' files were added, changed or removed; counts stand with it"),
    "token.kept": Event("warning", "a token could not be refreshed; the one still valid is used on"),
    "token.refreshed": Event("info", "an access token was refreshed and kept"),
    "tombstone.false": Event("warning", "a vendor called a record deleted that is still there"),
    "vault.key_made": Event("info", "the store got a key of its own for vendors' tokens, as none was configured"),
    "webhook.failed": Event("error", "a webhook could not be processed"),
    "webhook.received": Event("info", "a verified webhook asked for an early pull"),
    "webhook.refused": Event("warning", "a webhook's signature does not hold"),
    "worker.crashed": Event("exception", "a worker met an error nobody foresaw; the traceback stands with it"),
    "worker.started": Event("info", "a worker has begun to share the work"),
}
