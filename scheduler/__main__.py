"""`python -P -m scheduler`: the command line, as the service unit starts it."""

from scheduler.cli import main

main()
