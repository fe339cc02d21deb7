"""Will receivers believe mail from our domain? SPF (RFC 7208), DKIM (RFC 6376, 8301), DMARC (RFC 7489) and MX, line by line.

Each line says what was found, what that means for reminders, and the record to publish. What name servers could not be asked is
"could not tell", never a pass. Whether your mail server really signs, and from which addresses it sends, is not in the DNS: the
headers of one received mail (Authentication-Results) show that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.smtp.nameservers import NoAnswer
from core.messages.clean import one_line
from core.ports import Check

# RFC 2606 and 6761: names that are nobody's
_RESERVED = re.compile(r"(?:^|\.)(?:example|invalid|test|localhost|local|example\.(?:com|net|org))$")
_COMMON_SELECTORS = ("default", "selector1", "selector2", "google", "k1", "k2", "s1", "s2", "dkim", "mail", "mx")
_MOST_LOOKUPS = 10  # RFC 7208, 4.6.4: more make the record void
_COSTLY = re.compile(r"(?i)^[+?~-]?(?:(include|exists):(\S+)|(a|mx|ptr)(?:[:/]\S*)?|(redirect)=(\S+))$")
_SHORT_KEY, _GOOD_KEY = 1024, 2048  # bits of an RSA key: RFC 8301, 3.2 refuses below the first and advises the second
_SEE = "The mail server's provider says which record; publish it where the domain's DNS is kept."


class Lookups(Protocol):
    """What is asked of name servers. Both raise NoAnswer when they cannot be asked."""

    def txt(self, name: str) -> tuple[str, ...]: ...

    def mail_hosts(self, name: str) -> tuple[str, ...]: ...


def domain_of(address: str) -> str:
    """The domain of an address, in lower case."""
    return address.rpartition("@")[2].lower()


def examine_sender(
    lookups: Lookups, *, sender: str, envelope: str | None, answers_to: str, selectors: Sequence[str]
) -> Iterator[Check]:
    """The lines for mail from `sender`, with envelope sender `envelope` (None: the same), answered to `answers_to`."""
    domain = domain_of(sender)
    if _RESERVED.search(domain):
        yield Check(
            name="sender domain",
            ok=None,
            detail=f"{domain} is a name for examples: nobody's mail server knows it",
            remedy="Set mail.from_address to an address of yours before anything is sent.",
        )
        return
    parts: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("SPF", lambda: _spf(lookups, domain_of(envelope or sender), domain)),
        ("DKIM", lambda: _dkim(lookups, domain, selectors)),
        ("DMARC", lambda: _dmarc(lookups, domain)),
        ("answers", lambda: _answers(lookups, domain_of(answers_to))),
    )
    silence = ""  # once nobody answers, nobody is asked any more: each question takes seconds
    for name, part in parts:
        try:
            yield part() if not silence else unasked(name, silence)
        except NoAnswer as error:
            silence = str(error)
            yield unasked(name, silence)


def unasked(name: str, why: str) -> Check:
    """The line for what could not be asked."""
    remedy = "Run doctor where name servers can be reached, or name one in mail.name_servers."
    return Check(name=name, ok=None, detail=f"could not tell: {why}", remedy=remedy)


# ── SPF: which servers may send for the domain ──────────────────────────────────────────────────────────────────────────
def _spf(lookups: Lookups, domain: str, visible: str) -> Check:
    records = [text for text in lookups.txt(domain) if re.match(r"(?i)v=spf1(?: |$)", text)]
    aligned = "" if _related(domain, visible) else f"; it covers {domain}, not {visible}, so it does not count for DMARC"
    if not records:
        remedy = f'Publish for {domain} a TXT record such as "v=spf1 include:YOUR-PROVIDER -all". {_SEE}'
        return Check(name="SPF", ok=False, detail=f"{domain} says nothing: receivers take mail from it for forged", remedy=remedy)
    if len(records) > 1:
        detail = f"{domain} has {len(records)} SPF records, so none counts"
        return Check(name="SPF", ok=False, detail=detail, remedy="Make one record of them.")
    cost = _cost(lookups, records[0], {domain})
    if cost > _MOST_LOOKUPS:
        remedy = "Take out includes of services you no longer use, or replace some by their addresses."
        return Check(name="SPF", ok=False, detail=f"it needs more than {_MOST_LOOKUPS} look-ups, so none counts", remedy=remedy)
    return _spf_end(domain, records[0], aligned)


def _spf_end(domain: str, record: str, aligned: str) -> Check:
    """What the record says of servers it does not name."""
    shown = one_line(record, 120)
    words = record.lower().split()
    if "+all" in words or "all" in words:
        detail = f"{domain} lets everybody send in its name ({shown})"
        return Check(name="SPF", ok=False, detail=detail, remedy="End the record with -all or ~all.")
    if aligned:
        remedy = "Set mail.bounce_address to an address of the same domain, or rely on DKIM."
        return Check(name="SPF", ok=None, detail=f"{shown}{aligned}", remedy=remedy)
    closed = any(word in ("-all", "~all") or word.startswith("redirect=") for word in words)
    detail = shown if closed else f"{shown}: it says nothing of servers it does not name"
    return Check(
        name="SPF", ok=True if closed else None, detail=detail, remedy="" if closed else "End the record with -all or ~all."
    )


def _cost(lookups: Lookups, record: str, seen: set[str]) -> int:
    """Look-ups a receiver needs for the record (RFC 7208, 4.6.4), counted no further than one too many."""
    count = 0
    for word in record.split()[1:]:
        found = _COSTLY.match(word)
        if found is None:
            continue
        count += 1
        other = found[2] if (found[1] or "").lower() == "include" else found[5]
        if other and "%" not in other and other.lower() not in seen and count <= _MOST_LOOKUPS:
            seen.add(other.lower())
            inner = next((text for text in lookups.txt(other) if text.lower().startswith("v=spf1")), "")
            count += _cost(lookups, inner, seen)
    return count


# ── DKIM: the key that signatures are checked with ──────────────────────────────────────────────────────────────────────
def _dkim(lookups: Lookups, domain: str, selectors: Sequence[str]) -> Check:
    found = {name: text for name in selectors or _COMMON_SELECTORS for text in lookups.txt(f"{name}._domainkey.{domain}")[:1]}
    if not selectors and not found:
        detail = "could not tell: the key's name (selector) is not known, and none of the usual names has one"
        remedy = "Set mail.dkim_selectors to the s= of a DKIM-Signature in a mail from you; if there is none, switch signing on."
        return Check(name="DKIM", ok=None, detail=detail, remedy=remedy)
    missing = sorted(set(selectors) - set(found))
    if missing:
        detail = f"no key at {', '.join(f'{name}._domainkey.{domain}' for name in missing)}: its signatures fail"
        return Check(name="DKIM", ok=False, detail=detail, remedy=_SEE)
    problems = [problem for name, text in found.items() if (problem := _key_problem(name, text))]
    if problems:
        return Check(name="DKIM", ok=False, detail="; ".join(problems), remedy=f"Make a new key of {_GOOD_KEY} bits. {_SEE}")
    names = ", ".join(found)
    if not selectors:
        detail = f"a key is published as {names}; whether your mail is signed with it is not in the DNS"
        return Check(name="DKIM", ok=True, detail=detail, remedy="")
    return Check(name="DKIM", ok=True, detail=f"a good key is published as {names}")


def _key_problem(name: str, record: str) -> str:
    """What is wrong with a key record; empty where nothing is."""
    tags = _tags(record)
    key = re.sub(r"\s", "", tags.get("p", ""))
    if not key:
        return f"the key {name} is revoked"
    if tags.get("k", "rsa").lower() != "rsa":
        return ""
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return f"the key {name} cannot be read"
    if isinstance(public, RSAPublicKey) and public.key_size < _SHORT_KEY:
        return f"the key {name} has only {public.key_size} bits: receivers ignore it"
    return ""


# ── DMARC: what receivers should make of failures ───────────────────────────────────────────────────────────────────────
def _dmarc(lookups: Lookups, domain: str) -> Check:
    place, records = domain, _dmarc_records(lookups, domain)
    while not records and place.count(".") > 1:  # the organisation's own domain speaks for those below it
        place = place.partition(".")[2]
        records = _dmarc_records(lookups, place)
    if not records:
        detail = f"{domain} has no policy: large mailboxes (Gmail, Yahoo, Outlook) refuse or file away bulk mail without one"
        remedy = f'Publish at _dmarc.{domain} a TXT record such as "v=DMARC1; p=none; rua=mailto:postmaster@{domain}".'
        return Check(name="DMARC", ok=False, detail=detail, remedy=remedy)
    if len(records) > 1:
        detail = f"_dmarc.{place} has {len(records)} policies, so none counts"
        return Check(name="DMARC", ok=False, detail=detail, remedy="Make one record of them.")
    tags = _tags(records[0])
    policy = (tags.get("sp") if place != domain and "sp" in tags else tags.get("p", "")) or ""
    shown = one_line(records[0], 120)
    if policy.lower() not in ("none", "quarantine", "reject"):
        remedy = 'Write p=none, p=quarantine or p=reject right after "v=DMARC1;".'
        return Check(name="DMARC", ok=False, detail=f"its policy cannot be read ({shown})", remedy=remedy)
    meaning = {
        "none": "failures are only reported",
        "quarantine": "mail that fails SPF and DKIM goes to spam",
        "reject": "mail that fails SPF and DKIM is refused: ours too, if its server is not covered",
    }[policy.lower()]
    return Check(name="DMARC", ok=True, detail=f"p={policy.lower()} at _dmarc.{place}: {meaning}")


def _dmarc_records(lookups: Lookups, domain: str) -> list[str]:
    return [text for text in lookups.txt(f"_dmarc.{domain}") if re.match(r"(?i)v=DMARC1\s*(?:;|$)", text)]


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _answers(lookups: Lookups, domain: str) -> Check:
    hosts = lookups.mail_hosts(domain)
    if hosts and hosts != ("",):
        return Check(name="answers", ok=True, detail=f"mail to {domain} goes to {hosts[0]}")
    detail = f"{domain} takes no mail: clients' answers and disputes would be lost"
    return Check(name="answers", ok=False, detail=detail, remedy="Set mail.reply_to to an address that is read.")


def _tags(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record, names in lower case."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}


def _related(one: str, other: str) -> bool:
    """Relaxed alignment (RFC 7489, 3.1), as far as it can be told without the list of public suffixes."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
