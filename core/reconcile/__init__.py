"""What does not add up: `reconcile` turns books into findings. One module per family; pure, no clock and no I/O."""

from core.reconcile.engine import reconcile
from core.reconcile.explain import Explanation, explain
from core.reconcile.rules import ReconcileRules
from core.reconcile.scope import habits, touched_accounts

__all__ = ["Explanation", "ReconcileRules", "explain", "habits", "reconcile", "touched_accounts"]
