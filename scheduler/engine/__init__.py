"""What runs the jobs: one process (`inline`), or any number of workers on any number of machines (`procrastinate`).

Both keep the promises of `scheduler.engine.protocol`; the jobs of `scheduler.jobs` do not know which of them runs them.
"""
