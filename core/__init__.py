"""The domain of duesync and the use-cases around it.

    pull ─► store ─► reconcile ─► dunning ─► outbox ─► dispatch ─► vendor
    shell             pure         pure                 shell

Words (money, records, actions, findings, holds, errors, clock, ports) import nothing of ours but each other.
Pure rooms (matching, reconcile, linking, dunning, messages, analytics) know no clock, no I/O and no logging.
The shell (pull, review, dispatch, store) loads, calls the pure rooms and commits once per unit of work.
"""
