"""Amounts as people type them, in any locale's separators: read right or not at all (product notes E48: "100 000" is not 100).

"1.234" and "1,234" alone are ambiguous (a thousand or one and a bit) and are read only when the currency settles it: with two
decimals a group of exactly three digits can only be a thousand. A currency with three decimals leaves them unread.
"""

from __future__ import annotations

import re
import unicodedata

from core.money import Money, MoneyError, exponent

_SYMBOLS = re.compile(r"(?:[A-Z]{2,3}|US\$|[$€£¥₹₽₩฿₺₴₫₱₪]|kr\.?|Rs\.?|zł|Fr\.?|CHF|-\.)", re.IGNORECASE)
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_APOSTROPHES = re.compile("[’‘ʼ`´＇]")
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+") for mark in (",", ".", " ", "'", "_")}
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})*,\d{3}")


def parse_amount(text: str, currency: str) -> Money | None:
    """The amount `text` states in `currency`, or None where it cannot be read without guessing.

    A sign, brackets for negative, a currency mark before or after, and a trailing "-" or ".-" are understood.
    """
    plain = _APOSTROPHES.sub("'", _SPACES.sub(" ", unicodedata.normalize("NFKC", text))).strip()
    negative, body = _sign(plain)
    body = _without_mark(body)
    sign_inside, body = _sign(body)
    digits = _plain_decimal(body, exponent(currency))
    if digits is None or (negative and sign_inside):
        return None
    try:
        amount = Money.parse(digits, currency)
    except MoneyError:
        return None
    return -amount if negative or sign_inside else amount


def _sign(text: str) -> tuple[bool, str]:
    if text.startswith("(") and text.endswith(")"):
        return True, text[1:-1].strip()
    for minus in ("-", "−", "–"):
        if text.startswith(minus):
            return True, text[1:].strip()
        if text.endswith(minus) and not text.endswith((f".{minus}", f",{minus}")):
            return True, text[:-1].strip()
    return False, text.removeprefix("+").strip()


def _without_mark(text: str) -> str:
    """`text` without one currency mark in front or behind, and without the dash that stands for no cents ("1'200.-")."""
    found = _SYMBOLS.match(text)
    if found and found.end() < len(text) and not text[0].isdigit():
        text = text[found.end() :].strip()
    trimmed = re.sub(rf"(?<=[\d.,\-])\s*{_SYMBOLS.pattern}$", "", text, flags=re.IGNORECASE).strip()
    return re.sub(r"[.,][-–—]{1,2}$", "", trimmed)


def _plain_decimal(text: str, places: int) -> str | None:
    """`text` as "1234.50", or None. Decides which mark groups and which one is the decimal point."""
    if re.fullmatch(r"\d+", text):
        return text
    marks = [mark for mark in (",", ".") if mark in text]
    if len(marks) == 2:
        point = max(marks, key=text.rfind)
        whole, _, cents = text.rpartition(point)
        return _joined(whole, cents, allowed=("," if point == "." else ".",)) if whole.count(point) == 0 else None
    if not marks:
        return _ungroup(text, (" ", "'", "_"))
    return _one_mark(text, marks[0], places)


def _one_mark(text: str, mark: str, places: int) -> str | None:
    whole, _, tail = text.rpartition(mark)
    if text.count(mark) > 1:
        return _ungroup(text, (mark,))
    if any(other in text for other in (" ", "'", "_")):
        return _joined(whole, tail, allowed=(" ", "'", "_"))
    if re.fullmatch(r"\d*", whole) and re.fullmatch(r"\d+", tail):
        if len(tail) == 3 and re.fullmatch(r"[1-9]\d{0,2}", whole):
            return whole + tail if places < 3 else None
        return f"{whole or '0'}.{tail}" if len(tail) <= max(places, 0) or not tail.strip("0") else None
    return None


def _joined(whole: str, cents: str, *, allowed: tuple[str, ...]) -> str | None:
    grouped = _ungroup(whole, allowed)
    return f"{grouped}.{cents}" if grouped is not None and re.fullmatch(r"\d+", cents) else None


def _ungroup(text: str, allowed: tuple[str, ...]) -> str | None:
    """Digits of a number grouped by one of the `allowed` marks in threes, or by commas the Indian way (1,00,000)."""
    if re.fullmatch(r"\d+", text):
        return text
    for mark in allowed:
        if _GROUPED[mark].fullmatch(text) or (mark == "," and _INDIAN.fullmatch(text)):
            return text.replace(mark, "")
    return None
