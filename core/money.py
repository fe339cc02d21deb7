"""Amounts of money: integer minor units beside an ISO 4217 currency. Never a float, never two currencies in one sum.

Exponents come from ISO 4217 (list one); currencies not named here have two decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# ISO 4217:2015 list one, currencies whose minor unit is not 1/100.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_CURRENCY = re.compile(r"[A-Z]{3}")


class MoneyError(ValueError):
    """An amount or currency that cannot be read exactly, or a sum over two currencies."""


def exponent(currency: str) -> int:
    """Decimals of a currency's minor unit: 2 for USD, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def check_currency(code: str) -> str:
    """The upper-case ISO code; MoneyError if `code` is not three letters."""
    upper = code.strip().upper()
    if not _CURRENCY.fullmatch(upper):
        raise MoneyError(f"{code!r} is not an ISO 4217 currency code")
    return upper


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` units of `currency`: Money(1050, "USD") is 10.50 dollars."""

    minor: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Read a plain decimal ("10.5", Decimal("10.50"), 10) exactly; MoneyError if it has more decimals than the currency.

        Trailing zeros beyond the exponent are accepted ("100.00" JPY): they carry no money. Text with grouping
        separators is not read here; see core.matching.amounts for amounts that people typed.
        """
        code = check_currency(currency)
        try:
            value = Decimal(amount.strip() if isinstance(amount, str) else amount)
        except (InvalidOperation, ValueError) as error:
            raise MoneyError(f"{amount!r} is not an amount") from error
        if not value.is_finite() or abs(value) >= Decimal(10) ** 15:
            raise MoneyError(f"{amount!r} is not an amount")
        scaled = value.scaleb(exponent(code))
        if scaled != scaled.to_integral_value():
            raise MoneyError(f"{amount} has more decimals than {code} allows ({exponent(code)})")
        return cls(int(scaled), code)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact: Decimal("10.50")."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        places = exponent(self.currency)
        return f"{self.decimal:,.{places}f} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise MoneyError(f"cannot combine {self.currency} with {other.currency}")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all in `currency`; zero of it when there are none."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result


def totals(amounts: Iterable[Money]) -> dict[str, Money]:
    """Sums per currency, in order of currency code."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
    return {code: Money(sums[code], code) for code in sorted(sums)}
