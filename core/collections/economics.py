"""What a claim is worth by each way to collect it, now and in 30, 60 and 90 days, with the arithmetic shown (D7, A24-A29).

Expected net = what is recovered at that age - the agency's or lawyer's share - costs that are spent in any case. Amounts are
minor units, half up, invoice by invoice; nothing here is a float. It recommends, a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from core.collections.case_words import counted
from core.collections.recovery import Expectation, decimal_text, part_of
from core.collections.routes import CourtLimit, Courts, RateCard, Route, Tariff
from core.money import Money, exponent, total

HORIZONS = (0, 30, 60, 90)  # days from today


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One invoice of the claim."""

    label: str
    open: Money
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be collected. `days_left` until the earliest time bar (None: unknown); `plan_broken`: a promise was not kept."""

    owed: tuple[Owed, ...]
    currency: str
    as_of: date
    law: str | None = None
    days_left: int | None = None
    plan_broken: bool = False
    legal: bool = False  # disputed or resisted: agencies take their legal percentage
    open_cases: int = 0

    @property
    def claimed(self) -> Money:
        return total((item.open for item in self.owed), self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """One route at one horizon. `net` = `gross` - `fee` - `costs`. `lines` show how it comes about."""

    route: Route
    who: str
    in_days: int
    gross: Money
    fee: Money
    costs: Money
    confirmed: bool
    lines: tuple[str, ...]

    @property
    def net(self) -> Money:
        return self.gross - self.fee - self.costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """The answer: every route that is open, at every horizon; those that are not, with why; and what is recommended."""

    claimed: Money
    as_of: date
    worths: tuple[Worth, ...]
    closed: Mapping[str, str]
    recommended: Worth
    reasons: tuple[str, ...]
    sensitivity: tuple[tuple[Decimal, Money], ...]
    basis: str
    curve: tuple[tuple[int, Decimal], ...]

    def at(self, route: Route, in_days: int = 0, who: str = "") -> Worth | None:
        """One route at one horizon; the best of several agencies unless one is named."""
        found = [item for item in self.worths if item.route is route and item.in_days == in_days and who in ("", item.who)]
        return max(found, key=lambda item: item.net.minor, default=None)

    def waiting(self, in_days: int) -> Money | None:
        """What waiting so many days costs on the recommended route; negative if it gains. None where it closes until then."""
        later = self.at(self.recommended.route, in_days, self.recommended.who)
        return None if later is None else self.recommended.net - later.net


def economics(
    claim: Claim,
    tariff: Tariff,
    expectation: Expectation,
    *,
    cards: Sequence[RateCard] = (),
    courts: Courts | None = None,
    kept: tuple[int, int] = (0, 0),
) -> Economics:
    """Compare the routes. `cards` are the agencies known (none: a typical one); `kept` promises kept of all that were made."""
    room = _Room(claim, tariff, expectation, tuple(cards) or (tariff.typical,), courts or {}, kept)
    worths = tuple(item for days in HORIZONS for item in room.routes(days))
    best = room.recommended([item for item in worths if item.in_days == 0])
    return Economics(
        claimed=claim.claimed,
        as_of=claim.as_of,
        worths=worths,
        closed=room.closed(0),
        recommended=best,
        reasons=tuple(room.reasons(best, worths)),
        sensitivity=tuple((percent, room.agency_at(percent)) for percent in tariff.agency.sensitivity),
        basis=expectation.words,
        curve=tuple((months * 30, expectation.share(months * 30)) for months in (0, 1, 2, 3, 6, 9, 12, 18, 24)),
    )


def _percent(value: Decimal | Fraction) -> str:
    """A percentage without trailing zeros: 25 %, 12.5 %; one that does not end has two places, half up."""
    return f"{decimal_text(value)} %"


@dataclass(frozen=True, slots=True)
class _Room:
    """The comparison of one claim."""

    claim: Claim
    tariff: Tariff
    expectation: Expectation
    cards: tuple[RateCard, ...]
    courts: Courts
    kept: tuple[int, int]

    def money(self, major: Decimal) -> Money:
        """An amount of the tariff in the claim's currency."""
        return part_of(Money(10 ** exponent(self.claim.currency), self.claim.currency), major)

    @property
    def nothing(self) -> Money:
        return Money.zero(self.claim.currency)

    def routes(self, days: int) -> list[Worth]:
        """Every route that is open in `days` days."""
        closed = self.closed(days)
        found = [made for card in self.cards if (made := self._agency(card, days)) is not None]
        if Route.ATTORNEY not in closed:
            found.append(self._attorney(days))
        if Route.SMALL_CLAIMS not in closed:
            found.append(self._court(days))
        if Route.PLAN not in closed:
            found.append(self._plan(days))
        return [*found, self._write_off(days)]

    def closed(self, days: int) -> dict[str, str]:
        """Routes that are not open in `days` days, with why."""
        claim, found = self.claim, {}
        if claim.days_left is not None and claim.days_left < days:
            found[str(Route.ATTORNEY)] = found[str(Route.SMALL_CLAIMS)] = "the time to sue may be over by then"
        elif (why := self._no_court()) is not None:
            found[str(Route.SMALL_CLAIMS)] = why
        if claim.plan_broken:
            found[str(Route.PLAN)] = "a plan or promise of this client was broken"
        for card in self.cards:
            if not card.covers(claim.law):
                found[card.agency] = f"collects only in {', '.join(sorted(card.laws))}"
        return found

    def _no_court(self) -> str | None:
        law, claimed, court = self.claim.law, self.claim.claimed, self._limit()
        if court is None:
            return f"no small-claims limit is known for {law}" if law else "the governing law is not known"
        if court.limit.currency != claimed.currency:
            return f"that court counts in {court.limit.currency}"
        return f"the claim is above the limit of {court.limit}" if claimed > court.limit else None

    def _limit(self) -> CourtLimit | None:
        """What the court takes as of the claim's day."""
        return next((item for item in self.courts.get(self.claim.law or "", ()) if item.holds(self.claim.as_of)), None)

    def recovered(self, days: int, factor: Decimal = Decimal(1)) -> tuple[list[tuple[Owed, int, Money]], list[str]]:
        """What each invoice brings when it is that much older, and the lines that say so."""
        rows, lines = [], []
        for item in self.claim.owed:
            age = (self.claim.as_of - item.due_on).days + days
            share = self.expectation.share(age)
            gross = part_of(item.open, Fraction(share) * Fraction(factor))
            rows.append((item, age, gross))
            more = f" x {factor}" if factor != 1 else ""
            lines.append(f"{item.label}: {item.open}, {age} days past due: x {_percent(share * 100)}{more} = {gross}")
        return rows, lines

    def _agency(self, card: RateCard, days: int, percent: Decimal | None = None) -> Worth | None:
        claim = self.claim
        if not card.covers(claim.law):
            return None
        rows, lines = self.recovered(days)
        fee = self.nothing
        for item, age, gross in rows:
            kept = percent if percent is not None else card.percent(age, claim.claimed, legal=claim.legal)
            if kept is None:
                return None
            fee += part_of(gross, kept / 100)
            lines.append(f"{item.label}: fee {_percent(kept)} of {gross} = {part_of(gross, kept / 100)}")
        gross = total((row[2] for row in rows), claim.currency)
        return self._worth(Route.AGENCY, card.agency, days, (gross, fee, self.nothing), card.confirmed, lines)

    def _attorney(self, days: int) -> Worth:
        rows, lines = self.recovered(days)
        gross = total((row[2] for row in rows), self.claim.currency)
        table = self.tariff.attorney
        fee, costs = part_of(gross, table.percent / 100), self.money(table.costs)
        lines += [f"fee {_percent(table.percent)} of {gross} = {fee}", f"costs in any case: {costs}"]
        return self._worth(Route.ATTORNEY, "a lawyer", days, (gross, fee, costs), table.confirmed, lines)

    def _court(self, days: int) -> Worth:
        table = self.tariff.small_claims
        rows, lines = self.recovered(days, table.recovers)
        gross = total((row[2] for row in rows), self.claim.currency)
        costs = self.money(table.costs) + self.money(table.hours * table.hourly)
        lines.append(f"court {self.money(table.costs)} + {table.hours} h at {self.money(table.hourly)} = {costs}")
        court = self._limit()
        lines += [f"that court takes claims up to {court.words}"] if court is not None else []
        sure = table.confirmed and court is not None and court.confirmed
        return self._worth(Route.SMALL_CLAIMS, f"court of {self.claim.law}", days, (gross, self.nothing, costs), sure, lines)

    def _plan(self, days: int) -> Worth:
        table, (kept, made) = self.tariff.plan, self.kept
        own = self.tariff.own
        share = Fraction(table.kept)
        if made >= own.fewest:
            share = (kept + share * own.weight) / (made + own.weight)
        claimed = self.claim.claimed
        now, then = (total((row[2] for row in self.recovered(when)[0]), claimed.currency) for when in (0, days))
        fallen = Fraction(then.minor, now.minor) if now.minor else Fraction(1)
        gross, costs = part_of(claimed, share * fallen), self.money(table.hours * table.hourly)
        told = f"{kept} of {made} plans kept, drawn to {_percent(table.kept * 100)}" if made >= own.fewest else "assumed"
        later = f" x {_percent(fallen * 100)} as the curve falls" if days else ""
        lines = [f"instalments: {claimed} x {_percent(share * 100)} ({told}){later} = {gross}", f"your time: {costs}"]
        return self._worth(Route.PLAN, "the client", days, (gross, self.nothing, costs), table.confirmed, lines)

    def _write_off(self, days: int) -> Worth:
        none = (self.nothing, self.nothing, self.nothing)
        return self._worth(
            Route.WRITE_OFF, "nobody", days, none, True, ["nothing comes, nothing is spent; tax relief not counted"]
        )

    def _worth(
        self, route: Route, who: str, days: int, amounts: tuple[Money, Money, Money], confirmed: bool, lines: Sequence[str]
    ) -> Worth:
        gross, fee, costs = amounts
        net = gross - fee - costs
        told = (*lines, f"net {gross} - {fee} - {costs} = {net}")
        return Worth(route=route, who=who, in_days=days, gross=gross, fee=fee, costs=costs, confirmed=confirmed, lines=told)

    def agency_at(self, percent: Decimal) -> Money:
        """The net of an agency that keeps `percent`, now."""
        made = self._agency(self.tariff.typical, 0, percent)
        return made.net if made is not None else self.nothing

    def recommended(self, now: Sequence[Worth]) -> Worth:
        """The best net that we can decide on alone; giving up where none is worth the trouble."""
        ours = [item for item in now if item.route not in (Route.WRITE_OFF, Route.PLAN)]
        best = max(ours, key=lambda item: item.net.minor, default=None)
        if best is None or best.net < self.money(self.tariff.write_off.least_net):
            return next(item for item in now if item.route is Route.WRITE_OFF)
        return best

    def reasons(self, best: Worth, worths: Sequence[Worth]) -> list[str]:
        """Why, in words, with what waiting costs and what else a person should weigh."""
        now = sorted((item for item in worths if item.in_days == 0), key=lambda item: (-item.net.minor, item.who))
        least = self.money(self.tariff.write_off.least_net)
        found = []
        if best.route is Route.WRITE_OFF:
            found.append(f"No route is expected to bring the least sum worth collecting ({least}).")
        else:
            less = [item for item in now if 0 < item.net.minor <= best.net.minor and item is not best]
            others = [f"{item.route.replace('_', ' ')} ({item.who}) {item.net}" for item in less[:3]]
            rest = f"next: {', '.join(others)}" if others else "no other route that you decide on alone is"
            found.append(f"{best.who} is expected to bring {best.net} net; {rest}.")
        later = next((i for i in worths if i.in_days == HORIZONS[1] and i.route is best.route and i.who == best.who), None)
        if later is not None and best.route is not Route.WRITE_OFF:
            found.append(f"Waiting {HORIZONS[1]} days costs {best.net - later.net}.")
        few = self.tariff.attorney.fewest_cases
        lawyer = next((item for item in now if item.route is Route.ATTORNEY), None)
        worth = lawyer is not None and lawyer.net >= least
        if best.route is Route.AGENCY and worth and 0 < self.claim.open_cases < few:
            found.append(
                f"With {counted(self.claim.open_cases, 'open case')}, fewer than {few}, a collections lawyer may suit you better."
            )
        plan = next((item for item in now if item.route is Route.PLAN and item.net > best.net), None)
        if plan is not None:
            found.append(f"Instalments, if the client agrees to them in writing, would bring {plan.net}: offer them first.")
        if not best.confirmed:
            found.append("Rests on figures nobody confirmed: put your own agency's or lawyer's terms in place of them.")
        return found
