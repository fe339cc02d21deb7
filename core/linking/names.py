"""Party names as keys: two spellings of one firm give one key, two firms give two.

A key drops case, accents, punctuation, a leading "the" and legal forms ("Inc", "GmbH"); it keeps every other word, so that
"Acme North" and "Acme South" stay apart. Suffixes that copying leaves behind ("Jane Doe-1", "Acme (2)", "Acme (deleted)") are
dropped only in the loose key, which is good enough to ask a person and never to decide.
"""

from __future__ import annotations

import re
import unicodedata

# Legal forms: GLEIF's entity legal form list (ISO 20275), those that MSP clients commonly write.
_LEGAL_FORMS = frozenset(
    [
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "ltd",
        "limited",
        "llc",
        "llp",
        "lp",
        "lllp",
        "plc",
        "pc",
        "pllc",
        "pa",
        "pty",
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "bv",
        "nv",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "ab",
        "as",
        "oy",
        "aps",
        "ou",
        "sl",
        "slu",
        "lda",
        "ltda",
    ]
)
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}[a-z]?\b\.?")
_COPY_SUFFIX = re.compile(
    r"(?:\s*\((?:\d{1,2}|copy|duplicate|deleted|old|new)\)|\s*-\s*(?:\d{1,2}|copy|duplicate|old|new))\s*$", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+")

# Mail domains anybody can have an address at; they say nothing about the firm.
FREE_MAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "yahoo.com",
        "yahoo.co.uk",
        "ymail.com",
        "hotmail.com",
        "hotmail.co.uk",
        "outlook.com",
        "live.com",
        "msn.com",
        "aol.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "comcast.net",
        "verizon.net",
        "att.net",
        "sbcglobal.net",
        "bellsouth.net",
        "cox.net",
        "charter.net",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "t-online.de",
        "orange.fr",
        "wanadoo.fr",
        "free.fr",
        "libero.it",
        "proton.me",
        "protonmail.com",
        "mail.com",
        "zoho.com",
        "btinternet.com",
        "bigpond.com",
        "optusnet.com.au",
        "shaw.ca",
        "rogers.com",
        "telus.net",
        "example.com",
    ]
)


def words(text: str) -> tuple[str, ...]:
    """Lower-case words without accents; "A.C.M.E." and "Jeff's" are one word each, "&" is "and"."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)).casefold()
    plain = _DOTTED.sub(lambda match: match[0].replace(".", ""), plain)
    plain = plain.replace("&", " and ").replace("'", "").replace("’", "")
    return tuple(_WORD.findall(plain))


def name_key(name: str) -> str:
    """The key under which one firm's spellings meet; empty when nothing but a legal form is left."""
    found = list(words(name))
    if len(found) > 1 and found[0] == "the":
        found = found[1:]
    while len(found) > 1 and found[-1] in _LEGAL_FORMS:
        found.pop()
    return " ".join(word for word in found if word != "and")


def loose_key(name: str) -> str:
    """`name_key` without the suffixes that copying leaves behind."""
    return name_key(_COPY_SUFFIX.sub("", name))


def mail_addresses(text: str | None) -> tuple[str, ...]:
    """The addresses in a field that may hold several, lower-case."""
    return tuple(part.strip().lower() for part in re.split(r"[;,\s]+", text or "") if "@" in part)


def firm_domain(address: str) -> str | None:
    """The domain of an address, unless anybody can have one there."""
    domain = address.rpartition("@")[2].strip().lower()
    return None if not domain or domain in FREE_MAIL else domain
