"""Money that somebody has and that pays nothing: no client is asked for what it could pay, and nobody else is spared by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.books import AccountBooks
from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.records import CreditNote, DocumentStatus, Party, Payment, RecordKey, Ref, Stream, key_of
from tests.unit.dunning.scene import BOOKS, CLIENT, PARTY, Scene, overdue, usd

TODAY = date(2026, 3, 17)
PSA = "psa"


def late(**settings: object) -> Scene:
    scene = overdue(7, **{"business_days": False, **settings})
    assert scene.would_send() == ["reminder_7"]
    return scene


class InPsa(Scene):
    """The client has a record in the PSA as well."""

    def books(self) -> AccountBooks:
        theirs = Party(connection=PSA, ref=CLIENT, name=PARTY.name)
        plain = super().books()
        account = replace(plain.account, parties=(*plain.account.parties, RecordKey(PSA, Stream.PARTIES, CLIENT)))
        return replace(plain, account=account, parties=(*plain.parties, theirs))


def in_psa(**settings: object) -> InPsa:
    plain = late(**settings)
    return InPsa(settings=plain.settings, now=plain.now, invoices=plain.invoices)


def misplaced(scene: Scene, kind: FindingKind, amount: str, *, subject: str = "elsewhere", account: str = "acme") -> None:
    key = RecordKey(BOOKS, Stream.PAYMENTS, Ref(subject))
    scene.findings.append(
        Finding(
            kind=kind,
            severity=Severity.HIGH,
            confidence=0.95,
            account=account,
            connection=BOOKS,
            subjects=(key,),
            at_stake=usd(amount),
            evidence={},
            proposal="look",
        )
    )


def psa_payment(scene: Scene, amount: str, on: date = TODAY, **rest: object) -> Payment:
    return scene.payment(amount, on, connection=PSA, **rest)


def psa_credit(scene: Scene, amount: str, number: str | None = None) -> None:
    scene.credit_notes.append(
        CreditNote(
            connection=PSA,
            ref=Ref(f"cn{len(scene.credit_notes)}"),
            party_ref=CLIENT,
            number=number,
            total=usd(amount),
            remaining=usd(amount),
            issued_on=TODAY,
            status=DocumentStatus.OPEN,
        )
    )


def twin_paid_by_allocation(scene: Scene) -> None:
    """The PSA applied a payment to its copy and shows the copy as open still."""
    copy = replace(scene.invoices[0], connection=PSA)
    scene.invoices.append(copy)
    scene.payments.append(replace(scene.payment("100.00", TODAY, to="1001"), connection=PSA))
    del scene.payments[0]


STOPPED: list[tuple[str, Callable[[Scene], object], str]] = [
    ("money on a void invoice", lambda s: misplaced(s, FindingKind.ALLOCATION_TO_VOID, "100.00"), "pays nothing"),
    ("more on another invoice than it asked", lambda s: misplaced(s, FindingKind.OVERPAYMENT, "261.00"), "pays nothing"),
    ("a second payment of another", lambda s: misplaced(s, FindingKind.DUPLICATE_PAYMENT, "100.00"), "pays nothing"),
    ("a deposit to income nobody placed", lambda s: misplaced(s, FindingKind.DEPOSIT_TO_INCOME, "120.00"), "pays nothing"),
    ("a payment only the PSA has", lambda s: psa_payment(s, "640.00"), "not known here"),
    ("a credit only the PSA has", lambda s: psa_credit(s, "100.00"), "a credit of 100.00 USD"),
    (
        "two halves, one here and one there",
        lambda s: (misplaced(s, FindingKind.OVERPAYMENT, "60.00"), psa_credit(s, "40.00")),
        ";",
    ),
    ("a payment the PSA applied to its own copy", twin_paid_by_allocation, "psa shows 100.00 USD of it paid"),
    (
        "a payment in another currency that names it",
        lambda s: (
            s.payments.append(
                replace(s.payment("5.00", TODAY, memo="inv 1001"), amount=Money(9000, "EUR"), unapplied=Money(9000, "EUR"))
            )
            or s.payments.pop(0)
        ),
        "90.00 EUR",
    ),
    ("a payment of an invoice that was deleted", lambda s: s.payment("100.00", TODAY, to="gone"), "that is not there"),
]


@pytest.mark.req("E1", "E3", "E35", "E40")
@pytest.mark.parametrize(("case", "change", "reason"), STOPPED, ids=[item[0] for item in STOPPED])
def test_no_client_is_asked_for_what_money_of_its_own_could_pay(case: str, change: Callable[[Scene], object], reason: str):
    scene = in_psa()
    change(scene)
    assert scene.would_send() == []
    assert reason in scene.reasons()
    assert [task.kind for task in scene.decide().tasks] == ["lookalike"] or "paid" in reason


def known_payment(scene: Scene) -> None:
    """Both systems have it; the PSA never applied its copy."""
    scene.invoice("900", "640.00", due=TODAY - timedelta(days=20))
    scene.close("900")
    scene.payment("640.00", TODAY - timedelta(days=2), to="900")
    psa_payment(scene, "640.00")


def dismissed_with(scene: Scene) -> None:
    misplaced(scene, FindingKind.OVERPAYMENT, "500.00", account="another client's")


def told_twice(scene: Scene) -> None:
    misplaced(scene, FindingKind.OVERPAYMENT, "60.00")
    misplaced(scene, FindingKind.DUPLICATE_PAYMENT, "60.00")


GOES_ON: list[tuple[str, dict[str, object], Callable[[Scene], object]]] = [
    ("less than it", {}, lambda s: misplaced(s, FindingKind.OVERPAYMENT, "99.99")),
    ("another client's money", {}, dismissed_with),
    ("money told twice, which is there once", {}, told_twice),
    ("a kind that is not to count", {"ignore_findings": ["overpayment"]}, lambda s: misplaced(s, FindingKind.OVERPAYMENT, "500")),
    ("a payment both systems have", {}, known_payment),
    ("money from long before the invoice", {}, lambda s: psa_payment(s, "640.00", TODAY - timedelta(days=300))),
    ("a payment only the PSA has of less", {}, lambda s: psa_payment(s, "99.99")),
]


@pytest.mark.parametrize(("case", "settings", "change"), GOES_ON, ids=[item[0] for item in GOES_ON])
def test_who_owes_is_still_reminded(case: str, settings: dict[str, object], change: Callable[[Scene], object]):
    scene = in_psa(**settings)
    change(scene)
    assert scene.would_send() == ["reminder_7"]


def test_a_credit_the_ledger_has_under_the_same_number_counts_once():
    scene = in_psa()
    psa_credit(scene, "30.00", "CN-7")
    scene.credit_notes.append(replace(scene.credit_notes[0], connection=BOOKS, remaining=usd("0"), total=usd("31.00")))
    scene.invoices = [replace(scene.invoices[0], open=usd("30.00"), total=usd("30.00"))]
    assert scene.would_send() == ["reminder_7"]


def test_of_several_invoices_those_wait_that_the_money_could_pay():
    scene = in_psa()
    scene.invoice("1002", "500.00", due=TODAY - timedelta(days=7))
    misplaced(scene, FindingKind.OVERPAYMENT, "150.00")
    (sent,) = [entry for entry in scene.decide().entries if entry.would_send]
    assert [item.number for item in sent.invoices] == ["1002"]


def test_the_gate_asks_the_same():
    scene = in_psa()
    (entry,) = scene.decide().outgoing
    queued = scene.queued(entry)
    misplaced(scene, FindingKind.ALLOCATION_TO_VOID, "100.00")
    from core.dunning.gate import gate

    answers = {item.question: item for item in gate(queued.action, scene.facts(approved=True))}
    assert answers["signals"].ok is False
    assert "pays nothing" in answers["signals"].detail
    assert key_of(scene.invoices[0]) in scene.facts().reread
