"""What does not add up: `reconcile` turns books into findings. One module per family; pure, no clock and no I/O."""

from core.reconcile.engine import reconcile
from core.reconcile.rules import ReconcileRules

__all__ = ["ReconcileRules", "reconcile"]
