"""What goes wrong between a remittance and a bank line: slips in ids, text cut or squeezed, names, deductions, noise.

Faults are taken from how people type and how banks pass text on: a character missing, added, swapped with its neighbour, misread;
a space inside; cut at either end; ids run together with any separator; order, phone and date numbers beside the real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from core.matching import IncomingPayment
from core.money import Money
from tests.corpus.payments import Sent

SEPARATORS = (", ", ",", " ", "/", ";", " + ", " & ", "-", "|", " and ", " u. ", ".", " // ", "\n", "_", ":", "*")
_WORDS = {
    "en": ["Invoice", "inv", "Payment for", "pmt", "ref", "Payment invoices", "", "", "Thank you", "IT services"],
    "de": ["Rechnung", "RG", "Re.-Nr.", "Rechnungen", "RNr", "", "Zahlung"],
    "fr": ["Facture", "fact.", "Factures", "Règlement facture", ""],
    "es": ["Factura", "Fra.", "Pago factura", "Facturas", ""],
    "nl": ["Factuur", "Fact nr", "betaling", ""],
}


def _pick(item: Sent, rng: random.Random, least: int = 3) -> int | None:
    fit = [at for at, text in enumerate(item.memo_ids) if sum(char.isdigit() for char in text) >= least]
    return rng.choice(fit) if fit else None


def _digit_places(text: str) -> list[int]:
    return [at for at, char in enumerate(text) if char.isdigit()]


def _change(item: Sent, rng: random.Random, edit: Callable[[str, random.Random], str]) -> bool:
    at = _pick(item, rng)
    if at is None:
        return False
    item.memo_ids[at] = edit(item.memo_ids[at], rng)
    return True


def _space(text: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(text))
    return f"{text[:at]} {text[at:]}"


def _missing(text: str, rng: random.Random) -> str:
    at = rng.choice(_digit_places(text))
    return text[:at] + text[at + 1 :]


def _added(text: str, rng: random.Random) -> str:
    at = rng.choice(_digit_places(text))
    return text[:at] + rng.choice("0123456789") + text[at:]


def _swapped(text: str, rng: random.Random) -> str:
    places = [at for at in _digit_places(text) if at + 1 < len(text) and text[at + 1].isdigit() and text[at] != text[at + 1]]
    if not places:
        return _missing(text, rng)
    at = rng.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _wrong(text: str, rng: random.Random) -> str:
    at = rng.choice(_digit_places(text))
    return text[:at] + rng.choice("0123456789") + text[at + 1 :]


def _ocr(text: str, rng: random.Random) -> str:
    for digit, letter in rng.sample([("0", "O"), ("1", "I"), ("1", "l"), ("5", "S"), ("8", "B")], 5):
        if digit in text:
            return text.replace(digit, letter, 1)
    return text


def _cut_left(text: str, rng: random.Random) -> str:
    return text[rng.choice([1, 1, 2]) :]


def _cut_right(text: str, rng: random.Random) -> str:
    return text[: -rng.choice([1, 1, 2])]


def _lower(text: str, rng: random.Random) -> str:
    return text.lower().replace("-", rng.choice(["", " ", "/", "."]))


def _noise(item: Sent, rng: random.Random) -> bool:
    kinds = [
        f"PO {rng.randrange(1000, 99999)}",
        f"{rng.randrange(10**9, 10**10)}",
        f"TEL {rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}",
        item.paid_on.strftime(rng.choice(["%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%b %Y"])),
        f"TRN*1*{rng.randrange(10**7, 10**8)}",
        f"KD-Nr {rng.randrange(10000, 99999)}",
        f"ORDER {rng.randrange(100000, 999999)}",
        f"batch {rng.randrange(10, 999)}",
    ]
    if item.client.invoices and rng.random() < 0.15:
        kinds = [rng.choice(item.client.invoices).number or ""]
    item.noise.append(rng.choice(kinds))
    return True


DEDUCTIONS = frozenset(("small deduction", "bank fee", "discount", "withholding"))


def _deduct(item: Sent, rng: random.Random, kind: str) -> bool:
    total = sum(item.amounts)
    if total < 6000 or set(item.faults) & DEDUCTIONS:
        return False
    rate = {"discount": rng.choice([10, 20, 20, 30]), "withholding": rng.choice([50, 100, 150, 200]), "small": 0, "fee": 0}[kind]
    if rate:
        item.amounts = [amount - amount * rate // 1000 for amount in item.amounts]
    else:
        gap = rng.choice([500, 1000, 1500, 2500, 3500]) if kind == "fee" else rng.randrange(1, 2000)
        largest = max(range(len(item.amounts)), key=lambda at: item.amounts[at])
        item.amounts[largest] -= min(gap, total // 8)
    item.amount = sum(item.amounts)
    return True


def _no_ids(item: Sent, rng: random.Random) -> bool:
    item.memo_ids = []
    return True


def _fewer_ids(item: Sent, rng: random.Random) -> bool:
    if len(item.memo_ids) < 2:
        return False
    del item.memo_ids[rng.randrange(len(item.memo_ids))]
    return True


def _cut_memo(item: Sent, rng: random.Random) -> bool:
    item.cut = rng.choice([18, 27, 35, 35, 140])
    return True


def _separator(item: Sent, rng: random.Random) -> bool:
    item.separator = rng.choice(SEPARATORS)
    return len(item.memo_ids) > 1


def _name(item: Sent, rng: random.Random) -> bool:
    name = item.payer
    words = name.split()
    kinds: list[Callable[[], str]] = [
        lambda: " ".join(words[:-1]) if len(words) > 2 else name,
        name.upper,
        lambda: name[: rng.choice([12, 18, 22])],
        lambda: (
            name.replace("International", "Intl")
            .replace("Services", "Svcs")
            .replace("Technologies", "Tech")
            .replace("Group", "Grp")
        ),
        lambda: f"ACH {name.upper()} PAYMENT",
        lambda: " ".join(reversed(words)),
        lambda: _swapped_letters(name, rng),
        lambda: "",
        lambda: name.replace(" ", ""),
    ]
    item.payer = rng.choice(kinds)()
    return True


def _swapped_letters(name: str, rng: random.Random) -> str:
    at = rng.randrange(len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _other_account(item: Sent, rng: random.Random) -> bool:
    item.account = f"{rng.randrange(10**8, 10**9)}"
    return True


FAULTS: dict[str, Callable[[Sent, random.Random], bool]] = {
    "space in id": lambda item, rng: _change(item, rng, _space),
    "digit missing": lambda item, rng: _change(item, rng, _missing),
    "digit added": lambda item, rng: _change(item, rng, _added),
    "digits swapped": lambda item, rng: _change(item, rng, _swapped),
    "digit wrong": lambda item, rng: _change(item, rng, _wrong),
    "digit misread": lambda item, rng: _change(item, rng, _ocr),
    "cut left": lambda item, rng: _change(item, rng, _cut_left),
    "cut right": lambda item, rng: _change(item, rng, _cut_right),
    "format": lambda item, rng: _change(item, rng, _lower),
    "noise": _noise,
    "separator": _separator,
    "small deduction": lambda item, rng: _deduct(item, rng, "small"),
    "bank fee": lambda item, rng: _deduct(item, rng, "fee"),
    "discount": lambda item, rng: _deduct(item, rng, "discount"),
    "withholding": lambda item, rng: _deduct(item, rng, "withholding"),
    "no ids": _no_ids,
    "id left out": _fewer_ids,
    "memo cut": _cut_memo,
    "name": _name,
    "other account": _other_account,
}


LISTED = (
    "space in id",
    "digit missing",
    "digit added",
    "digits swapped",
    "cut left",
    "cut right",
    "separator",
    "noise",
    "small deduction",
    "bank fee",
    "discount",
    "withholding",
    "name",
)


def spoil(item: Sent, rng: random.Random, count: int, only: tuple[str, ...] = ()) -> None:
    """Let `count` different things go wrong with a payment, as far as they can happen to it; of the kinds `only`, if given."""
    kinds = list(only or FAULTS)
    rng.shuffle(kinds)
    done = 0
    for kind in kinds:
        if done == count:
            return
        if FAULTS[kind](item, rng):
            item.faults.append(kind)
            done += 1


def finish(item: Sent, identity: str, rng: random.Random, *, accounts_known: bool) -> IncomingPayment:
    """The bank line as it arrives."""
    memo = item.separator.join(item.memo_ids)
    word = rng.choice(_WORDS[item.client.language])
    memo = f"{word} {memo}".strip()
    for noise in item.noise:
        memo = f"{memo} {noise}".strip() if rng.random() < 0.6 else f"{noise} {memo}".strip()
    if item.cut:
        memo = memo[: item.cut]
    return IncomingPayment(
        id=identity,
        amount=Money(item.amount, item.client.currency),
        payer=item.payer,
        account=item.account if accounts_known else "",
        memo=memo,
        paid_on=item.paid_on,
    )
