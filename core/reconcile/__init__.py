"""What does not add up: `engine.reconcile` turns books into findings. One module per family; pure, no clock and no I/O."""
