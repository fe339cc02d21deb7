"""`duesync demo`: an MSP's books on a sandbox, the real jobs on a fast clock, and the story a bookkeeper would read."""
