"""The contract itself: every promise is broken by a mutant that fails exactly it. A contract without mutants is a hope."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path

import pytest

from connectors.testing.bench import Bench
from connectors.testing.contract import ConnectorContract
from core.ports import Capability

HERE = Path(__file__).parent
PROMISES = sorted(name for name in dir(ConnectorContract) if name.startswith("test_"))


def load_mutants():
    """The mutants are made of the stranger's connector, which is on the path only in tests."""
    sys.path.insert(0, str(HERE / "thirdparty"))
    try:
        spec = importlib.util.spec_from_file_location("contract_mutants", HERE / "mutants.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["contract_mutants"] = module
        spec.loader.exec_module(module)
        from acme_duesync import SPEC
    finally:
        sys.path.remove(str(HERE / "thirdparty"))
        for name in [name for name in sys.modules if name.startswith("acme_duesync")]:
            del sys.modules[name]
    return module.MUTANTS, SPEC


MUTANTS, ACME = load_mutants()


def broken_promises(spec):
    """The names of the promises a connector breaks."""
    failed = set()
    for name in PROMISES:
        bench = Bench(spec)
        try:
            getattr(ConnectorContract(), name)(bench)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception):
            failed.add(name)
    return failed


def spec_of(mutant):
    if hasattr(mutant, "handle"):
        return dataclasses.replace(ACME, sandbox=mutant, capabilities=ACME.capabilities | {Capability.OPEN_TICKET})
    return dataclasses.replace(ACME, build=mutant)


def test_the_connector_without_a_fault_breaks_nothing():
    assert broken_promises(ACME) == set()


def test_every_promise_has_a_mutant():
    assert sorted(MUTANTS.values()) == PROMISES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_breaks_its_promise_and_no_other(mutant):
    assert broken_promises(spec_of(mutant)) == {MUTANTS[mutant]}
