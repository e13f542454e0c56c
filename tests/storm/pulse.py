"""Whether outboxes move: a system that is stuck loses and doubles nothing either."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic


class Pulse:
    """Of the outboxes of publishers that always have something to send.

    Attributes:
        longest_s: for how long one of them has not moved, at most.
    """

    def __init__(self, outboxes: list[Path]) -> None:
        now = monotonic()
        self.longest_s = 0.0
        self._since = dict.fromkeys(outboxes, (0, now))

    def feel(self) -> None:
        """Look at all of them; call it often."""
        now = monotonic()
        for outbox, (place, since) in self._since.items():
            oldest = read_oldest(outbox)
            if oldest != place:
                self._since[outbox] = oldest, now
            self.longest_s = max(self.longest_s, now - since)


def read_oldest(outbox: Path) -> int:
    """Return the number of the oldest message that is not confirmed; it grows as long as all goes well."""
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as database:
        [(oldest,)] = database.execute("SELECT coalesce(min(seq), 0) FROM message")
        return int(oldest)
