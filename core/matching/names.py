"""Whether two names mean the same client: legal forms, abbreviations, accents, bank noise, cut and squeezed strings.
Trade names that share no word with the legal name cannot be told from here; those are learned from sure matches
(core.matching.clients). The word lists are general knowledge of company forms and of the words banks put around a payer's name.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

_LEGAL_FORMS_TEXT = (
    "inc incorporated llc llp lp ltd limited corp corporation co company plc pllc pc pa gmbh mbh ag kg kgaa ohg gbr ug se "
    "ev bv nv cv vof sa sas sarl eurl sprl srl spa snc sl slu sau lda ltda oy oyj ab as asa aps kft zrt bt sro doo pty pte "
    "pvt private proprietary the dba"
)
LEGAL_FORMS = frozenset(_LEGAL_FORMS_TEXT.split())
_NOISE_TEXT = (
    "payment payments from by ach wire transfer credit deposit sepa ueberweisung uberweisung virement bacs faster chaps eft "
    "ppd ccd ctx orig name id indn des ref remittance giro incoming inward trf tfr bgc zahlung gutschrift"
)
NOISE = frozenset(_NOISE_TEXT.split())
ABBREVIATIONS = {
    "intl": "international",
    "internatl": "international",
    "natl": "national",
    "svc": "services",
    "svcs": "services",
    "serv": "services",
    "service": "services",
    "tech": "technologies",
    "technology": "technologies",
    "mfg": "manufacturing",
    "assoc": "associates",
    "assocs": "associates",
    "mgmt": "management",
    "mgt": "management",
    "grp": "group",
    "hldgs": "holdings",
    "hldg": "holdings",
    "holding": "holdings",
    "bros": "brothers",
    "dept": "department",
    "univ": "university",
    "hosp": "hospital",
    "ctr": "center",
    "centre": "center",
    "sys": "systems",
    "system": "systems",
    "soln": "solutions",
    "solns": "solutions",
    "solution": "solutions",
    "eng": "engineering",
    "engr": "engineering",
    "constr": "construction",
    "const": "construction",
    "dist": "distribution",
    "prop": "properties",
    "props": "properties",
    "fin": "financial",
    "ins": "insurance",
    "med": "medical",
    "pharm": "pharmacy",
    "labs": "laboratories",
    "lab": "laboratories",
    "partner": "partners",
    "ptnrs": "partners",
    "st": "saint",
    "u": "and",
    "und": "and",
    "et": "and",
    "y": "and",
}
_WORD = re.compile(r"[a-z0-9]+")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}")


def fold(text: str) -> str:
    """Lower case without accents; other scripts stay as they are."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("ł", "l"))
    return "".join(char for char in plain if not unicodedata.combining(char)).lower()


@lru_cache(maxsize=200_000)
def words(name: str) -> tuple[str, ...]:
    """The telling words of a name: legal forms and bank noise gone, abbreviations written out. Never empty unless the name is."""
    plain = _DOTTED.sub(lambda found: found.group().replace(".", ""), fold(name)).replace("&", " and ").replace("'", "")
    found = _WORD.findall(plain) if plain.isascii() else re.findall(r"\w+", plain)
    telling = [word for word in found if word not in LEGAL_FORMS and word not in NOISE and word != "and"]
    return tuple(ABBREVIATIONS.get(word, word) for word in telling) or tuple(found)


@lru_cache(maxsize=200_000)
def key(name: str) -> str:
    """Names with equal keys are the same client: "The Smith Group, L.L.C." and "SMITH GRP"."""
    return " ".join(words(name))


class NameIndex:
    """Finds the clients a payer's name may mean without comparing all: by words, beginnings of words, squeezed beginnings."""

    def __init__(self, names: Sequence[tuple[str, ...]]) -> None:
        """`names[n]` are the words of client n."""
        self._names = names
        self._squeezed = ["".join(name) for name in names]
        self._clients: dict[str, list[int]] = defaultdict(list)
        for client, name in enumerate(names):
            for token in _tokens(name):
                self._clients[token].append(client)
        self._weight = {token: max(4.0 - math.log(1 + len(found)), 0.5) for token, found in self._clients.items()}
        self._known: dict[tuple[str, ...], tuple[tuple[int, float], ...]] = {}

    def find(self, payer: str, *, limit: int = 6) -> tuple[tuple[int, float], ...]:
        """(client, likeness in [0, 1]) of the likeliest clients, best first."""
        name = words(payer)
        if not name:
            return ()
        if name not in self._known:
            self._known[name] = self._search(name, limit)
        return self._known[name]

    def _search(self, name: tuple[str, ...], limit: int) -> tuple[tuple[int, float], ...]:
        scored = {client: self._likeness(name, client) for client in self._near(name)}
        if max(scored.values(), default=0.0) < 0.6 and len(self._names) <= 500:
            squeezed = "".join(name)
            close = process.extract(squeezed, self._squeezed, scorer=fuzz.ratio, score_cutoff=60, limit=limit)
            scored.update((client, self._likeness(name, client)) for _, _, client in close)
        best = sorted(scored.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return tuple((client, score) for client, score in best if score >= 0.5)

    def _near(self, name: tuple[str, ...]) -> Iterable[int]:
        votes: Counter[int] = Counter()
        for token in _tokens(name):
            found = self._clients.get(token, ())
            if len(found) <= 200:
                for client in found:
                    votes[client] += 1 + int(10 * self._weight[token])
        return [client for client, _ in votes.most_common(30)]

    def _likeness(self, name: tuple[str, ...], client: int) -> float:
        other = self._names[client]
        if sorted(name) == sorted(other):
            return 1.0
        shared = self._shared(name, other)
        squeezed, target = "".join(name), self._squeezed[client]
        whole = fuzz.ratio(squeezed, target) / 100
        shorter = min(len(squeezed), len(target))
        cut = 0.97 if shorter >= 6 and (target.startswith(squeezed) or squeezed.startswith(target)) else 0.0
        initials = 0.8 if len(squeezed) >= 3 and squeezed == "".join(word[0] for word in other) else 0.0
        return max(shared, whole * 0.98, cut, initials)

    def _shared(self, name: tuple[str, ...], other: tuple[str, ...]) -> float:
        """Weight of the words both have over the weight of the words of the shorter; rare words weigh more."""
        left, right = set(name), set(other)
        common = {word for word in left if word in right or any(_abbreviates(word, peer) for peer in right)}
        weigh = self._weight
        mass = sum(weigh.get(word, 3.0) for word in common)
        smaller = min(sum(weigh.get(word, 3.0) for word in left), sum(weigh.get(word, 3.0) for word in right))
        larger = max(sum(weigh.get(word, 3.0) for word in left), sum(weigh.get(word, 3.0) for word in right))
        return 0.65 * min(mass / smaller, 1.0) + 0.3 * min(mass / larger, 1.0) if smaller else 0.0


def _abbreviates(word: str, peer: str) -> bool:
    short, long = sorted((word, peer), key=len)
    return len(short) >= 3 and len(long) > len(short) and long.startswith(short)


def _tokens(name: tuple[str, ...]) -> set[str]:
    squeezed = "".join(name)
    initials = "".join(word[0] for word in name)
    heads = {"^" + word[:4] for word in name if len(word) >= 4}
    return {*name, *heads, "|" + squeezed[:5], "=" + (initials if len(initials) > 2 else squeezed)}
