"""What must not leave with a client's evidence: passwords, keys, card and social security numbers that people typed into texts.

A managed service provider's tickets, memos and notes hold its clients' credentials. Every text that goes into a pack passes here;
what looks like a secret is replaced, the words around it stay. Documents people attach are their own and go as they are.
"""

from __future__ import annotations

import re
from typing import Any

GONE = "[removed]"
_NAMES = (
    r"pass(?:word|wd|code|phrase)?|pwd|pw|pin|secret|client[ _-]?secret|api[ _-]?key|access[ _-]?key|private[ _-]?key|"
    r"token|auth(?:orization)?|credentials?|login|mfa|otp|2fa|recovery[ _-]?(?:key|code)|bitlocker|license[ _-]?key|psk|wpa2?|"
    # the same in the languages our clients write: German, French, Spanish, Dutch
    r"passwort|kennwort|zugangsdaten|mots?[ ]de[ ]passe|mdp|contrase[nñ]a|clave|wachtwoord|toegangscode"
)
# "password: x", "pwd = x", "the admin password is x"; what follows up to a space, comma or quote is the secret
_NAMED = re.compile(
    rf"(?i)\b((?:{_NAMES})\b(?:\s+(?:is|was|now|for\s+\S+))?\s*(?:[:=]|\b(?:is|ist|lautet|est|es)\b|->)\s*)([\"']?)([^\s\"',;]+)\2"
)
# "password Summer24!" without anything between: only what mixes letters and digits, as secrets do
_BARE = re.compile(
    r"(?i)\b((?:pass(?:word|wd|code)|pwd|pw|passwort|kennwort|mot[ ]de[ ]passe|contrase[nñ]a|wachtwoord)\s+)"
    r"(?=[^\s\"',;]*\d)(?=[^\s\"',;]*[^\W\d_])[^\s\"',;]{6,}"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)", re.DOTALL)
_SHAPES = (
    re.compile(r"\bAKIA[0-9A-Z]{16}\b"),  # AWS access key id
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),  # JSON web token
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|xox[abp])[_-][A-Za-z0-9_-]{12,}\b"),  # keys of payment, code and chat services
    re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),  # US social security number
    re.compile(r"\b(?:\d{6}-){7}\d{6}\b"),  # BitLocker recovery key
)
_LINK_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]+:[^\s/@]+@")
_ISSUER = re.compile(r"4|5[1-5]|2[2-7]\d{14}$|3[47]|3[0568]|6(?:011|4|5)")  # first digits of the card networks
_DIGITS = re.compile(r"\b(?:\d[ -]?){12,18}\d\b")


def strip_secrets(text: str) -> str:
    """`text` without what looks like a secret."""
    text = _PEM.sub(GONE, text)
    text = _LINK_USER.sub(rf"\1{GONE}@", text)
    text = _BEARER.sub(rf"\1 {GONE}", text)
    text = _NAMED.sub(rf"\1{GONE}", text)
    text = _BARE.sub(rf"\1{GONE}", text)
    for shape in _SHAPES:
        text = shape.sub(GONE, text)
    return _DIGITS.sub(lambda found: GONE if _is_card(found[0]) else found[0], text)


def strip_all(value: Any) -> Any:
    """The same for every text inside lists and dictionaries; keys stay."""
    if isinstance(value, str):
        return strip_secrets(value)
    if isinstance(value, dict):
        return {key: strip_all(item) for key, item in value.items()}
    return [strip_all(item) for item in value] if isinstance(value, list | tuple) else value


def _is_card(text: str) -> bool:
    """Thirteen to nineteen digits with a right check digit (ISO/IEC 7812-1, Luhn)."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [sum(divmod(digit * 2, 10)) if index % 2 else digit for index, digit in enumerate(reversed(digits))]
    known = _ISSUER.match("".join(map(str, digits))) is not None
    return known and 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and len(set(digits)) > 1
