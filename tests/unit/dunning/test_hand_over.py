"""The final notice says that an account may go to an agency only where one could really take it; nothing else ever says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.dunning.compose import ANSWER_DAYS
from core.dunning.decision import Channels, Entry, Referral
from core.holds import HoldKind
from core.messages.letter import LetterKind
from core.outbox import ContactKind
from tests.unit.dunning.scene import Scene

DUE = date(2026, 4, 1)
TEXAS = Referral(places=(frozenset({"TX"}),))


def last_letter(scene: Scene) -> Entry:
    """The final notice that is due now."""
    return next(entry for entry in scene.decide().entries if entry.stage == "final_notice")


def at_its_end(referral: Referral, region: str | None = "TX") -> Scene:
    """A client who got every reminder and a call, on the day its final notice is due."""
    scene = Scene(settings={"business_days": False}).go(DUE)
    scene.channels = Channels(mail="mail", referral=referral)
    scene.party = replace(scene.party, region=region, country="US")
    scene.invoice("1001", due=DUE)
    scene.run(DUE + timedelta(days=49))
    scene.said(ContactKind.CALL, outcome="reached")
    while not any(entry.stage == "final_notice" and entry.would_send for entry in scene.decide().entries):
        scene.go(scene.today + timedelta(days=1))
    return scene


@pytest.mark.req("A38", "A97")
@pytest.mark.parametrize(
    ("referral", "region", "said"),
    [
        (TEXAS, "TX", True),
        (TEXAS, "OH", False),  # it may not collect there
        (TEXAS, None, False),  # nobody knows where the client is
        (Referral(places=(frozenset({"US"}),)), "OH", True),
        (Referral(places=(frozenset(),)), None, True),  # an agency that said nothing of places
        (Referral(), "TX", False),  # no agency, or only one whose door observes
    ],
)
def test_it_is_said_only_where_an_agency_could_take_the_client(referral, region, said):
    letter = last_letter(at_its_end(referral, region)).letter
    assert letter is not None
    assert (letter.hand_over_on is not None) is said


@pytest.mark.req("A38")
def test_the_day_named_is_the_first_after_the_answer_day_and_a_person_approves_it():
    scene = at_its_end(TEXAS)
    entry = last_letter(scene)
    assert entry.draft, "a person looks at it first"
    assert entry.letter is not None
    assert entry.letter.answer_by is not None
    assert entry.letter.hand_over_on == entry.letter.answer_by + timedelta(days=1)
    assert entry.letter.answer_by >= scene.today + timedelta(days=ANSWER_DAYS[LetterKind.FINAL])


@pytest.mark.req("A60")
def test_a_client_in_trouble_is_threatened_with_nothing():
    scene = at_its_end(TEXAS)
    scene.hold(HoldKind.HARDSHIP)
    assert all(entry.letter is None or entry.letter.hand_over_on is None for entry in scene.decide().entries)


def test_no_other_letter_speaks_of_it():
    scene = Scene(settings={"business_days": False}, channels=Channels(mail="mail", referral=Referral(places=(frozenset(),))))
    scene.go(DUE).invoice("1001", due=DUE)
    letters = []
    while scene.today < DUE + timedelta(days=60):
        letters += [entry.letter for entry in scene.decide().entries if entry.letter is not None]
        scene.send()
        scene.go(scene.today + timedelta(days=1))
        if scene.today == DUE + timedelta(days=40):
            scene.said(ContactKind.CALL, outcome="reached")
    assert {letter.kind for letter in letters} > {LetterKind.DUE, LetterKind.CLEAR, LetterKind.STATEMENT, LetterKind.FINAL}
    assert {letter.kind for letter in letters if letter.hand_over_on is not None} == {LetterKind.FINAL}
