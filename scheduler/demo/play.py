"""The demo from beginning to end, in one process."""

from __future__ import annotations

import mailbox
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.log import configure
from scheduler.app import open_app
from scheduler.demo.days import HOURS, FastClock, play
from scheduler.demo.setup import write_configuration
from scheduler.demo.story import facts, run_again
from scheduler.demo.vendor import first_moment, served


def play_all(folder: Path, *, days: int, on_day: Callable[[int], None]) -> tuple[dict[str, Any], str]:
    """Play `days` days in `folder`; the story as data, and one of the mails as text."""
    maildir = folder / "mail"
    with (folder / "duesync.jsonl").open("a", encoding="utf-8") as log, served(maildir) as (vendor, base_url, port):
        configure("info", "json", log)  # the demo's log is kept beside its store, not on the terminal
        config = write_configuration(folder, vendor.settings(base_url), smtp_port=port, maildir=maildir)
        clock = FastClock(first_moment())
        with open_app(config, clock=clock, quiet=True) as app:
            for step in play(app, clock, vendor.advance, days):
                on_day(step.number // len(HOURS))
            again = run_again(app, maildir)
            return facts(app, vendor.state(), maildir, again, vendor.story.planted), _sample(maildir)


def _sample(maildir: Path) -> str:
    """The text of the longest mail: most likely a statement."""
    box = mailbox.Maildir(maildir, create=False)
    texts = []
    for message in box:
        part = next((item for item in message.walk() if item.get_content_type() == "text/plain"), message)
        body = part.get_payload(decode=True)
        head = f"To: {message['To']}\nSubject: {message['Subject']}\n\n"
        texts.append(head + (body.decode("utf-8", "replace") if isinstance(body, bytes) else ""))
    box.close()
    return max(texts, key=len, default="")
