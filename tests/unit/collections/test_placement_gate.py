"""The last question before a hand-over: anything but a plain yes keeps it back; notices to the agency wait only for a pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.actions import HandOver, HandOverKind, InvoiceMention
from core.collections.case import Stayed
from core.collections.client_letter import placed_letter
from core.collections.placement_gate import handover_answers
from core.dunning.gate import GateFacts, SourceAge, verdict
from core.dunning.policy import DunningSettings
from core.dunning.resolve import resolve_policy
from core.holds import Hold, HoldKind
from core.messages.lint import threats
from core.records import DocumentStatus, Stream, key_of
from tests.unit.collections.claim import (
    AGENCY,
    BOOKS,
    FIRST,
    NOW,
    ORGANISATION,
    SECOND,
    TODAY,
    case_of,
    credit,
    noticed,
    placed,
    usd,
)

CLAIM = (FIRST, SECOND)
DIGESTS = {key_of(item): f"d{item.ref}" for item in CLAIM}
PLACING = case_of(*placed()[:-1])


def action(what: HandOverKind = HandOverKind.PLACEMENT) -> HandOver:
    mentions = tuple(
        InvoiceMention(
            connection=item.connection,
            ref=item.ref,
            digest=DIGESTS[key_of(item)],
            number=item.number,
            open=item.open,
            due_on=item.due_on,
        )
        for item in CLAIM
    )
    return HandOver(
        connection="acme",
        account="acct",
        case="5f0c11aa",
        agency="acme",
        what=what,
        cause="c",
        reference="5f0c11aa-1",
        subject="s",
        text="t",
        amount=usd("1200.00"),
        count=2,
        invoices=mentions,
    )


def facts(**changes) -> GateFacts:
    made = GateFacts(
        now=NOW,
        policy=resolve_policy(DunningSettings.model_validate({}), BOOKS.account),
        organisation=ORGANISATION,
        books=BOOKS,
        reread={key_of(item): item for item in CLAIM},
        digests=DIGESTS,
        streams=[SourceAge(connection="books", stream=Stream.INVOICES, last_ok_at=NOW, fresh_for=3600)],
        history=(),
    )
    return replace(made, **changes)


def against(case=PLACING, **changes) -> list[str]:
    return [item.question for item in handover_answers(action(), facts(**changes), case) if item.ok is not True]


def hold(kind: HoldKind) -> Hold:
    return Hold(id="h", kind=kind, account="acct", placed_at=NOW, placed_by="ann")


def test_what_is_as_it_was_decided_goes():
    assert verdict(handover_answers(action(), facts(), PLACING))
    assert against(holds=[hold(HoldKind.AGENCY), hold(HoldKind.COLLECTIONS), hold(HoldKind.PROTECTED)]) == []


@pytest.mark.req("D6", "E53")
@pytest.mark.parametrize(
    ("changes", "question"),
    [
        ({"paused": "by ann"}, "paused"),
        ({"reread": {key_of(FIRST): FIRST}}, "invoices"),
        ({"reread": {key_of(FIRST): FIRST, key_of(SECOND): None}}, "invoices"),
        ({"reread": {key_of(FIRST): FIRST, key_of(SECOND): replace(SECOND, open=usd("100.00"))}}, "invoices"),
        ({"reread": {key_of(FIRST): FIRST, key_of(SECOND): replace(SECOND, status=DocumentStatus.VOID)}}, "invoices"),
        ({"reread": {key_of(FIRST): FIRST, key_of(SECOND): replace(SECOND, disputed=True)}}, "invoices"),
        ({"digests": {**DIGESTS, key_of(SECOND): "other"}}, "invoices"),
        ({"books": None}, "balance"),
        ({"books": replace(BOOKS, credit_notes=(credit("1.00"),))}, "balance"),
        ({"streams": ()}, "fresh"),
        ({"streams": [SourceAge(connection="b", stream=Stream.INVOICES, last_ok_at=None, fresh_for=9)]}, "fresh"),
        (
            {"streams": [SourceAge(connection="b", stream=Stream.INVOICES, last_ok_at=NOW - timedelta(hours=2), fresh_for=9)]},
            "fresh",
        ),
        *(({"holds": [hold(kind)]}, "holds") for kind in (HoldKind.BANKRUPTCY, HoldKind.LEGAL, HoldKind.DISPUTE, HoldKind.PLAN)),
        ({"case": case_of(*noticed())}, "case"),
        ({"case": case_of(*placed()[:-1], Stayed(reason="bankruptcy"))}, "case"),
        ({"case": None}, "case"),
    ],
)
def test_anything_that_changed_keeps_it_back(changes, question):
    assert against(**changes) == [question]


def test_a_notice_to_the_agency_waits_for_nothing_but_a_pause():
    for what in set(HandOverKind) - {HandOverKind.PLACEMENT}:
        assert verdict(handover_answers(action(what), facts(books=None, streams=(), reread={}), None)), what
        assert not verdict(handover_answers(action(what), facts(paused="by ann"), None)), what


@pytest.mark.req("A112")
def test_the_letter_to_the_client_names_the_agency_and_threatens_nothing():
    given = {"organisation": ORGANISATION, "agency": AGENCY, "client": "Alder Dental PC", "today": TODAY}
    text = " ".join(placed_letter(case_of(*placed()), **given).split())
    for words in ("Acme Recovery", "$1,200.00", "5f0c11aa-1", "notice on May 8, 2026", "ar@northwind.example", "instalments"):
        assert words in text
    assert not [word for word in ("sue", "court", "lawyer", "credit rating", "immediately") if word in text.lower()]
    assert "We wrote to you about the 2 invoices due" in text
    with pytest.raises(ValueError, match="with no agency"):
        placed_letter(case_of(*noticed()), organisation=ORGANISATION, agency=AGENCY, client="x", today=TODAY)


@pytest.mark.req("A112", "A97")
@pytest.mark.parametrize(
    ("locale", "words", "day"),
    [
        ("de-AT", "der 2 fälligen Rechnungen", "8. Mai 2026"),
        ("fr-CA", "les 2 factures échues", "8 mai 2026"),
        ("es-MX", "las 2 facturas vencidas", "8 de mayo de 2026"),
        ("nl", "de 2 vervallen facturen", "8 mei 2026"),
        ("ja-JP", "the 2 invoices due", "May 8, 2026"),
    ],
)
def test_the_letter_to_the_client_is_in_its_own_language(locale, words, day):
    given = {"organisation": ORGANISATION, "agency": AGENCY, "client": "Alder Dental PC", "today": TODAY, "locale": locale}
    letter = placed_letter(case_of(*placed()), **given)
    text = " ".join(letter.split())
    assert words in text
    assert day in text
    assert "5f0c11aa-1" in text
    assert threats(text, locale[:2]) == ()
    assert max(len(line) for line in letter.splitlines()) <= 78, "it is printed as it is"
