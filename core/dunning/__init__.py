"""Whom to remind, about what, when and how: pure, from one account's books and what was said to it before.

    policy ─► standing (may this invoice be chased?) ─► cadence (which step is due?) ─► decide (one message per client)
    gate   asks again, with fresh facts, just before a send.

Nothing here reads a clock, a file or a network; `now` is an argument, and every "no" carries its reason in plain words.
"""
