"""Findings over time: what is opened, what is seen again, what is over, and that a person's word holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import UsageError
from core.findings import Finding, FindingKind, FindingState, Severity
from core.money import Money
from core.records import RecordKey, Ref, Stream
from core.store import Store
from tests.store.world import BOOKS, NOW, usd

LATER = NOW + timedelta(hours=2)
FIVE = usd(500)
OPEN, ACCEPTED, DISMISSED, RESOLVED = FindingState.OPEN, FindingState.ACCEPTED, FindingState.DISMISSED, FindingState.RESOLVED


def finding(ref: str = "20", *, account: str | None = "a", at_stake: Money = FIVE, note: str = "") -> Finding:
    return Finding(
        kind=FindingKind.UNAPPLIED_PAYMENT,
        severity=Severity.MEDIUM,
        confidence=0.9,
        account=account,
        connection=BOOKS,
        subjects=(RecordKey(BOOKS, Stream.PAYMENTS, Ref(ref)),),
        at_stake=at_stake,
        evidence={"note": note, "amounts": [{"minor": 500, "currency": "USD"}]},
        proposal="Apply it.",
    )


def save(store: Store, *findings: Finding, scope=None, now=NOW):
    return store.save_findings(findings, scope=scope, now=now, run_id="r1")


def states(store: Store) -> dict[str, FindingState]:
    return {item.finding.subjects[0].ref: item.state for item in store.findings()}


def test_a_finding_comes_back_as_it_went_in(store: Store) -> None:
    outcome = save(store, finding())
    (found,) = store.findings()
    assert found.finding == finding()
    assert dict(found.finding.evidence) == dict(finding().evidence)
    assert (found.id, found.state, found.first_seen_at) == (outcome.opened[0], OPEN, NOW)
    assert found.finding.fingerprint.startswith(found.id)


def test_the_same_findings_twice_write_no_row(store: Store) -> None:
    save(store, finding("20"), finding("21"))
    before = store.verify_journal().entries
    outcome = save(store, finding("20"), finding("21"), now=LATER)
    assert outcome.unchanged == 2
    assert (outcome.opened, outcome.updated, outcome.resolved) == ((), (), ())
    assert [item.last_seen_at for item in store.findings()] == [NOW, NOW]
    assert store.verify_journal().entries == before


def test_last_seen_moves_by_the_day(store: Store) -> None:
    save(store, finding())
    tomorrow = NOW + timedelta(days=1)
    assert save(store, finding(), now=tomorrow).unchanged == 1
    assert store.findings()[0].last_seen_at == tomorrow
    assert store.findings()[0].first_seen_at == NOW


def test_a_full_pass_resolves_what_it_no_longer_sees(store: Store) -> None:
    save(store, finding("20"), finding("21", account=None))
    outcome = save(store, finding("20"), now=LATER)
    assert len(outcome.resolved) == 1
    assert states(store) == {"20": OPEN, "21": RESOLVED}


def test_a_pass_over_some_accounts_resolves_only_theirs(store: Store) -> None:
    save(store, finding("20", account="a"), finding("21", account="b"), finding("22", account=None))
    save(store, scope=["a"])
    assert states(store) == {"20": RESOLVED, "21": OPEN, "22": OPEN}


def test_what_was_resolved_opens_again_when_it_comes_back(store: Store) -> None:
    save(store, finding())
    save(store)
    outcome = save(store, finding(), now=LATER)
    assert len(outcome.reopened) == 1
    assert states(store) == {"20": OPEN}
    assert store.findings()[0].first_seen_at == NOW


def test_dismissed_stays_dismissed_while_the_fault_is_the_same(store: Store) -> None:
    name = save(store, finding()).opened[0]
    store.decide_finding(name, DISMISSED, by="ann", reason="agreed with the client", now=NOW)
    save(store, finding(note="worded anew"), now=LATER)
    save(store, now=LATER)
    save(store, finding(), now=LATER)
    (found,) = store.findings()
    assert (found.state, found.decided_by, found.reason) == (DISMISSED, "ann", "agreed with the client")


def test_dismissed_opens_again_when_the_amount_changes(store: Store) -> None:
    name = save(store, finding()).opened[0]
    store.decide_finding(name, DISMISSED, by="ann", reason="", now=NOW)
    assert save(store, finding(at_stake=usd(900)), now=LATER).reopened == (name,)
    assert states(store) == {"20": OPEN}


def test_accepted_stays_accepted_until_it_is_mended(store: Store) -> None:
    name = save(store, finding()).opened[0]
    store.decide_finding(name, ACCEPTED, by="ann", reason="", now=NOW)
    assert save(store, finding(at_stake=usd(900)), now=LATER).updated == (name,)
    assert states(store) == {"20": ACCEPTED}
    save(store)
    assert states(store) == {"20": RESOLVED}


def test_a_decision_is_journaled_with_who_and_why(store: Store) -> None:
    name = save(store, finding()).opened[0]
    store.decide_finding(name, DISMISSED, by="ann", reason="known", now=NOW)
    kinds = [(entry.kind, entry.actor) for entry in store.journal_entries(subject=f"finding/{name}")]
    assert kinds == [("finding.opened", "duesync"), ("finding.dismissed", "ann")]


def test_deciding_on_nothing_says_so(store: Store) -> None:
    with pytest.raises(UsageError, match="no finding nope"):
        store.decide_finding("nope", DISMISSED, by="ann", reason="", now=NOW)


def test_findings_are_told_apart_by_state_account_and_kind(store: Store) -> None:
    save(store, finding("20", account="a"), finding("21", account="b"))
    assert [item.finding.account for item in store.findings(account="b")] == ["b"]
    assert store.findings(states=[DISMISSED]) == ()
    assert store.findings(kinds=[FindingKind.BILLING_GAP]) == ()
    assert len(store.findings(accounts=["a", "b"])) == 2


@pytest.mark.parametrize("said", ["P1", 'a "quoted" 100%_ name', "Zoë\\n"])
def test_findings_are_found_by_a_whole_value_of_their_evidence(store: Store, said: str) -> None:
    save(store, finding("20", note=said), finding("21", note=f"{said} and more"), finding("22"))

    assert [item.finding.subjects[0].ref for item in store.findings(quoting=[said])] == ["20"]
    assert store.findings(quoting=[]) == ()
